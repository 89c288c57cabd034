"""The periods that figures are counted over: months of the installation's time zone, half open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from postmortem.errors import Invalid
from postmortem.models import EARLIEST


@dataclass(frozen=True, slots=True)
class Window:
    """A period as it is judged: what lies in `starts_at <= t < as_of`, as it stood at `as_of`.

    Attributes:
        as_of: the end of the period, or now while it runs.
        is_past: later edits are taken back, for `as_of` is not now.
    """

    starts_at: datetime
    as_of: datetime
    is_past: bool


def period(month: date) -> tuple[datetime, datetime]:
    """Begin and end of a month in the installation's time zone, in UTC; half open.

    Raises:
        Invalid: not a first day, or out of bounds.
    """
    if month.day != 1 or not EARLIEST.year <= month.year < 2100:
        raise Invalid(_("This is not a month."), field="month")
    zone = ZoneInfo(settings.TIME_ZONE)
    starts_at, ends_at = (
        datetime.combine(day, time.min, zone).astimezone(UTC) for day in (month, following(month))
    )
    return starts_at, ends_at


def window(month: date, *, now: datetime) -> Window:
    """The month as judged now.

    Raises:
        Invalid: not a first day, out of bounds, or a month that has not begun.
    """
    starts_at, ends_at = period(month)
    if now < starts_at:
        raise Invalid(_("This month has not begun."), field="month")
    return Window(starts_at, min(ends_at, now), is_past=ends_at <= now)


def in_zone(moment: datetime) -> datetime:
    """A moment in the installation's time zone, in which months begin and end and their reports are read."""
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE))


def following(month: date) -> date:
    """The first day of the next month."""
    return (month + timedelta(days=31)).replace(day=1)


def before(month: date) -> date:
    """The first day of the month before."""
    return (month - timedelta(days=1)).replace(day=1)


def year_before(month: date) -> date:
    """The same month of the year before."""
    return month.replace(year=month.year - 1)


def month_of(moment: datetime) -> date:
    """The first day of the month in which a moment lies, in the installation's time zone."""
    return in_zone(moment).date().replace(day=1)
