"""What the demo finds of Prometheus on a machine, and what it says about it."""

import sys
from pathlib import Path

import pytest

from ops import ports, prometheus
from ops.processes import Account
from ops.supervisor import Supervisor
from ops.surroundings import Surroundings
from tests.services import require_program

HOW_TO_GET = "apt-get install prometheus"


def surroundings(home: Path) -> Surroundings:
    (home / "logs").mkdir(exist_ok=True)
    return Surroundings(home, checkout=Path.cwd(), python=sys.executable, mark="of-a-test")


@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        ("echo 'prometheus, version 2.42.0 (branch: x)'", True),
        ("echo 'prometheus, version 1.8.2 (branch: x)' >&2", False),
        ("exit 3", False),
    ],
)
def test_only_a_program_that_says_it_is_prometheus_is_taken(tmp_path, monkeypatch, body, is_taken):
    program = tmp_path / "prometheus"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert prometheus.find(Account()) == (program if is_taken else None)


def test_no_prometheus_on_path_is_said_with_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    tmp_path.chmod(0o711)
    around = surroundings(tmp_path)
    supervisor = Supervisor(print)

    try:
        around.start(supervisor, stage=0)
        around.await_ready()

        assert around.prometheus_url == ""
        assert HOW_TO_GET in around.words("RI-2026-0013")
        assert "RI-2026-0013" not in around.words("RI-2026-0013")
    finally:
        supervisor.stop()


def test_prometheus_is_said_with_what_to_try(tmp_path):
    require_program("prometheus", HOW_TO_GET)
    tmp_path.chmod(0o711)
    around = surroundings(tmp_path)
    supervisor = Supervisor(print)

    try:
        around.start(supervisor, stage=0)
        around.await_ready()

        words = around.words("RI-2026-0013")
        assert "open RI-2026-0013, claim its fix" in words
        assert f"curl -X POST '{around.shop_url}pager?value=1'" in words
    finally:
        supervisor.stop()


def test_a_port_is_kept_while_it_is_free(tmp_path):
    file = tmp_path / "port"

    first = ports.kept(file)

    assert ports.kept(file) == first
    file.write_text("0")
    assert 0 < ports.kept(file) < 65536
