"""Pure: dates, times and zones at the beginning of a label, as people write them in English and Chinese.

Nothing is completed here: what a label does not say stays None. `chronology` knows the neighbours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from postmortem.importing import zones

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july",
         "aug august", "sep sept september", "oct october", "nov november", "dec december"), 1
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WIDE = str.maketrans("：（）［］【】，～－／．０１２３４５６７８９", ":()[][],~-/.0123456789")

_NAMED = rf"(?P<name>{_MONTH})\b\.?"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<y>(?:19|20)\d{2})"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<y>(?:19|20)\d{2})\s?年\s?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号]",
        r"(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号]",
        r"(?P<y>(?:19|20)\d{2})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})(?!\d)",
        r"(?P<y>20\d{2})(?P<m>0[1-9]|1[0-2])(?P<d>[0-2]\d|3[01])(?!\d)",
        rf"{_NAMED}\s?{_DAY}(?!\d|:\d|(?:st|nd|rd|th)\b)(?:\s?,?\s?{_YEAR}(?!\d|:))?",
        rf"{_DAY}(?:\s?\.\s?|[ \-/])(?:of )?{_NAMED}(?:[ \-/,]{{1,2}}{_YEAR}(?!\d|:))?",
        r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>(?:19|20)\d{2}|\d{2})(?![\d:])",
        r"(?P<a>\d{1,2})(?P<sep>[-/])(?P<b>\d{1,2})(?![\d:/-])",
    )
)
_CLOCKS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?(?!\d)(?:\s?(?P<half>a\.m\.|p\.m\.|[ap]m(?![a-z])|(?<=\d)[ap](?![a-z])))?",
        r"(?P<word>上午|下午|晚上|凌晨|中午|早上|傍晚|夜里|夜间|早晨)?\s?(?P<h>\d{1,2})\s?[时点](?:\s?(?P<mi>\d{1,2})\s?分?|(?P<thirty>半)|整)?",
        r"(?P<h>[01]?\d|2[0-3])h(?P<mi>[0-5]\d)(?![\d\w])",
        r"(?P<h>\d{1,2})\s?(?P<half>a\.m\.|p\.m\.|[ap]m(?![a-z]))",
        r"(?P<h>\d{1,2})\.(?P<mi>\d{2})\s?(?P<half>a\.m\.|p\.m\.|[ap]m(?![a-z]))",
        r"(?P<h>[01]\d|2[0-3])(?P<mi>[0-5]\d)(?:\s?h(?:rs?|ours)?\b|(?=\s?(?:UTC|GMT|Z)\b))",
    )
)  # fmt: skip
# "2023-09-18 15.26" is a time because a date stands before it.
_DOTTED = re.compile(r"(?P<h>[01]\d|2[0-3])\.(?P<mi>[0-5]\d)(?![\d.%\w])")
_WORDED = re.compile(r"(?P<word>上午|下午|晚上|凌晨|中午|早上|傍晚|夜里|夜间|早晨)\s?")
_PLACEHOLDER = re.compile(
    r"(?:\d?[x?]{1,2}\s?:\s?[x?\d]{2}|\?{2,}(?:\s?:\s?\?{2})?|-{2}\s?:\s?-{2}|_{2,}\s?:\s?_{2,}"
    r"|[hx]{1,2}:m{1,2}(?::s{1,2})?|(?:y{4}|x{4})[-/.年](?:mm|m|xx)[-/.月](?:dd|d|xx)日?"
    r"|(?:date and time|date/time|time|timestamp|date|tbd|tba|n/a)(?=\s*[\])}>])|待定|待补充|未知|某时)",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"[\s\[({<*_~≈`>,|]+|(?:ca\.?|circa|around|about|approximately|approx\.?|between|from|at|on|by|约|大约|大概|于|在|自|从|t(?=\d))(?![a-z])"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b[.,]?|(?:星期|周|礼拜)[一二三四五六日天]",
    re.IGNORECASE,
)
_APPROXIMATE = re.compile(
    r"~|≈|\?|\b(?:ca|circa|around|about|approx\w*|maybe|probably)\b|约|大约|大概|左右", re.IGNORECASE
)
_TO = re.compile(r"\s*(?:-{1,2}|–|—|~|to|until|till|and|→|->|至|到)\s*", re.IGNORECASE)
_CLOSING = re.compile(r"[\])}*_`]+")
_CLOSERS = re.compile(r"[\])}>*_`]+|左右|前后|许|\s")
_STATUS = re.compile(
    r"\W{0,6}(?:update|resolved|monitoring|identified|investigating|posted|completed|更新|解决)",
    re.IGNORECASE,
)
# "2020-05-31 14:09 Update 3": the word may stand behind the moment.
_DATED_STATUS = re.compile(
    r"\W{0,6}(?:19|20)\d{2}([-/.])\d{1,2}\1\d{1,2}(?:[ T]+\d{1,2}:\d{2}(?::\d{2})?)?[\s*_:：–—-]{1,4}"
    r"(?:update|resolved|monitoring|identified|investigating|更新|补充|解决)",
    re.IGNORECASE,
)
_PREFIX = re.compile(
    r"\W{0,6}(?:\[?(?:update|resolved|monitoring|identified|investigating|posted|scheduled|completed|更新|解决)"
    r"(?:\s?\d{1,2})?\]?)?[\s*_:\-–—|]{0,6}",
    re.IGNORECASE,
)
# A label is looked for within so many characters.
LONGEST = 160


@dataclass(frozen=True)
class Day:
    """A date as written; `year` or the order of day and month may be missing.

    Attributes:
        pair: the two numbers of "03/04" when either may be the month; `month` and `day` are 0 then.
    """

    year: int | None
    month: int
    day: int
    pair: tuple[int, int] | None = None


@dataclass(frozen=True)
class Clock:
    hour: int
    minute: int
    second: int | None = None
    # "2:54 PM" and "14:54" say which half of the day is meant, and so does a leading zero or a zero hour.
    is_twelve: bool = False
    is_contradictory: bool = False

    @property
    def text(self) -> str:
        seconds = "" if self.second is None else f":{self.second:02d}"
        return f"{self.hour:02d}:{self.minute:02d}{seconds}"

    @property
    def seconds(self) -> int:
        return self.hour * 3600 + self.minute * 60 + (self.second or 0)


@dataclass(frozen=True)
class Label:
    """What stands at the beginning of a text: a day, a clock time, both, or a place left for them.

    Attributes:
        length: how many characters it takes, closing brackets and separators included.
        until: the second clock time of a range.
        until_day: the second day of a range.
    """

    length: int
    day: Day | None = None
    clock: Clock | None = None
    until: Clock | None = None
    until_day: Day | None = None
    zone: str = ""
    is_placeholder: bool = False
    is_approximate: bool = False

    @property
    def is_timed(self) -> bool:
        return self.clock is not None or self.is_placeholder


def label_of(text: str) -> Label | None:
    """The label a text begins with, or None.

    >>> label_of("[12-05 16:21] introduced").clock.text
    '16:21'
    """
    head = text[:LONGEST].translate(_WIDE)
    begin = _PREFIX.match(head)
    at = begin.end() if begin and begin.end() else 0
    found = _scan(head, at)
    if found is None and at:
        found = _scan(head, 0)
    return found


def has_status(text: str) -> bool:
    """Whether a text begins as a notice on a status page does: "Resolved - Jan 5, 16:40 UTC"."""
    return bool(_STATUS.match(text[:40]) or _DATED_STATUS.match(text[:60]))


def _scan(head: str, at: int) -> Label | None:
    label = Label(0)
    first = at
    while at < len(head):
        step = _step(head, at, label)
        if step is None:
            break
        at, label = step
    if label.day is None and label.clock is None and not label.is_placeholder:
        return None
    at = _past_closers(head, at)
    said = head[first:at]
    rest = head[at:]
    return replace(
        label,
        length=_past_separator(head, at),
        is_approximate=bool(_APPROXIMATE.search(said))
        or bool(re.match(r"\s?\((?:maybe|approx|~|about)", rest)),
    )


def _step(head: str, at: int, label: Label) -> tuple[int, Label] | None:
    """One more piece of the label from `at` on: (where it ends, the label with it)."""
    if placeholder := _PLACEHOLDER.match(head, at):
        is_first = label.clock is None
        return (placeholder.end(), replace(label, is_placeholder=True)) if is_first else None
    if (date := day_at(head, at)) and not _is_clock_first(head, at):
        if label.day is None:
            return date[1], replace(label, day=date[0])
        return (date[1], replace(label, until_day=date[0])) if label.until_day is None else None
    if clock := clock_at(head, at):
        if label.clock is None:
            return clock[1], replace(label, clock=clock[0])
        if label.until is not None:
            return None
        return clock[1], replace(label, clock=_with_half(label.clock, clock[0]), until=clock[0])
    if label.day is not None and label.clock is None and (dotted := _DOTTED.match(head, at)):
        return dotted.end(), replace(label, clock=Clock(int(dotted["h"]), int(dotted["mi"])))
    if (label.clock or label.day) and (more := _zone_or_range(head, at, label)):
        return more
    if filler := _FILLER.match(head, at):
        return filler.end(), label
    closers = _CLOSING.match(head, at)
    return (closers.end(), label) if closers and _continues(head, closers.end()) else None


def _zone_or_range(head: str, at: int, label: Label) -> tuple[int, Label] | None:
    if (zone := zones.TOKEN.match(head, at)) and _is_zone(zone, label):
        return zone.end(), label if label.zone else replace(label, zone=zone[0])
    span = _TO.match(head, at)
    if not span:
        return None
    after = span.end()
    seconds = re.match(r"(\d{2})(?!\d|:)", head[after:])
    if label.clock and label.clock.second is not None and seconds and label.until is None:
        # "16:05:57-58": the seconds of the end.
        return after + 2, replace(label, until=replace(label.clock, second=int(seconds[1])))
    return (after, label) if clock_at(head, after) or day_at(head, after) else None


def _continues(head: str, at: int) -> bool:
    """Whether more of a label follows a closing bracket: "[2018-01-02] 10:00"."""
    while (filler := _FILLER.match(head, at)) and filler.end() > at:
        at = filler.end()
    return bool(clock_at(head, at) or _PLACEHOLDER.match(head, at))


def _is_clock_first(head: str, at: int) -> bool:
    """Whether what looks like a date is a clock time: "10.30 PM"."""
    return bool(re.match(r"\d{1,2}\.\d{2}\s?[ap]\.?m", head[at : at + 12], re.IGNORECASE))


def _is_zone(match: re.Match[str], label: Label) -> bool:
    if match["bare"]:
        return label.clock is not None
    if match["name"]:
        return (
            match[0].isupper() or " " in match[0] or not match[0].isascii() or match[0].lower() == "pacific"
        )
    return True


def _past_closers(head: str, at: int) -> int:
    while (match := _CLOSERS.match(head, at)) and match.end() > at:
        at = match.end()
    return at


def _past_separator(head: str, at: int) -> int:
    match = re.compile(r"\s*(?:[-–—:|,;、。，：]+|\.(?=\s))?\s*[*_]{0,3}\s*").match(head, at)
    return match.end() if match else at


def day_at(text: str, at: int) -> tuple[Day, int] | None:
    """The date at a place of a text, and where it ends."""
    for pattern in _DATES:
        if not (match := pattern.match(text, at)):
            continue
        if at and text[at - 1].isdigit():
            return None
        day = _day(match.groupdict())
        if day is not None:
            return day, match.end()
    return None


def _day(parts: dict[str, str | None]) -> Day | None:
    written = parts.get("y")
    year = int(written) if written else None
    if year is not None and year < 100:
        year += 2000
    if parts.get("a"):
        return _numeric(int(parts["a"] or 0), int(parts["b"] or 0), year, parts.get("sep") == ".")
    named = (parts.get("name") or "").lower()
    month = _MONTHS[named] if named else int(parts.get("m") or 0)
    day = int(parts["d"] or 0)
    return Day(year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _numeric(a: int, b: int, year: int | None, is_dotted: bool) -> Day | None:
    if is_dotted:
        # Dots separate day, month and year, in this order, wherever they are used.
        return Day(year, b, a) if 1 <= b <= 12 and 1 <= a <= 31 and year else None
    if a > 12 >= b >= 1 and a <= 31:
        return Day(year, b, a)
    if b > 12 >= a >= 1 and b <= 31:
        return Day(year, a, b)
    if 1 <= a <= 12 and 1 <= b <= 12:
        return Day(year, a, b) if a == b else Day(year, 0, 0, pair=(a, b))
    return None


def clock_at(text: str, at: int) -> tuple[Clock, int] | None:
    """The clock time at a place of a text, and where it ends."""
    if at and text[at - 1].isdigit():
        return None
    worded = _WORDED.match(text, at)
    start = worded.end() if worded else at
    for pattern in _CLOCKS:
        if match := pattern.match(text, start):
            parts = match.groupdict()
            clock = _clock(parts, worded["word"] if worded else parts.get("word") or "", match[0])
            return (clock, match.end()) if clock else None
    return None


def _clock(parts: dict[str, str | None], word: str, written: str) -> Clock | None:
    hour = int(parts["h"] or 0)
    minute = 30 if parts.get("thirty") else int(parts.get("mi") or 0)
    second = int(parts["s"] or 0) if parts.get("s") else None
    if hour > 24 or minute > 59 or (second or 0) > 59 or (hour == 24 and minute):
        return None
    half = (parts.get("half") or "").lower()[:1]
    if word in {"下午", "晚上", "傍晚", "夜里", "夜间"} or (word == "中午" and hour < 11):
        half = "p"
    elif word in {"上午", "凌晨", "早上", "早晨"}:
        half = "a"
    is_contradictory = (half == "a" and hour > 12) or hour == 24
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    return Clock(hour % 24, minute, second, bool(half), is_contradictory)


def _with_half(first: Clock, second: Clock) -> Clock:
    """In "02:00 and 02:30 PM" nothing says whether the first is in the afternoon too."""
    is_unsure = second.is_twelve and second.hour >= 12 and not first.is_twelve and first.hour < 12
    return replace(first, is_contradictory=True) if is_unsure else first


def days_in(text: str, *, most: int = 40) -> list[tuple[Day, int, int]]:
    """Every date in a text with its place: [(day, start, end)], at most `most` of them."""
    wide = text.translate(_WIDE)
    found: list[tuple[Day, int, int]] = []
    at = 0
    for match in _DATE_BEGIN.finditer(wide):
        if match.start() < at:
            continue
        if (date := day_at(wide, match.start())) and not (date[0].pair and date[0].year is None):
            found.append((date[0], match.start(), date[1]))
            at = date[1]
            if len(found) >= most:
                break
    return found


_DATE_BEGIN = re.compile(
    r"(?<![A-Za-z0-9_./-])(?<!\d:)(?:\d{1,4}(?=\s?[-/.年月])"
    rf"|\d{{1,2}}(?=(?:st|nd|rd|th)?[. ](?:of )?(?:{_MONTH})\b)|(?:{_MONTH})\b)",
    re.IGNORECASE,
)
