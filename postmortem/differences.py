"""What changed between two texts, word by word; Chinese, Japanese and Korean character by character.

Pure and bounded: two texts of the greatest length that can be stored are compared within a second, however
they are made. Where a comparison would take longer, larger pieces are shown as replaced.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# A word, a run of spaces, or one character: punctuation, or a sign that is a word by itself.
_WORDS = re.compile(r"[ \t]+|\n|[^\W\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]+|.", re.DOTALL)
_LINES = re.compile(r"[^\n]*\n|[^\n]+\Z")
# How many pairs of equal pieces a comparison may look at.
_MOST_PAIRS = 200_000


@dataclass(frozen=True)
class Piece:
    """A run of text and what became of it: "same", "gone" or "new"."""

    what: str
    text: str


def words(before: str, after: str) -> list[Piece]:
    """Both texts as one: joining what is not new gives `before`, joining what is not gone gives `after`."""
    return list(_joined(_compared(_LINES.findall(before), _LINES.findall(after), is_lines=True)))


def _compared(before: Sequence[str], after: Sequence[str], *, is_lines: bool) -> Iterator[Piece]:
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    yield from (Piece("same", text) for text in before[:start])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if old and new and _pairs(old, new) <= _MOST_PAIRS:
        for operation, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if operation == "equal":
                yield from (Piece("same", text) for text in old[i:j])
            else:
                yield from _replaced(old[i:j], new[k:m], is_lines=is_lines)
    else:
        yield from _replaced(old, new, is_lines=is_lines)
    yield from (Piece("same", text) for text in before[len(before) - end :])


def _replaced(old: Sequence[str], new: Sequence[str], *, is_lines: bool) -> Iterator[Piece]:
    if is_lines and old and new:
        yield from _compared(_WORDS.findall("".join(old)), _WORDS.findall("".join(new)), is_lines=False)
    else:
        yield Piece("gone", "".join(old))
        yield Piece("new", "".join(new))


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def _pairs(old: Sequence[str], new: Sequence[str]) -> int:
    counts = Counter(new)
    return sum(counts[text] for text in old) + len(old) + len(new)


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbours of one kind as one; of a change first all that is gone, then all that is new."""
    same, gone, new = "", "", ""
    for piece in pieces:
        if piece.what == "same":
            # A space between two changed words belongs to the change, or it would look like confetti.
            if (gone or new) and piece.text.isspace() and "\n" not in piece.text:
                same += piece.text
                continue
            if gone or new:
                yield from _changed(gone, new)
                gone = new = ""
            same += piece.text
        elif piece.text:
            if same and (gone or new):
                gone, new, same = gone + same, new + same, ""
            elif same:
                yield Piece("same", same)
                same = ""
            if piece.what == "gone":
                gone += piece.text
            else:
                new += piece.text
    if gone or new:
        yield from _changed(gone, new)
    if same:
        yield Piece("same", same)


def _changed(gone: str, new: str) -> Iterator[Piece]:
    if gone:
        yield Piece("gone", gone)
    if new:
        yield Piece("new", new)
