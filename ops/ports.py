"""Is a TCP port free, and if not, whose is it?"""

import errno
import os
import socket
from pathlib import Path

from ops.processes import CannotStart

_DEFAULT = 8000
_LISTENING = "0A"  # in /proc/net/tcp


def wanted(text: str) -> int:
    """The port that PORT names.

    Raises:
        CannotStart: it is no port number.
    """
    if not text.strip():
        return _DEFAULT
    if text.strip().isascii() and text.strip().isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise CannotStart(f"PORT must be a number from 1 to 65535, not {text[:40]!r}.")


def refuse_taken(port: int) -> None:
    """Try the port on 127.0.0.1.

    Raises:
        CannotStart: taken (the message says by whom, where that can be known) or not allowed to us.
    """
    problem = _problem_with(port)
    if problem == errno.EADDRINUSE:
        free = next(
            (other for other in range(port + 1, min(port + 100, 65536)) if _problem_with(other) == 0), None
        )
        advice = f" Choose another one: make demo PORT={free}" if free else ""
        raise CannotStart(f"Port {port} is taken{_by_whom(port)}.{advice}")
    if problem:
        raise CannotStart(f"Port {port} cannot be used: {os.strerror(problem)}. Try make demo PORT=8000")


def kept(file: Path) -> int:
    """A free port of 127.0.0.1, the one of last time where it still is; `file` remembers it."""
    try:
        port = int(file.read_text())
    except (OSError, ValueError):
        port = 0
    if not 0 < port < 65536 or _problem_with(port):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        file.write_text(str(port))
    return port


def _problem_with(port: int) -> int:
    """Zero, or the error number of an attempt to listen there."""
    with socket.socket() as attempt:
        # As servers do: a port whose last connections still fade away is free.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
            attempt.listen()
        except OSError as error:
            return error.errno or errno.EIO
    return 0


def _by_whom(port: int) -> str:
    """A clause such as " by nginx (process 12)", or nothing where the system does not tell."""
    sockets = {f"socket:[{inode}]" for inode in _listeners(port)}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(handle.readlink()) in sockets for handle in (entry / "fd").iterdir()):
                return f" by {(entry / 'comm').read_text().strip()} (process {entry.name})"
        except OSError:
            continue  # somebody else's, or just ended
    return ""


def _listeners(port: int) -> list[str]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                found.append(columns[9])
    return found
