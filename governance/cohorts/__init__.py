"""Gathers, by query, the rows of a period that figures count: a constant number of statements.

One place answers for count and list alike: a figure is computed of exactly the rows that these give.
"""

from __future__ import annotations

from typing import Any

from accounts.models import Team, User
from governance import past
from governance.cohorts import causes, gate, incidents, items, people, programs
from governance.cohorts.scope import Scope
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
    return _gather(window, Scope(viewer))


def gather_team(window: Window, team: Team, *, viewer: User) -> Rows:
    """What of a period that runs may be of a team; lists of rows that have no team are empty.

    An incident that came from services of several teams counts for one of them and is given to all: whoever
    counts goes by the rows' own team.
    """
    return _gather(window, Scope(viewer, team))


def gather_part(name: str, window: Window) -> Rows:
    """The rows of one part, one of `PARTS`, for the installation itself; all other lists are empty."""
    return Rows(**PARTS[name](window, look_back(window), Scope(None)))


def _gather(window: Window, scope: Scope) -> Rows:
    then = look_back(window)
    lists: dict[str, Any] = {}
    for part in PARTS.values():
        lists |= part(window, then, scope)
    return Rows(**lists)


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
