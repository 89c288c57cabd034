"""Two people press a button at once: run the same act in two threads with connections of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from postmortem.errors import DomainError


def at_once(*acts: Callable[[], Any]) -> list[DomainError | None]:
    """Run the acts at the same moment; what each was refused with, or None where it succeeded.

    The test needs a committed database (`django_db(transaction=True)`).
    """
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> DomainError | None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=10)
            act()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
