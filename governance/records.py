"""Records as figures name them, by public id: who may see them, what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet

from accounts.models import User
from governance.lookups import AnyOf
from governance.models import GateWaiver
from postmortem import access
from remediation import items

# Prefix of a public id -> the records of that kind which a person may see.
_WAIVER = "waiver-"
_KINDS = {"INC": access.incidents, "PM": access.reviews, "RI": items.visible_to}


@dataclass(frozen=True, slots=True)
class Names:
    """What records are called, as far as a reader may see them.

    Attributes:
        titles: public id -> title, of items, incidents and reviews.
        owners: public id -> name of the owner, of items.
    """

    titles: Mapping[str, str]
    owners: Mapping[str, str]


def named(public_ids: Iterable[str], *, viewer: User) -> Names:
    """What these records are called, in at most a statement for each kind; other ids are passed over."""
    titles: dict[str, str] = {}
    owners: dict[str, str] = {}
    for prefix, rows in _visible(public_ids, viewer):
        if prefix == "RI":
            for public_id, title, name, email in rows.values_list(
                "public_id", "title", "owner__name", "owner__email"
            ):
                titles[public_id], owners[public_id] = title, name or email
        else:
            titles |= dict(rows.values_list("public_id", "title"))
    return Names(titles, owners)


def visible(public_ids: Iterable[str], *, viewer: User) -> set[str]:
    """Those of these ids that belong to records which a reader may see. At most a statement for each kind."""
    names = set(public_ids)
    found = {
        name for _prefix, rows in _visible(names, viewer) for name in rows.values_list("public_id", flat=True)
    }
    if any(name.startswith(_WAIVER) for name in names):
        found |= {str(row) for row in waivers_named(names, viewer=viewer)}
    return found


def hidden(public_ids: Iterable[str], *, viewer: User) -> set[str]:
    """Those that belong to records which a reader may not see; what is no record hides nothing."""
    of_records = {name for name in public_ids if name.partition("-")[0] in _KINDS}
    return of_records - visible(of_records, viewer=viewer)


def waivers(viewer: User) -> QuerySet[GateWaiver]:
    """The waivers of the gate that a person may see: their own, and others about nothing hidden from them."""
    rows = GateWaiver.objects.select_related("service", "asked_by", "answered_by", "ended_by", "alone_by")
    if viewer.is_at_least(User.Role.GOVERNOR):
        return rows
    if not viewer.is_active:
        return rows.none()
    return rows.filter(
        Q(object="")
        | Q(asked_by=viewer)
        | Q(object__in=access.incidents(viewer).values("public_id"))
        | Q(object__in=access.reviews(viewer).values("public_id"))
        | Q(object__in=items.visible_to(viewer).values("public_id"))
    )


def waivers_named(public_ids: Iterable[str], *, viewer: User | None) -> QuerySet[GateWaiver]:
    """Those of these that are waivers which a reader may see; for None, the installation itself, all."""
    numbers = [number for name in public_ids if (number := waiver_number(name)) is not None]
    rows = GateWaiver.objects.select_related("service") if viewer is None else waivers(viewer)
    return rows.filter(pk__in=numbers) if numbers else rows.none()


def people(keys: Iterable[int]) -> dict[int, str]:
    """What people are called now, by their keys."""
    wanted = set(keys)
    return {one.pk: str(one) for one in User.objects.filter(pk__in=wanted)} if wanted else {}


def waiver_number(public_id: str) -> int | None:
    """The key of the waiver with such a name as waiver-12; None where it is none."""
    number = public_id.removeprefix(_WAIVER)
    is_number = number != public_id and number.isascii() and number.isdigit() and len(number) < 19
    return int(number) if is_number else None


def _visible(public_ids: Iterable[str], viewer: User) -> Iterable[tuple[str, QuerySet[Any]]]:
    by_prefix: dict[str, set[str]] = {}
    for public_id in public_ids:
        by_prefix.setdefault(public_id.partition("-")[0], set()).add(public_id)
    return [
        (prefix, seen_by(viewer).filter(AnyOf(F("public_id"), sorted(by_prefix[prefix]))))
        for prefix, seen_by in _KINDS.items()
        if prefix in by_prefix
    ]
