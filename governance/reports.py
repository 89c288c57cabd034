"""Build, freeze and find the monthly report.

A report is rows and the figures over exactly these rows (`metrics`). Publishing freezes both. What a reader
may not see is taken out of the rows when they look, and the figures are then those of the rest: a median over
one restricted incident would say how long it took.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.models import User
from governance import metrics
from governance.metrics import DueItem, OverdueItem, ResolvedIncident, Spread
from governance.models import GovernanceReport
from governance.policy import POLICY_VERSION, SETTLED
from postmortem import access, trail
from postmortem.errors import DomainError, Invalid
from postmortem.models import EARLIEST, Incident, IncidentService
from remediation import items
from remediation.models import ItemTransition, RemediationItem

Json = dict[str, Any]


class MonthNotOver(DomainError):
    """A month is published when it is over, not before."""

    code = "month_not_over"


class AlreadyPublished(DomainError):
    """The month is frozen; a report is published once."""

    code = "already_published"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a report, each list in the order in which it is shown."""

    due: Sequence[DueItem]
    resolved: Sequence[ResolvedIncident]
    overdue: Sequence[OverdueItem]


@dataclass(frozen=True, slots=True)
class Report:
    """One month as one reader may see it.

    Attributes:
        starts_at, ends_at: the period, half open.
        as_of: the moment at which it was judged: the end of the month, or now while the month runs.
        figures: as JSON: "closure" (due, in_time, late, by_hand, open, rate_percent as text such as "92.0" or
            None, late_by_median_seconds), "times" (a list: severity "" for all, then each; ttr, ttd, tta and
            ttm with n, median_seconds, p90_seconds), "overdue" (n, up_to_7_days, up_to_30_days,
            up_to_90_days, longer, oldest_days).
        titles: public id -> title, of the items and incidents in the rows; never frozen, for titles change.
        owners: public id -> name of the owner, of the items in the rows.
        is_partial: the reader may not see everything, so restricted rows are neither shown nor counted.
        published: the frozen report, or None.
    """

    month: date
    starts_at: datetime
    ends_at: datetime
    as_of: datetime
    figures: Json
    rows: Rows
    titles: Mapping[str, str]
    owners: Mapping[str, str]
    is_partial: bool
    published: GovernanceReport | None

    @property
    def is_over(self) -> bool:
        """Whether the month had ended when it was judged."""
        return self.as_of >= self.ends_at


def build(month: date, *, viewer: User, now: datetime) -> Report:
    """The report of a month: the frozen one when it is published, else computed now.

    Args:
        month: its first day.

    Raises:
        Invalid: not a first day, before the year 2000, or a month that has not begun.
    """
    starts_at, ends_at = period(month)
    if now < starts_at:
        raise Invalid(_("This month has not begun."), field="month")
    published = find(month)
    if published is not None:
        return _as_published(published, viewer)
    as_of = min(ends_at, now)
    rows = _rows(viewer, starts_at, as_of)
    return Report(
        month=month,
        starts_at=starts_at,
        ends_at=ends_at,
        as_of=as_of,
        figures=figures(rows),
        rows=rows,
        titles=_titles(rows, viewer),
        owners=_owners(rows),
        is_partial=_is_partial(viewer),
        published=None,
    )


def closure(month: date, *, viewer: User, now: datetime) -> Json:
    """The closure figures of a month as computed now, as in `Report.figures`, for a page that shows no rows.

    Raises:
        Invalid: as in `build`.
    """
    starts_at, ends_at = period(month)
    return _closure_json(_due(viewer, starts_at, min(ends_at, now)))


def publish(month: date, *, by: User, now: datetime) -> GovernanceReport:
    """Freeze a month that is over: figures, rows, policy version and a hash over all of them.

    Raises:
        NotAllowed: `by` is no governor.
        MonthNotOver, AlreadyPublished, Invalid: nothing was written.

    Source: specification, section 6.
    """
    access.need(by, User.Role.GOVERNOR)
    starts_at, ends_at = period(month)
    if now < ends_at:
        raise MonthNotOver(_("The month is not over."), field="month")
    with trail.act("reports.publish", by=by):
        if find(month) is not None:
            raise AlreadyPublished(_("This month is published already."), field="month")
        rows = _rows(by, starts_at, ends_at)
        report = GovernanceReport(
            month=month,
            published_at=now,
            published_by=by,
            figures=figures(rows) | {"period": _period_json(starts_at, ends_at)},
            rows=_rows_json(rows),
            policy_version=POLICY_VERSION,
        )
        report.content_hash = content_hash(report)
        try:
            with transaction.atomic():
                report.save(force_insert=True)
        except IntegrityError:
            # Somebody else published it at this moment.
            raise AlreadyPublished(_("This month is published already."), field="month") from None
    return report


