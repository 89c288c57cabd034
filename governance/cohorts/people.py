"""What people did in a period: who led reviews (R22), and who passed exams (R9)."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q

from accounts.models import User
from governance.cohorts import items
from governance.cohorts.causes import reviews
from governance.cohorts.scope import Scope
from governance.cohorts.then import Then
from governance.metrics import ExamPlace, Leader
from governance.periods import Window
from remediation.models import ExamAttempt, RosterEntry

# Fewer teams make no cross-team review.
TEAMS_NEEDED = 2


def gather(window: Window, then: Then, scope: Scope) -> dict[str, Any]:
    found: dict[str, Any] = {"exams": _exams(window, then, scope)}
    if scope.team is None:
        # Who leads reviews leads those of any team.
        found["leaders"] = _leaders(window, then, scope.viewer)
    return found


def _leaders(window: Window, then: Then, viewer: User | None) -> list[Leader]:
    people = User.objects.filter(
        Q(role=User.Role.FACILITATOR, is_active=True) | Q(pk__in=list(then.people)),
        joined_at__lt=window.as_of,
    ).values_list("pk", "role", "is_active")
    roster = []
    for pk, role, is_active in people.order_by("name", "pk"):
        was = then.people.get(pk, {})
        if was.get("role", role) == User.Role.FACILITATOR and was.get("is_active", is_active):
            roster.append(pk)
    led = (
        reviews(viewer)
        .filter(first_archived_at__gte=window.starts_at, first_archived_at__lt=window.as_of)
        .annotate(teams=Count("teams_present", distinct=True))
        .order_by("first_archived_at", "public_id")
        .values_list("facilitator", "public_id", "teams")
    )
    wide: dict[int, list[str]] = {}
    narrow: dict[int, list[str]] = {}
    for person, public_id, teams in led:
        (wide if teams >= TEAMS_NEEDED else narrow).setdefault(person, []).append(public_id)
    return [Leader(pk, tuple(wide.get(pk, ())), tuple(narrow.get(pk, ()))) for pk in roster]


def _exams(window: Window, then: Then, scope: Scope) -> list[ExamPlace]:
    as_of = window.as_of
    places = list(
        RosterEntry.objects.filter(
            Q(left_at=None) | Q(left_at__gte=as_of),
            joined_at__lt=as_of,
            exam__item__in=items.within(scope).filter(due_at__gte=window.starts_at, due_at__lt=as_of),
        )
        .annotate(hidden=items.is_restricted("exam__item__review"))
        .order_by("exam__item__due_at", "exam__item__public_id", "person__name", "person")
        .values_list(
            "exam", "exam__version", "person", "exam__item", "exam__item__public_id",
            "exam__item__severity", "exam__item__service", "exam__item__team",
            "exam__item__category", "exam__item__due_at", "hidden",
        )
    )  # fmt: skip
    versions = {exam: then.exams.get(exam, {}).get("version", version) for exam, version, *_rest in places}
    passed = {
        (exam, person)
        for exam, person, version in ExamAttempt.objects.filter(
            exam__in=versions, is_passed=True, taken_at__lt=as_of
        ).values_list("exam", "person", "exam_version")
        if version == versions[exam]
    }
    return [
        ExamPlace(
            public_id, person, *then.labels(item, severity, service, team, category), due_at,
            (exam, person) in passed, hidden,
        )
        for exam, _v, person, item, public_id, severity, service, team, category, due_at, hidden in places
    ]  # fmt: skip
