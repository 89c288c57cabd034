"""The append-only record of who changed what: name the actor here, triggers write the rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, models, transaction

from accounts.models import User
from postmortem.models import TrailEntry


@contextmanager
def act(name: str, *, by: User | None) -> Iterator[None]:
    """Run one act in one transaction; every row it changes is recorded under its name and actor.

    Args:
        name: the act as `module.verb`, for example "reviews.sign".
        by: who acts; None for the system itself.

    An act inside an act keeps its own name for its rows and joins the outer transaction.
    """
    is_inside = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('closeloop.actor', true), current_setting('closeloop.act', true),"
            " set_config('closeloop.actor', %s, true), set_config('closeloop.act', %s, true)",
            [str(by.pk) if by else "", name],
        )
        outer_actor, outer_act = cursor.fetchone()[:2]
        yield
        if is_inside:  # otherwise both end with the transaction
            cursor.execute(
                "SELECT set_config('closeloop.actor', %s, true), set_config('closeloop.act', %s, true)",
                [outer_actor or "", outer_act or ""],
            )


def note(act_name: str, record: models.Model, said: dict[str, object], *, now: datetime) -> None:
    """Record that a row was used without being changed, such as a secret that was given to a command.

    Args:
        said: what it was used for; never what a secret holds.
    """
    TrailEntry.objects.create(
        at=now,
        act=act_name,
        model=record._meta.db_table,
        object_id=record.pk,
        operation="use",
        after=said,
    )


def of(record: models.Model) -> models.QuerySet[TrailEntry]:
    """What happened to one row, newest first, with the actors."""
    return TrailEntry.objects.filter(model=record._meta.db_table, object_id=record.pk).select_related("actor")


def next_public_id(prefix: str, *, now: datetime) -> str:
    """The next id of a kind, for example INC-2026-0001; call it inside the act that uses it.

    The counter's row stays locked until the act ends, so no number is given out twice.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO postmortem_publicidcounter AS c (prefix, year, last) VALUES (%s, %s, 1)"
            " ON CONFLICT (prefix, year) DO UPDATE SET last = c.last + 1 RETURNING last",
            [prefix, now.year],
        )
        (last,) = cursor.fetchone()
    return f"{prefix}-{now.year}-{last:04d}"
