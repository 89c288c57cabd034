"""What deploys and self-heal runs share: a report comes once under its id, and its correction beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Max, OuterRef, QuerySet, Subquery

from accounts.models import User
from governance.models import ProgramReport
from postmortem import access, trail, values

Kept = TypeVar("Kept", bound=ProgramReport)


def keep(
    row: Kept, facts: dict[str, Any], *, allowed: frozenset[str], act: str, by: User, now: datetime
) -> Kept:
    """Keep a report; one that says the same as the last under its id changes nothing.

    Raises:
        Invalid: a value breaks a rule; nothing was written.
        NotAllowed: a viewer.
    """
    access.need(by, User.Role.MEMBER)
    values.fill(row, facts, allowed=allowed)
    row.reported_by, row.reported_at = by, now
    values.check(row)
    rows: QuerySet[Kept] = type(row)._default_manager.all()
    with trail.act(act, by=by):
        _serialise(row._meta.db_table, row.external_id)
        last = rows.filter(external_id=row.external_id).order_by("-revision").first()
        if last is not None and all(_same(last, row, name) for name in facts):
            return last
        row.revision = 1 if last is None else last.revision + 1
        row.save(force_insert=True)
    return row


def as_last_reported(rows: QuerySet[Kept], *, as_of: datetime | None = None) -> QuerySet[Kept]:
    """Each report once: the last revision, of those reported by `as_of`."""
    every = rows.model._default_manager.filter(external_id=OuterRef("external_id"))
    if as_of is not None:
        every = every.filter(reported_at__lte=as_of)
        rows = rows.filter(reported_at__lte=as_of)
    last = every.order_by().values("external_id").annotate(last=Max("revision")).values("last")
    return rows.filter(revision=Subquery(last))


def _serialise(table: str, external_id: str) -> None:
    """Two reports of one id at the same moment: the second must see the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{table}/{external_id}"])


def _same(last: ProgramReport, row: ProgramReport, name: str) -> bool:
    column = row._meta.get_field(name)
    assert isinstance(column, Field)  # noqa: S101 # facts are columns
    before, after = (column.to_python(getattr(one, column.attname)) for one in (last, row))
    return bool(before == after)
