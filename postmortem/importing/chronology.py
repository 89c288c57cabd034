"""Pure: give each entry of a timeline its moment, or say why that would be a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from postmortem.importing import zones
from postmortem.importing.draft import Moment
from postmortem.importing.moments import Clock, Day, Label

# A date this far from every date of the document's head is more likely a slip of the pen than the truth.
FURTHEST = timedelta(days=62)
# A year that a date does not state is completed when that puts it this near to the document's own date.
NEAR = timedelta(days=62)
# Back by less than this is an entry out of order; over midnight by less than half a day is the next day.
OUT_OF_ORDER = 3 * 3600
HALF_A_DAY = 12 * 3600


@dataclass(frozen=True)
class Place:
    """An entry's label, or a date that stands alone and holds for what follows it."""

    label: Label
    is_context: bool
    start: int
    end: int


@dataclass(frozen=True)
class Known:
    """What a document says about its days outside the timeline's own entries.

    Attributes:
        said: days that are stated to hold for the timeline or the incident: its preface, its title.
        weak: days of the file name and the front matter, which may be those of writing.
        told: days that the prose of the head mentions.
        pairs_month_first: whether "03/04" is April 3rd or March 4th; None when the document does not tell.
    """

    said: tuple[date, ...] = ()
    weak: tuple[date, ...] = ()
    told: tuple[date, ...] = ()
    pairs_month_first: bool | None = None
    # "Unless otherwise noted all events happened on ...": the day of every entry without one of its own.
    default: date | None = None
    zone: str = ""
    zone_token: str = ""
    is_chinese: bool = False

    @property
    def reference(self) -> date | None:
        """The day by which years are completed."""
        days = (*self.said, *self.weak, *self.told)
        return days[0] if days else None


def complete(day: Day, known: Known) -> tuple[date | None, tuple[str, ...]]:
    """A written day as a date, with doubts: its year and the order of its numbers may have to be inferred."""
    month, number = day.month, day.day
    doubts: list[str] = []
    if day.pair is not None:
        if known.pairs_month_first is None:
            matching = [one for one in _both(day.pair, day.year) if one in {*known.said, *known.weak}]
            if len(matching) != 1:
                return None, ("day_or_month",)
            return matching[0], ()
        month, number = day.pair if known.pairs_month_first else day.pair[::-1]
    if day.year is not None:
        found = _date(day.year, month, number)
        return found, () if found else ("no_such_day",)
    if known.reference is None:
        return None, ("no_year",)
    around = [_date(known.reference.year + shift, month, number) for shift in (-1, 0, 1)]
    candidates = [one for one in around if one is not None]
    if not candidates:
        return None, ("no_such_day",)
    nearest = min(candidates, key=lambda one: abs(one - (known.reference or one)))
    if abs(nearest - known.reference) > NEAR:
        doubts.append("year_guessed")
    return nearest, tuple(doubts)


def _both(pair: tuple[int, int], year: int | None) -> list[date]:
    if year is None:
        return []
    return [one for one in (_date(year, *pair), _date(year, *pair[::-1])) if one is not None]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def resolve(places: Sequence[Place], known: Known) -> tuple[list[Moment], str]:
    """The moment of each place (a context's too, which nobody needs), and the order of the whole.

    Returns:
        moments in the order of `places`, and "chronological", "newest_first" or "mixed".
    """
    order = _order(places, known)
    if order == "newest_first":
        return _newest_first(places, known), order
    walk = _Walk(known)
    return _both_sides([walk.next(place) for place in places]), order


def _both_sides(moments: list[Moment]) -> list[Moment]:
    """Where a dated entry goes back, the one before it may be the wrong one as well."""
    for number in range(1, len(moments)):
        before = moments[number - 1]
        if "goes_back" in moments[number].doubts and before.local and before.is_sure:
            moments[number - 1] = replace(before, doubts=(*before.doubts, "contradicted"))
    return moments


def _newest_first(places: Sequence[Place], known: Known) -> list[Moment]:
    """Walk from the last to the first; a lone date still stands above what it is for."""
    context: Place | None = None
    dated: list[Place] = []
    for place in places:
        if place.is_context:
            context = place
            dated.append(place)
        elif context is not None and place.label.day is None:
            dated.append(replace(place, label=replace(place.label, day=context.label.day)))
        else:
            dated.append(place)
    walk = _Walk(known)
    moments = [walk.next(place) for place in reversed(dated) if not place.is_context]
    moments.reverse()
    left = iter(moments)
    return [
        Moment("", start=place.start, end=place.end) if place.is_context else next(left) for place in dated
    ]


