"""Where commands run: which sandbox this machine offers, and the words that start a command inside it.

A sandbox is built by programs in front of the command (setpriv, bwrap, prlimit), never by Python code
between fork and exec: that would copy the worker's memory map for every probe.

System calls that no probe needs are refused by a filter (see `seccomp`) on the machines that it knows.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from remediation.probes import seccomp
from remediation.probes.confine import (
    CPU_SECONDS,
    FILE_BYTES,
    MEMORY_BYTES,
    OPEN_FILES,
    PROBE_ID,
    PROCESSES,
    SCRATCH_BYTES,
)

_SCRATCH = "/tmp"  # noqa: S108 - inside the sandbox, where nobody else is

# Only the parts of the system that are the same everywhere; a probe finds no file of ours here.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT: Mapping[str, str] = {"PATH": PATH, "LANG": "C.UTF-8"}

# Commands that neither write, nor start others, nor read more than whether a file is there.
BUILT_IN = frozenset({"true", "false", "test", "echo", "printf", "expr"})

_IDS = (f"--reuid={PROBE_ID}", f"--regid={PROBE_ID}", "--clear-groups")
_TEST_SECONDS = 10
_HOSTILE_TEST = r"""
for place in / /usr /etc /dev /proc/sys/kernel; do
    if (: > "$place/closeloop-test") 2>/dev/null; then echo "$place can be written"; fi
done
for place in /etc/passwd /home /root /var /run /srv; do
    if [ -e "$place" ]; then echo "$place can be seen"; fi
done
if [ "$(id -u)" = 0 ]; then echo "it runs as root"; fi
if [ "$(env | cut -d= -f1 | grep -v -x -e PATH -e LANG -e PWD -e _ -e SHLVL -e OLDPWD)" ]; then
    echo "it inherits the environment"
fi
if unshare --user true 2>/dev/null; then echo "it can make user namespaces"; fi
"""

# Without namespaces what is there can be seen; it can neither be read nor written, and nobody be signalled.
_HOSTILE_TEST_OF_LANDLOCK = r"""
for place in / /usr /etc /dev /tmp /var/tmp /dev/shm; do
    if (: > "$place/closeloop-test") 2>/dev/null; then echo "$place can be written"; fi
done
for place in /etc/passwd /proc/self/environ /proc/%(pid)d/environ /proc/%(pid)d/cmdline; do
    if (: < "$place") 2>/dev/null; then echo "$place can be read"; fi
done
for place in /home /root /var /run /srv /tmp /proc; do
    if ls "$place" >/dev/null 2>&1; then echo "$place can be listed"; fi
done
if [ "$(id -u)" = 0 ]; then echo "it runs as root"; fi
if kill -0 %(pid)d 2>/dev/null || kill -0 "$PPID" 2>/dev/null; then echo "it can signal others"; fi
names="-e PATH -e LANG -e PWD -e _ -e SHLVL -e OLDPWD -e HOME -e TMPDIR"
if [ "$(env | cut -d= -f1 | grep -v -x $names)" ]; then echo "it inherits the environment"; fi
if unshare --user true 2>/dev/null; then echo "it can make user namespaces"; fi
"""
_NETWORK_TEST = """
if [ "$(grep -c : /proc/net/dev)" != 1 ]; then echo "it has a network"; fi
"""
# Places are those of servers that we are ourselves meanwhile, and the one where clouds give out credentials.
_OWN_SERVERS_TEST = """
for place in %s 169.254.169.254/80; do
    if timeout 1 bash -c "exec 3<>/dev/tcp/$place" 2>/dev/null; then
        echo "this machine's own services can be reached: deny its addresses to the probes' user first"
        break
    fi
