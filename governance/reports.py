"""The monthly report: built from the rows that its reader may see, frozen when published.

Figures are computed from exactly the rows that are listed, and publishing freezes both. What a reader
may not see is taken out of the rows when they look, and the figures are then those of the rest: a median over
one restricted incident would say how long it took.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Team, User
from governance import cohorts, figures, frozen, goals, metrics, periods, records
from governance.frozen import content_hash
from governance.metrics import CATALOGUE, Definition, DueItem, Rows, Spread
from governance.models import GovernanceReport
from governance.periods import period
from governance.policy import POLICY_VERSION
from governance.records import Names
from postmortem import access, trail
from postmortem.errors import DomainError, Invalid
from postmortem.models import Severity
from remediation.models import SlaPolicy

__all__ = [
    "AlreadyPublished",
    "MonthNotOver",
    "Report",
    "build",
    "content_hash",
    "document",
    "figures_of",
    "find",
    "of_team",
    "period",
    "publish",
]

Json = dict[str, Any]


class MonthNotOver(DomainError):
    """A month is published when it is over, not before."""

    code = "month_not_over"


class AlreadyPublished(DomainError):
    """The month is frozen; a report is published once."""

    code = "already_published"


@dataclass(frozen=True, slots=True)
class Report:
    """One month as one reader may see it.

    Attributes:
        starts_at, ends_at: the period, half open.
        as_of: the moment at which it was judged: the end of the month, or now while the month runs.
        figures: as JSON: "closure" (due, in_time, late, by_hand, open, rate_percent as text such as "92.0" or
            None, late_by_median_seconds), "times" (a list: severity "" for all, then each; ttr, ttd, tta and
            ttm with n, median_seconds, p90_seconds), "overdue" (n, up_to_7_days, up_to_30_days,
            up_to_90_days, longer, oldest_days), and "all": every figure by its key (`figures.of_rows`), with
            what it was before and its goal (`figures.beside`). A month that was published before a figure was
            thought of lacks it: see `catalogue`.
        viewer: whoever reads it.
        is_partial: the reader may not see everything, so restricted rows are neither shown nor counted.
        hidden: rows of the frozen report that are kept from the reader; 0 for a draft, which counts none.
        published: the frozen report, or None.
    """

    month: date
    starts_at: datetime
    ends_at: datetime
    as_of: datetime
    figures: Json
    rows: Rows
    viewer: User
    is_partial: bool
    published: GovernanceReport | None
    hidden: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the month had ended when it was judged."""
        return self.as_of >= self.ends_at

    def names(self, public_ids: Iterable[str]) -> Names:
        """What records of its rows are called and who owns them; never frozen, for both change.

        Changes are called as CI called them when it asked. Ask for those that are shown: a month may have a
        hundred thousand.
        """
        wanted = set(public_ids)
        names = records.named(wanted, viewer=self.viewer)
        changes = {
            one.public_id: one.title or one.change_id for one in self.rows.gate if one.public_id in wanted
        }
        return replace(names, titles={**names.titles, **changes})

    @property
    def catalogue(self) -> dict[str, Definition]:
        """The figures that this report has, in the order in which they are shown."""
        return {key: definition for key, definition in CATALOGUE.items() if key in self.figures["all"]}


def build(month: date, *, viewer: User, now: datetime) -> Report:
    """The report of a month: the frozen one when it is published, else computed now.

    Args:
        month: its first day.

    Raises:
        Invalid: not a first day, before the year 2000, or a month that has not begun.
    """
    window = periods.window(month, now=now)
    starts_at, ends_at = period(month)
    published = find(month)
    rows = (
        frozen.from_json(published.rows) if published is not None else cohorts.gather(window, viewer=viewer)
    )
    seen = frozen.seen(rows, viewer=viewer)
    return Report(
        month=month,
        starts_at=starts_at,
        ends_at=ends_at,
        as_of=ends_at if published is not None else window.as_of,
        figures=_figures(month, published, seen.rows, rows, viewer=viewer, now=now),
        rows=seen.rows,
        viewer=viewer,
        is_partial=not access.sees_everything(viewer),
        published=published,
        hidden=seen.hidden,
    )


def of_team(team: Team, *, viewer: User, now: datetime) -> dict[str, Json]:
    """What the running month comes to for a team, by figure; without those that have nothing of the team."""
    rows = cohorts.gather_team(periods.window(periods.month_of(now), now=now), team, viewer=viewer)
    return figures.of_team(frozen.seen(rows, viewer=viewer).rows, team.slug)


