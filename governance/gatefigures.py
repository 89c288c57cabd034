"""What the gate did in a period, for the report: changes blocked, changes waived, waivers granted.

One query object for count and list: a figure is the count of exactly its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from governance.models import GateDecision, GateWaiver


@dataclass(frozen=True, slots=True)
class GateRows:
    """The rows of a period, each newest first; `len` or `.count()` of them are the figures.

    Attributes:
        asked: decisions about changes.
        blocked: those that did not pass where the mode stops a merge (strict).
        failed: those that did not pass, in whichever mode.
        excused: those of which the policy asked nothing.
        waived: those that passed or not with a finding that a waiver excused (R14).
        granted: waivers granted in the period.
        alone: those of them that one governor granted alone.
        expired: waivers whose time ran out in the period; those that somebody ended before did not.
    """

    asked: QuerySet[GateDecision]
    blocked: QuerySet[GateDecision]
    failed: QuerySet[GateDecision]
    excused: QuerySet[GateDecision]
    waived: QuerySet[GateDecision]
    granted: QuerySet[GateWaiver]
    alone: QuerySet[GateWaiver]
    expired: QuerySet[GateWaiver]

    def counts(self) -> dict[str, int]:
        """Each figure by its name."""
        return {name: getattr(self, name).count() for name in self.__slots__}


def of_period(starts_at: datetime, ends_at: datetime) -> GateRows:
    """What the gate did from one moment until another, half open.

    Rows of decisions name postmortems by id only; a waiver about a hidden object is for those who may see it
    (`gatewaivers.visible_to`), so a list shown to people filters by that as well.

    Source: specification, section 6, "gate blocks / waivers".
    """
    changes = GateDecision.objects.filter(
        kind=GateDecision.Kind.CHANGE, decided_at__gte=starts_at, decided_at__lt=ends_at
    ).order_by("-decided_at", "-pk")
    failed = changes.exclude(verdict="PASS")
    granted = GateWaiver.objects.filter(
        answer=GateWaiver.Answer.GRANTED, answered_at__gte=starts_at, answered_at__lt=ends_at
    ).order_by("-answered_at", "-pk")
    expired = GateWaiver.objects.filter(
        answer=GateWaiver.Answer.GRANTED, ended_at=None, expires_at__gte=starts_at, expires_at__lt=ends_at
    ).order_by("-expires_at", "-pk")
    return GateRows(
        asked=changes,
        blocked=failed.filter(mode="strict"),
        failed=failed,
        excused=changes.filter(excuse__isnull=False),
        waived=changes.exclude(waivers=[]),
        granted=granted,
        alone=granted.filter(alone_by__isnull=False),
        expired=expired,
    )
