"""Items due, overdue and agreed in a period."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, ExtractDay

from accounts.models import User
from governance.cohorts.then import Then
from governance.metrics import AgreedItem, DueItem, OverdueItem
from governance.periods import Window
from governance.policy import SETTLED
from postmortem.models import Incident
from remediation import items
from remediation.items import selecting
from remediation.models import ItemTransition, RemediationItem

_COLUMNS = ("pk", "public_id", "severity__code", "service__slug", "team__slug", "category", "due_at")


def gather(window: Window, then: Then, viewer: User | None) -> dict[str, Any]:
    return {
        "due": due(window, then, viewer),
        "overdue": overdue(window, then, viewer),
        "agreed": _agreed(window, then, viewer),
    }


def visible(viewer: User | None) -> QuerySet[RemediationItem]:
    """The items that a reader may see; all of them for the installation itself."""
    return RemediationItem.objects.all() if viewer is None else items.visible_to(viewer)


def due(window: Window, then: Then, viewer: User | None) -> list[DueItem]:
    """The items whose deadline, as it stood when the period was judged, lies in it."""
    in_period = Q(due_at__gte=window.starts_at, due_at__lt=window.as_of)
    rows = (
        visible(viewer)
        .filter(in_period | Q(pk__in=then.edited_items("due_at")))
        .annotate(then=_state_at(window), restricted=is_restricted())
        .order_by()
        .values_list(*_COLUMNS, "first_verified_at", "then", "restricted")
    )
    found = []
    for pk, public_id, severity, service, team, category, due_at, verified_at, state, hidden in rows:
        severity, service, team, category = then.labels(pk, severity, service, team, category)
        found.append(
            DueItem(
                public_id,
                severity,
                service,
                team,
                then.due_at(pk, due_at),
                _until(verified_at, window.as_of),
                state,
                hidden,
                category,
            )
        )
    return sorted(
        (row for row in found if window.starts_at <= row.due_at < window.as_of),
        key=lambda row: (row.due_at, row.public_id),
    )


def overdue(window: Window, then: Then, viewer: User | None) -> list[OverdueItem]:
    """The items past their deadline when the period was judged that were not kept and not settled then."""
    # As ITEM_OVERDUE in `policy`: kept in time once is kept; verified late is settled while it holds.
    as_of = window.as_of
    owed = visible(viewer).filter(
        Q(due_at__lt=as_of) & ~Q(first_verified_at__lte=F("due_at")) | Q(pk__in=then.edited_items("due_at")),
        agreed_at__lt=as_of,
    )
    rows = _unsettled(owed, F("state"))
    if window.is_past:
        # Apart, for of those that have moved since, most are settled now, and few of the others ever were.
        moved = ItemTransition.objects.filter(at__gte=as_of).values("item")
        still = _unsettled(owed.exclude(pk__in=moved), F("state"))
        others = _unsettled(owed.filter(pk__in=moved), _state_before(as_of))
        # One that moves at this moment is in both.
        rows = {row[0]: row for row in (*still, *others)}.values()
    found = []
    for pk, public_id, severity, service, team, category, due_at, verified_at, state, hidden in rows:
        was_due = then.due_at(pk, due_at)
        if was_due >= as_of or (verified_at is not None and verified_at <= was_due):
            continue
        severity, service, team, category = then.labels(pk, severity, service, team, category)
        found.append(
            OverdueItem(
                public_id, severity, service, team, was_due, state, (as_of - was_due).days, hidden, category
            )
        )
    return sorted(found, key=lambda row: (row.due_at, row.public_id))


def overdue_days(viewer: User | None, *, now: datetime) -> list[tuple[str, int, int]]:
    """The same items now, counted: slug of the team, whole days since the deadline, how many."""
    days = ExtractDay(ExpressionWrapper(Value(now) - F("due_at"), output_field=DurationField()))
    counted = (
        visible(viewer)
        .filter(selecting.late(now))
        .order_by()
        .values("team__slug", days=days)
        .annotate(count=Count("pk"))
    )
    return [(row["team__slug"], row["days"], row["count"]) for row in counted]


def _agreed(window: Window, then: Then, viewer: User | None) -> list[AgreedItem]:
    rows = (
        visible(viewer)
        .filter(agreed_at__gte=window.starts_at, agreed_at__lt=window.as_of)
        .annotate(restricted=is_restricted())
        .order_by("agreed_at", "public_id")
        .values_list(*_COLUMNS[:-1], "agreed_at", "origin", "restricted")
    )
    return [
        AgreedItem(
            public_id,
            *then.labels(pk, severity, service, team, category),
            agreed_at,
            then.of_item(pk, "origin", origin),
            hidden,
        )
        for pk, public_id, severity, service, team, category, agreed_at, origin, hidden in rows
    ]


def is_restricted(way: str = "review") -> Exists:
    """Whether an item comes from the review of a restricted incident; `way` leads to that review."""
    return Exists(Incident.objects.filter(review=OuterRef(way), is_restricted=True))


def _unsettled(owed: QuerySet[RemediationItem], then: Combinable) -> Iterable[tuple[Any, ...]]:
    return (
        owed.annotate(then=then, restricted=is_restricted())
        .exclude(then__in=SETTLED)
        .order_by()
        .values_list(*_COLUMNS, "first_verified_at", "then", "restricted")
    )


def _state_at(window: Window) -> Combinable:
    if not window.is_past:
        return F("state")
    # Whoever has not moved since stands where they stood, which one look at an index tells.
    moved_since = Exists(ItemTransition.objects.filter(item=OuterRef("pk"), at__gte=window.as_of))
    return Case(When(moved_since, then=_state_before(window.as_of)), default=F("state"))


def _state_before(moment: datetime) -> Combinable:
    moves = ItemTransition.objects.filter(item=OuterRef("pk"), at__lt=moment).order_by("-at", "-id")
    return Coalesce(Subquery(moves.values("to_state")[:1]), Value(RemediationItem.State.OPEN.value))


def _until(moment: datetime | None, as_of: datetime) -> datetime | None:
    return moment if moment is not None and moment < as_of else None
