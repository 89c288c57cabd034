"""Pure: the facts of an incident in the head of a document: labelled values and sentences."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import pairwise

from postmortem.importing import vocabulary, zones
from postmortem.importing.chronology import Known, complete
from postmortem.importing.draft import Moment, Said
from postmortem.importing.moments import LONGEST, Clock, Label, days_in, label_of

# Only the head of a document is read for facts: later text tells of other things.
MOST_PROSE = 20_000

_INLINE = re.compile(
    r"^\s{0,8}(?:[-*+]\s+|\d{1,2}[.)]\s+)?[*_]{0,2}([^*_:：|\n]{2,50}?)\s?(?:[*_]{0,2}\s*[:：]\s*[*_]{0,2}|[*_]{2}\s+)(?=\S)(.{1,400})$"
)
# A label and a full date, with nothing between them: "- Resolved 2024-03-05 14:21".
_SPACED = re.compile(
    r"^\s{0,8}(?:[-*+]\s+)?[*_]{0,2}([A-Za-z\u4e00-\u9fff][^*_:：|\d\n]{2,40}?)[*_]{0,2}\s+(?=(?:19|20)\d{2}[-/.年])([^|\n]{8,60})$"
)
_SENTENCE = re.compile(r"[^.!?。！？\n]*(?:[.!?](?!\s|$)[^.!?。！？\n]*)*[.!?。！？\n]?")
_UNIT = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒"), 1 / 60),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分钟", "分"), 1),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "小时", "个小时"), 60),
    **dict.fromkeys(("d", "day", "days", "天"), 1440),
}
_UNITS = "|".join(sorted(_UNIT, key=len, reverse=True))
_LENGTH = re.compile(
    rf"(?<![A-Za-z0-9_.:/-])(\d{{1,5}}(?:\.\d{{1,2}})?)\s?-?({_UNITS})(?![a-z])"
    rf"(?:\s?(?:and |,\s?)?(\d{{1,2}})\s?({_UNITS})(?![a-z]))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Pair:
    """A labelled value: "Severity: P1", a cell beside another, a line of the front matter."""

    name: str
    value: str
    start: int
    end: int
    is_front: bool = False


def labelled(text: str, offset: int) -> list[Pair]:
    """The labelled values in a text that stand on lines of their own or in cells of a table."""
    found: list[Pair] = []
    at = 0
    for line in text[:MOST_PROSE].split("\n"):
        if len(line) <= 600:
            found += _in_line(line, offset + at)
        at += len(line) + 1
    return found


def _in_line(line: str, offset: int) -> list[Pair]:
    if line.count("|") >= 2:
        cells = [
            (cell.strip(" *_`:："), match.start())
            for match in re.finditer(r"[^|]+", line)
            if (cell := match[0])
        ]
        return [
            Pair(name, value, offset + place, offset + place + len(value))
            for (label, _at), (value, place) in pairwise(cells)
            if (name := name_of(label)) and not vocabulary.EMPTY.match(value) and not name_of(value)
        ]
    match = _INLINE.match(line)
    if not match or not (name := name_of(match[1])):
        match = _SPACED.match(line)
        if not match or (name := name_of(match[1])) not in {"started", "detected", "ended"}:
            return []
    if match[1].strip("*_ ").lower() in {"time", "时间"}:
        return []
    value = match[2].strip().strip("*_` ")
    return (
        []
        if vocabulary.EMPTY.match(value)
        else [Pair(name, value, offset + match.start(2), offset + match.end(2))]
    )


def headed(heading: str, text: str, start: int, end: int) -> list[Pair]:
    """The value that a heading labels: the one line below it; of a severity the first line will do."""
    name = name_of(heading)
    line = next((one for one in text.split("\n") if one.strip()), "")
    if not name or not 0 < len(line) <= 200 or (name != "severity" and text.strip("\n") != line):
        return []
    return [Pair(name, line.strip().strip("*_` "), start, end)]


def name_of(label: str) -> str:
    """Which fact a label names, or ""."""
    plain = label.strip().strip("*_`:：# ").lower()
    if not plain or len(plain) > 50:
        return ""
    return next((name for name, pattern in vocabulary.LABELS if pattern.match(plain)), "")


def moment_of(pair: Pair, known: Known) -> Moment | None:
    """The moment of a labelled value; its day may be the document's."""
    label = label_of(pair.value)
    if label is None or label.is_placeholder:
        return None
    return moment(label, known, pair.start, pair.end)


