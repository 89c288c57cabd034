"""Pure: the entries of a timeline, whatever shape it has: headings, bullets, table rows, paragraphs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from postmortem.importing.chronology import Place
from postmortem.importing.lines import Line
from postmortem.importing.moments import Label, has_status, label_of

_BULLET = re.compile(r"^(\s*)(?:[-*+•–]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_TIME_COLUMN = re.compile(
    r"^(?:date\s?(?:/|and|&)\s?)?time\b|^when\b|^timestamp|^date\b|^clock\b|时间|日期|时刻", re.IGNORECASE
)
_DIVIDER_CELL = re.compile(r"\s*:?-+:?\s*")
# "15:35 – pushed": outside a timeline only such paragraphs are events, and only several of them.
_CLOCKED = re.compile(
    r"(?:\*\*|__)?\d{1,2}:\d{2}(?:\s?[ap]m)?(?:\s(?:UTC|GMT|[A-Z]{3,4}))?(?:\*\*|__)?\s*[-–—:：]\s",
    re.IGNORECASE,
)
FEWEST_PARAGRAPHS = 4
# A longer list of times is a log; it stays a text.
MOST_ENTRIES = 1500
_RULE = re.compile(r"^ {0,3}(?:[-*_][ \t]*){3,}$")


@dataclass
class RawEntry:
    """An entry before its moment is known; `lines` are the source's, in order, the label's line first."""

    place: Place
    label_text: str
    first_text: str
    start: int
    end: int
    lines: list[str] = field(default_factory=list)
    is_context: bool = False
    is_row: bool = False
    is_notice: bool = False
    is_paragraph: bool = False

    @property
    def text(self) -> str:
        body = _dedented(self.lines)
        return "\n".join(part for part in (self.first_text, body) if part.strip()).strip("\n")

    def take(self, line: Line) -> None:
        self.lines.append(line.text)
        self.end = line.end


def heading_entry(line: Line, label: Label, body: list[Line]) -> RawEntry:
    """An entry whose time is a heading; the rest of the heading is its first line."""
    title = line.title
    offset = line.start + max(0, line.text.find(title))
    place = Place(label, False, offset, offset + min(label.length, len(title)))
    entry = RawEntry(
        place, title[: label.length].strip(), title[label.length :].strip(" #"), line.start, line.end
    )
    for one in body:
        entry.take(one)
    return entry


def lone_date(line: Line, label: Label) -> RawEntry:
    """A date that holds for what follows."""
    return RawEntry(
        Place(label, True, line.start, line.end), line.text.strip(), "", line.start, line.end, is_context=True
    )


def entries_in(lines: list[Line], *, is_timeline: bool) -> tuple[list[RawEntry], list[Line]]:
    """The entries and lone dates in the body of a section, and the lines that belong to none.

    Args:
        is_timeline: the heading says so; elsewhere only tables with a column of times and lists of three
            timed items or more count.
    """
    reading = _Reading(is_timeline=is_timeline)
    number = 0
    while number < len(lines):
        rows = table_at(lines, number)
        if rows:
            reading.table(lines[number : number + rows])
            number += rows
            continue
        reading.line(lines[number])
        number += 1
    timed = [one for one in reading.entries if not one.is_context]
    is_list = any(not one.is_row for one in timed)
    fewest = 2 if all(one.is_notice for one in timed) else 3
    if timed and all(one.is_paragraph and not one.is_notice for one in timed):
        fewest = FEWEST_PARAGRAPHS
    if not 0 < len(timed) <= MOST_ENTRIES or (not is_timeline and is_list and len(timed) < fewest):
        return [], list(lines)
    return reading.entries, reading.rest


class _Reading:
    def __init__(self, *, is_timeline: bool) -> None:
        self.is_timeline = is_timeline
        self.entries: list[RawEntry] = []
        self.rest: list[Line] = []
        self.current: RawEntry | None = None
        # "bullet" or "paragraph": how the current entry began.
        self.shape = ""
        self.indent = 0
        self.after_blank = True

    def line(self, line: Line) -> None:
        if line.kind in {"blank", "code", "comment"}:
            self._continue(line)
            self.after_blank = line.kind == "blank"
            return
        if not self._begin(line):
            self._text(line)
        self.after_blank = False

    def _begin(self, line: Line) -> bool:
        """Whether the line begins an entry or is a lone date."""
        if len(self.entries) > MOST_ENTRIES:
            return False
        bullet = _BULLET.match(line.text)
        if bullet:
            indent = len(bullet[1].expandtabs(4))
            if self.current is not None and self.shape == "bullet" and indent > self.indent + 1:
                return False
            if indent > 3 and self.current is None:
                return False
            return self._label(line, bullet.end(), shape="bullet", indent=indent)
        if (
            not (self.is_timeline or has_status(line.text) or _CLOCKED.match(line.text))
            or line.indent > 3
            or line.text.lstrip()[:1] in ">|"
        ):
            return False
        if not self.after_blank and not self._may_follow():
            return False
        return self._label(line, line.indent, shape="paragraph", indent=0)

    def _may_follow(self) -> bool:
        """Lines of one paragraph may each be an entry, once the first of them was, or below a lone date."""
        return self.current is None or self.shape == "paragraph"

    def _label(self, line: Line, at: int, *, shape: str, indent: int) -> bool:
        content = line.text[at:]
        label = label_of(content)
        if label is None:
            return False
        is_whole = not content[label.length :].strip(" :：*_-")
        if is_whole and shape == "bullet" and not self.is_timeline and has_status(content):
            # "- Resolved: 2024-03-05 14:21" is a fact, not a notice.
            return False
        if label.clock is None and not label.is_placeholder:
            if is_whole and self.is_timeline:
                self.entries.append(lone_date(line, label))
                self.current, self.shape = None, ""
                return True
            if not _is_separated(content, label) and not has_status(content):
                return False
        if (
            label.is_placeholder
            and label.clock is None
            and label.day is None
            and not self._is_placeholder(content)
        ):
            return False
        start = line.start + at
        place = Place(label, False, start, start + label.length)
        said = content[: label.length].strip()
        text = _open_marks(content, label.length)
        if has_status(said):
            text = content.strip()
        self.current = RawEntry(place, said.rstrip("*_ "), text, line.start, line.end)
        self.current.is_notice = has_status(content)
        self.current.is_paragraph = shape == "paragraph"
        self.shape, self.indent = shape, indent
        self.entries.append(self.current)
        return True

    def _is_placeholder(self, content: str) -> bool:
        return content.lstrip("*_ ")[:1] in "[({<?-_" or content[:1].isdigit() or content[:1].lower() in "hx"

    def _text(self, line: Line) -> None:
        if self.current is None:
            self.rest.append(line)
            return
        is_bullet = _BULLET.match(line.text) is not None
        is_outside = self.shape == "bullet" and (
            line.indent < self.indent if is_bullet else self.after_blank and line.indent <= self.indent
        )
        if is_outside or _RULE.match(line.text) is not None:
            self.current, self.shape = None, ""
            self.rest.append(line)
        else:
            self.current.take(line)

    def _continue(self, line: Line) -> None:
        if self.current is None:
            self.rest.append(line)
        else:
            self.current.take(line)

    def table(self, lines: list[Line]) -> None:
        """A table with a column of times: each row is an entry; the head and empty rows are the rest's."""
        head, rows = cells_of(lines[0].text), lines[2:]
        columns = [n for n, cell in enumerate(head) if _TIME_COLUMN.search(cell.strip())][:2]
        if self.is_timeline and not columns:
            columns = [0]
        if not self.is_timeline and 0 not in columns:
            columns = []
        is_read = columns and len(rows) <= MOST_ENTRIES
        found = [(row, self._row(row, columns)) for row in rows] if is_read else []
        if not any(entry for _row, entry in found) or (
            not self.is_timeline and sum(entry is not None for _row, entry in found) < 2
        ):
            for line in lines:
                self._continue(line)
            return
        self.rest += lines[:2]
        for row, entry in found:
            if entry is None:
                self.rest.append(row)
            else:
                self.entries.append(entry)
        self.current, self.shape = None, ""

    def _row(self, line: Line, columns: list[int]) -> RawEntry | None:
        cells = cells_of(line.text)
        said = " ".join(cells[n].strip() for n in columns if n < len(cells))
        label = label_of(said)
        others = [cell.strip() for n, cell in enumerate(cells) if n not in columns and cell.strip()]
        if label is not None and label.day and not label.clock and not others:
            context = lone_date(line, label)
            context.is_row = True
            return context
        if label is None or not others:
            return None
        left = said[label.length :].strip()
        entry = RawEntry(
            Place(label, False, line.start, line.end),
            said if not left else said[: label.length].strip(),
            " | ".join([*([left] if left else []), *others]),
            line.start,
            line.end,
        )
        entry.is_row = True
        return entry


