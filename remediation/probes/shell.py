"""Commands as probes: argument lists in sandboxes, judged by how they end and what they print."""

from __future__ import annotations

import os
import re
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Generic, Self, TypeVar

from remediation.probes import endings, inputs, sandbox
from remediation.probes.endings import Judgement
from remediation.probes.redaction import Redaction
from remediation.probes.result import MAX_ERROR, ProbeResult, failed, storable
from remediation.probes.sandbox import NoSandbox, Sandbox

AT_ONCE = 4
KEPT_BYTES = 64 * 1024
MAX_OUTPUT_BYTES = 1024 * 1024
_CHUNK = 64 * 1024
_SWEEP_SECONDS = 5.0
_NOT_STARTED = {126, 127}
# A reader that has seen enough (grep -q, head) ends the writer before it; that is no failure.
_BROKEN_PIPE = 128 + signal.SIGPIPE
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

Ticket = TypeVar("Ticket")


@dataclass(frozen=True, slots=True)
class Command:
    """A pipeline and what is expected of it.

    Attributes:
        pipeline: argument lists; the output of each is the input of the next.
        expectation: "success" (the last one ends with status 0), "match" or "no_match" (some line, or no
            line, that it prints matches `pattern`; without a pattern any line that it lets through matches).
        reads: a file that is opened out here and given to the first command as its input; of
            /proc/NAME/ the process of that name.
        network: see `sandbox.choose`.
        env: variables that hold secrets, which are taken out of whatever it prints.
    """

    pipeline: Sequence[Sequence[str]]
    expectation: str
    pattern: str
    timeout_seconds: float
    reads: str = ""
    network: str = "none"
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


def run(command: Command, *, weakest: str = "bubblewrap") -> ProbeResult:
    """Run a pipeline to its end or its time limit; nothing of it is left running afterwards.

    A stage that cannot start, or one before the last that fails, is an error: what the last stage says
    then means nothing. With "success", status 1 of the last stage is a fail and any other but 0 an error.
    With "match" and "no_match", status 1 of a last stage that selects lines (grep and its kin) means "no
    line"; any other but 0 is an error, and so is status 1 of a program that is no grep: it failed.

    Args:
        weakest: see `sandbox.choose`.
    """
    expression = " | ".join(shlex.join(argv) for argv in command.pipeline)
    try:
        box = sandbox.choose(command.pipeline, weakest=weakest, network=command.network)
    except NoSandbox as refusal:
        return failed("no_sandbox", str(refusal), expression=expression)
    ran = _Pipeline(command, box).run()
    _redact(command, ran)
    outcome, code, error = _judge(command, ran)
    said = clean(ran.output)
    return ProbeResult(
        outcome,
        expression=storable(expression, KEPT_BYTES),
        output=_excerpt(said or clean(b"".join(stage.complaints for stage in ran.stages))),
        error_code=code,
        error=storable(error, MAX_ERROR),
        sandbox=box.level,
    )


def _redact(command: Command, ran: _Ran) -> None:
    """Before anything is judged, told or kept."""
    redact = Redaction(command.env.values())
    if redact.longest:
        # What is cleaned has no escapes any more: a secret with one in its middle would stand there whole.
        ran.output = redact(clean(ran.output)).encode()
        for stage in ran.stages:
            stage.complaints = redact(clean(stage.complaints)).encode()[:KEPT_BYTES]


def clean(output: bytes) -> str:
    """Output as text: undecodable bytes replaced, terminal escapes and control characters removed."""
    text = output.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


