"""The plugin that brings the servers, tried on a run of pytest inside this one."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ops.processes import wait_until

pytestmark = pytest.mark.flow
CHECKOUT = Path(__file__).resolve().parents[2]
SKIPPING = """
import pytest
from tests.services import require_program

def test_needs_a_program():
    require_program("no-such-program", "apt-get install no-such-program")

@pytest.mark.xfail(reason="known", strict=True)
def test_known_to_fail():
    assert False
"""
# They exist, says the environment, so none is started; nobody asks them anything.
NO_SERVERS = {"DATABASE_URL": "postgres:///none", "REDIS_URL": "redis+socket:///none"}
LOOKING = """
import os
import time
import urllib.request
from ops import broker
import psycopg

def test_servers_answer_and_the_world_does_not():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("SELECT 1")
    with broker.connect(os.environ["REDIS_URL"], timeout_seconds=2) as client:
        client.ping()
    open(os.environ["TOLD"], "w").write(os.environ["DATABASE_URL"])
    time.sleep(float(os.environ["LINGER"]))
"""


def inner_pytest(tmp_path: Path, code: str, **env: str) -> subprocess.Popen[str]:
    (tmp_path / "test_inner.py").write_text(code)
    theirs = {"DATABASE_URL", "REDIS_URL", "CLOSELOOP_REQUIRE_ALL"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST") and name not in theirs
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n0",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
        "-c",
        str(CHECKOUT / "pyproject.toml"),
    ]
    return subprocess.Popen(
        [*command, str(tmp_path / "test_inner.py")],
        cwd=CHECKOUT,
        env=kept | {"TMPDIR": "/tmp"} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def folder_of(told: Path) -> Path:
    """The throw-away folder that a run told about through its database's address."""
    return next(
        path for path in Path(tempfile.gettempdir()).glob("closeloop-test-*") if path.name in told.read_text()
    )


def test_missing_program_skips_with_a_hint(tmp_path):
    inner = inner_pytest(tmp_path, SKIPPING, **NO_SERVERS)
    said, _ = inner.communicate(timeout=60)

    assert inner.returncode == 0
    assert "1 skipped, 1 xfailed" in said
    assert "no-such-program is not on this machine; to get it: apt-get install no-such-program" in said


def test_missing_program_fails_when_all_is_required(tmp_path):
    inner = inner_pytest(tmp_path, SKIPPING, **NO_SERVERS, CLOSELOOP_REQUIRE_ALL="1")
    said, _ = inner.communicate(timeout=60)

    assert inner.returncode == 1
    assert "1 failed, 1 xfailed" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_run_leaves_no_server(tmp_path, number):
    told = tmp_path / "told"
    inner = inner_pytest(tmp_path, LOOKING, TOLD=str(told), LINGER="60")
    assert wait_until(lambda: told.exists() and told.read_text() != "", seconds=60), inner.communicate()
    folder = folder_of(told)

    inner.send_signal(number)
    inner.communicate(timeout=120)

    data = str(folder / "servers/postgres-18/data")
    assert wait_until(lambda: not is_named_by_a_process(data), seconds=10)
    assert folder.exists() == (number == signal.SIGKILL)  # a killed run's folder is the next run's to remove


def is_named_by_a_process(text: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                return True
        except OSError:
            continue
    time.sleep(0.05)
    return False
