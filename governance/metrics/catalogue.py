"""The figures there are: of each its rows, its shape and its formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from governance.metrics.counting import DIMENSIONS, Counted, Shape, Unit, Value, measure
from governance.metrics.gate import gate_block_rows, gate_waiver_rows
from governance.metrics.programs import (
    deploy_failure_rows,
    healed_time_rows,
    human_time_rows,
    idle_rows,
    self_healed_rows,
)
from governance.metrics.rows import (
    AgreedItem,
    DueItem,
    Exclusion,
    Outcome,
    OverdueItem,
    ResolvedIncident,
    Rows,
)


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure.

    Attributes:
        rows: makes the rows it counts, and those it leaves out with the reason, of the rows of a period.
        dimensions: what it can be split by.
        moments: the columns of its rows that hold moments, each with a word for what happened then, in the
            order in which they are shown; the one that puts a row into the period is "at".
        is_more_better: whether a larger number is the better one.
        places: decimals of a percentage.
    """

    key: str
    shape: Shape
    unit: Unit
    rows: Callable[[Rows], list[Counted]]
    moments: tuple[tuple[str, str], ...]
    dimensions: tuple[str, ...] = DIMENSIONS
    is_more_better: bool = False
    places: int = 1

    def measure(self, rows: Iterable[Counted]) -> Value:
        """What rows of this figure come to."""
        return measure(rows, shape=self.shape, unit=self.unit, places=self.places)


def closure_rows(rows: Rows) -> list[Counted]:
    """Closure rate = items first verified by an automated PASS at or before their deadline / items due, in %.

    Cohort: every item whose deadline lies in the period. A hand never closes: a declined item stays in the
    cohort and counts as not closed. Source: specification, R19.
    """
    return [
        _item(
            row, at=row.due_at, until=row.first_verified_at,
            is_hit=outcome is Outcome.IN_TIME, detail=outcome.value,
        )
        for row, outcome in ((row, row.outcome) for row in rows.due)
    ]  # fmt: skip


def late_closure_rows(rows: Rows) -> list[Counted]:
    """Late by = first verified by an automated PASS - deadline, of the items due that were verified late."""
    return [
        _item(
            row, at=row.due_at, until=row.first_verified_at,
            value=_seconds(row.late_by), detail=row.outcome.value,
        )
        for row in rows.due
        if row.late_by is not None
    ]  # fmt: skip


def overdue_rows(rows: Rows) -> list[Counted]:
    """Age = end of the period - deadline, in whole days, of the items overdue then.

    Cohort: items past their deadline at the end of the period, never verified in time, and then neither
    verified nor declined.
    """
    return [
        _item(row, at=row.due_at, value=Decimal(row.overdue_days * 86400), detail=row.state)
        for row in rows.overdue
    ]


def ttr_rows(rows: Rows) -> list[Counted]:
    """TTR = resolved - started, of the incidents resolved in the period.

    Left out: drills, duplicates, false alarms, and severities that do not count.
    """
    return _durations(rows, lambda one: one.ttr, since="started_at")


def ttd_rows(rows: Rows) -> list[Counted]:
    """TTD = detected - started; an incident without that milestone is left out. Else as TTR."""
    return _durations(rows, lambda one: one.ttd, since="started_at", until="detected_at")


def tta_rows(rows: Rows) -> list[Counted]:
    """TTA = acknowledged - detected; an incident without those milestones is left out. Else as TTR."""
    return _durations(rows, lambda one: one.tta, since="detected_at", until="acknowledged_at")


def ttm_rows(rows: Rows) -> list[Counted]:
    """TTM = mitigated - started; an incident without that milestone is left out. Else as TTR."""
    return _durations(rows, lambda one: one.ttm, since="started_at", until="mitigated_at")


def impact_minutes_rows(rows: Rows) -> list[Counted]:
    """Minutes of impact = sum of the minutes stated, of the incidents resolved in the period.

    Left out: as for TTR, and incidents for which nobody stated the minutes. Source: specification, R10.
    """
    return [
        _incident(
            row, value=row.impact_minutes, excluded=Exclusion.NOT_STATED if row.impact_minutes is None else ""
        )
        for row in (*rows.resolved, *rows.left_out)
    ]


