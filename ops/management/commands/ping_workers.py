"""Asks a worker of every queue to do something, and waits for it: a process that runs may still be deaf."""

import secrets
import time
from argparse import ArgumentParser
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError

from ops import broker, tasks

_QUEUES = ["checks", "default", "probes"]
_POLL_SECONDS = 0.05


class Command(BaseCommand):
    help = "Ask a worker of every queue to answer. Ends with status 1 when one does not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queue", action="append", choices=_QUEUES, help="only this queue; may be repeated"
        )
        parser.add_argument("--timeout", type=int, default=10, help="seconds to wait for all of them (10)")

    def handle(self, *, queue: list[str] | None, timeout: int, **options: Any) -> None:
        tokens = {name: secrets.token_urlsafe(12) for name in queue or _QUEUES}
        try:
            for name, token in tokens.items():
                tasks.answer.apply_async(kwargs={"token": token}, queue=name)
            silent = self._await(tokens, seconds=timeout)
        except (redis.RedisError, OperationalError) as error:
            raise CommandError(f"Redis cannot be asked: {error}") from None
        if silent:
            raise CommandError(f"No worker answers for: {', '.join(silent)}")
        self.stdout.write(f"Answered: {', '.join(tokens)}")

    def _await(self, tokens: dict[str, str], *, seconds: float) -> list[str]:
        """The queues that stayed silent."""
        deadline = time.monotonic() + seconds
        with broker.connect(settings.REDIS_URL, timeout_seconds=5) as client:
            silent = list(tokens)
            while silent and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
                silent = [name for name in silent if not client.exists(tasks.answer_key(tokens[name]))]
        return silent
