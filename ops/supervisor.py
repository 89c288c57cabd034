"""Keeps a handful of programs running together, and ends them in order."""

import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from ops.processes import CannotStart, Child, Program, ending, tail

_TICK_SECONDS = 0.25
# So many ends within so many seconds, and the program is not going to stay up.
_DEATHS_TOO_MANY = 5
_DEATHS_WITHIN_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 8.0
_ECHOED_LINES_AT_ONCE = 10
_COMPLAINT = re.compile(rb"\b(ERROR|CRITICAL|FATAL|PANIC)\b|^Traceback ")
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _nothing() -> None:
    pass


@dataclass
class _Kept:
    """One program with its history; `stage` orders the stop: a higher one ends earlier."""

    program: Program
    stage: int
    prepare: Callable[[], None]
    echo: bool
    child: Child | None = None
    deaths: list[float] = field(default_factory=list)
    start_at: float = 0.0
    log_read_to: int = 0


class Supervisor:
    """Starts programs, restarts those that end, and stops all of them.

    All methods belong to one thread, the main one: the kernel ties the children to it.
    """

    def __init__(self, say: Callable[[str], None], *, first_pause_seconds: float = 1.0) -> None:
        """`first_pause_seconds`: between the end of a program and its next start; doubles each time."""
        self._say = say
        self._first_pause = first_pause_seconds
        self._kept: list[_Kept] = []
        self._asked_at: float | None = None
        self._is_hurried = False

    def interrupt_on_signals(self) -> None:
        """From here on SIGTERM and SIGHUP (a closed terminal) do what Ctrl-C does, and only once."""
        for number in _STOP_SIGNALS:
            # nohup has switched SIGHUP off, and means it.
            if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN):
                signal.signal(number, self._on_signal)

    def start(
        self, program: Program, *, stage: int, prepare: Callable[[], None] = _nothing, echo: bool = True
    ) -> Child:
        """Start a program and keep it from now on.

        Args:
            stage: where it stands in the stop; the highest ends first.
            prepare: what to do before every start, the first one too.
            echo: whether `watch` repeats on the terminal what it logs as an error.

        Raises:
            CannotStart: see `Child`.
        """
        kept = _Kept(program, stage, prepare, echo)
        kept.prepare()
        kept.child = Child(program)
        self._kept.append(kept)
        return kept.child

    def check(self) -> None:
        """Before everything is up, a program that ends is the end.

        Raises:
            CannotStart: one has ended; the message holds the tail of its log.
        """
        for kept in self._kept:
            if kept.child is not None and (status := kept.child.poll()) is not None:
                raise CannotStart(f"{kept.program.name} ended ({ending(status)}):\n{tail(kept.program.log)}")

    def watch(self) -> None:
        """Restart what ends, until interrupted.

        Raises:
            CannotStart: one ended too often; the message holds the tail of its log.
            KeyboardInterrupt: somebody asked to stop.
        """
        for kept in self._kept:
            kept.log_read_to = _size_of(kept.program)
        while True:
            for kept in self._kept:
                self._repeat_complaints(kept)
                self._keep(kept)
            time.sleep(_TICK_SECONDS)

    def stop(self) -> None:
        """End all, stage by stage; each within its grace, or at once when hurried by a second Ctrl-C.

        Returns with none of them left. Never raises on a further Ctrl-C.
        """
        self._asked_at = self._asked_at or time.monotonic()
        for stage in sorted({kept.stage for kept in self._kept}, reverse=True):
            children = [kept.child for kept in self._kept if kept.stage == stage and kept.child]
            for child in children:
                child.ask_to_stop()
            for child in children:
                self._await_end(child)
                child.kill()
        self._kept.clear()

    def _keep(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.child is None:
            if now >= kept.start_at:
                kept.prepare()
                kept.child = Child(kept.program)
            return
        status = kept.child.poll()
        if status is None:
            return
        kept.child.kill()  # what it may have started
        kept.child = None
        kept.deaths = [at for at in kept.deaths if now - at < _DEATHS_WITHIN_SECONDS] + [now]
        if len(kept.deaths) >= _DEATHS_TOO_MANY:
            raise CannotStart(
                f"{kept.program.name} ended {len(kept.deaths)} times within a minute "
                f"(last: {ending(status)}), so everything stops. Its log, {kept.program.log}, ends with:\n"
                f"{tail(kept.program.log)}"
            )
        pause = min(self._first_pause * 2 ** (len(kept.deaths) - 1), _LONGEST_PAUSE_SECONDS)
        kept.start_at = now + pause
        self._say(f"[{kept.program.name}] ended ({ending(status)}); starting it again in {pause:.1g} s.")

    def _repeat_complaints(self, kept: _Kept) -> None:
        size = _size_of(kept.program)
        if not kept.echo or size <= kept.log_read_to:
            kept.log_read_to = size
            return
        with kept.program.log.open("rb") as log:
            log.seek(kept.log_read_to)
            fresh = log.read(1_000_000)
        kept.log_read_to = size
        complaints = [line for line in fresh.splitlines() if _COMPLAINT.search(line)]
        for line in complaints[:_ECHOED_LINES_AT_ONCE]:
            self._say(f"[{kept.program.name}] {line.decode(errors='replace')[:300]}")
        if len(complaints) > _ECHOED_LINES_AT_ONCE:
            more = len(complaints) - _ECHOED_LINES_AT_ONCE
            self._say(f"[{kept.program.name}] ... and {more} more in {kept.program.log}")

    def _await_end(self, child: Child) -> None:
        deadline = time.monotonic() + child.program.grace_seconds
        while child.poll() is None and time.monotonic() < deadline and not self._is_hurried:
            time.sleep(0.02)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
            raise KeyboardInterrupt
        # Within the second it is the same wish: make passes on a signal that its whole group has had.
        if now - self._asked_at > 1.0:
            self._is_hurried = True


def _size_of(program: Program) -> int:
    try:
        return program.log.stat().st_size
    except OSError:
        return 0
