"""Goals G1 to G4: the audit call against a bare Django view on the same server.

    python -m benchmarks.audit [--rounds 5] [--seconds 3]

Ours is `GET /sre/audit?service=…` of a sound service with 50 items, out of 20,000, with a token: the whole
answer of the shipped application (one statement, which tests/api/test_audit.py counts). The floor is a Django
view that answers JSON and does nothing (bare.py), and for G3 the same statement behind a WSGI function
without a framework (plain.py). All run on granian as shipped (WSGI, 2 workers, 1 blocking thread each) and
take turns on the same machine; what counts is the ratio of the medians of the rounds, for the figures
themselves are the machine's. A service with findings and the sound one as of yesterday are measured too,
without a goal.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """One load on one server: latencies in microseconds, CPU microseconds a request (PostgreSQL included)."""

    p50: float
    p99: float
    rate: float
    cpu: float


@dataclass
class Side:
    """One of the servers that are compared, and what was measured of it, by number of connections."""

    name: str
    url: str
    pids: Callable[[], list[int]]
    samples: dict[int, list[Sample]] = field(default_factory=lambda: {1: [], 16: []})

    def median(self, connections: int, figure: str) -> float:
        return statistics.median(getattr(sample, figure) for sample in self.samples[connections])


@dataclass(frozen=True)
class Goal:
    name: str
    ratio: float
    bound: float
    is_at_most: bool
    text: str

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.bound if self.is_at_most else self.ratio >= self.bound

    def __str__(self) -> str:
        sign = "or less" if self.is_at_most else "or more"
        verdict = "met" if self.is_met else "MISSED"
        return f"{self.name}: {self.ratio:.2f}, goal {self.bound:.2f} {sign}: {verdict}  ({self.text})"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="closeloop-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with _database(Path(folder)) as postgres, _servers(Path(folder), postgres) as (token, sides):
            for number in range(1, options.rounds + 1):
                _one_round(number, sides, token, options.seconds)
    return _report(*sides)


def _one_round(number: int, sides: list[Side], token: str, seconds: int) -> None:
    for connections in (1, 16):
        for side in sides:
            side.samples[connections].append(_load(side, connections, token, seconds))
    ours, bare = sides[:2]
    c1, c16 = ours.samples[1][-1], ours.samples[16][-1]
    print(
        f"round {number}: c1 p50 {c1.p50:.0f} µs / {bare.samples[1][-1].p50:.0f}"
        f" = {c1.p50 / bare.samples[1][-1].p50:.2f};"
        f" c16 {c16.rate:.0f}/s / {bare.samples[16][-1].rate:.0f}"
        f" = {c16.rate / bare.samples[16][-1].rate:.2f}",
        flush=True,
    )


def _report(ours: Side, bare: Side, plain: Side, *others: Side) -> int:
    print(f"load: {'wrk' if shutil.which('wrk') else 'http.client (wrk is not on this machine)'}; medians:")
    for side in (ours, bare, plain, *others):
        print(
            f"  {side.name:9} c1 p50 {side.median(1, 'p50'):6.0f} µs, p99 {side.median(1, 'p99'):6.0f} µs;"
            f" c16 {side.median(16, 'rate'):6.0f} req/s, CPU {side.median(16, 'cpu'):5.0f} µs a request"
        )
    goals = [
        Goal("G1", ours.median(1, "p50") / bare.median(1, "p50"), 1.8, True, "audit p50 at c1 / bare view"),
        Goal("G2", ours.median(16, "rate") / bare.median(16, "rate"), 0.6, False, "req/s at c16 / bare view"),
        Goal("G3", ours.median(16, "cpu") / plain.median(16, "cpu"), 1.9, True, "CPU / WSGI and same SQL"),
        Goal("G4", ours.median(1, "p99") / bare.median(1, "p99"), 1.5, True, "audit p99 at c1 / bare view"),
    ]  # fmt: skip
    for goal in goals:
        print(goal)
    return 0 if all(goal.is_met for goal in goals) else 1


def _load(side: Side, connections: int, token: str, seconds: int) -> Sample:
    cpu = _cpu(side.pids())
    if wrk := shutil.which("wrk"):
        count, p50, p99, elapsed = _wrk(wrk, side.url, connections, token, seconds)
    else:
        count, p50, p99, elapsed = _by_hand(side.url, connections, token, seconds)
    return Sample(p50, p99, count / elapsed, 1e6 * (_cpu(side.pids()) - cpu) / count)


_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def _wrk(wrk: str, url: str, connections: int, token: str, seconds: int) -> tuple[int, float, float, float]:
    argv = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    argv += ["-H", f"Authorization: Bearer {token}", url]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{url} refused some requests:\n{said}")
    latency = {
        percent: float(number) * _UNITS[unit]
        for percent, number, unit in re.findall(r"(\d\d)%\s+([\d.]+)(us|ms|s)", said)
    }
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    if found is None:
        raise SystemExit(f"wrk said something new:\n{said}")
    return int(found[1]), latency["50"], latency["99"], float(found[2])


def _by_hand(url: str, connections: int, token: str, seconds: int) -> tuple[int, float, float, float]:
    """As many threads as connections; slower than wrk, so the ratio comes out flattered (it is said)."""
    took: list[float] = []
    end = time.perf_counter() + seconds
    parts = urlsplit(url)

    def ask() -> None:
        http = HTTPConnection(parts.netloc)
        while (begin := time.perf_counter()) < end:
            http.request("GET", f"{parts.path}?{parts.query}", headers={"Authorization": f"Bearer {token}"})
            answer = http.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{url} answered {answer.status}")
            took.append(1e6 * (time.perf_counter() - begin))

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(took)
    return len(ordered), ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], seconds


@contextmanager
def _database(folder: Path) -> Iterator[Callable[[], list[int]]]:
    """DATABASE_URL, or a PostgreSQL of our own; yields the ids of its processes, if it is ours."""
    os.environ.setdefault("REDIS_URL", "redis://localhost/0")
    os.environ.setdefault("SECRET_KEY", "only-for-this-benchmark")
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    if "DATABASE_URL" in os.environ:
        yield list
        return
    from ops import embedded, places

    place = places.choose_place(folder / "servers")
    postgres = embedded.PostgreSQL(place, folder / "postgres.log")
    servers = embedded.Servers([postgres])
    servers.start()
    os.environ["DATABASE_URL"] = postgres.url
    try:
        yield lambda: _family(servers.children[0].pid)
    finally:
        servers.stop()


@contextmanager
def _servers(folder: Path, postgres: Callable[[], list[int]]) -> Iterator[tuple[str, list[Side]]]:
    """The three servers over a filled database; yields the token, and ours, bare, plain, others."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from benchmarks import population
    from governance import audit

    call_command("migrate", verbosity=0)
    print("filling the database", flush=True)
    token = population.fill(timezone.now())
    connection.close()
    running = []
    sides = []
    targets = {
        "audit": ("config.wsgi:application", "/sre/audit?service=service-0"),
        "bare": ("benchmarks.bare:application", "/bare"),
        "plain": ("benchmarks.plain:application", "/?service=service-0"),
    }
    try:
        for name, (application, path) in targets.items():
            port = _free_port()
            running.append(_granian(application, port, folder / f"{name}.log"))
            pids = _pids_of(running[-1], postgres if name != "bare" else list)
            sides.append(Side(name, f"http://127.0.0.1:{port}{path}", pids))
        past = f"{sides[0].url}&date={audit.today(timezone.now()) - timedelta(days=1)}"
        sides.append(Side("failing", sides[0].url.replace("service-0", "service-7"), sides[0].pids))
        sides.append(Side("yesterday", past, sides[0].pids))
        for side in sides:
            _await(side.url, token, "FAIL" if side.name == "failing" else "PASS")
            _load(side, 16, token, 2)  # connections, plans and code are warm in both worker processes
        yield token, sides
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(10)


