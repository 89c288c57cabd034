"""The executable checklist of a review: what a machine can ask again, each with what makes it pass."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, patterns, pipelines, trail, values
from postmortem.causes import open_review
from postmortem.errors import EditConflict, Invalid
from postmortem.models import ChecklistEntry, Review

MAX_ENTRIES = 100
MAX_PROMQL = 10_000

_PART_OF = {
    ChecklistEntry.Kind.COMMAND: ("pipeline", "expectation", "pattern"),
    ChecklistEntry.Kind.PROMQL: ("promql", "comparator", "threshold", "source_name"),
}
_EMPTY: dict[str, Any] = {
    "pipeline": None,
    "expectation": "",
    "pattern": "",
    "promql": "",
    "comparator": "",
    "threshold": None,
    "source_name": "",
}


def add(
    review: Review, *, title: str, by: User, now: datetime, kind: str = "command", **asked: Any
) -> ChecklistEntry:
    """Add something that anybody can ask again to see whether the ground still holds (R6).

    Args:
        kind: "command" or "promql".
        asked: of a command `pipeline` (a list of argument lists, or the line as people write it),
            `expectation` ("match", "no_match", "success") and optionally `pattern`; of a query `promql`,
            `comparator`, `threshold` (every series must satisfy them) and `source_name`.

    Raises:
        Invalid, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    columns = sound(kind=kind, **asked)
    with trail.act("checklists.add", by=by):
        review = open_review(review)
        last = review.checklist.aggregate(last=Max("position"))["last"] or 0
        if review.checklist.count() >= MAX_ENTRIES:
            raise Invalid(_("%(count)d entries are the most.") % {"count": MAX_ENTRIES}, field="title")
        entry = ChecklistEntry(review=review, title=title, position=last + 1, **columns)
        values.check(entry)
        entry.save(force_insert=True)
    return entry


def edit(
    entry: ChecklistEntry,
    *,
    title: str,
    by: User,
    now: datetime,
    version: int,
    kind: str = "command",
    **asked: Any,
) -> ChecklistEntry:
    """Define an entry anew; what was found by the old definition stays in the history of its runs.

    Args:
        version: of the entry as the writer read it; the rest as in `add`.

    Raises:
        EditConflict: somebody saved meanwhile.
        Invalid, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    columns = sound(kind=kind, **asked) | {"title": title}
    with trail.act("checklists.edit", by=by):
        open_review(entry.review)
        entry = ChecklistEntry.objects.select_for_update(of=("self",)).get(pk=entry.pk)
        stored = {name: getattr(entry, name) for name in columns}
        if version != entry.version and columns != stored:
            raise EditConflict(
                _("Somebody saved a newer version meanwhile."),
                details={"mine": columns, "theirs": stored, "version": entry.version},
            )
        if columns != stored:
            values.fill(entry, columns, allowed=frozenset(columns))
            values.check(entry)
            entry.version += 1
            entry.save()
    return entry


def move(entry: ChecklistEntry, *, position: int, by: User, now: datetime) -> ChecklistEntry:
    """Put an entry at another place; the others make room.

    Args:
        position: from 1; beyond the last means last.

    Raises:
        Invalid, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    if not isinstance(position, int) or isinstance(position, bool) or position < 1:
        raise Invalid(_("A whole number from 1 on, please."), field="position")
    with trail.act("checklists.move", by=by):
        review = open_review(entry.review)
        rows = [row for row in review.checklist.order_by("position") if row.pk != entry.pk]
        entry = ChecklistEntry.objects.get(pk=entry.pk)
        rows.insert(position - 1, entry)
        for place, row in enumerate(rows, start=1):
            if row.position != place:
                row.position = place
                row.save(update_fields=["position"])
    return entry


def remove(entry: ChecklistEntry, *, by: User, now: datetime) -> None:
    """Take an entry off the checklist; the trail keeps it, and so do its runs.

    Raises:
        ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("checklists.remove", by=by):
        open_review(entry.review)
        ChecklistEntry.objects.filter(pk=entry.pk).delete()


def sound(*, kind: str, **asked: Any) -> dict[str, Any]:
    """The columns of an entry, once they make sense; those of the other kind are at rest.

    Raises:
        Invalid: `field` names the first one that breaks a rule.
    """
    kind = values.choice(kind, ChecklistEntry.Kind, field="kind")
    if unknown := asked.keys() - _EMPTY.keys():
        raise TypeError(f"unknown fields: {', '.join(sorted(unknown))}")
    given = {name: asked[name] for name in _PART_OF[ChecklistEntry.Kind(kind)] if name in asked}
    columns = _EMPTY | given | {"kind": kind}
    if kind == ChecklistEntry.Kind.COMMAND:
        _check_command(columns)
    else:
        _check_query(columns)
    return columns


def _check_command(columns: dict[str, Any]) -> None:
    pipeline = columns["pipeline"]
    columns["pipeline"] = (
        pipelines.parse(pipeline) if isinstance(pipeline, str) else pipelines.check(pipeline)
    )
    values.choice(columns["expectation"], ChecklistEntry.Expectation, field="expectation")
    pattern = values.text(columns["pattern"], field="pattern", longest=200)
    if columns["expectation"] == ChecklistEntry.Expectation.SUCCESS:
        columns["pattern"] = ""
    elif pattern:
        patterns.check(pattern, field="pattern")


def _check_query(columns: dict[str, Any]) -> None:
    promql = values.text(columns["promql"], field="promql", longest=MAX_PROMQL, is_required=True)
    columns["promql"] = promql.strip()
    values.choice(columns["comparator"], ChecklistEntry.Comparator, field="comparator")
    threshold = columns["threshold"]
    if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not math.isfinite(threshold):
        raise Invalid(_("Give the number to compare with."), field="threshold")
    columns["threshold"] = float(threshold)
    values.text(columns["source_name"], field="source_name", longest=80, is_required=True)
