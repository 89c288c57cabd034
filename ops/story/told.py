"""The shape in which the demo's incidents are told, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Told:
    """One incident: when it began, who took part, what each of them filed, what the review found.

    Attributes:
        ago: from the start of the impact to the moment of loading.
        clock: hour and minute (UTC) at which it began, on the day that `ago` leads to; None keeps the time of day.
        marks: seconds after the start, by milestone.
        entries: by person: (seconds after the start, kind, marker, is_starred, text).
        excused: by person: the reason.
        steps: finding and evidence of each step that is signed, in order.
        causes: (part, is_primary, statement, evidence); without evidence it stays a hypothesis.
        explained: by part of a cause: its class, and its chain of (why, what shows it).
        reviewed_after: from the start of the impact to the archive; None leaves the review open.
    """

    title: str
    severity: str
    ago: timedelta
    services: list[tuple[str, str]]
    people: list[tuple[str, str]]
    marks: dict[str, int]
    summary: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, list[tuple[int, str, str, bool, str]]] = field(default_factory=dict)
    excused: dict[str, str] = field(default_factory=dict)
    facilitator: str = "lin"
    has_review: bool = True
    steps: list[tuple[str, str]] = field(default_factory=list)
    causes: list[tuple[str, bool, str, str]] = field(default_factory=list)
    explained: dict[str, tuple[str, list[tuple[str, str]]]] = field(default_factory=dict)
    lessons: tuple[str, str, str] = ("", "", "")
    checklist: list[tuple[str, str, str]] = field(default_factory=list)
    reviewed_after: timedelta | None = None
    clock: tuple[int, int] | None = None
    dismissed: tuple[str, str] | None = None