def find(month: date) -> GovernanceReport | None:
    """The frozen report of a month, or None."""
    return GovernanceReport.objects.select_related("published_by").filter(month=month).first()


def content_hash(report: GovernanceReport) -> str:
    """SHA-256, in hex, over the canonical JSON of what a published report says."""
    content = {
        "month": report.month.isoformat(),
        "figures": report.figures,
        "rows": report.rows,
        "policy_version": report.policy_version,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def period(month: date) -> tuple[datetime, datetime]:
    """Begin and end of a month in the installation's time zone, in UTC; half open.

    Raises:
        Invalid: not a first day, or out of bounds.
    """
    if month.day != 1 or not EARLIEST.year <= month.year < 2100:
        raise Invalid(_("This is not a month."), field="month")
    zone = ZoneInfo(settings.TIME_ZONE)
    following = (month + timedelta(days=31)).replace(day=1)
    starts_at, ends_at = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (month, following))
    return starts_at, ends_at


def figures(rows: Rows) -> Json:
    """The figures over rows, as JSON; see `Report.figures`."""
    return {
        "closure": _closure_json(rows.due),
        "times": [
            {
                "severity": times.severity,
                "ttr": _spread_json(times.ttr),
                "ttd": _spread_json(times.ttd),
                "tta": _spread_json(times.tta),
                "ttm": _spread_json(times.ttm),
            }
            for times in metrics.times(rows.resolved)
        ],
        "overdue": asdict(metrics.ageing(rows.overdue)),
    }


def _closure_json(due: Sequence[DueItem]) -> Json:
    closure = metrics.closure(due)
    return {
        "due": closure.due,
        "in_time": closure.in_time,
        "late": closure.late,
        "by_hand": closure.by_hand,
        "open": closure.open,
        "rate_percent": None if closure.rate_percent is None else str(closure.rate_percent),
        "late_by_median_seconds": _seconds(closure.late_by_median),
    }


def _as_published(published: GovernanceReport, viewer: User) -> Report:
    every = _rows_from_json(published.rows)
    titles = _titles(every, viewer)
    rows = Rows(
        due=[row for row in every.due if row.public_id in titles],
        resolved=[row for row in every.resolved if row.public_id in titles],
        overdue=[row for row in every.overdue if row.public_id in titles],
    )
    frozen = published.figures["period"]
    ends_at = datetime.fromisoformat(frozen["ends_at"])
    return Report(
        month=published.month,
        starts_at=datetime.fromisoformat(frozen["starts_at"]),
        ends_at=ends_at,
        as_of=ends_at,
        figures=published.figures if rows == every else figures(rows),
        rows=rows,
        titles=titles,
        owners=_owners(rows),
        is_partial=_is_partial(viewer),
        published=published,
    )


def _rows(viewer: User, starts_at: datetime, as_of: datetime) -> Rows:
    return Rows(
        due=_due(viewer, starts_at, as_of),
        resolved=_resolved(viewer, starts_at, as_of),
        overdue=_overdue(viewer, as_of),
    )


def _due(viewer: User, starts_at: datetime, as_of: datetime) -> list[DueItem]:
    rows = (
        items.visible_to(viewer)
        .filter(due_at__gte=starts_at, due_at__lt=as_of)
        .annotate(then=_state_at(as_of), restricted=_is_restricted())
        .order_by("due_at", "public_id")
        .values_list(*_ITEM_COLUMNS, "first_verified_at", "then", "restricted")
    )
    return [
        DueItem(public_id, severity, service, team, due_at, _until(verified_at, as_of), state, is_restricted)
        for public_id, severity, service, team, due_at, verified_at, state, is_restricted in rows
    ]


