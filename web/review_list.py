"""The list of reviews and postmortems: its filters, its pages, its export."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from accounts.models import User
from postmortem import access, searching
from postmortem.models import Incident, Review, ReviewStep, RootCause
from postmortem.models.reviews import CAUSE_WORDS, REVIEW_WORDS, STEP_WORDS
from web.exports import csv_response
from web.forms.filters import ReviewFilters, names_of_items
from web.paging import page_of
from web.review_page import promise

EXPORTED_UP_TO = 10_000

_STATES: dict[str, tuple[str | Promise, Q]] = {
    "": (gettext_lazy("All"), Q()),
    "going": (gettext_lazy("In review"), Q(archived_at=None)),
    "archived": (gettext_lazy("Archived"), Q(archived_at__isnull=False)),
}
_HEADER = (
    "id", "title", "state", "incidents", "severities", "services", "owner", "facilitator", "signed_steps",
    "created_at", "opened_at", "archived_at", "due_at", "standing",
)  # fmt: skip


@login_required
@require_GET
def review_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    filters = ReviewFilters(request.GET, names_of_items())
    page = page_of(_found(request.user, filters), request.GET, by="created_at", is_descending=True)
    for row in page.rows:
        _show(row, now)
    chosen = filters.value("show")
    context = {
        "page": page,
        "filters": filters,
        "states": [(key, words, key == chosen) for key, (words, _condition) in _STATES.items()],
        "now": now,
        "may_import": request.user.is_at_least("member"),
        "is_beyond": bool(request.GET.get("after") or request.GET.get("before")),
    }
    return render(request, "reviews/list.html", context)


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The list as it is filtered, as a CSV file."""
    found = _found(request.user, ReviewFilters(request.GET, names_of_items())).order_by("-created_at", "-pk")
    # The rows are sent after the reader's preferences are gone.
    lines = _lines(found[:EXPORTED_UP_TO], timezone.now(), timezone.get_current_timezone())
    return csv_response("reviews.csv", _HEADER, lines)


def _found(user: User, filters: ReviewFilters) -> QuerySet[Review]:
    """What the filters leave of the reviews, each with its incidents and how many steps are signed."""
    signed = ReviewStep.objects.filter(review=OuterRef("pk"), signed_at__isnull=False, is_stale=False)
    count = signed.order_by().values("review").annotate(n=Count("*")).values("n")
    its_incidents = Incident.objects.select_related("severity").order_by("started_at", "pk")
    rows = access.reviews(user).filter(_STATES[filters.value("show")][1])
    if words := filters.value("q"):
        rows = rows.filter(_holding(words))
    if owner := filters.value("owner"):
        rows = rows.filter(owner=int(owner))
    for name, column in (("service", "services__slug"), ("severity", "severity__code")):
        if value := filters.value(name):
            rows = rows.filter(Exists(Incident.objects.filter(review=OuterRef("pk"), **{column: value})))
    return (
        rows.annotate(signed_count=Coalesce(Subquery(count), 0))
        .select_related("owner", "facilitator")
        .prefetch_related(Prefetch("incidents", its_incidents))
    )


def _holding(words: str) -> Q:
    """Reviews with all words in their own texts, in one step or in one cause, as the search finds them."""
    terms = searching.query(words)
    if not terms:
        return Q(pk__in=())
    parts = (
        Review.objects.filter(searching.Matches(REVIEW_WORDS, terms)).values("pk"),
        ReviewStep.objects.filter(searching.Matches(STEP_WORDS, terms)).order_by().values("review"),
        RootCause.objects.filter(searching.Matches(CAUSE_WORDS, terms)).order_by().values("review"),
    )
    return Q(*(Q(pk__in=found) for found in parts), _connector=Q.OR)


def _show(row: Review, now: datetime) -> Review:
    """Give a review what its row shows."""
    row.its_incidents = list(row.incidents.all())
    row.state = "archived" if row.is_archived else "in_review" if row.opened_at else "preparing"
    row.due_at, row.standing = promise(row.its_incidents, now)
    return row


def _lines(found: QuerySet[Review], now: datetime, zone: tzinfo) -> Iterator[tuple[object, ...]]:
    def written(moment: datetime | None) -> str:
        return moment.astimezone(zone).isoformat(timespec="seconds") if moment else ""

    for row in found.prefetch_related("incidents__services").iterator(chunk_size=500):
        _show(row, now)
        services: dict[str, Any] = {
            service.slug: None for incident in row.its_incidents for service in incident.services.all()
        }
        severities = dict.fromkeys(incident.severity.code for incident in row.its_incidents)
        yield (
            row.public_id, row.title, row.state,
            " ".join(incident.public_id for incident in row.its_incidents),
            " ".join(sorted(severities)), " ".join(sorted(services)),
            row.owner, row.facilitator, row.signed_count,
            written(row.created_at), written(row.opened_at), written(row.archived_at),
            written(row.due_at), row.standing.value if row.standing else "",
        )  # fmt: skip


urlpatterns = [
    path("reviews/", review_list, name="reviews"),
    path("reviews/export.csv", export, name="reviews_csv"),
]
