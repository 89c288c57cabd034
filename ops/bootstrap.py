"""Builds .venv from the lock files and hands over to the program in it: the only file run by your Python.

    python3 ops/bootstrap.py demo    install what runs Closeloop, then start the demo
    python3 ops/bootstrap.py dev     install what tests and checks need as well, then return

Standard library only, and written so that a Python as old as 3.6 can read it far enough to say that it is
too old. An installation that was cut short is done again; one that is complete is left alone.
"""

import argparse
import ctypes
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:
    sys.exit("Closeloop runs on Linux (on Windows: inside WSL).")

OLDEST = (3, 11)
CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = str(VENV / "bin" / "python")
STATE = CHECKOUT / ".closeloop"
UNFINISHED = VENV / ".closeloop-unfinished"
LOCKS = {"demo": "requirements.txt", "dev": "requirements-dev.txt"}
NEEDED_MB = {"demo": 600, "dev": 1200}
# How pip begins the line in which it turns to another package.
_BEGINNINGS = (b"Collecting", b"Processing", b"Requirement already", b"Ignoring")


def main():
    arguments = read_arguments()
    if arguments.stop_with_parent:
        die_with_parent()
    signal.signal(signal.SIGTERM, stop_by_term)
    try:
        refuse_old_python(sys.version_info)
        install(LOCKS[arguments.what], NEEDED_MB[arguments.what], is_for_developers=arguments.what == "dev")
    except KeyboardInterrupt:
        sys.exit("\nStopped. The next start goes on from here.")
    except OSError as error:
        sys.exit(f"Cannot prepare {error.filename or VENV}: {error.strerror}")
    if arguments.what == "demo":
        os.chdir(CHECKOUT)
        os.execv(PYTHON, [PYTHON, "-m", "ops.demo"])


def read_arguments():
    parser = argparse.ArgumentParser(description="Install Closeloop into .venv and start it.")
    parser.add_argument("what", choices=sorted(LOCKS))
    parser.add_argument(
        "--stop-with-parent", action="store_true", help="end when the caller (make) is killed"
    )
    return parser.parse_args()


def refuse_old_python(version):
    """Exit unless `version`, such as sys.version_info, is new enough."""
    if tuple(version[:2]) >= OLDEST:
        return
    found = f"{sys.executable} is {version[0]}.{version[1]}"
    lines = [f"Closeloop needs Python {OLDEST[0]}.{OLDEST[1]} or newer; {found}."]
    newer = [name for name in ("python3.13", "python3.12", "python3.11") if runs(name)]
    if newer:
        lines.append(f"There is a newer one here: make demo PYTHON={newer[0]}")
    else:
        lines.append(
            "Get one from your system's packages or from https://www.python.org/downloads/ and name it:"
        )
        lines.append("  make demo PYTHON=/path/to/python3.12")
    sys.exit("\n".join(lines))


