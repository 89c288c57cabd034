"""Pure: a postmortem as Markdown, written for people; `exported.read` makes the same facts and texts of it.

Facts stand in the front matter as JSON texts (which are YAML, too). Texts of people stand between comments
that name their field; the timeline is a table whose cells are escaped. The data is `remediation.dossier`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from postmortem.importing.cells import END_OF_TEXT, LOOKS_LIKE_MARK, cell
from postmortem.importing.exported import (
    FIGURES,
    FORMAT,
    LESSONS,
    MADE_ANEW,
    MILESTONES,
    PARTS,
    STEP_TITLES,
    STEPS,
)
from postmortem.importing.placing import closed


def write(dossier: Mapping[str, Any]) -> str:
    """The Markdown of a postmortem; `exported.read` makes the same facts and texts of it."""
    return "\n".join(_lines(dossier)) + "\n"


def _lines(dossier: Mapping[str, Any]) -> Iterator[str]:
    yield from _front(dossier)
    yield f"# {cell(dossier['title'])}"
    for number, incident in enumerate(dossier["incidents"]):
        yield from _incident(number, incident)
    yield from _timeline(dossier["timeline"])
    for position, (kind, title) in enumerate(zip(STEPS, STEP_TITLES, strict=True), start=1):
        step: Mapping[str, Any] = next((one for one in dossier["steps"] if one["step"] == kind), {})
        yield from ("", f"## {position}. {title}", "")
        yield from _text(f"steps.{kind}.finding", step.get("finding", ""))
        yield from _text(f"steps.{kind}.evidence", step.get("evidence", ""), title="Evidence")
        if step.get("signed_at"):
            yield from ("", f"Signed by {cell(step['signed_by'] or '')}, {step['signed_at']}")
    yield from ("", "## Causes")
    for number, cause in enumerate(dossier["causes"]):
        primary = ", primary" if cause["is_primary"] else ""
        kind = f", class {cause['class']}" if cause.get("class") else ""
        yield from ("", f"### {PARTS[cause['part']]} ({cause['state']}{primary}{kind})", "")
        yield from _text(f"causes.{number}.statement", cause["statement"], part=cause["part"])
        yield from _text(f"causes.{number}.evidence", cause["evidence"], title="Evidence")
        for place, link in enumerate(cause.get("whys", ())):
            yield from _text(f"causes.{number}.whys.{place}.why", link["why"], title=f"Why {place + 1}")
            yield from _text(f"causes.{number}.whys.{place}.evidence", link["evidence"])
    yield from ("", "## Lessons")
    for name, title in LESSONS.items():
        yield from ("", f"### {title}", "")
        yield from _text(f"lessons.{name}", dossier["lessons"][name])
    if dossier["notes"]:
        yield from ("", "## Notes", "")
        yield from _text("notes", dossier["notes"])
    yield from _measurements(dossier.get("measurements", []))
    yield from _changes(dossier.get("changes", []), dossier.get("change_searches", []))
    yield from _files(dossier)
    yield from _declined(dossier.get("lessons_without_item", []))
    yield from _checklist(dossier["checklist"])
    yield from _items(dossier["items"])
    for addendum in dossier["addenda"]:
        head = f"## Addendum, {addendum['added_at']}, {cell(addendum['by'])}"
        yield from ("", head, "", closed(addendum["text"]))


def _front(dossier: Mapping[str, Any]) -> Iterator[str]:
    first = dossier["incidents"][0] if dossier["incidents"] else {}
    facts = {
        "closeloop": FORMAT,
        **{name: dossier[name] for name in ("id", "title", "state", "owner", "facilitator", "archived_at")},
        "content_hash": dossier["content_hash"],
        "incident": first.get("id", ""),
        "severity": first.get("severity", ""),
        "services": {one["service"]: one["part"] for one in first.get("services", [])},
        **{name: first.get(name) for name in (*MILESTONES, *FIGURES)},
    }
    yield "---"
    yield from (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items())
    yield from ("---", "")


def _incident(number: int, incident: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"## {incident['id']} · {cell(incident['title'])}", "")
    facts = {"Severity": incident["severity"]}
    facts["Services"] = ", ".join(f"{one['service']} ({one['part']})" for one in incident["services"])
    facts |= {name.removesuffix("_at").capitalize(): incident[name] for name in MILESTONES}
    facts |= {name.replace("_", " ").capitalize(): incident[name] for name in FIGURES}
    facts["People"] = ", ".join(f"{one['name']} ({one['role']})" for one in incident["participants"])
    for name, value in facts.items():
        if value not in (None, "", False):
            yield f"- {name}: {cell(str(value))}"
    if incident["summary"]:
        yield ""
        yield from _text(f"incidents.{number}.summary", incident["summary"])


def _timeline(entries: list[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("", "## Timeline", "", "<!-- timeline -->")
    yield from ("| Time | Zone | Who | Kind | What |", "| --- | --- | --- | --- | --- |")
    for one in entries:
        marks = "".join(f", {one[name]}" for name in ("marker", "milestone") if one[name])
        star = ", starred" if one["is_starred"] else ""
        kind = f"{one['kind']}{marks}{star}"
        yield f"| {one['at']} | {one['zone']} | {cell(one['by'])} | {kind} | {cell(one['text'])} |"
    yield "<!-- /timeline -->"


def _measurements(measurements: list[Mapping[str, Any]]) -> Iterator[str]:
    """The figures and what was asked; the points of the curves are in the JSON."""
    if measurements:
        yield from ("", f"## {MADE_ANEW['measurements']}")
    for one in measurements:
        yield from ("", f"### {cell(one['title'])}", "")
        if one["value"] is not None:
            yield f"- Value: {one['value']:g} {cell(one['unit'])}".rstrip()
        yield f"- Window: {one['window_start']} to {one['window_end']}"
        if one["source_name"]:
            yield f"- Source: {cell(one['source_name'])}"
        how = f"Fetched {one['fetched_at']}" if one["fetched_at"] else "Stated"
        yield f"- {how} by {cell(one['added_by'])}"
        if one["promql"]:
            yield from ("", *_fenced(one["promql"], "promql"))


def _changes(changes: list[Mapping[str, Any]], searches: list[Mapping[str, Any]]) -> Iterator[str]:
    if not changes and not searches:
        return
    yield from ("", f"## {MADE_ANEW['changes']}", "")
    if changes:
        yield from ("| Time | Kind | What | Verdict | Reason |", "| --- | --- | --- | --- | --- |")
    for one in changes:
        what = " ".join(cell(part) for part in (one["service"], one["title"], one["url"]) if part)
        judged = f"{one['verdict']} ({cell(one['judged_by'])})" if one["judged_by"] else one["verdict"]
        yield f"| {one['happened_at']} | {one['kind']} | {what} | {judged} | {cell(one['reason'])} |"
    for search in searches:
        yield from ("", f"None found by {cell(search['stated_by'])}; searched: {cell(search['searched'])}")


def _files(dossier: Mapping[str, Any]) -> Iterator[str]:
    holders = [
        *((one["id"], one) for one in dossier["incidents"]),
        *((f"{one['by']}, {one['at']}", one) for one in dossier["timeline"]),
        *((one["step"], one) for one in dossier["steps"]),
    ]
    rows = [(where, file) for where, holder in holders for file in holder.get("files", ())]
    if rows:
        yield from ("", f"## {MADE_ANEW['files']}", "")
        yield from ("| File | Of | Type | Bytes | SHA-256 |", "| --- | --- | --- | --- | --- |")
    for where, file in rows:
        size = f"{file['media_type']} | {file['size_bytes']} | {file['sha256']}"
        yield f"| {cell(file['label'])} | {cell(where)} | {size} |"


def _declined(points: list[Mapping[str, Any]]) -> Iterator[str]:
    if points:
        yield from ("", f"## {MADE_ANEW['declined']}", "")
    for one in points:
        yield f"- {cell(one['text'])}: {cell(one['declined_because'])} ({cell(one['declined_by'])})"


def _fenced(text: str, language: str) -> Iterator[str]:
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    yield from (f"{fence}{language}", text, fence)


def _checklist(entries: list[Mapping[str, Any]]) -> Iterator[str]:
    if not entries:
        return
    yield from ("", f"## {MADE_ANEW['checklist']}")
    for one in entries:
        yield from ("", f"### {cell(one['title'])}", "", *_fenced(one["command"], "sh"), "")
        passes = one["expectation"] or f"every series {one['comparator']} {one['threshold']}"
        pattern = one.get("pattern", "")
        yield f"Passes when: {passes}{': ' if pattern else ''}{cell(pattern)}"


def _items(items: list[Mapping[str, Any]]) -> Iterator[str]:
    if not items:
        return
    yield from (
        "",
        f"## {MADE_ANEW['items']}",
        "",
        "| Item | Owner | Due | State |",
        "| --- | --- | --- | --- |",
    )
    for one in items:
        title = f"{one['id']} {cell(one['title'])}"
        yield f"| {title} | {cell(one['owner'])} | {one['due_at']} | {one['state']} |"


def _text(name: str, text: str, *, title: str = "", **marks: str) -> Iterator[str]:
    """A text between its marks, untouched but for lines that look like a mark."""
    if not text:
        return
    if title:
        yield from ("", f"**{title}**", "")
    body = "\n".join(f"\\{line}" if LOOKS_LIKE_MARK.match(line) else line for line in text.split("\n"))
    whole = closed(body)
    told = "".join(f" {key}={value}" for key, value in marks.items())
    yield f"<!-- text {name}{told}{' fence' if whole != body else ''} -->"
    yield whole
    yield END_OF_TEXT
