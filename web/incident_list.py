"""The list of incidents: its filters, its pages, its export."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import User
from postmortem import access, incidents
from postmortem.models import Incident, IncidentService
from postmortem.sla import Standing, standing
from web.exports import csv_response
from web.forms.incidents import IncidentFilterForm
from web.paging import page_of

# Above this a number says no more than "many", and counting costs.
COUNTED_UP_TO = 1000
EXPORTED_UP_TO = 10_000

# The furthest that happened, as in `Incident.state`.
_STATES: dict[str, Q] = {
    "open": Q(dismissed_as="", closed_at=None, resolved_at=None, mitigated_at=None),
    "mitigated": Q(dismissed_as="", closed_at=None, resolved_at=None, mitigated_at__isnull=False),
    "resolved": Q(dismissed_as="", closed_at=None, resolved_at__isnull=False),
    "closed": Q(dismissed_as="", closed_at__isnull=False),
    "dismissed": ~Q(dismissed_as=""),
}

_HEADER = (
    "id", "title", "severity", "state", "origin_services", "affected_services", "environment",
    "is_drill", "is_restricted",
    "started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at",
    "impact_minutes", "failure_percent", "loss_amount", "loss_currency", "loss_is_estimate",
    "review", "review_due_at", "review_standing",
)  # fmt: skip


@login_required
@require_GET
def incident_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    filters = IncidentFilterForm(request.GET, services=access.services(request.user))
    chosen = filters.chosen()
    found = _found(request.user, chosen)
    page = page_of(found, request.GET, by="started_at", is_descending=True)
    count = _count(found, page)
    for incident in page.rows:
        incident.review_standing = review_standing(incident, now)
        incident.lasted = (incident.resolved_at or now) - incident.started_at
    context = {
        "filters": filters,
        "chosen": chosen,
        "page": page,
        "count": count,
        "is_beyond": bool(request.GET.get("after") or request.GET.get("before")),
        "is_many": count > COUNTED_UP_TO,
        "counted_up_to": COUNTED_UP_TO,
        "now": now,
        "may_declare": request.user.is_at_least("member"),
    }
    return render(request, "incidents/list.html", context)


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    now = timezone.now()
    filters = IncidentFilterForm(request.GET, services=access.services(request.user))
    found = _found(request.user, filters.chosen()).order_by("-started_at", "-id")[:EXPORTED_UP_TO]
    # The rows are sent after the reader's preferences are gone.
    return csv_response("incidents.csv", _HEADER, _lines(found, now, timezone.get_current_timezone()))


def review_standing(incident: Incident, now: datetime) -> Standing | None:
    """How the promise to have the review archived in time stands; None where none was made (R8)."""
    if not incidents.requires_postmortem(incident):
        return None
    return standing(
        promised_at=incident.started_at,
        due_at=incident.review_due_at,
        met_at=incident.review.archived_at if incident.review else None,
        as_of=now,
    )


def _found(user: User, chosen: dict[str, Any]) -> QuerySet[Incident]:
    """What the filters leave of what this person may see, with what a row shows: one statement."""
    rows = access.incidents(user).select_related("severity", "review")
    if state := chosen.get("state"):
        rows = rows.filter(_STATES[state])
    if severity := chosen.get("severity"):
        rows = rows.filter(severity=severity)
    if service := chosen.get("service"):
        rows = rows.filter(pk__in=service.incident_links.values("incident"))
    if drills := chosen.get("drills"):
        rows = rows.filter(is_drill=drills == "only")
    if words := chosen.get("q"):
        rows = rows.filter(
            Q(title__icontains=words) | Q(summary__icontains=words) | Q(public_id__iexact=words)
        )
    # Not an aggregate: that would group every incident there is before the first page is cut off.
    links = IncidentService.objects.filter(incident=OuterRef("pk")).order_by("service__slug")
    return rows.annotate(
        origin_slugs=ArraySubquery(links.filter(part="origin").values("service__slug")),
        affected_slugs=ArraySubquery(links.filter(part="affected").values("service__slug")),
    )


def _count(found: QuerySet[Incident], page: Any) -> int:
    """How many there are, counted no further than matters; a list of one page needs no second statement."""
    if page.is_only_one:
        return len(page.rows)
    return found.order_by()[: COUNTED_UP_TO + 1].count()


def _lines(rows: QuerySet[Incident], now: datetime, zone: tzinfo) -> Iterator[tuple[object, ...]]:
    for row in rows.iterator(chunk_size=500):
        kept = review_standing(row, now)
        moments = [_written(getattr(row, name), zone) for name in Incident.MILESTONES]
        yield (
            row.public_id, row.title, row.severity.code, row.state,
            " ".join(row.origin_slugs), " ".join(row.affected_slugs), row.environment,
            _yes(row.is_drill), _yes(row.is_restricted), *moments,
            row.impact_minutes, row.failure_percent,
            row.loss_amount, row.loss_currency, _yes(row.loss_is_estimate),
            row.review.public_id if row.review else "", _written(row.review_due_at, zone) if kept else "",
            kept.value if kept else "",
        )  # fmt: skip


def _written(moment: datetime | None, zone: tzinfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds") if moment else ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"
