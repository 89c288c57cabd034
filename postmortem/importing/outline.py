"""Pure: the parts of a document: which lines belong to which heading, and which field that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from postmortem.importing import targets
from postmortem.importing.lines import BULLET_LEVEL, Line
from postmortem.importing.moments import Label, label_of

# What a heading below another may say of its own; everything else goes where its parent goes.
# So many headings are read; what comes after them belongs to the last.
MOST_HEADINGS = 2000
_OWN_BELOW = {
    "actions": {"went_well", "went_badly", "luck", "timeline"},
    "timeline": {"actions", "went_well", "went_badly", "luck", "root_cause", "contributing"},
    "log": {"actions", "timeline"},
}


@dataclass(frozen=True)
class Part:
    """A heading and the lines below it up to the next heading.

    Attributes:
        role: "front", "title", "intro" (before the first heading, or below the title), "section", or "entry"
            (a heading that is a time).
        first, last: the body as a half-open range of lines.
        heading_line: -1 where there is no heading.
    """

    role: str
    target: str
    title: str
    level: int
    heading_line: int
    first: int
    last: int
    label: Label | None = None


def parts_of(lines: list[Line]) -> list[Part]:
    """The parts of a document in order; together they are all of its lines."""
    front = next((n for n, line in enumerate(lines) if line.kind != "front"), len(lines))
    headings = _headings(lines)
    starts = [number for number, _label, _role, _target in headings]
    parts: list[Part] = []
    if front:
        parts.append(Part("front", "", "", 0, -1, 0, front))
    first = starts[0] if starts else len(lines)
    if first > front:
        parts.append(Part("intro", "", "", 0, -1, front, first))
    for (number, label, role, target), end in zip(
        headings, [*starts[1:], *[len(lines)] * bool(starts)], strict=True
    ):
        line = lines[number]
        body = number + (line.kind != "inline")
        if body < len(lines) and lines[body].kind == "underline":
            body += 1
        parts.append(Part(role, target, line.title, line.level, number, body, max(body, end), label))
    return parts


def _headings(lines: list[Line]) -> list[tuple[int, Label | None, str, str]]:
    """(line, label, role, target) of every line that is a heading in fact."""
    outline = _Outline(lines)
    for number, line in enumerate(lines):
        if len(outline.found) >= MOST_HEADINGS:
            break
        if line.kind in {"heading", "pseudo", "inline"} or (line.kind == "text" and line.text):
            outline.next(number, lines[number])
    return outline.found


class _Outline:
    """Goes through the headings and remembers which are open above: [(level, target)]."""

    def __init__(self, lines: list[Line]) -> None:
        headings = [line for line in lines if line.kind in {"heading", "pseudo"}][:MOST_HEADINGS]
        has_timeline = any(targets.target_of(line.title) == "timeline" for line in headings)
        timed = [line for line in headings if line.kind == "heading" and _is_clock(line.title)]
        self.lines = lines
        self.title = _title_line(lines)
        self.is_implicit = not has_timeline and len(timed) >= 2
        self.found: list[tuple[int, Label | None, str, str]] = []
        self.stack: list[tuple[int, str]] = []
        # Of the last heading that is a time: deeper ones belong to its text.
        self.entry_level = 0
        # The text of the labelled bullet that is open.
        self.bullet = ""

    def next(self, number: int, line: Line) -> None:
        if line.kind == "text":
            self._bullet(number, line)
        elif line.kind == "inline":
            self._inline(number, line)
        elif number == self.title:
            self.found.append((number, None, "title", ""))
            self.stack, self.entry_level = [(line.level, "")], 0
        elif not self._entry(number, line):
            self._section(number, line)

    def _inline(self, number: int, line: Line) -> None:
        if not _begins_part(self.lines, number, self.stack):
            return
        own = targets.target_of(line.title)
        self._close(line.level)
        # A label that names a field holds for its own text; a list of events needs a heading.
        target = own if own in targets.FIELDS or own == "contributing" else ""
        self.stack.append((line.level, target))
        self.found.append((number, None, "section", target))

    def _bullet(self, number: int, line: Line) -> None:
        """A bullet that is a label holds for what is indented below it, up to the next such bullet."""
        is_open = bool(self.stack) and self.stack[-1][0] == BULLET_LEVEL
        if line.level == BULLET_LEVEL:
            own = targets.target_of(line.title)
            is_field = own != "" and _is_label_heading(own, self.stack) and _has_more(self.lines, number)
            if is_field or is_open:
                self._close(BULLET_LEVEL)
                target = own if is_field else self.stack[-1][1] if self.stack else ""
                self.stack += [(BULLET_LEVEL, target)] * is_field
                self.found.append((number, None, "section", target))
        elif is_open and line.text[:2] == self.bullet[:2] and line.text[:1] in "-*+":
            self._close(BULLET_LEVEL)
            self.lines[number] = line._replace(kind="inline", level=0, title="")
            self.found.append((number, None, "section", self.stack[-1][1] if self.stack else ""))
        if self.stack and self.stack[-1][0] == BULLET_LEVEL and line.level == BULLET_LEVEL:
            self.bullet = line.text

    def _entry(self, number: int, line: Line) -> bool:
        current = self.stack[-1][1] if self.stack else ""
        if current != "timeline" and not self.is_implicit:
            return False
        label = label_of(line.title)
        if label is None or not _is_entry(line, label, is_implicit=self.is_implicit):
            return False
        if _is_above(line, label, self.stack):
            return False
        if line.kind == "heading":
            self.entry_level = line.level
        self.found.append((number, label, "entry", "timeline"))
        if current != "timeline":
            self.stack.append((0, "timeline"))
        return True

    def _section(self, number: int, line: Line) -> None:
        own = targets.target_of(line.title)
        if line.kind == "pseudo" and not _is_pseudo_heading(own, self.stack):
            return
        current = self.stack[-1][1] if self.stack else ""
        is_below_entry = current == "timeline" and 0 < self.entry_level < line.level
        if is_below_entry and own not in _OWN_BELOW["timeline"]:
            return
        self._close(line.level)
        if self.stack and self.stack[-1][0] == 0:
            self.stack.pop()
        target = _target_below(self.stack[-1][1] if self.stack else "", own)
        self.stack.append((line.level, target))
        self.entry_level = 0
        self.found.append((number, None, "section", target))

    def _close(self, level: int) -> None:
        while self.stack and self.stack[-1][0] >= level:
            self.stack.pop()


def _is_clock(title: str) -> bool:
    label = label_of(title)
    return label is not None and label.clock is not None


def _is_entry(line: Line, label: Label, *, is_implicit: bool) -> bool:
    if line.kind == "pseudo" or is_implicit:
        return label.clock is not None or (line.kind == "heading" and label.is_placeholder)
    return True


def _is_above(line: Line, label: Label, stack: list[tuple[int, str]]) -> bool:
    """A heading that has a date but no time and stands above the timeline is another chapter."""
    if label.clock is not None or label.is_placeholder or not stack:
        return False
    level = stack[-1][0]
    is_bare = not line.title[label.length :].strip(" #:：-–—")
    return line.level < level or (line.level == level and not is_bare)


def _begins_part(lines: list[Line], number: int, stack: list[tuple[int, str]]) -> bool:
    """A paragraph with a label in bold is a part of its own where no heading says what it belongs to."""
    if number and lines[number - 1].kind not in {"blank", "heading", "underline", "inline", "front"}:
        return False
    return not any(target for level, target in stack if level < 7)


def _is_pseudo_heading(own: str, stack: list[tuple[int, str]]) -> bool:
    """A bold or labelled line is a heading where it names a field and does not merely group a list."""
    if not own:
        return False
    above = next((target for level, target in reversed(stack) if level < 7), "")
    # "**Timeline:**" after "**Root causes:**" leads back to the timeline that is above both.
    is_back = own == above == "timeline" and stack[-1] != (stack[-1][0], above)
    return is_back or above not in {"actions", "timeline", "log"} or own in _OWN_BELOW[above]


def _is_label_heading(own: str, stack: list[tuple[int, str]]) -> bool:
    """A labelled bullet is a heading where it does not merely group a list of actions or events."""
    above = next((target for level, target in reversed(stack) if level < BULLET_LEVEL), "")
    return above not in {"actions", "timeline", "log"}


def _has_more(lines: list[Line], number: int) -> bool:
    """Whether a labelled bullet has something of its own below it."""
    after = islice(lines, number + 1, number + 6)
    below = next((line for line in after if line.kind != "blank"), None)
    return below is not None and below.kind != "heading" and below.text[:2] != lines[number].text[:2]


def _target_below(parent: str, own: str) -> str:
    if parent in _OWN_BELOW:
        return own if own in _OWN_BELOW[parent] else parent
    return own or parent


def _title_line(lines: list[Line]) -> int:
    """The line of the heading that is the document's title; -1 when no heading is."""
    headings = [number for number, line in enumerate(lines) if line.kind == "heading"]
    if not headings:
        return -1
    first = headings[0]
    line = lines[first]
    top = [number for number in headings if lines[number].level == 1]
    if line.level == 1:
        if (
            targets.is_placeholder_title(line.title)
            and len(top) > 1
            and not any(lines[number].level > 1 for number in headings[: headings.index(top[1])])
        ):
            return top[1]
        return first if not targets.target_of(line.title) or len(top) == 1 else -1
    if targets.target_of(line.title) or (label_of(line.title) and _is_clock(line.title)):
        return -1
    below = [lines[number].level for number in headings[1:]]
    # A first heading of level 2 is the title when it stands above all the others.
    return first if below and min(below) > line.level else -1
