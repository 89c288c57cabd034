"""Rows as they are frozen in a report, and what of them a reader may see today."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from django.db.models import F, QuerySet

from accounts.models import User
from governance.lookups import AnyOf
from governance.metrics import (
    AgreedItem,
    DueItem,
    ExamPlace,
    GateQuestion,
    HealedRun,
    Leader,
    OverdueItem,
    PrimaryCause,
    Quarter,
    ResolvedIncident,
    Rows,
    Stated,
    WentOut,
)
from governance.models import GovernanceReport
from postmortem import access
from remediation import items

Json = dict[str, Any]

_KINDS: Mapping[str, type] = {
    "due": DueItem,
    "resolved": ResolvedIncident,
    "overdue": OverdueItem,
    "left_out": ResolvedIncident,
    "agreed": AgreedItem,
    "causes": PrimaryCause,
    "quarters": Quarter,
    "gate": GateQuestion,
    "exams": ExamPlace,
    "leaders": Leader,
    "deploys": WentOut,
    "healed": HealedRun,
    "idle": Stated,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader may see of some rows; `hidden` says how many are kept from them."""

    rows: Rows
    hidden: int


@dataclass(frozen=True, slots=True)
class Names:
    """What records are called, as far as a reader may see them.

    Attributes:
        titles: public id -> title, of items, incidents and reviews.
        owners: public id -> name of the owner, of items.
    """

    titles: Mapping[str, str]
    owners: Mapping[str, str]


def as_json(rows: Rows) -> Json:
    """The rows as plain values, moments as ISO 8601 with their offset."""
    return {field.name: [_plain(row) for row in getattr(rows, field.name)] for field in fields(rows)}


def from_json(frozen: Json) -> Rows:
    """The rows again; a list that a report from before it was thought of lacks is empty."""
    return Rows(**{name: [_row(kind, row) for row in frozen.get(name, ())] for name, kind in _KINDS.items()})


def canonical(report: GovernanceReport) -> bytes:
    """What a published report says, as the bytes that are hashed: JSON, keys in order, no spaces, UTF-8."""
    content = {
        "month": report.month.isoformat(),
        "figures": report.figures,
        "rows": report.rows,
        "policy_version": report.policy_version,
    }
    return _bytes(content)


def written(month: date, figures: Json, rows: Rows, policy_version: str) -> bytes:
    """What a reader who may not see everything, or sees a draft, gets in the same form as `canonical`."""
    content = {
        "month": month.isoformat(),
        "figures": figures,
        "rows": as_json(rows),
        "policy_version": policy_version,
    }
    return _bytes(content)


def content_hash(report: GovernanceReport) -> str:
    """SHA-256, in hex, over the canonical JSON of what a published report says."""
    return hashlib.sha256(canonical(report)).hexdigest()


def seen(rows: Rows, *, viewer: User) -> Seen:
    """The rows that a reader may see today, whatever could be seen when they were frozen."""
    if access.sees_everything(viewer):
        return Seen(rows, 0)
    some: Sequence[Sequence[Any]] = (rows.due, rows.overdue, rows.agreed, rows.exams)
    of_items = {row.public_id for listed in some for row in listed}
    of_incidents = {row.public_id for row in (*rows.resolved, *rows.left_out)}
    of_reviews = {row.public_id for row in rows.causes} | {
        name
        for names in (
            *(row.repeats for row in rows.causes),
            *(pair for row in rows.quarters for pair in row.repeats),
            *((*row.led, *row.too_narrow) for row in rows.leaders),
        )
        for name in names
    }
    visible: set[str] = set()
    for records, ids in (
        (items.visible_to(viewer), of_items),
        (access.incidents(viewer), of_incidents),
        (access.reviews(viewer), of_reviews),
    ):
        if ids:
            visible.update(_among(records, ids).values_list("public_id", flat=True))
    kept = _kept(rows, visible)
    return Seen(kept, _size(rows) - _size(kept))


def names(public_ids: Iterable[str], *, viewer: User) -> Names:
    """The titles of these records, and who owns the items among them; a constant number of statements."""
    by_prefix: dict[str, set[str]] = {}
    for public_id in public_ids:
        by_prefix.setdefault(public_id.partition("-")[0], set()).add(public_id)
    titles: dict[str, str] = {}
    owners: dict[str, str] = {}
    if ids := by_prefix.get("RI"):
        named = _among(items.visible_to(viewer), ids)
        for public_id, title, name, email in named.values_list(
            "public_id", "title", "owner__name", "owner__email"
        ):
            titles[public_id], owners[public_id] = title, name or email
    for prefix, records in (("INC", access.incidents(viewer)), ("PM", access.reviews(viewer))):
        if ids := by_prefix.get(prefix):
            titles |= dict(_among(records, ids).values_list("public_id", "title"))
    return Names(titles, owners)


def _among(records: QuerySet[Any], public_ids: Collection[str]) -> QuerySet[Any]:
    return records.filter(AnyOf(F("public_id"), sorted(public_ids)))


def _kept(rows: Rows, visible: Collection[str]) -> Rows:
    def named(some: Sequence[Any]) -> list[Any]:
        return [row for row in some if row.public_id in visible]

    def known(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name in visible)

    return Rows(
        due=named(rows.due),
        resolved=named(rows.resolved),
        overdue=named(rows.overdue),
        left_out=named(rows.left_out),
        agreed=named(rows.agreed),
        causes=[row._replace(repeats=known(row.repeats)) for row in named(rows.causes)],
        quarters=[
            row._replace(repeats=tuple(pair for pair in row.repeats if all(name in visible for name in pair)))
            for row in rows.quarters
        ],
        gate=list(rows.gate),
        exams=named(rows.exams),
        leaders=[row._replace(led=known(row.led), too_narrow=known(row.too_narrow)) for row in rows.leaders],
        # What programs report of themselves is no secret; a run for an incident is part of that incident.
        deploys=list(rows.deploys),
        healed=list(rows.healed),
        idle=list(rows.idle),
    )


def _bytes(content: Json) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _size(rows: Rows) -> int:
    return sum(len(getattr(rows, field.name)) for field in fields(rows))


def _plain(row: Any) -> Json:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in row._asdict().items()
    }


def _row(kind: type, row: Json) -> Any:
    return kind(**{key: _value(key, value) for key, value in row.items()})


def _value(key: str, value: Any) -> Any:
    if key.endswith("_at") and value is not None:
        return datetime.fromisoformat(value)
    return _tuples(value) if isinstance(value, list) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
