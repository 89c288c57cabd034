"""Pure: what holds for a document as a whole: title, days, zone, and whether it is a mere form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from postmortem.importing import facts, targets, vocabulary, zones
from postmortem.importing.chronology import Known, complete
from postmortem.importing.draft import Action, Cause, DraftEntry, Said, Section
from postmortem.importing.lines import Line
from postmortem.importing.moments import Day, days_in
from postmortem.importing.outline import Part
from postmortem.importing.timeline import RawEntry

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ZONE_LINE = re.compile(r"\btimes?\b|\btime ?zone\b|时间|时区", re.IGNORECASE)
_PAIR_DATE = re.compile(r"(?<![\d/.-])(\d{1,2})[-/](\d{1,2})(?:[-/]\d{2,4})?(?![\d/-])")
# A text with fewer places to fill in may be one in which somebody forgot them.
MOST_PLACEHOLDERS = 3
_ALL = re.compile(r"\ball\b|\bunless\b|\bevents?\b|\bdates?\b|日期|均为|所有", re.IGNORECASE)


@dataclass
class Found:
    """What reading the parts has gathered so far."""

    sections: list[Section] = field(default_factory=list)
    rest: list[Section] = field(default_factory=list)
    entries: list[RawEntry] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    preface: list[tuple[str, int]] = field(default_factory=list)
    timelines: int = 0
    title_parts: int = 0


def title_of(parts: list[Part], lines: list[Line], front: dict[str, tuple[str, int, int]]) -> Said | None:
    """The first heading that is one, or the title in the front matter."""
    heading = next((part for part in parts if part.role == "title"), None)
    if heading is not None and heading.title and not targets.is_placeholder_title(heading.title):
        line = lines[heading.heading_line]
        plain = (
            re.sub(r"\[([^\]\n]{1,200})\]\([^)\s]{0,500}\)", r"\1", heading.title)
            .replace("**", "")
            .strip("*_` ")
        )
        return Said(plain or heading.title, line.start, line.end)
    if "title" in front and not targets.is_placeholder_title(front["title"][0]):
        return Said(*front["title"])
    return None


def is_template(parts: list[Part], found: Found, title: Said | None, text: str) -> bool:
    """A form with nothing filled in: no title of its own, and not one event with a time but for samples."""
    headings = [part for part in parts if part.role in {"section", "title"}]
    bodies = sum(len(one.text) for one in (*found.sections, *found.rest) if one.target != "front")
    is_bare = len(headings) >= 4 and bodies < 60 * len(headings)
    if title is not None:
        is_generic = vocabulary.GENERIC_TITLE.fullmatch(targets.plain(title.value)) is not None
        is_open = is_bare or len(vocabulary.PLACEHOLDERS.findall(text[:20_000])) >= MOST_PLACEHOLDERS
        return is_generic and is_open and not days_in(text, most=1)
    placeholders = [part for part in headings if targets.is_placeholder_title(part.title)]
    if any(entry.place.label.clock for entry in found.entries):
        # "10:01 Alert fired" below "Incident title": a sample, for nothing happened on any day.
        return bool(placeholders) and not any(day.year for day, _s, _e in days_in(text))
    return bool(placeholders) or (is_bare and not found.actions)


def known_of(
    text: str, title: Said | None, front: dict[str, tuple[str, int, int]], filename: str, found: Found
) -> Known:
    """The days, the zone and the writing of dates that hold for the timeline."""
    is_chinese = len(_CHINESE.findall(text[:4000])) > 40
    token, zone = _stated_zone(text, title, found, is_chinese=is_chinese)
    known = Known(
        weak=tuple(_weak_days(front, filename)),
        pairs_month_first=_month_first(found),
        zone=zone,
        zone_token=token,
        is_chinese=is_chinese,
    )
    said: list[date] = []
    sentences = _sentences(found.preface)
    preface = " ".join(sentences)
    for number, sentence in enumerate(sentences):
        if number == 0 or _ALL.search(sentence):
            said += dates_in(sentence, known)
    default = (
        said[0] if said and re.search(r"unless|otherwise|除非|特别说明", preface, re.IGNORECASE) else None
    )
    if not said:
        said += _labelled_days(front, found, known)
    if title is not None:
        said += dates_in(title.value, replace(known, said=tuple(said)))
    known = replace(known, said=tuple(said), default=default)
    head = _head(found)
    return replace(known, told=tuple(dates_in(head[:6000], known)), said=_agreed(said, known, head))


def _head(found: Found) -> str:
    """What a document says first: its introduction and summary, and the sections before any field."""
    fields = [one.start for one in (*found.sections, *found.rest) if one.target in targets.FIELDS]
    first = min(fields, default=0)
    return "\n".join(
        one.text
        for one in (*found.sections, *found.rest)
        if one.target in {"summary", "intro"} or (one.target == "" and one.start < first)
    )


def _agreed(said: list[date], known: Known, head: str) -> tuple[date, ...]:
    """The days stated, or where only the file has one, that day if the summary names the same."""
    if said:
        return tuple(said[:1])
    told = dates_in(head[:6000], known)
    if known.weak and told and set(told) == {known.weak[0]}:
        return (known.weak[0],)
    # One day alone in the whole head, close to the file's: that is when it happened.
    if len(set(told)) == 1 and (not known.weak or abs((told[0] - known.weak[0]).days) <= 10):
        return (told[0],)
    return ()


def _labelled_days(front: dict[str, tuple[str, int, int]], found: Found, known: Known) -> list[date]:
    """The day that a label at the head names as the incident's."""
    for name in ("incident_date", "date_of_incident", "started_at", "start_time", "故障日期", "故障时间"):
        if name in front and (days := dates_in(front[name][0], known)):
            return days[:1]
    for one in (*found.rest, *found.sections):
        if one.target in {"intro", "", "summary"}:
            for pair in facts.labelled(one.text[:4000], one.start):
                if pair.name in {"date", "started"} and (days := dates_in(pair.value, known)):
                    return days[:1]
    return []


