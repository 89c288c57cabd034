"""One load after the other on servers that are compared, and the goals that their ratios are held against."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlsplit

from benchmarks.servers import Pids, cpu

CONNECTIONS = (1, 16)
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


@dataclass(frozen=True)
class Sample:
    """One load on one server: latencies in microseconds, CPU microseconds a request (PostgreSQL included)."""

    p50: float
    p99: float
    rate: float
    cpu: float


@dataclass
class Side:
    """One of what is compared: a URL, what is sent, and what was measured of it, by number of connections.

    `body`: JSON to POST; with None it is a GET.
    """

    name: str
    url: str
    pids: Pids
    token: str
    body: str | None = None
    samples: dict[int, list[Sample]] = field(default_factory=lambda: {count: [] for count in CONNECTIONS})

    @property
    def headers(self) -> dict[str, str]:
        of_body = {} if self.body is None else {"Content-Type": "application/json"}
        return {"Authorization": f"Bearer {self.token}"} | of_body

    def median(self, connections: int, figure: str) -> float:
        return statistics.median(getattr(sample, figure) for sample in self.samples[connections])

    def __str__(self) -> str:
        return (
            f"  {self.name:10} c1 p50 {self.median(1, 'p50'):6.0f} µs, p99 {self.median(1, 'p99'):6.0f} µs;"
            f" c16 {self.median(16, 'rate'):6.0f} req/s, p50 {self.median(16, 'p50'):6.0f} µs,"
            f" p99 {self.median(16, 'p99'):6.0f} µs, CPU {self.median(16, 'cpu'):5.0f} µs a request"
        )


@dataclass(frozen=True)
class Goal:
    """A ratio of medians, and the bound that it is to keep."""

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


def of_answer(ours: Side, bare: Side, plain: Side | None, *, what: str) -> list[Goal]:
    """Goals G1 to G4 of an answer that CI waits for."""
    goals = [
        Goal("G1", ours.median(1, "p50") / bare.median(1, "p50"), 1.8, True, f"{what} p50 at c1 / bare view"),
        Goal("G2", ours.median(16, "rate") / bare.median(16, "rate"), 0.6, False, f"{what} req/s at c16"),
        Goal("G4", ours.median(1, "p99") / bare.median(1, "p99"), 1.5, True, f"{what} p99 at c1 / bare view"),
    ]  # fmt: skip
    if plain is not None:
        ratio = ours.median(16, "cpu") / plain.median(16, "cpu")
        goals.insert(2, Goal("G3", ratio, 1.9, True, f"{what} CPU / WSGI and same SQL"))
    return goals


def take_turns(sides: Sequence[Side], *, rounds: int, seconds: int) -> None:
    """Load every side in every round; the first two, ours and the bare one, are told of as they go."""
    ours, bare = sides[:2]
    for number in range(1, rounds + 1):
        for connections in CONNECTIONS:
            for side in sides:
                # What the load before has left in the queues is not this one's.
                time.sleep(0.5)
                side.samples[connections].append(load(side, connections, seconds))
        c1, c16 = ours.samples[1][-1], ours.samples[16][-1]
        print(
            f"round {number}: c1 p50 {c1.p50:.0f} µs / {bare.samples[1][-1].p50:.0f}"
            f" = {c1.p50 / bare.samples[1][-1].p50:.2f};"
            f" c16 {c16.rate:.0f}/s / {bare.samples[16][-1].rate:.0f}"
            f" = {c16.rate / bare.samples[16][-1].rate:.2f}",
            flush=True,
        )


def report(sides: Sequence[Side], goals: Sequence[Goal]) -> int:
    """Print all; the exit code."""
    print(f"load: {'wrk' if shutil.which('wrk') else 'http.client (wrk is not on this machine)'}; medians:")
    for line in (*sides, *goals):
        print(line)
    return 0 if all(goal.is_met for goal in goals) else 1


def load(side: Side, connections: int, seconds: int) -> Sample:
    spent = cpu(side.pids())
    if wrk := shutil.which("wrk"):
        count, p50, p99, elapsed = _wrk(wrk, side, connections, seconds)
    else:
        count, p50, p99, elapsed = _by_hand(side, connections, seconds)
    return Sample(p50, p99, count / elapsed, 1e6 * (cpu(side.pids()) - spent) / count)


def await_verdict(side: Side, verdict: str) -> None:
    """Wait until it answers, and see that it says what it should."""
    parts = urlsplit(side.url)
    for _ in range(300):
        try:
            link = HTTPConnection(parts.netloc, timeout=30)
            link.request(_method(side), f"{parts.path}?{parts.query}", side.body, side.headers)
            answer = link.getresponse()
            body = answer.read().decode()
            if answer.status != 200 or f'"{verdict}"' not in body:
                raise SystemExit(f"{side.url} answered {answer.status}: {body[:500]}")
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{side.url} does not answer.")


def _method(side: Side) -> str:
    return "GET" if side.body is None else "POST"


def _wrk(wrk: str, side: Side, connections: int, seconds: int) -> tuple[int, float, float, float]:
    argv = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in side.headers.items():
        argv += ["-H", f"{name}: {value}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if side.body is not None:
            script.write(f'wrk.method = "POST"\nwrk.body = [==[{side.body}]==]\n')
            script.flush()
            argv += ["-s", script.name]
        said = subprocess.run([*argv, side.url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{side.url} refused some requests:\n{said}")
    latency = {
        percent: float(number) * _UNITS[unit]
        for percent, number, unit in re.findall(r"(\d\d)%\s+([\d.]+)(us|ms|s)", said)
    }
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    if found is None:
        raise SystemExit(f"wrk said something new:\n{said}")
    return int(found[1]), latency["50"], latency["99"], float(found[2])


def _by_hand(side: Side, connections: int, seconds: int) -> tuple[int, float, float, float]:
    """As many threads as connections; slower than wrk, so the ratio comes out flattered (it is said)."""
    took: list[float] = []
    end = time.perf_counter() + seconds
    parts = urlsplit(side.url)

    def ask() -> None:
        http = HTTPConnection(parts.netloc)
        while (begin := time.perf_counter()) < end:
            http.request(_method(side), f"{parts.path}?{parts.query}", side.body, side.headers)
            answer = http.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{side.url} answered {answer.status}")
            took.append(1e6 * (time.perf_counter() - begin))

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(took)
    return len(ordered), ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], seconds
