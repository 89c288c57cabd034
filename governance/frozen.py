"""Rows as they are frozen in a report, and what of them a reader may see today."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from accounts.models import User
from governance import records
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
    UsedWaiver,
    WentOut,
)
from governance.models import GovernanceReport
from postmortem import access

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
    "waivers": UsedWaiver,
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
    kept = _kept(rows, records.visible(_named_in(rows), viewer=viewer))
    return Seen(kept, _size(rows) - _size(kept))


def _named_in(rows: Rows) -> Iterator[str]:
    """The public ids of all records that rows are about, or name."""
    about: Sequence[Sequence[Any]] = (
        rows.due, rows.overdue, rows.agreed, rows.exams, rows.resolved, rows.left_out, rows.causes,
        rows.waivers,
    )  # fmt: skip
    yield from (row.public_id for listed in about for row in listed)
    for cause in rows.causes:
        yield from cause.repeats
    for quarter in rows.quarters:
        for pair in quarter.repeats:
            yield from pair
    for leader in rows.leaders:
        yield from (*leader.led, *leader.too_narrow)


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
        waivers=[row for row in rows.waivers if row.public_id in visible],
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
