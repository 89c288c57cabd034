"""Pure: an exported postmortem, as `exporting` wrote it, is read back exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from postmortem.importing.cells import END_OF_TEXT, LOOKS_LIKE_MARK, uncell
from postmortem.importing.draft import Action, Cause, Draft, DraftEntry, Moment, Said, Section

FORMAT = 1
MAX_WHYS = 10
STEPS = ("phenomenon", "metric_anomaly", "change_correlation", "root_cause")
STEP_TITLES = ("Phenomenon", "Metric anomaly", "Change correlation", "Root-cause verification")
LESSONS = {
    "went_well": "What went well",
    "went_badly": "What went badly",
    "luck": "Where luck played in",
}
PARTS = {"root": "Root cause", "trigger": "Trigger", "contributing": "Contributing factor"}
# Facts of an incident that an import takes over as they are; milestones are apart.
FIGURES = (
    *(
        "environment",
        "phase",
        "is_drill",
        "impact_minutes",
        "failure_percent",
        "loss_amount",
        "loss_currency",
    ),
    *("loss_is_estimate", "capacity_limit", "capacity_demand"),
)
MILESTONES = ("started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at")
# Parts that an import cannot take over, for they are proven or promised here; it keeps them as shown.
MADE_ANEW = {
    "measurements": "Measurements",
    "changes": "Changes",
    "files": "Evidence files",
    "declined": "Lessons without an item",
    "checklist": "Executable checklist",
    "items": "Remediation items",
}
_BLOCK = re.compile(r"^<!-- text ([a-z0-9_.]+)((?: [a-z]+=[a-z_]+)*)( fence)? -->$")
_ROW = re.compile(
    r"^\| (?P<at>[^|]+) \| (?P<zone>[^|]+) \| (?P<who>.*?) \| (?P<kind>[a-z]+)[^|]* \| (?P<text>.*) \|$"
)


def read(source: str, *, services: Collection[str] = ()) -> Draft | None:
    """The draft of an exported postmortem; None when the document is none.

    What an import makes anew (items, checklist, a second incident) is in the rest, as it is shown.
    """
    front = _front_of(source)
    if front is None:
        return None
    texts, marks, rest = _blocks(source)
    sections = [
        Section(target, "", texts[name], 0, 0)
        for name, target in [
            ("incidents.0.summary", "summary"),
            *((f"steps.{step}.finding", step) for step in STEPS),
            *((f"lessons.{lesson}", lesson) for lesson in LESSONS),
        ]
        if name in texts
    ]
    parts = front["services"] if isinstance(front.get("services"), dict) else {}
    evidence = {step: texts[f"steps.{step}.evidence"] for step in STEPS if f"steps.{step}.evidence" in texts}
    left = "\n\n".join(part for part in (texts.get("notes", ""), rest) if part)
    return Draft(
        title=_said(front.get("title")),
        severity=_said(front.get("severity")),
        started=_moment(front.get("started_at")),
        detected=_moment(front.get("detected_at")),
        ended=_moment(front.get("resolved_at")),
        zone=Said("UTC"),
        services=tuple(Said(name) for name in parts if name in services),
        entries=tuple(_entries(source)),
        sections=tuple(sections),
        causes=tuple(_causes(texts, marks)),
        actions=tuple(_actions(source)),
        rest=(Section("", "", left, 0, len(source)),) if left else (),
        extra={
            "exact": True,
            "parts": {name: str(part) for name, part in parts.items()},
            "evidence": evidence,
            "incident": _figures(front),
        },
    )


def _front_of(source: str) -> dict[str, Any] | None:
    lines = source.split("\n", 80)
    if len(lines) < 3 or lines[0] != "---" or lines[1] != f"closeloop: {FORMAT}":
        return None
    found: dict[str, Any] = {}
    for line in lines[1:]:
        if line == "---":
            return found
        name, _colon, value = line.partition(": ")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return None


def _blocks(source: str) -> tuple[dict[str, str], dict[str, dict[str, str]], str]:
    """The texts by name, their marks by name, and the parts that are made anew, as they are shown."""
    texts: dict[str, str] = {}
    marks: dict[str, dict[str, str]] = {}
    rest: list[str] = []
    lines = source.split("\n")
    at = 0
    is_rest = False
    while at < len(lines):
        match = _BLOCK.match(lines[at])
        if match is None:
            is_rest = _is_rest(lines[at], is_rest)
            if is_rest:
                rest.append(lines[at])
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end] != END_OF_TEXT:
            end += 1
        body = lines[at + 1 : end - bool(match[3])]
        text = "\n".join(map(_unmarked, body))
        if match[1].startswith("incidents.") and match[1] != "incidents.0.summary":
            rest += [text] * is_rest
        else:
            texts.setdefault(match[1], text)
            marks.setdefault(match[1], dict(one.split("=") for one in match[2].split()))
        at = end + 1
    return texts, marks, "\n".join(rest).strip("\n")


def _unmarked(line: str) -> str:
    return line[1:] if line.startswith("\\") and LOOKS_LIKE_MARK.match(line) else line


def _is_rest(line: str, is_rest: bool) -> bool:
    """Whether a line is in a part that the import makes anew; the first incident's is none."""
    if not line.startswith("## "):
        return is_rest
    return line[3:] in MADE_ANEW.values() or line.startswith("## Addendum, ")


