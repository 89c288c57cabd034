"""What an archived review says, as data, and the hash that shows whether it still says the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Model

from postmortem.models import (
    Change,
    ChangeSearch,
    ChecklistEntry,
    Entry,
    EvidenceFile,
    Incident,
    MetricSnapshot,
    Review,
    RootCause,
)

# Raise it when the shape of `content` changes: revisions keep the shape that they were written in.
FORMAT = 2


def content_hash(review: Review) -> str:
    """SHA-256 of the content as canonical JSON, 64 hexadecimal digits."""
    return hash_of(canonical(content(review)))


def canonical(found: dict[str, Any]) -> str:
    """A content as the one JSON text that its hash is of."""
    return json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def hash_of(text: str) -> str:
    """SHA-256 of a text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def plain(found: dict[str, Any]) -> dict[str, Any]:
    """A content as it comes back from its JSON: tuples have become lists."""
    again: dict[str, Any] = json.loads(canonical(found))
    return again


def content(review: Review) -> dict[str, Any]:
    """All that an archived review says, JSON-serialisable; people by id, for names and addresses change."""
    incidents = review.incidents.select_related("severity").order_by("id")
    return {
        "format": FORMAT,
        "public_id": review.public_id,
        "title": review.title,
        "owner": review.owner_id,
        "facilitator": review.facilitator_id,
        "teams_present": sorted(review.teams_present.values_list("slug", flat=True)),
        "incidents": [_incident_content(incident) for incident in incidents],
        "steps": [
            _columns(step, "kind", "finding", "evidence", "signed_at", "signed_by_id")
            | {"files": _files(step.evidence_files.all())}
            for step in review.steps.prefetch_related("evidence_files")
        ],
        "causes": [
            _columns(cause, "part", "is_primary", "state", "statement", "evidence") | _explained(cause)
            for cause in review.causes.select_related("cause_class").order_by("id")
        ],
        "lessons": _columns(review, "went_well", "went_badly", "luck")
        | ({"notes": review.notes} if review.notes else {}),
        "checklist": [
            _columns(entry, "title", "pipeline", "expectation") | _asked(entry)
            for entry in review.checklist.all()
        ],
    } | {name: rows for name, rows in _parts(review).items() if rows}


def _parts(review: Review) -> dict[str, Any]:
    points = review.lesson_points.order_by("position").exclude(declined_because="")
    declined = [_columns(one, "text", "declined_because", "declined_at", "declined_by_id") for one in points]
    return _typed_evidence(review) | {"lessons_without_item": declined}


def _typed_evidence(review: Review) -> dict[str, Any]:
    """The typed rows of steps 2 and 3; a part without rows is left out."""
    snapshots = MetricSnapshot.objects.filter(step__review=review).order_by("id")
    changes = Change.objects.filter(incident__review=review).select_related("incident", "service")
    searches = ChangeSearch.objects.filter(step__review=review)
    parts = {
        "measurements": [
            _columns(one, "title", "value", "unit", "source_name", "promql", "window_start", "window_end")
            | _columns(one, "step_seconds", "hidden_series", "warnings", "fetched_at", "added_by_id")
            | {"series": one.series}
            for one in snapshots
        ],
        "changes": [
            _columns(one, "happened_at", "kind", "title", "url", "external_key", "source", "verdict")
            | _columns(one, "reason", "judged_at", "judged_by_id")
            | {"incident": one.incident.public_id, "service": one.service and one.service.slug}
            for one in changes.order_by("happened_at", "id")
        ],
        "change_search": [_columns(one, "searched", "stated_at", "stated_by_id") for one in searches],
    }
    return {name: rows for name, rows in parts.items() if rows}


def _asked(entry: ChecklistEntry) -> dict[str, Any]:
    """What an entry has beyond a command and its expectation; left out where it has nothing more."""
    if entry.kind == ChecklistEntry.Kind.PROMQL:
        return _columns(entry, "kind", "promql", "comparator", "threshold", "source_name")
    return _columns(entry, "pattern") if entry.pattern else {}


def _explained(cause: RootCause) -> dict[str, Any]:
    """Class and chain of a cause; each is left out where there is none."""
    found: dict[str, Any] = {"class": cause.cause_class.slug} if cause.cause_class else {}
    return found | ({"whys": cause.whys} if cause.whys else {})


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
            _columns(entry, "happened_at", "zone", "kind", "marker", "milestone", "is_starred", "text")
            | {"by": entry.timeline.participant.user_id, "files": _files(entry.evidence.all())}
            for entry in entries.select_related("timeline__participant")
            .prefetch_related("evidence")
            .order_by("happened_at", "id")
        ],
        "files": _files(incident.evidence.all()),
    }


def _files(files: Iterable[EvidenceFile]) -> list[dict[str, Any]]:
    """A file is named by its content: who changes one byte changes the hash of the postmortem."""
    return [_columns(file, "sha256", "media_type", "label") for file in files]


def _columns(record: Model, *names: str) -> dict[str, Any]:
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, list)) else str(value)
