"""Which items a list shows: the same conditions for pages, board, exports and API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
)

from postmortem import searching, sla
from postmortem.selecting import any_of, are_many
from remediation.items.locking import UNFINISHED
from remediation.models import RemediationItem, WontDoRequest
from remediation.models.items import ITEM_WORDS

# Beside the states themselves.
ACTIVE, ALL = "active", "all"
FLAGS = ("overdue", "at_risk", "ownerless", "asked")

_PROMISED = ExpressionWrapper(F("due_at") - F("agreed_at"), output_field=DurationField())
_KEPT = Q(first_verified_at__isnull=False, first_verified_at__lte=F("due_at"))


def late(now: datetime) -> Q:
    """Items whose deadline passed, that were not verified in time and still want to be."""
    return Q(due_at__lt=now, state__in=UNFINISHED) & ~_KEPT


def narrowed(rows: QuerySet[RemediationItem], *, now: datetime, **filters: Any) -> QuerySet[RemediationItem]:
    """What filters leave of some items; a filter without a value leaves all.

    Args:
        filters: q (words or an id), state (one, `ACTIVE` or `ALL`), owner (id), team, service (slugs),
            review (public id), severity (code), kind, category, origin; and `FLAGS`, each true or false:
            overdue, at risk (four fifths of the time are used up), ownerless, asked not to be done.
    """
    for name, value in filters.items():
        if name == "q":
            rows = _holding(rows, value) if value else rows
        elif name in FLAGS:
            if value is not None and value != "":
                rows = _flagged(rows, name, is_wanted=bool(value), now=now)
        elif value:
            rows = rows.filter(_CONDITIONS[name](value))
    return rows


def _by_state(state: str) -> Q:
    if state == ALL:
        return Q()
    return Q(state__in=UNFINISHED) if state == ACTIVE else Q(state=state)


_CONDITIONS: dict[str, Callable[[Any], Q]] = {
    "state": _by_state,
    "owner": lambda pk: Q(owner=int(pk)),
    "team": lambda slug: Q(team__slug=slug),
    "service": lambda slug: Q(service__slug=slug),
    "severity": lambda code: Q(severity__code=code),
    "review": lambda public_id: Q(review__public_id=public_id),
    "kind": lambda kind: Q(kind=kind),
    "category": lambda category: Q(category=category),
    "origin": lambda origin: Q(origin=origin),
}


def _flagged(
    rows: QuerySet[RemediationItem], name: str, *, is_wanted: bool, now: datetime
) -> QuerySet[RemediationItem]:
    if name == "at_risk":
        # As `sla.standing`: the promised time beyond its first four fifths.
        left = _PROMISED * Value(1 - sla.AT_RISK_SHARE)
        rows = rows.alias(risk_at=ExpressionWrapper(F("due_at") - left, output_field=DateTimeField()))
        condition = Q(risk_at__lte=now, due_at__gte=now, state__in=UNFINISHED) & Q(first_verified_at=None)
    elif name == "overdue":
        condition = late(now)
    elif name == "ownerless":
        condition = Q(owner__is_active=False, state__in=UNFINISHED)
    else:
        open_ones = WontDoRequest.objects.filter(item=OuterRef("pk"), answer="")
        condition = Q(Exists(open_ones))
    return rows.filter(condition if is_wanted else ~condition)


def _holding(rows: QuerySet[RemediationItem], text: str) -> QuerySet[RemediationItem]:
    """Those whose id or words hold all that was typed; the last word may be a beginning."""
    terms = searching.query(text)
    if not terms:
        return rows.none()
    matches = searching.Matches(ITEM_WORDS, terms)
    found = RemediationItem.objects.filter(matches)
    # Of many, each item is asked in turn until a page is full; few are gathered first.
    return rows.filter(matches if are_many(found) else any_of(found.values("pk")))
