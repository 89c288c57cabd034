"""What published months would say by now: the report keeps its bytes, and what came since is a line added."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from governance import cohorts, frozen, periods, records
from governance.metrics import CATALOGUE, Counted, Rows
from governance.models import GovernanceReport, ReportCorrection
from governance.reports import Report
from postmortem import trail

# Older months are history: looking at them again each night would cost more than it tells.
MONTHS = 24

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A correction as one reader may see it.

    Attributes:
        was, now: the figure as published and as it came out when this was noticed; None for a reader who may
            not see everything, for both count what is hidden.
        added, removed, changed: public ids, or what else names a row.
    """

    figure: str
    noticed_at: datetime
    was: Json | None
    now: Json | None
    added: Sequence[str]
    removed: Sequence[str]
    changed: Sequence[str]


def look(*, now: datetime) -> list[ReportCorrection]:
    """Compute the figures of published months anew and write a line for each that comes out differently.

    What was noticed before is no news; what went back to what was published is.
    """
    months = GovernanceReport.objects.order_by("-month").values_list("pk", flat=True)[:MONTHS]
    return [line for pk in list(months) for line in _look_at(pk, now)]


def of(report: Report, *, viewer: User) -> list[Line]:
    """The corrections of a report that a reader may see, oldest first.

    A line that names a row which is hidden from them is left out as a whole.
    """
    if report.published is None:
        return []
    rows = list(report.published.corrections.all())
    named = {name for row in rows for names in row.rows.values() for name in names}
    hidden = records.hidden(named, viewer=viewer)
    return [
        Line(
            row.figure,
            row.noticed_at,
            None if report.is_partial else row.was,
            None if report.is_partial else row.now,
            *(row.rows[part] for part in ("added", "removed", "changed")),
        )
        for row in rows
        if not hidden & {name for names in row.rows.values() for name in names}
    ]


def _look_at(pk: int, now: datetime) -> list[ReportCorrection]:
    with trail.act("corrections.look", by=None):
        # Two at once must not write the same line twice.
        report = GovernanceReport.objects.select_for_update().get(pk=pk)
        then = frozen.from_json(report.rows)
        present = cohorts.gather(periods.window(report.month, now=now), viewer=None)
        noticed = {
            line.figure: line.digest for line in ReportCorrection.objects.filter(report=report).order_by("id")
        }
        lines = []
        for key in CATALOGUE.keys() & report.figures.get("all", {}).keys() - _untold(report.rows):
            line = _line(report, key, then, present, noticed.get(key), now)
            if line is not None:
                lines.append(line)
        lines.sort(key=lambda line: line.figure)
        return ReportCorrection.objects.bulk_create(lines)


def _untold(rows: Json) -> set[str]:
    """The figures that a report of old cannot be held against, for its rows say less than they do today."""
    says_changes = all("change_id" in row for row in rows.get("gate", ()))
    return set() if says_changes else {"gate-blocks", "gate-waivers"}


def _line(
    report: GovernanceReport, key: str, then: Rows, present: Rows, noticed: str | None, now: datetime
) -> ReportCorrection | None:
    definition = CATALOGUE[key]
    before, after = definition.rows(then), definition.rows(present)
    digest = _digest(after)
    if digest == (noticed or _digest(before)):
        return None
    was = {name: value for name, value in report.figures["all"][key].items() if name != "by"}
    return ReportCorrection(
        report=report,
        figure=key,
        noticed_at=now,
        was=was,
        now=definition.measure(after).as_json(),
        rows=_difference(before, after),
        digest=digest,
    )


def _difference(before: Sequence[Counted], after: Sequence[Counted]) -> Json:
    old, new = _by_name(before), _by_name(after)
    return {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
    }


def _by_name(rows: Sequence[Counted]) -> Mapping[str, list[Counted]]:
    found: dict[str, list[Counted]] = {}
    for row in rows:
        found.setdefault(row.public_id, []).append(row)
    return found


def _digest(rows: Sequence[Counted]) -> str:
    text = json.dumps([row._asdict() for row in rows], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
