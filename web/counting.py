"""Counts beside lists, no further than a number says more than "many": to count all would cost most."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from web.asked import Asked

COUNTED_UP_TO = 1000
_COLUMN = '(SELECT count(*) FROM ({}) AS found) AS "{}"'


def statement(most: int = COUNTED_UP_TO, **rows: QuerySet[Any]) -> Asked:
    """One row: how many rows each has, `most` + 1 where there are more."""
    columns, values = [], []
    for name, found in rows.items():
        each = Asked.of(found.order_by().values("pk")[: most + 1])
        columns.append(_COLUMN.format(each.sql or "SELECT WHERE false", name))
        values += each.values
    return Asked("SELECT " + ", ".join(columns), tuple(values))


def up_to(most: int = COUNTED_UP_TO, **rows: QuerySet[Any]) -> dict[str, int]:
    """The same, asked."""
    (found,) = statement(most, **rows).rows({})
    return found


def words(count: int, most: int = COUNTED_UP_TO) -> str:
    """The number, or "1000+" where there are more."""
    return f"{most}+" if count > most else str(count)
