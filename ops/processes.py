"""Child processes that end when they are told to, and that the next start can find when they were not.

Every child carries a mark in its environment, which its own children inherit. What carries our mark
is ours, whatever its name and its number: nothing is ever ended because of its name, and a number
that the system has given to somebody else since does no harm.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MARK = "CLOSELOOP_CHILD_OF"
_LEASH = Path(__file__).with_name("leash.py")
_POLL_SECONDS = 0.05
# One that hangs in the kernel (a dead disk) cannot be waited for.
_KILL_SECONDS = 5.0


class CannotStart(Exception):
    """Something is missing or in the way; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Account:
    """Whom a program runs as; -1 stands for whoever runs us."""

    uid: int = -1
    gid: int = -1


@dataclass(frozen=True)
class Program:
    """What to run, and how it wants to be stopped.

    `grace_seconds` is how long it may take after `stop_signal` before its whole group is killed.
    """

    name: str
    argv: Sequence[str]
    cwd: Path
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    account: Account = Account()
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0


class Child:
    """One running program, in a process group of its own so that Ctrl-C reaches only us."""

    def __init__(self, program: Program) -> None:
        """Start it.

        Call this from a thread that lives as long as the child may: the kernel takes the end of the
        starting thread for the end of the parent.

        Raises:
            CannotStart: its log cannot be written, or the system refuses another process.
        """
        self.program = program
        try:
            with program.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*_leashed(program), *program.argv],
                    cwd=program.cwd,
                    env=dict(program.env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise CannotStart(
                f"{program.name} does not start: {error.strerror} ({error.filename})."
            ) from None
        self.pid = self._process.pid
        self.started = time.monotonic()

    def poll(self) -> int | None:
        """Its exit status (negative: the signal that ended it), or None while it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Send its stop signal; harmless when it has ended."""
        if self.poll() is None:
            self._process.send_signal(self.program.stop_signal)

    def stop(self) -> int:
        """Ask, wait for as long as it is granted, then kill what is left of its group."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.program.grace_seconds)
        self.kill()
        return self._process.wait()

    def kill(self) -> None:
        """End the program and everything in its group at once; returns when they have ended.

        The signal only asks the kernel. On a busy machine a grandchild lives on for a moment, and
        whoever starts next would find it.
        """
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.wait()
            return
        self._process.wait()
        wait_until(lambda: not _living_in_group(self.pid), seconds=_KILL_SECONDS)


def run(program: Program, *, stdin: bytes = b"", timeout: float = 600.0) -> None:
    """Run a program to its end, its output going to its log.

    Raises:
        CannotStart: it failed or took longer than `timeout` seconds; the message ends with what it last said.
    """
    said_before = program.log.stat().st_size if program.log.exists() else 0
    with program.log.open("ab") as log:
        try:
            status = subprocess.run(
                [*_leashed(program), *program.argv],
                cwd=program.cwd,
                env=dict(program.env),
                input=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
                start_new_session=True,
            ).returncode
        except subprocess.TimeoutExpired:
            raise CannotStart(f"{program.name} was not done after {timeout:.0f} seconds.") from None
        except OSError as error:
            raise CannotStart(f"{program.name} does not start: {error.strerror}.") from None
    if status:
        last_words = tail(program.log, since=said_before)
        raise CannotStart(f"{program.name} failed ({ending(status)}):\n{last_words}")


def tail(log: Path, *, since: int = 0, lines: int = 15) -> str:
    """The last lines of a log, indented; `since` is a position in bytes before which nothing counts."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(since, size - 20_000))
            text = file.read().decode(errors="replace")
    except OSError:
        return "  (nothing was logged)"
    kept = text.rstrip().splitlines()[-lines:]
    return "\n".join(f"  {line}" for line in kept) or "  (nothing was logged)"


def ending(status: int) -> str:
    """An exit status in words: "status 3", "killed by SIGKILL"."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def marked(mark: str) -> list[int]:
    """The processes that carry this mark in the environment they were started with."""
    wanted = f"{MARK}={mark}".encode()

    def carries(pid: int) -> bool:
        return wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

    return list(_matching(carries))


def living_in(folder: Path) -> list[int]:
    """The processes whose working directory is `folder`, as a database server's is its data."""

    def lives_there(pid: int) -> bool:
        return Path(f"/proc/{pid}/cwd").samefile(folder)

    return list(_matching(lives_there))


def _living_in_group(group: int) -> list[int]:
    """The processes of this group that have not ended; a zombie has, whoever is to collect it."""

    def lives_in_it(pid: int) -> bool:
        # "pid (name) state parent group ...": the name may hold spaces and brackets.
        state, _parent, its_group = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
        return int(its_group) == group and state not in "ZX"

    return list(_matching(lives_in_it))


def end_all(find: Callable[[], list[int]], *, gently: signal.Signals, seconds: float) -> int:
    """End every process that `find` names: first by `gently`, after `seconds` by SIGKILL.

    `find` is asked again each time, so that a number the system has reused is left alone.
    Returns how many there were at first.
    """
    first = find()
    for pid in first:
        _send(pid, gently)
    deadline = time.monotonic() + seconds
    while (left := find()) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for pid in left:
        _send(pid, signal.SIGKILL)
    deadline = time.monotonic() + 2.0
    while find() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return len(first)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Ask often until it holds; False when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _leashed(program: Program) -> list[str]:
    account = program.account
    words = [os.getpid(), int(program.stop_signal), account.uid, account.gid]
    return [sys.executable, "-I", "-S", str(_LEASH), *(str(word) for word in words)]


def _matching(predicate: Callable[[int], bool]) -> Iterator[int]:
    """Other people's processes and those that end meanwhile cannot be asked: they are not ours."""
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        try:
            if pid != os.getpid() and predicate(pid):
                yield pid
        except OSError:
            continue


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
