"""The figures of a period as JSON: over the rows gathered, by every dimension, beside their goals."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from governance import goals
from governance.metrics import CATALOGUE, Definition, Rows, split

Json = dict[str, Any]


def of_rows(rows: Rows) -> dict[str, Json]:
    """Each figure by its key: what it comes to (`metrics.Value.as_json`), and the same "by" dimension.

    "by" holds, for each dimension of the figure, a list of the same parts with a "name" each.
    """
    found: dict[str, Json] = {}
    for key, definition in CATALOGUE.items():
        counted = definition.rows(rows)
        groups = {
            dimension: [
                {"name": name} | _brief(definition.measure(group).as_json())
                for name, group in split(counted, dimension).items()
            ]
            for dimension in definition.dimensions
        }
        found[key] = definition.measure(counted).as_json() | {"by": groups}
    return found


def beside(
    figures: Mapping[str, Json],
    *,
    previous: Mapping[str, Json] | None,
    year_before: Mapping[str, Json] | None,
) -> dict[str, Json]:
    """Figures with what they were the month and the year before, and with their target and baseline."""
    aims = goals.by_figure()
    return {
        key: figure
        | {
            "previous": _number_of(previous, key),
            "year_before": _number_of(year_before, key),
            "target": _text(aims[key].target) if key in aims else None,
            "baseline": _text(aims[key].baseline) if key in aims else None,
        }
        for key, figure in figures.items()
    }


def meets(definition: Definition, number: Decimal | None, target: Decimal | None) -> bool | None:
    """Whether a number is as good as its target or better; None where one of the two is missing."""
    if number is None or target is None:
        return None
    return number >= target if definition.is_more_better else number <= target


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


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
