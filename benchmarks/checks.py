"""Goal G5: Prometheus checks a second through the whole engine, against a bare HTTP load on the same server.

    python -m benchmarks.checks [--checks 10000] [--rounds 5]

A check goes the whole way: its due row becomes a waiting run, a Celery worker (prefork, two processes) claims
it, asks Prometheus one query, judges the answer and stores it in PostgreSQL. The floor is the same query
asked over the same 16 connections by wrk, which stores nothing. Both sides take turns in one run; what counts
is the ratio of their medians, for the figures themselves are the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

GOAL = 0.45
# What a check of a small service asks: 24 series, 20 samples each, as five minutes hold at Prometheus' own
# pace of one in 15 s. It costs Prometheus about what the query did with which the goal was set (0.23 to
# 0.25 ms); a cheaper query leaves less to hide behind, a dearer one more.
PROMQL = "sum(rate(http_requests_total[5m])) >= bool 0"
SERIES = [f'http_requests_total{{pod="order-{n // 6}",code="{200 + n % 6}"}}' for n in range(24)]
ENOUGH = "min(count_over_time(http_requests_total[5m])) >= 20"
CONNECTIONS = 16
FLOOR_SECONDS = 4
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Round:
    """One turn of both sides: requests and checks a second, CPU microseconds a check by program."""

    floor_rate: float
    rate: float
    floor_cpu: float
    cpu: dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("prometheus") is None:
        print("G5 skipped: prometheus is not on this machine; to get it: apt-get install prometheus")
        return 0
    with tempfile.TemporaryDirectory(prefix="closeloop-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        return _report(list(_rounds(Path(folder), checks=options.checks, rounds=options.rounds)))


def _report(rounds: list[Round]) -> int:
    floor = statistics.median(one.floor_rate for one in rounds)
    rate = statistics.median(one.rate for one in rounds)
    ratio = rate / floor
    cpu = {name: statistics.median(one.cpu[name] for one in rounds) for name in rounds[0].cpu}
    floor_cpu = statistics.median(one.floor_cpu for one in rounds)
    shares = ", ".join(f"{name} {microseconds:.0f}" for name, microseconds in cpu.items())
    verdict = "met" if ratio >= GOAL else "MISSED"
    load = "wrk" if shutil.which("wrk") else "asyncio streams"
    print(f"floor: {load}, {floor:.0f} queries/s; CPU µs a query: {floor_cpu:.0f}")
    print(f"engine: {rate:.0f} checks/s; CPU µs a check: {shares}")
    print(f"by CPU alone: {floor_cpu / sum(cpu.values()):.2f}")
    print(f"G5: {ratio:.2f} of the floor, goal {GOAL:.2f} or more: {verdict}")
    return 0 if ratio >= GOAL else 1


def _rounds(folder: Path, *, checks: int, rounds: int) -> Iterator[Round]:
    with _servers(folder) as (prometheus, url, postgres_pids):
        count = _fill(url, checks)
        with _worker(folder) as worker:
            _arm()
            _work_once(count)  # connections, plans and code are warm in both worker processes
            programs = {
                "worker": lambda: _family(worker.pid),
                "PostgreSQL": postgres_pids,
                "Prometheus": lambda: [prometheus.pid],
            }
            for number in range(1, rounds + 1):
                before = _cpu([prometheus.pid]) + _cpu_of_children()
                floor = _floor(url)
                floor_cpu = _cpu([prometheus.pid]) + _cpu_of_children() - before
                _arm()
                spent = {name: _cpu(pids()) for name, pids in programs.items()}
                seconds = _work_once(count)
                cpu = {name: 1e6 * (_cpu(pids()) - spent[name]) / count for name, pids in programs.items()}
                one = Round(floor, count / seconds, 1e6 * floor_cpu / (floor * FLOOR_SECONDS), cpu)
                ratio = one.rate / one.floor_rate
                print(
                    f"round {number}: floor {floor:.0f}/s, engine {one.rate:.0f}/s, ratio {ratio:.2f}",
                    flush=True,
                )
                yield one


def _arm() -> None:
    """Make every check due, off the grid, so that each round has slots of its own."""
    from django.db import connection
    from django.utils import timezone

    from remediation.models import VerificationCheck

    VerificationCheck.objects.update(next_run_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE remediation_checkrun, remediation_verificationcheck")


def _work_once(count: int) -> float:
    """Tick as beat does and wait until all are stored; the seconds from the tick to the last of them."""
    from django.db.models import Max

    from remediation.models import CheckRun
    from remediation.tasks import tick

    last = CheckRun.objects.aggregate(last=Max("pk"))["last"] or 0
    fresh = CheckRun.objects.filter(pk__gt=last)
    started = time.time()
    tick.apply_async()
    while fresh.exclude(outcome="").count() < count:
        time.sleep(0.25)
    if set(fresh.values_list("outcome", flat=True)) != {"pass"}:
        raise SystemExit("These checks should pass.")
    return fresh.aggregate(last=Max("finished_at"))["last"].timestamp() - started


def _fill(url: str, checks: int) -> int:
    """As many checks as asked for, four to an item, of items that are verified."""
    from remediation.models import DataSource, VerificationCheck
    from tests import factories

    source = DataSource.objects.create(name="bench", base_url=url)
    template = factories.item(state="verified")
    owner, service = template.owner, template.service
    for _ in range(max(1, checks // 400)):
        factories.item(state="verified", owner=owner, service=service)
    items = list(type(template).objects.all())
    VerificationCheck.objects.update(data_source=source, promql=PROMQL, threshold=0.0, comparator=">=")
    sample = VerificationCheck.objects.first()
    missing = checks - VerificationCheck.objects.count()
    VerificationCheck.objects.bulk_create(
        [
            VerificationCheck(
                item=items[number % len(items)],
                kind="prometheus",
                data_source=source,
                promql=PROMQL,
                comparator=">=",
                threshold=0.0,
                created_at=sample.created_at,
                next_run_at=sample.next_run_at,
                interval_seconds=30 * 86400,
            )
            for number in range(missing)
        ],
        batch_size=1000,
    )
    VerificationCheck.objects.update(interval_seconds=30 * 86400)
    return VerificationCheck.objects.count()


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, object]]:
    """PostgreSQL (durable, as in production), Valkey and Prometheus; Django connected to them."""
    from ops import embedded, places

    place = places.choose_place(folder / "servers")
    postgres = embedded.PostgreSQL(place, folder / "postgres.log")
    valkey = embedded.Valkey(place, folder / "valkey.log")
    servers = embedded.Servers([postgres, valkey])
    servers.start()
    prometheus, url = _start_prometheus(folder)
    try:
        os.environ |= {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": "benchmark-" * 8,
            "PROMETHEUS_ALLOW_LOOPBACK": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "WARNING",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        data = next(place.folder.glob("postgres-*/data"))
        yield prometheus, url, lambda: _family(int((data / "postmaster.pid").read_text().split()[0]))
    finally:
        prometheus.kill()
        prometheus.wait()
        servers.stop()


def _start_prometheus(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A Prometheus that has scraped the series often enough, and from then on only answers."""
    from tests.servers import MetricsPage, free_port

    page, port = MetricsPage(), free_port()
    page.samples = dict.fromkeys(SERIES, 1.0)
    url = f"http://127.0.0.1:{port}"
    target = f'[{{"targets": ["127.0.0.1:{page.port}"]}}]'
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: bench, static_configs: {target}}}]\n"
    )
    argv = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb"]
    argv += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while not _is_true(f"{url}/api/v1/query?query={quote(ENOUGH)}"):
        if time.monotonic() > deadline:
            process.kill()
            raise SystemExit("Prometheus does not start.")
        time.sleep(0.2)
    page.close()
    return process, url


