"""The demo as a whole: the real servers, web, workers and beat."""

import http.client
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from ops import demo
from ops.processes import MARK, CannotStart, end_all, living_in, marked, wait_until
from tests.services import require_program

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
    def __init__(self, home: Path, port: int, *, path: str = "") -> None:
        """`path`: instead of PATH, for a machine with fewer programs."""
        self.said = home.parent / f"said-{next(_count)}"
        env = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ops.demo"],
                cwd=CHECKOUT,
                env=env | {"CLOSELOOP_HOME": str(home), "PORT": str(port)} | ({"PATH": path} if path else {}),
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def await_ready(self) -> str:
        def has_settled() -> bool:
            return "Ctrl-C stops it" in self.said.read_text() or self.process.poll() is not None

        assert wait_until(has_settled, seconds=480), self.said.read_text()
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


def port_in(file: Path) -> int:
    return int(file.read_text())


def is_open(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


class Visitor:
    """Somebody logged in, with a browser that runs no scripts."""

    def __init__(self, port: int, address: str, password: str) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self._jar = CookieJar()
        self._browser = build_opener(HTTPCookieProcessor(self._jar))
        self.send("/login", username=address, password=password)

    def read(self, path: str) -> str:
        with self._browser.open(f"{self._root}{path}", timeout=30) as answer:
            return answer.read().decode()

    def send(self, path: str, **fields: str) -> None:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.read(path))
        assert token is not None
        body = urlencode(fields | {"csrfmiddlewaretoken": token[1]}).encode()
        with self._browser.open(f"{self._root}{path}", body, timeout=30) as answer:
            assert answer.status == 200


@pytest.mark.flow
def test_demo_survives_a_kill_and_leaves_no_process(home, port, tmp_path):
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
    # At once, while the children of the first are still ending; and on a machine without Prometheus.
    third = Started(home, port, path=str(tmp_path))
    third_words = third.await_ready()
    assert login_in(third_words) == login_in(first_words)
    assert get(port, "/login") == 200
    assert "apt-get install prometheus" in third_words
    assert not (home / "prometheus.port").exists() or not is_open(port_in(home / "prometheus.port"))

    third.process.send_signal(signal.SIGINT)
    last_words = third.await_end()
    assert third.process.returncode == 0
    assert "Stopped after" in last_words
    assert everything_of(home) == []


@pytest.mark.flow
def test_demo_verifies_a_fix_that_is_claimed_and_leaves_no_process(home, port):
    require_program("prometheus", "apt-get install prometheus")
    started = Started(home, port)
    words = started.await_ready()
    logins = dict(login_in(words))
    assert is_open(port_in(home / "prometheus.port"))
    item = words.partition("open ")[2].partition(",")[0]

    second = Visitor(port, logins["Second"], logins["Password"])
    assert second.read("/admin/")
    first = Visitor(port, logins["E-mail"], logins["Password"])
    first.send(f"/items/{item}/claim", fix_url="https://git.shop.example/gateway/1")

    # Its runs are a minute apart, and two passes are asked for.
    verified = f"/items/?q={item}&state=verified"
    assert wait_until(lambda: f"/items/{item}/" in first.read(verified), seconds=150)
    started.process.send_signal(signal.SIGINT)
    assert "Stopped after" in started.await_end()
    assert everything_of(home) == []
    assert not is_open(port_in(home / "prometheus.port"))
    assert not is_open(port_in(home / "shop.port"))


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


def login_in(words: str) -> list[tuple[str, str]]:
    lines = [line.split() for line in words.splitlines()]
    return [(line[0], line[1]) for line in lines if line and line[0] in {"E-mail", "Second", "Password"}]
