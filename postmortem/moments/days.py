"""Pure: which day and which moment are meant by what was written, or that more than one can be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from postmortem.errors import Invalid
from postmortem.moments.grammar import DAY_WORDS, MONTHS, WEEKDAYS, YEAR_BEHIND

# Clocks differ a little; a moment this far ahead still counts as past.
CLOCK_SKEW = timedelta(minutes=5)


def _(message: str) -> str:
    """Marks a text for translation; `Invalid.of` translates it."""
    return message


@dataclass(frozen=True)
class Reading:
    """A moment at the beginning of a text.

    Attributes:
        at: aware, in UTC.
        end: where in the text it ends.
        zone: the IANA zone that the text itself named, or "".
    """

    at: datetime
    end: int
    zone: str = ""


@dataclass(frozen=True)
class Around:
    """What a moment is relative to."""

    reference: datetime
    zone: tzinfo
    now: datetime


def calendar(
    match: re.Match[str], text: str, end: int, zone: tzinfo, zone_name: str, around: Around
) -> Reading:
    given = match.groupdict()
    clock, days_on = _clock_of(given)
    if given.get("word"):
        today = around.now.astimezone(zone).date()
        day = today - timedelta(days=DAY_WORDS[given["word"].lower()] - days_on)
        return Reading(_settled(datetime.combine(day, clock), zone), end, zone_name)
    if given.get("en") or given.get("zh"):
        return Reading(weekday(given, clock, days_on, zone, around), end, zone_name)
    if not any(given.get(name) for name in ("day", "first")):
        return Reading(_nearest(clock, days_on, zone, around), end, zone_name)
    year = given.get("year")
    # `date` and some logs write the year last: "Fri Nov 20 14:03:20 UTC 2026".
    if not year and given.get("name") and (behind := YEAR_BEHIND.match(text, end)):
        year, end = behind["year"], behind.end()
    month, day_of_month = _month_and_day(given)
    if year:
        local = datetime.combine(date(int(year), month, day_of_month) + timedelta(days=days_on), clock)
        return Reading(_settled(local, zone), end, zone_name)
    return Reading(_last_such_day(month, day_of_month, days_on, clock, zone, around), end, zone_name)


def _month_and_day(given: dict[str, str | None]) -> tuple[int, int]:
    if name := given.get("name"):
        return MONTHS.index(name[:3].lower()) + 1, int(given["day"] or 0)
    if given.get("first"):
        first, other = int(given["first"] or 0), int(given["other"] or 0)
        if first <= 12 and other <= 12 and first != other:
            raise Invalid.of(
                _("%(written)s can be read as two days: write 2026-11-20, or 20 Nov."),
                field="happened_at",
                written=f"{first}/{other}",
            )
        return (first, other) if first <= 12 else (other, first)
    return int(given["month"] or 0), int(given["day"] or 0)


def _clock_of(given: dict[str, str | None]) -> tuple[time, int]:
    """The time of day, and how many days after the day it is written with it lies (1 for "晚上12点")."""
    hour = int(given["hour"] or given["hour_of_half"] or given["zh_hour"] or 0)
    minute = int(given["minute"] or given["zh_minute"] or 0)
    minute = {"半": 30, "一刻": 15, "三刻": 45}.get(given["zh_quarter"] or "", minute)
    second = int(given["second"] or given["zh_second"] or 0)
    micro = int((given["fraction"] or "0").ljust(6, "0")[:6])
    days_on = 0
    if half := given["half"] or given["half_alone"]:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of half a day")
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    elif part := given["part"]:
        hour, days_on = _hour_of_part(part, hour)
    return time(hour, minute, second, micro), days_on


def _hour_of_part(part: str, hour: int) -> tuple[int, int]:
    if part in {"下午", "傍晚"} and hour < 12:
        return hour + 12, 0
    if part == "中午" and hour < 4:
        return hour + 12, 0
    if part in {"晚上", "晚", "夜里", "夜间", "半夜"}:
        if hour == 12:
            return 0, 1
        if 5 <= hour < 12:
            return hour + 12, 0
        # The small hours belong to the evening before them: "昨晚1点" is one o'clock today.
        return (hour, 1) if hour < 5 and part in {"晚上", "晚"} else (hour, 0)
    if part == "凌晨" and hour == 12:
        return 0, 0
    return hour, 0


def moved(start: datetime, seconds: float) -> datetime:
    return (start + timedelta(seconds=seconds)).astimezone(UTC)


def _nearest(clock: time, days_on: int, zone: tzinfo, around: Around) -> datetime:
    day = around.reference.astimezone(zone).date()
    candidates = [datetime.combine(day + timedelta(days=shift + days_on), clock) for shift in (-2, -1, 0, 1)]
    been = [local for local in candidates if local.replace(tzinfo=zone) <= around.now + CLOCK_SKEW]
    if not been:
        raise Invalid.of(_("This lies in the future."), field="happened_at")
    return _settled(min(been, key=lambda local: abs(local.replace(tzinfo=zone) - around.reference)), zone)


def weekday(
    given: dict[str, str | None], clock: time, days_on: int, zone: tzinfo, around: Around
) -> datetime:
    """The moment that “Mon 14:03”, “last Friday 14:03” or “上周五 23:10” means, as UTC.

    A weekday by itself is one within six days of the reference. Where the one before and the one after have
    both been, it is clear only if one of them is the day before or after the reference. “Last” and “this”, 上
    and 本 count weeks, which begin on Monday. They are clear where the week of the reference and the present
    one give the same day; and “last Friday” on a Sunday can be two days, whoever says it.

    Raises:
        Invalid: more than one day can be meant, or what is meant lies in the future.
    """
    which = (given.get("which") or "").lower()
    wanted = WEEKDAYS[given.get("zh") or (given.get("en") or "")[:3].lower()]
    origin, today = (moment.astimezone(zone).date() for moment in (around.reference, around.now))
    days = _of_weeks(which, wanted, {origin, today}) if which else _around(wanted, origin)
    possible = [datetime.combine(day + timedelta(days=days_on), clock) for day in sorted(days)]
    been = [local for local in possible if local.replace(tzinfo=zone) <= around.now + CLOCK_SKEW]
    if not been:
        raise Invalid.of(_("This lies in the future."), field="happened_at")
    if not which and len(been) > 1:
        been = [local for local in been if abs(local.date() - origin) <= timedelta(days=1)] or been
    if len(been) > 1:
        raise Invalid.of(
            _("This can be %(first)s or %(other)s: write the date."),
            field="happened_at",
            first=been[0].date().isoformat(),
            other=been[-1].date().isoformat(),
        )
    return _settled(been[0], zone)


def _around(wanted: int, origin: date) -> set[date]:
    before = origin - timedelta(days=(origin.weekday() - wanted) % 7)
    return {before} if before == origin else {before, before + timedelta(days=7)}


def _of_weeks(which: str, wanted: int, seen_from: set[date]) -> set[date]:
    """What “last Friday” means to somebody for whom it is one of these days."""
    found = set()
    for day in seen_from:
        of_week = day - timedelta(days=day.weekday() - wanted)
        weeks_back = 2 if which.startswith("上上") else 1 if which[0] in "l上" else 0
        found.add(of_week - timedelta(weeks=weeks_back))
        if which == "last" and wanted < day.weekday():
            found.add(of_week)
    return found


def _last_such_day(month: int, day: int, days_on: int, clock: time, zone: tzinfo, around: Around) -> datetime:
    """In the last year in which it has been; 29 February may be eight years back."""
    this_year = around.now.astimezone(zone).year
    for year in range(this_year + 1, this_year - 9, -1):
        try:
            local = datetime.combine(date(year, month, day) + timedelta(days=days_on), clock)
        except ValueError:
            continue
        if local.replace(tzinfo=zone) <= around.now + CLOCK_SKEW:
            return _settled(local, zone)
    raise ValueError("there is no such day in any year")


def _settled(local: datetime, zone: tzinfo) -> datetime:
    """The one moment at which the clocks of the zone showed this, as UTC."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    was_skipped = first.astimezone(zone).replace(tzinfo=None) != local
    if was_skipped:
        message = _("The clocks were put forward over this time, so it never was.")
    else:
        message = _("The clocks were put back, so this time was twice; add the offset, such as +02:00.")
    raise Invalid.of(message, field="happened_at")
