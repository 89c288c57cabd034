"""Which incidents a list shows: the same conditions for every face."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value

from postmortem import searching
from postmortem.models import Incident, IncidentService, IncidentWords, Participant

# The furthest that happened, as in `Incident.state`.
STATES: dict[str, Q] = {
    "open": Q(dismissed_as="", closed_at=None, resolved_at=None, mitigated_at=None),
    "mitigated": Q(dismissed_as="", closed_at=None, resolved_at=None, mitigated_at__isnull=False),
    "resolved": Q(dismissed_as="", closed_at=None, resolved_at__isnull=False),
    "closed": Q(dismissed_as="", closed_at__isnull=False),
    "dismissed": ~Q(dismissed_as=""),
}
# A postmortem was promised, as `incidents.requires_postmortem` says of one row.
PROMISED = Q(severity__requires_postmortem=True, is_drill=False, dismissed_as="")
DUE_AT = ExpressionWrapper(
    F("started_at") + F("severity__review_hours") * Value(timedelta(hours=1), output_field=DurationField()),
    output_field=DateTimeField(),
)
# No list is longer; see `holding`.
MOST_FOUND = 10_000_000
REVIEWS = ("missing", "going", "overdue", "archived")


def narrowed(rows: QuerySet[Incident], *, now: datetime, **filters: Any) -> QuerySet[Incident]:
    """What filters leave of some incidents; a filter without a value leaves all.

    Args:
        filters: q (words or an id), state, severity (code), service and team (slugs; a team's are those that
            its services began), environment, person (id), tag, review (one of `REVIEWS`), drills ("no" or
            "only"), since and until (the impact started in since <= t < until).
    """
    conditions = Q()
    for name, value in filters.items():
        if value and name not in {"q", "review"}:
            conditions &= _CONDITIONS[name](value)
    rows = rows.filter(conditions)
    if review := filters.get("review"):
        rows = _by_review(rows, review, now)
    if words := filters.get("q"):
        rows = rows.filter(pk__in=holding(searching.query(words)))
    return rows


def holding(terms: str) -> QuerySet[Any, Any]:
    """The ids of incidents whose own words hold all terms of a `searching.query`; without terms none do."""
    found = IncidentWords.objects.all()
    found = found.filter(searching.Matches(F("words"), terms)) if terms else found.none()
    # The bound lets PostgreSQL find the words first, by their index. Left to itself it takes a rare beginning
    # of a word for a common one, and reads all incidents from the newest back until it has a page.
    return found.values("incident")[:MOST_FOUND]


def _touching(**service: Any) -> Q:
    return Q(pk__in=IncidentService.objects.filter(**service).values("incident"))


_CONDITIONS: dict[str, Callable[[Any], Q]] = {
    "state": STATES.__getitem__,
    "severity": lambda code: Q(severity__code=code),
    "environment": lambda name: Q(environment=name),
    "service": lambda slug: _touching(service__slug=slug),
    "team": lambda slug: _touching(part=IncidentService.Part.ORIGIN, service__team__slug=slug),
    "person": lambda pk: Q(pk__in=Participant.objects.filter(user=int(pk)).values("incident")),
    "tag": lambda tag: Q(tags__contains=["-".join(tag.strip().lstrip("#").casefold().split())]),
    "drills": lambda which: Q(is_drill=which == "only"),
    "since": lambda moment: Q(started_at__gte=moment),
    "until": lambda moment: Q(started_at__lt=moment),
}


def _by_review(rows: QuerySet[Incident], review: str, now: datetime) -> QuerySet[Incident]:
    if review == "missing":
        return rows.filter(PROMISED, review=None)
    if review == "going":
        return rows.filter(review__isnull=False, review__archived_at=None)
    if review == "archived":
        return rows.filter(review__archived_at__isnull=False)
    never = Q(review=None) | Q(review__first_archived_at=None)
    return rows.alias(due_at=DUE_AT).filter(PROMISED, never, due_at__lt=now)
