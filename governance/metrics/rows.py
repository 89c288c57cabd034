"""The rows that a month is judged by, as they stood when it was judged; a report freezes exactly these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """What became of an item that was due."""

    IN_TIME = "in_time"
    LATE = "late"
    BY_HAND = "by_hand"
    OPEN = "open"


class Exclusion(StrEnum):
    """Why a row that lies in the period does not count."""

    DRILL = "drill"
    DUPLICATE = "duplicate"
    FALSE_ALARM = "false_alarm"
    SEVERITY = "severity"
    NO_MILESTONE = "no_milestone"
    NOT_STATED = "not_stated"
    RUNNING = "running"


class DueItem(NamedTuple):
    """An item whose deadline lies in the period, as it stood when the period was judged.

    Attributes:
        first_verified_at: when check runs first verified it; None when they had not.
        state: one of RemediationItem.State.
        is_restricted: it comes from the review of a restricted incident.
    """

    public_id: str
    severity: str
    service: str
    team: str
    due_at: datetime
    first_verified_at: datetime | None
    state: str
    is_restricted: bool = False
    category: str = ""

    @property
    def outcome(self) -> Outcome:
        """in_time or late by the first automated PASS; by_hand when a person declined it; else open."""
        if self.first_verified_at is not None:
            return Outcome.IN_TIME if self.first_verified_at <= self.due_at else Outcome.LATE
        return Outcome.BY_HAND if self.state == "wont_do" else Outcome.OPEN

    @property
    def late_by(self) -> timedelta | None:
        """How long after its deadline it was first verified; None unless it was late."""
        if self.first_verified_at is None or self.outcome is not Outcome.LATE:
            return None
        return self.first_verified_at - self.due_at


class ResolvedIncident(NamedTuple):
    """An incident that was resolved in the period.

    Attributes:
        category: slug of the class of its postmortem's primary cause; "" while there is none.
        playbook: of the run that healed it; "" where people did.
        loss_amount: as text, such as "1200000.00", in `loss_currency`; None when nobody stated one.
        excluded: why it does not count, one of `Exclusion`; "" when it does.
    """

    public_id: str
    severity: str
    service: str
    started_at: datetime
    detected_at: datetime | None
    acknowledged_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime
    is_restricted: bool = False
    team: str = ""
    category: str = ""
    impact_minutes: int | None = None
    loss_amount: str | None = None
    loss_currency: str = ""
    loss_is_estimate: bool = False
    excluded: str = ""
    playbook: str = ""

    @property
    def ttr(self) -> timedelta:
        """Time to restore: resolved - started."""
        return self.resolved_at - self.started_at

    @property
    def ttd(self) -> timedelta | None:
        """Time to detect: detected - started."""
        return _between(self.started_at, self.detected_at)

    @property
    def tta(self) -> timedelta | None:
        """Time to acknowledge: acknowledged - detected."""
        return _between(self.detected_at, self.acknowledged_at)

    @property
    def ttm(self) -> timedelta | None:
        """Time to mitigate: mitigated - started."""
        return _between(self.started_at, self.mitigated_at)


class OverdueItem(NamedTuple):
    """An item that was past its deadline and not kept when the period was judged.

    Attributes:
        overdue_days: whole days since the deadline.
    """

    public_id: str
    severity: str
    service: str
    team: str
    due_at: datetime
    state: str
    overdue_days: int
    is_restricted: bool = False
    category: str = ""


class AgreedItem(NamedTuple):
    """An item that was agreed in the period; `origin` is "review" or "proactive"."""

    public_id: str
    severity: str
    service: str
    team: str
    category: str
    agreed_at: datetime
    origin: str
    is_restricted: bool = False


class PrimaryCause(NamedTuple):
    """A review with a verified primary cause whose first incident began in the period.

    Attributes:
        public_id: of the review.
        category: slug of the cause's class.
        repeats: public ids of the earlier reviews whose cause came back, as a person confirmed.
        excluded: as for an incident.
    """

    public_id: str
    severity: str
    service: str
    team: str
    category: str
    happened_at: datetime
    repeats: tuple[str, ...] = ()
    is_restricted: bool = False
    excluded: str = ""


class Quarter(NamedTuple):
    """A quarter, and the reviews of its incidents whose root cause had been seen before.

    Attributes:
        name: such as "2026-Q3".
        repeats: (review, the earlier one), as public ids.
        is_over: it had ended when the period was judged.
    """

    name: str
    starts_at: datetime
    is_over: bool
    repeats: tuple[tuple[str, str], ...] = ()


class GateQuestion(NamedTuple):
    """A question of CI about a change in the period; its `public_id` is that of the decision.

    Attributes:
        is_waived: findings held, and a waiver kept them from counting.
        change_id: the change in its repository; "" where CI named none.
        title: of the change, as CI said it.
        waivers: the public ids of those waivers.
    """

    public_id: str
    repository: str
    decided_at: datetime
    verdict: str
    is_waived: bool = False
    change_id: str = ""
    title: str = ""
    waivers: tuple[str, ...] = ()


class UsedWaiver(NamedTuple):
    """A waiver of the gate that excused findings of a change in the period (R14).

    Attributes:
        scope: what it is for: a service, or a repository and perhaps a change there.
        findings: codes of the findings that it excuses.
        object: what these must be about, such as RI-2026-0001; "" for anything.
        asked_by, granted_by: keys of people.
        is_alone: whoever asked granted it.
        changes: how many changes of the period it excused.
    """

    public_id: str
    scope: str
    findings: tuple[str, ...]
    object: str
    reason: str
    asked_by: int
    granted_by: int
    granted_at: datetime
    expires_at: datetime
    is_alone: bool
    changes: int


class ExamPlace(NamedTuple):
    """One person's place on the roster of the exam of an item that was due in the period."""

    public_id: str
    person_id: int
    severity: str
    service: str
    team: str
    category: str
    due_at: datetime
    is_passed: bool
    is_restricted: bool = False