def _is_separated(content: str, label: Label) -> bool:
    """Whether a mark stands between a date and the text after it: "2018-01-15: ...", not "May 3 users"."""
    before = content[: label.length].rstrip("*_ ")
    return before[-1:] in set(":：-–—]|)}，,") and not before[-1:].isdigit()


def _open_marks(content: str, length: int) -> str:
    """The text after a label; bold that began before the label begins again after it."""
    text = content[length:]
    label = content[:length]
    for mark in ("**", "__"):
        if label.count(mark) % 2 and text.count(mark) % 2:
            return mark + text.lstrip()
    return text


def table_at(lines: Sequence[Line], number: int) -> int:
    """How many lines the table takes that begins here; 0 when none does."""
    if number + 1 >= len(lines) or "|" not in lines[number].text or lines[number].kind != "text":
        return 0
    divider = lines[number + 1].text
    if "-" not in divider or "|" not in divider or len(divider) > 2000:
        return 0
    if not all(_DIVIDER_CELL.fullmatch(cell) for cell in cells_of(divider)):
        return 0
    end = number + 2
    while end < len(lines) and lines[end].kind == "text" and "|" in lines[end].text:
        end += 1
    return end - number


def cells_of(row: str) -> list[str]:
    """The cells of a row of a table, as written."""
    text = row.strip()
    text = text.removeprefix("|")
    if text.endswith("|") and not text.endswith("\\|"):
        text = text[:-1]
    return [cell.replace("\x00", "|") for cell in text.replace("\\|", "\x00").split("|")]


def _dedented(lines: list[str]) -> str:
    """The lines of an entry without the indentation that they share; code keeps its own."""
    kept = [line for line in lines if line.strip()]
    shared = min((len(line) - len(line.lstrip(" ")) for line in kept), default=0)
    return "\n".join(line[shared:] if line.strip() else "" for line in lines).strip("\n")