def runs(name):
    """Whether a program of that name starts: a version manager may offer names with nothing behind them."""
    try:
        return subprocess.call([name, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def install(lock, needed_mb, is_for_developers):
    """Bring .venv to what the lock file names."""
    STATE.mkdir(mode=0o700, exist_ok=True)
    with (STATE / "venv.lock").open("w") as turn:
        take_turn(turn)
        if is_installed(lock):
            return
        refuse_full_disk(needed_mb)
        make_venv()
        # Until this is gone nobody knows which files are whole.
        UNFINISHED.touch()
        pip_install(lock, turn)
        if is_for_developers:
            put_checkout_on_path()
        stamp_of(lock).write_text(fingerprint(lock))
        UNFINISHED.unlink()


def take_turn(turn):
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("Another make is installing into .venv; waiting for it ...")
        fcntl.flock(turn, fcntl.LOCK_EX)


def is_installed(lock):
    if UNFINISHED.exists() or not venv_works():
        return False
    try:
        return stamp_of(lock).read_text() == fingerprint(lock)
    except OSError:
        return False


def stamp_of(lock):
    return VENV / f".closeloop-{lock}"


def fingerprint(lock):
    return hashlib.sha256((CHECKOUT / lock).read_bytes()).hexdigest()


def venv_works():
    """False too when the Python behind .venv was removed, or is too old."""
    test = f"import sys, pip; sys.exit(sys.version_info < {OLDEST!r})"
    try:
        return subprocess.call([PYTHON, "-I", "-c", test], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def refuse_full_disk(needed_mb):
    free_mb = shutil.disk_usage(CHECKOUT).free // (1024 * 1024)
    if free_mb < needed_mb:
        sys.exit(
            f"Not enough space on the disk: {CHECKOUT} has {free_mb} MB free, "
            f"the installation needs {needed_mb} MB."
        )


def make_venv():
    if not UNFINISHED.exists() and venv_works():
        return
    if VENV.is_dir():
        say("Removing .venv: it is broken, or its installation was cut short.")
        shutil.rmtree(VENV)
    say("Making .venv with Python {}.{} ...".format(*sys.version_info[:2]))
    made = subprocess.run(
        [sys.executable, "-m", "venv", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(
            "{} cannot make a virtual environment (its modules venv and ensurepip are needed).\n"
            "On Debian and Ubuntu: apt-get install python3-venv. "
            "Or name another Python: make demo PYTHON=...\n\n"
            "{}".format(sys.executable, made.stdout.decode(errors="replace").strip()[-800:])
        )


def pip_install(lock, turn):
    """Install exactly what the lock names, and show how far it is.

    pip inherits the lock on .venv: should we be killed, the next start waits until pip is done.
    """
    with (CHECKOUT / lock).open() as file:
        total = sum(1 for line in file if "==" in line and not line.startswith((" ", "#")))
    say(f"Installing {total} packages ...")
    command = [PYTHON, "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "-r", lock]
    log_path = STATE / "pip.log"
    pip = subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[turn.fileno()]
    )
    try:
        with log_path.open("wb") as log:
            follow(pip.stdout, log, total)
    finally:
        pip.terminate()
        pip.wait()
    if pip.returncode:
        said = log_path.read_text(errors="replace")
        last = [line for line in said.splitlines() if line.strip()][-12:]
        sys.exit(
            "The installation failed (all of it: {}). pip said:\n  {}\n"
            "Without a way to the package index, set PIP_INDEX_URL or PIP_FIND_LINKS "
            "to one you can reach.".format(log_path, "\n  ".join(last))
        )


def follow(lines, log, total):
    """Copy pip's words to the log and count on the terminal."""
    is_terminal = sys.stdout.isatty()
    done = 0
    for line in lines:
        log.write(line)
        if line.startswith(_BEGINNINGS):
            done += 1
            if is_terminal:
                sys.stdout.write(f"\r\033[K  {min(done, total)}/{total} {name_in(line)}")
            elif done % 20 == 0:
                sys.stdout.write(f"  {min(done, total)}/{total}\n")
        elif line.startswith(b"Installing collected"):
            sys.stdout.write(("\r\033[K" if is_terminal else "") + "  unpacking ...\n")
        sys.stdout.flush()


def name_in(line):
    """b"Collecting django==5.2.19 (from ...)" -> "django"; b"Processing /a/b-1-any.whl" -> "b"."""
    words = line.decode(errors="replace").replace("Requirement already satisfied:", "Collecting").split()
    return re.split("==|-[0-9]|:", words[1].rpartition("/")[2])[0][:40] if len(words) > 1 else ""


def put_checkout_on_path():
    """`.venv/bin/pytest` must find tests/services.py before it reads any setting of pytest's path."""
    find = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = subprocess.check_output([PYTHON, "-I", "-c", find]).decode().strip()
    (Path(folder) / "closeloop-checkout.pth").write_text(f"{CHECKOUT}\n")


def die_with_parent():
    """make may be killed with a signal that it cannot pass on; Linux tells us then."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def stop_by_term(_number, _frame):
    raise KeyboardInterrupt


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
