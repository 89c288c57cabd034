"""Real programs that tests start: a Prometheus that scrapes a page of ours, Celery workers, beat.

Fixtures; a folder's conftest imports those it needs.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.services import process_env, require_program

REPOSITORY = Path(__file__).resolve().parent.parent


class Process:
    """A program with a log, in a process group of its own."""

    def __init__(self, argv: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                argv, stdout=output, stderr=output, env=env, cwd=REPOSITORY, start_new_session=True
            )
        self.pid = self.popen.pid

    def kill(self) -> None:
        """kill -9 the whole group, as an out-of-memory killer or a power cut would."""
        self._signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self) -> None:
        """Ask it to end, and make it end."""
        if self.popen.poll() is None:
            self.popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(15)
        self.kill()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], *, seconds: float = 15, what: str = "it") -> None:
    """Fail the test when `condition` does not come true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)


class MetricsPage:
    """A /metrics page whose content the test decides."""

    def __init__(self) -> None:
        self.samples: dict[str, float] = {}
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = "".join(f"{name} {value}\n" for name, value in page.samples.items()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Prometheus:
    """A running Prometheus and the page it scrapes every second."""

    def __init__(self, url: str, page: MetricsPage) -> None:
        self.url = url
        self._page = page

    def show(self, series: str, value: float) -> None:
        """Let the page show a sample, `series` as in the exposition format, and wait until it is known."""
        self._page.samples[series] = value
        wait_until(lambda: self.answers(series) == [value], what=f"{series} = {value}")

    def hide(self, series: str) -> None:
        """Take a sample off the page and wait until the series has ended."""
        del self._page.samples[series]
        wait_until(lambda: self.answers(series) == [], what=f"the end of {series}")

    def answers(self, promql: str) -> list[float]:
        """The values of an instant query."""
        with urlopen(f"{self.url}/api/v1/query?query={quote(promql)}", timeout=5) as response:
            return [float(one["value"][1]) for one in json.load(response)["data"]["result"]]


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The real program on a free port of this machine."""
    program = require_program("prometheus", "apt-get install prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    page, port = MetricsPage(), free_port()
    target = f'[{{"targets": ["127.0.0.1:{page.port}"]}}]'
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: test, static_configs: {target}}}]\n"
    )
    argv = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    argv += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    process = Process(argv, folder / "log")
    server = Prometheus(f"http://127.0.0.1:{port}", page)
    try:
        wait_until(lambda: is_up(f"{server.url}/-/ready"), seconds=30, what=process.said() or "Prometheus")
        yield server
    finally:
        process.kill()
        page.close()


def is_up(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False


StartProcess = Callable[..., Process]


@pytest.fixture
def celery_worker(transactional_db: None, tmp_path: Path) -> Iterator[StartProcess]:
    """Starts workers on this test's database and queue: `celery_worker("checks,default", **environment)`."""
    started: list[Process] = []

    def start(queues: str = "checks,default", *, concurrency: int = 2, **env: str) -> Process:
        name = f"worker-{len(started)}"
        words = f"-m celery -A config worker -n {name}@test -Q {queues} --concurrency {concurrency}"
        words += " --loglevel INFO --without-gossip --without-mingle --without-heartbeat"
        argv = [sys.executable, *words.split()]
        worker = Process(argv, tmp_path / f"{name}.log", process_env(**env))
        started.append(worker)
        wait_until(lambda: " ready." in worker.said(), seconds=60, what=f"{name}: {worker.said()}")
        return worker

    yield start
    _stop_all(started)


@pytest.fixture
def beat(transactional_db: None, tmp_path: Path) -> Iterator[StartProcess]:
    """Starts beats that tick every second on this test's queue."""
    started: list[Process] = []

    def start(**env: str) -> Process:
        name = f"beat-{len(started)}"
        words = f"-m celery -A config beat --loglevel INFO --pidfile= --schedule {tmp_path / name}"
        argv = [sys.executable, *words.split()]
        one = Process(argv, tmp_path / f"{name}.log", process_env(**{"CHECK_TICK_SECONDS": "1"} | env))
        started.append(one)
        return one

    yield start
    _stop_all(started)


def _stop_all(processes: list[Process]) -> None:
    for process in processes:
        process.thaw()
        if process.popen.poll() is None:
            process.popen.terminate()
    for process in processes:
        process.stop()
