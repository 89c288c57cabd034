"""One row of any figure, and what many of them come to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from governance.metrics.durations import quantile


class Shape(StrEnum):
    """How rows become a figure."""

    SHARE = "share"
    SPREAD = "spread"
    SUM = "sum"
    STREAK = "streak"
    LEVEL = "level"


class Unit(StrEnum):
    """What a figure's number, its target and its baseline are counted in."""

    PERCENT = "percent"
    MINUTES = "minutes"
    DAYS = "days"
    MONEY = "money"
    QUARTERS = "quarters"


DIMENSIONS = ("service", "team", "category", "severity")
_PER_UNIT = {Unit.MINUTES: 60, Unit.DAYS: 86400}


class Counted(NamedTuple):
    """One row as a figure counts it.

    Attributes:
        kind: what it is: item, incident, review, decision, quarter, person, deploy, run or value.
        public_id: its name; of a person the id.
        at: the moment that puts it in the period; None where it has none.
        is_hit: of a share and a streak: it is in the numerator.
        value: of a spread in seconds, of a sum or a level in its unit.
        unit: of a sum: the currency, or ""; of a level what it is counted in.
        detail: a word that says how it was judged, such as "late".
        linked: further public ids that explain it, such as the earlier postmortem of a repeat.
        excluded: why it does not count, one of `Exclusion`; "" when it does.
        repository: of a change.
        since, until: the moments that its value lies between or that decide whether it is a hit, where they
            are others than `at`.
    """

    kind: str
    public_id: str
    at: datetime | None = None
    service: str = ""
    team: str = ""
    category: str = ""
    severity: str = ""
    is_hit: bool | None = None
    value: Decimal | None = None
    unit: str = ""
    detail: str = ""
    linked: tuple[str, ...] = ()
    excluded: str = ""
    repository: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """What the rows of a figure come to; which parts there are depends on its shape.

    Attributes:
        n: the rows counted.
        numerator: of a share: the hits; its denominator is n.
        percent: of a share; None for no rows.
        median, p90: of a spread; None for no rows.
        sums: of a sum: by unit, in the order of their names; no rows give none. Of a level: its last value.
        streak: of a streak; None for no rows.
        excluded: reason -> rows that lie in the period and do not count.
        number: the one number that is compared with a target, in the figure's unit; None where there is none.
    """

    n: int
    numerator: int | None = None
    percent: Decimal | None = None
    median: timedelta | None = None
    p90: timedelta | None = None
    sums: dict[str, Decimal] = field(default_factory=dict)
    streak: int | None = None
    excluded: dict[str, int] = field(default_factory=dict)
    number: Decimal | None = None

    def as_json(self) -> dict[str, Any]:
        """As plain values: durations in whole seconds, decimals as text."""
        return {
            "n": self.n,
            "numerator": self.numerator,
            "percent": _text(self.percent),
            "median_seconds": _seconds(self.median),
            "p90_seconds": _seconds(self.p90),
            "sums": {unit: str(total) for unit, total in self.sums.items()},
            "streak": self.streak,
            "excluded": self.excluded,
            "number": _text(self.number),
        }


def measure(rows: Iterable[Counted], *, shape: Shape, unit: Unit, places: int = 1) -> Value:
    """What rows come to; excluded ones are counted apart and in no other part.

    Share: rows that are hits / rows, in %, halves up. Spread: median and P90 of the rows' durations (linear
    interpolation, see `quantile`). Sum: by unit. Streak: the hits in a row at the end. Level: the last row.

    Args:
        places: decimals of a percentage.
    """
    every = list(rows)
    left_out = [row.excluded for row in every if row.excluded]
    kept = [row for row in every if not row.excluded] if left_out else every
    excluded = dict(sorted(Counter(left_out).items())) if left_out else {}
    if shape is Shape.SHARE:
        return _share(kept, excluded, places)
    if shape is Shape.SPREAD:
        return _spread(kept, excluded, unit)
    if shape is Shape.SUM:
        return _sum(kept, excluded)
    if shape is Shape.LEVEL:
        return _level(kept, excluded)
    return _streak(kept, excluded)


def split(rows: Iterable[Counted], dimension: str) -> dict[str, list[Counted]]:
    """Rows by a dimension, such as service, in the order of its names; "" for those that have none."""
    name_of = attrgetter(dimension)
    groups: defaultdict[str, list[Counted]] = defaultdict(list)
    for row in rows:
        groups[name_of(row)].append(row)
    return dict(sorted(groups.items()))


def _share(rows: Sequence[Counted], excluded: dict[str, int], places: int) -> Value:
    hits = sum(row.is_hit is True for row in rows)
    percent = _rounded(Decimal(100) * hits / len(rows), places) if rows else None
    return Value(len(rows), numerator=hits, percent=percent, excluded=excluded, number=percent)


def _spread(rows: Sequence[Counted], excluded: dict[str, int], unit: Unit) -> Value:
    # Sorted once, for both; only what comes out of it becomes a duration.
    seconds = sorted(row.value for row in rows if row.value is not None)
    median, p90 = _duration(quantile(seconds, 50)), _duration(quantile(seconds, 90))
    number = None
    if median is not None:
        number = _rounded(Decimal(str(median.total_seconds())) / _PER_UNIT[unit], 1)
    return Value(len(rows), median=median, p90=p90, excluded=excluded, number=number)


def _sum(rows: Sequence[Counted], excluded: dict[str, int]) -> Value:
    sums: dict[str, Decimal] = {}
    for row in sorted(rows, key=lambda one: one.unit):
        sums[row.unit] = sums.get(row.unit, Decimal(0)) + (row.value or 0)
    # Money in two currencies has no one number.
    number = next(iter(sums.values())) if len(sums) == 1 else None
    return Value(len(rows), sums=sums, excluded=excluded, number=number)


def _level(rows: Sequence[Counted], excluded: dict[str, int]) -> Value:
    if not rows:
        return Value(0, excluded=excluded)
    last = rows[-1]
    return Value(len(rows), sums={last.unit: last.value or Decimal(0)}, excluded=excluded, number=last.value)


def _streak(rows: Sequence[Counted], excluded: dict[str, int]) -> Value:
    if not rows:
        return Value(0, excluded=excluded)
    streak = 0
    for row in reversed(rows):
        if not row.is_hit:
            break
        streak += 1
    return Value(len(rows), streak=streak, excluded=excluded, number=Decimal(streak))


def _duration(seconds: Decimal | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=float(seconds))


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())
