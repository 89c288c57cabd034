"""Programs kept together, with small stand-ins for the real ones."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.processes import MARK, CannotStart, Program, end_all, marked, run, tail, wait_until
from ops.supervisor import Supervisor

CHECKOUT = Path(__file__).resolve().parents[2]
# Writes its name when told to stop, and then does.
POLITE = """
import signal, sys, time
def stop(*_):
    with open(sys.argv[2], "a") as file: file.write(sys.argv[1] + " ")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """A mark that only the processes of this test carry; none of them outlives it."""
    name = f"test-{os.getpid()}-{tmp_path.name}"
    yield name
    end_all(lambda: marked(name), gently=signal.SIGKILL, seconds=1)


def program(tmp_path: Path, name: str, code: str, mark: str, *, grace: float = 5.0) -> Program:
    return Program(
        name=name,
        argv=[sys.executable, "-c", code, name, str(tmp_path / "order")],
        cwd=tmp_path,
        log=tmp_path / f"{name}.log",
        env={MARK: mark},
        grace_seconds=grace,
    )


def is_up(program: Program) -> bool:
    return program.log.exists() and b"up" in program.log.read_bytes()


def test_stop_ends_the_highest_stage_first(tmp_path, mark):
    supervisor = Supervisor(print)
    programs = [program(tmp_path, name, POLITE, mark) for name in ("servers", "workers", "web")]
    for stage, each in enumerate(programs):
        supervisor.start(each, stage=stage)
    assert wait_until(lambda: all(map(is_up, programs)), seconds=10)

    supervisor.stop()

    assert (tmp_path / "order").read_text().split() == ["web", "workers", "servers"]
    assert marked(mark) == []


def test_stop_kills_what_will_not_end_and_its_children(tmp_path, mark):
    supervisor = Supervisor(print)
    stubborn = program(tmp_path, "stubborn", STUBBORN, mark, grace=0.2)
    supervisor.start(stubborn, stage=0)
    assert wait_until(lambda: is_up(stubborn), seconds=10)
    assert len(marked(mark)) == 2

    supervisor.stop()

    assert marked(mark) == []


def test_watch_starts_a_program_again_and_gives_up_when_that_does_not_help(tmp_path, mark):
    said: list[str] = []
    supervisor = Supervisor(said.append, first_pause_seconds=0.01)
    supervisor.start(
        program(tmp_path, "web", "print('no module named web'); raise SystemExit(3)", mark), stage=0
    )

    with pytest.raises(CannotStart) as refusal:
        supervisor.watch()

    assert said[0] == "[web] ended (status 3); starting it again in 0.01 s."
    assert len(said) == 4
    assert "web ended 5 times within a minute (last: status 3)" in str(refusal.value)
    assert "no module named web" in str(refusal.value)


def test_watch_repeats_errors_with_the_name_of_the_program(tmp_path, mark):
    said: list[str] = []
    code = "import time; print('up', flush=True); time.sleep(0.4); print('INFO a\\nERROR b', flush=True)"
    supervisor = Supervisor(said.append, first_pause_seconds=0.01)
    talker = program(tmp_path, "worker", code, mark)
    supervisor.start(talker, stage=0)
    assert wait_until(lambda: is_up(talker), seconds=10)

    with pytest.raises(CannotStart):
        supervisor.watch()

    assert said[0] == "[worker] ERROR b"
    assert not any("INFO" in line for line in said)


def test_check_reports_a_program_that_ended(tmp_path, mark):
    supervisor = Supervisor(print)
    child = supervisor.start(program(tmp_path, "beat", "raise SystemExit('no broker')", mark), stage=0)
    assert wait_until(lambda: child.poll() is not None, seconds=10)

    with pytest.raises(CannotStart, match=r"beat ended \(status 1\):\n  no broker"):
        supervisor.check()


def test_run_fails_with_the_last_words(tmp_path, mark):
    with pytest.raises(CannotStart, match=r"migrate failed \(status 2\):\n  relation is missing"):
        run(program(tmp_path, "migrate", "print('relation is missing'); raise SystemExit(2)", mark))


def test_tail_keeps_the_end_of_a_long_log(tmp_path):
    log = tmp_path / "long.log"
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))

    assert tail(log, lines=2) == "  line 9998\n  line 9999"


@pytest.mark.flow
def test_children_end_when_the_supervisor_is_killed(tmp_path, mark):
    script = f"""
import time
from pathlib import Path
from tests.ops.test_supervisor import POLITE, program
from ops.supervisor import Supervisor
Supervisor(print).start(program(Path({str(tmp_path)!r}), "web", POLITE, {mark!r}), stage=0)
time.sleep(60)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT)
    assert wait_until(
        lambda: (tmp_path / "web.log").exists() and b"up" in (tmp_path / "web.log").read_bytes(), seconds=20
    )

    supervisor.kill()
    supervisor.wait()

    assert wait_until(lambda: marked(mark) == [], seconds=5)
    # It was told, and not merely cut off.
    assert (tmp_path / "order").read_text() == "web "


def test_end_all_leaves_others_alone(tmp_path, mark):
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={MARK: f"{mark}-other"}
    )
    ours = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env={MARK: mark})
    assert wait_until(lambda: marked(mark) == [ours.pid], seconds=10)
    began = time.monotonic()

    ended = end_all(lambda: marked(mark), gently=signal.SIGTERM, seconds=5)

    assert ended == 1
    assert ours.wait() == -signal.SIGTERM
    assert other.poll() is None
    assert time.monotonic() - began < 4
    other.kill()
    other.wait()
