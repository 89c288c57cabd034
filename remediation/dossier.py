"""Everything a postmortem says, items included, as plain data for an export; people by name.

Only what the reader may see, and of the timelines only those that were filed, the reader's own included.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet

from accounts.models import User
from postmortem import access, pipelines
from postmortem.importing import exported
from postmortem.models import (
    Change,
    ChangeSearch,
    Entry,
    EvidenceFile,
    Incident,
    MetricSnapshot,
    Review,
    ReviewApproval,
    ReviewStep,
    RootCause,
)
from remediation import items

FORMAT = 1


def of(review: Review, *, viewer: User) -> dict[str, Any]:
    """The postmortem for a reader who may see it; see docs/import-export.md for the fields.

    Raises:
        Review.DoesNotExist: the reader may not see it.
    """
    review = access.reviews(viewer).select_related("owner", "facilitator").get(pk=review.pk)
    incidents = (
        access.incidents(viewer).filter(review=review).select_related("severity").prefetch_related("evidence")
    )
    state = "archived" if review.is_archived else "in_review" if review.opened_at else "preparing"
    return {
        "format": FORMAT,
        "id": review.public_id,
        "title": review.title,
        "state": state,
        "owner": str(review.owner),
        "facilitator": str(review.facilitator),
        **_columns(review, "created_at", "opened_at", "archived_at", "content_hash"),
        "incidents": [_incident(one) for one in incidents.order_by("started_at", "id")],
        "timeline": _timeline(review, viewer),
        "teams_present": list(review.teams_present.order_by("slug").values_list("slug", flat=True)),
        "approvals": _approvals(review),
        "steps": [
            _step(step)
            for step in review.steps.select_related("signed_by")
            .prefetch_related("evidence_files")
            .order_by("position")
        ],
        "measurements": [
            _measurement(one)
            for one in MetricSnapshot.objects.filter(step__review=review)
            .select_related("added_by")
            .order_by("id")
        ],
        "changes": [_change(one) for one in _changes(review, viewer)],
        "change_searches": [
            _columns(one, "searched", "stated_at") | {"stated_by": str(one.stated_by)}
            for one in ChangeSearch.objects.filter(step__review=review).select_related("stated_by")
        ],
        "causes": [
            _cause(cause)
            for cause in review.causes.select_related("cause_class").order_by("-is_primary", "id")
        ],
        "lessons": _columns(review, "went_well", "went_badly", "luck"),
        "lessons_without_item": [
            _columns(one, "text", "declined_because", "declined_at") | {"declined_by": str(one.declined_by)}
            for one in review.lesson_points.select_related("declined_by")
            .exclude(declined_because="")
            .order_by("position")
        ],
        "notes": review.notes,
        "checklist": _checklist(review),
        "items": _items(review, viewer),
        "addenda": [
            {"by": str(addendum.added_by)} | _columns(addendum, "added_at", "text")
            for addendum in review.addenda.select_related("added_by").order_by("id")
        ],
    }


def _checklist(review: Review) -> list[dict[str, Any]]:
    return [
        _columns(entry, "title", "kind", "pipeline", "expectation", "pattern", "promql", "comparator")
        | {"threshold": entry.threshold, "source_name": entry.source_name}
        # What is asked, as one text: a command or a query.
        | {"command": pipelines.show(entry.pipeline) if entry.pipeline else entry.promql}
        for entry in review.checklist.order_by("position")
    ]


def _items(review: Review, viewer: User) -> list[dict[str, Any]]:
    promised = items.visible_to(viewer).filter(review=review).select_related("owner", "service", "severity")
    return [
        {"id": item.public_id, "owner": str(item.owner), "service": item.service.slug}
        | {"severity": item.severity.code}
        | _columns(item, "title", "description", "kind", "category", "due_at", "state", "tracker_url")
        for item in promised.order_by("due_at", "id")
    ]


def _incident(incident: Incident) -> dict[str, Any]:
    people = incident.participants.select_related("user").order_by("id")
    links = incident.service_links.select_related("service").order_by("-part", "service__slug")
    return {
        "id": incident.public_id,
        **_columns(incident, "title", "summary", "is_restricted", *exported.MILESTONES, *exported.FIGURES),
        "severity": incident.severity.code,
        "services": [{"service": link.service.slug, "part": link.part} for link in links],
        "participants": [{"name": str(one.user), "role": one.role} for one in people],
        "files": _files(incident.evidence.all()),
    }


def _approvals(review: Review) -> list[dict[str, Any]]:
    """Who approved the content that the review is archived with; before that, nobody did for good."""
    given = ReviewApproval.objects.filter(review=review, content_hash=review.content_hash)
    return [
        {"by": str(one.given_by)} | _columns(one, "given_at", "comment")
        for one in given.select_related("given_by").order_by("id")
        if review.content_hash
    ]


def _step(step: ReviewStep) -> dict[str, Any]:
    return {
        "step": step.kind,
        **_columns(step, "finding", "evidence", "signed_at"),
        "signed_by": str(step.signed_by) if step.signed_by else None,
        "files": _files(step.evidence_files.all()),
    }


def _cause(cause: RootCause) -> dict[str, Any]:
    return {
        **_columns(cause, "part", "is_primary", "state", "statement", "evidence", "whys"),
        "class": cause.cause_class.slug if cause.cause_class else None,
    }


def _measurement(snapshot: MetricSnapshot) -> dict[str, Any]:
    return {
        **_columns(snapshot, "title", "value", "unit", "source_name", "promql", "window_start", "window_end"),
        **_columns(snapshot, "step_seconds", "hidden_series", "warnings", "fetched_at", "series"),
        "added_by": str(snapshot.added_by),
    }


def _changes(review: Review, viewer: User) -> QuerySet[Change]:
    return (
        Change.objects.filter(access.incident_q(viewer, "incident__"), incident__review=review)
        .select_related("incident", "service", "judged_by")
        .order_by("happened_at", "id")
    )


def _change(change: Change) -> dict[str, Any]:
    return {
        "incident": change.incident.public_id,
        "service": change.service.slug if change.service else None,
        **_columns(change, "happened_at", "kind", "title", "url", "external_key", "source", "verdict"),
        **_columns(change, "reason", "judged_at"),
        "judged_by": str(change.judged_by) if change.judged_by else None,
    }


def _files(files: Iterable[EvidenceFile]) -> list[dict[str, Any]]:
    """What proves that a file is the one that was attached; its bytes are fetched by themselves."""
    return [{"id": one.pk, **_columns(one, "label", "media_type", "size_bytes", "sha256")} for one in files]


def filed_entries(review: Review, *, viewer: User) -> QuerySet[Entry]:
    """Filed entries in time order; what is sealed leaves nobody, not even its author."""
    return (
        Entry.objects.filter(
            access.incident_q(viewer, "timeline__participant__incident__"),
            timeline__participant__incident__review=review,
            timeline__filed_at__isnull=False,
        )
        .select_related("timeline__participant__user", "timeline__participant__incident")
        .order_by("happened_at", "id")
    )


def _timeline(review: Review, viewer: User) -> list[dict[str, Any]]:
    return [
        {
            "incident": entry.timeline.participant.incident.public_id,
            "by": str(entry.timeline.participant.user),
            "at": entry.happened_at.astimezone(ZoneInfo(entry.zone)).isoformat(),
            **_columns(entry, "zone", "kind", "marker", "milestone", "is_starred", "text"),
            "files": _files(entry.evidence.all()),
        }
        for entry in filed_entries(review, viewer=viewer).prefetch_related("evidence")
    ]


def _columns(record: Model, *names: str) -> dict[str, Any]:
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
