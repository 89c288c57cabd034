"""Months in addresses: read, built, and their neighbours."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from governance import audit, periods, reports
from governance.reports import Report
from postmortem.errors import Invalid

View = Callable[..., HttpResponse]

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


def this(now: datetime) -> date:
    """The first day of the month it is in the installation's time zone."""
    return audit.today(now).replace(day=1)


def read(month: str) -> date:
    """The first day of a month written as YYYY-MM; 404 for anything else."""
    match = _MONTH.fullmatch(month)
    if match is None:
        raise Http404
    try:
        return date(int(match[1]), int(match[2]), 1)
    except ValueError:
        raise Http404 from None


def build(first: date, request: HttpRequest, now: datetime) -> Report:
    """The report of a month for whoever asks; 404 where there is none."""
    try:
        return reports.build(first, viewer=request.user, now=now)
    except Invalid:
        # Before the year 2000, or not begun yet: there is no such report.
        raise Http404 from None


def written(moment: datetime | None) -> str:
    """A moment for a table to take away, in the installation's time zone; "" for none."""
    return periods.in_zone(moment).isoformat(timespec="seconds") if moment else ""


def in_own_zone(view: View) -> View:
    """Show a month in the installation's time zone, whatever the reader's is.

    It begins and ends there, and two readers of one report must see the same days.
    """

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with timezone.override(settings.TIME_ZONE):
            return view(request, *args, **kwargs)

    return shown


def neighbour(first: date, step: int, now: datetime) -> str:
    """The month before or after as YYYY-MM; "" where there is no report."""
    other = (first - timedelta(days=1) if step < 0 else first + timedelta(days=31)).replace(day=1)
    return f"{other:%Y-%m}" if has_begun(other, now) else ""


def has_begun(first: date, now: datetime) -> bool:
    """Whether there is a report of this month: it has begun, and does not lie out of all bounds."""
    try:
        starts_at, _ends_at = reports.period(first)
    except Invalid:
        return False
    return starts_at <= now
