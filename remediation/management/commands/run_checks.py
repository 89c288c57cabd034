"""Runs checks without Celery and without Redis: for a small installation, a first look, or an emergency."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.db.utils import OperationalError

from remediation import verification


class Command(BaseCommand):
    help = (
        "Queue the checks that are due and run them, over and over, until interrupted. May run beside Celery"
        " workers and beside itself: every run is claimed in the database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop when nothing waits any more")
        parser.add_argument("--every", type=float, default=5.0, help="seconds between two looks (5)")
        parser.add_argument(
            "--kind",
            action="append",
            choices=[verification.PROMETHEUS, verification.SHELL, verification.EXAM],
            help="only this kind",
        )

    def handle(self, *, once: bool, every: float, kind: list[str] | None, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        kinds = kind or [verification.PROMETHEUS, verification.SHELL, verification.EXAM]
        while not stop.is_set():
            try:
                done, is_work_left = self._work(kinds)
            except OperationalError as error:
                if once:
                    raise
                self.stderr.write(f"The database does not answer: {error}")
                done, is_work_left = 0, False
            if once and not is_work_left:
                return
            if done:
                self.stdout.write(f"{done} runs")
            if not is_work_left:
                stop.wait(every)

    def _work(self, kinds: list[str]) -> tuple[int, bool]:
        """How many runs were finished, and whether more wait."""
        close_old_connections()
        verification.tick()
        executed = [verification.execute(kind) for kind in kinds]
        return sum(one.stored for one in executed), any(one.is_work_left for one in executed)
