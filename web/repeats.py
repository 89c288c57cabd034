"""Confirmed recurrences as both postmortems show them, with what was promised in the other one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from accounts.models import User
from postmortem import recurrences
from postmortem.models import Recurrence, RootCause
from remediation import items
from remediation.models import RemediationItem


@dataclass
class Link:
    """A confirmed recurrence as one of its two postmortems shows it: the other one, and what it promised."""

    recurrence: Recurrence
    other: RootCause
    items: list[RemediationItem] = field(default_factory=list)


def links(causes: Sequence[RootCause], user: User) -> dict[int, dict[str, list[Link]]]:
    """By cause: the earlier ones that it "repeats", and the later ones as which it "came_back"."""
    found: dict[int, dict[str, list[Link]]] = {}
    repeats = [
        (one.cause_id, "repeats", Link(one, one.earlier)) for one in recurrences.confirmed(causes, to=user)
    ]
    later = [
        (one.earlier_id, "came_back", Link(one, one.cause)) for one in recurrences.came_back(causes, to=user)
    ]
    promised = _promised([link.other for _pk, _way, link in (*repeats, *later)], user)
    for pk, way, link in (*repeats, *later):
        link.items = promised.get(link.other.pk, [])
        found.setdefault(pk, {}).setdefault(way, []).append(link)
    return found


def _promised(causes: Iterable[RootCause], user: User) -> dict[int, list[RemediationItem]]:
    keys = {one.pk for one in causes}
    if not keys:
        return {}
    rows = items.visible_to(user).filter(causes__in=keys).select_related("owner").order_by("due_at", "id")
    found: dict[int, list[RemediationItem]] = {}
    for row in rows.distinct().prefetch_related("causes"):
        for cause in row.causes.all():
            found.setdefault(cause.pk, []).append(row)
    return found
