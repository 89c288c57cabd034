"""Goals G5 to G7: checks a second through the whole engine, against a bare load on the same Prometheus.

    python -m benchmarks.checks [--checks 10000] [--rounds 5]

A check goes the whole way: a Celery worker (prefork, two processes) claims what is due, asks
Prometheus, judges the answer and stores it in PostgreSQL. One worker asks each expression alone, for
G5; another joins expressions (PROMETHEUS_COMBINE_QUERIES), for G6 and G7. The floor is the same query asked
over the same 16 connections by wrk, which stores nothing. All take turns in one run; what counts is the ratio
of their medians, for the figures themselves are the machine's. All checks are due at one moment; how long
after it a result was stored is their lateness. At the end a twentieth of them asks a source that takes
connections and never answers: the others must not feel it.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import engine
from benchmarks.engine import Worker
from benchmarks.loads import Goal
from benchmarks.servers import Pids, cpu, peak_megabytes

# One check in so many asks the source that never answers.
SILENT = 20
PROGRAMS = ("worker", "PostgreSQL", "Prometheus")


@dataclass(frozen=True)
class Turn:
    """One worker's turn over all checks.

    Attributes:
        rate: checks a second.
        lateness: seconds from the due moment to the stored result: p50, p99, the longest.
        cpu: microseconds a check, by program.
        writes: rows of the database written a check.
        wal: bytes of its log a check.
    """

    rate: float
    lateness: tuple[float, float, float]
    cpu: dict[str, float]
    writes: float
    wal: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("prometheus") is None:
        print("G5 skipped: prometheus is not on this machine; to get it: apt-get install prometheus")
        return 0
    with tempfile.TemporaryDirectory(prefix="closeloop-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with ExitStack() as stack:
            prometheus, url, postgres = stack.enter_context(engine.servers(Path(folder)))
            count = engine.fill(url, options.checks)
            workers = _workers(stack, Path(folder))
            programs = {"PostgreSQL": postgres, "Prometheus": lambda: [prometheus.pid]}
            floors, turns = _rounds(url, workers, programs, count, options.rounds)
            met = _report(floors, turns, workers)
            _with_a_silent_source(workers[-1], programs, count, turns)
    return 0 if met else 1


def _workers(stack: ExitStack, folder: Path) -> list[Worker]:
    import os

    first = os.environ["REDIS_URL"]
    second = first.replace("virtual_host=0", "virtual_host=1")
    return [
        stack.enter_context(engine.worker(folder, "alone", broker=first, combines=False)),
        stack.enter_context(engine.worker(folder, "joined", broker=second, combines=True)),
    ]


def _rounds(
    url: str, workers: list[Worker], programs: dict[str, Pids], count: int, rounds: int
) -> tuple[list[tuple[float, float]], dict[str, list[Turn]]]:
    """Queries a second and CPU microseconds a query of the floor; and every worker's turns, by its name."""
    for worker in workers:
        _turn(worker, programs, count)  # connections, plans and code are warm in both worker processes
    floors: list[tuple[float, float]] = []
    turns: dict[str, list[Turn]] = {worker.name: [] for worker in workers}
    for number in range(1, rounds + 1):
        before = cpu(programs["Prometheus"]()) + engine.cpu_of_children()
        rate = engine.floor(url)
        spent = cpu(programs["Prometheus"]()) + engine.cpu_of_children() - before
        floors.append((rate, 1e6 * spent / (rate * engine.FLOOR_SECONDS)))
        for worker in workers:
            turns[worker.name].append(_turn(worker, programs, count))
        said = ", ".join(
            f"{name} {done[-1].rate:.0f}/s = {done[-1].rate / rate:.2f}" for name, done in turns.items()
        )
        print(f"round {number}: floor {rate:.0f}/s, {said}", flush=True)
    return floors, turns


