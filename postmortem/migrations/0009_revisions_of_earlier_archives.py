"""Reviews that were archived before there were revisions get their first one, in the format of that time."""

import hashlib
import json
from datetime import datetime

from django.db import migrations
from django.db.models import F

INCIDENT = (
    "public_id", "title", "summary", "environment", "phase", "is_drill",
    "started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at",
    "impact_minutes", "failure_percent", "loss_amount", "loss_currency", "loss_is_estimate",
    "capacity_limit", "capacity_demand",
)  # fmt: skip


def add(apps, schema_editor):
    review_model = apps.get_model("postmortem", "Review")
    revision_model = apps.get_model("postmortem", "Revision")
    for review in review_model.objects.filter(archived_at__isnull=False).order_by("id").iterator(100):
        text = json.dumps(content(apps, review), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        revision_model.objects.create(
            review=review,
            number=1,
            content_json=text,
            content_hash=hashlib.sha256(text.encode()).hexdigest(),
            archived_at=review.archived_at,
            archived_by=review.archived_by,
        )
        review.content_hash = hashlib.sha256(text.encode()).hexdigest()
        review.save(update_fields=["content_hash"])
    review_model.objects.filter(archived_at__isnull=False).update(first_archived_at=F("archived_at"))


def remove(apps, schema_editor):
    apps.get_model("postmortem", "Revision").objects.all().delete()


def content(apps, review):
    """Format 1, as it was when this was written."""
    steps = apps.get_model("postmortem", "ReviewStep").objects.filter(review=review).order_by("position")
    causes = apps.get_model("postmortem", "RootCause").objects.filter(review=review).order_by("id")
    checklist = (
        apps.get_model("postmortem", "ChecklistEntry").objects.filter(review=review).order_by("position")
    )
    incidents = apps.get_model("postmortem", "Incident").objects.filter(review=review).order_by("id")
    return {
        "format": 1,
        "public_id": review.public_id,
        "title": review.title,
        "owner": review.owner_id,
        "facilitator": review.facilitator_id,
        "teams_present": sorted(review.teams_present.values_list("slug", flat=True)),
        "incidents": [incident_content(apps, incident) for incident in incidents.select_related("severity")],
        "steps": [
            columns(step, "kind", "finding", "evidence", "signed_at", "signed_by_id") for step in steps
        ],
        "causes": [
            columns(cause, "part", "is_primary", "state", "statement", "evidence") for cause in causes
        ],
        "lessons": columns(review, "went_well", "went_badly", "luck"),
        "checklist": [columns(entry, "title", "pipeline", "expectation") for entry in checklist],
    }


def incident_content(apps, incident):
    links = apps.get_model("postmortem", "IncidentService").objects.filter(incident=incident)
    people = apps.get_model("postmortem", "Participant").objects.filter(incident=incident).order_by("id")
    entries = apps.get_model("postmortem", "Entry").objects.filter(
        timeline__participant__incident=incident, timeline__filed_at__isnull=False
    )
    return columns(incident, *INCIDENT) | {
        "severity": incident.severity.code,
        "services": sorted(links.values_list("service__slug", "part")),
        "participants": list(people.values_list("user", "role", "timeline__excuse_reason")),
        "entries": [
            columns(entry, "happened_at", "zone", "kind", "marker", "is_starred", "text")
            | {"by": entry.timeline.participant.user_id}
            for entry in entries.select_related("timeline__participant").order_by("happened_at", "id")
        ],
    }


def columns(record, *names):
    return {name: plain(getattr(record, name)) for name in names}


def plain(value):
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, list)) else str(value)


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0008_revisions")]

    operations = [migrations.RunPython(add, remove)]
