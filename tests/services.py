"""Real servers for the tests: a throw-away PostgreSQL and Valkey per run, unless the caller names others.

A pytest plugin, loaded with `-p tests.services` so that the servers' addresses stand in the environment
before Django reads its settings. Set DATABASE_URL and REDIS_URL to use servers of your own.

With CLOSELOOP_REQUIRE_ALL=1 nothing may be missing: a skipped test is a failed one.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from ops import embedded, places
from ops.processes import CannotStart

_PREFIX = "closeloop-test-"
_REDIS_DATABASES = 64
_THROW_AWAY = pytest.StashKey["_ThrowAway"]()


def require_program(name: str, how_to_get: str) -> str:
    """The path of a program that a test needs; where it is missing the test is skipped.

    Args:
        how_to_get: one line for whoever reads the skip, such as "apt-get install bubblewrap".
    """
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not on this machine; to get it: {how_to_get}")
    return path


def process_env(**extra: str) -> dict[str, str]:
    """The environment for a program of ours that a test starts: it sees this test's database and queue.

    The test must have a committed database (`transactional_db`), or the program sees empty tables.
    """
    from django.db import connection

    url = urlsplit(os.environ["DATABASE_URL"])
    name = quote(str(connection.settings_dict["NAME"]), safe="")
    env = dict(os.environ) | {"DATABASE_URL": urlunsplit(url._replace(path=f"/{name}"))}
    env["DJANGO_SETTINGS_MODULE"] = "config.test_settings"
    return env | extra


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """As a wrapper it runs before pytest-django's own hook, which loads the settings."""
    options = early_config.known_args_namespace
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _give_worker_its_own_queues(int(worker.removeprefix("gw")))
    elif options.help or options.version or options.collectonly:
        os.environ.setdefault("DATABASE_URL", "postgres:///nobody-connects")
        os.environ.setdefault("REDIS_URL", "redis+socket:///nobody-connects")
    elif not {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
        _sweep()
        throw_away = early_config.stash[_THROW_AWAY] = _ThrowAway()
        atexit.register(throw_away.remove)  # for a Ctrl-C before pytest has begun
        try:
            throw_away.start()
        except CannotStart as problem:
            pytest.exit(f"The test servers do not start. {problem}", returncode=3)
    yield


def pytest_unconfigure(config: pytest.Config) -> None:
    if throw_away := config.stash.get(_THROW_AWAY, None):
        throw_away.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CLOSELOOP_REQUIRE_ALL") != "1":
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{reason}\nCLOSELOOP_REQUIRE_ALL=1: a skipped test is a failed one."


class _ThrowAway:
    """One run's servers, in one folder that stays locked for as long as the run lives."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = _take(self._folder)
        self._folder.chmod(0o711)  # started by root, the servers are somebody else, and live inside
        self._servers = embedded.Servers([])

    def start(self) -> None:
        place = places.choose_place(self._folder / "servers")
        wanted: dict[str, embedded.Server] = {}
        if "DATABASE_URL" not in os.environ:
            wanted["DATABASE_URL"] = embedded.PostgreSQL(place, self._folder / "postgres.log", durable=False)
        if "REDIS_URL" not in os.environ:
            log = self._folder / "valkey.log"
            wanted["REDIS_URL"] = embedded.Valkey(place, log, databases=_REDIS_DATABASES)
        self._servers = embedded.Servers(list(wanted.values()))
        self._servers.start()
        os.environ.update({name: server.url for name, server in wanted.items()})

    def remove(self) -> None:
        """Harmless when there is nothing left to remove."""
        self._servers.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _sweep() -> None:
    """Remove what runs that were killed left behind: their folders are there, but nobody holds the lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if folder.stat().st_uid == os.geteuid() and (lock := _take(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
        except OSError:
            continue


def _take(folder: Path) -> int | None:
    """Lock a folder for as long as this process lives; None when another process has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _give_worker_its_own_queues(number: int) -> None:
    """Workers share the servers; the databases of PostgreSQL are parted by pytest-django, these here."""
    url = os.environ["REDIS_URL"]
    if "virtual_host=" in url:
        os.environ["REDIS_URL"] = (
            f"{url.partition('?')[0]}?virtual_host={1 + number % (_REDIS_DATABASES - 1)}"
        )
