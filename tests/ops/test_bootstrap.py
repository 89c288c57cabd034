"""The part of the set-up that runs on whatever Python a person happens to have."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops import bootstrap

CHECKOUT = bootstrap.CHECKOUT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that needs no packages, so that an installation takes three seconds."""
    (tmp_path / "ops").mkdir()
    shutil.copy(CHECKOUT / "ops/bootstrap.py", tmp_path / "ops")
    (tmp_path / "requirements-dev.txt").write_text("# no packages\n")
    return tmp_path


def run_dev(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "ops/bootstrap.py", "dev"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=120, check=False)


def test_bootstrap_is_readable_by_an_old_python():
    source = (CHECKOUT / "ops/bootstrap.py").read_text()

    ast.parse(source, feature_version=(3, 6))


def test_bootstrap_refuses_an_old_python_in_words():
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; .* is 3\.8\."):
        bootstrap.refuse_old_python((3, 8, 18))


def test_bootstrap_accepts_what_it_asks_for():
    bootstrap.refuse_old_python((3, 11, 0))


@pytest.mark.parametrize("old", ["3.6", "3.7", "3.8", "3.9", "3.10"])
def test_bootstrap_run_by_a_real_old_python_says_so(old):
    versions = sorted(Path.home().glob(f".pyenv/versions/{old}.*/bin/python"))
    found = str(versions[0]) if versions else shutil.which(f"python{old}")
    if not found or subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
        return  # nothing to try it with; the tests above stand for it

    ended = subprocess.run(
        [found, "ops/bootstrap.py", "demo"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("Closeloop needs Python 3.11 or newer")


def test_bootstrap_refuses_a_full_disk_in_words():
    with pytest.raises(SystemExit, match=r"Not enough space on the disk: .* MB free, the installation needs"):
        bootstrap.refuse_full_disk(10**12)


@pytest.mark.flow
def test_bootstrap_installs_once_and_again_when_it_must(checkout: Path):
    lock = checkout / "requirements-dev.txt"

    first = run_dev(checkout)
    second = run_dev(checkout)
    lock.write_text(f"nothing==1 @ file://{checkout}/nothing-1-py3-none-any.whl --hash=sha256:{'0' * 64}\n")
    failed = run_dev(checkout)
    lock.write_text("# no packages, but another file\n")
    after_failure = run_dev(checkout)

    assert (first.returncode, first.stdout.partition(" ")[0]) == (0, "Making"), first.stderr
    assert (second.returncode, second.stdout) == (0, "")
    assert failed.returncode == 1
    assert "The installation failed" in failed.stderr
    # What an installation that was cut short has left in .venv is not trusted.
    assert (after_failure.returncode, after_failure.stdout.partition(":")[0]) == (0, "Removing .venv")


def test_bootstrap_stops_cleanly_on_a_signal(checkout: Path):
    process = subprocess.Popen(
        [sys.executable, "ops/bootstrap.py", "dev"],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not (checkout / ".venv").is_dir():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    _, said = process.communicate(timeout=30)

    assert said.decode().strip() == "Stopped. The next start goes on from here."
