"""The canvas of a line chart: its measures, and where values, moments and words go on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 720, 190
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 40
# About as wide as a letter of a chart, and as high as its line.
_LETTER, _LINE = 6.2, 13


@dataclass(frozen=True)
class Scale:
    """From a value or a moment to a place on the canvas."""

    low: float
    high: float
    first: float
    last: float

    def x(self, at: datetime) -> float:
        span = self.last - self.first
        share = (at.timestamp() - self.first) / span if span else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def is_drawable(value: float | None) -> bool:
    # Beyond 1e300 differences overflow to infinity, and nobody reads such a chart.
    return value is not None and math.isfinite(value) and abs(value) < 1e300


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """The lowest and highest place to show, with some air around the values."""
    low, high = min(values), max(values)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return low - room, high + room
    room = (high - low) * 0.08
    # Counts and durations look wrong over a floor below zero.
    return (0.0 if 0 <= low < room else low - room), high + room


def ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers between two bounds."""
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step)
    return [round(index * step, 12) for index in range(first, first + 8) if index * step <= high]


# So many names of months stand between the first and the last without touching.
_MOST_MONTHS = 6


def months(first: datetime, last: datetime) -> list[datetime]:
    """Beginnings of months well within a time, evenly apart."""
    whole = (last.year - first.year) * 12 + last.month - first.month
    every = max(-(-whole // (_MOST_MONTHS + 1)), 1)
    found = []
    for month in range(every, whole, every):
        years, at_month = divmod(first.month - 1 + month, 12)
        at = first.replace(year=first.year + years, month=at_month + 1, day=1, hour=0, minute=0, second=0)
        # Beside the names at the ends there is no room.
        if min(at - first, last - at) > (last - first) / 10:
            found.append(at)
    return found


def beside(
    y: float, words: str, course: Sequence[tuple[float, float]], *, is_right_first: bool
) -> dict[str, str]:
    """Where the words of a level stand: above or below it, at the end where the line covers them least."""
    width = _LETTER * len(words)
    right, left = (WIDTH - RIGHT - 6 - width, "end"), (LEFT + 6, "start")
    found = []
    for start, anchor in (right, left) if is_right_first else (left, right):
        for baseline in (y - 5, y + 14):
            if not TOP <= baseline <= HEIGHT - BOTTOM:
                continue
            covered = sum(
                start <= x <= start + width and baseline - _LINE <= at <= baseline + 3 for x, at in course
            )
            found.append((covered, start + width if anchor == "end" else start, baseline, anchor))
    _covered, x, baseline, anchor = min(found, key=lambda one: one[0])
    return {"x": f"{x:.1f}", "y": f"{baseline:.1f}", "anchor": anchor}