def _turn(worker: Worker, programs: dict[str, Pids], count: int, *, silent: bool = False) -> Turn:
    """Make every check due off the grid, so that each turn has slots of its own, and wait for the results."""
    from django.db import connection
    from django.utils import timezone

    from remediation.models import CheckRun, CheckStanding

    CheckStanding.objects.update(next_run_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE remediation_checkrun, remediation_checkstanding")
    last = CheckRun.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    fresh = CheckRun.objects.filter(pk__gt=last)
    if silent:
        fresh = fresh.exclude(verification_check__data_source__name="silent")
    sides: dict[str, Callable[[], list[int]]] = {"worker": worker.pids, **programs}
    written, spent = _written(), {name: cpu(pids()) for name, pids in sides.items()}
    began = timezone.now()
    worker.tick()
    while fresh.count() < count:
        time.sleep(0.25)
    costs = {name: 1e6 * (cpu(pids()) - spent[name]) / count for name, pids in sides.items()}
    if set(fresh.values_list("outcome", flat=True)) != {"pass"}:
        raise SystemExit("These checks should pass.")
    rows, wal = (after - before for after, before in zip(_written(), written, strict=True))
    late = sorted((at - began).total_seconds() for at in fresh.values_list("finished_at", flat=True))
    return Turn(
        count / late[-1],
        (late[count // 2], late[count * 99 // 100], late[-1]),
        costs,
        rows / count,
        wal / count,
    )


def _written() -> tuple[int, int]:
    """Rows written and bytes logged so far, in the whole database."""
    from django.db import connection

    # A backend tells what it wrote when it has been idle for a second.
    time.sleep(1.5)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del),"
            " (SELECT pg_current_wal_lsn() - '0/0'::pg_lsn) FROM pg_stat_user_tables"
        )
        rows, logged = cursor.fetchone()
    return int(rows), int(logged)


def _report(floors: list[tuple[float, float]], turns: dict[str, list[Turn]], workers: list[Worker]) -> bool:
    floor = statistics.median(rate for rate, _cpu in floors)
    floor_cpu = statistics.median(microseconds for _rate, microseconds in floors)
    load = "wrk" if shutil.which("wrk") else "asyncio streams"
    print(f"floor: {load}, {floor:.0f} queries/s; CPU µs a query: {floor_cpu:.0f}")
    for worker in workers:
        _say(worker.name, turns[worker.name], floor_cpu)
        print(f"    memory of the worker: {peak_megabytes(worker.pids()):.0f} MB in three processes")
    alone, joined = (statistics.median(turn.rate for turn in done) for done in turns.values())
    ours, with_prometheus = _seconds(turns["joined"])
    goals = [
        Goal("G5", alone / floor, 0.45, False, "checks/s, one query each / the floor"),
        Goal("G6", joined / floor, 0.8, False, "checks/s, joined / the floor"),
        Goal("G7", ours, 1.5, True, "CPU s for 10,000 checks, joined, without Prometheus"),
        Goal("G7", with_prometheus, 4.0, True, "the same with Prometheus"),
    ]
    for goal in goals:
        print(goal, flush=True)
    return all(goal.is_met for goal in goals)


def _say(name: str, turns: list[Turn], floor_cpu: float) -> None:
    costs = {program: statistics.median(turn.cpu[program] for turn in turns) for program in PROGRAMS}
    p50, p99, longest = (statistics.median(turn.lateness[place] for turn in turns) for place in range(3))
    shares = ", ".join(f"{program} {microseconds:.0f}" for program, microseconds in costs.items())
    print(f"{name}: {statistics.median(turn.rate for turn in turns):.0f} checks/s; CPU µs a check: {shares}")
    print(f"    by CPU alone {floor_cpu / sum(costs.values()):.2f} of the floor")
    print(f"    lateness p50 {p50:.2f} s, p99 {p99:.2f} s, longest {longest:.2f} s")
    rows = statistics.median(turn.writes for turn in turns)
    wal = statistics.median(turn.wal for turn in turns)
    print(f"    written a check: {rows:.2f} rows, {wal:.0f} bytes of log")


def _seconds(turns: list[Turn]) -> tuple[float, float]:
    """CPU seconds for 10,000 checks, without and with Prometheus."""
    costs = {program: statistics.median(turn.cpu[program] for turn in turns) for program in PROGRAMS}
    ours = costs["worker"] + costs["PostgreSQL"]
    return ours / 100, (ours + costs["Prometheus"]) / 100


def _with_a_silent_source(
    worker: Worker, programs: dict[str, Pids], count: int, turns: dict[str, list[Turn]]
) -> None:
    from django.db import models

    from remediation.models import DataSource, VerificationCheck

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        source = DataSource.objects.create(name="silent", base_url=address)
        chosen = VerificationCheck.objects.annotate(turn=models.F("pk") % SILENT).filter(turn=0)
        ids = list(chosen.values_list("pk", flat=True))
        VerificationCheck.objects.filter(pk__in=ids).update(data_source=source)
        turn = _turn(worker, programs, count - len(ids), silent=True)
    p50, p99, _longest = (
        statistics.median(turn.lateness[place] for turn in turns[worker.name]) for place in range(3)
    )
    print(
        f"with a silent source of {len(ids)} checks among them, {worker.name}: the others' lateness"
        f" p50 {turn.lateness[0]:.2f} s, p99 {turn.lateness[1]:.2f} s (without it {p50:.2f} s, {p99:.2f} s)"
    )


if __name__ == "__main__":
    sys.exit(main())
