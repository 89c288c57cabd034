"""Keeps decisions: CI waits until its decision stands, so the row is written past Django's cursor too."""

from __future__ import annotations

import json

from governance.models import GateDecision
from governance.statements import Statement, text

_KEEP = Statement("keep_decision", text("keep_decision"))


def keep(decision: GateDecision) -> None:
    """Store a decision that is not stored yet; one with an id that stands already changes nothing.

    Raises:
        django.db.Error: the database does not answer, or refuses; nothing was kept.
    """
    _KEEP.run(
        id=str(decision.id),
        kind=decision.kind,
        decided_at=decision.decided_at.isoformat(),
        token_id=str(decision.token_id),
        verdict=decision.verdict,
        findings=json.dumps(decision.findings),
        policy_version=decision.policy_version,
        service_id=_text(decision.service_id),
        date=_text(decision.date),
        repository=decision.repository,
        change_id=decision.change_id,
        title=decision.title,
        mode=decision.mode,
        gate_id=_text(decision.gate_id),
        excuse=None if decision.excuse is None else json.dumps(decision.excuse),
        waivers=json.dumps(decision.waivers),
        named=json.dumps(decision.named),
        postmortems=json.dumps(decision.postmortems),
        request=json.dumps(decision.request),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
