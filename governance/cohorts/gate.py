"""What CI asked the gate about changes in a period; decisions are no secret, and name records by id."""

from __future__ import annotations

from typing import Any

from governance.cohorts.scope import Scope
from governance.cohorts.then import Then
from governance.metrics import GateQuestion
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
        .values_list("pk", "repository", "decided_at", "verdict", "waivers")
    )
    return {
        "gate": [
            GateQuestion(str(pk), repository, decided_at, verdict, bool(waivers))
            for pk, repository, decided_at, verdict, waivers in rows
        ]
    }
