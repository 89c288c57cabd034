"""How well the importer reads real documents.

A field counts as right, wrong or empty; wrong is worse than empty. The labelled documents are shown in two
halves (every second one), so that a rule made for one document shows as a difference.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.scores import Table
from postmortem.importing import reader
from postmortem.importing.draft import Draft, Moment

FIELDS = (
    *("title", "start", "end", "duration", "stated duration", "severity"),
    *("entries", "first entry", "last entry", "action items"),
)
_WORD = re.compile(r"[\w]+")


def tables(data: Path) -> Iterator[Table]:
    """Documents, fields against their labels, headings of timelines, and empty templates."""
    drafts: dict[str, Draft] = {}
    failed: list[str] = []
    kept = total = 0
    documents = sorted((data / "postmortems").rglob("*.md"))
    for path in documents:
        source = path.read_text("utf-8", "replace")
        try:
            draft = reader.read(source, filename=path.name)
        except Exception as error:  # noqa: BLE001 (a failure is a figure here)
            failed.append(f"{path.name}: {type(error).__name__} {error}")
            continue
        drafts[str(path.relative_to(data))] = draft
        words = Counter(_WORD.findall(source))
        lost = words - words_of(draft)
        total += sum(words.values())
        kept += sum(words.values()) - sum(lost.values())
    entries = [entry for draft in drafts.values() for entry in draft.entries]
    found, headings = _headings(data, drafts)
    invented, templates = _templates(data)
    rows: list[tuple[object, ...]] = [
        ("documents read", len(drafts), len(documents)),
        ("words kept", kept, total),
        ("timeline headings that became entries", found, headings),
        ("entries with a sure moment", sum(entry.moment.is_sure for entry in entries), len(entries)),
        ("templates without an invented fact", templates - len(invented), templates),
    ]
    missed = [*failed, *(f"facts were invented from {name}" for name in invented)]
    missed += ["words were lost"] * (kept < total)
    yield Table("Importer: documents", ("", "count", "of"), rows, missed)
    yield _labelled(data, drafts)


def words_of(draft: Draft) -> Counter[str]:
    """Every word in the texts of a draft."""
    texts = [one.text for one in (*draft.sections, *draft.rest)]
    texts += [one.heading for one in (*draft.sections, *draft.rest)]
    texts += [f"{one.label} {one.text}" for one in draft.entries]
    texts += [draft.title.value] if draft.title else []
    return Counter(word for text in texts for word in _WORD.findall(text))


def verdicts(label: dict[str, Any], draft: Draft) -> dict[str, str]:
    """Field -> right, wrong, empty, or "" where the label says nothing."""
    title = draft.title.value if draft.title and draft.title.is_sure else None
    start, end = _local(draft.started), _local(draft.ended)
    first, last = (_local(draft.entries[n].moment) if draft.entries else None for n in (0, -1))
    length = _minutes(start, end)
    duration = draft.duration_minutes
    stated = float(duration.value) if duration and duration.is_sure else None
    severity = draft.severity.value if draft.severity else None
    return {
        "title": _same(label["title"], title),
        "start": _same(label["start"], start, is_moment=True),
        "end": _same(label["end"], end, is_moment=True),
        "duration": _same(label["duration_from_start_end_minutes"], length),
        "stated duration": _same(label["duration_stated_minutes"], stated),
        "severity": _same(label["severity_stated"], severity),
        "entries": _among(label["timeline_entries_accept"], len(draft.entries)),
        "first entry": _same(label["first_entry"], first, is_moment=True),
        "last entry": _same(label["last_entry"], last, is_moment=True),
        "action items": _among(label["action_items_accept"], len(draft.actions)),
    }


def _local(moment: Moment | None) -> str | None:
    return moment.local if moment and moment.is_sure else None


def _minutes(start: str | None, end: str | None) -> float | None:
    if not start or not end:
        return None
    return int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() // 60)


def _same(expected: Any, given: Any, *, is_moment: bool = False) -> str:
    if expected is None:
        return "" if given is None else "unlabelled"
    if given is None:
        return "empty"
    if is_moment:
        return "right" if str(given)[: len(expected)] == expected else "wrong"
    return "right" if given == expected else "wrong"


def _among(accepted: list[int], given: int) -> str:
    if given in accepted:
        return "right"
    return "empty" if given == 0 else "wrong"


def _labelled(data: Path, drafts: dict[str, Draft]) -> Table:
    labels = json.loads((data / "labels" / "labels.json").read_text("utf-8"))["documents"]
    rows: list[tuple[object, ...]] = []
    missed: list[str] = []
    halves = [[(label, verdicts(label, drafts[label["file"]])) for label in labels[n::2]] for n in (0, 1)]
    for field in FIELDS:
        row: list[object] = [field]
        for half in halves:
            counts = Counter(found[field] for _label, found in half)
            row += [counts["right"], counts["wrong"], counts["empty"]]
            missed += [
                f"{field} is wrong in {label['file']}" for label, found in half if found[field] == "wrong"
            ]
        rows.append(tuple(row))
    head = (
        "field",
        *(f"{verdict}, {half}" for half in ("even", "odd") for verdict in ("right", "wrong", "empty")),
    )
    return Table("Importer: fields of the labelled documents", head, rows, missed)


def _headings(data: Path, drafts: dict[str, Draft]) -> tuple[int, int]:
    """How many of the timeline headings as written became an entry, and how many there are."""
    documents = json.loads((data / "labels" / "facts_headings.json").read_text("utf-8"))["documents"]
    found = total = 0
    for document in documents:
        said = [re.sub(r"\W+", "", one.label + one.text[:200]) for one in drafts[document["file"]].entries]
        for heading in document["timeline_headings"]:
            total += 1
            found += any(one.startswith(re.sub(r"\W+", "", heading)) for one in said)
    return found, total


def _templates(data: Path) -> tuple[list[str], int]:
    """The templates of which the importer made facts, and how many templates there are."""
    invented: list[str] = []
    paths = sorted((data / "templates").glob("*.md"))
    for path in paths:
        draft = reader.read(path.read_text("utf-8"), filename=path.name)
        facts = (
            draft.title,
            draft.started,
            draft.ended,
            draft.detected,
            draft.severity,
            draft.duration_minutes,
        )
        if any(facts) or draft.entries or draft.actions or draft.causes or draft.services:
            invented.append(path.name)
    return invented, len(paths)
