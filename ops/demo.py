"""`make demo`: all of Closeloop on one machine, with servers of its own, until Ctrl-C.

    python -m ops.demo

Reads PORT (8000), CLOSELOOP_HOME (<checkout>/.closeloop: data, secrets, logs), and DATABASE_URL and
REDIS_URL when it is to use servers that are there already. Runs without Django: it must be able to say
what is wrong when Django cannot start.
"""

import base64
import fcntl
import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ops import embedded, places, ports
from ops.processes import MARK, CannotStart, Child, Program, end_all, ending, marked, run, tail
from ops.supervisor import Supervisor
from ops.surroundings import Surroundings

CHECKOUT = Path(__file__).resolve().parent.parent
LOGIN = "demo@closeloop.example"
_READY_WITHIN_SECONDS = 90.0
_LONGEST_LOG = 5 * places.MEGABYTE
# In which order things end: the highest first.
_SERVERS, _WORKERS, _BEAT, _WEB = range(4)
# What a passer-by may have set for some other program must not change the demo.
_OURS_ALONE = {
    "DEBUG",
    "SECRET_KEY",
    "TOKEN_PEPPERS",
    "FIELD_KEYS",
    "PROBE_SECRET_KEYS",
    "PROBE_SIGNING_KEY",
    "ALLOWED_HOSTS",
    "SSL_REDIRECT",
    "BEHIND_PROXY",
    "PUBLIC_URL",
    "STATIC_ROOT",
    "MEDIA_ROOT",
    "PROMETHEUS_ALLOW_LOOPBACK",
    "SHELL_PROBES_ENABLED",
}


def main() -> None:
    home = Path(os.environ.get("CLOSELOOP_HOME") or CHECKOUT / ".closeloop").expanduser().absolute()
    try:
        with Demo(home, port=ports.wanted(os.environ.get("PORT", ""))) as demo:
            demo.serve()
    except CannotStart as problem:
        sys.exit(f"\n{problem}")
    except OSError as error:  # a disk that fills up on the way, for one
        sys.exit(f"\nCannot go on: {error.strerror} ({error.filename}).")
    except KeyboardInterrupt:
        pass


