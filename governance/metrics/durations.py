"""Medians and percentiles of durations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and ninetieth percentile of n durations; both None when n is 0."""

    n: int
    median: timedelta | None
    p90: timedelta | None


def spread(durations: Iterable[timedelta | None]) -> Spread:
    """Median and P90 of the durations that are known."""
    known = [duration for duration in durations if duration is not None]
    return Spread(len(known), quantile(known, 50), quantile(known, 90))


# Durations, or seconds.
Amount = TypeVar("Amount", timedelta, Decimal)


def quantile(durations: Sequence[Amount], percent: int) -> Amount | None:
    """The given percentile by linear interpolation between the two nearest ranks; None for no durations.

    The same as PostgreSQL's percentile_cont and a spreadsheet's PERCENTILE.INC. Durations give whole
    microseconds.

    >>> quantile([timedelta(minutes=10), timedelta(minutes=20)], 90)
    datetime.timedelta(seconds=1140)
    """
    if not durations:
        return None
    ordered = sorted(durations)
    below, hundredths = divmod((len(ordered) - 1) * percent, 100)
    if hundredths == 0:
        return ordered[below]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * hundredths / 100
