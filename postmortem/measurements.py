"""The typed evidence of step 2: attach a metric as it was fetched, or state one by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, evidence_steps, trail, values
from postmortem.errors import Invalid
from postmortem.models import MetricSnapshot, Review, ReviewStep

MAX_SNAPSHOTS = 20
MAX_SERIES = 20
MAX_POINTS = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a fetched window: (seconds since 1970, value as it was answered, such as "NaN")."""

    labels: dict[str, str]
    points: Sequence[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a data source answered for one window, whole and within bounds.

    Attributes:
        hidden_series: how many more series were answered than are kept.
        warnings: of the server, in its words.
    """

    source_name: str
    promql: str
    window_start: datetime
    window_end: datetime
    step_seconds: int
    series: Sequence[Line]
    hidden_series: int
    warnings: Sequence[str]
    fetched_at: datetime


def refuse_closed(review: Review, *, by: User) -> None:
    """Refuse early what `attach` would refuse in any case, so that nothing is fetched in vain.

    Raises:
        StepSigned, ReviewNotOpen, Archived, NotAllowed.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("measurements.look", by=by):
        evidence_steps.look(review, ReviewStep.Kind.METRIC_ANOMALY)


def attach(
    review: Review,
    fetched: Fetched,
    *,
    title: str,
    by: User,
    now: datetime,
    value: float | None = None,
    unit: str = "",
) -> MetricSnapshot:
    """Keep what a data source answered as evidence of step 2; nothing is ever fetched again to show it.

    Args:
        title: what it shows, in a few words.
        value: the figure that a person reads off it, in `unit`.

    Raises:
        Invalid: a value breaks a rule.
        StepSigned, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    snapshot = unsaved(fetched, title=title)
    return _keep(
        review, snapshot, act="measurements.attach", title=title, value=value, unit=unit, by=by, now=now
    )


def unsaved(fetched: Fetched, *, title: str) -> MetricSnapshot:
    """What was fetched as the row that `attach` would keep, for those who only want to look."""
    return MetricSnapshot(
        title=title,
        source_name=fetched.source_name,
        promql=fetched.promql,
        window_start=fetched.window_start,
        window_end=fetched.window_end,
        step_seconds=fetched.step_seconds,
        series=[
            {"labels": dict(line.labels), "points": [list(point) for point in line.points]}
            for line in fetched.series
        ],
        hidden_series=fetched.hidden_series,
        warnings=list(fetched.warnings),
        fetched_at=fetched.fetched_at,
    )


def state(
    review: Review,
    *,
    title: str,
    value: float,
    window_start: datetime,
    window_end: datetime,
    by: User,
    now: datetime,
    unit: str = "",
    source_name: str = "",
    promql: str = "",
) -> MetricSnapshot:
    """Write a measurement down by hand, where no data source can be asked: shown as stated, not fetched.

    Args:
        source_name: where it was read, for example the name of a dashboard.

    Raises:
        Invalid: a value breaks a rule; without a value there is nothing to state.
        StepSigned, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    if value is None:
        raise Invalid(_("State the value that was measured."), field="value")
    check_window(window_start, window_end, now=now)
    stated = MetricSnapshot(
        source_name=source_name, promql=promql, window_start=window_start, window_end=window_end
    )
    return _keep(
        review, stated, act="measurements.state", title=title, value=value, unit=unit, by=by, now=now
    )


def check_window(window_start: datetime, window_end: datetime, *, now: datetime) -> None:
    """Refuse a window that has not been, or that ends before it begins.

    Raises:
        Invalid: `field` is "window_start" or "window_end".
    """
    values.past(window_start, field="window_start", now=now)
    values.past(window_end, field="window_end", now=now)
    if window_end <= window_start:
        raise Invalid(_("The window must end after it begins."), field="window_end")


def remove(snapshot: MetricSnapshot, *, by: User, now: datetime) -> None:
    """Take a measurement off the step; the trail keeps it.

    Raises:
        StepSigned, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("measurements.remove", by=by):
        evidence_steps.writable(snapshot.step.review, ReviewStep.Kind.METRIC_ANOMALY)
        MetricSnapshot.objects.filter(pk=snapshot.pk).delete()


def _keep(
    review: Review,
    snapshot: MetricSnapshot,
    *,
    act: str,
    title: str,
    value: float | None,
    unit: str,
    by: User,
    now: datetime,
) -> MetricSnapshot:
    access.need(by, User.Role.MEMBER)
    if value is not None and (isinstance(value, bool) or not math.isfinite(value)):
        raise Invalid(_("A finite number, please."), field="value")
    with trail.act(act, by=by):
        step = evidence_steps.writable(review, ReviewStep.Kind.METRIC_ANOMALY)
        if step.snapshots.count() >= MAX_SNAPSHOTS:
            raise Invalid(_("%(count)d measurements are the most.") % {"count": MAX_SNAPSHOTS}, field="title")
        snapshot.step, snapshot.added_by, snapshot.added_at = step, by, now
        snapshot.title, snapshot.value, snapshot.unit = title, value, unit
        values.check(snapshot)
        snapshot.save(force_insert=True)
    return snapshot
