"""A Prometheus of the demo's own, where the program is on this machine: it asks the demo's shop.

Like the other servers it runs as an account without rights when root starts the demo, and listens on
127.0.0.1 alone.
"""

import http.client
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from ops import places
from ops.processes import Account, Program

HOW_TO_GET = "apt-get install prometheus"
_VERSION = re.compile(r"prometheus, version (\d+)\.")
_OLDEST = 2
_CONFIG = """\
global:
  scrape_interval: 2s
  scrape_timeout: 2s
scrape_configs:
  - job_name: shop
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


def find(account: Account) -> Path | None:
    """The program on PATH, if `account` can run it and it is Prometheus 2 or newer."""
    found = shutil.which("prometheus")
    if found is None or not places.can_run(Path(found), account):
        return None
    with suppress(OSError, subprocess.TimeoutExpired):
        asked = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20, check=False)
        version = _VERSION.search(asked.stdout + asked.stderr)
        if version and int(version[1]) >= _OLDEST:
            return Path(found).resolve()
    return None


class Prometheus:
    """One Prometheus on a port of this machine; it keeps two days."""

    name = "prometheus"

    def __init__(self, program: Path, place: places.Place, log: Path, *, port: int, shop_port: int) -> None:
        """`shop_port`: where the page of metrics is that it asks."""
        self._program = program
        self._place = place
        self._log = log
        self._port = port
        self._shop_port = shop_port
        self._home = place.folder / "prometheus"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def prepare(self) -> None:
        """Make its folder and say whom to ask.

        Raises:
            CannotStart: no space, or the folder is somebody else's.
        """
        places.need_space(self._place.folder, 100 * places.MEGABYTE)
        places.make_private(self._home, self._place.account)
        config = self._home / "prometheus.yml"
        config.unlink(missing_ok=True)
        places.write_private(config, _CONFIG.format(port=self._shop_port))
        places.give(config, self._place.account)

    def program(self, env: Mapping[str, str]) -> Program:
        """How to run it in the foreground."""
        options = {
            "config.file": self._home / "prometheus.yml",
            "storage.tsdb.path": self._home / "data",
            "storage.tsdb.retention.time": "2d",
            "web.listen-address": f"127.0.0.1:{self._port}",
            "log.level": "warn",
        }
        return Program(
            name=self.name,
            argv=[str(self._program), *(f"--{name}={value}" for name, value in options.items())],
            cwd=Path("/"),
            log=self._log,
            env=env,
            account=self._place.account,
            grace_seconds=10,
        )

    def is_ready(self) -> bool:
        """Whether it answers, and has heard of the shop."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", f"/api/v1/query?query={quote('up == 1')}")
            return bool(json.loads(connection.getresponse().read())["data"]["result"])
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
            return False
        finally:
            connection.close()