def moment(label: Label, known: Known, start: int, end: int, *, clock: Clock | None = None) -> Moment | None:
    """A label as one moment, its day completed by what is known of the document."""
    doubts: tuple[str, ...] = ()
    day: date | None
    if label.day is not None:
        day, doubts = complete(label.day, known)
    else:
        day = known.said[0] if known.said else known.weak[0] if known.weak else None
        doubts = ("days_disagree",) if len(set(known.said)) > 1 else () if known.said else ("day_of_file",)
    if day is None:
        return Moment("", "", start, end, doubts or ("no_day",))
    zone, zone_doubts = (
        zones.zone_of(label.zone, is_chinese=known.is_chinese) if label.zone else (known.zone, ())
    )
    clock = clock or label.clock
    if clock is None:
        return Moment(day.isoformat(), zone, start, end, (*doubts, "no_time"))
    if clock.is_contradictory:
        doubts = (*doubts, "half_of_day")
    local = datetime.combine(day, time(clock.hour, clock.minute, clock.second or 0))
    token = label.zone or known.zone_token
    if token and not zones.is_in_force(token, zone, local):
        zone_doubts = (*zone_doubts, "zone_not_in_force")
    if label.is_approximate:
        doubts = (*doubts, "approximate")
    text = local.isoformat(timespec="minutes" if clock.second is None else "seconds")
    return Moment(text, zone, start, end, (*doubts, *zone_doubts))


def minutes_in(text: str) -> float | None:
    """A length of time at the beginning of a value: "1h50m" -> 110; None when it is none, or a range."""
    match = _LENGTH.search(text[:80])
    if not match or vocabulary.LOOSE.search(text[: match.end() + 12]) or _is_range(text, match):
        return None
    return _minutes(match)


def _minutes(match: re.Match[str]) -> float:
    total = float(match[1]) * _UNIT[match[2].lower()]
    if match[3]:
        total += float(match[3]) * _UNIT[match[4].lower()]
    return total


def _is_range(text: str, match: re.Match[str]) -> bool:
    return (
        bool(re.search(r"\d\s?(?:-|–|~|to|or|至|到)\s?$", text[: match.start()]))
        or text[match.end() :][:1] == "+"
    )


def duration_in(texts: Sequence[tuple[str, int]]) -> Said | None:
    """How long it lasted, in minutes, when the head says so once and plainly.

    Args:
        texts: (text, offset in the source), the title first.
    """
    found: list[tuple[float, int, int]] = []
    for text, offset in texts:
        for sentence in _SENTENCE.finditer(text[:MOST_PROSE]):
            if not vocabulary.HARM.search(sentence[0]) or len(sentence[0]) > 2000:
                continue
            for match in _LENGTH.finditer(sentence[0]):
                before = sentence[0][max(0, match.start() - 24) : match.start()]
                after = sentence[0][match.end() : match.end() + 14]
                if not (
                    vocabulary.FOR.search(before) or vocabulary.OF_HARM.match(after)
                ) or vocabulary.NO_LENGTH.match(after):
                    continue
                if (
                    vocabulary.LOOSE.search(before)
                    or vocabulary.LOOSE.search(after)
                    or _is_range(sentence[0], match)
                ):
                    continue
                if len(match[2]) == 1 and match[2] not in "hm分天秒":
                    continue
                at = offset + sentence.start()
                found.append((_minutes(match), at + match.start(), at + match.end()))
    values = {value for value, _start, _end in found}
    if not values:
        return None
    value, start, end = found[0]
    doubts = () if len(values) == 1 else ("several_durations",)
    return Said(f"{value:g}", start, end, doubts)


_BETWEEN = re.compile(r"\b(?:between|from)\b|从|自|在", re.IGNORECASE)


