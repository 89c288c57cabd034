"""Celery's way into governance."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from governance import corrections, deliveries, digests, messages, notices, publishing, regressions


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