done
"""
_FILTER_TEST = """
if ! grep -q "^Seccomp:.2" /proc/self/status; then echo "system calls are not filtered"; fi
"""


class NoSandbox(Exception):
    """This command cannot be run safely enough here; the message says why."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How to start a command. `level` is recorded with the run: "bubblewrap", "landlock", "built_in", "none".

    `front` starts the sandbox and `inside` the command in it; a `--json-status-fd` goes between them.
    """

    level: str
    front: tuple[str, ...]
    inside: tuple[str, ...]
    network: str = "none"

    @property
    def reports_exit(self) -> bool:
        """Whether the sandbox itself may fail, and tells on `--json-status-fd` that the command ran."""
        return self.level in {"bubblewrap", "landlock"}

    @property
    def ends_when_asked(self) -> bool:
        """Whether what runs inside would outlive a sandbox that is killed, which is asked to end first."""
        return self.level == "landlock"

    def wrap(
        self,
        argv: Sequence[str],
        *,
        status_fd: int | None = None,
        filter_fd: int | None = None,
        env_fd: int | None = None,
    ) -> list[str]:
        """The argument list that runs `argv` inside.

        Args:
            filter_fd, env_fd: of `open_filter` and `open_env`.
        """
        words = []
        for option, descriptor in (
            ("--args" if self.level == "bubblewrap" else "--env-fd", env_fd),
            ("--seccomp", filter_fd),
            ("--json-status-fd", status_fd),
        ):
            words += [] if descriptor is None else [option, str(descriptor)]
        ends = ["--"] if words or self.level == "landlock" else []
        return [*self.front, *words, *ends, *self.inside, *argv]


def choose(pipeline: Sequence[Sequence[str]], *, weakest: str, network: str = "none") -> Sandbox:
    """The sandbox for a pipeline: bubblewrap where it works.

    Args:
        weakest: "bubblewrap"; where it does not work "landlock" does without namespaces, and "none" runs
            anything with mere limits.
        network: "none"; "egress", other machines and nothing of this one; "host", all that it reaches.

    Raises:
        NoSandbox: there is no bubblewrap, and the pipeline has more than built-in commands.
    """
    found, reason = bubblewrap(network)
    if found is not None:
        return found
    if weakest == "landlock":
        found, why = landlock(network)
        if found is not None:
            return found
        reason = f"{reason} {why}"
    if all(argv[0] in BUILT_IN for argv in pipeline):
        return Sandbox("built_in", _unboxed(), _limits(is_alone=False))
    if weakest == "none":
        return Sandbox("none", _unboxed(), _limits(is_alone=os.geteuid() == 0))
    raise NoSandbox(reason)


@functools.cache
def bubblewrap(network: str = "none") -> tuple[Sandbox | None, str]:
    """The bubblewrap sandbox with this network, attacked once per process; or None and the reason."""
    programs = ["bwrap", "prlimit", *(["setpriv"] if os.geteuid() == 0 else [])]
    missing = [name for name in programs if shutil.which(name, path=PATH) is None]
    if missing:
        return None, f"This machine lacks {', '.join(missing)}; install bubblewrap and util-linux."
    reason = ""
    # Newer versions can forbid further user namespaces; older ones do not know the word.
    for extra in (("--disable-userns",), ()):
        front = (*_as_nobody(), *_bwrap(extra, network))
        sandbox = Sandbox("bubblewrap", front, _limits(is_alone=True), network)
        reason = _try(sandbox)
        if not reason:
            return sandbox, ""
    return None, reason


@functools.cache
def landlock(network: str = "none") -> tuple[Sandbox | None, str]:
    """The sandbox without namespaces (see `confine`), attacked once per process; or None and the reason."""
    program = str(Path(__file__).with_name("confine.py"))
    front = (sys.executable, "-I", "-S", program, "--network", network)
    sandbox = Sandbox("landlock", front, (), network)
    reason = _try(sandbox)
    return (None, reason) if reason else (sandbox, "")


def open_filter(sandbox: Sandbox) -> int | None:
    """A descriptor from which bubblewrap reads the filter once; None without bubblewrap or a filter."""
    # Who shares a network namespace shares its sockets without a file, and any may control something.
    program = seccomp.program(denies_local_sockets=sandbox.network == "egress")
    if sandbox.level != "bubblewrap" or not program:
        return None
    return _memory(program)


def open_env(sandbox: Sandbox, env: Mapping[str, str]) -> int | None:
    """A descriptor from which the sandbox reads variables once; its command line is there for all to see."""
    if not sandbox.reports_exit or not env:
        return None
    if sandbox.level == "landlock":
        return _memory(json.dumps(dict(env)).encode())
    words = [word for name, value in env.items() for word in ("--setenv", name, value)]
    return _memory(b"".join(word.encode() + b"\0" for word in words))


def _memory(content: bytes) -> int:
    """A file that lies nowhere, to be read from its beginning."""
    descriptor = os.memfd_create("probe")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _try(sandbox: Sandbox) -> str:
    """What is wrong with a sandbox, or ""."""
    with ExitStack() as listening:
        return _attack(sandbox, own_places=_listen(listening))


def _listen(listening: ExitStack) -> list[str]:
    """Become a server on all addresses of this machine; those of them that matter, as `address/port`."""
    places = []
    for family, wildcard, addresses in (
        (socket.AF_INET, "0.0.0.0", ["127.0.0.1", *_own_addresses()]),  # noqa: S104 - nothing is accepted
        (socket.AF_INET6, "::", ["::1"]),
    ):
        with suppress(OSError):
            server = listening.enter_context(socket.socket(family))
            server.bind((wildcard, 0))
            server.listen()
            places += [f"{address}/{server.getsockname()[1]}" for address in addresses]
    return places


def _own_addresses() -> list[str]:
    """Some IPv4 addresses of this machine that are no loopback, as the kernel's table of routes has them."""
    try:
        routes = Path("/proc/net/fib_trie").read_text()
    except OSError:
        return []
    found = re.findall(r"-- ([0-9.]+)\n\s+/32 host LOCAL", routes)
    return [address for address in dict.fromkeys(found) if not address.startswith("127.")][:3]


