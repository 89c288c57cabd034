"""Months in addresses: read, built, and their neighbours."""

import re
from datetime import date, datetime, timedelta

from django.http import Http404, HttpRequest

from governance import audit, reports
from governance.reports import Report
from postmortem.errors import Invalid

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
