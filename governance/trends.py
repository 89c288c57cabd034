"""Two years of the figures that committees follow, month by month, and the age of what is overdue now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Aggregate, Count, DurationField, F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, TruncMonth

from accounts.models import User
from governance import metrics, periods
from governance.cohorts import causes, incidents, items
from governance.metrics import Ageing
from governance.models import GateDecision

MONTHS = 24


class Median(Aggregate):
    """PostgreSQL's percentile_cont(0.5): as `metrics.quantile`, without sending the rows."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


class Ninetieth(Median):
    """The same at 0.9."""

    template = "%(function)s(0.9) WITHIN GROUP (ORDER BY %(expressions)s)"


@dataclass(frozen=True, slots=True)
class Month:
    """What one month came to.

    Attributes:
        due, in_time: items due, and those first verified by a check within their deadline.
        ttr, ttr_p90: the median time to restore and its P90; None where nothing was resolved.
        agreed, verified: items agreed, and those first verified by a check, whenever they were due.
        asked, blocked, waived: changes about which CI asked the gate; those that did not pass, be it once;
            those of which a waiver excused findings.
        is_frozen: what a report has is as published.
    """

    month: date
    due: int = 0
    in_time: int = 0
    resolved: int = 0
    ttr: timedelta | None = None
    ttr_p90: timedelta | None = None
    agreed: int = 0
    verified: int = 0
    asked: int = 0
    blocked: int = 0
    waived: int = 0
    is_frozen: bool = False

    @property
    def rate_percent(self) -> Decimal | None:
        """The closure rate as the report says it, to one decimal; None where nothing was due."""
        return metrics.closure_rate(self.in_time, self.due)

    @property
    def rate(self) -> float | None:
        """The closure rate in percent; None where nothing was due."""
        return 100 * self.in_time / self.due if self.due else None


def of(viewer: User, *, now: datetime, months: int = MONTHS) -> list[Month]:
    """The last months, the oldest first, in six statements.

    Published months are as they were frozen for whoever may see everything, and are not counted anew; for
    others each month is counted over what they may see.
    """
    names = [periods.month_of(now)]
    while len(names) < months:
        names.append(periods.before(names[-1]))
    names.reverse()
    sees_all = viewer.is_superuser or viewer.is_at_least(User.Role.GOVERNOR)
    frozen = _frozen(names[0]) if sees_all else {}
    # A report of old may lack figures that were thought of later.
    window, of_verified = (
        periods.Window(periods.period(_first_without(frozen, names, known))[0], now, is_past=False)
        for known in (_COUNTS - {"verified"}, {"verified"})
    )
    counted = [
        _due(window, viewer), _agreed(window, viewer), _verified(of_verified, viewer),
        _resolved(window, viewer), _gate(window),
    ]  # fmt: skip
    found = []
    for name in names:
        month = Month(name)
        for rows in (*counted, frozen):
            month = replace(month, **rows.get(name, {}))
        found.append(month)
    return found


def _first_without(frozen: Counts, names: Sequence[date], known: Set[str]) -> date:
    """The first month that no report has these figures of; the running one at the latest."""
    return next((name for name in names if not frozen.get(name, {}).keys() >= known), names[-1])


def so_far(viewer: User, *, now: datetime) -> Month:
    """What was due in the running month and kept in time, of what a reader may see; nothing else of it."""
    name = periods.month_of(now)
    window = periods.Window(periods.period(name)[0], now, is_past=False)
    return Month(name, **_due(window, viewer).get(name, {}))


def recurrence(viewer: User, *, now: datetime, months: int = MONTHS) -> list[tuple[str, int, int]]:
    """Root causes of the last months by class: its slug, how many there were, and how many had come back.

    The classes with most that came back first; reviews whose incidents do not count are left out.
    """
    first = periods.month_of(now)
    for _number in range(months - 1):
        first = periods.before(first)
    window = periods.Window(periods.period(first)[0], now, is_past=False)
    return sorted(causes.by_class(window, viewer), key=lambda one: (-one[2], -one[1], one[0]))


