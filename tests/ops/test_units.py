"""What docker/ ships: units that systemd understands, a compose file that is one, and the client as it is."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from ops import preflight

DOCKER = Path(settings.BASE_DIR) / "docker"
UNITS = sorted((DOCKER / "systemd").glob("*.service"))


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (apt-get install systemd)"
)
def test_systemd_understands_the_units(tmp_path):
    for unit in UNITS:
        # Verification looks for each program, and none of ours is installed here.
        text = re.sub(r"/opt/closeloop/\.venv/bin/\S+|/usr/bin/logger", "/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    paths = [str(tmp_path / unit.name.replace("@", "@x")) for unit in UNITS]
    (tmp_path / "closeloop-alert@x.service").symlink_to(tmp_path / "closeloop-alert@.service")

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )

    assert (done.returncode, _ours(done.stderr)) == (0, [])


def _ours(said):
    """Lines about our units; a machine has others."""
    return [line for line in said.splitlines() if "closeloop" in line]


@pytest.mark.parametrize("name", ["web", "worker", "probes", "beat"])
def test_unit_looks_over_its_settings_and_gives_up_loudly(name):
    """R32: the fourth start within a minute is refused, and the alert unit runs."""
    unit, _, service = (DOCKER / "systemd" / f"closeloop-{name}.service").read_text().partition("[Service]")

    assert {"StartLimitIntervalSec=60", "StartLimitBurst=3"} <= set(unit.splitlines())
    assert "OnFailure=closeloop-alert@%n.service" in unit
    assert "-m ops.preflight --env-file" in service
    assert "RestartSec=" in service


def test_units_run_what_the_documentation_says():
    text = (Path(settings.BASE_DIR) / "docs" / "install.md").read_text()
    for unit in UNITS:
        for command in re.findall(r"ExecStart=/opt/closeloop/.venv/bin/(.*)", unit.read_text()):
            assert f"`{command.replace('%%', '%')}`" in text


def test_compose_file_names_what_there_is():
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())

    used = {secret for one in compose["services"].values() for secret in one.get("secrets", [])}
    assert used == set(compose["secrets"])
    for service in ("migrate", "web", "worker", "beat"):
        assert set(compose["services"][service]["environment"]) <= preflight.known()


def test_client_is_shipped_as_it_is():
    shipped, client = DOCKER / "closeloop_gate.py", Path(settings.BASE_DIR) / "clients" / "closeloop_gate.py"

    assert shipped.read_bytes() == client.read_bytes()
