"""Where embedded servers may keep their files, as whom they run, and how they reach their programs."""

import hashlib
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import stat
import tempfile
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ops.processes import Account, CannotStart, end_all, living_in

MEGABYTE = 1024 * 1024
_SOCKET_PATH_LIMIT = 107
_LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432")
_UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Place:
    """Where the servers live: data under `folder`, sockets in `sockets`, both run as `account`."""

    folder: Path
    sockets: Path
    account: Account


def choose_place(folder: Path) -> Place:
    """Make `folder` ready for servers, or a stand-in for it.

    Root's servers run as somebody else, who may be unable to reach `folder` (a checkout in /root): then
    the stand-in is a folder in /var/tmp. Likewise sockets whose path would be too long go to /tmp.

    Raises:
        CannotStart: no permission, or something unexpected stands where the folder should be.
    """
    folder = folder.absolute()
    account = _server_account()
    _make_folder(folder, passable=account.uid >= 0)
    if account.uid >= 0 and not _can_reach(folder, account):
        folder = _stand_in_for(folder)
    sockets = folder / "run"
    if len(str(sockets)) + _LONGEST_SOCKET_NAME > _SOCKET_PATH_LIMIT or not _allows_sockets(folder):
        sockets = Path("/tmp") / f"closeloop-{_short_hash(folder)}"
    make_private(sockets, account)
    return Place(folder, sockets, account)


def need_space(folder: Path, needed: int) -> None:
    """Say what is missing before a half-written file does.

    Raises:
        CannotStart: fewer than `needed` bytes are free where `folder` is.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CannotStart(
            f"Not enough space on the disk: {folder} has {free // MEGABYTE} MB free, "
            f"{needed // MEGABYTE} MB are needed. Free some, or set CLOSELOOP_HOME to another disk's folder."
        )


def programs_of(module: str, inside: str, program: str, account: Account) -> Path:
    """A folder of an installed wheel, found without running the wheel's code; the account can run `program`.

    Raises:
        CannotStart: the wheel is not installed, or brings nothing for this machine.
    """
    spec = find_spec(module)
    package = Path(next(iter(spec.submodule_search_locations or []), "")) if spec else Path()
    if not (package / inside / program).is_file():
        raise CannotStart(
            f"The wheel {module} does not bring a server for {platform.system()} on {platform.machine()}. "
            "Set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return runnable(package / inside, program, account, package=package)


def can_run(program: Path, account: Account) -> bool:
    """Whether the account gets through to a program of this machine and may run it."""
    program = program.resolve()
    if account.uid < 0:
        return os.access(program, os.X_OK)
    return _can_reach(program.parent, account) and _may(program.stat(), account, read=0, enter=1)


def runnable(folder: Path, program: str, account: Account, *, package: Path) -> Path:
    """`folder`, or a copy of it from which the account can run the program.

    The copy is shared by all checkouts with the same wheel, root's alone to write, and made once.

    Args:
        program: relative to `folder`.
        package: the installed package that `folder` is in; libraries that the wheel brought stand beside it.
    """
    tree = [folder, (folder / program).parent]
    is_open = all(_may(path.stat(), account, read=1, enter=1) for path in tree)
    if account.uid < 0 or (is_open and _can_reach(folder, account)):
        return folder
    copies = Path("/var/tmp/closeloop-programs")
    _make_folder(copies, passable=True)
    source = (folder / program).stat()
    copy = copies / _short_hash(f"{folder} {source.st_size} {source.st_mtime_ns}")
    inside = folder.relative_to(package.parent)
    if not copy.is_dir():
        need_space(copies, 100 * MEGABYTE)
        new = Path(tempfile.mkdtemp(dir=copies))
        try:
            _copy_readable(folder, new / "tree" / inside)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                _copy_readable(libraries, new / "tree" / libraries.name)
            _publish(new / "tree", copy)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return copy / inside


def _copy_readable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))


def _publish(tree: Path, name: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    try:
        tree.rename(name)
    except OSError:
        if not name.is_dir():  # otherwise another start was quicker
            raise


def _server_account() -> Account:
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise CannotStart(
            f"As root, the servers run as the user {_UNPRIVILEGED}, who does not exist here. "
            "Start as an ordinary user, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def _can_reach(folder: Path, account: Account) -> bool:
    """Whether the account may enter every folder on the way, and the last one."""
    return all(
        _may(path.stat(), account, read=0, enter=1) for path in (folder.resolve(), *folder.resolve().parents)
    )


def _stand_in_for(folder: Path) -> Path:
    """A folder in /var/tmp that belongs to `folder`, which holds its name.

    When somebody has removed `folder` to begin anew, the data must not come back: stand-ins that name
    `folder` but are not named by it are removed.
    """
    name_file = folder / "stand-in"
    if not name_file.exists():
        write_private(name_file, f"/var/tmp/closeloop-data-{secrets.token_hex(8)}")
    stand_in = Path(name_file.read_text())
    for other in Path("/var/tmp").glob("closeloop-data-*"):
        if (
            other != stand_in
            and other.lstat().st_uid == os.geteuid()
            and text_of(other / "of") == str(folder)
        ):
            for data in (other / "postgres-18/data", other / "valkey"):
                end_all(partial(living_in, data), gently=signal.SIGINT, seconds=5)
            shutil.rmtree(other, ignore_errors=True)
    _make_folder(stand_in, passable=True)
    if not (stand_in / "of").exists():
        write_private(stand_in / "of", str(folder))
    return stand_in


def _may(found: os.stat_result, account: Account, *, read: int, enter: int) -> bool:
    wanted = 4 * read + enter
    shift = 6 if found.st_uid == account.uid else 3 if found.st_gid == account.gid else 0
    return (found.st_mode >> shift) & wanted == wanted


def _make_folder(folder: Path, *, passable: bool) -> None:
    """Ours alone; `passable`: others may go through it to what is theirs inside, not list it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        # A stranger may have put it there first, in a folder where everybody may write.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise CannotStart(
                f"{folder} is not a folder of ours that only we can write. Remove it and start again."
            )
        folder.chmod(stat.S_IMODE(found.st_mode) | (0o711 if passable else 0o700))
    except OSError as error:
        raise CannotStart(
            f"No permission to write {folder} ({error.strerror}). Set CLOSELOOP_HOME to a folder of yours."
        ) from None


def make_private(folder: Path, account: Account) -> None:
    """A folder that only the servers' account (and root) may enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    owners = {os.geteuid(), account.uid}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise CannotStart(f"{folder} belongs to somebody else. Remove it and start again.")
    folder.chmod(0o700)
    give(folder, account)


def give(path: Path, account: Account) -> None:
    if account.uid >= 0:
        os.chown(path, account.uid, account.gid)


def write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _allows_sockets(folder: Path) -> bool:
    """Some mounted folders (of the host of a virtual machine, for one) hold files but no sockets."""
    path = folder / f"try-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as attempt:
        try:
            attempt.bind(str(path))
        except OSError:
            return False
    path.unlink()
    return True


def _short_hash(of: object) -> str:
    return hashlib.sha256(str(of).encode()).hexdigest()[:12]


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