def ageing(viewer: User, *, now: datetime) -> list[tuple[str, Ageing]]:
    """The items overdue now by their age: of all teams together under "", then of each by its slug."""
    every: Counter[int] = Counter()
    by_team: dict[str, Counter[int]] = {}
    for team, days, count in items.overdue_days(viewer, now=now):
        every[days] += count
        by_team.setdefault(team, Counter())[days] += count
    teams = ((team, metrics.ageing_of(counts)) for team, counts in sorted(by_team.items()))
    return [("", metrics.ageing_of(every)), *teams]


Counts = dict[date, dict[str, Any]]


def _due(window: periods.Window, viewer: User) -> Counts:
    return _by_month(
        items.visible(viewer), "due_at", window,
        due=Count("pk"), in_time=Count("pk", filter=Q(first_verified_at__lte=F("due_at"))),
    )  # fmt: skip


def _agreed(window: periods.Window, viewer: User) -> Counts:
    return _by_month(items.visible(viewer), "agreed_at", window, agreed=Count("pk"))


def _verified(window: periods.Window, viewer: User) -> Counts:
    return _by_month(items.visible(viewer), "first_verified_at", window, verified=Count("pk"))


def _resolved(window: periods.Window, viewer: User) -> Counts:
    rows = incidents.visible(viewer).filter(is_drill=False, dismissed_as="", severity__counts_in_figures=True)
    took = F("resolved_at") - F("started_at")
    return _by_month(
        rows, "resolved_at", window, resolved=Count("pk"), ttr=Median(took), ttr_p90=Ninetieth(took)
    )


def _gate(window: periods.Window) -> Counts:
    """As `metrics.asked`: a change counts once in a month, however often CI asked about it."""
    rows = GateDecision.objects.filter(kind=GateDecision.Kind.CHANGE).annotate(
        change=Concat(
            "repository",
            Value("\n"),
            Coalesce(NullIf("change_id", Value("")), Cast("pk", TextField()), output_field=TextField()),
            output_field=TextField(),
        )
    )
    return _by_month(
        rows, "decided_at", window,
        asked=Count("change", distinct=True),
        blocked=Count("change", distinct=True, filter=~Q(verdict="PASS")),
        waived=Count("change", distinct=True, filter=~Q(waivers=[])),
    )  # fmt: skip


def _by_month(rows: QuerySet[Any], column: str, window: periods.Window, **counts: Aggregate) -> Counts:
    """What rows come to in each month in which a moment of theirs lies."""
    within = {f"{column}__gte": window.starts_at, f"{column}__lt": window.as_of}
    found = (
        rows.filter(**within)
        .order_by()
        .values(in_month=TruncMonth(column, tzinfo=ZoneInfo(settings.TIME_ZONE)))
        .annotate(**counts)
    )
    return {row["in_month"].date(): {name: row[name] for name in counts} for row in found}


# What a report tells of its trend, in the order of its column (governance/migrations/0026).
_TOLD = (
    "due", "in_time", "resolved", "ttr", "ttr_p90", "agreed", "asked", "blocked", "waived", "verified",
)  # fmt: skip
# Of these the times are None where nothing was resolved.
_COUNTS = frozenset(_TOLD) - {"ttr", "ttr_p90"}


def _frozen(first: date) -> Counts:
    with connection.cursor() as cursor:
        cursor.execute("SELECT month, trend FROM governance_governancereport WHERE month >= %s", [first])
        rows = cursor.fetchall()
    found: Counts = {}
    for month, numbers in rows:
        read = dict(zip(_TOLD, numbers, strict=True))
        if read["due"] is None:
            # It was published before reports had these figures.
            continue
        times = {name: _duration(read.pop(name)) for name in ("ttr", "ttr_p90")}
        known = {name: value for name, value in read.items() if value is not None}
        found[month] = known | times | {"is_frozen": True}
    return found


def _duration(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
