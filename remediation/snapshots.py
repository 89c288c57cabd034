"""Fetch a metric over a window from a data source, once, as frozen evidence of a review's second step."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import measurements, values
from postmortem.errors import DomainError, Invalid
from postmortem.measurements import Fetched, Line
from postmortem.models import MetricSnapshot, Review
from remediation import sources
from remediation.checkspec import check_promql_shape
from remediation.models import MAX_EXPRESSION, DataSource
from remediation.probes import prometheus, ranges
from remediation.probes.ranges import MAX_POINTS, RangeQuery, RangeResult

MAX_WINDOW = timedelta(days=31)
TIMEOUT_SECONDS = 8.0
# So many points make a smooth line; the steps are those that people think in.
_GOOD_POINTS = 240
_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600]

Ask = Callable[[RangeQuery], RangeResult]


class SourceUnavailable(DomainError):
    """The data source could not be asked, or answered no measurement; `details["reason"]` is a stable code.

    The value may be stated by hand instead.
    """

    code = "source_unavailable"


class NothingMeasured(DomainError):
    """The query is right and answered nothing for this window."""

    code = "nothing_measured"


def _ask(query: RangeQuery) -> RangeResult:
    return ranges.ask_once(query, allow_loopback=settings.PROMETHEUS_ALLOW_LOOPBACK)


def take(
    review: Review,
    *,
    source: DataSource,
    promql: str,
    window_start: datetime,
    window_end: datetime,
    title: str,
    by: User,
    now: datetime,
    value: float | None = None,
    unit: str = "",
    step_seconds: int | None = None,
    ask: Ask = _ask,
) -> MetricSnapshot:
    """Fetch a metric and attach it to step 2 of a review. No transaction is open while the source is asked.

    Raises:
        As `fetch` and `measurements.attach`; nothing was written.
    """
    # Asked before and decided again afterwards: the step may be signed meanwhile.
    measurements.refuse_closed(review, by=by)
    window = {"window_start": window_start, "window_end": window_end, "step_seconds": step_seconds}
    fetched = fetch(source, promql=promql, **window, now=now, ask=ask)  # type: ignore[arg-type]
    return measurements.attach(review, fetched, title=title, value=value, unit=unit, by=by, now=now)


def fetch(
    source: DataSource,
    *,
    promql: str,
    window_start: datetime,
    window_end: datetime,
    now: datetime,
    step_seconds: int | None = None,
    ask: Ask = _ask,
) -> Fetched:
    """Ask a data source what a metric did over a window; at most 8 seconds. Stores nothing.

    Args:
        step_seconds: between two points; chosen for about 240 of them unless given.

    Raises:
        Invalid: a value breaks a rule, or Prometheus calls the expression wrong (field "promql", with its
            message; `details["position"]` as "line:column" where it gives one).
        SourceUnavailable, NothingMeasured: there is nothing to keep.
    """
    if not isinstance(source, DataSource):
        raise Invalid(_("Choose the Prometheus server to ask."), field="source")
    promql = values.text(promql, field="promql", longest=MAX_EXPRESSION, is_required=True).strip()
    check_promql_shape(promql)
    measurements.check_window(window_start, window_end, now=now)
    if window_end - window_start > MAX_WINDOW:
        raise Invalid(_("The window may be 31 days at most."), field="window_end")
    start, end = math.floor(window_start.timestamp()), math.ceil(window_end.timestamp())
    step = _step(end - start, step_seconds)
    access = sources.access_of(source)
    result = ask(RangeQuery(source.base_url, promql, start, end, step, TIMEOUT_SECONDS, access))
    _refuse(result)
    return Fetched(
        source_name=source.name,
        promql=promql,
        window_start=window_start,
        window_end=window_end,
        step_seconds=step,
        series=[Line(labels, points) for labels, points in result.series],
        hidden_series=result.hidden_series,
        warnings=result.warnings,
        fetched_at=now,
    )


def _step(seconds: int, wanted: int | None) -> int:
    if wanted is None:
        return next((step for step in _STEPS if seconds / step <= _GOOD_POINTS), _STEPS[-1])
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise Invalid(_("A whole number of seconds, please."), field="step_seconds")
    if seconds // wanted + 1 > MAX_POINTS:
        raise Invalid(
            _("That makes more than %(count)d points: choose a longer step or a shorter window.")
            % {"count": MAX_POINTS},
            field="step_seconds",
        )
    return wanted


def _refuse(result: RangeResult) -> None:
    if result.error_code in {"bad_data", "result_type"}:
        reason, position = prometheus.complaint(result.error)
        if position:
            message = _("Prometheus refuses the expression at %(position)s: %(reason)s") % {
                "reason": reason,
                "position": position,
            }
        else:
            message = _("Prometheus refuses the expression: %(reason)s") % {"reason": reason}
        raise Invalid(message, field="promql", details={"position": position} if position else None)
    if result.error_code == "too_large":
        raise SourceUnavailable(
            _("The answer is too large: aggregate the query, or shorten the window."),
            details={"reason": result.error_code},
        )
    if result.error_code:
        raise SourceUnavailable(
            _("The data source could not be asked: %(reason)s") % {"reason": result.error},
            details={"reason": result.error_code},
        )
    if not result.series:
        raise NothingMeasured(
            _("The query answers nothing for this window. Is the metric there, and are the labels right?"),
            field="promql",
        )
