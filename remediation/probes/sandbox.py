"""Where commands run: which sandbox this machine offers, and the words that start a command inside it.

A sandbox is built by programs in front of the command (setpriv, bwrap, prlimit), never by Python code
between fork and exec: that would copy the worker's memory map for every probe.

System calls that no probe needs are refused by a filter (see `seccomp`) on the machines that it knows.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from remediation.probes import seccomp

MEGABYTE = 1024 * 1024
CPU_SECONDS = 10
MEMORY_BYTES = 512 * MEGABYTE
PROCESSES = 64
FILE_BYTES = 16 * MEGABYTE
OPEN_FILES = 256
SCRATCH_BYTES = 16 * MEGABYTE
_SCRATCH = "/tmp"  # noqa: S108 - inside the sandbox, where nobody else is

# Only the parts of the system that are the same everywhere; a probe finds no file of ours here.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT: Mapping[str, str] = {"PATH": PATH, "LANG": "C.UTF-8"}

# Commands that neither write, nor start others, nor read more than whether a file is there.
BUILT_IN = frozenset({"true", "false", "test", "echo", "printf", "expr"})

# Debian gives this number to nobody, so its processes are the probes', whatever else runs here.
_PROBE_ID = 65533
_IDS = (f"--reuid={_PROBE_ID}", f"--regid={_PROBE_ID}", "--clear-groups")
_TEST_SECONDS = 10
_HOSTILE_TEST = r"""
for place in / /usr /etc /dev /proc/sys/kernel; do
    if (: > "$place/closeloop-test") 2>/dev/null; then echo "$place can be written"; fi
done
for place in /etc/passwd /home /root /var /run /srv; do
    if [ -e "$place" ]; then echo "$place can be seen"; fi
done
if [ "$(id -u)" = 0 ]; then echo "it runs as root"; fi
if [ "$(grep -c : /proc/net/dev)" != 1 ]; then echo "it has a network"; fi
if [ "$(env | cut -d= -f1 | grep -v -x -e PATH -e LANG -e PWD -e _ -e SHLVL -e OLDPWD)" ]; then
    echo "it inherits the environment"
fi
if unshare --user true 2>/dev/null; then echo "it can make user namespaces"; fi
"""

_FILTER_TEST = """
if ! grep -q "^Seccomp:.2" /proc/self/status; then echo "system calls are not filtered"; fi
"""


class NoSandbox(Exception):
    """This command cannot be run safely enough here; the message says why."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How to start a command. `level` is recorded with the run: "bubblewrap", "built_in" or "none".

    `front` starts the sandbox and `inside` the command in it; a `--json-status-fd` goes between them.
    """

    level: str
    front: tuple[str, ...]
    inside: tuple[str, ...]

    @property
    def reports_exit(self) -> bool:
        """Whether the sandbox itself may fail, and tells on `--json-status-fd` that the command ran."""
        return self.level == "bubblewrap"

    def wrap(
        self, argv: Sequence[str], *, status_fd: int | None = None, filter_fd: int | None = None
    ) -> list[str]:
        """The argument list that runs `argv` inside; `filter_fd` is one of `open_filter`."""
        status = () if status_fd is None else ("--json-status-fd", str(status_fd), "--")
        if filter_fd is not None:
            status = ("--seccomp", str(filter_fd), *(status or ("--",)))
        return [*self.front, *status, *self.inside, *argv]


def choose(pipeline: Sequence[Sequence[str]], *, weakest: str) -> Sandbox:
    """The sandbox for a pipeline: bubblewrap where it works.

    Args:
        weakest: "bubblewrap", or "none" to run anything with mere limits where bubblewrap does not work.

    Raises:
        NoSandbox: there is no bubblewrap, and the pipeline has more than built-in commands.
    """
    found, reason = bubblewrap()
    if found is not None:
        return found
    if all(argv[0] in BUILT_IN for argv in pipeline):
        return Sandbox("built_in", _unboxed(), _limits(is_alone=False))
    if weakest == "none":
        return Sandbox("none", _unboxed(), _limits(is_alone=os.geteuid() == 0))
    raise NoSandbox(reason)


@functools.cache
def bubblewrap() -> tuple[Sandbox | None, str]:
    """The bubblewrap sandbox, tried once per process with a hostile script; or None and the reason."""
    programs = ["bwrap", "prlimit", *(["setpriv"] if os.geteuid() == 0 else [])]
    missing = [name for name in programs if shutil.which(name, path=PATH) is None]
    if missing:
        return None, f"This machine lacks {', '.join(missing)}; install bubblewrap and util-linux."
    reason = ""
    # Newer versions can forbid further user namespaces; older ones do not know the word.
    for extra in (("--disable-userns",), ()):
        sandbox = Sandbox("bubblewrap", (*_as_nobody(), *_bwrap(extra)), _limits(is_alone=True))
        reason = _try(sandbox)
        if not reason:
            return sandbox, ""
    return None, reason


def open_filter(sandbox: Sandbox) -> int | None:
    """A descriptor from which bubblewrap reads the filter once; None without bubblewrap or a filter."""
    program = seccomp.program()
    if sandbox.level != "bubblewrap" or not program:
        return None
    descriptor = os.memfd_create("filter")
    os.write(descriptor, program)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _try(sandbox: Sandbox) -> str:
    """What is wrong with a sandbox, or ""."""
    script = _HOSTILE_TEST + (_FILTER_TEST if seccomp.program() else "")
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
        return f"bubblewrap cannot be run: {type(error).__name__}."
    finally:
        if filter_fd is not None:
            os.close(filter_fd)
    said = (tried.stdout + tried.stderr).decode(errors="replace").strip()
    if tried.returncode != 0:
        return f"bubblewrap does not work here: {said[:300] or f'status {tried.returncode}'}"
    return f"bubblewrap does not hold here: {said[:300]}" if said else ""


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


def _bwrap(extra: Sequence[str]) -> tuple[str, ...]:
    """Namespaces of its own for everything, the system's programs read-only, a small scratch /tmp."""
    words = [_program("bwrap")]
    words += ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    words += ["--unshare-cgroup-try", *extra, "--hostname", "probe"]
    words += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        place = Path("/", name)
        if place.is_symlink():
            words += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            words += ["--ro-bind", str(place), str(place)]
    for name in ("alternatives", "ld.so.cache", "ssl/certs"):
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
