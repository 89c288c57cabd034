"""What an archived review says, as data, and the hash that shows whether it still says the same."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db.models import Model

from postmortem.models import Entry, Incident, Review


def content_hash(review: Review) -> str:
    """SHA-256 of the content as canonical JSON, 64 hexadecimal digits."""
    canonical = json.dumps(content(review), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def content(review: Review) -> dict[str, Any]:
    """All that an archived review says, JSON-serialisable; people by id, for names and addresses change."""
    incidents = review.incidents.select_related("severity").order_by("id")
    return {
        "format": 1,
        "public_id": review.public_id,
        "title": review.title,
        "owner": review.owner_id,
        "facilitator": review.facilitator_id,
        "teams_present": sorted(review.teams_present.values_list("slug", flat=True)),
        "incidents": [_incident_content(incident) for incident in incidents],
        "steps": [
            _columns(step, "kind", "finding", "evidence", "signed_at", "signed_by_id")
            for step in review.steps.all()
        ],
        "causes": [
            _columns(cause, "part", "is_primary", "state", "statement", "evidence")
            for cause in review.causes.order_by("id")
        ],
        "lessons": _columns(review, "went_well", "went_badly", "luck"),
        "checklist": [
            _columns(entry, "title", "pipeline", "expectation") for entry in review.checklist.all()
        ],
    }


def _incident_content(incident: Incident) -> dict[str, Any]:
    facts = _columns(
        incident,
        *("public_id", "title", "summary", "environment", "phase", "is_drill", *Incident.MILESTONES),
        *("impact_minutes", "failure_percent", "loss_amount", "loss_currency", "loss_is_estimate"),
        *("capacity_limit", "capacity_demand"),
    )
    entries = Entry.objects.filter(timeline__participant__incident=incident, timeline__filed_at__isnull=False)
    return facts | {
        "severity": incident.severity.code,
        "services": sorted(incident.service_links.values_list("service__slug", "part")),
        "participants": list(
            incident.participants.order_by("id").values_list("user", "role", "timeline__excuse_reason")
        ),
        "entries": [
            _columns(entry, "happened_at", "zone", "kind", "marker", "is_starred", "text")
            | {"by": entry.timeline.participant.user_id}
            for entry in entries.select_related("timeline__participant").order_by("happened_at", "id")
        ],
    }


def _columns(record: Model, *names: str) -> dict[str, Any]:
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, list)) else str(value)
