"""Pure: which postmortems a change names, in the trailers of its commits and in its description.

Commit messages are read as `git interpret-trailers --parse` reads them (git 2.39, no configuration). A
description is Markdown: quotes, code and HTML comments in it say nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

KEY = "postmortem"
# An id as written may be anything; longer words than this are cut before they are repeated.
LONGEST_NAME = 40

_SPACES = " \t\n\r"
_COMMENT = "#"
_SCISSORS = "# ------------------------ >8 ------------------------\n"
# Lines that git itself writes: one of them among a quarter of trailers makes the paragraph a trailer block.
_BY_GIT = ("Signed-off-by: ", "(cherry picked from commit ")
_ID = re.compile(r"PM-\d{4}-\d{4,9}", re.IGNORECASE | re.ASCII)
_TOKEN = re.compile(r"([0-9A-Za-z-]+)[ \t]*:")


def of_commit(message: str) -> list[str]:
    """The postmortem ids in the trailers of one commit message, in order, each once."""
    return _ids(value for key, value in parse(message) if key.lower() == KEY)


def of_description(text: str) -> list[str]:
    """The postmortem ids in lines `Postmortem: …` of a Markdown text, in order, each once."""
    return _ids(_named_in(text))


def parse(message: str, *, is_divider_obeyed: bool = True) -> list[tuple[str, str]]:
    """The trailers of a commit message as (key, value) pairs, values unfolded to one line.

    Args:
        is_divider_obeyed: a line that begins with `---` and white space ends the message, as for
            `git interpret-trailers`; False reads on, as `git log --format=%(trailers)` does.
    """
    # To git a bare "---" is a divider only when a line break follows it.
    is_open_divider = message.endswith("\n---") or message == "---"
    is_open = not message.endswith("\n")
    if message and is_open:
        message += "\n"
    # str.splitlines would also split at form feeds, lone returns and others, where git does not.
    lines = [f"{line}\n" for line in message.split("\n")[:-1]]
    unended = len(lines) - 1 if is_open else None
    if is_divider_obeyed:
        before = _before_divider(lines)
        lines = lines if is_open_divider and len(before) == len(lines) - 1 else before
    lines = lines[: _end(lines, unended)]
    return [pair for pair in map(_split, _unfolded(lines[_start(lines) :])) if pair is not None]


def _before_divider(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        if line.startswith("---") and line[3] in _SPACES:
            return lines[:number]
    return lines


def _end(lines: list[str], unended: int | None) -> int:
    """How many lines are left without the comments, blank lines and conflict lists at the end.

    Args:
        unended: the number of the line that no line break ended: to git it begins no conflict list.
    """
    cut = lines.index(_SCISSORS) if _SCISSORS in lines else len(lines)
    end, is_conflict_list = 0, False  # as in git, 0 also stands for "none yet"
    for number, line in enumerate(lines[:cut]):
        if line.startswith(_COMMENT) or line == "\n":
            end = end or number
        elif line == "Conflicts:\n" and number != unended:
            end, is_conflict_list = end or number, True
        elif not (is_conflict_list and line.startswith("\t")):
            end, is_conflict_list = 0, False
    return end or cut


def _start(lines: list[str]) -> int:
    """The number of the first line of the trailer block; all of them when there is none.

    The block is the last paragraph, but never the title. It counts when all its lines are trailers, or when
    a line written by git is among them and at least a quarter are.
    """
    title_end = next((number for number, line in enumerate(lines) if _is_blank(line)), len(lines))
    trailers = others = continuations = 0
    is_by_git, is_begun = False, False
    for number in range(len(lines) - 1, title_end - 1, -1):
        line = lines[number]
        if line.startswith(_COMMENT):
            others += continuations
            continuations = 0
        elif _is_blank(line):
            if not is_begun:
                continue
            others += continuations
            is_block = trailers * 3 >= others if is_by_git else trailers > 0 and others == 0
            return number + 1 if is_block else len(lines)
        else:
            is_begun = True
            if line.startswith(_BY_GIT):
                trailers, continuations, is_by_git = trailers + 1, 0, True
            elif _TOKEN.match(line):
                trailers, continuations = trailers + 1, 0
            elif line[0] in _SPACES:
                continuations += 1
            else:
                others += 1 + continuations
                continuations = 0
    return len(lines)


def _unfolded(lines: list[str]) -> Iterator[str]:
    """The lines of a block, with each trailer's continuation lines put behind it."""
    held: list[str] = []
    for line in lines:
        if held and line[0] in _SPACES:
            held.append(line)
            continue
        if held:
            yield "".join(held)
        held = [line] if _TOKEN.match(line) else []
    if held:
        yield "".join(held)


