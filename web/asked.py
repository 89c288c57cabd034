"""Statements that are put together once: with Django that takes as long as to ask them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from accounts.models import User

Made = TypeVar("Made")


class Blank(str):
    """Stands in a statement for a value that differs each time; a text, which Django leaves as it is."""

    __slots__ = ()


# As `Blank`, where a moment is wanted: stands in a statement for the moment at which it is asked.
NOW = datetime.min.replace(tzinfo=UTC)

_MOST_KEPT = 1024
_kept: dict[Hashable, Any] = {}


def kept(key: Hashable, make: Callable[[], Made]) -> Made:
    """What was made under a key before, or is made now."""
    found: Made | None = _kept.get(key)
    if found is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        found = _kept[key] = make()
    return found


def reader(user: User) -> tuple[Hashable, ...]:
    """All that a statement knows of who reads; what they have a part in, it looks up itself."""
    return (user.pk, user.role, user.is_superuser, user.is_active)


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement and its values; "" finds nothing.

    Attributes:
        values: those that differ each time are blanks, objects of which each, being itself, stands for one.
    """

    sql: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, rows: QuerySet[Any]) -> Asked:
        """What `rows`, of `values`, would ask."""
        try:
            return cls(*rows.query.sql_with_params())
        except EmptyResultSet:
            return cls("", ())

    def rows(self, filled: Mapping[int, Any], *, is_prepared: bool = False) -> list[dict[str, Any]]:
        """Ask it.

        Args:
            filled: `id` of each blank -> what stands there this time.
            is_prepared: its plan is the same whatever stands there, and is kept by the server.
        """
        if not self.sql:
            return []
        with connection.prepared() if is_prepared else connection.cursor() as cursor:
            cursor.execute(self.sql, [filled.get(id(value), value) for value in self.values])
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