class Crew(Generic[Ticket]):
    """Threads that run commands, four at a time, driven from synchronous code like `prometheus.Crew`."""

    def __init__(self, *, weakest: str) -> None:
        self._weakest = weakest
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="probe")
        self._running: dict[Future[ProbeResult], Ticket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    @property
    def pending(self) -> int:
        """How many commands have no result yet."""
        return len(self._running)

    def submit(self, ticket: Ticket, command: Command) -> None:
        """Start a command; those beyond four wait for a free thread."""
        self._running[self._threads.submit(run, command, weakest=self._weakest)] = ticket

    def finished(self, *, within: float) -> list[tuple[Ticket, ProbeResult]]:
        """The results since the last call; waits for the first one, at most `within` seconds."""
        done, _ = wait(self._running, timeout=within, return_when=FIRST_COMPLETED)
        return [(self._running.pop(future), _result(future)) for future in done]


def _result(future: Future[ProbeResult]) -> ProbeResult:
    error = future.exception()
    if error is None:
        return future.result()
    return failed("internal", f"{type(error).__name__}: {error}")


def _judge(command: Command, ran: _Ran) -> Judgement:
    if ran.stopped:
        return "error", *ran.stopped
    for number, stage in enumerate(ran.stages, start=1):
        is_last = number == len(ran.stages)
        if stage.status is None:
            return "error", "sandbox_failed", f"{stage.named(number)} got no sandbox{stage.said()}"
        if stage.status in _NOT_STARTED:
            return "error", "not_started", f"{stage.named(number)} did not start{stage.said()}"
        if stage.status and not is_last and stage.status != _BROKEN_PIPE:
            return "error", "stage_failed", f"{stage.named(number)} ended with {stage.ending()}{stage.said()}"
    last, named = ran.stages[-1], ran.stages[-1].named(len(ran.stages))
    outcome, code, words = endings.judge(
        command.pipeline[-1],
        command.expectation,
        command.pattern,
        endings.Ending(last.status or 0, clean(ran.output)),
    )
    if code == "bad_exit":
        words = f"{named} ended with {last.ending()}{last.said()}"
    return outcome, code, words.replace("It ", f"{named} ", 1) if code == "quiet_grep" else words


def _excerpt(text: str) -> str:
    """At most 64 KiB, and whole lines where it has been cut."""
    if len(text.encode()) <= KEPT_BYTES:
        return text
    cut = text.encode()[: KEPT_BYTES - 100].decode("utf-8", "ignore")
    return f"{cut.rpartition(chr(10))[0] or cut}\n[…]"


@dataclass(slots=True)
class _Stage:
    """One command of a pipeline while it runs, and how it ended."""

    name: str
    process: subprocess.Popen[bytes]
    box: Sandbox
    report_fd: int | None
    complaints: bytes = b""
    status: int | None = None

    def named(self, number: int) -> str:
        return f"Command {number} ({storable(self.name, 60)})"

    def ending(self) -> str:
        """Its end in words; a sandbox gives 128 + the signal for a command ended by one."""
        if self.status is not None and self.status > 128:
            try:
                return f"signal {signal.Signals(self.status - 128).name}"
            except ValueError:
                pass
        return f"status {self.status}"

    def said(self) -> str:
        """The last line of its complaints, to be put behind a sentence."""
        lines = clean(self.complaints).strip().splitlines()
        return f": {lines[-1][:300]}" if lines else "."

    def kill(self) -> None:
        """End it and its process group; the sandbox takes along whatever left the group."""
        if self.box.ends_when_asked and not self.has_ended():
            self.process.terminate()
            patience = time.monotonic() + _SWEEP_SECONDS
            while not self.has_ended() and time.monotonic() < patience:
                time.sleep(0.005)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.process.kill()

    def has_ended(self) -> bool:
        """Whether it has; it stays a zombie, so that its number means nobody else until `settle`."""
        options = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self.process.pid, options) is not None

    def settle(self) -> None:
        """End what is left of its group, then read how it ended."""
        self.kill()
        code = self.process.wait()
        self.status = 128 - code if code < 0 else code
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        if self.report_fd is not None:
            if b'"exit-code"' not in os.read(self.report_fd, 4096):
                self.status = None
            os.close(self.report_fd)


