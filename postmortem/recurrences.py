"""Causes that come back: earlier ones that look alike, and a person's word on whether they are the same.

A confirmed recurrence is a fact about two postmortems, often seen long after the later one was archived. So
it stands beside the archive and is no part of what was hashed: docs/adr/0014.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, cause_classes, causes, likeness, trail, values
from postmortem.errors import Invalid
from postmortem.likeness import Likeness, Text
from postmortem.models import Incident, IncidentService, Recurrence, Review, RootCause

# So many are taken of each sort: same class, same service, newest. Together they bound the work.
CANDIDATES = 120


@dataclass(frozen=True)
class Suggestion:
    """An earlier cause that looks like the one asked about, and why."""

    earlier: RootCause
    likeness: Likeness


@dataclass(frozen=True)
class Repeat:
    """A confirmed recurrence as reports count it.

    Attributes:
        happened_at: when the first incident of the later review began; `earlier_at` of the earlier one.
        counts: no drill, and of a severity that counts in figures.
    """

    cause_id: int
    is_primary: bool
    review: str
    happened_at: datetime
    counts: bool
    earlier_id: int
    earlier_review: str
    earlier_at: datetime


def suggest(cause: RootCause, *, to: User, most: int = 5) -> list[Suggestion]:
    """Earlier causes that look like this one, the most alike first; only of reviews that `to` may see.

    What was judged is not suggested again. At most some hundred candidates are compared: the newest of the
    same class, of the same services, and of all.
    """
    if cause.state == RootCause.State.REFUTED:
        return []
    candidates = {one.pk: one for one in _candidates(cause, to)}
    if not candidates:
        return []
    asked, *earlier = _texts([cause, *candidates.values()])
    return [Suggestion(candidates[one.key], one) for one in likeness.rank(asked, earlier, most=most)]


def judge(
    cause: RootCause, *, earlier: RootCause, verdict: str, by: User, now: datetime, reason: str = ""
) -> Recurrence:
    """Say whether a cause is an earlier one come back; a later word replaces an earlier one.

    Allowed while the causes may change, and again once the review is archived.

    Raises:
        Invalid: the other cause is hidden from `by`, is of the same review or no earlier one, or one of them
            was refuted.
        NotAllowed, ReviewNotOpen, StepSigned: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    verdict = values.choice(verdict, Recurrence.Verdict, field="verdict")
    reason = values.text(reason, field="reason", longest=500).strip()
    with trail.act("recurrences.judge", by=by):
        review = Review.objects.select_for_update().get(pk=cause.review_id)
        if not review.is_archived:
            causes.changeable(review)
        cause = RootCause.objects.get(pk=cause.pk)
        _refuse_unfit(cause, earlier, verdict, by)
        row = Recurrence.objects.filter(cause=cause, earlier=earlier).first()
        row = row or Recurrence(cause=cause, earlier=earlier)
        row.verdict, row.reason, row.judged_by, row.judged_at = verdict, reason, by, now
        row.save()
    return row


def _refuse_unfit(cause: RootCause, earlier: RootCause, verdict: str, by: User) -> None:
    found = RootCause.objects.filter(pk=earlier.pk, review__in=access.reviews(by)).first()
    if found is None:
        raise Invalid(_("There is no such cause."), field="earlier")
    if found not in _earlier_than(cause):
        raise Invalid(_("Name a cause of an earlier incident, in another review."), field="earlier")
    is_refuted = RootCause.State.REFUTED in {cause.state, found.state}
    if verdict == Recurrence.Verdict.CONFIRMED and is_refuted:
        raise Invalid(_("A refuted cause cannot come back."), field="verdict")


def judged(cause: RootCause, *, to: User) -> QuerySet[Recurrence]:
    """What was said about a cause and earlier ones, the newest word first."""
    rows = Recurrence.objects.filter(cause=cause).filter(access.review_q(to, "earlier__review__"))
    return rows.select_related("earlier__review", "earlier__cause_class", "judged_by")


def confirmed(of: Iterable[RootCause], *, to: User) -> list[Recurrence]:
    """The confirmed recurrences in which these causes are the later ones; others' reviews must be visible."""
    rows = Recurrence.objects.filter(verdict=Recurrence.Verdict.CONFIRMED, cause__in=[one.pk for one in of])
    return list(
        rows.filter(access.review_q(to, "earlier__review__"))
        .select_related("earlier__review", "judged_by")
        .order_by("id")
    )


