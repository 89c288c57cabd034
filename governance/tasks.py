"""Celery's way into governance. A message carries no data: it only wakes somebody (docs/adr/0004)."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app, shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import KombuError
from redis import RedisError

from governance import corrections, deliveries, digests, inbox, messages, notices, publishing, regressions

log = logging.getLogger(__name__)

# A worker that finds more goes on at the next tick, so that other tasks of its queue get their turn.
_MOST_EVENTS = 200
_IMPATIENT = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "max_retries": 0}


@shared_task(name="governance.tell")
def tell() -> None:
    notices.tick(now=timezone.now())


@shared_task(name="governance.send_mails")
def send_mails() -> None:
    deliveries.send_due(now=timezone.now())


@shared_task(name="governance.send_messages")
def send_messages() -> None:
    messages.send_due(now=timezone.now())


@shared_task(name="governance.build_reports", acks_late=True)
def build_reports() -> None:
    if publishing.advance(now=timezone.now()):
        build_reports.delay()


@shared_task(name="governance.correct_reports")
def correct_reports() -> None:
    corrections.look(now=timezone.now())


@shared_task(name="governance.declare_regressions")
def declare_regressions() -> None:
    regressions.declare_due(now=timezone.now())


@shared_task(name="governance.write_digests")
def write_digests() -> None:
    digests.tick(now=timezone.now())


@shared_task(name="governance.take_events")
def take_events() -> None:
    for _ in range(_MOST_EVENTS):
        if not inbox.take_next(now=timezone.now()):
            break


@shared_task(name="governance.forget_bodies")
def forget_bodies() -> None:
    inbox.forget_bodies(now=timezone.now(), days=settings.EVENT_BODY_DAYS)


def ring_for_events() -> None:
    """Wake a worker for the inbox; without a broker the next tick will do it. Raises nothing."""
    _ring(take_events)


def ring_for_reports() -> None:
    """Wake a worker for a report that was asked for; without a broker the next tick will do it."""
    _ring(build_reports)


def _ring(task: Any) -> None:
    try:
        with current_app.connection_for_write(transport_options=_IMPATIENT) as connection:
            task.apply_async(connection=connection, retry=False, expires=30)
    except (KombuError, RedisError, OSError) as error:
        log.warning("Nobody was woken for %s: %s", task.name, type(error).__name__)
