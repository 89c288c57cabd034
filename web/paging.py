"""Keyset pages: as fast deep in a list as on its first page, and unmoved by rows that come in meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

from web.asked import Blank

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


@dataclass(frozen=True)
class Key:
    """One column of an order: its name among the values of a row, what these are, and which way it runs."""

    name: str
    kind: type = int
    is_descending: bool = False


# Stand in a statement for the values of a place, one for each column.
PLACE = tuple(Blank() for _number in range(4))


@dataclass(frozen=True)
class Reading:
    """A page before it is read: in which order, from which place on, and which way.

    Attributes:
        run: the columns in the order of reading, which is the list's own or the other way round.
        place: where to go on from, a value for each column; None at an end of the list.
    """

    run: Sequence[Key]
    place: Sequence[Any] | None
    size: int
    is_backward: bool
    is_first: bool

    @property
    def names(self) -> list[str]:
        """The columns, as `order_by` takes them."""
        return [f"-{key.name}" if key.is_descending else key.name for key in self.run]

    @property
    def blank(self) -> Reading:
        """The same from any place: blanks (`web.asked`) stand for it."""
        return replace(self, place=PLACE[: len(self.run)]) if self.place else self

    @property
    def filled(self) -> dict[int, Any]:
        """What stands in the blanks."""
        return {id(blank): value for blank, value in zip(PLACE, self.place or (), strict=False)}

    def sql(self) -> tuple[str, list[Any]]:
        """The place, the order and the limit, to stand behind FROM and what has these columns."""
        condition, parameters = self.past_sql()
        order = ", ".join(f'"{key.name}" {"DESC" if key.is_descending else "ASC"}' for key in self.run)
        where = f" WHERE {condition}" if condition else ""
        return f"{where} ORDER BY {order} LIMIT {self.size + 1}", parameters

    def past_sql(self) -> tuple[str, list[Any]]:
        """The condition of being past the place; "" where there is none."""
        return _past_sql(self.run, self.place) if self.place else ("", [])

    def page(self, found: Sequence[dict[str, Any]]) -> Page:
        """The page, once its rows are read: one more than it shows."""
        has_more, shown = len(found) > self.size, list(found[: self.size])
        if self.is_backward:
            shown.reverse()
        if not shown:
            return Page([], "", "")
        has_next = has_more if not self.is_backward else True
        has_previous = has_more if self.is_backward else not self.is_first
        return Page(
            shown,
            _place(shown[-1], self.run) if has_next else "",
            _place(shown[0], self.run) if has_previous else "",
        )


def sorted_page(
    rows: QuerySet[Any], query: Any, keys: Sequence[Key], *, flip: bool = False, size: int = PAGE_SIZE
) -> Page:
    """One page of `rows` (dictionaries, from `values`), ordered by any columns and then by id.

    Args:
        query: the request's GET, as for `page_of`.
        keys: columns without NULL, of moments, durations, whole numbers, or names without "~"; then the id.
        flip: read the whole order from its end.
    """
    page = reading(query, keys, flip=flip, size=size)
    if page.place:
        rows = rows.filter(_past(page.run, page.place))
    return page.page(list(rows.order_by(*page.names)[: size + 1]))


def reading(query: Any, keys: Sequence[Key], *, flip: bool = False, size: int = PAGE_SIZE) -> Reading:
    """As `sorted_page`, but nothing is read yet."""
    last = Key("pk", int, keys[-1].is_descending)
    order = [Key(key.name, key.kind, key.is_descending != flip) for key in (*keys, last)]
    after, before = (_values(query.get(word), order) for word in ("after", "before"))
    is_backward = after is None and before is not None
    run = [Key(key.name, key.kind, key.is_descending != is_backward) for key in order]
    return Reading(run, after or before, size, is_backward, is_first=after is None)


def _past(run: Sequence[Key], place: Sequence[Any]) -> Q:
    """The rows behind a place: past it in the first column, or equal there and past it in the rest."""
    key, value = run[0], place[0]
    word = "lt" if key.is_descending else "gt"
    beyond = Q(**{f"{key.name}__{word}": value})
    if len(run) == 1:
        return beyond
    # The first condition follows from the second; it is what lets an index be used.
    return Q(**{f"{key.name}__{word}e": value}) & (
        beyond | Q(**{key.name: value}) & _past(run[1:], place[1:])
    )


def _past_sql(run: Sequence[Key], place: Sequence[Any]) -> tuple[str, list[Any]]:
    """As `_past`, in SQL."""
    name, value, sign = f'"{run[0].name}"', place[0], "<" if run[0].is_descending else ">"
    if len(run) == 1:
        return f"{name} {sign} %s", [value]
    rest, values = _past_sql(run[1:], place[1:])
    return f"{name} {sign}= %s AND ({name} {sign} %s OR ({name} = %s AND {rest}))", [value] * 3 + values


def _place(row: dict[str, Any], order: Sequence[Key]) -> str:
    return "~".join(_written(row[key.name]) for key in order)


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z"
    return str(value // timedelta(microseconds=1) if isinstance(value, timedelta) else value)


def _values(text: str | None, order: Sequence[Key]) -> list[Any] | None:
    """The place that was written, or None where it is no place in this order."""
    parts = (text or "").split("~")
    if len(parts) != len(order):
        return None
    try:
        return [_READ[key.kind](part) for key, part in zip(order, parts, strict=True)]
    except (ValueError, OverflowError):
        return None


def _moment(part: str) -> datetime:
    return datetime.strptime(part, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)


def _duration(part: str) -> timedelta:
    return timedelta(microseconds=int(part))


def _text(part: str) -> str:
    if len(part) > 200 or "\x00" in part:
        raise ValueError(part)
    return part


def _number(part: str) -> int:
    if len(part) > 18:
        raise ValueError(part)
    return int(part)


_READ: dict[type, Any] = {datetime: _moment, timedelta: _duration, int: _number, str: _text}
