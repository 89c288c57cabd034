"""Phrases that a team added or allowed: literal text, never a pattern, so nobody can write a slow one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A phrase that is vague here, with its reason, or one that is sound here."""

    phrase: str
    is_allowed: bool
    why: str = ""
    suggestion: str = ""


def spans(text: str, phrase: str) -> Iterator[tuple[int, int]]:
    """Where a phrase stands in a text lowered by `lower`, in any case; words are matched whole."""
    phrase = lower(phrase.strip())
    if not phrase:
        return
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if not (_cuts_word(text, at) or _cuts_word(text, end)):
            yield at, end
        at = text.find(phrase, end)


def lower(text: str) -> str:
    """The text in lower case with every offset kept: the few letters that would grow stay as they are."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


def _cuts_word(text: str, at: int) -> bool:
    """Whether a place lies within a word; Chinese runs on without gaps, so only Latin letters count."""
    return 0 < at < len(text) and _is_latin(text[at - 1]) and _is_latin(text[at])


def _is_latin(letter: str) -> bool:
    return letter == "_" or (letter.isalnum() and letter < "\u2e80")
