"""Root causes of a period that had been seen before, and the quarters without any (R20)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Exists, F, Min, OuterRef, Q

from accounts.models import User
from governance import past
from governance.cohorts.incidents import came_from, excluded, origins, visible
from governance.cohorts.scope import Scope
from governance.cohorts.then import Then
from governance.lookups import AnyOf
from governance.metrics import PrimaryCause, Quarter
from governance.periods import Window
from postmortem import access
from postmortem.models import Incident, Recurrence, Review, RootCause
from remediation import backlog

# A streak longer than ten years is not told from one of ten years.
MOST_QUARTERS = 40


@dataclass(frozen=True, slots=True)
class _Repeat:
    review: str
    earlier: str
    began_at: datetime


class _First(NamedTuple):
    pk: int
    severity: str
    started_at: datetime
    is_restricted: bool


def gather(window: Window, then: Then, scope: Scope) -> dict[str, Any]:
    repeats = _repeats(window, then, scope)
    found: dict[str, Any] = {"causes": _causes(window, then, scope, repeats)}
    if scope.team is None:
        found["quarters"] = _quarters(window, scope.viewer, repeats)
    return found


def by_class(window: Window, viewer: User | None) -> list[tuple[str, int, int]]:
    """The causes of a running period that count: slug of the class, how many, and how many had come back."""
    came_back = {one.review for one in _repeats(window, Then(past.NONE), Scope(viewer))}
    of_review = Incident.objects.filter(review=OuterRef("review"))
    counts = of_review.filter(is_drill=False, dismissed_as="", severity__counts_in_figures=True)
    in_period = Incident.objects.filter(started_at__gte=window.starts_at, started_at__lt=window.as_of)
    rows = RootCause.objects.filter(
        Exists(counts),
        ~Exists(of_review.filter(started_at__lt=window.starts_at)),
        review__in=in_period.filter(review__isnull=False).values("review"),
        is_primary=True,
        state=RootCause.State.VERIFIED,
    )
    if viewer is not None:
        rows = rows.filter(access.review_q(viewer, "review__"))
    counted = (
        rows.order_by()
        .values("cause_class__slug")
        .annotate(n=Count("pk"), repeats=Count("pk", filter=Q(review__public_id__in=came_back)))
    )
    return [(row["cause_class__slug"] or "", row["n"], row["repeats"]) for row in counted]


def _repeats(window: Window, then: Then, scope: Scope) -> list[_Repeat]:
    """The confirmed recurrences of root causes, of reviews that count and that the reader may see."""
    rows = Recurrence.objects.filter(
        verdict=Recurrence.Verdict.CONFIRMED, cause__part=RootCause.Part.ROOT
    ).select_related("cause__review", "earlier__review")
    if scope.viewer is not None:
        rows = rows.filter(
            access.review_q(scope.viewer, "cause__review__"),
            access.review_q(scope.viewer, "earlier__review__"),
        )
    if scope.team is not None:
        of_team = Incident.objects.filter(came_from(scope.team), review__isnull=False)
        rows = rows.filter(cause__review__in=of_team.values("review"))
    known = list(rows.order_by("id"))
    began = _began({row.cause.review_id for row in known}, then, scope.viewer)
    found = []
    for row in known:
        at, reason = began.get(row.cause.review_id, (None, ""))
        if at is not None and not reason and at < window.as_of:
            found.append(_Repeat(row.cause.review.public_id, row.earlier.review.public_id, at))
    return sorted(found, key=lambda one: (one.began_at, one.review, one.earlier))


def _began(reviews: Iterable[int], then: Then, viewer: User | None) -> dict[int, tuple[datetime, str]]:
    """Review -> when its first incident began, and why it does not count; one that counts makes it count."""
    rows = (
        visible(viewer)
        .filter(AnyOf(F("review"), list(reviews)))
        .order_by("-started_at")
        .values_list(
            "review", "started_at", "is_drill", "dismissed_as", "severity", "severity__counts_in_figures"
        )
    )
    found: dict[int, tuple[datetime, str]] = {}
    for review, started_at, is_drill, dismissed_as, severity, present in rows:
        reason = excluded(is_drill=is_drill, dismissed_as=dismissed_as, counts=then.counts(severity, present))
        known = found.get(review)
        found[review] = (started_at, reason if known is None or known[1] else "")
    return found


def _causes(window: Window, then: Then, scope: Scope, repeats: list[_Repeat]) -> list[PrimaryCause]:
    in_period = Incident.objects.filter(
        started_at__gte=window.starts_at, started_at__lt=window.as_of, review__isnull=False
    )
    if scope.team is not None:
        in_period = in_period.filter(came_from(scope.team))
    rows = RootCause.objects.filter(
        review__in=in_period.values("review"), is_primary=True, state=RootCause.State.VERIFIED
    )
    if scope.viewer is not None:
        rows = rows.filter(access.review_q(scope.viewer, "review__"))
    found = list(rows.order_by().values_list("review", "review__public_id", "cause_class__slug"))
    first = _first_incidents([review for review, *_ in found])
    listed = sorted(
        (
            (first[review], review, public_id, cause_class)
            for review, public_id, cause_class in found
            if first[review].started_at >= window.starts_at
        ),
        key=lambda row: (row[0].started_at, row[2]),
    )
    origin = origins(Incident.objects.filter(AnyOf(F("pk"), [row[0].pk for row in listed])), then)
    counts = _began([row[1] for row in listed], then, scope.viewer)
    earlier: dict[str, list[str]] = {}
    for repeat in repeats:
        earlier.setdefault(repeat.review, []).append(repeat.earlier)
    return [
        PrimaryCause(
            public_id,
            incident.severity,
            *origin.get(incident.pk, ("", "")),
            cause_class or "",
            incident.started_at,
            tuple(dict.fromkeys(earlier.get(public_id, ()))),
            incident.is_restricted,
            counts.get(review, (incident.started_at, ""))[1],
        )
        for incident, review, public_id, cause_class in listed
    ]


def _first_incidents(reviews: Sequence[int]) -> dict[int, _First]:
    """Review -> the incident of it that began first, whether or not it is seen."""
    rows = (
        Incident.objects.filter(AnyOf(F("review"), reviews))
        .order_by("-started_at", "-pk")
        .values_list("review", "pk", "severity__code", "started_at", "is_restricted")
    )
    # The earliest comes last, and stays.
    return {
        review: _First(pk, severity, started_at, is_restricted)
        for review, pk, severity, started_at, is_restricted in rows
    }


def _quarters(window: Window, viewer: User | None, repeats: list[_Repeat]) -> list[Quarter]:
    zone = ZoneInfo(settings.TIME_ZONE)
    begun = visible(viewer).filter(started_at__lt=window.as_of).aggregate(at=Min("started_at"))["at"]
    if begun is None:
        return []
    quarter = backlog.quarter_of(begun, zone=zone)
    found = []
    while quarter.start < window.as_of:
        pairs = [(one.review, one.earlier) for one in repeats if quarter.start <= one.began_at < quarter.end]
        found.append(Quarter(str(quarter), quarter.start, quarter.end <= window.as_of, tuple(pairs)))
        quarter = backlog.beside(quarter, 1, zone=zone)
    return found[-MOST_QUARTERS:]


def reviews(viewer: User | None) -> Any:
    """The reviews that a reader may see; all of them for the installation itself."""
    return Review.objects.all() if viewer is None else access.reviews(viewer)
