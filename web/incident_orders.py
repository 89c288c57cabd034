"""The orders of the list of incidents, and how a page in each is found without reading all there are.

An order by severity or by deadline is no order of an index. Within one severity it is: of each, a page of the
first is read from its index, and the page of the whole is among these.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    DateTimeField,
    ExpressionWrapper,
    F,
    Value,
    When,
)
from django.utils import timezone

from postmortem import selecting
from postmortem.models.incidents import Lasted
from web.paging import Key, Reading

DEFAULT_SORT = "-started"

# No promise: behind everything that has one.
_NEVER = datetime(9999, 1, 1, tzinfo=timezone.get_fixed_timezone(0))
_DUE = Case(
    When(selecting.PROMISED, then=selecting.DUE_AT), default=Value(_NEVER, output_field=DateTimeField())
)
# By the words of `?sort=`: the columns, as they run at the first press on the header.
_KEYS: dict[str, tuple[Key, ...]] = {
    "started": (Key("started_at", datetime),),
    "severity": (Key("severity__rank", int), Key("started_at", datetime, is_descending=True)),
    "duration": (Key("lasted", timedelta),),
    "due": (Key("due", datetime),),
}
# What these columns are, where they are none of the table's own.
_COMPUTED: dict[str, dict[str, Any]] = {"duration": {"lasted": Lasted()}, "due": {"due": _DUE}}
# What else must be known of each incident to find a page severity by severity.
_TOLD: dict[str, dict[str, Any]] = {
    "severity": {"level": F("severity")},
    "due": {
        "level": F("severity"),
        "began": F("started_at"),
        "promised": ExpressionWrapper(selecting.PROMISED, BooleanField()),
    },
}

_SORTED = "SELECT pk FROM found{reading}"
# A page of each severity, and these in order.
_OF_EACH = """
    SELECT pk FROM postmortem_severity AS level CROSS JOIN LATERAL (
        SELECT {columns} FROM found WHERE {conditions} ORDER BY {order} LIMIT {room}
    ) AS its ORDER BY {whole_order}
"""
_WITHOUT = "SELECT pk FROM found WHERE {conditions} ORDER BY {order}"
# A limit of nothing reads nothing.
_BOTH = """
    WITH first AS MATERIALIZED ({first} LIMIT {room})
    SELECT pk FROM first UNION ALL
    (SELECT pk FROM ({second} LIMIT {room}) AS second LIMIT {room} - (SELECT count(*) FROM first))
"""
_FROM_SEVERITY = "started_at {sign} CASE level.rank WHEN %s THEN %s ELSE '{end}'::timestamptz END"

Sql = tuple[str, list[Any]]


class Order:
    """What `?sort=` asks for; anything else is the newest first.

    Attributes:
        keys: the columns, as `paging.reading` takes them, of which `computed` are no columns of the table.
        flip: whether the whole order is read from its end.
    """

    def __init__(self, sort: str) -> None:
        word = sort.removeprefix("-")
        if word not in _KEYS:
            sort, word = DEFAULT_SORT, DEFAULT_SORT.removeprefix("-")
        self.word = word
        self.keys = _KEYS[word]
        self.flip = sort.startswith("-")
        self.computed = _COMPUTED.get(word, {})

    @property
    def told(self) -> dict[str, Any]:
        """What `place` wants to know of what was found, beside the columns of the order."""
        return _TOLD.get(self.word, {})

    def begins_last(self, page: Reading) -> bool:
        """Whether a page begins among what has no deadline, which is read in another way."""
        return self.word == "due" and page.place is not None and page.place[0] >= _NEVER

    def place(self, page: Reading, *, is_gathered: bool) -> Sql:
        """The ids on a page, of the rows named "found", which have the order's columns and `told`.

        Args:
            page: blanks stand in the statement for its place.
            is_gathered: all that was found is at hand, and needs only be sorted.
        """
        blank = page.blank
        if self.told and not is_gathered:
            return (
                _by_severity(blank)
                if self.word == "severity"
                else _by_deadline(blank, self.begins_last(page))
            )
        reading, values = blank.sql()
        return _SORTED.format(reading=reading), values


def _by_severity(page: Reading) -> Sql:
    conditions: list[str] = []
    values: list[Any] = []
    if page.place:
        rank, began, _pk = page.place
        # It follows from being past the place, and tells the index where to begin.
        sign, end = ("<=", "infinity") if page.run[1].is_descending else (">=", "-infinity")
        past, of_past = page.past_sql()
        conditions = [_FROM_SEVERITY.format(sign=sign, end=end), past]
        values = [rank, began, *of_past]
    return f"{_of_each(page, conditions, page.run[1:])} LIMIT {page.size + 1}", values


def _by_deadline(page: Reading, begins_last: bool) -> Sql:
    """Severity by severity what has a deadline, and by its id what has none, the one behind the other."""
    both = (_promised(page, begins_last), _unpromised(page, begins_last))
    parts = [part for part in both if part is not None]
    if page.run[0].is_descending:
        parts.reverse()
    room = page.size + 1
    first, of_first = parts[0]
    if len(parts) == 1:
        return f"{first} LIMIT {room}", of_first
    second, of_second = parts[1]
    return _BOTH.format(first=first, second=second, room=room), [*of_first, *of_second]


def _promised(page: Reading, begins_last: bool) -> Sql | None:
    """What has a deadline; None where the page begins behind all of it."""
    due, pk = page.run
    conditions = ["promised", "level.requires_postmortem"]
    values: list[Any] = []
    if begins_last and not due.is_descending:
        return None
    if page.place and not begins_last:
        sign = "<=" if due.is_descending else ">="
        past, of_past = page.past_sql()
        conditions += [f"began {sign} %s - make_interval(hours => level.review_hours)", past]
        values = [page.place[0], *of_past]
    # Within a severity all have the same time.
    return _of_each(page, conditions, [Key("began", datetime, due.is_descending), pk]), values


def _unpromised(page: Reading, begins_last: bool) -> Sql | None:
    """What has no deadline; None where the page begins behind it."""
    due, pk = page.run
    conditions = ["NOT promised"]
    values: list[Any] = []
    if page.place and begins_last:
        conditions.append(f"pk {'<' if pk.is_descending else '>'} %s")
        values = [page.place[1]]
    elif page.place and due.is_descending:
        return None
    return _WITHOUT.format(conditions=" AND ".join(conditions), order=_order([pk])), values


def _of_each(page: Reading, conditions: Sequence[str], order: Sequence[Key]) -> str:
    return _OF_EACH.format(
        columns=", ".join(f'"{key.name}"' for key in page.run),
        conditions=" AND ".join(("found.level = level.id", *conditions)),
        order=_order(order),
        room=page.size + 1,
        whole_order=_order(page.run),
    )


def _order(run: Sequence[Key]) -> str:
    return ", ".join(f'"{key.name}" {"DESC" if key.is_descending else "ASC"}' for key in run)
