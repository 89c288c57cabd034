"""Pure: turn a document into a draft: what is understood, how surely, and everything else verbatim."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from postmortem.importing import targets, timeline
from postmortem.importing.actions import actions_in, tables_of_actions
from postmortem.importing.chronology import resolve
from postmortem.importing.context import Found, doubts_of, is_template, known_of, title_of, zone_said
from postmortem.importing.draft import Cause, Draft, DraftEntry, Section
from postmortem.importing.lines import Line, front_pairs, lines_of, normalised
from postmortem.importing.milestones import with_facts
from postmortem.importing.moments import Label, label_of
from postmortem.importing.outline import Part, parts_of
from postmortem.importing.timeline import RawEntry

# A cause is one statement; what is longer stays in the step's text alone.
LONGEST_CAUSE = 1500
_CAUSE_PARTS = {"root_cause": "root", "contributing": "contributing", "change_correlation": "trigger"}


def read(source: str, *, filename: str = "", services: Collection[str] = ()) -> Draft:
    """What a document says. Time and memory grow linearly with its length.

    Args:
        source: Markdown, or anything; every text can be read.
        filename: may hold a date.
        services: the names of the services that exist; others are not found.
    """
    text = normalised(source)
    lines = lines_of(text)
    parts = parts_of(lines)
    front = front_pairs(lines)
    title = title_of(parts, lines, front)
    found = Found()
    for part in parts:
        _read_part(part, lines, text, found)
    if is_template(parts, found, title, text):
        return Draft(rest=(_whole(text),), is_template=True)
    known = known_of(text, title, front, filename, found)
    places = [entry.place for entry in found.entries]
    moments, order = resolve(places, known)
    entries = tuple(
        DraftEntry(moment, raw.label_text, raw.text or raw.label_text, raw.start, raw.end)
        for raw, moment in zip(found.entries, moments, strict=True)
        if not raw.is_context
    )
    draft = Draft(
        title=title,
        zone=zone_said(known, entries),
        entries=entries,
        sections=tuple(found.sections),
        causes=tuple(found.causes),
        actions=tuple(found.actions),
        rest=(*found.rest, *_contexts(found)),
        order=order,
        doubts=doubts_of(found, entries, parts),
    )
    return with_facts(draft, text, known, front, services)


def _whole(text: str) -> Section:
    return Section("", "", text.strip("\n"), 0, len(text))


# --- parts ---------------------------------------------------------------------------------------------


def _read_part(part: Part, lines: list[Line], text: str, found: Found) -> None:
    body = lines[part.first : part.last]
    if part.target not in {"actions", "timeline", "log"} and part.role != "front":
        found.actions += tables_of_actions(body)
    if part.role == "front":
        found.rest.append(_section("front", "", body, text))
    elif part.role == "title":
        found.title_parts += 1
        if found.title_parts > 1 or targets.is_placeholder_title(part.title):
            found.rest.append(
                Section("", part.title, "", lines[part.heading_line].start, lines[part.heading_line].end)
            )
        _intro(body, text, found)
    elif part.role == "intro":
        _intro(body, text, found)
    elif part.role == "entry":
        _entry(part, lines, body, text, found)
    elif part.target == "timeline":
        _timeline(part, lines, body, text, found)
    else:
        _field(part, lines, body, text, found)


def _section(
    target: str, heading: str, body: Sequence[Line], text: str, *, start: int | None = None
) -> Section:
    if not body:
        return Section(target, heading, "", start or 0, start or 0)
    first, last = body[0].start, body[-1].end
    return Section(
        target, heading, text[first:last].strip("\n").rstrip(), first if start is None else start, last
    )


def _intro(body: list[Line], text: str, found: Found) -> None:
    entries, rest = timeline.entries_in(body, is_timeline=False)
    found.entries += entries
    section = _joined("intro", "", rest)
    if section.text:
        found.rest.append(section)


def _joined(target: str, heading: str, lines: Sequence[Line], *, start: int | None = None) -> Section:
    """A section of lines that need not follow one another."""
    if not lines:
        return Section(target, heading, "", start or 0, start or 0)
    said = "\n".join(line.text for line in lines).strip("\n").rstrip()
    return Section(target, heading, said, lines[0].start if start is None else start, lines[-1].end)


def _entry(part: Part, lines: list[Line], body: list[Line], text: str, found: Found) -> None:
    line, label = lines[part.heading_line], part.label
    assert label is not None  # noqa: S101 (an entry has one)
    if label.clock is None and not label.is_placeholder:
        inner, rest = timeline.entries_in(body, is_timeline=True)
        is_bare = not line.title[label.length :].strip(" #:：-–—")
        # The heading names the day of the entries below it, or of the headings that follow.
        if inner or not any(one.text.strip() for one in body):
            context = timeline.lone_date(line, label)
            context.label_text = line.title
            found.entries.append(context)
            found.entries += inner
            if rest and any(one.text.strip() for one in rest):
                found.rest.append(_joined("timeline", "", rest))
            return
        if not is_bare:
            found.entries.append(dated_chapter(line, label))
            found.rest.append(_section("timeline", line.title, body, text, start=line.start))
            return
    found.entries.append(timeline.heading_entry(line, label, body))


def dated_chapter(line: Line, label: Label) -> RawEntry:
    """A dated heading with a text of its own, such as "2024-03-05 Data8 outage": the day of what follows."""
    context = timeline.lone_date(line, label)
    context.label_text = ""
    return context


def _timeline(part: Part, lines: list[Line], body: list[Line], text: str, found: Found) -> None:
    entries, rest = timeline.entries_in(body, is_timeline=True)
    found.entries += entries
    found.timelines += targets.target_of(lines[part.heading_line].title) == "timeline"
    line = lines[part.heading_line]
    if not found.preface or entries:
        found.preface.append((line.title, line.start))
        found.preface += [(one.text, one.start) for one in rest if one.kind in {"text", "pseudo", "inline"}]
    found.rest.append(_joined("timeline", line.title, rest, start=line.start))


def _field(part: Part, lines: list[Line], body: list[Line], text: str, found: Found) -> None:
    line = lines[part.heading_line]
    heading = "" if line.kind == "inline" else line.title
    if (
        part.target == ""
        and (label := label_of(line.title))
        and label.day
        and label.day.year
        and not label.clock
    ):
        # A chapter with a date of its own: the day of the times in it.
        found.entries.append(dated_chapter(line, label))
    if part.target == "actions":
        found.actions += actions_in(body, line.title)
    if part.target in {"", "summary", "phenomenon"}:
        entries, left = timeline.entries_in(body, is_timeline=False)
        if entries:
            found.entries += entries
            body = left
            found.rest.append(_joined("timeline", heading, left, start=line.start))
            return
    own = targets.target_of(line.title)
    target = "root_cause" if part.target == "contributing" else part.target
    section = _section(target, heading, body, text, start=line.start)
    if target in targets.FIELDS:
        if section.text or own == "":
            found.sections.append(section)
        else:
            found.rest.append(section)
        found.causes += _causes(own, line.title, section, body)
    else:
        found.rest.append(replace(section, target="actions" if target == "actions" else ""))


def _causes(own: str, title: str, section: Section, body: list[Line]) -> list[Cause]:
    """The causes a section states: its list, when it is nothing else, or its text, when that is short."""
    part = _CAUSE_PARTS.get(own)
    is_trigger = own == "change_correlation" and re.match(r"trigger|触发", targets.plain(title))
    if part is None or not section.text or (own == "change_correlation" and not is_trigger):
        return []
    if re.search(r"whys?\b|fault|分析|排查|analysis|深入", targets.plain(title)):
        return []
    blocks = [line for line in body if line.kind != "blank"]
    bullets = [line for line in blocks if re.match(r"^[-*+] |^\d+[.)] ", line.text)]
    if (
        bullets
        and blocks[0] is bullets[0]
        and len(bullets) <= 10
        and all(line in bullets or line.indent for line in blocks)
    ):
        edges = [*[line.start for line in bullets], section.end]
        items = [
            (start, section.text[start - body_start(section, body) : end - body_start(section, body)])
            for start, end in pairwise(edges)
        ]
        return [
            Cause(part, re.sub(r"^(?:[-*+]|\d+[.)]) ", "", said).strip(), start, start + len(said))
            for start, said in items
            if 0 < len(said.strip()) <= LONGEST_CAUSE
        ]
    first = re.split(r"\n[ \t]*\n", section.text, maxsplit=1)[0].strip()
    if blocks[0].kind == "inline":
        first = re.sub(r"^(\*\*|__).{2,64}?(?:[:：]\1|\1\s?[:：])\s*", "", first)
    if len(first) > LONGEST_CAUSE or blocks[0].kind not in {"text", "inline"} or first.startswith(("|", ">")):
        return []
    return [Cause(part, first, blocks[0].start, blocks[0].start + len(first))]


def body_start(section: Section, body: list[Line]) -> int:
    """Where the section's text begins in the source."""
    return next((line.start for line in body if line.kind != "blank"), section.start)


def _contexts(found: Found) -> list[Section]:
    """Dates that stood alone: their words are kept although the entries carry them."""
    return [
        Section("timeline", "", raw.label_text, raw.start, raw.end)
        for raw in found.entries
        if raw.is_context and raw.label_text
    ]
