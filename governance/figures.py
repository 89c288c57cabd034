"""The figures of a period as JSON: over the rows gathered, by every dimension, beside their goals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from governance import goals
from governance.metrics import CATALOGUE, Counted, Definition, Rows, Shape, Unit, split

Json = dict[str, Any]


def of_rows(rows: Rows) -> dict[str, Json]:
    """Each figure by its key: what it comes to (`metrics.Value.as_json`), and the same "by" dimension.

    "by" holds, for each dimension of the figure, a list of the same parts with a "name" each.
    """
    found: dict[str, Json] = {}
    for key, definition, counted in _counted(rows):
        groups = {
            dimension: [
                {"name": name} | _brief(definition.measure(group).as_json())
                for name, group in split(counted, dimension).items()
            ]
            for dimension in definition.dimensions
        }
        found[key] = definition.measure(counted).as_json() | {"by": groups}
    return found


def totals(rows: Rows) -> dict[str, Json]:
    """As `of_rows` without "by": what another month came to, to compare with."""
    return {key: definition.measure(counted).as_json() for key, definition, counted in _counted(rows)}


def of_team(rows: Rows, team: str) -> dict[str, Json]:
    """As the groups of a team in `of_rows`, by figure: those of which any row is the team's.

    Args:
        team: its slug.
    """
    return {
        key: _brief(definition.measure(own).as_json())
        for key, definition, counted in _counted(rows)
        if "team" in definition.dimensions and (own := [row for row in counted if row.team == team])
    }


def _counted(rows: Rows) -> Iterator[tuple[str, Definition, list[Counted]]]:
    for key, definition in CATALOGUE.items():
        yield key, definition, definition.rows(rows)


def beside(
    figures: Mapping[str, Json],
    *,
    previous: Mapping[str, Json] | None,
    year_before: Mapping[str, Json] | None,
) -> dict[str, Json]:
    """Figures with what they were the month and the year before, and with their target and baseline.

    Of money "previous_sums" and "year_before_sums" hold the amounts by currency, for several have no one
    number; "goal_currency" is what the goal's numbers are in. Of durations "previous_seconds" and
    "year_before_seconds" hold the medians, for a number of minutes or days is rounded to one decimal.
    """
    aims = goals.of_figures()
    found = {}
    for key, figure in figures.items():
        aim = aims.get(key, goals.NO_AIM)
        found[key] = figure | {
            "previous": _number_of(previous, key),
            "year_before": _number_of(year_before, key),
            "target": _text(aim.target),
            "baseline": _text(aim.baseline),
        }
        if CATALOGUE[key].unit is Unit.MONEY:
            found[key] |= {
                "previous_sums": _sums_of(previous, key),
                "year_before_sums": _sums_of(year_before, key),
                "goal_currency": aim.currency,
            }
        if CATALOGUE[key].shape is Shape.SPREAD:
            found[key] |= {
                "previous_seconds": _seconds_of(previous, key),
                "year_before_seconds": _seconds_of(year_before, key),
            }
    return found


def meets(definition: Definition, number: Decimal | None, target: Decimal | None) -> bool | None:
    """Whether a number is as good as its target or better; None where one of the two is missing."""
    if number is None or target is None:
        return None
    return number >= target if definition.is_more_better else number <= target


def judged(definition: Definition, figure: Json) -> tuple[bool | None, bool | None]:
    """Whether a figure, as in `beside`, meets its target, and whether it is better than the month before.

    Amounts are held against each other in one currency only.
    """
    number, target, previous = (_decimal(figure.get(name)) for name in ("number", "target", "previous"))
    if definition.unit is Unit.MONEY:
        currencies = list(figure.get("sums") or {})
        if currencies != [figure.get("goal_currency")]:
            target = None
        if currencies != list(figure.get("previous_sums") or {}):
            previous = None
    return meets(definition, number, target), is_better(definition, number, previous)


def is_better(definition: Definition, number: Decimal | None, other: Decimal | None) -> bool | None:
    """Whether a number is better than another; None where they are equal or one is missing."""
    if number is None or other is None or number == other:
        return None
    return (number > other) == definition.is_more_better


def _brief(value: Json) -> Json:
    """A value without the parts that its shape has not; groups are many."""
    return {name: part for name, part in value.items() if part not in (None, {})}


def _number_of(figures: Mapping[str, Json] | None, key: str) -> str | None:
    if figures is None or key not in figures:
        return None
    number: str | None = figures[key]["number"]
    return number


def _sums_of(figures: Mapping[str, Json] | None, key: str) -> dict[str, str]:
    sums: dict[str, str] = (figures or {}).get(key, {}).get("sums", {})
    return sums


def _seconds_of(figures: Mapping[str, Json] | None, key: str) -> int | None:
    seconds: int | None = (figures or {}).get(key, {}).get("median_seconds")
    return seconds


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