def _is_true(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as response:
            return b'"value"' in response.read()
    except OSError:
        return False


@contextmanager
def _worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = "-m celery -A config worker -Q checks,default --concurrency 2 --loglevel INFO"
    words += " --without-gossip --without-mingle --without-heartbeat"
    log = folder / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, *words.split()], stdout=output, stderr=output)
    try:
        while b" ready." not in log.read_bytes():
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait()


def _floor(url: str) -> float:
    """Queries a second of the bare load."""
    address = f"{url}/api/v1/query?query={quote(PROMQL)}"
    if shutil.which("wrk"):
        argv = ["wrk", f"-c{CONNECTIONS}", "-t1", f"-d{FLOOR_SECONDS}s", address]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        found = re.search(r"Requests/sec:\s+([\d.]+)", said)
        if found is None:
            raise SystemExit(said)
        return float(found[1])
    return asyncio.run(_streams(address))


async def _streams(address: str) -> float:
    """The same load by hand: requests written and answers skipped over asyncio's streams."""
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    stop_at = time.perf_counter() + FLOOR_SECONDS
    count = 0

    async def ask() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.perf_counter() < stop_at:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(found[1]) if found else 0)
            count += 1
        writer.close()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return count / FLOOR_SECONDS


def _family(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    family, todo = [], [pid]
    while todo:
        one = todo.pop()
        family.append(one)
        todo += parents.get(one, [])
    return family


def _cpu_of_children() -> float:
    """User and system seconds of this process' children that have ended: wrk's."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _cpu(pids: list[int]) -> float:
    """User and system seconds of these processes and of their children that have ended."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS_PER_SECOND


if __name__ == "__main__":
    sys.exit(main())