def _attack(sandbox: Sandbox, *, own_places: Sequence[str]) -> str:
    own_servers = _OWN_SERVERS_TEST % " ".join(own_places)
    if sandbox.level == "landlock":
        script = _HOSTILE_TEST_OF_LANDLOCK % {"pid": os.getpid()}
    else:
        script = _HOSTILE_TEST + (_FILTER_TEST if seccomp.program() else "")
    if sandbox.network == "none":
        script += own_servers if sandbox.level == "landlock" else _NETWORK_TEST
    elif sandbox.network == "egress":
        script += own_servers
    filter_fd = open_filter(sandbox)
    # Without any descriptor the words that end bwrap's options must still be there.
    argv = sandbox.wrap(["sh", "-c", script], filter_fd=filter_fd)
    if filter_fd is None:
        argv = [*sandbox.front, "--", *sandbox.inside, "sh", "-c", script]
    try:
        tried = subprocess.run(
            argv,
            pass_fds=() if filter_fd is None else (filter_fd,),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TEST_SECONDS,
            check=False,
            env=dict(ENVIRONMENT),
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        said = getattr(error, "strerror", None) or f"it did not end within {_TEST_SECONDS} s"
        return f"{sandbox.level} cannot be run: {said}."
    finally:
        if filter_fd is not None:
            os.close(filter_fd)
    said = (tried.stdout + tried.stderr).decode(errors="replace").strip()
    if tried.returncode != 0:
        return f"{sandbox.level} does not work here: {said[:300] or f'status {tried.returncode}'}"
    return f"{sandbox.level} does not hold here: {said[:300]}" if said else ""


def _as_nobody() -> tuple[str, ...]:
    """As root, become a user without rights first: root's processes are not counted by the kernel."""
    if os.geteuid() != 0:
        return ()
    return (_program("setpriv"), *_IDS, "--no-new-privs", "--")


def _unboxed() -> tuple[str, ...]:
    """Without namespaces, at least: no rights, and no life after the worker's."""
    if shutil.which("setpriv", path=PATH) is None:
        return ()
    ids = _IDS if os.geteuid() == 0 else ()
    return (_program("setpriv"), *ids, "--no-new-privs", "--pdeathsig=KILL", "--")


def _bwrap(extra: Sequence[str], network: str) -> tuple[str, ...]:
    """Namespaces of its own for everything, the system's programs read-only, a small scratch /tmp."""
    words = [_program("bwrap")]
    words += ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts"]
    words += ["--unshare-net"] if network == "none" else []
    words += ["--unshare-cgroup-try", *extra, "--hostname", "probe"]
    words += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        place = Path("/", name)
        if place.is_symlink():
            words += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            words += ["--ro-bind", str(place), str(place)]
    names = () if network == "none" else ("resolv.conf", "hosts", "nsswitch.conf", "gai.conf")
    for name in ("alternatives", "ld.so.cache", "ssl/certs", *names):
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(SCRATCH_BYTES), "--tmpfs", _SCRATCH]
    # /dev and / are memory too, without a quota.
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", _SCRATCH, "--clearenv"]
    for name, value in ENVIRONMENT.items():
        words += ["--setenv", name, value]
    return (*words, "--cap-drop", "ALL", "--new-session", "--die-with-parent")


def _limits(*, is_alone: bool) -> tuple[str, ...]:
    """Words that bound what one command may use.

    Args:
        is_alone: whether the command's user runs nothing else, so that its processes may be counted.
    """
    if shutil.which("prlimit", path=PATH) is None:
        return ()
    bounds = [f"--cpu={CPU_SECONDS}", f"--as={MEMORY_BYTES}", f"--fsize={FILE_BYTES}"]
    bounds += [f"--nofile={OPEN_FILES}", "--core=0", *([f"--nproc={PROCESSES}"] if is_alone else [])]
    return (_program("prlimit"), *bounds, "--")


def _program(name: str) -> str:
    return shutil.which(name, path=PATH) or name
