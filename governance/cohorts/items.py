"""Items due, overdue and agreed in a period."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import (
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
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, ExtractDay

from accounts.models import User
from governance.cohorts.scope import Scope
from governance.cohorts.then import Then
from governance.lookups import AnyOf
from governance.metrics import AgreedItem, DueItem, OverdueItem
from governance.periods import Window
from governance.policy import SETTLED
from postmortem.models import Incident
from remediation import items
from remediation.items import selecting
from remediation.models import ItemTransition, RemediationItem

_PRESENT = F("state")
# Of a million items so many moves come from about a month.
_FEW_MOVES = 200_000


class _Stood(NamedTuple):
    """An item with its present columns, and the state it was in when the period was judged."""

    pk: int
    public_id: str
    severity: int
    service: int
    team: int
    category: str
    due_at: datetime
    agreed_at: datetime
    first_verified_at: datetime | None
    state: str
    is_restricted: bool


def gather(window: Window, then: Then, scope: Scope) -> dict[str, Any]:
    in_period, owed = _stood(window, then, scope)
    return {
        "due": _due(in_period, window, then),
        "overdue": _overdue(owed, window, then),
        "agreed": _agreed(window, then, scope),
    }


def visible(viewer: User | None) -> QuerySet[RemediationItem]:
    """The items that a reader may see; all of them for the installation itself."""
    return RemediationItem.objects.all() if viewer is None else items.visible_to(viewer)


def within(scope: Scope) -> QuerySet[RemediationItem]:
    """The items of a scope."""
    rows = visible(scope.viewer)
    return rows if scope.team is None else rows.filter(team=scope.team)


def _stood(window: Window, then: Then, scope: Scope) -> tuple[Iterable[_Stood], Iterable[_Stood]]:
    """The items that may have been due in a period, and those that may have been owed at its end."""
    edited = Q(pk__in=then.edited_items("due_at"))
    in_period = Q(due_at__gte=window.starts_at, due_at__lt=window.as_of) | edited
    owed = Q(due_at__lt=window.as_of) & ~Q(first_verified_at__lte=F("due_at")) | edited
    every, unfinished = within(scope), Q(state__in=items.UNFINISHED)
    if not window.is_past:
        return _read(every.filter(in_period)), _read(every.filter(owed, unfinished))
    # Whoever has not moved since stands where they stood.
    moves = ItemTransition.objects.filter(at__gte=window.as_of).order_by()
    before = _state_before(window.as_of)
    if moves[:_FEW_MOVES].count() < _FEW_MOVES:
        # Few enough to hold and to look up one by one; PostgreSQL would read all items for them.
        moved = set(moves.values_list("item", flat=True).distinct())
        due = _read(every.filter(in_period), but=moved)
        still = _read(every.filter(owed, unfinished), but=moved)
        others = _read(every.filter(in_period | owed, AnyOf(F("pk"), sorted(moved))), state=before)
    else:
        has_moved = Exists(moves.filter(item=OuterRef("pk")))
        due = _read(every.filter(in_period, ~has_moved))
        still = _read(every.filter(owed, unfinished, ~has_moved))
        others = _read(every.filter(in_period | owed, pk__in=moves.values("item")), state=before)
    # One that moves at this moment is in both.
    return _by_key(due, others), _by_key(still, others)


def _by_key(*lists: Iterable[_Stood]) -> Iterable[_Stood]:
    return {one.pk: one for listed in lists for one in listed}.values()


def _read(
    rows: QuerySet[RemediationItem], *, state: Combinable = _PRESENT, but: Collection[int] = ()
) -> list[_Stood]:
    columns = rows.annotate(then=state, restricted=is_restricted()).order_by().values_list(
        "pk", "public_id", "severity", "service", "team", "category", "due_at", "agreed_at",
        "first_verified_at", "then", "restricted",
    )  # fmt: skip
    return [_Stood._make(row) for row in columns if row[0] not in but]


def _due(rows: Iterable[_Stood], window: Window, then: Then) -> list[DueItem]:
    """The items whose deadline, as it stood when the period was judged, lies in it."""
    found = []
    for one in rows:
        was_due = then.due_at(one.pk, one.due_at)
        if not window.starts_at <= was_due < window.as_of:
            continue
        severity, service, team, category = then.labels(
            one.pk, one.severity, one.service, one.team, one.category
        )
        verified_at = _until(one.first_verified_at, window.as_of)
        found.append(
            DueItem(
                one.public_id, severity, service, team, was_due, verified_at, one.state, one.is_restricted,
                category,
            )
        )  # fmt: skip
    return sorted(found, key=attrgetter("due_at", "public_id"))


def _overdue(rows: Iterable[_Stood], window: Window, then: Then) -> list[OverdueItem]:
    """The items past their deadline when the period was judged that were not kept and not settled then."""
    # As ITEM_OVERDUE in `policy`: kept in time once is kept; verified late is settled while it holds.
    as_of = window.as_of
    found = []
    for one in rows:
        was_due = then.due_at(one.pk, one.due_at)
        is_kept = one.first_verified_at is not None and one.first_verified_at <= was_due
        if was_due >= as_of or one.agreed_at >= as_of or is_kept or one.state in SETTLED:
            continue
        severity, service, team, category = then.labels(
            one.pk, one.severity, one.service, one.team, one.category
        )
        found.append(
            OverdueItem(
                one.public_id, severity, service, team, was_due, one.state, (as_of - was_due).days,
                one.is_restricted, category,
            )
        )  # fmt: skip
    return sorted(found, key=attrgetter("due_at", "public_id"))


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


def _agreed(window: Window, then: Then, scope: Scope) -> list[AgreedItem]:
    rows = (
        within(scope)
        .filter(agreed_at__gte=window.starts_at, agreed_at__lt=window.as_of)
        .annotate(restricted=is_restricted())
        .order_by()
        .values_list(
            "pk", "public_id", "severity", "service", "team", "category", "agreed_at", "origin", "restricted"
        )
    )
    found = [
        AgreedItem(
            public_id,
            *then.labels(pk, severity, service, team, category),
            agreed_at,
            then.of_item(pk, "origin", origin),
            hidden,
        )
        for pk, public_id, severity, service, team, category, agreed_at, origin, hidden in rows
    ]
    return sorted(found, key=attrgetter("agreed_at", "public_id"))


def is_restricted(way: str = "review") -> Exists:
    """Whether an item comes from the review of a restricted incident; `way` leads to that review."""
    return Exists(Incident.objects.filter(review=OuterRef(way), is_restricted=True))


def _state_before(moment: datetime) -> Combinable:
    moves = ItemTransition.objects.filter(item=OuterRef("pk"), at__lt=moment).order_by("-at", "-id")
    return Coalesce(Subquery(moves.values("to_state")[:1]), Value(RemediationItem.State.OPEN.value))


def _until(moment: datetime | None, as_of: datetime) -> datetime | None:
    return moment if moment is not None and moment < as_of else None
