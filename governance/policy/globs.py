"""Patterns for repositories, branches, paths and labels, without backtracking over what CI sends.

`*` stands for any characters within one part between slashes, `?` for one of them, and a part `**` for any
number of parts, none included. A pattern without a slash is compared with the last part of a path: `*.md`
fits `docs/ci.md`. Upper and lower case differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_ANY_PARTS = "**"


def fits(text: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns fits the whole text."""
    return any(text == pattern or _fits_parts(text.split("/"), pattern.split("/")) for pattern in patterns)


def fits_path(path: str, patterns: Sequence[str]) -> bool:
    """The same for a path, whose last part is enough for a pattern without a slash."""
    name = path.rpartition("/")[2]
    return any(fits(path if "/" in pattern else name, [pattern]) for pattern in patterns)


def _fits_parts(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """The usual walk for one kind of wildcard: after a miss only the last `**` takes one part more."""
    place = at = 0
    resume: tuple[int, int] | None = None
    while place < len(parts):
        if at < len(pattern) and pattern[at] == _ANY_PARTS:
            resume = (at + 1, place)
            at += 1
        elif at < len(pattern) and _part(pattern[at]).fullmatch(parts[place]):
            at, place = at + 1, place + 1
        elif resume is not None:
            resume = (resume[0], resume[1] + 1)
            at, place = resume
        else:
            return False
    return all(rest == _ANY_PARTS for rest in pattern[at:])


@lru_cache(maxsize=2000)
def _part(pattern: str) -> re.Pattern[str]:
    first, *others = (re.escape(text).replace(r"\?", ".") for text in re.split(r"\*+", pattern))
    if not others:
        return re.compile(first, re.DOTALL)
    *between, last = others
    # A star that found its text never looks further: atomic groups keep a long part from costing more.
    middle = "".join(f"(?>.*?{text})" for text in between)
    return re.compile(f"{first}{middle}.*{last}", re.DOTALL)
