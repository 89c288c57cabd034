"""Incidents, reviews and items as figures name them, by public id: who may see them, what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet

from accounts.models import User
from governance.lookups import AnyOf
from postmortem import access
from remediation import items

# Prefix of a public id -> the records of that kind which a person may see.
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
    return {
        name
        for _prefix, rows in _visible(public_ids, viewer)
        for name in rows.values_list("public_id", flat=True)
    }


def hidden(public_ids: Iterable[str], *, viewer: User) -> set[str]:
    """Those that belong to records which a reader may not see; what is no record hides nothing."""
    of_records = {name for name in public_ids if name.partition("-")[0] in _KINDS}
    return of_records - visible(of_records, viewer=viewer)


def _visible(public_ids: Iterable[str], viewer: User) -> Iterable[tuple[str, QuerySet[Any]]]:
    by_prefix: dict[str, set[str]] = {}
    for public_id in public_ids:
        by_prefix.setdefault(public_id.partition("-")[0], set()).add(public_id)
    return [
        (prefix, seen_by(viewer).filter(AnyOf(F("public_id"), sorted(by_prefix[prefix]))))
        for prefix, seen_by in _KINDS.items()
        if prefix in by_prefix
    ]
