"""The outbox: rows that wait to leave, claimed under a lease, tried again later and later (docs/adr/0004)."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Q, QuerySet

from governance.models import ChannelMessage, Delivery

MOST_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)

Row = TypeVar("Row", Delivery, ChannelMessage)


def due(rows: QuerySet[Row], *, now: datetime) -> QuerySet[Row]:
    """What waits and is nobody's, the oldest first."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return rows.filter(free, state="waiting", next_at__lte=now).order_by("next_at", "pk")


def lease(rows: list[Row], *, until: datetime) -> list[Row]:
    """Give rows that are locked to whoever calls; each counts one attempt more."""
    for one in rows:
        one.attempts += 1
        one.lease_until, one.lease_token = until, uuid.uuid4()
        one.save(update_fields=["attempts", "lease_until", "lease_token"])
    return rows


def mine(one: Row) -> QuerySet[Row]:
    """The row, unless its lease ended and another worker has it."""
    rows: QuerySet[Row] = type(one)._default_manager.all()
    return rows.filter(pk=one.pk, lease_token=one.lease_token, state="waiting")


def pause(attempts: int, *, chance: float) -> timedelta:
    """How long to wait after so many attempts: doubled each time, up to an hour, a fifth more or less.

    Args:
        chance: from 0 to 1; keeps what failed together from being tried together.
    """
    doubled: timedelta = min(FIRST_PAUSE * 2 ** max(attempts - 1, 0), LONGEST_PAUSE)
    return timedelta(seconds=doubled.total_seconds() * (0.8 + 0.4 * chance))


def next_try(attempts: int, *, now: datetime) -> datetime:
    """When to try again after so many attempts."""
    return now + pause(attempts, chance=random.random())  # noqa: S311 # no secret
