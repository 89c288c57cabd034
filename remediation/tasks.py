"""Celery's way into verification. A message carries no data: it only wakes somebody (docs/adr/0004)."""

from __future__ import annotations

import logging

from celery import Task, current_app, shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import KombuError
from redis import RedisError

from remediation import deadlines, retention, verification

log = logging.getLogger(__name__)

_IMPATIENT = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "max_retries": 0}


@shared_task(name="remediation.tick")
def tick() -> None:
    verification.tick(ring=ring)


@shared_task(name="remediation.mark_deadlines")
def mark_deadlines() -> None:
    deadlines.mark(now=timezone.now())


@shared_task(name="remediation.roll_up_runs")
def roll_up_runs() -> None:
    retention.roll_up(now=timezone.now(), days=settings.CHECK_RUN_DAYS)


@shared_task(name="remediation.run_prometheus_checks")
def run_prometheus_checks() -> None:
    _run(verification.PROMETHEUS)


@shared_task(name="remediation.run_shell_checks")
def run_shell_checks() -> None:
    _run(verification.SHELL)


@shared_task(name="remediation.run_exam_checks")
def run_exam_checks() -> None:
    _run(verification.EXAM)


_BELLS: dict[str, Task[[], None]] = {
    verification.PROMETHEUS: run_prometheus_checks,
    verification.SHELL: run_shell_checks,
    verification.EXAM: run_exam_checks,
}


def ring(kind: str) -> None:
    """Wake a worker for the waiting runs of one kind. Without a broker the next tick will do it.

    Returns within about a second whatever the broker does, and raises nothing: whoever calls this has
    stored what matters already.
    """
    try:
        # A connection of its own with a shorter patience: a web request may be waiting for this.
        with current_app.connection_for_write(transport_options=_IMPATIENT) as connection:
            _BELLS[kind].apply_async(  # type: ignore[call-arg] # the stubs do not know `connection`
                connection=connection, retry=False, expires=2 * settings.TICK_SECONDS
            )
    except (KombuError, RedisError, OSError) as error:
        log.warning("Nobody was woken for %s checks: %s", kind, type(error).__name__)


def _run(kind: str) -> None:
    executed = verification.execute(kind, call_help=lambda: ring(kind))
    if executed.is_work_left:
        ring(kind)
