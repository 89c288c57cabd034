"""What commands may do to the machine: nothing. Every attack runs for real."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remediation.probes import sandbox, seccomp, shell
from remediation.probes.result import ProbeResult
from remediation.probes.shell import Command
from tests.servers import free_port
from tests.services import require_program

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")


@pytest.fixture
def bubblewrap():
    require_program("bwrap", "apt-get install bubblewrap")
    box, reason = sandbox.bubblewrap()
    if box is None:
        pytest.skip(f"{reason} To get it: allow unprivileged user namespaces.")
    return box


@pytest.fixture
def no_bubblewrap(monkeypatch):
    """This machine, as if bubblewrap were not installed."""
    monkeypatch.setattr(sandbox, "PATH", "/nowhere")
    sandbox.bubblewrap.cache_clear()
    yield
    sandbox.bubblewrap.cache_clear()


def run(*argv: str, seconds: float = 10, **more: str) -> ProbeResult:
    return shell.run(Command([list(argv)], "success", "", seconds), **more)


def script(text: str, *, seconds: float = 10) -> ProbeResult:
    return run("sh", "-c", text, seconds=seconds)


def python(text: str, *, seconds: float = 10) -> ProbeResult:
    return run("python3", "-I", "-c", text, seconds=seconds)


def processes_with(word: str, *, is_first: bool = False) -> int:
    """How many processes have these words in their arguments, or begin with them."""
    found = 0
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            place = entry.read_bytes().find(word.encode())
            found += place == 0 if is_first else place >= 0
        except OSError:
            continue
    return found


@pytest.mark.usefixtures("bubblewrap")
class TestBubblewrap:
    def test_level_is_recorded(self):
        assert run("true").sandbox == "bubblewrap"

    @pytest.mark.parametrize(
        "place", ["/", "/usr", "/usr/bin", "/etc", "/dev", "/dev/shm", "/proc/sys/kernel"]
    )
    def test_nothing_but_scratch_can_be_written(self, place):
        assert script(f"echo x > {place}/closeloop; test -e {place}/closeloop").outcome == "fail"

    @pytest.mark.parametrize(
        "place", ["/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/run", "/srv"]
    )
    def test_files_of_the_machine_cannot_be_seen(self, place):
        assert run("test", "-e", place).outcome == "fail"

    def test_our_own_files_cannot_be_seen(self):
        assert run("test", "-e", str(Path.cwd())).outcome == "fail"
        assert run("test", "-e", sys.prefix).outcome == "fail"

    def test_scratch_is_empty_private_and_small(self, tmp_path):
        assert script("ls -A /tmp").output == ""
        assert script("echo x > /tmp/a && cat /tmp/a").output == "x\n"
        assert run("test", "-e", "/tmp/a").outcome == "fail"
        assert (
            "8.0M"
            not in script("for i in 1 2 3; do head -c 8M /dev/zero > /tmp/$i; done; ls -lh /tmp/3").output
        )

    def test_environment_holds_path_and_language_alone(self, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "hunter2")

        names = {line.partition("=")[0] for line in run("env").output.splitlines()}

        assert names <= {"PATH", "LANG", "PWD"}

    def test_it_is_nobody_without_rights(self):
        status = dict(line.split(":", 1) for line in run("cat", "/proc/self/status").output.splitlines())

        assert status["Uid"].split() == [status["Uid"].split()[0]] * 4
        assert status["Uid"].split()[0] != "0"
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"].strip() == "1"

    def test_network_is_out_of_reach(self):
        port = free_port()
        listener = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            result = python(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)")
        finally:
            listener.kill()
            listener.wait()
        assert result.outcome == "fail"
        assert "refused" in result.output

    def test_other_processes_cannot_be_seen(self):
        assert len(script("ls -d /proc/[0-9]*").output.split()) <= 4

    def test_new_user_namespaces_are_refused(self):
        assert script("unshare --user --map-root-user true").outcome != "pass"

    def test_memory_is_bounded(self):
        assert "MemoryError" in python("x = bytearray(1 << 30)").output

    def test_processes_are_bounded(self):
        text = "import os, time\nn = 0\n"
        text += "try:\n    while os.fork(): n += 1\n    time.sleep(9)\nexcept OSError: print(n)"
        started = int(python(text).output)

        assert 10 < started < sandbox.PROCESSES

    def test_processor_time_is_bounded(self, monkeypatch):
        monkeypatch.setattr(sandbox, "CPU_SECONDS", 1)
        sandbox.bubblewrap.cache_clear()
        try:
            result = python("while True: pass")
        finally:
            sandbox.bubblewrap.cache_clear()

        assert (result.outcome, result.error_code) == ("error", "bad_exit")
        assert "SIG" in result.error

    def test_time_is_bounded_and_nothing_is_left(self):
        marker = f"31{os.getpid()}"
        started = time.monotonic()

        result = script(f"trap '' TERM INT HUP; (setsid sleep {marker} &); sleep {marker}", seconds=1)

        assert (result.outcome, result.error_code, result.sandbox) == ("error", "timeout", "bubblewrap")
        assert time.monotonic() - started < 3
        time.sleep(0.2)
        assert processes_with(f"sleep\0{marker}") == 0

    def test_what_it_leaves_in_the_background_ends_with_it(self):
        marker = f"32{os.getpid()}"

        result = script(f"setsid sleep {marker} < /dev/null > /dev/null 2>&1 & echo started")

        assert (result.outcome, result.output) == ("pass", "started\n")
        time.sleep(0.2)
        assert processes_with(f"sleep\0{marker}") == 0

    def test_it_cannot_tell_the_sandbox_how_it_ended(self):
        forged = script(
            "for fd in 3 4 5 6 7 8 9; do echo '{ \"exit-code\": 0 }' >&$fd; done 2>/dev/null; kill -9 $$"
        )

        assert (forged.outcome, forged.error_code) == ("error", "bad_exit")

    def test_it_ends_with_the_worker(self):
        marker = f"33{os.getpid()}"
        program = (
            "from remediation.probes.shell import *\n"
            f"run(Command([['sleep', '{marker}']], 'success', '', 60))"
        )
        worker = subprocess.Popen([sys.executable, "-c", program])
        # The program itself, not one that starts it: before, the sandbox is not yet tied to its parent.
        while not processes_with(f"sleep\0{marker}", is_first=True):
            time.sleep(0.05)

        worker.kill()
        worker.wait()

        ends_at = time.monotonic() + 20
        while processes_with(f"sleep\0{marker}") and time.monotonic() < ends_at:
            time.sleep(0.1)
        assert processes_with(f"sleep\0{marker}") == 0


@pytest.mark.usefixtures("no_bubblewrap")
class TestWithoutBubblewrap:
    def test_other_commands_are_refused_with_the_reason(self):
        result = run("kubectl", "get", "pods")

        assert (result.outcome, result.error_code, result.sandbox) == ("error", "no_sandbox", "")
        assert "bwrap" in result.error

    def test_built_in_commands_run_without_our_environment(self):
        result = run("printf", "%s-%d", "a", "5")

        assert (result.outcome, result.output, result.sandbox) == ("pass", "a-5", "built_in")

    @pytest.mark.parametrize("argv", [["/usr/bin/echo", "x"], ["./true"], ["env", "echo", "x"]])
    def test_built_in_means_the_bare_name(self, argv):
        assert run(*argv).error_code == "no_sandbox"

    def test_one_other_command_in_the_pipeline_is_enough_to_refuse(self):
        result = shell.run(Command([["echo", "x"], ["cat"]], "success", "", 5))

        assert result.error_code == "no_sandbox"

    def test_built_in_output_is_bounded(self):
        assert run("printf", "%3000000d", "1").error_code == "too_much_output"

    def test_weaker_than_bubblewrap_has_to_be_asked_for_by_name(self):
        assert run("cat", "/proc/self/cmdline", weakest="none").sandbox == "none"


def test_sandbox_that_does_not_hold_is_not_used(monkeypatch):
    require_program("bwrap", "apt-get install bubblewrap")
    monkeypatch.setattr(sandbox, "_bwrap", lambda extra: ("bwrap", "--bind", "/", "/", "--dev", "/dev"))
    sandbox.bubblewrap.cache_clear()
    try:
        found, reason = sandbox.bubblewrap()
    finally:
        sandbox.bubblewrap.cache_clear()

    assert found is None
    assert "/etc/passwd can be seen" in reason


# -- system calls

_CALLS = """
import ctypes, platform
numbers = {
    "x86_64": (101, 165, 250, 272, 308, 321, 323, 425),
    "aarch64": (117, 40, 219, 97, 268, 280, 282, 425),
}
libc = ctypes.CDLL(None, use_errno=True)
for number in numbers[platform.machine()]:
    result = libc.syscall(number, 0, 0, 0, 0, 0)
    print(number, result, ctypes.get_errno())
