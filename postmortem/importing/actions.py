"""Pure: the action items that a document proposes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from postmortem.importing import vocabulary
from postmortem.importing.columns import Column, columns_of
from postmortem.importing.draft import Action, Cell
from postmortem.importing.lines import Line
from postmortem.importing.timeline import cells_of, table_at

_ITEM = re.compile(r"^(\s*)(?:[-*+•–](?![-*+:])|\d{1,3}[.)、])\s*(?:\[(?P<box>[ xX✓✔])\]\s*)?(?=\S)")
# Boxes of a form, not things to do to the system.
# A longer list is no plan; it stays a text.
MOST_ACTIONS = 500
_CELL = re.compile(r"^\s*:?-+:?\s*$")


def actions_in(lines: Sequence[Line], heading: str) -> list[Action]:
    """The list items at the top level of a section of actions, or the rows of its table."""
    found: list[Action] = []
    for rows in _tables(lines):
        if actions := _of_table(rows, heading):
            found += actions
            # A row may begin as an item does: "- | Pin the version | Ann".
            lines = [line for line in lines if line not in rows]
    items = [line for line in lines if line.kind in {"text", "pseudo"} and _ITEM.match(line.text)]
    if not items:
        return found
    if len(items) > MOST_ACTIONS:
        return found
    shallow = min(_indent(line) for line in items)
    current: list[Line] = []
    for line in lines:
        is_item = line.kind in {"text", "pseudo"} and _ITEM.match(line.text) and _indent(line) <= shallow + 1
        if is_item:
            found += _action(current, heading)
            current = [line]
        elif current and (line.kind == "blank" or line.indent > shallow or not _ended(current)):
            current.append(line)
        else:
            found += _action(current, heading)
            current = []
    return found + _action(current, heading)


def tables_of_actions(lines: Sequence[Line]) -> list[Action]:
    """The rows of tables whose head says that they are actions, with an owner, a date or a state."""
    found: list[Action] = []
    for rows in _tables(lines):
        head = [cell.strip() for cell in cells_of(rows[0].text)]
        if any(map(vocabulary.ACTION_COLUMN.match, head)) and any(map(vocabulary.OWNER_COLUMN.match, head)):
            found += _of_table(rows, "")
    return found


def _tables(lines: Sequence[Line]) -> list[list[Line]]:
    """The tables among the lines, each with its head and its divider."""
    found: list[list[Line]] = []
    number = 0
    while number < len(lines):
        rows = table_at(lines, number)
        if rows:
            found.append(list(lines[number : number + rows]))
        number += max(rows, 1)
    return found


def _indent(line: Line) -> int:
    return len(line.text[: line.indent].expandtabs(4))


def _ended(lines: list[Line]) -> bool:
    """Whether a list item is over: a blank line came after it."""
    return lines[-1].kind == "blank"


def _action(lines: list[Line], heading: str) -> list[Action]:
    filled = [number for number, line in enumerate(lines) if line.kind != "blank"]
    if not filled:
        return []
    lines = lines[: filled[-1] + 1]
    match = _ITEM.match(lines[0].text)
    assert match is not None  # noqa: S101 (the caller looked)
    text = "\n".join([lines[0].text[match.end() :], *(line.text.strip() for line in lines[1:])]).strip()
    if vocabulary.EMPTY_ACTION.match(text) or vocabulary.CHORE.search(text):
        return []
    is_done = (
        (match["box"] or " ") != " "
        or bool(vocabulary.DONE.search(lines[0].text))
        or _is_done_heading(heading)
    )
    return [Action(text, is_done, lines[0].start, lines[-1].end)]


def _is_done_heading(heading: str) -> bool:
    return bool(re.search(r"\b(?:done|completed)\b|已完成", heading, re.IGNORECASE))


def _of_table(rows: list[Line], heading: str) -> list[Action]:
    """Each filled row of a table of actions, with what its columns say."""
    if not 3 <= len(rows) <= MOST_ACTIONS or not all(_CELL.match(cell) for cell in cells_of(rows[1].text)):
        return []
    columns = columns_of([cell.strip() for cell in cells_of(rows[0].text)])
    found: list[Action] = []
    for row in rows[2:]:
        cells = [cell.strip() for cell in cells_of(row.text)]
        said = [cell for cell in cells if _is_said(cell)]
        if any(len(cell) > 3 for cell in said):
            is_done = (
                _is_done_heading(heading)
                or bool(vocabulary.DONE_WORD.search(row.text))
                or any(map(vocabulary.DONE_CELL.fullmatch, cells))
            )
            found.append(Action(" | ".join(said), is_done, row.start, row.end, _told(columns, cells)))
    return found


def _told(columns: list[Column], cells: list[str]) -> tuple[Cell, ...]:
    """The filled cells with their columns; () where nobody knows what the columns are."""
    if not columns:
        return ()
    known = [*columns, *[Column("", "")] * (len(cells) - len(columns))]
    pairs = zip(known, cells, strict=False)
    return tuple(Cell(column.name, column.field, text) for column, text in pairs if _is_said(text))


def _is_said(cell: str) -> bool:
    return bool(cell) and not vocabulary.EMPTY_ACTION.match(cell)
