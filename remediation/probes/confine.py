"""A program that runs another one in a sandbox without namespaces: Landlock, a filter, limits.

For containers, where bubblewrap may make no namespaces. It is started as a program, and imports nothing of
ours but the filter (only the bounds below are read from elsewhere, for they hold in every sandbox):
`python -I -S confine.py [--network none|egress|host] [--env-fd N] [--json-status-fd N] -- ARGUMENTS`

What it starts sees the system's programs and a scratch folder, opens no network of its own, signals nobody
outside, and is ended together with everything that it started, whatever group or session that has joined.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

MEGABYTE = 1024 * 1024
CPU_SECONDS = 10
MEMORY_BYTES = 512 * MEGABYTE
PROCESSES = 64
FILE_BYTES = 16 * MEGABYTE
OPEN_FILES = 256
SCRATCH_BYTES = 16 * MEGABYTE
NOT_CONFINED, NOT_STARTED = 125, 127

# Debian gives this number to nobody, so its processes are the probes', whatever else runs here.
PROBE_ID = 65533
# Scopes of signals and of sockets without a file came with this one.
LEAST_ABI = 6

_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_FILES = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/certs")
_OF_NETWORKS = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_POLL_SECONDS, _QUOTA_SECONDS = 0.01, 0.1

# linux/landlock.h: rights of version 5 and scopes of version 6.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_ALL_RIGHTS = (1 << 16) - 1
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | 1 << 15
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_SOCKETS, _SCOPE_SIGNALS = 1, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_BENEATH, _VERSION_OF_ABI = 1, 1
_SET_PDEATHSIG, _SET_SUBREAPER, _SET_SECCOMP, _SET_NO_NEW_PRIVS, _FILTER = 1, 36, 22, 38, 2

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The version of Landlock that this kernel offers; 0 without any."""
    found: int = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_OF_ABI)
    return max(found, 0)


def filter_for(network: str) -> bytes:
    """The filter of system calls for this network; b"" on a machine that we have no numbers for."""
    seccomp = importlib.import_module("seccomp")
    found: bytes = seccomp.program(denies_local_sockets=network == "egress", denies_sockets=network == "none")
    return found


def confine(scratch: str, network: str, program: bytes) -> None:
    """Bind this process, and all that come from it, for ever.

    Args:
        program: of `filter_for`, made while its source could still be read.

    Raises:
        OSError: the kernel lacks something; then nothing may be run.
    """
    if abi() < LEAST_ABI or not program:
        raise OSError(f"this kernel offers Landlock {abi()}, and {LEAST_ABI} is needed")
    _call(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _restrict(scratch, network)
    buffer = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    _call(_libc.prctl(_SET_SECCOMP, _FILTER, described, 0, 0), "seccomp")


def _restrict(scratch: str, network: str) -> None:
    of_net = _BIND_TCP | _CONNECT_TCP if network == "none" else 0
    scopes = _SCOPE_SIGNALS | (0 if network == "host" else _SCOPE_SOCKETS)
    asked = struct.pack("QQQ", _ALL_RIGHTS, of_net, scopes)
    ruleset = _call(_libc.syscall(_CREATE_RULESET, asked, ctypes.c_size_t(len(asked)), 0), "ruleset")
    for path in (*_PROGRAMS, *_FILES, *(() if network == "none" else _OF_NETWORKS)):
        _allow(ruleset, path, _EXECUTE | _READ_FILE | _READ_DIR)
    for path in _DEVICES:
        _allow(ruleset, path, _READ_FILE | _WRITE_FILE)
    _allow(ruleset, scratch, _ALL_RIGHTS & ~_EXECUTE)
    _call(_libc.syscall(_RESTRICT_SELF, ruleset, 0), "restrict")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    if not Path(path).exists():
        return
    rights &= _ALL_RIGHTS if Path(path).is_dir() else _OF_FILES
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("=Qi", rights, place)
    _call(_libc.syscall(_ADD_RULE, ruleset, _BENEATH, rule, 0), path)
    os.close(place)


def _call(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def limit() -> None:
    """Bound what this process and those that come from it may use."""
    for which, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, PROCESSES),
    ):
        resource.setrlimit(which, (most, most))


