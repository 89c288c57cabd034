"""Which incidents a list shows: the same conditions for every face."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)

from postmortem import searching
from postmortem.models import Incident, IncidentService, IncidentWords, Participant, Service

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
REVIEWS = ("missing", "going", "overdue", "archived")
# The ids that a filter leaves are gathered before any incident is read. Where it leaves more than this share
# of the newest incidents, each is asked in turn instead, until a page is full.
WIDE_SHARE, SAMPLED = 0.1, 500


def narrowed(
    rows: QuerySet[Incident], *, now: datetime, wide: Collection[str] | None = None, **filters: Any
) -> QuerySet[Incident]:
    """What filters leave of some incidents; a filter without a value leaves all.

    Args:
        wide: names of filters that leave many, as `leaving_many` tells, which is asked unless given. What is
            found is the same; a page of fifty is found sooner.
        filters: q (words or an id), state, severity (code), service and team (slugs; a team's are those that
            its services began), environment, person (id), tag, review (one of `REVIEWS`), drills ("no" or
            "only"), since and until (the impact started in since <= t < until).
    """
    conditions = Q()
    for name, value in filters.items():
        if value and name in _CONDITIONS:
            conditions &= _CONDITIONS[name](value)
    rows = rows.filter(conditions)
    if review := filters.get("review"):
        rows = _by_review(rows, review, now)
    wide = leaving_many(filters) if wide is None else wide
    for name, found in _sets(filters).items():
        rows = rows.filter(_each_in(found) if name in wide else any_of(found.values("incident")))
    return rows


def leaving_many(filters: dict[str, Any]) -> set[str]:
    """Which filters leave many of the newest incidents: one small statement for each that could."""
    newest = Incident.objects.order_by("-pk")[:SAMPLED].values("pk")
    sample = Incident.objects.filter(pk__in=newest)
    return {
        name
        for name, found in _sets(filters).items()
        if sample.filter(_each_in(found)).count() > WIDE_SHARE * SAMPLED
    }


def are_many(found: QuerySet[Any]) -> bool:
    """Whether these rows are many of the newest of their table; one small statement."""
    newest = found.model._default_manager.order_by("-pk")[:SAMPLED].values("pk")
    return found.filter(pk__in=newest).count() > WIDE_SHARE * SAMPLED


def gathers(filters: dict[str, Any], wide: Collection[str]) -> bool:
    """Whether ids are gathered before incidents are read."""
    return any(name not in wide for name in _sets(filters))


def _sets(filters: dict[str, Any]) -> dict[str, QuerySet[Any]]:
    """By filter, rows that each name an incident: those filters that look into another table."""
    return {name: _SETS[name](value) for name, value in filters.items() if value and name in _SETS}


def any_of(ids: QuerySet[Any]) -> Func:
    """The ids are gathered first, and their rows then read by their key.

    As a subquery PostgreSQL would guess how many there are. It takes a rare beginning of a word for a common
    one, and reads all incidents from the newest back until it has a page.
    """
    return Func(
        F("pk"),
        ArraySubquery(ids),
        template="%(expressions)s)",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )


def _each_in(found: QuerySet[Any]) -> Subquery:
    """Each incident is asked in turn, in the order in which they are read, until there are enough."""
    its = found.filter(incident=OuterRef("pk")).order_by()
    return Subquery(its.values_list(Value(True))[:1], output_field=BooleanField())


def holding(terms: str) -> QuerySet[Any, Any]:
    """The words of incidents that hold all terms of a `searching.query`; without terms none do."""
    found = IncidentWords.objects.all()
    return found.filter(searching.Matches(F("words"), terms)) if terms else found.none()


_SETS: dict[str, Callable[[Any], QuerySet[Any]]] = {
    "service": lambda slug: IncidentService.objects.filter(service=Service.objects.filter(slug=slug)[:1]),
    "team": lambda slug: IncidentService.objects.filter(
        part=IncidentService.Part.ORIGIN, service__team__slug=slug
    ),
    "person": lambda pk: Participant.objects.filter(user=int(pk)).order_by(),
    "q": lambda words: holding(searching.query(words)),
}
_CONDITIONS: dict[str, Callable[[Any], Q]] = {
    "state": STATES.__getitem__,
    "severity": lambda code: Q(severity__code=code),
    "environment": lambda name: Q(environment=name),
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