def _sentences(lines: Sequence[tuple[str, int]]) -> list[str]:
    """The heading and preface of a timeline as sentences; they may run over lines."""
    heading, *prose = [line for line, _offset in lines] or [""]
    return [heading, *re.split(r"(?<=[.。!])\s", " ".join(prose)[:4000])]


def dates_in(text: str, known: Known) -> list[date]:
    """The dates in a text that nothing speaks against."""
    found = [complete(day, known) for day, _start, _end in days_in(text)]
    return [day for day, doubts in found if day is not None and not doubts]


def _weak_days(front: dict[str, tuple[str, int, int]], filename: str) -> list[date]:
    days: list[Day] = []
    for name in ("incident_date", "date", "created", "published", "path", "日期"):
        if name in front:
            days += [day for day, _s, _e in days_in(front[name][0], most=1)]
    days += [day for day, _s, _e in days_in(re.split(r"[\\/]", filename)[-1], most=1)]
    found = [complete(day, Known())[0] for day in days if day.year is not None]
    return [day for day in found if day is not None]


def _month_first(found: Found) -> bool | None:
    """Whether labels write month before day, as those of them tell in which one number is above twelve."""
    votes: set[bool] = set()
    for raw in found.entries:
        if (match := _PAIR_DATE.search(raw.label_text)) is not None:
            a, b = int(match[1]), int(match[2])
            if a <= 12 < b <= 31:
                votes.add(True)
            elif b <= 12 < a <= 31:
                votes.add(False)
    return votes.pop() if len(votes) == 1 else None


def _stated_zone(text: str, title: Said | None, found: Found, *, is_chinese: bool) -> tuple[str, str]:
    """The zone that holds for the timeline: (token as written, IANA name); ("", "") when none is stated."""
    for number, said in enumerate(_sentences(found.preface)):
        if (number == 0 or _ZONE_LINE.search(said)) and (zone := zones.find(said, is_chinese=is_chinese)):
            return zone[0], zone[1]
    for line in text[:40_000].split("\n"):
        if re.match(r"[\s(*_>]{0,6}(?:all|note:? all)\s+(?:the\s+)?times\b", line, re.IGNORECASE) and (
            zone := zones.find(line[:300], is_chinese=is_chinese)
        ):
            return zone[0], zone[1]
    return "", ""


def zone_said(known: Known, entries: Sequence[DraftEntry]) -> Said | None:
    """The zone of the document for the person to confirm; None when it names none."""
    if known.zone_token:
        doubts = () if known.zone else zones.zone_of(known.zone_token)[1]
        if any("zone_not_in_force" in entry.moment.doubts for entry in entries):
            doubts = (*doubts, "zone_not_in_force")
        return Said(known.zone, doubts=doubts)
    named = {entry.moment.zone for entry in entries if entry.moment.zone}
    if len(named) == 1:
        return Said(named.pop())
    return Said("", doubts=("several_zones",)) if named else None


def doubts_of(found: Found, entries: Sequence[DraftEntry], parts: list[Part]) -> tuple[str, ...]:
    """Codes of what a reader should know about the document."""
    doubts: list[str] = []
    titles = [part for part in parts if part.role == "section" and part.level <= 2 and part.target == ""]
    dated = {str(day) for part in titles for day, _s, _e in days_in(part.title[:200], most=1)}
    if found.timelines > 1 or (len(dated) > 1 and found.timelines != 1):
        doubts.append("several_incidents")
    if any(not entry.moment.is_sure for entry in entries):
        doubts.append("doubtful_times")
    return tuple(doubts)