def _causes(texts: Mapping[str, str], marks: Mapping[str, Mapping[str, str]]) -> Iterator[Cause]:
    for name, text in texts.items():
        match = re.fullmatch(r"(causes\.\d+)\.statement", name)
        part = marks[name].get("part", "root")
        if match and part in PARTS:
            whys = [
                {"why": texts[f"{why}.why"], "evidence": texts.get(f"{why}.evidence", "")}
                for why in (f"{match[1]}.whys.{place}" for place in range(MAX_WHYS))
                if f"{why}.why" in texts
            ]
            yield Cause(part, text, 0, 0, texts.get(f"{match[1]}.evidence", ""), tuple(whys))


def _entries(source: str) -> Iterator[DraftEntry]:
    _before, mark, table = source.partition("\n<!-- timeline -->\n")
    if not mark:
        return
    start = source.index(table)
    for line in table.split("\n<!-- /timeline -->", 1)[0].split("\n"):
        match = _ROW.match(line)
        if match and match["at"][:1].isdigit():
            moment = Moment(match["at"], match["zone"], start, start + len(line))
            yield DraftEntry(moment, match["at"], uncell(match["text"]), start, start + len(line))
        start += len(line) + 1


def _actions(source: str) -> Iterator[Action]:
    _before, mark, table = source.rpartition("\n## Remediation items\n")
    for line in table.split("\n") if mark else []:
        if line.startswith("| RI-"):
            title = re.split(r"(?<!\\) \| ", line[2:], maxsplit=1)[0]
            yield Action(uncell(title), line.rstrip(" |").endswith("| verified"), 0, 0)


def _said(value: Any) -> Said | None:
    return Said(value) if isinstance(value, str) and value else None


def _moment(value: Any) -> Moment | None:
    if not isinstance(value, str) or not re.match(
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?[+-]\d\d:\d\d$", value
    ):
        return None
    return Moment(value, "UTC")


_KINDS: dict[str, type] = {
    "environment": str,
    "phase": str,
    "loss_currency": str,
    "is_drill": bool,
    "loss_is_estimate": bool,
}


def _figures(front: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of the incident for the act, of the type they should have; the act checks the values."""
    found = {}
    for name in FIGURES:
        value = front.get(name)
        expected = _KINDS.get(name)
        is_right = (
            isinstance(value, expected)
            if expected
            else isinstance(value, str | int) and not isinstance(value, bool)
        )
        if is_right and value not in (None, ""):
            found[name] = value
    for name in ("acknowledged_at", "mitigated_at"):
        if moment := _moment(front.get(name)):
            found[name] = moment.local
    return found
