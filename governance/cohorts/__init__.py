"""Gathers, by query, the rows of a period that figures count: a constant number of statements.

One place answers for count and list alike: a figure is computed of exactly the rows that these give.
"""

from __future__ import annotations

from typing import Any

from accounts.models import User
from governance import past
from governance.cohorts import causes, gate, incidents, items, people, programs
from governance.cohorts.then import Then
from governance.metrics import Rows
from governance.periods import Window

# In the order in which they are gathered; each gives some lists of `Rows` by name.
PARTS = {
    "items": items.gather,
    "incidents": incidents.gather,
    "causes": causes.gather,
    "people": people.gather,
    "gate": gate.gather,
    "programs": programs.gather,
}


def gather(window: Window, *, viewer: User | None) -> Rows:
    """All rows of a period that a reader may see.

    Args:
        viewer: None for the installation itself, which sees everything.
    """
    then = look_back(window)
    lists: dict[str, Any] = {}
    for part in PARTS.values():
        lists |= part(window, then, viewer)
    return Rows(**lists)


def gather_part(name: str, window: Window) -> Rows:
    """The rows of one part, one of `PARTS`, for the installation itself; all other lists are empty."""
    return Rows(**PARTS[name](window, look_back(window), None))


def verified(window: Window) -> int:
    """How many items check runs first verified in a period, whenever they were due; for the trends."""
    return (
        items.visible(None)
        .filter(first_verified_at__gte=window.starts_at, first_verified_at__lt=window.as_of)
        .count()
    )


def look_back(window: Window) -> Then:
    """How to read rows as they stood at the end of a period; for a running one they stand as they are."""
    return Then(past.edits(since=window.as_of) if window.is_past else past.NONE)