print("clone3", libc.syscall(435, 0, 0), ctypes.get_errno())
"""


@pytest.mark.usefixtures("bubblewrap")
def test_dangerous_system_calls_are_refused():
    if not seccomp.program():
        pytest.skip("There are no numbers of system calls for this kind of machine.")

    *refused, clone3 = python(_CALLS).output.splitlines()

    assert [line.split()[1:] for line in refused] == [["-1", "1"]] * 8
    assert clone3 == "clone3 -1 38"


@pytest.mark.usefixtures("bubblewrap")
def test_ordinary_programs_run_under_the_filter():
    said = python(
        "import subprocess, threading\n"
        "thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()\n"
        "print(subprocess.check_output(['sh', '-c', 'echo child | cat']).decode())"
    )

    assert (said.outcome, said.output.split()) == ("pass", ["thread", "child"])


def test_filter_is_the_kernels_form_and_unknown_machines_have_none():
    assert seccomp.program("mips") == b""
    for machine in ("x86_64", "aarch64"):
        assert len(seccomp.program(machine)) % 8 == 0


@pytest.mark.usefixtures("bubblewrap")
def test_command_sees_neither_secrets_of_the_worker_nor_its_environment(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://closeloop:the-password@db/closeloop")
    monkeypatch.setenv("PROBE_SIGNING_KEY", "the-signing-key")

    reading = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; ls /proc"
    said = script(f"{reading}; cat /proc/{os.getpid()}/environ 2>&1; true")

    assert "the-password" not in said.output
    assert "the-signing-key" not in said.output
    assert str(os.getpid()) not in said.output.split()
