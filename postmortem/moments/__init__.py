"""Pure: the moments that people write at the beginning of a line: "14:03", "+5m", "昨天下午3点半".

A moment is read only where it can be meant in one way; what can be meant in two ways is refused with the
reason, and what is no moment at all is not guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from postmortem.errors import Invalid
from postmortem.moments.days import CLOCK_SKEW, Around, Reading, calendar, moved
from postmortem.moments.grammar import (
    CLOCK_ALONE,
    DATE_ALONE,
    DATED,
    DAY_WORD,
    END,
    LATER,
    NOW,
    SIGNED,
    SIGNED_ALONE,
    WEEKDAY,
    seconds_of,
    zone_behind,
)

__all__ = ["CLOCK_SKEW", "LONGEST", "Line", "Reading", "parse", "read", "read_line"]

# No moment is written with more letters than this.
LONGEST = 100


def _(message: str) -> str:
    """Marks a text for translation; `Invalid.of` translates it."""
    return message


@dataclass(frozen=True)
class Line:
    """One event as typed: its moment, and the rest of the line.

    Attributes:
        zone: as in `Reading`.
        written: the moment as it was written.
    """

    at: datetime
    zone: str
    written: str
    text: str


# What may stand before a moment, and between it and the words: bullets, brackets, dashes.
_BEFORE = re.compile(r"\s*(?:[-*•·]\s+)?(?:\*\*|[\[(（【「<])?\s*")
_BEHIND = re.compile(r"\s*(?:\*\*|[\])）】」>])?\s*(?:\*\*)?(?:[:：,，;；|、。—–]+|-(?!\d)|-(?=\s))?\s*")
# "14:03-14:09" says how long it went on: that is told as it was written.
_UNTIL = re.compile(r"\s*(?:[-–—~～]|to|until|till|至|到)\s*\d{1,2}[:：]\d{2}(?!\d)", re.IGNORECASE)


def parse(text: str, *, reference: datetime, zone: tzinfo, now: datetime | None = None) -> datetime:
    """The moment that a whole text means, as aware UTC. See `read` for the forms and the arguments.

    Raises:
        Invalid: it is no moment, or one that can be read in two ways. `field` is "happened_at".
    """
    written, _places = _plain(text[:LONGEST].strip())
    around = Around(reference, zone, now or reference)
    try:
        if match := SIGNED_ALONE.match(written):
            seconds = int(match["bare"]) * 60 if match["bare"] else seconds_of(match["spans"])
            return moved(reference, -seconds if match["sign"] == "-" else seconds)
        found = _read(written, around)
    except (ValueError, OverflowError) as error:
        raise Invalid.of(_("There is no such day or time."), field="happened_at") from error
    if found is None or written[found.end :].strip(" .。"):
        raise Invalid.of(
            _("Write a moment such as 14:03, 14:03:20, +5m, yesterday 23:10 or 2026-11-20 14:03."),
            field="happened_at",
        )
    return found.at


def read(text: str, *, reference: datetime, zone: tzinfo, now: datetime) -> Reading | None:
    """The moment at the beginning of a text; None when there is none.

    Forms: "14:03", "14:03:20", "2:03 pm", "下午2点3分"; "+5m", "-90s", "+1h30m", "3 min later", "5分钟后",
    "10 min ago", "now"; "yesterday 23:10", "昨天 23:10", "前天下午3点半"; "Mon 14:03", "周一 14:03", "last
    Friday 14:03", "上周五 23:10"; "2026-11-20 14:03",
    "2026-11-20T14:03:20+08:00", "20 Nov 14:03", "Nov 20, 2026 at 2:03 pm", "11月20日 14:03". A zone may
    follow: "UTC", "+08:00", "Asia/Tokyo", or an abbreviation that means one zone only.

    A clock time without a day means the day that brings it nearest to `reference` without lying in the
    future: with the reference at 00:10, "23:50" is the evening before; with the reference at 23:58, "00:03"
    is the day after, if that has been. A date without a year is the last such day. For weekdays see
    `days.weekday`.

    Args:
        reference: what "+5m" counts from: the start of the incident, or the entry before.
        zone: the writer's; it gives clock times and days their meaning.
        now: "ago", "now" and "yesterday" count from here, and nothing lies later, five minutes for clocks.

    Raises:
        Invalid: there is a moment, but no such day or time, or it can be read in two ways, or the change to
            or from summer time skips or repeats it. `field` is "happened_at".
    """
    plain, places = _plain(text[:LONGEST])
    try:
        found = _read(plain, Around(reference, zone, now))
    except (ValueError, OverflowError) as error:
        raise Invalid.of(_("There is no such day or time."), field="happened_at") from error
    return Reading(found.at, places[found.end], found.zone) if found else None


def read_line(line: str, *, reference: datetime, zone: tzinfo, now: datetime) -> Line | None:
    """One event as typed: the moment at its beginning, after bullets and brackets, and the rest as its text.

    Where a span of time stands there, such as "14:03-14:09", its beginning is the moment, and the text has it
    as it was written.

    Args:
        reference, zone, now: as for `read`.

    Raises:
        Invalid: as for `read`.
    """
    start = _BEFORE.match(line)
    begin = start.end() if start else 0
    found = read(line[begin:], reference=reference, zone=zone, now=now)
    if found is None:
        return None
    end = begin + found.end
    if _UNTIL.match(line, end):
        return Line(found.at, found.zone, line[begin:end].strip(), line[begin:].rstrip())
    behind = _BEHIND.match(line, end)
    return Line(
        found.at, found.zone, line[begin:end].strip(), line[behind.end() if behind else end :].rstrip()
    )


def _plain(text: str) -> tuple[str, list[int]]:
    """The text with full-width forms made plain, and for each place in it the place in the text."""
    plain, places = [], []
    for place, letter in enumerate(text):
        for one in unicodedata.normalize("NFKC", letter):
            plain.append(one)
            places.append(place)
    return "".join(plain), [*places, len(text)]


def _read(text: str, around: Around) -> Reading | None:
    for match, moment in _candidates(text, around):
        if isinstance(moment, datetime):
            # An offset counts in any zone.
            return Reading(moment, match.end()) if END.match(text, match.end()) else None
        zone, zone_name, end = zone_behind(text, match, around.zone)
        if not END.match(text, end):
            continue
        return calendar(match, text, end, zone, zone_name, around)
    for pattern in DATE_ALONE:
        if (day := pattern.match(text)) and END.match(text, day.end()):
            raise Invalid.of(_("This has a day and no time: add it, such as 14:03."), field="happened_at")
    return None


def _candidates(text: str, around: Around) -> Iterator[tuple[re.Match[str], datetime | str]]:
    """The forms that fit; a datetime where it is known already, "" where a calendar must be asked."""
    if match := SIGNED.match(text):
        seconds = seconds_of(match["spans"])
        yield match, moved(around.reference, -seconds if match["sign"] == "-" else seconds)
    if match := LATER.match(text):
        seconds = seconds_of(match["spans"])
        is_ago = match["way"].lower() in {"ago", "earlier", "以前", "之前", "前"}
        # "3 min earlier" is earlier than what was said before; "3 min ago" is seen from here.
        start = around.now if is_ago and match["way"].lower() != "earlier" else around.reference
        yield match, moved(start, -seconds if is_ago else seconds)
    if match := NOW.match(text):
        yield match, around.now.astimezone(UTC)
    for pattern in (*DATED, DAY_WORD, *WEEKDAY, CLOCK_ALONE):
        if match := pattern.match(text):
            yield match, ""
