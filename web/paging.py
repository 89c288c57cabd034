"""Keyset pages: as fast deep in a list as on its first page, and unmoved by rows that come in meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

PAGE_SIZE = 50


@dataclass(frozen=True)
class Page:
    """Some rows in order, and the places to go on from ("" where there is nothing further)."""

    rows: Sequence[Any]
    after: str
    before: str

    @property
    def is_only_one(self) -> bool:
        return not self.after and not self.before


def page_of(
    rows: QuerySet[Any], query: Any, *, by: str, is_descending: bool = False, size: int = PAGE_SIZE
) -> Page:
    """One page of `rows`, ordered by the moment in column `by` and then by id.

    Args:
        query: the request's GET; `after` or `before` is a place of an earlier page. A place that makes
            no sense is as good as none: the list begins at its start.
    """
    after, before = (_read(query.get(key), rows.model) for key in ("after", "before"))
    is_backward = after is None and before is not None
    runs_down = is_descending != is_backward
    if (place := after or before) is not None:
        rows = rows.filter(_beyond(place, by=by, is_down=runs_down))
    sign = "-" if runs_down else ""
    found = list(rows.order_by(f"{sign}{by}", f"{sign}pk")[: size + 1])
    has_more, found = len(found) > size, found[:size]
    if is_backward:
        found.reverse()
    if not found:
        return Page([], "", "")
    has_next = has_more if not is_backward else True
    has_previous = has_more if is_backward else after is not None
    return Page(
        found, _write(found[-1], by) if has_next else "", _write(found[0], by) if has_previous else ""
    )


def _beyond(place: tuple[datetime, Any], *, by: str, is_down: bool) -> Q:
    moment, pk = place
    word = "lt" if is_down else "gt"
    return Q(**{f"{by}__{word}": moment}) | Q(**{by: moment, f"pk__{word}": pk})


def _write(row: Any, by: str) -> str:
    moment: datetime = getattr(row, by)
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z~{row.pk}"


def _read(text: str | None, model: type[Model]) -> tuple[datetime, Any] | None:
    moment, _tilde, key = (text or "").partition("~")
    try:
        at = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return at, model._meta.pk.to_python(key)
    except (ValueError, ValidationError):
        return None
