"""What commands may do to the machine: nothing. Every attack runs for real."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from remediation.probes import sandbox, seccomp, shell
from remediation.probes.result import ProbeResult
from remediation.probes.shell import Command
from tests.servers import free_port, wait_until
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


def own_servers() -> list[str]:
    """Python that connects to the database, and to the broker, of these tests."""
    database = settings.DATABASES["default"]
    broker = urlsplit(settings.REDIS_URL)
    host, port = str(database["HOST"]), int(database["PORT"] or 5432)
    places = [
        f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port),
        broker.path
        if "unix" in broker.scheme or "socket" in broker.scheme
        else (broker.hostname, broker.port),
    ]
    return [
        f"socket.create_connection({place!r}, 2).close()"
        if isinstance(place, tuple)
        else f"s = socket.socket(socket.AF_UNIX); s.connect({place!r}); s.close()"
        for place in places
    ]


def networked(network: str, text: str) -> ProbeResult:
    argv = ["python3", "-I", "-c", f"import socket; {text}"]
    return shell.run(Command([argv], "success", "", 10, network=network))


@pytest.fixture
def listener():
    """A server of this machine, as its database would be."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


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

    def test_own_database_and_broker_are_out_of_reach(self):
        for connects in own_servers():
            exec(f"import socket; {connects}")
            result = python(f"import socket; {connects}")

            assert result.outcome == "fail"
            assert "Error" in result.output

    def test_socket_without_a_file_is_out_of_reach(self):
        with socket.socket(socket.AF_UNIX) as nameless:
            nameless.bind("\0closeloop-probe-test")
            nameless.listen()
            result = python("import socket; socket.socket(socket.AF_UNIX).connect('\\0closeloop-probe-test')")

        assert result.outcome == "fail"
        assert "Error" in result.output

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


@pytest.fixture
def landlocked(no_bubblewrap):
    """Runs a script in the sandbox without namespaces, which this machine must offer."""
    found, reason = sandbox.landlock()
    if found is None:
        pytest.skip(f"{reason} To get it: a kernel of version 6.12 with Landlock.")

    def runs(text: str, *, seconds: float = 10, program: str = "sh", **more: object) -> ProbeResult:
        argv = ["sh", "-c", text] if program == "sh" else ["python3", "-I", "-c", text]
        return shell.run(Command([argv], "success", "", seconds, **more), weakest="landlock")

    return runs