class Leader(NamedTuple):
    """Somebody who has to lead a cross-team review each month, and what they led in this one.

    Attributes:
        led: public ids of the reviews with two teams or more that they led and that were archived.
        too_narrow: those with fewer teams, which do not count.
    """

    person_id: int
    led: tuple[str, ...] = ()
    too_narrow: tuple[str, ...] = ()


class WentOut(NamedTuple):
    """A deploy to production in the period, as it was reported last.

    Attributes:
        public_id: the reporter's own name for it.
        verdict: of its canary: "pass", "fail", or "none" where no canary ran.
    """

    public_id: str
    service: str
    team: str
    version: str
    deployed_at: datetime
    verdict: str


class HealedRun(NamedTuple):
    """A run of a playbook that healed what never became an incident, and ended in the period.

    Attributes:
        public_id: the reporter's own name for it.
    """

    public_id: str
    service: str
    team: str
    playbook: str
    started_at: datetime
    ended_at: datetime

    @property
    def took(self) -> timedelta:
        """ended - started."""
        return self.ended_at - self.started_at


class Stated(NamedTuple):
    """What a key figure from outside was on a day of the period, as it was said last.

    Attributes:
        public_id: slug of the key figure.
        stated_at: noon of that day in the installation's time zone.
        value: as text, in `unit`, the key figure's own.
    """

    public_id: str
    stated_at: datetime
    value: str
    unit: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a period, each list in the order in which it is shown.

    `left_out` are the incidents that were resolved in the period and do not count.
    """

    due: Sequence[DueItem] = ()
    resolved: Sequence[ResolvedIncident] = ()
    overdue: Sequence[OverdueItem] = ()
    left_out: Sequence[ResolvedIncident] = ()
    agreed: Sequence[AgreedItem] = ()
    causes: Sequence[PrimaryCause] = ()
    quarters: Sequence[Quarter] = ()
    gate: Sequence[GateQuestion] = ()
    waivers: Sequence[UsedWaiver] = ()
    exams: Sequence[ExamPlace] = ()
    leaders: Sequence[Leader] = ()
    deploys: Sequence[WentOut] = ()
    healed: Sequence[HealedRun] = ()
    idle: Sequence[Stated] = ()


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else end - start
