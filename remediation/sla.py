"""Pure: which policy row decides, and when what it promises is due. Nothing here reads a clock or a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTES_OF_A_DAY = 24 * 60
# A calendar in which nobody ever works would be searched for ever.
MOST_DAYS_SEARCHED = 366 * 30
# What one row may name. The more it names, the fewer items it fits; the order decides, never the number.
CONDITIONS = ("severity", "category", "kind", "service", "team")


class NoWorkingTime(ValueError):
    """The calendar has no working time within reach, so nothing promised by it would ever be due."""


@dataclass(frozen=True)
class Calendar:
    """When people work.

    Attributes:
        zone: an IANA name; hours and holidays are those of its wall clock.
        week: for each weekday (0 is Monday) the spans worked, as minutes after midnight: `(540, 1080)` is
            from nine to six. Sorted, without overlap; a weekday that is missing is free.
        holidays: days on which nobody works.
    """

    zone: str
    week: Mapping[int, Sequence[tuple[int, int]]]
    holidays: frozenset[date] = field(default_factory=frozenset)

    @property
    def day(self) -> timedelta:
        """One working day: the mean of the weekdays on which somebody works."""
        worked = [sum(end - start for start, end in spans) for spans in self.week.values() if spans]
        return timedelta(minutes=sum(worked)) / len(worked) if worked else timedelta()


@dataclass(frozen=True)
class Rule:
    """One policy row.

    Attributes:
        wants: the conditions it names, such as `{"severity": "P0"}`; what it does not name may be anything.
        days: promised, each of 24 hours, or working days when there is a calendar.
    """

    wants: Mapping[str, object]
    days: int
    calendar: Calendar | None = None

    def misses(self, facts: Mapping[str, object]) -> list[str]:
        """The conditions that these facts do not meet; none of them means that the row fits."""
        return [name for name in CONDITIONS if name in self.wants and self.wants[name] != facts.get(name)]


def deciding(rules: Iterable[Rule], facts: Mapping[str, object]) -> int | None:
    """The place of the first row that fits, or None."""
    return next((place for place, rule in enumerate(rules) if not rule.misses(facts)), None)


def due_at(rule: Rule, *, start: datetime) -> datetime:
    """When something promised at `start` (aware) is due; in UTC.

    A day is 24 hours, whatever the clocks on the wall do, so that whoever promised later is due later. A
    working day is the calendar's own; time outside its hours does not count.

    >>> friday = datetime(2026, 3, 20, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    >>> due_at(Rule({}, days=14), start=friday).isoformat()
    '2026-04-03T08:00:00+00:00'

    Raises:
        NoWorkingTime: the calendar never gets there.
    """
    start = start.astimezone(UTC)
    if rule.calendar is None:
        return start + timedelta(days=rule.days)
    return after_working(rule.calendar.day * rule.days, start=start, calendar=rule.calendar)


def after_working(promised: timedelta, *, start: datetime, calendar: Calendar) -> datetime:
    """The moment at which `promised` working time has passed since `start`, in UTC.

    Raises:
        NoWorkingTime: the calendar has less than that within thirty years.
    """
    if promised <= timedelta():
        return start.astimezone(UTC)
    left = promised
    for begins, ends in _spans(calendar, start):
        if left <= ends - begins:
            return begins + left
        left -= ends - begins
    raise NoWorkingTime


def working_between(start: datetime, end: datetime, *, calendar: Calendar) -> timedelta:
    """How much working time lies in `start <= t < end`."""
    total = timedelta()
    end = end.astimezone(UTC)
    if end <= start:
        return total
    for begins, ends in _spans(calendar, start):
        if begins >= end:
            break
        total += min(ends, end) - begins
    return total


def _spans(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans worked from `start` on, in UTC and in order; none is empty and none overlaps another."""
    zone = ZoneInfo(calendar.zone)
    start = start.astimezone(UTC)
    # Where a zone has changed its side of the date line, the day before may still be running.
    day = start.astimezone(zone).date() - timedelta(days=1)
    reached = start
    for _ in range(MOST_DAYS_SEARCHED):
        if day not in calendar.holidays:
            for opens, closes in calendar.week.get(day.weekday(), ()):
                # An hour that the clocks skip is read as the hour after it, which may be worked as well.
                begins, ends = max(_instant(day, opens, zone), reached), _instant(day, closes, zone)
                if begins < ends:
                    yield begins, ends
                    reached = ends
        if day.year >= 9998:
            return
        day += timedelta(days=1)


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """A time on the wall as a moment; of an hour that comes twice, the first."""
    if minutes >= MINUTES_OF_A_DAY:
        day, minutes = day + timedelta(days=1), minutes - MINUTES_OF_A_DAY
    wall = datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=zone)
    return wall.astimezone(UTC)


def read_spans(text: str) -> list[tuple[int, int]]:
    """The hours of one weekday as people write them, such as "09:00-12:30, 13:30-18:00"; "" is a free day.

    Raises:
        ValueError: not such a list, a span that ends before it begins, or spans that overlap.
    """
    spans = []
    for part in re.split(r"[,;，；、\s]+", _DASHES.sub("-", text.strip())):
        if not part:
            continue
        found = _SPAN.fullmatch(part)
        if found is None:
            raise ValueError(part)
        start, end = (int(found[place]) * 60 + int(found[place + 1]) for place in (1, 3))
        if not start < end <= MINUTES_OF_A_DAY:
            raise ValueError(part)
        spans.append((start, end))
    spans.sort()
    for earlier, later in pairwise(spans):
        if later[0] < earlier[1]:
            raise ValueError(text)
    return spans


def write_spans(spans: Iterable[tuple[int, int]]) -> str:
    """The same hours, written one way."""
    return ", ".join(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}" for start, end in spans)


_SPAN = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_DASHES = re.compile(r"\s*[-–—~～至]\s*")