class TestLandlock:
    """The same attacks where no namespaces can be made, as in most containers."""

    def test_level_is_recorded_and_has_to_be_asked_for_by_name(self, landlocked):
        assert landlocked("true").sandbox == "landlock"
        assert run("cat").error_code == "no_sandbox"

    @pytest.mark.parametrize("place", ["/", "/usr", "/etc", "/dev", "/dev/shm", "/tmp", "/var/tmp", "/root"])
    def test_nothing_but_scratch_can_be_written(self, landlocked, place):
        landlocked(f"echo x > {place}/closeloop-landlock")

        assert not Path(place, "closeloop-landlock").exists()

    @pytest.mark.parametrize("place", ["/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/1/maps"])
    def test_files_of_the_machine_cannot_be_read(self, landlocked, place):
        assert landlocked(f"cat {place}").outcome != "pass"

    def test_our_own_files_and_secrets_cannot_be_read(self, landlocked):
        for place in (__file__, f"/proc/{os.getpid()}/environ", f"/proc/{os.getppid()}/cmdline"):
            assert landlocked(f"cat {place}").outcome != "pass"
        assert landlocked(f"ls {Path.cwd()}").outcome != "pass"

    def test_scratch_is_private_small_and_gone_afterwards(self, landlocked):
        found = landlocked('echo x > "$TMPDIR/a"; cat a; pwd').output.splitlines()
        large = landlocked("for i in 1 2 3; do head -c 8M /dev/zero > $i; done; sleep 5; echo stayed")

        assert found[0] == "x"
        assert not Path(found[1]).exists()
        assert "stayed" not in large.output
        assert large.outcome == "error"

    def test_environment_is_empty(self, landlocked, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "hunter2")

        names = {line.partition("=")[0] for line in landlocked("env").output.splitlines()}

        assert names <= {"PATH", "LANG", "PWD", "HOME", "TMPDIR", "_", "SHLVL", "OLDPWD", "LC_CTYPE"}

    def test_it_is_nobody(self, landlocked):
        assert landlocked("id -u").output != "0\n"

    def test_own_database_and_broker_are_out_of_reach(self, landlocked):
        for connects in own_servers():
            exec(f"import socket; {connects}")
            result = landlocked(f"import socket; {connects}", program="python")

            assert result.outcome == "fail"
            assert "Permission" in result.output

    def test_no_socket_can_be_made(self, landlocked, listener):
        for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"):
            asks = f"import socket; socket.socket(socket.{family}, socket.SOCK_DGRAM)"
            assert landlocked(asks, program="python").outcome == "fail"

    def test_host_network_has_to_be_approved_and_reaches_this_machine(self, landlocked, listener):
        connects = f"import socket; socket.create_connection(('127.0.0.1', {listener}), 2)"

        assert landlocked(connects, program="python", network="host").outcome == "pass"
        assert landlocked(connects, program="python").outcome == "fail"

    def test_nobody_outside_can_be_signalled(self, landlocked):
        victim = subprocess.Popen(["sleep", "60"])
        try:
            result = landlocked(f"kill -9 {victim.pid} $PPID {os.getpid()}; kill -9 -1; echo stayed")
            assert victim.poll() is None
        finally:
            victim.kill()
            victim.wait()
        assert result.error_code in {"", "bad_exit"}

    def test_other_processes_cannot_be_traced_nor_namespaces_made(self, landlocked):
        assert landlocked("unshare --user --map-root-user true").outcome != "pass"
        traces = f"import ctypes; raise SystemExit(ctypes.CDLL(None).ptrace(16, {os.getpid()}, 0, 0) != -1)"
        assert landlocked(traces, program="python").outcome == "pass"

    def test_memory_and_processes_are_bounded(self, landlocked):
        forks = "import os, time\nn = 0\n"
        forks += "try:\n    while os.fork(): n += 1\n    time.sleep(9)\nexcept OSError: print(n)"

        assert "MemoryError" in landlocked("x = bytearray(1 << 30)", program="python").output
        assert 0 < int(landlocked(forks, program="python").output) < sandbox.PROCESSES

    def test_time_is_bounded_and_nothing_is_left(self, landlocked):
        marker = f"34{os.getpid()}"
        started = time.monotonic()

        result = landlocked(f"trap '' TERM INT HUP; (setsid sleep {marker} &); sleep {marker}", seconds=1)

        assert (result.outcome, result.error_code) == ("error", "timeout")
        assert time.monotonic() - started < 5
        assert processes_with(f"sleep\0{marker}") == 0

    def test_daemon_ends_with_what_started_it(self, landlocked):
        marker = f"35{os.getpid()}"

        result = landlocked(f"(setsid setsid sleep {marker} < /dev/null > /dev/null 2>&1 &) & echo started")

        assert (result.outcome, result.output) == ("pass", "started\n")
        assert processes_with(f"sleep\0{marker}") == 0

    def test_fork_bomb_ends(self, landlocked):
        marker = f"36{os.getpid()}"

        landlocked(f"f() {{ sleep {marker} & f | f & }}; f; sleep 5", seconds=2)

        assert processes_with(f"sleep\0{marker}") == 0

    def test_it_cannot_say_how_it_ended(self, landlocked):
        forged = landlocked(
            "for fd in 3 4 5 6 7 8 9; do echo '{ \"exit-code\": 0 }' >&$fd; done 2>/dev/null; kill -9 $$"
        )

        assert (forged.outcome, forged.error_code) == ("error", "bad_exit")

    def test_program_that_is_missing_is_an_error(self, landlocked):
        result = shell.run(Command([["no-such-program"]], "success", "", 5), weakest="landlock")

        assert (result.outcome, result.error_code) == ("error", "not_started")

    def test_secret_is_given_and_stands_on_no_command_line(self, landlocked):
        env = {"TOKEN_A": "hunter2-hunter2"}

        assert landlocked('test "$TOKEN_A" = hunter2-hunter2', env=env).outcome == "pass"
        assert landlocked("echo $TOKEN_A", env=env).output == "[secret]\n"

    def test_it_ends_with_the_worker(self, landlocked):
        marker = f"37{os.getpid()}"
        program = (
            "from remediation.probes import sandbox; sandbox.PATH = '/nowhere'\n"
            "from remediation.probes.shell import Command, run\n"
            f"run(Command([['sleep', '{marker}']], 'success', '', 60), weakest='landlock')"
        )
        worker = subprocess.Popen([sys.executable, "-c", program])
        wait_until(lambda: bool(processes_with(f"sleep\0{marker}", is_first=True)))

        worker.kill()
        worker.wait()

        wait_until(lambda: not processes_with(f"sleep\0{marker}"), what="the end of the command")


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
    monkeypatch.setattr(
        sandbox, "_bwrap", lambda extra, network: ("bwrap", "--bind", "/", "/", "--dev", "/dev")
    )
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


@pytest.mark.usefixtures("bubblewrap")
class TestNetworks:
    """A command has the network that was approved with it, and none unless it says so."""

    def test_host_reaches_what_this_machine_reaches(self, listener):
        connects = f"socket.create_connection(('127.0.0.1', {listener}), 2)"

        assert networked("host", connects).outcome == "pass"
        assert networked("none", connects).outcome == "fail"

    def test_egress_is_refused_where_own_servers_could_be_reached(self, listener):
        result = networked("egress", f"socket.create_connection(('127.0.0.1', {listener}), 2)")

        # Where somebody denies loopback to the probes' user it runs, and finds nothing there.
        assert result.outcome in {"error", "fail"}
        if result.outcome == "error":
            assert result.error_code == "no_sandbox"
            assert "own services can be reached" in result.error

    def test_egress_has_no_sockets_but_those_of_the_internet(self):
        box = sandbox.Sandbox("bubblewrap", (), (), "egress")
        program = os.read(sandbox.open_filter(box), 65536)

        assert program == seccomp.program(denies_local_sockets=True)
        assert len(program) > len(seccomp.program())

    def test_egress_holds_where_own_servers_are_out_of_reach(self):
        """In a network namespace whose loopback is down, as where a firewall denies it to the probes."""
        program = (
            "from remediation.probes import sandbox, shell\n"
            "def run(family):\n"
            "    asks = f'import socket; socket.socket(socket.{family})'\n"
            "    argv = ['python3', '-I', '-c', asks]\n"
            "    return shell.run(shell.Command([argv], 'success', '', 10, network='egress')).outcome\n"
            "print(sandbox.bubblewrap('egress')[1], run('AF_INET'), run('AF_UNIX'), run('AF_NETLINK'))"
        )
        alone = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
        ran = subprocess.run(
            [*alone, sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        if ran.returncode and "unshare failed" in ran.stderr:
            pytest.skip("No network namespace can be made here. To get it: allow user namespaces.")

        assert (ran.stdout.split(), ran.stderr) == (["pass", "fail", "fail"], "")