def _pids_of(process: subprocess.Popen[bytes], others: Callable[[], list[int]]) -> Callable[[], list[int]]:
    return lambda: _family(process.pid) + others()


def _granian(application: str, port: int, log: Path) -> subprocess.Popen[bytes]:
    words = f"--interface wsgi --workers 2 --blocking-threads 1 --host 127.0.0.1 --port {port} --no-ws"
    words += " --workers-kill-timeout 5"
    env = dict(os.environ)
    if application.startswith("benchmarks.bare"):
        del env["DJANGO_SETTINGS_MODULE"]
    return subprocess.Popen(
        [sys.executable, "-m", "granian", *words.split(), application],
        cwd=CHECKOUT,
        env=env,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )


def _await(url: str, token: str, verdict: str) -> None:
    parts = urlsplit(url)
    for _ in range(300):
        try:
            http = HTTPConnection(parts.netloc, timeout=5)
            http.request("GET", f"{parts.path}?{parts.query}", headers={"Authorization": f"Bearer {token}"})
            answer = http.getresponse()
            body = answer.read().decode()
            if answer.status != 200 or f'"{verdict}"' not in body:
                raise SystemExit(f"{url} answered {answer.status}: {body[:500]}")
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _cpu(pids: list[int]) -> float:
    """Seconds of CPU that processes have used so far, in user and system mode."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND


if __name__ == "__main__":
    sys.exit(main())
