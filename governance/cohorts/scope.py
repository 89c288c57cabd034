"""Whose rows are gathered."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import Team, User


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows that a reader may see, or of these only what can be told to be of one team.

    Attributes:
        viewer: None for the installation itself, which sees everything.
        team: whose rows they are today; so it narrows nothing but a running period. None for all of them.
    """

    viewer: User | None
    team: Team | None = None
