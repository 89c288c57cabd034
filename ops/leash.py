"""Starts one program so that it cannot outlive its parent.

    python -I -S leash.py PARENT_PID SIGNAL UID GID PROGRAM [ARGUMENT...]

The process first becomes UID:GID (-1: stays who it is), then asks the kernel to send it SIGNAL when
its parent dies, even by kill -9, and then turns into PROGRAM. A file of its own, and not a function
between fork and exec, because that is unsafe in a process with threads. It is run by path with nothing
but the standard library: the program it starts may not be able to read this checkout.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    parent, signal_number, uid, gid = (int(word) for word in arguments[:4])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        os.umask(0o077)
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("The parent ended before the program began.")
    os.execv(arguments[4], arguments[4:])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[5]} does not start: {error.strerror}")