def told(text: str, offset: int, known: Known) -> tuple[Moment | None, Moment | None]:
    """The start and end that the prose of a head states: a range of times, or a time with a beginning."""
    started: Moment | None = None
    ended: Moment | None = None
    for sentence in _SENTENCE.finditer(text[:MOST_PROSE]):
        said = sentence[0]
        if len(said) > 1500 or not any(
            one.search(said) for one in (vocabulary.HARM, vocabulary.BEGAN, vocabulary.SYMPTOM)
        ):
            continue
        label, place = _label_in(said, known)
        if label is None or label.clock is None:
            continue
        start, end = offset + sentence.start() + place, offset + sentence.start() + place + label.length
        if (
            label.until is not None
            and _BETWEEN.search(said[: place + label.length])
            and (vocabulary.HARM.search(said) or vocabulary.SYMPTOM.search(said))
        ):
            first = moment(label, known, start, end)
            last = moment(replace_day(label), known, start, end, clock=label.until)
            if started is None and ended is None and first and last:
                started, ended = first, last
        elif (
            label.until is None
            and started is None
            and vocabulary.BEGAN.search(said)
            and label.day is not None
        ):
            started = moment(label, known, start, end)
    return started, ended


def replace_day(label: Label) -> Label:
    """The label of a range's end: its own day where it has one."""
    return replace(label, day=label.until_day or label.day)


_ON = re.compile(
    r"(?:\b(?:on|at|between|from|since|around|approximately)\s|(?<![\d:])(?=\d{4}-\d)|(?=\d{1,4}\s?[年月]))",
    re.IGNORECASE,
)


def _label_in(sentence: str, known: Known) -> tuple[Label | None, int]:
    """The first label with a clock time in a sentence, and where; a day from elsewhere in it is joined."""
    for match in list(_ON.finditer(sentence))[:20]:
        label = label_of(sentence[match.end() : match.end() + LONGEST])
        if label is None or label.clock is None:
            continue
        if label.day is None:
            days = days_in(sentence, most=3)
            if len(days) == 1:
                label = replace(label, day=days[0][0])
        return label, match.end()
    return None, 0


def severity_in(pairs: Sequence[Pair], title: Said | None) -> Said | None:
    """The level that is written down as one: labelled, or in brackets in the title."""
    for pair in pairs:
        if pair.name == "severity" and (match := vocabulary.SEVERITY.match(pair.value)):
            return Said(match[0].strip(), pair.start, pair.start + match.end())
    for pair in pairs:
        levels = {match[0].upper(): match for match in vocabulary.LEVEL.finditer(pair.value)}
        if pair.name == "severity_reason" and len(levels) == 1:
            match = next(iter(levels.values()))
            return Said(match[0].strip(), pair.start + match.start(), pair.start + match.end())
    match = re.search(r"[\[(【](?:p|sev)[ -]?[0-5][\])】]", title.value, re.IGNORECASE) if title else None
    if title and match:
        return Said(match[0][1:-1], title.start, title.end)
    return None


def services_in(
    pairs: Sequence[Pair], heads: Sequence[tuple[str, int]], known_services: Collection[str]
) -> tuple[Said, ...]:
    """Services of the catalogue that are named: sure where a label says so, doubtful in prose."""
    found: dict[str, Said] = {}
    wanted = {name.lower(): name for name in known_services}
    for pair in pairs:
        if pair.name == "services":
            for match in re.finditer(r"[\w.-]+", pair.value):
                if (name := wanted.get(match[0].lower().strip("."))) is not None:
                    found.setdefault(name, Said(name, pair.start + match.start(), pair.start + match.end()))
    for text, offset in heads:
        for match in re.finditer(r"[A-Za-z0-9][\w-]*", text[:MOST_PROSE]):
            if (name := wanted.get(match[0].lower())) is not None:
                place = (offset + match.start(), offset + match.end())
                found.setdefault(name, Said(name, *place, ("named_in_prose",)))
    return tuple(found.values())


def span_of(pair: Pair, known: Known) -> tuple[Moment | None, Moment | None]:
    """The start and end of a labelled value that is a range: "2024-03-05 14:03 to 14:21"."""
    label = label_of(pair.value)
    if label is None or label.clock is None or label.until is None:
        return None, None
    first = moment(label, known, pair.start, pair.end)
    return first, moment(replace_day(label), known, pair.start, pair.end, clock=label.until)