def publish(month: date, *, by: User | None, now: datetime, rows: Rows | None = None) -> GovernanceReport:
    """Freeze a month that is over: figures, rows, policy versions and a hash over all of them.

    Args:
        by: a governor, or None for the installation itself on the first working day.
        rows: what was gathered before; gathered now unless given.

    Raises:
        NotAllowed: `by` is no governor.
        MonthNotOver, AlreadyPublished, Invalid: nothing was written.

    Source: specification, section 6.
    """
    if by is not None:
        access.need(by, User.Role.GOVERNOR)
    _starts_at, ends_at = period(month)
    if now < ends_at:
        raise MonthNotOver(_("The month is not over."), field="month")
    with trail.act("reports.publish", by=by):
        if find(month) is not None:
            raise AlreadyPublished(_("This month is published already."), field="month")
        if rows is None:
            rows = cohorts.gather(periods.window(month, now=now), viewer=None)
        report = freeze(month, rows, by=by, now=now)
        try:
            with transaction.atomic():
                report.save(force_insert=True)
        except IntegrityError:
            # Somebody else published it at this moment.
            raise AlreadyPublished(_("This month is published already."), field="month") from None
    return report


def freeze(month: date, rows: Rows, *, by: User | None, now: datetime) -> GovernanceReport:
    """The report of a month over its rows, with its hash; it is not stored."""
    report = GovernanceReport(
        month=month,
        published_at=now,
        published_by=by,
        figures=figures_of(rows)
        | {"verified": cohorts.verified(periods.window(month, now=now))}
        | {"all": _beside(figures.of_rows(rows), month, viewer=None, now=now)}
        | {"period": _period_json(month), "policies": _policies()},
        rows=frozen.as_json(rows),
        policy_version=POLICY_VERSION,
    )
    report.content_hash = content_hash(report)
    return report


def find(month: date) -> GovernanceReport | None:
    """The frozen report of a month, or None."""
    return GovernanceReport.objects.select_related("published_by").filter(month=month).first()


def document(report: Report) -> bytes:
    """A report as JSON: for whoever sees all of a published one, exactly the bytes that were hashed."""
    if report.published is not None and not report.hidden:
        return frozen.canonical(report.published)
    return frozen.written(report.month, report.figures, report.rows, POLICY_VERSION)


def figures_of(rows: Rows) -> Json:
    """The figures that have a section of their own, as JSON; see `Report.figures`."""
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


def _figures(
    month: date,
    published: GovernanceReport | None,
    seen: Rows,
    every: Rows,
    *,
    viewer: User,
    now: datetime,
) -> Json:
    if published is not None and seen == every and "all" in published.figures:
        frozen_figures: Json = published.figures
        return frozen_figures
    computed = figures.of_rows(seen)
    if published is not None and "all" in published.figures:
        # What was not counted when it was frozen has no rows there, and would look like nothing happened.
        computed = {key: value for key, value in computed.items() if key in published.figures["all"]}
    return figures_of(seen) | {"all": _beside(computed, month, viewer=viewer, now=now)}


def _beside(found: dict[str, Json], month: date, *, viewer: User | None, now: datetime) -> dict[str, Json]:
    return figures.beside(
        found,
        previous=_values(periods.before(month), viewer=viewer, now=now),
        year_before=_values(periods.year_before(month), viewer=viewer, now=now),
    )


def _values(month: date, *, viewer: User | None, now: datetime) -> dict[str, Json] | None:
    """The figures of another month, to compare with: of the frozen report when there is one."""
    try:
        window = periods.window(month, now=now)
    except Invalid:
        return None
    whole: dict[str, Json] | None = None
    if viewer is None or access.sees_everything(viewer):
        # Whoever sees everything needs no rows, and a month may have a hundred thousand.
        whole = GovernanceReport.objects.filter(month=month).values_list("figures__all", flat=True).first()
    if whole is not None:
        return whole
    published = find(month)
    if published is None:
        return figures.totals(cohorts.gather(window, viewer=viewer))
    rows = frozen.from_json(published.rows)
    seen = rows if viewer is None else frozen.seen(rows, viewer=viewer).rows
    known: dict[str, Json] = published.figures.get("all", {})
    if seen == rows and known:
        return known
    return {key: value for key, value in figures.totals(seen).items() if not known or key in known}


def _policies() -> Json:
    """The versions of everything that governors edit and figures depend on."""
    severities = Severity.objects.order_by("rank").values(
        "code", "requires_postmortem", "review_hours", "counts_in_figures"
    )
    return {
        "gate": POLICY_VERSION,
        "sla": [str(row) for row in SlaPolicy.objects.order_by("position")],
        "severities": list(severities),
        "goals": {figure: goal.version for figure, goal in sorted(goals.by_figure().items())},
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


def _spread_json(spread: Spread) -> Json:
    return {"n": spread.n, "median_seconds": _seconds(spread.median), "p90_seconds": _seconds(spread.p90)}


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


def _period_json(month: date) -> Json:
    starts_at, ends_at = period(month)
    return {
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "time_zone": settings.TIME_ZONE,
    }