class Demo:
    """One running demo; leaving the context ends every process of it."""

    def __init__(self, home: Path, *, port: int) -> None:
        self._home = home
        self._port = port
        self._url = f"http://127.0.0.1:{port}/"
        self._mark = mark_of(home)
        self._supervisor = Supervisor(say)
        self._servers: list[embedded.Server] = []
        self._env: dict[str, str] = {}
        self._around = Surroundings(home, checkout=CHECKOUT, python=sys.executable, mark=self._mark)

    def __enter__(self) -> "Demo":
        """Take the place, for this home may have only one demo at a time.

        Raises:
            CannotStart: another one runs, the port is taken, or the home cannot be written.
        """
        try:
            for folder in (self._home, self._home / "logs", self._home / "secrets"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Root's servers are somebody else, and have to get through to their own folder in here.
            self._home.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self._lock = (self._home / "lock").open("a+")
        except OSError as error:
            raise CannotStart(
                f"No permission to write {self._home} ({error.strerror}). "
                "Set CLOSELOOP_HOME to a folder of yours."
            ) from None
        self._take_lock()
        ports.refuse_taken(self._port)
        self._supervisor.interrupt_on_signals()
        return self

    def __exit__(self, *_: object) -> None:
        say("\nStopping ...")
        began = time.monotonic()
        self._supervisor.stop()
        # A child of a child that left its group, if there should ever be one.
        end_all(lambda: marked(self._mark), gently=signal.SIGTERM, seconds=2)
        self._lock.truncate(0)
        self._lock.close()
        say(f"Stopped after {time.monotonic() - began:.1f} s. The data stay in {self._home}.")

    def serve(self) -> None:
        """Bring everything up, say so, and keep it up until interrupted."""
        began = time.monotonic()
        if end_all(lambda: marked(self._mark), gently=signal.SIGTERM, seconds=5):
            say("Ended what an earlier demo had left running.")
        for log in (self._home / "logs").glob("*.log"):
            if log.stat().st_size > _LONGEST_LOG:
                log.replace(log.with_suffix(".log.1"))
        self._start_servers()
        self._around.start(self._supervisor, stage=_SERVERS)
        self._env = self._environment()
        password = self._secret("demo-password", lambda: secrets.token_urlsafe(12))
        static = self._collect_static()
        self._prepare_data()
        self._await_static(static)
        say("Starting web, workers and beat ...")
        self._start_web()
        # A worker that asked Prometheus before the shop was known to it would find no data.
        self._around.await_ready()
        self._start_workers()
        self._await_answers()
        # Last, for nobody waits for it: on a small machine the others are ready sooner.
        self._start_beat()
        self._greet(password, seconds=time.monotonic() - began)
        self._supervisor.watch()

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            with suppress(ValueError, KeyError):
                other = json.loads(self._lock.read())
                raise CannotStart(
                    f"Closeloop is already running at {other['url']} (process {other['pid']}). "
                    f"Stop it with Ctrl-C where it was started, or with: kill {other['pid']}\n"
                    "A second one needs its own folder and port: make demo CLOSELOOP_HOME=~/second PORT=8001"
                ) from None
            raise CannotStart(
                "Closeloop is being started or stopped elsewhere; try again in a moment."
            ) from None
        self._lock.truncate(0)
        self._lock.write(json.dumps({"pid": os.getpid(), "url": self._url}))
        self._lock.flush()

    def _start_servers(self) -> None:
        """PostgreSQL and Valkey out of the wheels, except those that the environment names."""
        wanted: list[type[embedded.PostgreSQL] | type[embedded.Valkey]] = []
        for variable, kind in (("DATABASE_URL", embedded.PostgreSQL), ("REDIS_URL", embedded.Valkey)):
            if os.environ.get(variable) or os.environ.get(f"{variable}_FILE"):
                say(f"Using the server that {variable} names.")
            else:
                wanted.append(kind)
        if not wanted:
            return
        say("Starting PostgreSQL and Valkey ..." if len(wanted) == 2 else f"Starting {wanted[0].name} ...")
        place = places.choose_place(self._home / "servers")
        started: list[tuple[embedded.Server, Child]] = []
        for kind in wanted:
            server = kind(place, self._log(kind.name))
            # What these two log as an error is a client's mistake, and the client logs it too.
            child = self._supervisor.start(
                server.program(), stage=_SERVERS, prepare=server.prepare, echo=False
            )
            started.append((server, child))
        for server, child in started:
            embedded.await_ready(server, child, seconds=60)
            self._servers.append(server)

    def _environment(self) -> dict[str, str]:
        """What every program of ours gets to see."""
        env = {
            name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in _OURS_ALONE
        }
        self._secret("secret-key", lambda: secrets.token_urlsafe(48))
        self._secret("token-peppers", lambda: secrets.token_urlsafe(48))
        self._secret("probe-signing-key", lambda: secrets.token_urlsafe(48))
        for name in ("field-keys", "probe-secret-keys"):
            self._secret(name, lambda: f"demo:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}")
        env |= {
            MARK: self._mark,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            "PUBLIC_URL": self._url,
            "SECRET_KEY_FILE": str(self._home / "secrets" / "secret-key"),
            "TOKEN_PEPPERS_FILE": str(self._home / "secrets" / "token-peppers"),
            "PROBE_SIGNING_KEY_FILE": str(self._home / "secrets" / "probe-signing-key"),
            "FIELD_KEYS_FILE": str(self._home / "secrets" / "field-keys"),
            "PROBE_SECRET_KEYS_FILE": str(self._home / "secrets" / "probe-secret-keys"),
            "STATIC_ROOT": str(self._home / "static"),
            "MEDIA_ROOT": str(self._home / "media"),
            "PROMETHEUS_ALLOW_LOOPBACK": "1",
            "SHELL_PROBES_ENABLED": "1",
        }
        for server in self._servers:
            env["DATABASE_URL" if isinstance(server, embedded.PostgreSQL) else "REDIS_URL"] = server.url
        return env

    def _start_workers(self) -> None:
        for name, queues in (("worker", "checks,default"), ("probes", "probes")):
            words = f"-m celery -A config worker -n {name}@demo -Q {queues} --concurrency 2 --loglevel INFO"
            words += " --without-gossip --without-mingle --without-heartbeat"
            program = self._program(name, *words.split())
            program = replace(program, env=environment_of(name, self._env))
            self._supervisor.start(program, stage=_WORKERS)

    def _start_beat(self) -> None:
        words = ["-m", "celery", "-A", "config", "beat", "--loglevel", "INFO", "--pidfile=", "--schedule"]
        beat = self._program("beat", *words, str(self._home / "beat-schedule"))
        self._supervisor.start(beat, stage=_BEAT)

    def _start_web(self) -> None:
        words = f"--interface wsgi --workers 2 --blocking-threads 1 --host 127.0.0.1 --port {self._port}"
        words += " --no-ws --workers-kill-timeout 5 config.wsgi:application"
        self._supervisor.start(self._program("web", "-m", "granian", *words.split()), stage=_WEB)

    def _collect_static(self) -> tuple[Child, str] | None:
        """Runs beside the migrations; nothing to do when no source has changed."""
        fingerprint = _fingerprint([*CHECKOUT.glob("*/static/**/*"), CHECKOUT / "requirements.txt"])
        if places.text_of(self._home / "static.stamp") == fingerprint:
            return None
        (self._home / "static.stamp").unlink(missing_ok=True)
        shutil.rmtree(self._home / "static", ignore_errors=True)
        words = ("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
        return Child(self._program("collectstatic", *words)), fingerprint

    def _prepare_data(self) -> None:
        """Migrate, and load the demo where it is not yet.

        Both begin with the seconds that Django needs to load, so they are left out where they were done
        already: in our own server, whose password stands for the one cluster that it was made with.
        """
        files = [*CHECKOUT.glob("*/migrations/*.py"), CHECKOUT / "requirements.txt"]
        where = f"{self._env.get('DATABASE_URL', '')} {self._around.prometheus_url}"
        done = _fingerprint(files, where) if "DATABASE_URL" in self._env else ""
        stamp = self._home / "data.stamp"
        if done and places.text_of(stamp) == done:
            return
        say("Preparing the database and the demo's data ...")
        self._manage("migrate", "--no-input")
        words = ["--password-file", str(self._home / "secrets" / "demo-password")]
        words += ["--told-file", str(self._home / "story.json")]
        self._manage("load_demo", *words, "--prometheus-url", self._around.prometheus_url)
        if any(isinstance(server, embedded.PostgreSQL) for server in self._servers):
            stamp.write_text(done)

    def _await_static(self, running: tuple[Child, str] | None) -> None:
        if running is None:
            return
        child, fingerprint = running
        while (status := child.poll()) is None:
            time.sleep(0.05)
        if status:
            raise CannotStart(f"collectstatic failed ({ending(status)}):\n{tail(child.program.log)}")
        (self._home / "static.stamp").write_text(fingerprint)

    def _await_answers(self) -> None:
        """Wait until the web server says that it is well and a worker of each queue has done something.

        Raises:
            CannotStart: that took too long, or a program ended meanwhile.
        """
        words = ("manage.py", "ping_workers", "--timeout", str(int(_READY_WITHIN_SECONDS)))
        ping = Child(self._program("ping_workers", *words))
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while not (is_healthy(self._port) and ping.poll() == 0):
            self._supervisor.check()
            if ping.poll():
                raise CannotStart(f"The workers do not answer:\n{tail(ping.program.log)}")
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"Not healthy after {_READY_WITHIN_SECONDS:.0f} s. The web server's log ends with:\n"
                    f"{tail(self._log('web'))}"
                )
            time.sleep(0.1)

    def _greet(self, password: str, *, seconds: float) -> None:
        told: dict[str, str] = {}
        with suppress(ValueError):
            told = json.loads(places.text_of(self._home / "story.json"))
        second = told.get("second_login", "")
        say(
            f"\nCloseloop is ready ({seconds:.1f} s).\n\n"
            f"  Open      {self._url}\n"
            f"  E-mail    {LOGIN}\n"
            + (
                f"  Second    {second} (who approves what the first asks for; same password)\n"
                if second
                else ""
            )
            + f"  Password  {password}\n\n"
            f"{self._around.words(told.get('item', ''))}\n"
            f"  Data and logs are in {self._home}\n"
            "  Ctrl-C stops it.\n"
        )

    def _manage(self, command: str, *words: str) -> None:
        run(self._program(command, "manage.py", command, *words))

    def _program(self, name: str, *words: str) -> Program:
        return Program(
            name=name,
            argv=[sys.executable, *words],
            cwd=CHECKOUT,
            log=self._log(name),
            env=self._env,
            grace_seconds=8,
        )

    def _log(self, name: str) -> Path:
        return self._home / "logs" / f"{name}.log"

    def _secret(self, name: str, make: Callable[[], str]) -> str:
        """A secret that is made once and kept; only we can read the file."""
        path = self._home / "secrets" / name
        if not path.exists():
            new = path.with_name(f"{name}.new")
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(make())
            new.rename(path)
        return path.read_text()


def environment_of(name: str, env: Mapping[str, str]) -> dict[str, str]:
    """What one program gets to see of it: secrets only where they are needed.

    The probe worker runs what people wrote: it gets the key that tells what was approved, and none of those
    that sign sessions, hide tokens or decrypt credentials.
    """
    if name == "probes":
        hidden = {"SECRET_KEY_FILE", "TOKEN_PEPPERS_FILE", "FIELD_KEYS_FILE"}
        return {key: value for key, value in env.items() if key not in hidden} | {
            "SECRET_KEY": secrets.token_urlsafe(48)
        }
    hidden = set() if name == "web" else {"PROBE_SIGNING_KEY_FILE", "PROBE_SECRET_KEYS_FILE"}
    return {key: value for key, value in env.items() if key not in hidden}


def mark_of(home: Path) -> str:
    """What the processes of this home's demo carry: see ops/processes.py."""
    return hashlib.sha256(str(home).encode()).hexdigest()[:16]


def is_healthy(port: int) -> bool:
    """Whether the web server at this port of ours answers /healthz with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def say(text: str) -> None:
    """Print at once, also into a pipe; a closed terminal is no reason to fail."""
    with suppress(OSError):
        print(text, flush=True)


def _fingerprint(files: Iterable[Path], more: str = "") -> str:
    """Changes when a file is added, removed or edited."""
    seen = [f"{path} {found.st_size} {found.st_mtime_ns}" for path in sorted(files) if (found := path.stat())]
    return hashlib.sha256("\n".join([*seen, more]).encode()).hexdigest()


if __name__ == "__main__":
    main()