def impact_loss_rows(rows: Rows) -> list[Counted]:
    """Loss = sum of the amounts stated, by currency, of the incidents resolved in the period.

    Left out: as for TTR, and incidents for which nobody stated an amount. Nothing is converted.
    """
    return [
        _incident(
            row,
            value=row.loss_amount,
            unit=row.loss_currency,
            detail="estimate" if row.loss_is_estimate else "",
            excluded=Exclusion.NOT_STATED if row.loss_amount is None else "",
        )
        for row in (*rows.resolved, *rows.left_out)
    ]


def recurrence_rows(rows: Rows) -> list[Counted]:
    """Recurrence rate = reviews whose root cause a person confirmed as an earlier one come back / all, in %.

    Cohort: reviews with a verified primary cause whose first incident began in the period. Left out: drills,
    dismissed incidents, and severities that do not count. Source: specification, R20.
    """
    return [
        Counted(
            "review", row.public_id, row.happened_at, row.service, row.team, row.category, row.severity,
            is_hit=bool(row.repeats), detail="repeated" if row.repeats else "new",
            linked=row.repeats, excluded=row.excluded,
        )
        for row in rows.causes
    ]  # fmt: skip


def clean_quarter_rows(rows: Rows) -> list[Counted]:
    """Clean quarters = quarters in a row, up to the last one that is over, in which no root cause came back.

    A repeat in the running quarter ends the streak at once. Cohort: quarters since the first incident.
    Source: specification, R20: 8 clean quarters give 8; one repeat gives 0.
    """
    return [
        Counted(
            "quarter",
            row.name,
            row.starts_at,
            is_hit=not row.repeats,
            detail="repeated" if row.repeats else "clean",
            linked=tuple(name for pair in row.repeats for name in pair),
            excluded="" if row.is_over or row.repeats else Exclusion.RUNNING,
        )
        for row in rows.quarters
    ]


def proactive_rows(rows: Rows) -> list[Counted]:
    """Proactive share = items filed before anything happened / items agreed, in %.

    Cohort: items agreed in the period. Source: specification, R21: 76 of 100 give 76 %.
    """
    return [
        _item(row, at=row.agreed_at, is_hit=row.origin == "proactive", detail=row.origin)
        for row in rows.agreed
    ]


def facilitation_rows(rows: Rows) -> list[Counted]:
    """Facilitation = facilitators who led a review of two teams or more / facilitators, in %.

    Cohort: active people whose role was facilitator when the period ended. A review counts for whoever is
    its facilitator in the period in which it was first archived; one with fewer teams does not count.
    Source: specification, R22.
    """
    return [
        Counted(
            "person",
            str(row.person_id),
            is_hit=bool(row.led),
            detail="led" if row.led else "short",
            linked=(*row.led, *row.too_narrow),
        )
        for row in rows.leaders
    ]


def exam_rows(rows: Rows) -> list[Counted]:
    """Exam completion = people on the roster who passed / people on the roster, in %.

    Cohort: rosters, as they stood when the period ended, of the exams of items due in the period. Source:
    specification, R9.
    """
    return [
        Counted(
            "item", row.public_id, row.due_at, row.service, row.team, row.category, row.severity,
            is_hit=row.is_passed, detail="passed" if row.is_passed else "not_passed",
            linked=(f"person:{row.person_id}",),
        )
        for row in rows.exams
    ]  # fmt: skip


_NONE: tuple[str, ...] = ()
_OWNED = ("service", "team")
# CI names repositories; a change of one may touch several services.
_REPOSITORY = ("repository",)

_DUE = (("at", "deadline"), ("until", "first_verified"))
_RESOLVED = (("at", "resolved"),)
_RECOVERED = (("since", "started"), ("at", "resolved"))
_ASKED = (("at", "asked"),)


def _between(since: str, until: str) -> tuple[tuple[str, str], ...]:
    return (("since", since), ("until", until), ("at", "resolved"))


