"""Celery's way into what happened and why."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from postmortem import drafts


@shared_task(name="postmortem.forget_drafts")
def forget_drafts() -> None:
    drafts.forget_old(now=timezone.now())
