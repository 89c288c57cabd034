"""What the benchmarks of pages and answers run on: PostgreSQL, granian as shipped, and what these cost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType

CHECKOUT = Path(__file__).resolve().parent.parent
# A server that holds the whole of a large database in memory, as its owner would have it.
ROOMY = MappingProxyType(
    {"shared_buffers": "4GB", "work_mem": "64MB", "max_wal_size": "16GB", "checkpoint_timeout": "1h"}
)
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

Pids = Callable[[], list[int]]


@contextmanager
def database(folder: Path, *, options: Mapping[str, str] = MappingProxyType({})) -> Iterator[Pids]:
    """DATABASE_URL, or a PostgreSQL of our own; yields the ids of its processes, if it is ours."""
    os.environ.setdefault("REDIS_URL", "redis://localhost/0")
    os.environ.setdefault("SECRET_KEY", "only-for-this-benchmark")
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    if "DATABASE_URL" in os.environ:
        yield list
        return
    from ops import embedded, places

    place = places.choose_place(folder / "servers")
    postgres = embedded.PostgreSQL(place, folder / "postgres.log", options=options)
    servers = embedded.Servers([postgres])
    servers.start()
    os.environ["DATABASE_URL"] = postgres.url
    try:
        yield lambda: family(servers.children[0].pid)
    finally:
        servers.stop()


@contextmanager
def granians(folder: Path, applications: Mapping[str, str], postgres: Pids) -> Iterator[Mapping[str, Server]]:
    """Start the applications, each on a server of its own; the bare one has no database."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        servers = {}
        for name, application in applications.items():
            port = free_port()
            running[name] = granian(application, port, folder / f"{name}.log")
            servers[name] = Server(port, pids_of(running[name], postgres if name != "bare" else list))
        yield servers
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait(10)


class Server:
    """One of them: its address, and the ids of its processes and of those that work for it."""

    def __init__(self, port: int, pids: Pids) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.pids = pids


def granian(application: str, port: int, log: Path) -> subprocess.Popen[bytes]:
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


def await_answer(port: int, path: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            link = HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", path)
            if link.getresponse().status < 500:
                return
        except OSError:
            pass
        time.sleep(0.3)
    raise SystemExit(f"Nothing answers on port {port}.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pids_of(process: subprocess.Popen[bytes], others: Pids) -> Pids:
    return lambda: family(process.pid) + others()


def family(pid: int) -> list[int]:
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


def cpu(pids: list[int]) -> float:
    """Seconds of CPU that processes have used so far, in user and system mode."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND


def peak_megabytes(pids: list[int]) -> float:
    """The most memory that each of these processes ever held at once, summed."""
    kilobytes = 0
    for pid in pids:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return kilobytes / 1024