def _split(trailer: str) -> tuple[str, str] | None:
    match = _TOKEN.match(trailer)
    if match is None or trailer.startswith(_COMMENT):
        return None
    value = trailer[match.end() :].strip(_SPACES)
    return match[1], re.sub(r"\n[ \t\n\r]*", " ", value)


def _is_blank(line: str) -> bool:
    return not line.strip(_SPACES)


def _ids(values: Iterable[str]) -> list[str]:
    """The comma-separated words of values, each once; an id in small letters is the same id."""
    words = filter(None, (word.strip() for value in values for word in value.split(",")))
    return list(dict.fromkeys(word.upper() if _ID.fullmatch(word) else word[:LONGEST_NAME] for word in words))


# Descriptions. Where Markdown is ambiguous, a doubtful line does not count: the answer then says how to
# name a postmortem, while the other mistake would let a quoted one pass.

_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_QUOTE = re.compile(r" {0,3}>")
_INDENTED = re.compile(r"    | {0,3}\t")
_NEW_BLOCK = re.compile(r" {0,3}(?:#{1,6}(?:\s|$)|[-*+]\s|\d{1,9}[.)]\s|<)")
_SILENT = re.compile(r"<!--|<(?:pre|code|blockquote|script|style|textarea)\b", re.IGNORECASE)
_NAMING = re.compile(r" {0,3}postmortem[ \t]*:(.*)", re.IGNORECASE)


def _named_in(text: str) -> Iterator[str]:
    for paragraph in _paragraphs(text.replace("\r\n", "\n").replace("\r", "\n")):
        for line in _without_code_spans(paragraph).split("\n"):
            if match := _NAMING.fullmatch(line):
                yield match[1]


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs that a reader of the rendered text sees as the author's own words."""
    fence, is_quoted = "", False
    silent_until: re.Pattern[str] | None = None
    held: list[str] = []
    for line in text.split("\n"):
        if fence:
            fence = "" if _closes(fence, line) else fence
            continue
        if silent_until is None and (match := _FENCE.match(line)):
            fence = match[1]
        is_break = not line.strip() or bool(fence) or bool(_NEW_BLOCK.match(line))
        is_quoted = bool(_QUOTE.match(line)) or (is_quoted and not is_break)
        if is_break and held:
            yield "\n".join(held)
            held = []
        if not (fence or is_quoted or (silent_until is None and _INDENTED.match(line))):
            line, silent_until = _visible(line, silent_until)
            held.append(line)
    if held:
        yield "\n".join(held)


def _closes(fence: str, line: str) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence) and not mark.strip(fence[0])


def _visible(line: str, silent_until: re.Pattern[str] | None) -> tuple[str, re.Pattern[str] | None]:
    """The line without comments and silent elements, and the end of the one that stays open, if any.

    Args:
        silent_until: the end of the one that is open where the line begins. The rest of the line in which it
            ends does not begin a line, so it names nothing.
    """
    if silent_until is not None:
        end = silent_until.search(line)
        return ("", silent_until) if end is None else ("", _visible(line[end.end() :], None)[1])
    bare = _without_code_spans(line)
    shown, position = "", 0
    while opening := _SILENT.search(bare, position):
        shown += line[position : opening.start()]
        # `<!-->` is a whole comment, so its end may overlap its beginning.
        is_comment = opening[0] == "<!--"
        closing = re.compile("-->" if is_comment else rf"</{opening[0][1:]}\s*>", re.IGNORECASE)
        end = closing.search(bare, opening.start() + 2)
        if end is None:
            return shown, closing
        position = end.end()
    return shown + line[position:], None


def _without_code_spans(text: str) -> str:
    """The text with each code span blanked: a run of backticks up to the next run of the same length."""
    runs = [match.span() for match in re.finditer("`+", text)]
    by_length: defaultdict[int, deque[int]] = defaultdict(deque)
    for number, (start, end) in enumerate(runs):
        by_length[end - start].append(number)
    pieces, shown_from, number = [], 0, 0
    while number < len(runs):
        start, end = runs[number]
        same = by_length[end - start]
        while same and same[0] <= number:
            same.popleft()
        if same:
            closing = same[0]
            pieces += [text[shown_from:start], re.sub(r"[^\n]", " ", text[start : runs[closing][1]])]
            shown_from, number = runs[closing][1], closing
        number += 1
    return "".join([*pieces, text[shown_from:]])