def came_back(of: Iterable[RootCause], *, to: User) -> list[Recurrence]:
    """The confirmed recurrences in which these causes are the earlier ones, likewise."""
    rows = Recurrence.objects.filter(verdict=Recurrence.Verdict.CONFIRMED, earlier__in=[one.pk for one in of])
    return list(
        rows.filter(access.review_q(to, "cause__review__"))
        .select_related("cause__review", "judged_by")
        .order_by("id")
    )


def repeats(*, start: datetime, end: datetime) -> list[Repeat]:
    """The confirmed recurrences whose later incident began in the period (R20), oldest first.

    Unfiltered: reports are made for everybody, and name no text.
    """
    rows = (
        Recurrence.objects.filter(verdict=Recurrence.Verdict.CONFIRMED)
        .annotate(at=_began("cause__review"), earlier_at=_began("earlier__review"))
        .filter(at__gte=start, at__lt=end)
        .select_related("cause__review", "earlier__review")
        .order_by("at", "id")
    )
    counted = set(
        Incident.objects.filter(
            review__in=[row.cause.review_id for row in rows],
            is_drill=False,
            dismissed_as="",
            severity__counts_in_figures=True,
        ).values_list("review", flat=True)
    )
    return [
        Repeat(
            cause_id=row.cause_id,
            is_primary=row.cause.is_primary,
            review=row.cause.review.public_id,
            happened_at=row.at,
            counts=row.cause.review_id in counted,
            earlier_id=row.earlier_id,
            earlier_review=row.earlier.review.public_id,
            earlier_at=row.earlier_at,
        )
        for row in rows
    ]


def _began(way: str) -> Subquery:
    """When the first incident of the review at the end of `way` began."""
    of_review = Incident.objects.filter(review=OuterRef(way)).order_by()
    return Subquery(of_review.values("review").annotate(at=Min("started_at")).values("at"))


def _earlier_than(cause: RootCause) -> QuerySet[RootCause]:
    """Causes of other, opened reviews whose first incident began earlier than this one's."""
    began_at = Incident.objects.filter(review=cause.review_id).aggregate(at=Min("started_at"))["at"]
    return (
        RootCause.objects.filter(review__opened_at__isnull=False)
        .exclude(review=cause.review_id)
        .annotate(began_at=_began("review"))
        .filter(began_at__lt=began_at)
    )


def _candidates(cause: RootCause, to: User) -> list[RootCause]:
    possible = (
        _earlier_than(cause)
        .exclude(state=RootCause.State.REFUTED)
        .exclude(pk__in=Recurrence.objects.filter(cause=cause).values("earlier"))
        .filter(access.review_q(to, "review__"))
        .order_by("-id")
    )
    services = IncidentService.objects.filter(incident__review=cause.review_id).values("service")
    sorts = [
        possible.filter(
            review__in=IncidentService.objects.filter(
                service__in=services, incident__review__isnull=False
            ).values("incident__review")
        ),
        possible,
    ]
    if cause.cause_class_id is not None:
        sorts.append(possible.filter(cause_class=cause.cause_class_id))
    keys = {pk for rows in sorts for pk in rows.values_list("pk", flat=True)[:CANDIDATES]}
    rows = RootCause.objects.filter(pk__in=keys).select_related("review", "cause_class")
    return list(rows.order_by("-id"))


def _texts(rows: Sequence[RootCause]) -> list[Text]:
    paths = _class_paths()
    services: dict[int, set[str]] = {}
    links = IncidentService.objects.filter(incident__review__in={row.review_id for row in rows})
    for review, slug in links.values_list("incident__review", "service__slug"):
        services.setdefault(review, set()).add(slug)
    return [
        Text(
            key=row.pk,
            words="\n".join([row.statement, row.evidence, *_whys(row)]),
            class_path=paths.get(row.cause_class_id or 0, ()),
            services=services.get(row.review_id, set()),
        )
        for row in rows
    ]


def _whys(row: RootCause) -> list[str]:
    return [f"{link['why']}\n{link['evidence']}" for link in row.whys]


def _class_paths() -> dict[int, tuple[str, ...]]:
    slugs: dict[int, tuple[str, ...]] = {}
    for node in cause_classes.tree():
        row = node.cause_class
        slugs[row.pk] = (*slugs.get(row.parent_id or 0, ()), row.slug)
    return slugs
