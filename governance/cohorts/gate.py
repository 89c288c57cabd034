"""What CI asked the gate about changes in a period, and the waivers that excused findings of them.

Decisions are no secret, and name records by id; a waiver tells a reason, and may be about what is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from governance import metrics, records
from governance.cohorts.scope import Scope
from governance.cohorts.then import Then
from governance.metrics import GateQuestion, UsedWaiver
from governance.models import GateDecision
from governance.periods import Window


def gather(window: Window, then: Then, scope: Scope) -> dict[str, Any]:
    if scope.team is not None:
        # CI names repositories.
        return {}
    rows = (
        GateDecision.objects.filter(
            kind=GateDecision.Kind.CHANGE, decided_at__gte=window.starts_at, decided_at__lt=window.as_of
        )
        .order_by("decided_at", "pk")
        .values_list("pk", "repository", "decided_at", "verdict", "change_id", "title", "waivers")
    )
    questions = [
        GateQuestion(
            str(pk), repository, decided_at, verdict, bool(waivers), change_id, title,
            tuple(map(str, waivers)),
        )
        for pk, repository, decided_at, verdict, change_id, title, waivers in rows
    ]  # fmt: skip
    return {"gate": questions, "waivers": _used(questions, scope)}


def _used(questions: Sequence[GateQuestion], scope: Scope) -> list[UsedWaiver]:
    """The waivers that excused findings, in the order in which they were granted."""
    changes: dict[str, int] = {}
    for name in sorted({name for one in questions for name in one.waivers}):
        about = [one for one in questions if name in one.waivers]
        changes[name] = len(metrics.asked(about))
    found = records.waivers_named(changes, viewer=scope.viewer).order_by("answered_at", "pk")
    return [
        UsedWaiver(
            str(row), row.scope, tuple(row.findings), row.object, row.reason, row.asked_by_id,
            row.answered_by_id, row.answered_at, row.expires_at, row.is_alone, changes[str(row)],
        )
        for row in found
        # One that excused anything was granted.
        if row.answered_by_id is not None and row.answered_at is not None
    ]  # fmt: skip
