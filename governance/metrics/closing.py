"""The closure rate, durations by severity and the ages of overdue items, as their own sections show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import inf

from governance.metrics.durations import Spread, quantile, spread
from governance.metrics.rows import DueItem, Outcome, OverdueItem, ResolvedIncident


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
    count = Counter(item.outcome for item in items)
    return Closure(
        due=len(items),
        in_time=count[Outcome.IN_TIME],
        late=count[Outcome.LATE],
        by_hand=count[Outcome.BY_HAND],
        open=count[Outcome.OPEN],
        rate_percent=closure_rate(count[Outcome.IN_TIME], len(items)),
        late_by_median=quantile([item.late_by for item in items if item.late_by is not None], 50),
    )


def closure_rate(in_time: int, due: int) -> Decimal | None:
    """In percent; None where nothing was due."""
    if not due:
        return None
    return (Decimal(100) * in_time / due).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


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
    return ageing_of(Counter(item.overdue_days for item in items))


def ageing_of(items: Mapping[int, int]) -> Ageing:
    """The same of how many items have been overdue for so many whole days."""

    def between(more: int, most: float) -> int:
        return sum(count for days, count in items.items() if more < days <= most)

    return Ageing(
        n=sum(items.values()),
        up_to_7_days=between(-1, 7),
        up_to_30_days=between(7, 30),
        up_to_90_days=between(30, 90),
        longer=between(90, inf),
        oldest_days=max(items, default=None),
    )


# Where the bands of TTR end; the last one has no end.
BANDS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120, 240, 480))


def bands(incidents: Sequence[ResolvedIncident]) -> list[tuple[timedelta | None, int]]:
    """How many incidents took up to 5, 15, 30 and 60 minutes, 2, 4 and 8 hours to restore, and longer.

    Each is counted once, in the first band that it does not exceed. Cohort: as for `times`.
    """
    found = []
    over = timedelta(-1)
    for end in BANDS:
        found.append((end, sum(over < one.ttr <= end for one in incidents)))
        over = end
    return [*found, (None, sum(one.ttr > over for one in incidents))]


def _times(severity: str, incidents: Sequence[ResolvedIncident]) -> Times:
    return Times(
        severity,
        ttr=spread(one.ttr for one in incidents),
        ttd=spread(one.ttd for one in incidents),
        tta=spread(one.tta for one in incidents),
        ttm=spread(one.ttm for one in incidents),
    )