def run(argv: Sequence[str], env: Mapping[str, str], network: str) -> tuple[int, bool]:
    """Run a program to its end, or until this process is asked to end; then everything of it is ended.

    Returns:
        Its status (128 + the signal that ended it), and whether it was confined at all.
    """
    is_asked_to_end = False

    def end(_number: int, _frame: object) -> None:
        nonlocal is_asked_to_end
        is_asked_to_end = True

    signal.signal(signal.SIGTERM, end)
    # Should the worker be killed, nobody else would end what runs here.
    _call(_libc.prctl(_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0), "pdeathsig")
    _call(_libc.prctl(_SET_SUBREAPER, 1, 0, 0, 0), "subreaper")
    scratch = tempfile.mkdtemp(prefix="probe-")
    if os.geteuid() == 0:
        os.chown(scratch, PROBE_ID, PROBE_ID)
    program = filter_for(network)
    ready, tells = os.pipe()
    try:
        child = os.fork()
        if child == 0:
            _become(argv, {**env, "HOME": scratch, "TMPDIR": scratch}, scratch, network, program, tells)
        os.close(tells)
        status = _await(child, scratch, lambda: is_asked_to_end)
        return status, bool(os.read(ready, 1))
    finally:
        sweep()
        shutil.rmtree(scratch, ignore_errors=True)


def _become(
    argv: Sequence[str], env: Mapping[str, str], scratch: str, network: str, filtered: bytes, tells: int
) -> None:
    """In the child: never returns."""
    status = NOT_CONFINED
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir(scratch)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(PROBE_ID, PROBE_ID, PROBE_ID)
            os.setresuid(PROBE_ID, PROBE_ID, PROBE_ID)
        program = shutil.which(argv[0], path=env["PATH"])
        limit()
        confine(scratch, network, filtered)
        os.write(tells, b"1")
        status = NOT_STARTED
        if program is None:
            raise FileNotFoundError(f"{argv[0]}: not found")
        os.execve(program, list(argv), dict(env))  # noqa: S606 - that is what this program is for
    except BaseException as problem:  # noqa: BLE001 - a child that goes on would be a second parent
        os.write(2, f"{problem}\n".encode(errors="replace"))
    finally:
        os._exit(status)


def _await(child: int, scratch: str, is_asked_to_end: Callable[[], bool]) -> int:
    """Wait for one process, collect all others that end, and watch the scratch folder."""
    look_at = time.monotonic() + _QUOTA_SECONDS
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code
        if pid:
            continue
        is_over = is_asked_to_end()
        if time.monotonic() > look_at:
            look_at = time.monotonic() + _QUOTA_SECONDS
            is_over = is_over or _size(scratch) > SCRATCH_BYTES
        if is_over:
            os.kill(child, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def sweep() -> None:
    """End every process that is left below this one; those whose parent ended have become children."""
    while True:
        # Stopped first, so that none makes others meanwhile.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in _descendants():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.001)
        except ChildProcessError:
            return


def _descendants() -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(entry.path, "stat").read_text(errors="replace").rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    waiting = children.get(os.getpid(), [])
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])


def _size(folder: str) -> int:
    total = 0
    for place, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += Path(place, name).lstat().st_blocks * 512
    return total


def main(words: Sequence[str]) -> int:
    options, argv = list(words[: words.index("--")]), list(words[words.index("--") + 1 :])
    said = dict(zip(options[::2], options[1::2], strict=True))
    env = dict(os.environ)
    for name in ("--env-fd", "--json-status-fd"):
        if name in said:
            # It is ours: what runs inside could say how it ended, or read what others were given.
            os.set_inheritable(int(said[name]), False)
    if "--env-fd" in said:
        with os.fdopen(int(said["--env-fd"]), "rb") as file:
            env |= json.loads(file.read())
    status, is_confined = run(argv, env, said.get("--network", "none"))
    if "--json-status-fd" in said and is_confined:
        os.write(int(said["--json-status-fd"]), json.dumps({"exit-code": status}).encode())
    return status


if __name__ == "__main__":
    # Its neighbours come last, for some of them have names of the standard library.
    sys.path.append(str(Path(__file__).parent))
    sys.exit(main(sys.argv[1:]))
