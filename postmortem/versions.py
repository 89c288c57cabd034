"""The versions of a text, read out of the trail: a column's every change is there already (ADR 3).

A version is a row of the trail that gave the column another value. An empty beginning is none. They are
numbered from 1 in the order in which they were written, among those that the reader may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection
from django.db.models import Case, DateTimeField, F, Model, Q, QuerySet, Value, When, Window
from django.db.models.fields.json import KT, KeyTransform
from django.db.models.functions import RowNumber

from accounts.models import User
from postmortem import access
from postmortem.models import TrailEntry

# What a column holds before anything is written into it; NULL too.
_EMPTY = ["", "[]"]


def of(record: Model, column: str, *, viewer: User) -> QuerySet[Any]:
    """The versions of one text that a reader may see, newest first, without the texts: see `values`.

    Args:
        viewer: somebody who may see the record as it is; `access.opening` says from when on.

    Each row has its actor, `number` and `said_at`: what was sealed before was said when it was filed.
    """
    rows = (
        TrailEntry.objects.filter(model=record._meta.db_table, object_id=record.pk, after__has_key=column)
        .alias(plain=KT(f"after__{column}"))
        .exclude(Q(operation="insert") & (Q(plain__in=_EMPTY) | Q(plain__isnull=True)))
    )
    said_at: Any = F("at")
    if (opening := access.opening(record, viewer)) is not None:
        standing = rows.filter(pk__lte=opening.trail_id).order_by("-pk").values_list("pk", flat=True).first()
        rows = rows.filter(pk__gte=standing or opening.trail_id)
        opened_at = Value(opening.at, output_field=DateTimeField())
        said_at = Case(When(pk__lte=opening.trail_id, then=opened_at), default=F("at"))
    return (
        rows.annotate(said_at=said_at, number=Window(RowNumber(), order_by=F("id").asc()))
        .select_related("actor")
        .defer("before", "after")
        .order_by("-id")
    )


def values(versions: Iterable[Any], column: str) -> dict[int, Any]:
    """What the column held in each of these versions, by the id of the version's row."""
    rows = TrailEntry.objects.filter(pk__in=[version.pk for version in versions])
    return dict(rows.annotate(value=KeyTransform(column, "after")).values_list("pk", "value"))


def count(columns: Mapping[Model, Iterable[str]]) -> dict[tuple[str, int, str], int]:
    """How many versions each of some texts has, by table, id and column, in one statement.

    Args:
        columns: the records and their columns. The reader must be one who may read their whole history.
    """
    if not columns:
        return {}
    wanted = [(record._meta.db_table, record.pk, column) for record in columns for column in columns[record]]
    # Keys, not a subquery over the tables: the index of this, the longest table, takes them one by one.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.model, w.object_id, w.name, count(*)"
            " FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS w(model, object_id, name)"
            " JOIN postmortem_trailentry t ON t.model = w.model AND t.object_id = w.object_id"
            " AND t.after ? w.name"
            " WHERE NOT (t.operation = 'insert' AND coalesce(t.after ->> w.name, '') = ANY(%s))"
            " GROUP BY 1, 2, 3",
            [*(list(part) for part in zip(*wanted, strict=True)), _EMPTY],
        )
        return {(model, pk, name): found for model, pk, name, found in cursor.fetchall()}