def _resolved(viewer: User, starts_at: datetime, as_of: datetime) -> list[ResolvedIncident]:
    origin = IncidentService.objects.filter(incident=OuterRef("pk"), part=IncidentService.Part.ORIGIN)
    rows = (
        access.incidents(viewer)
        .filter(resolved_at__gte=starts_at, resolved_at__lt=as_of)
        .filter(is_drill=False, dismissed_as="", severity__counts_in_figures=True)
        .annotate(origin=Coalesce(Subquery(origin.order_by("id").values("service__slug")[:1]), Value("")))
        .order_by("resolved_at", "public_id")
        .values_list("public_id", "severity__code", "origin", *Incident.MILESTONES, "is_restricted")
    )
    return [ResolvedIncident(*row) for row in rows]


def _overdue(viewer: User, as_of: datetime) -> list[OverdueItem]:
    # As ITEM_OVERDUE in `policy`: kept in time once is kept; verified late is settled while it holds.
    rows = (
        items.visible_to(viewer)
        .filter(agreed_at__lt=as_of, due_at__lt=as_of)
        .exclude(first_verified_at__lte=F("due_at"))
        .annotate(then=_state_at(as_of), restricted=_is_restricted())
        .exclude(then__in=SETTLED)
        .order_by("due_at", "public_id")
        .values_list(*_ITEM_COLUMNS, "then", "restricted")
    )
    return [
        OverdueItem(public_id, severity, service, team, due_at, state, (as_of - due_at).days, is_restricted)
        for public_id, severity, service, team, due_at, state, is_restricted in rows
    ]


_ITEM_COLUMNS = ("public_id", "severity__code", "service__slug", "team__name", "due_at")


def _state_at(as_of: datetime) -> Coalesce:
    moves = ItemTransition.objects.filter(item=OuterRef("pk"), at__lt=as_of).order_by("-at", "-id")
    return Coalesce(Subquery(moves.values("to_state")[:1]), Value(RemediationItem.State.OPEN.value))


def _is_restricted() -> Exists:
    return Exists(Incident.objects.filter(review=OuterRef("review"), is_restricted=True))


def _until(moment: datetime | None, as_of: datetime) -> datetime | None:
    return moment if moment is not None and moment < as_of else None


def _titles(rows: Rows, viewer: User) -> dict[str, str]:
    """Titles by public id; what is not among them the viewer may not see."""
    named_items = _named_items(rows)
    named_incidents = {row.public_id for row in rows.resolved}
    found = items.visible_to(viewer).filter(public_id__in=named_items).values_list("public_id", "title")
    told = access.incidents(viewer).filter(public_id__in=named_incidents).values_list("public_id", "title")
    return dict(found) | dict(told)


def _owners(rows: Rows) -> dict[str, str]:
    owned = RemediationItem.objects.filter(public_id__in=_named_items(rows)).select_related("owner")
    return {item.public_id: str(item.owner) for item in owned}


def _named_items(rows: Rows) -> set[str]:
    return {row.public_id for row in rows.due} | {row.public_id for row in rows.overdue}


def _is_partial(viewer: User) -> bool:
    return not (viewer.is_superuser or viewer.is_at_least(User.Role.GOVERNOR))


def _spread_json(spread: Spread) -> Json:
    return {"n": spread.n, "median_seconds": _seconds(spread.median), "p90_seconds": _seconds(spread.p90)}


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


def _period_json(starts_at: datetime, ends_at: datetime) -> Json:
    return {
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "time_zone": settings.TIME_ZONE,
    }


def _rows_json(rows: Rows) -> Json:
    return {
        field.name: [
            {
                key: value.isoformat() if isinstance(value, datetime) else value
                for key, value in asdict(row).items()
            }
            for row in getattr(rows, field.name)
        ]
        for field in fields(rows)
    }


def _rows_from_json(rows: Json) -> Rows:
    return Rows(
        due=[DueItem(**_with_moments(row)) for row in rows["due"]],
        resolved=[ResolvedIncident(**_with_moments(row)) for row in rows["resolved"]],
        overdue=[OverdueItem(**_with_moments(row)) for row in rows["overdue"]],
    )


def _with_moments(row: Json) -> Json:
    return {
        key: datetime.fromisoformat(value) if key.endswith("_at") and value is not None else value
        for key, value in row.items()
    }