CATALOGUE: dict[str, Definition] = {
    one.key: one
    for one in (
        Definition("closure", Shape.SHARE, Unit.PERCENT, closure_rows, _DUE, is_more_better=True),
        Definition("late-closure", Shape.SPREAD, Unit.DAYS, late_closure_rows, _DUE),
        Definition("overdue", Shape.SPREAD, Unit.DAYS, overdue_rows, (("at", "deadline"),)),
        Definition("ttr", Shape.SPREAD, Unit.MINUTES, ttr_rows, _RECOVERED),
        Definition("ttd", Shape.SPREAD, Unit.MINUTES, ttd_rows, _between("started", "detected")),
        Definition("tta", Shape.SPREAD, Unit.MINUTES, tta_rows, _between("detected", "acknowledged")),
        Definition("ttm", Shape.SPREAD, Unit.MINUTES, ttm_rows, _between("started", "mitigated")),
        Definition("impact-minutes", Shape.SUM, Unit.MINUTES, impact_minutes_rows, _RESOLVED),
        Definition("impact-loss", Shape.SUM, Unit.MONEY, impact_loss_rows, _RESOLVED),
        Definition("recurrence", Shape.SHARE, Unit.PERCENT, recurrence_rows, (("at", "began"),)),
        Definition(
            "clean-quarters", Shape.STREAK, Unit.QUARTERS, clean_quarter_rows, (("at", "began"),), _NONE,
            is_more_better=True,
        ),
        Definition(
            "proactive", Shape.SHARE, Unit.PERCENT, proactive_rows, (("at", "agreed"),), is_more_better=True
        ),
        Definition(
            "facilitation", Shape.SHARE, Unit.PERCENT, facilitation_rows, (), _NONE, is_more_better=True
        ),
        Definition(
            "exams", Shape.SHARE, Unit.PERCENT, exam_rows, (("at", "deadline"),), is_more_better=True
        ),
        Definition("gate-blocks", Shape.SHARE, Unit.PERCENT, gate_block_rows, _ASKED, _REPOSITORY),
        Definition("gate-waivers", Shape.SHARE, Unit.PERCENT, gate_waiver_rows, _ASKED, _REPOSITORY),
        Definition(
            "deploy-failures", Shape.SHARE, Unit.PERCENT, deploy_failure_rows, (("at", "deployed"),), _OWNED,
            places=2,
        ),
        Definition(
            "self-healed", Shape.SHARE, Unit.PERCENT, self_healed_rows, _RECOVERED, is_more_better=True
        ),
        Definition("recovery-healed", Shape.SPREAD, Unit.MINUTES, healed_time_rows, _RECOVERED),
        Definition("recovery-people", Shape.SPREAD, Unit.MINUTES, human_time_rows, _RECOVERED),
        Definition("idle", Shape.LEVEL, Unit.PERCENT, idle_rows, (("at", "day"),), _NONE),
    )
}  # fmt: skip


def counted(key: str, rows: Rows) -> list[Counted]:
    """The rows that a figure counts, and those it leaves out, in the order in which they are shown."""
    return CATALOGUE[key].rows(rows)


def _item(
    row: DueItem | OverdueItem | AgreedItem,
    *,
    at: datetime,
    until: datetime | None = None,
    is_hit: bool | None = None,
    value: Decimal | None = None,
    detail: str = "",
) -> Counted:
    return Counted(
        "item", row.public_id, at, row.service, row.team, row.category, row.severity,
        is_hit=is_hit, value=value, detail=detail, until=until,
    )  # fmt: skip


def _incident(
    row: ResolvedIncident,
    *,
    value: int | str | None,
    unit: str = "",
    detail: str = "",
    excluded: str = "",
) -> Counted:
    return Counted(
        "incident", row.public_id, row.resolved_at, row.service, row.team, row.category, row.severity,
        value=None if value is None else Decimal(value), unit=unit, detail=detail,
        excluded=row.excluded or excluded,
    )  # fmt: skip


def _durations(
    rows: Rows, of: Callable[[ResolvedIncident], timedelta | None], *, since: str, until: str = ""
) -> list[Counted]:
    return [
        Counted(
            "incident", row.public_id, row.resolved_at, row.service, row.team, row.category, row.severity,
            value=_seconds(of(row)),
            excluded=row.excluded or (Exclusion.NO_MILESTONE if of(row) is None else ""),
            since=getattr(row, since),
            until=getattr(row, until) if until else None,
        )
        for row in (*rows.resolved, *rows.left_out)
    ]  # fmt: skip


def _seconds(duration: timedelta | None) -> Decimal | None:
    return None if duration is None else Decimal(str(duration.total_seconds()))
