"""Pure: rows in, figures out; each formula stands in a docstring and is said on the page.

A figure is always computed from the very rows that its list shows, so a count and its list cannot differ.
No rows give None, never 0: nothing happened is not the same as nothing was kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum


class Outcome(StrEnum):
    """What became of an item that was due."""

    IN_TIME = "in_time"
    LATE = "late"
    BY_HAND = "by_hand"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class DueItem:
    """An item whose deadline lies in the period, as it stood when the period was judged.

    Attributes:
        first_verified_at: when check runs first verified it; None when they had not.
        state: one of RemediationItem.State.
        is_restricted: it comes from the review of a restricted incident.
    """

    public_id: str
    severity: str
    service: str
    team: str
    due_at: datetime
    first_verified_at: datetime | None
    state: str
    is_restricted: bool = False

    @property
    def outcome(self) -> Outcome:
        """in_time or late by the first automated PASS; by_hand when a person declined it; else open."""
        if self.first_verified_at is not None:
            return Outcome.IN_TIME if self.first_verified_at <= self.due_at else Outcome.LATE
        return Outcome.BY_HAND if self.state == "wont_do" else Outcome.OPEN

    @property
    def late_by(self) -> timedelta | None:
        """How long after its deadline it was first verified; None unless it was late."""
        if self.first_verified_at is None or self.outcome is not Outcome.LATE:
            return None
        return self.first_verified_at - self.due_at


@dataclass(frozen=True, slots=True)
class ResolvedIncident:
    """An incident that was resolved in the period."""

    public_id: str
    severity: str
    service: str
    started_at: datetime
    detected_at: datetime | None
    acknowledged_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime
    is_restricted: bool = False

    @property
    def ttr(self) -> timedelta:
        """Time to restore: resolved - started."""
        return self.resolved_at - self.started_at

    @property
    def ttd(self) -> timedelta | None:
        """Time to detect: detected - started."""
        return _between(self.started_at, self.detected_at)

    @property
    def tta(self) -> timedelta | None:
        """Time to acknowledge: acknowledged - detected."""
        return _between(self.detected_at, self.acknowledged_at)

    @property
    def ttm(self) -> timedelta | None:
        """Time to mitigate: mitigated - started."""
        return _between(self.started_at, self.mitigated_at)


@dataclass(frozen=True, slots=True)
class OverdueItem:
    """An item that was past its deadline and not kept when the period was judged.

    Attributes:
        overdue_days: whole days since the deadline.
    """

    public_id: str
    severity: str
    service: str
    team: str
    due_at: datetime
    state: str
    overdue_days: int
    is_restricted: bool = False


@dataclass(frozen=True, slots=True)
class Closure:
    """The closure rate and what it is made of; `rate_percent` is None when nothing was due."""

    due: int
    in_time: int
    late: int
    by_hand: int
    open: int
    rate_percent: Decimal | None
    late_by_median: timedelta | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and ninetieth percentile of n durations; both None when n is 0."""

    n: int
    median: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True, slots=True)
class Times:
    """The durations of the incidents of one severity, or of all when `severity` is ""."""

    severity: str
    ttr: Spread
    ttd: Spread
    tta: Spread
    ttm: Spread


@dataclass(frozen=True, slots=True)
class Ageing:
    """Overdue items by how long they have been overdue, in whole days; `oldest_days` is None for no items."""

    n: int
    up_to_7_days: int
    up_to_30_days: int
    up_to_90_days: int
    longer: int
    oldest_days: int | None


def closure(items: Sequence[DueItem]) -> Closure:
    """Closure rate = items first verified by an automated PASS at or before their deadline / items due, in %.

    The cohort is every item whose deadline lies in the period. A hand never closes: a declined item stays in
    the cohort and counts as not closed. One decimal, halves up.

    Source: specification, R19: 25 due, 23 in time, 1 late, 1 closed by hand give 92.0.
    """
    count = {outcome: sum(item.outcome is outcome for item in items) for outcome in Outcome}
    rate = None
    if items:
        exact = Decimal(100) * count[Outcome.IN_TIME] / len(items)
        rate = exact.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    return Closure(
        due=len(items),
        in_time=count[Outcome.IN_TIME],
        late=count[Outcome.LATE],
        by_hand=count[Outcome.BY_HAND],
        open=count[Outcome.OPEN],
        rate_percent=rate,
        late_by_median=quantile([item.late_by for item in items if item.late_by is not None], 50),
    )


def times(incidents: Sequence[ResolvedIncident]) -> list[Times]:
    """TTR, TTD, TTA and TTM: first over all incidents, then by severity in the order of its code.

    Cohort: incidents resolved in the period, without drills, dismissed ones and severities that do not count.
    A duration whose milestone is missing is left out, so each has its own n.
    """
    severities = sorted({incident.severity for incident in incidents})
    by_severity = (_times(code, [one for one in incidents if one.severity == code]) for code in severities)
    return [_times("", incidents), *by_severity]


def ageing(items: Sequence[OverdueItem]) -> Ageing:
    """Overdue items in bands of days since their deadline: up to 7, 30 and 90 days, and longer."""
    days = [item.overdue_days for item in items]
    return Ageing(
        n=len(days),
        up_to_7_days=sum(day <= 7 for day in days),
        up_to_30_days=sum(7 < day <= 30 for day in days),
        up_to_90_days=sum(30 < day <= 90 for day in days),
        longer=sum(day > 90 for day in days),
        oldest_days=max(days, default=None),
    )


def spread(durations: Iterable[timedelta | None]) -> Spread:
    """Median and P90 of the durations that are known."""
    known = [duration for duration in durations if duration is not None]
    return Spread(len(known), quantile(known, 50), quantile(known, 90))


def quantile(durations: Sequence[timedelta], percent: int) -> timedelta | None:
    """The given percentile by linear interpolation between the two nearest ranks; None for no durations.

    The same as PostgreSQL's percentile_cont and a spreadsheet's PERCENTILE.INC. Whole microseconds.

    >>> quantile([timedelta(minutes=10), timedelta(minutes=20)], 90)
    datetime.timedelta(seconds=1140)
    """
    if not durations:
        return None
    ordered = sorted(durations)
    below, hundredths = divmod((len(ordered) - 1) * percent, 100)
    if hundredths == 0:
        return ordered[below]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * hundredths / 100


def _times(severity: str, incidents: Sequence[ResolvedIncident]) -> Times:
    return Times(
        severity,
        ttr=spread(one.ttr for one in incidents),
        ttd=spread(one.ttd for one in incidents),
        tta=spread(one.tta for one in incidents),
        ttm=spread(one.ttm for one in incidents),
    )


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else end - start
