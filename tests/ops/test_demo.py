"""The demo as a whole: the real servers, web, workers and beat."""

import http.client
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import demo
from ops.processes import MARK, CannotStart, end_all, living_in, marked, wait_until

CHECKOUT = demo.CHECKOUT
NOT_OURS = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "PUBLIC_URL"}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One home for the module: making the data is the slow part, and keeping them is part of the promise."""
    with tempfile.TemporaryDirectory(prefix="closeloop-own-") as name:
        Path(name).chmod(0o711)
        home = Path(name) / "home"
        yield home
        end_all(lambda: everything_of(home), gently=signal.SIGKILL, seconds=1)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


_count = itertools.count()


class Started:
    def __init__(self, home: Path, port: int) -> None:
        self.said = home.parent / f"said-{next(_count)}"
        env = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ops.demo"],
                cwd=CHECKOUT,
                env=env | {"CLOSELOOP_HOME": str(home), "PORT": str(port)},
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def await_ready(self) -> str:
        def has_settled() -> bool:
            return "Ctrl-C stops it" in self.said.read_text() or self.process.poll() is not None

        assert wait_until(has_settled, seconds=240), self.said.read_text()
        assert self.process.poll() is None, self.said.read_text()
        return self.said.read_text()

    def await_end(self) -> str:
        self.process.wait(60)
        return self.said.read_text()


def everything_of(home: Path) -> list[int]:
    """Every process that a demo in this home has started, by what marks it and not by its name."""
    servers = [home / "servers/postgres-18/data", home / "servers/valkey"]
    found = [pid for folder in servers if folder.exists() for pid in living_in(folder)]
    return found + marked(demo.mark_of(home))


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.flow
def test_demo_survives_a_kill_and_leaves_no_process(home, port):
    first = Started(home, port)
    first_words = first.await_ready()
    assert get(port, "/healthz") == 200
    assert get(port, "/login") == 200
    assert len(everything_of(home)) > 8

    second = Started(home, port)
    refusal = second.await_end()
    assert second.process.returncode == 1
    assert f"already running at http://127.0.0.1:{port}/ (process {first.process.pid})" in refusal

    first.process.kill()
    first.process.wait()
    third = Started(home, port)  # at once, while the children of the first are still ending
    third_words = third.await_ready()
    assert login_in(third_words) == login_in(first_words)
    assert get(port, "/login") == 200

    third.process.send_signal(signal.SIGINT)
    last_words = third.await_end()
    assert third.process.returncode == 0
    assert "Stopped after" in last_words
    assert everything_of(home) == []


@pytest.mark.flow
def test_demo_says_that_its_port_is_taken(home):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        refused = Started(home, port)
        said = refused.await_end()

    assert refused.process.returncode == 1
    assert f"Port {port} is taken by " in said
    assert everything_of(home) == []


@pytest.mark.flow
def test_demo_interrupted_while_it_starts_leaves_no_process(home, port):
    started = Started(home, port)
    assert wait_until(lambda: len(everything_of(home)) > 1, seconds=30)

    started.process.send_signal(signal.SIGTERM)
    said = started.await_end()

    assert "Stopped after" in said
    assert everything_of(home) == []


def test_demo_refuses_a_home_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()

    with (
        pytest.raises(CannotStart, match="No permission to write"),
        demo.Demo(tmp_path / "file/home", port=8000),
    ):
        pass


def test_mark_differs_between_homes():
    assert demo.mark_of(Path("/a")) != demo.mark_of(Path("/b"))
    assert MARK not in os.environ


def login_in(words: str) -> list[str]:
    return [line.split()[1] for line in words.splitlines() if line.strip().startswith(("E-mail", "Password"))]
