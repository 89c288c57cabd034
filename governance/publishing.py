"""A month becomes its report: by a governor's hand, or by schedule on the first working day after it.

The schedule gathers the rows part by part, each in a transaction of its own: whoever looks sees how far it
is, and a crash loses one part. PostgreSQL holds all of it; a message of Celery only wakes somebody.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from governance import cohorts, frozen, notices, periods, reports
from governance.models import GovernanceReport, Notice, ReportBuild, ReportPart
from governance.reports import AlreadyPublished, MonthNotOver
from postmortem import access, trail
from postmortem.models import Incident
from remediation.models import RemediationItem, WorkingCalendar

# Longer than gathering one part takes.
LEASE = timedelta(minutes=15)
# Parts that were gathered further apart would speak of different days.
FRESH = timedelta(hours=6)


def publish(month: date, *, by: User | None, now: datetime) -> GovernanceReport:
    """Freeze a month that is over, and tell governors and managers of it.

    Raises:
        As for `reports.publish`.
    """
    with trail.act("publishing.publish", by=by):
        report = reports.publish(month, by=by, now=now)
        _finish(report, now=now)
    return report


def need_publishable(month: date, *, now: datetime) -> None:
    """Refuse a month that cannot be published now, before anybody is asked whether it should be.

    Raises:
        MonthNotOver, AlreadyPublished, Invalid: as for `reports.publish`.
    """
    _starts_at, ends_at = periods.period(month)
    if now < ends_at:
        raise MonthNotOver(_("The month is not over."), field="month")
    if reports.find(month) is not None:
        raise AlreadyPublished(_("This month is published already."), field="month")


def ask(month: date, *, by: User, now: datetime) -> ReportBuild:
    """Have a month built and published in the background; asking twice is asking once.

    Raises:
        NotAllowed: `by` is no governor.
        MonthNotOver, AlreadyPublished, Invalid: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    need_publishable(month, now=now)
    with trail.act("publishing.ask", by=by):
        return _begin(month, by=by, now=now)


def advance(*, now: datetime) -> bool:
    """Do one step of what is to be built: gather a part, or publish what is whole.

    On the first working day of a month the one before it is begun by itself. Safe to run at any moment,
    late, twice or in two places at once.

    Returns:
        Whether there is more to do at once.
    """
    _begin_what_is_due(now)
    build = _claim(now)
    if build is None:
        return False
    window = periods.window(build.month, now=now)
    there = set(build.gathered.values_list("name", flat=True))
    missing = [name for name in cohorts.PARTS if name not in there]
    if missing:
        # Outside of any transaction but its own: a long one would keep others from cleaning up.
        rows = frozen.as_json(cohorts.gather_part(missing[0], window))
        kept = {name: some for name, some in rows.items() if some}
        with trail.act("publishing.gather", by=build.asked_by):
            ReportPart.objects.get_or_create(
                build=build, name=missing[0], defaults={"rows": kept, "gathered_at": now}
            )
            _mine(build).update(lease_until=None)
        return True
    with trail.act("publishing.advance", by=build.asked_by):
        if reports.find(build.month) is None:
            gathered: dict[str, Any] = {}
            for part in build.gathered.all():
                gathered |= part.rows
            report = reports.publish(build.month, by=build.asked_by, now=now, rows=frozen.from_json(gathered))
            _finish(report, now=now)
        else:
            _close(build.month, now=now)
    return True


def progress(month: date) -> ReportBuild | None:
    """The build of a month that is under way, with `done`, the number of parts that are there; or None."""
    builds = ReportBuild.objects.filter(month=month, finished_at=None)
    return builds.annotate(done=Count("gathered")).first()


def build_of(month: date) -> ReportBuild | None:
    """The build of a month, under way or finished, with `done`; None where it was never asked for."""
    return ReportBuild.objects.filter(month=month).annotate(done=Count("gathered")).first()


def first_working_day(month: date) -> date:
    """The first day of a month on which somebody works, by the first working calendar, else Monday to Friday.

    A calendar in which nobody works in the first half of a month gives that month's first day.
    """
    calendar = WorkingCalendar.objects.order_by("pk").first()
    week = calendar.week if calendar is not None else ["work"] * 5 + ["", ""]
    holidays = set(calendar.holidays) if calendar is not None else set()
    days = (month + timedelta(days=number) for number in range(15))
    return next((day for day in days if week[day.weekday()] and day not in holidays), month)


def _begin_what_is_due(now: datetime) -> None:
    today = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    month = periods.before(today.replace(day=1))
    if today < first_working_day(today.replace(day=1)) or _is_begun(month):
        return
    _starts_at, ends_at = periods.period(month)
    is_in_use = (
        Incident.objects.filter(declared_at__lt=ends_at).exists()
        or RemediationItem.objects.filter(agreed_at__lt=ends_at).exists()
    )
    # An installation that was not there yet has nothing to say of that month.
    if is_in_use:
        with trail.act("publishing.begin", by=None):
            _begin(month, by=None, now=now)


def _is_begun(month: date) -> bool:
    is_published = GovernanceReport.objects.filter(month=month).exists()
    return is_published or ReportBuild.objects.filter(month=month).exists()


def _begin(month: date, *, by: User | None, now: datetime) -> ReportBuild:
    build, _is_new = ReportBuild.objects.get_or_create(
        month=month, defaults={"asked_at": now, "asked_by": by, "parts": len(cohorts.PARTS)}
    )
    return build


def _claim(now: datetime) -> ReportBuild | None:
    with trail.act("publishing.claim", by=None):
        free = ReportBuild.objects.select_for_update(skip_locked=True).filter(
            Q(lease_until=None) | Q(lease_until__lt=now), finished_at=None
        )
        build = free.order_by("month").first()
        if build is not None:
            build.lease_until, build.lease_token = now + LEASE, uuid.uuid4()
            build.save(update_fields=["lease_until", "lease_token"])
            build.gathered.filter(gathered_at__lt=now - FRESH).delete()
    return build


def _mine(build: ReportBuild) -> QuerySet[ReportBuild]:
    """The row, unless its lease ended and another worker has it."""
    return ReportBuild.objects.filter(pk=build.pk, lease_token=build.lease_token)


def _finish(report: GovernanceReport, *, now: datetime) -> None:
    _close(report.month, now=now)
    told = User.objects.filter(Q(role=User.Role.GOVERNOR) | Q(managed_teams__isnull=False), is_active=True)
    notices.tell(
        Notice.Kind.REPORT_PUBLISHED,
        to=told.distinct(),
        report=report,
        key=f"{report.month:%Y-%m}",
        by=report.published_by,
        now=now,
    )


def _close(month: date, *, now: datetime) -> None:
    ReportPart.objects.filter(build__month=month).delete()
    ReportBuild.objects.filter(month=month, finished_at=None).update(finished_at=now, lease_until=None)
