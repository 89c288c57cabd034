"""How much each feature is used, and what the committee decides about those that hardly are (R23).

Counts by feature and week are all there is: no person, no address, no moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils.translation import gettext as _

from accounts.models import User
from governance.models import FeatureUse, UsageDecision
from postmortem import access, trail, values
from postmortem.errors import Invalid
from remediation import backlog
from remediation.backlog import Quarter

# A feature that is used less often than once a week is rarely used.
RARELY = 13


@dataclass(frozen=True, slots=True)
class Use:
    """A feature in a quarter.

    Attributes:
        weeks: its count in each week of the quarter, oldest first.
        decision: the last one of the quarter; None where there is none.
    """

    feature: str
    count: int
    weeks: Sequence[int]
    decision: UsageDecision | None

    @property
    def is_rare(self) -> bool:
        return self.count < RARELY


def add(counts: Mapping[str, int], *, now: datetime) -> None:
    """Add uses of features to the present week; in one statement, whoever else adds at the same time."""
    rows = sorted((feature, count) for feature, count in counts.items() if count > 0)
    if not rows:
        return
    week = week_of(now)
    places = ", ".join(["(%s, %s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO governance_featureuse AS u (feature, week, count) VALUES {places}"  # noqa: S608
            " ON CONFLICT (feature, week) DO UPDATE SET count = u.count + excluded.count",
            [value for feature, count in rows for value in (feature[:60], week, count)],
        )


def review(quarter: Quarter, *, features: Iterable[str]) -> list[Use]:
    """Every feature with its uses in a quarter, the least used first; those never used among them.

    Args:
        features: what there is; what was counted and is no more is left out.
    """
    weeks = _weeks(quarter)
    counted: dict[str, dict[date, int]] = {}
    for feature, week, count in FeatureUse.objects.filter(week__in=weeks).values_list(
        "feature", "week", "count"
    ):
        counted.setdefault(feature, {})[week] = count
    decided = {
        row.feature: row
        for row in UsageDecision.objects.filter(quarter=str(quarter))
        .select_related("decided_by")
        .order_by("decided_at", "id")
    }
    found = []
    for feature in sorted(set(features)):
        of_week = counted.get(feature, {})
        found.append(
            Use(
                feature,
                sum(of_week.values()),
                [of_week.get(week, 0) for week in weeks],
                decided.get(feature),
            )
        )
    return sorted(found, key=lambda use: (use.count, use.feature))


def decide(
    quarter: Quarter,
    feature: str,
    *,
    decision: str,
    reason: str,
    features: Iterable[str],
    by: User,
    now: datetime,
) -> UsageDecision:
    """Keep what the committee decided about a feature in a quarter; a later word stands beside the earlier.

    Raises:
        Invalid: no such feature or decision, or no reason; `field` names it.
        NotAllowed: `by` is no governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    if feature not in set(features):
        raise Invalid(_("There is no such feature."), field="feature")
    decision = values.choice(decision, UsageDecision.Decision, field="decision")
    reason = values.text(reason, field="reason", longest=500, is_required=True).strip()
    with trail.act("usage.decide", by=by):
        return UsageDecision.objects.create(
            quarter=str(quarter),
            feature=feature,
            decision=decision,
            reason=reason,
            decided_by=by,
            decided_at=now,
        )


def total() -> int:
    """All uses ever counted: 0 tells that nobody counts here."""
    return FeatureUse.objects.aggregate(total=Sum("count"))["total"] or 0


def week_of(moment: datetime) -> date:
    """The Monday of the week in which a moment lies, in the installation's time zone."""
    day = moment.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    return day - timedelta(days=day.weekday())


def quarter_of(moment: datetime) -> Quarter:
    """The quarter in which a moment lies, in the installation's time zone."""
    return backlog.quarter_of(moment, zone=ZoneInfo(settings.TIME_ZONE))


def _weeks(quarter: Quarter) -> list[date]:
    """The Mondays whose week begins in the quarter."""
    zone = ZoneInfo(settings.TIME_ZONE)
    first, end = quarter.start.astimezone(zone).date(), quarter.end.astimezone(zone).date()
    monday = first + timedelta(days=-first.weekday() % 7)
    weeks = []
    while monday < end:
        weeks.append(monday)
        monday += timedelta(days=7)
    return weeks