@dataclass(slots=True)
class _Ran:
    """What a pipeline left: all output of its last stage, and why it was stopped (code, words) if it was."""

    stages: list[_Stage] = field(default_factory=list)
    output: bytes = b""
    stopped: tuple[str, str] | None = None


class _Pipeline:
    """Starts the stages, reads until they have ended, and ends them when they take too much."""

    def __init__(self, command: Command, box: Sandbox) -> None:
        self._command = command
        self._box = box
        self._deadline = time.monotonic() + command.timeout_seconds
        self._ran = _Ran()
        self._read = 0

    def run(self) -> _Ran:
        try:
            output = self._start()
            self._listen(output)
            self._await_ends()
        except OSError as error:
            self._ran.stopped = ("not_started", f"The command does not start: {error.strerror}.")
        finally:
            for stage in self._ran.stages:
                stage.settle()
        return self._ran

    def _start(self) -> IO[bytes]:
        source: IO[bytes] | int = subprocess.DEVNULL
        if self._command.reads:
            source = inputs.opened(self._command.reads)
        for argv in self._command.pipeline:
            stage = _spawn(argv, self._box, source, self._command.env)
            if not isinstance(source, int):
                source.close()  # or the stage before would never see its reader leave
            self._ran.stages.append(stage)
            source = _stream(stage.process.stdout)
        return _stream(source)

    def _listen(self, output: IO[bytes]) -> None:
        """Read the last stage's output and everybody's complaints until all is closed."""
        said: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ, None)
            for stage in self._ran.stages:
                selector.register(_stream(stage.process.stderr), selectors.EVENT_READ, stage)
            while selector.get_map() and self._ran.stopped is None:
                for key, _ in selector.select(max(0.0, self._deadline - time.monotonic())):
                    chunk = os.read(key.fd, _CHUNK)
                    self._read += len(chunk)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.data is None:
                        said.append(chunk)
                    elif len(key.data.complaints) < 2 * KEPT_BYTES:
                        # Twice what is kept: where they end a secret may be cut, and would not be known.
                        key.data.complaints += chunk
                self._check_limits()
        self._ran.output = b"".join(said)[:MAX_OUTPUT_BYTES]

    def _await_ends(self) -> None:
        pause = 0.0005
        while self._ran.stopped is None and not all(stage.has_ended() for stage in self._ran.stages):
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
            self._check_limits()

    def _check_limits(self) -> None:
        if self._read > MAX_OUTPUT_BYTES:
            self._ran.stopped = ("too_much_output", "It was ended after printing more than 1 MB.")
        elif time.monotonic() > self._deadline:
            message = f"It was ended after {self._command.timeout_seconds:g} s."
            self._ran.stopped = ("timeout", message)


def _spawn(argv: Sequence[str], box: Sandbox, source: IO[bytes] | int, env: Mapping[str, str]) -> _Stage:
    report_fd, status_fd = os.pipe() if box.reports_exit else (None, None)
    filter_fd, env_fd = sandbox.open_filter(box), sandbox.open_env(box, env)
    handed = [descriptor for descriptor in (status_fd, filter_fd, env_fd) if descriptor is not None]
    try:
        process = subprocess.Popen(
            box.wrap(argv, status_fd=status_fd, filter_fd=filter_fd, env_fd=env_fd),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**sandbox.ENVIRONMENT, **(env if env_fd is None else {})},
            cwd="/",
            start_new_session=True,
            pass_fds=handed,
            bufsize=0,
        )
    except BaseException:
        if report_fd is not None:
            os.close(report_fd)
        raise
    finally:
        for descriptor in handed:
            os.close(descriptor)
    return _Stage(argv[0], process, box, report_fd)


def _stream(stream: IO[bytes] | int | None) -> IO[bytes]:
    if stream is None or isinstance(stream, int):
        raise TypeError("a stage has its streams")
    return stream
