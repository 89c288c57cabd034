"""Two years of the figures that committees follow, month by month, and the age of what is overdue now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Aggregate, Count, DurationField, F, Q
from django.db.models.functions import TruncMonth

from accounts.models import User
from governance import cohorts, metrics, periods
from governance.cohorts import incidents, items
from governance.metrics import Ageing
from governance.models import GovernanceReport

MONTHS = 24


class Median(Aggregate):
    """PostgreSQL's percentile_cont(0.5): as `metrics.quantile`, without sending the rows."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


@dataclass(frozen=True, slots=True)
class Month:
    """What one month came to.

    Attributes:
        due, in_time: items due, and those first verified by a check within their deadline.
        ttr: the median time to restore; None where nothing was resolved.
        is_frozen: as published; else as the records say now.
    """

    month: date
    due: int
    in_time: int
    resolved: int
    ttr: timedelta | None
    is_frozen: bool

    @property
    def rate(self) -> float | None:
        """The closure rate in percent; None where nothing was due."""
        return 100 * self.in_time / self.due if self.due else None


def of(viewer: User, *, now: datetime, months: int = MONTHS) -> list[Month]:
    """The last months, the oldest first, in three statements.

    Published months are as they were frozen for whoever may see everything; for others each month is counted
    over what they may see.
    """
    names = [periods.month_of(now)]
    while len(names) < months:
        names.append(periods.before(names[-1]))
    names.reverse()
    window = periods.Window(periods.period(names[0])[0], now, is_past=False)
    due, resolved = _due(window, viewer), _resolved(window, viewer)
    frozen = _frozen(names[0]) if viewer.is_superuser or viewer.is_at_least(User.Role.GOVERNOR) else {}
    return [frozen.get(name) or _month(name, due.get(name), resolved.get(name)) for name in names]


def ageing(viewer: User, *, now: datetime) -> list[tuple[str, Ageing]]:
    """The items overdue now by their age: of all teams together under "", then of each by its slug."""
    window = periods.Window(periods.period(periods.month_of(now))[0], now, is_past=False)
    overdue = items.overdue(window, cohorts.look_back(window), viewer)
    teams = sorted({row.team for row in overdue})
    by_team = ((team, metrics.ageing([row for row in overdue if row.team == team])) for team in teams)
    return [("", metrics.ageing(overdue)), *by_team]


def _month(name: date, due: Mapping[str, Any] | None, resolved: Mapping[str, Any] | None) -> Month:
    return Month(
        name,
        due=due["n"] if due else 0,
        in_time=due["hits"] if due else 0,
        resolved=resolved["n"] if resolved else 0,
        ttr=resolved["median"] if resolved else None,
        is_frozen=False,
    )


def _due(window: periods.Window, viewer: User) -> dict[date, Mapping[str, Any]]:
    rows = (
        items.visible(viewer)
        .filter(due_at__gte=window.starts_at, due_at__lt=window.as_of)
        .order_by()
        .values(name=TruncMonth("due_at", tzinfo=ZoneInfo(settings.TIME_ZONE)))
        .annotate(n=Count("pk"), hits=Count("pk", filter=Q(first_verified_at__lte=F("due_at"))))
    )
    return {row["name"].date(): row for row in rows}


def _resolved(window: periods.Window, viewer: User) -> dict[date, Mapping[str, Any]]:
    rows = (
        incidents.visible(viewer)
        .filter(resolved_at__gte=window.starts_at, resolved_at__lt=window.as_of)
        .filter(is_drill=False, dismissed_as="", severity__counts_in_figures=True)
        .order_by()
        .values(name=TruncMonth("resolved_at", tzinfo=ZoneInfo(settings.TIME_ZONE)))
        .annotate(n=Count("pk"), median=Median(F("resolved_at") - F("started_at")))
    )
    return {row["name"].date(): row for row in rows}


def _frozen(first: date) -> dict[date, Month]:
    rows = GovernanceReport.objects.filter(month__gte=first).values_list(
        "month", "figures__all__closure__n", "figures__all__closure__numerator", "figures__all__ttr__n",
        "figures__all__ttr__median_seconds",
    )  # fmt: skip
    return {
        month: Month(
            month, due, in_time, n, None if seconds is None else timedelta(seconds=seconds), is_frozen=True
        )
        for month, due, in_time, n, seconds in rows
        if due is not None
    }