def _order(places: Sequence[Place], known: Known) -> str:
    steps: list[int] = []
    day: date | None = None
    before: tuple[date, int] | None = None
    for place in places:
        if place.label.day is not None:
            day = complete(place.label.day, known)[0] or day
        if place.is_context or place.label.clock is None:
            if place.label.day is not None and day is not None and not place.is_context:
                steps += _step(before, (day, 0)) if before and before[0] != day else []
                before = (day, 0)
            continue
        moment = (day or date.min, place.label.clock.seconds)
        steps += _step(before, moment)
        before = moment
    back, forward = steps.count(-1), steps.count(1)
    if back >= 2 and forward <= back // 4:
        return "newest_first"
    return "mixed" if back and forward < back * 4 and back >= 2 else "chronological"


def _step(before: tuple[date, int] | None, after: tuple[date, int]) -> list[int]:
    if before is None or before == after:
        return []
    return [1 if after > before else -1]


class _Walk:
    """Goes through entries in time order and remembers the day."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.day: date | None = None
        self.day_doubts: tuple[str, ...] = ()
        self.latest: int | None = None
        self.latest_dated: date | None = None
        self._begin()

    def _begin(self) -> None:
        """The day before any entry names one."""
        known = self.known
        if known.said:
            self.day = known.said[0]
            if len(set(known.said)) > 1:
                self.day_doubts = ("days_disagree",)
        elif known.weak:
            self.day, self.day_doubts = known.weak[0], ("day_of_file",)

    def next(self, place: Place) -> Moment:
        label = place.label
        if label.day is not None:
            self._dated(label.day)
        elif self.known.default is not None and self.day != self.known.default:
            self.day, self.day_doubts, self.latest = self.known.default, (), None
        if label.clock is None:
            return self._without_time(place)
        return self._timed(place, label.clock, is_dated=label.day is not None)

    def _dated(self, written: Day) -> None:
        day, doubts = complete(written, self.known)
        found = list(doubts)
        if day is None:
            self.day, self.day_doubts, self.latest = None, tuple(found), None
            return
        anchors = (*self.known.said, *self.known.weak)
        if anchors and min(abs(day - one) for one in anchors) > FURTHEST and "year_guessed" not in found:
            found.append("far_from_document")
        if self.latest_dated is not None and day < self.latest_dated:
            found.append("goes_back")
        else:
            self.latest_dated = day
        if day != self.day:
            self.latest = None
        self.day, self.day_doubts = day, tuple(found)

    def _without_time(self, place: Place) -> Moment:
        """A day alone, or a place that was left for a time."""
        if place.label.is_placeholder or self.day is None or place.label.day is None:
            return Moment("", "", place.start, place.end, ("no_time",))
        return Moment(
            self.day.isoformat(), self.known.zone, place.start, place.end, (*self.day_doubts, "no_time")
        )

    def _timed(self, place: Place, clock: Clock, *, is_dated: bool) -> Moment:
        doubts = list(self.day_doubts)
        zone, zone_doubts = self._zone(place.label)
        doubts += zone_doubts
        if clock.is_contradictory:
            doubts.append("half_of_day")
        if self.latest is not None and clock.seconds < self.latest:
            doubts += self._back(clock, is_dated=is_dated)
        if self.latest is None or clock.seconds > self.latest or "out_of_order" not in doubts:
            self.latest = clock.seconds
        if place.label.is_approximate:
            doubts.append("approximate")
        if self.day is None:
            unknown = [one for one in doubts if one != "approximate"]
            return Moment("", zone, place.start, place.end, tuple(unknown or ["no_day"]))
        local = datetime.combine(self.day, time(clock.hour, clock.minute, clock.second or 0))
        token = place.label.zone or self.known.zone_token
        if token and not zones.is_in_force(token, zone, local):
            doubts.append("zone_not_in_force")
        text = local.isoformat(timespec="minutes" if clock.second is None else "seconds")
        return Moment(text, zone, place.start, place.end, tuple(dict.fromkeys(doubts)))

    def _back(self, clock: Clock, *, is_dated: bool) -> list[str]:
        """What a clock time before the one above it means."""
        assert self.latest is not None  # noqa: S101 (for the type checker)
        gap = self.latest - clock.seconds
        if gap <= OUT_OF_ORDER:
            return ["out_of_order"]
        if is_dated:
            return ["goes_back"]
        if gap > HALF_A_DAY and self.day is not None and self.known.default is None:
            self.day += timedelta(days=1)
            if self.latest_dated is not None:
                self.latest_dated = max(self.latest_dated, self.day)
            return ["next_day"]
        # The same day out of order, the next day, or the other half of a twelve-hour clock: who knows. So it
        # is for what follows without a date.
        self.day_doubts = tuple(dict.fromkeys((*self.day_doubts, "day_unsure")))
        return ["day_unsure"]

    def _zone(self, label: Label) -> tuple[str, list[str]]:
        if not label.zone:
            return self.known.zone, []
        name, doubts = zones.zone_of(label.zone, is_chinese=self.known.is_chinese)
        return name, list(doubts)
