"""Pure: a document as lines that know what they are: heading, code, comment, blank or text."""

from __future__ import annotations

import re
from typing import NamedTuple

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^`]*)$")
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_CLOSING_HASHES = re.compile(r"[ \t]+#+[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_BOLD_LINE = re.compile(r"^ {0,3}(\*\*|__)([^*_]{2,80}?)(?:\1[:：]?|[:：]\1)[ \t]*$")
_LABEL_LINE = re.compile(r"^ {0,3}([^\s*#>|`\-+][^:：|`]{1,60})[:：][ \t]*$")
# "**Summary:** Orders failed."
INLINE_LABEL = re.compile(r"^(\*\*|__)([^*_:：\n]{2,60}?)(?:[:：]\1|\1\s?[:：])\s*(?=\S)")
# "- **Action items**:", with its list below it.
_BULLET_LABEL = re.compile(r"^ {0,3}[-*+] (\*\*|__)([^*_:：\n]{2,60}?)(?:\1\s?[:：]?|[:：]\1)[ \t]*$")
# Its level, below that of every heading.
BULLET_LEVEL = 8
_PAIR = re.compile(r"^([A-Za-z][\w .-]{0,60}?)\s*[:=]\s*(.*)$")
_MOST_FRONT_LINES = 300
# A document has fewer lines; what comes after so many is kept as one piece and not read.
MOST_LINES = 20_000


class Line(NamedTuple):
    """One line.

    Attributes:
        start, end: in the source, the newline not included.
        kind: "heading", "pseudo" (bold or labelled line alone that may be a heading), "inline" (a text that
            begins with a label in bold), "code", "comment", "blank", "front", "underline" or "text".
        level: of a heading; 7 for a pseudo heading, 8 for a text that is a bullet and nothing but a label.
        title: of a heading or label, without its marks.
    """

    start: int
    end: int
    text: str
    kind: str
    level: int = 0
    title: str = ""

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip(" \t"))


def normalised(source: str) -> str:
    """The source with plain newlines and without a byte order mark."""
    return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def lines_of(source: str) -> list[Line]:
    """All lines of a normalised source; together they are the whole source."""
    raw: list[tuple[int, str]] = []
    offset = 0
    *texts, tail = source.split("\n", MOST_LINES)
    for text in texts if len(texts) == MOST_LINES else [*texts, tail]:
        raw.append((offset, text))
        offset += len(text) + 1
    front = _front_end(raw)
    state = _State()
    lines = [
        Line(start, start + len(text), text, "front")
        if number < front
        else Line(start, start, "", state.of_blank())
        if not text
        else state.line(start, start + len(text), text)
        for number, (start, text) in enumerate(raw)
    ]
    lines = _with_underlined(lines)
    if len(texts) == MOST_LINES:
        lines.append(Line(offset, offset + len(tail), tail, "code"))
    return lines


class _State:
    """What an earlier line began: a fence of code or a comment."""

    def __init__(self) -> None:
        self.fence = ""
        self.in_comment = False

    def of_blank(self) -> str:
        return "code" if self.fence else "comment" if self.in_comment else "blank"

    def line(self, start: int, end: int, text: str) -> Line:
        if self.fence:
            stripped = text.strip()
            if stripped and not stripped.strip(self.fence[0]) and len(stripped) >= len(self.fence):
                self.fence = ""
            return Line(start, end, text, "code")
        if self.in_comment or text.lstrip().startswith("<!--"):
            self.in_comment = "-->" not in text
            return Line(start, end, text, "comment")
        if not text.strip():
            return Line(start, end, text, "blank")
        if len(text) >= 2000:
            return Line(start, end, text, "text")
        if opening := _FENCE.match(text.lstrip(" \t")):
            self.fence = opening[1]
            return Line(start, end, text, "code")
        if heading := _HEADING.match(text):
            title = _CLOSING_HASHES.sub("", heading[2] or "").strip()
            return Line(start, end, text, "heading", len(heading[1]), title)
        return _plain_line(start, end, text)


def _plain_line(start: int, end: int, text: str) -> Line:
    if len(text) < 120 and (match := _BOLD_LINE.match(text)):
        return Line(start, end, text, "pseudo", 7, match[2].strip(" :："))
    if len(text) < 80 and (match := _LABEL_LINE.match(text)):
        return Line(start, end, text, "pseudo", 7, match[1].strip())
    if len(text) < 120 and (match := _BULLET_LABEL.match(text)):
        return Line(start, end, text, "text", BULLET_LEVEL, match[2].strip())
    if match := INLINE_LABEL.match(text[:200]):
        return Line(start, end, text, "inline", 7, match[2].strip())
    return Line(start, end, text, "text")


def _with_underlined(lines: list[Line]) -> list[Line]:
    """Turn a single line of text above === or --- into a heading; its underline becomes part of it."""
    for number in range(1, len(lines)):
        line = lines[number]
        if line.kind != "text" or line.text.lstrip()[:1] not in {"-", "="}:
            continue
        above = lines[number - 1]
        if above.kind not in {"text", "pseudo"} or "|" in above.text:
            continue
        if not (match := _UNDERLINE.match(line.text)) or above.text.lstrip()[:1] in "-*+>":
            continue
        if number > 1 and lines[number - 2].kind in {"text", "pseudo"}:
            continue
        level = 1 if match[1][0] == "=" else 2
        lines[number - 1] = Line(above.start, above.end, above.text, "heading", level, above.text.strip())
        lines[number] = Line(line.start, line.end, line.text, "underline")
    return lines


def _front_end(raw: list[tuple[int, str]]) -> int:
    """How many lines the front matter takes, its fences included; 0 when there is none."""
    mark = raw[0][1].rstrip() if raw else ""
    if mark not in {"---", "+++"}:
        return 0
    for number in range(1, min(len(raw), _MOST_FRONT_LINES)):
        if raw[number][1].rstrip() == mark:
            is_filled = any(_PAIR.match(text) for _start, text in raw[1:number])
            return number + 1 if is_filled else 0
    return 0


def front_pairs(lines: list[Line]) -> dict[str, tuple[str, int, int]]:
    """The simple `key: value` and `key = value` pairs of the front matter: name -> (value, start, end).

    Nothing is executed or constructed: a value is a text, its quotes taken off; lists and nested keys are
    left alone (their text stays in the rest).
    """
    found: dict[str, tuple[str, int, int]] = {}
    for line in lines:
        if line.kind != "front" or len(line.text) > 2000 or not (match := _PAIR.match(line.text)):
            continue
        value = match[2].strip()
        if value[:1] in {"[", "{", "|", ">", "&", "*", "!"}:
            continue
        if len(value) >= 2 and value[0] in "\"'":
            closing = value.find(value[0], 1)
            while closing > 0 and value[closing - 1] == "\\":
                closing = value.find(value[0], closing + 1)
            value = value[1:closing].replace('\\"', '"') if closing > 0 else value[1:]
        elif " #" in value:
            value = value.split(" #", 1)[0].rstrip()
        key = match[1].strip().lower().replace("-", "_").replace(" ", "_")
        if value:
            found.setdefault(key, (value, line.start, line.end))
    return found
