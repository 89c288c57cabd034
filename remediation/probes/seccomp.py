"""Pure: the filter of system calls for commands, as the bytes that the kernel takes.

A list of what is refused, not of what is allowed: nobody knows what the programs of a probe need. Refused is
what opens the kernel's back rooms: other processes' memory, mounts, namespaces, keys, BPF, io_uring.
"""

from __future__ import annotations

import platform
import struct

_EPERM, _ENOSYS = 1, 38
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_CLONE_NEWUSER = 0x10000000
_TIOCSTI = 0x5412
_INET, _INET6 = 2, 10
_X32 = 0x40000000
# Offsets in struct seccomp_data; arguments are 64 bits wide, and little-endian on these machines.
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

# The same numbers everywhere, for they came after the tables were made one.
_COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_getfd": 438,
    "mount_setattr": 442, "clone3": 435,
}  # fmt: skip
_TABLES = {
    "x86_64": (
        0xC000003E,
        {
            "ioctl": 16, "clone": 56, "ptrace": 101, "syslog": 103, "personality": 135, "pivot_root": 155,
            "socket": 41, "socketpair": 53,
            "chroot": 161, "acct": 163, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
            "reboot": 169, "init_module": 175, "delete_module": 176, "quotactl": 179, "kexec_load": 246,
            "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298,
            "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310,
            "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321,
            "userfaultfd": 323,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "quotactl": 60, "acct": 89,
            "personality": 92, "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
            "syslog": 116, "ptrace": 117, "reboot": 142, "add_key": 217, "request_key": 218, "keyctl": 219,
            "clone": 220, "swapon": 224, "swapoff": 225, "perf_event_open": 241, "name_to_handle_at": 264,
            "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
            "kcmp": 272, "finit_module": 273, "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
            "ioctl": 29, "socket": 198, "socketpair": 199,
        },
    ),
}  # fmt: skip
_WITH_ARGUMENTS = {"clone", "ioctl", "clone3", "personality", "socket", "socketpair"}


def program(machine: str = "", *, denies_local_sockets: bool = False, denies_sockets: bool = False) -> bytes:
    """The filter for this kind of machine; b"" for one that we have no numbers for.

    Args:
        denies_sockets: whether no socket can be made at all; pairs can, for they lead nowhere.
        denies_local_sockets: whether sockets of this machine (Unix, netlink, virtual machines) are refused.
    """
    table = _TABLES.get(machine or platform.machine())
    if table is None:
        return b""
    arch, numbers = table
    numbers = numbers | _COMMON
    lines = [_line(_LOAD, _ARCH), _line(_EQUAL, arch, 1, 0), _line(_RETURN, _KILL), _line(_LOAD, _NUMBER)]
    if arch == _TABLES["x86_64"][0]:
        lines += [_line(_AT_LEAST, _X32, 0, 1), _line(_RETURN, _ERRNO | _ENOSYS)]
    for name in sorted(numbers.keys() - _WITH_ARGUMENTS):
        lines += [_line(_EQUAL, numbers[name], 0, 1), _line(_RETURN, _ERRNO | _EPERM)]
    # Its flags lie in memory, which a filter cannot read; C libraries then fall back to clone.
    lines += [_line(_EQUAL, numbers["clone3"], 0, 1), _line(_RETURN, _ERRNO | _ENOSYS)]
    # A new user namespace would bring every capability inside it.
    lines += [_line(_EQUAL, numbers["clone"], 0, 4), _line(_LOAD, _ARGUMENTS)]
    lines += [_line(_ANY_BIT, _CLONE_NEWUSER, 0, 1), _line(_RETURN, _ERRNO | _EPERM), _line(_RETURN, _ALLOW)]
    if denies_sockets:
        lines += [_line(_EQUAL, numbers["socket"], 0, 1), _line(_RETURN, _ERRNO | _EPERM)]
    elif denies_local_sockets:
        lines += _only_internet(numbers["socket"]) + _only_internet(numbers["socketpair"])
    # Types into the terminal of whoever started us.
    lines += [_line(_EQUAL, numbers["ioctl"], 0, 3), _line(_LOAD, _ARGUMENTS + 8)]
    lines += [_line(_EQUAL, _TIOCSTI, 0, 1), _line(_RETURN, _ERRNO | _EPERM)]
    return b"".join([*lines, _line(_RETURN, _ALLOW)])


def _only_internet(number: int) -> list[bytes]:
    """Sockets of IPv4 and IPv6 go on, those of any other family are refused."""
    return [
        _line(_EQUAL, number, 0, 5),
        _line(_LOAD, _ARGUMENTS),
        _line(_EQUAL, _INET, 2, 0),
        _line(_EQUAL, _INET6, 1, 0),
        _line(_RETURN, _ERRNO | _EPERM),
        _line(_RETURN, _ALLOW),
    ]


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
