"""Counts beside lists, no further than a number says more than "many": to count all would cost most."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

COUNTED_UP_TO = 1000


def up_to(most: int = COUNTED_UP_TO, **rows: QuerySet[Any]) -> dict[str, int]:
    """How many rows each has, `most` + 1 where there are more; all in one statement."""
    counts, columns, parameters = dict.fromkeys(rows, 0), {}, []
    for name, found in rows.items():
        try:
            sql, values = found.order_by().values("pk")[: most + 1].query.sql_with_params()
        except EmptyResultSet:
            continue
        columns[name] = _COLUMN.format(sql)
        parameters += values
    if columns:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(columns.values())}", parameters)
            counts |= dict(zip(columns, cursor.fetchone(), strict=True))
    return counts


_COLUMN = "(SELECT count(*) FROM ({}) AS found)"


def words(count: int, most: int = COUNTED_UP_TO) -> str:
    """The number, or "1000+" where there are more."""
    return f"{most}+" if count > most else str(count)
