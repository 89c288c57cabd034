"""What the checks of the demo look at: the shop of its story, and a Prometheus that asks it."""

import os
from pathlib import Path

from ops import places, ports, prometheus, shop
from ops.embedded import await_ready
from ops.processes import MARK, Child, Program
from ops.supervisor import Supervisor


class Surroundings:
    """The shop, always, and Prometheus, where it is on this machine."""

    def __init__(self, home: Path, *, checkout: Path, python: str, mark: str) -> None:
        """`mark`: what all processes of this demo carry, see ops/processes.py."""
        self._home = home
        self._checkout = checkout
        self._python = python
        self._env = {"PATH": os.defpath, "LANG": "C", "LC_ALL": "C", "TZ": "UTC", MARK: mark}
        self._prometheus: tuple[prometheus.Prometheus, Child] | None = None
        self.shop_url = ""

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus answers; "" where there is none."""
        return self._prometheus[0].url if self._prometheus else ""

    def start(self, supervisor: Supervisor, *, stage: int) -> None:
        """Start both; neither needs to be ready yet.

        Raises:
            CannotStart: no space, or the system refuses another process.
        """
        shop_port = ports.kept(self._home / "shop.port")
        self.shop_url = f"http://127.0.0.1:{shop_port}/"
        supervisor.start(self._shop(shop_port), stage=stage)
        place = places.choose_place(self._home / "servers")
        program = prometheus.find(place.account)
        if program is None:
            return
        server = prometheus.Prometheus(
            program, place, self._log(prometheus.Prometheus.name),
            port=ports.kept(self._home / "prometheus.port"), shop_port=shop_port,
        )  # fmt: skip
        child = supervisor.start(server.program(self._env), stage=stage, prepare=server.prepare, echo=False)
        self._prometheus = server, child

    def await_ready(self) -> None:
        """Wait until Prometheus has asked the shop.

        Raises:
            CannotStart: it ended, or stayed silent for a minute; the message ends with what it last logged.
        """
        if self._prometheus:
            await_ready(*self._prometheus, seconds=60)

    def words(self, item: str) -> str:
        """What to try here, for the terminal.

        Args:
            item: the id of the remediation item whose fix can be claimed; "" where there is none.
        """
        if not self._prometheus:
            return (
                "  No program “prometheus” is on PATH, so checks that ask Prometheus rest, and no fix\n"
                "  of theirs gets verified while you look. To get it, and then start again:\n"
                f"    {prometheus.HOW_TO_GET}\n"
            )
        if not item:
            return "  The data are those of an older demo: remove the folder below to begin with a new one.\n"
        return (
            f"  Try       open {item}, claim its fix, and watch: within two minutes it is verified\n"
            f"  Break it  {shop.turn(self.shop_url, 'pager', 1)}\n"
            "            and watch it regress, again within about two minutes; value=2 mends it\n"
            f"  More      {self.shop_url} (what else can be turned), {self.prometheus_url} (Prometheus)\n"
        )

    def _shop(self, port: int) -> Program:
        return Program(
            name="shop",
            argv=[self._python, "-m", "ops.shop", str(port)],
            cwd=self._checkout,
            log=self._log("shop"),
            env=self._env | dict([shop.VARIABLE]),
            grace_seconds=3,
        )

    def _log(self, name: str) -> Path:
        return self._home / "logs" / f"{name}.log"
