"""What was understood of a document: frozen values that survive a trip through JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

# Doubts that do not move the local time; every other doubt leaves it for a person to settle. Those about the
# zone are settled once for the whole document.
HARMLESS = frozenset(
    {"approximate", "out_of_order", "next_day", "zone_ambiguous", "zone_unknown", "zone_not_in_force"}
)


@dataclass(frozen=True)
class Said:
    """A value as the document states it.

    Attributes:
        start, end: where, in characters of the source.
        doubts: codes of what makes it uncertain; () when it is sure.
    """

    value: str
    start: int = 0
    end: int = 0
    doubts: tuple[str, ...] = ()

    @property
    def is_sure(self) -> bool:
        return not self.doubts


@dataclass(frozen=True)
class Moment:
    """A moment as the document states it.

    Attributes:
        local: ISO without offset, in the zone of the document: "2018-02-22T16:30"; "" when the day or the
            time is missing altogether.
        zone: IANA name; "" when the document states none.
        doubts: codes; a moment with doubts is a suggestion and nothing more.
    """

    local: str
    zone: str = ""
    start: int = 0
    end: int = 0
    doubts: tuple[str, ...] = ()

    @property
    def is_sure(self) -> bool:
        return "T" in self.local and HARMLESS.issuperset(self.doubts)


@dataclass(frozen=True)
class DraftEntry:
    """One event of a timeline: when (as far as it is known), the label as written, and what happened."""

    moment: Moment
    label: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Section:
    """A part of the document and the field it belongs to; `target` "" is the rest."""

    target: str
    heading: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Cause:
    """A cause as stated; only an export of ours tells its evidence and its chain of whys apart."""

    part: str
    statement: str
    start: int
    end: int
    evidence: str = ""
    whys: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class Cell:
    """A cell of a table of actions.

    Attributes:
        column: what its column is called in the document.
        field: "title", "kind", "owner", "link" or "due"; "" where the column is none of these.
    """

    column: str
    field: str
    text: str


@dataclass(frozen=True)
class Action:
    """A proposed action item as written; `cells` are those of its row, where the columns are known."""

    text: str
    is_done: bool
    start: int
    end: int
    cells: tuple[Cell, ...] = ()

    @staticmethod
    def from_json(data: dict[str, Any]) -> Action:
        """The action of a draft; drafts that were read before there were cells have none."""
        return Action(**(data | {"cells": tuple(Cell(**one) for one in data.get("cells", ()))}))


@dataclass(frozen=True)
class Draft:
    """A document as it was understood; every word of it is in one of these values.

    Attributes:
        order: of the timeline as written: "chronological", "newest_first" or "mixed".
        is_template: nothing is filled in: then there are no facts, and all text is in the rest.
        doubts: codes about the document as a whole.
        sections, rest: what was placed in a field (see `targets`), and what was not.
    """

    title: Said | None = None
    started: Moment | None = None
    detected: Moment | None = None
    ended: Moment | None = None
    zone: Said | None = None
    duration_minutes: Said | None = None
    severity: Said | None = None
    services: tuple[Said, ...] = ()
    entries: tuple[DraftEntry, ...] = ()
    sections: tuple[Section, ...] = ()
    causes: tuple[Cause, ...] = ()
    actions: tuple[Action, ...] = ()
    rest: tuple[Section, ...] = ()
    order: str = "chronological"
    is_template: bool = False
    doubts: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def text_of(self, target: str) -> str:
        """The text of one field, its sections one after another."""
        return "\n\n".join(one.text for one in self.sections if one.target == target and one.text)

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, texts, numbers and booleans."""
        return {"format": 1, **{name: _plain(value) for name, value in asdict(self).items()}}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Draft:
        """The draft that `as_json` wrote."""
        one = data.get
        return Draft(
            title=_said(one("title")),
            zone=_said(one("zone")),
            duration_minutes=_said(one("duration_minutes")),
            severity=_said(one("severity")),
            started=_moment(one("started")),
            detected=_moment(one("detected")),
            ended=_moment(one("ended")),
            services=tuple(_present(_said(service)) for service in data["services"]),
            entries=tuple(
                DraftEntry(**(entry | {"moment": _present(_moment(entry["moment"]))}))
                for entry in data["entries"]
            ),
            sections=tuple(Section(**section) for section in data["sections"]),
            causes=tuple(
                Cause(**(cause | {"whys": tuple(cause.get("whys", ()))})) for cause in data["causes"]
            ),
            actions=tuple(Action.from_json(action) for action in data["actions"]),
            rest=tuple(Section(**section) for section in data["rest"]),
            order=data["order"],
            is_template=data["is_template"],
            doubts=tuple(data["doubts"]),
            extra=data["extra"],
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _said(data: dict[str, Any] | None) -> Said | None:
    return Said(**(data | {"doubts": tuple(data["doubts"])})) if data else None


def _moment(data: dict[str, Any] | None) -> Moment | None:
    return Moment(**(data | {"doubts": tuple(data["doubts"])})) if data else None


def _present(value: T | None) -> T:
    if value is None:
        raise ValueError("a value is missing in the draft")
    return value
