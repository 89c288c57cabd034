"""Pure: PromQL as versions of Prometheus write it: what the newest can say, said as the parser knows it.

The parser is older than the newest syntax. Where an expression uses that, it is rewritten to something of
the same shape that the parser can judge: what is wrong with the rest is then known without a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`|#[^\n]*')
# What a raw string may hold and a quoted one only with a backslash before it.
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_IN_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_OFFSET = re.compile(r"\boffset\s*(?:[-+]\s*)?((?:(?:step|range|max_of|min_of)\s*)?\()", re.IGNORECASE)
_EXTENDED = re.compile(r"(?<![\w:])(?:anchored|smoothed)(?![\w:])", re.IGNORECASE)
_TRIM = re.compile(r"[<>]/")
# Before a name that begins an operand; after anything else a name modifies the operand before it.
_BEFORE_OPERAND = re.compile(r"(?:^|[-+*/%^=~!<>(,{\[]|\b(?:and|or|unless|atan2|bool)\b)\s*$", re.IGNORECASE)

_SECONDS = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_DURATION = re.compile("".join(rf"(?:\d+{unit}(?![a-z]))?" for unit in _SECONDS))
_PART = re.compile(
    r"\s*(?:(?P<literal>0x[0-9a-f]+|(?:\d+(?:ms|[smhdwy]))+(?![\w.])|(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?(?![\w.]))"
    r"|(?P<moment>(?:step|range)\s*\(\s*\))|(?P<pick>(?:max_of|min_of)\s*\()|(?P<mark>[-+*/%^(),]))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.:])(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?(?![\w.])", re.IGNORECASE)
_ZERO = re.compile(r"(?<![\w.:])0+e[-+]?\d+(?![\w.])", re.IGNORECASE)
# Moments are kept as milliseconds in 64 bits, durations as nanoseconds.
_LAST_SECOND = 2**63 / 1000
_LONGEST_SECONDS = 2**63 / 10**9
_LITERAL_AFTER_OFFSET = re.compile(r"\boffset\s*(?:[-+]\s*)?([\w.]+)", re.IGNORECASE)
# Another dialect's: `{a="b" or c="d"}`; a label of that name has its operator behind it.
_OR_IN_BRACES = re.compile(r"\{[^{}]*[\s,](or)\s+[^\s=!,{}][^{}]*\}", re.IGNORECASE)
_INFO = re.compile(r"\binfo\s*(?=\()", re.IGNORECASE)
_MATCHED = re.compile(r'[=!]~\s*("(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`)')
_REPEATED = r"(?:[*+?]|\{\d+(?:,\d*)?\})"
_REPEATED_TWICE = re.compile(rf"{_REPEATED}(?:[*+]|\{{\d+(?:,\d*)?\}}|\?{_REPEATED})")
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_MOST_REPEATED = 1000
_MOST_SPARE_BRACKETS = 100


class Impossible(ValueError):
    """No version of Prometheus takes it; `offset` says where."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An expression for the parser.

    Attributes:
        text: of the same shape; strings apart, each character stands where it stood.
        is_newer: whether the original has syntax that the parser does not know, or not in this form.
    """

    text: str
    is_newer: bool


@dataclass(frozen=True, slots=True)
class _Group:
    """Where a bracket closes, and the commas that stand in no bracket within it."""

    end: int
    commas: Sequence[int]


def bare(promql: str) -> str:
    """The same length, with blanks for what stands in quotes and comments."""
    return _QUOTED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), promql)


def rewrite(promql: str) -> Rewritten:
    """What the parser is to be asked.

    Raises:
        Impossible: durations or numbers that no version takes.
    """
    shape = bare(promql)
    groups = _groups(shape)
    _refuse_numbers(shape)
    _refuse_durations(shape)
    _refuse_selectors(shape, groups)
    _refuse_patterns(promql)
    known = _of_known_words(_of_known_durations(shape, groups))
    is_newer = known != shape
    known = _without_spare_brackets(_with_plain_names(known), groups)
    known = _ZERO.sub(lambda match: "0".ljust(len(match.group())), known)
    text = "".join(new if new != old else kept for new, old, kept in zip(known, shape, promql, strict=True))
    return Rewritten(_QUOTED.sub(_quoted, text), is_newer)


def _groups(shape: str) -> dict[int, _Group]:
    """By where it opens: every bracket that is closed."""
    found: dict[int, _Group] = {}
    opened: list[tuple[int, list[int]]] = []
    for offset, character in enumerate(shape):
        if character in "([{":
            opened.append((offset, []))
        elif character == "," and opened:
            opened[-1][1].append(offset)
        elif character in ")]}" and opened:
            start, commas = opened.pop()
            found[start] = _Group(offset, commas)
    return found


def _quoted(match: re.Match[str]) -> str:
    """The parser reads escapes in raw strings too, where Prometheus reads none."""
    said = match.group()
    return f'"{said[1:-1].translate(_ESCAPED)}"' if said[0] == "`" else said


def _refuse_numbers(shape: str) -> None:
    for match in _NUMBER.finditer(shape):
        said = match.group().strip()
        try:
            value = abs(float(said))
        except ValueError:
            continue  # the parser says what is wrong with it
        if value == float("inf"):
            raise Impossible(f"the number {said[:40]} is out of range", match.start())
        if value > _LAST_SECOND and shape[: match.start()].rstrip("-+ \t\n\r").endswith("@"):
            raise Impossible(f"timestamp out of bounds for @ modifier: {said[:40]}", match.start())


def _refuse_durations(shape: str) -> None:
    """The parser keeps longer ones than Prometheus."""
    words = [
        (part.strip(), match.start())
        for match in _IN_BRACKETS.finditer(shape)
        for part in match[1].split(":")
    ]
    words += [(match[1], match.start(1)) for match in _LITERAL_AFTER_OFFSET.finditer(shape)]
    for word, offset in words:
        try:
            seconds = (
                sum(int(count) * _SECONDS[unit] for count, unit in re.findall(r"(\d+)(ms|[smhdwy])", word))
                if _is_duration(word)
                else float(word)
            )
        except ValueError:
            continue
        if seconds >= _LONGEST_SECONDS:
            raise Impossible("duration out of range", offset)


def _refuse_selectors(shape: str, groups: Mapping[int, _Group]) -> None:
    if match := _OR_IN_BRACES.search(shape):
        raise Impossible("unexpected <or> in label matching", match.start(1))
    for match in _INFO.finditer(shape):
        group = groups.get(match.end())
        if group is None or not group.commas:
            continue
        start, end = group.commas[0] + 1, [*group.commas[1:], group.end][0]
        selector = shape[start:end].strip()
        if not (selector.startswith("{") and selector.endswith("}")):
            raise Impossible("expected label selectors only as the second argument of info()", start)


def _refuse_patterns(promql: str) -> None:
    """Regular expressions that the parser's library takes and Go's does not."""
    for match in _MATCHED.finditer(promql):
        pattern = match[1][1:-1]
        if match[1][0] != "`":
            pattern = pattern.replace("\\\\", "\\")
        if "\\Q" in pattern:
            continue
        pattern = re.sub(r"\[\^?\]?[^\]]*\]", "x", re.sub(r"\\.", "x", pattern))
        counts = [int(count) for found in _COUNT.findall(pattern) for count in found if count]
        if any(count > _MOST_REPEATED for count in counts):
            raise Impossible("error parsing regexp: invalid repeat count", match.start(1))
        if _REPEATED_TWICE.search(pattern):
            raise Impossible("error parsing regexp: invalid nested repetition operator", match.start(1))


def _of_known_durations(shape: str, groups: Mapping[int, _Group]) -> str:
    """Durations that are computed, in brackets and after `offset`, become a minute each."""
    found = list(shape)
    for match in _IN_BRACKETS.finditer(shape):
        start = match.start(1)
        for part in match[1].split(":"):
            if _is_computed(part, start):
                found[start : start + len(part)] = "1m".ljust(len(part))
            start += len(part) + 1
    for match in _OFFSET.finditer(shape):
        group = groups.get(match.end() - 1)
        if group is None:
            continue
        start, end = match.start(1), group.end + 1
        part = shape[start:end]
        if _is_computed(part, start):
            found[start:end] = "1m".ljust(len(part))
    return "".join(found)


def _is_computed(part: str, start: int) -> bool:
    """Whether it is a duration that only the newest versions take: one that is computed.

    Raises:
        Impossible: it is one, and never takes a value above zero.
    """
    parts = list(_parts(part))
    if [kind for kind, _ in parts] in ([], ["literal"]) or not _is_arithmetic(parts):
        return False
    for (_, mark), (kind, divisor), after in zip(parts, parts[1:], [*parts[2:], ("", "")], strict=False):
        if mark in {"/", "%"} and kind == "literal" and _is_zero(divisor) and after[1] != "^":
            raise Impossible(
                "division by zero" if mark == "/" else "modulo by zero", start + part.index(mark)
            )
    signs = [mark for kind, mark in parts[:-1] if kind == "mark" and mark in {"-", "+"}]
    if parts[-1][0] == "literal" and len(signs) == len(parts) - 1 and signs.count("-") % 2:
        raise Impossible("duration must be greater than 0", start)
    return True


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """The words of a duration as (kind, word); one of the kind "" where it stops being any."""
    text, at = text.rstrip(), 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            yield "", text[at:]
            return
        kind = match.lastgroup or ""
        word = match[kind]
        if kind == "literal" and word[-1:].isalpha() and not (word[:2].lower() == "0x" or _is_duration(word)):
            kind = ""
        yield kind, word
        at = match.end()


def _is_duration(word: str) -> bool:
    return _DURATION.fullmatch(word) is not None


def _is_zero(word: str) -> bool:
    if word[:2].lower() == "0x":
        return int(word, 16) == 0
    return re.search("[1-9]", word.lower().partition("e")[0]) is None


def _is_arithmetic(parts: list[tuple[str, str]]) -> bool:
    """Whether the words make one duration: signs, operators between operands, brackets that match."""
    is_operand_next = True
    opened: list[str] = []
    for kind, word in parts:
        if is_operand_next:
            if kind in {"literal", "moment"}:
                is_operand_next = False
            elif kind == "pick":
                opened.append("first")
            elif kind == "mark" and word == "(":
                opened.append("")
            elif word not in {"-", "+"}:
                return False
        elif word == ")" and opened and opened[-1] != "first":
            opened.pop()
        elif word == "," and opened and opened[-1] == "first":
            opened[-1], is_operand_next = "second", True
        elif kind == "mark" and word in "-+*/%^":
            is_operand_next = True
        else:
            return False
    return not opened and not is_operand_next


def _of_known_words(shape: str) -> str:
    """Newer modifiers become blanks, newer operators what has the same types."""
    found = list(_TRIM.sub("- ", shape))
    for match in _EXTENDED.finditer(shape):
        if not _begins_operand(shape, match):
            found[match.start() : match.end()] = " " * len(match.group())
    return "".join(found)


def _with_plain_names(shape: str) -> str:
    """As names of metrics and labels the modifiers are ordinary; the parser takes them for modifiers."""
    return _EXTENDED.sub(lambda match: f"{match.group()[:-1]}_", shape)


def _without_spare_brackets(shape: str, groups: Mapping[int, _Group]) -> str:
    """Of brackets around brackets around brackets only the first: each costs the parser much memory."""
    found, depth = list(shape), 0
    for offset, character in enumerate(shape):
        group = groups.get(offset) if character == "(" else None
        outer = groups.get(offset - 1) if group and shape[offset - 1 : offset] == "(" else None
        depth = depth + 1 if group and outer and outer.end == group.end + 1 else 0
        if group and depth > _MOST_SPARE_BRACKETS:
            found[offset] = found[group.end] = " "
    return "".join(found)


def _begins_operand(shape: str, match: re.Match[str]) -> bool:
    return _BEFORE_OPERAND.search(shape[max(0, match.start() - 40) : match.start()]) is not None
