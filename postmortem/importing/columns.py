"""Pure: what the columns of a table of actions say: what to do, of which kind, who, until when, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from postmortem.importing import inline, vocabulary
from postmortem.importing.draft import Action, Cell
from postmortem.importing.moments import days_in

_NUMBER_COLUMN = re.compile(r"\W*(?:#|no\.?|nr\.?|id|序号|编号)?\W*", re.IGNORECASE)
# Columns that are no action, whatever else there is.
_NO_TITLE = re.compile(
    r"\W*(?:priority|prio|severity|status|state|progress|notes?|comments?|team|优先级|状态|进度|进展|备注|团队|部门)\W*",
    re.IGNORECASE,
)


class Column(NamedTuple):
    """What a column is called, and the field of `Cell` it is; "" for none."""

    name: str
    field: str


@dataclass(frozen=True)
class Told:
    """What an action says, as far as the fields of an item take it.

    Attributes:
        title: in plain words, on one line.
        details: every other word that no field here holds, a line for each column.
        kind: "prevent", "detect" or "mitigate"; "" where the document says none of these.
        owner: who, as the document says it.
        owner_column: what its column is called.
        link: a web address.
        due: a day.
    """

    title: str
    details: str = ""
    kind: str = ""
    owner: str = ""
    owner_column: str = ""
    link: str = ""
    due: date | None = None


def columns_of(head: Sequence[str]) -> list[Column]:
    """The columns of a table of actions, each field once; [] where none of them names the action."""
    names = [inline.plain(name).strip() for name in head]
    fields: dict[str, int] = {}
    for field, pattern in vocabulary.ACTION_FIELDS:
        if field not in fields:
            free = (n for n, name in enumerate(names) if n not in fields.values() and pattern.fullmatch(name))
            if (number := next(free, None)) is not None:
                fields[field] = number
    if fields and "title" not in fields:
        others = [n for n, name in enumerate(names) if n not in fields.values() and _may_be_title(name)]
        if others:
            fields["title"] = others[0]
        elif "link" in fields:
            # "Issue | Owner": the issue is what is to be done.
            fields["title"] = fields.pop("link")
    if "title" not in fields:
        return []
    by_number = {number: field for field, number in fields.items()}
    return [Column(name, by_number.get(number, "")) for number, name in enumerate(names)]


def _may_be_title(name: str) -> bool:
    return not _NUMBER_COLUMN.fullmatch(name) and not _NO_TITLE.fullmatch(name)


def told(action: Action, *, today: date) -> Told:
    """What an action says for the form of an item.

    Args:
        today: a day before it stays a word: no promise is due in the past.
    """
    cells = {cell.field: cell for cell in action.cells if cell.field}
    text = cells["title"].text if "title" in cells else action.text
    words, own_link = inline.linked(text)
    title = " ".join(words.split())
    if "title" not in cells:
        return Told(title, _beyond(title, words if own_link else inline.plain(text)), link=own_link)
    tracked, link = inline.linked(cells["link"].text) if "link" in cells else ("", "")
    kind = _kind(cells.get("kind"))
    due, is_nothing_else = _day(cells.get("due"), today)
    held = {"title", "owner"}
    held |= {name for name, is_held in (("kind", kind), ("link", link and tracked in link)) if is_held}
    held |= {"due"} if is_nothing_else else set()
    rest = [cell for cell in action.cells if cell.field not in held and not _is_number(cell)]
    lines = [_line(cell, tracked if link and cell.field == "link" else "") for cell in rest]
    beyond = _beyond(title, words if own_link and not link else inline.plain(text))
    owner = cells.get("owner", Cell("", "", ""))
    return Told(
        title,
        details="\n".join([beyond, *lines] if beyond else lines),
        kind=kind,
        owner=inline.plain(owner.text).strip(),
        owner_column=owner.column,
        link=link or own_link,
        due=due,
    )


def _beyond(title: str, whole: str) -> str:
    """The whole text, where the title does not hold it."""
    return "" if whole.strip() == title else whole.strip()


def _line(cell: Cell, words: str) -> str:
    words = words or inline.plain(cell.text)
    return f"{cell.column}: {words}" if cell.column else words


def _kind(cell: Cell | None) -> str:
    said = inline.plain(cell.text).strip() if cell else ""
    return next((kind for kind, pattern in vocabulary.ACTION_KINDS if pattern.fullmatch(said)), "")


def _day(cell: Cell | None, today: date) -> tuple[date | None, bool]:
    """The one day a cell names, if it has a year and is still to come; and whether it says nothing else."""
    said = inline.plain(cell.text).strip() if cell else ""
    days = days_in(said, most=2)
    if len(days) != 1 or days[0][0].year is None or days[0][0].pair:
        return None, False
    day, start, end = days[0]
    try:
        found = date(day.year or 0, day.month, day.day)
    except ValueError:
        return None, False
    if found < today:
        return None, False
    return found, not re.search(r"\w", said[:start] + said[end:])


def _is_number(cell: Cell) -> bool:
    return bool(_NUMBER_COLUMN.fullmatch(cell.column)) and not re.search(r"[^\W\d]", cell.text)
