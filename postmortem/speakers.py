"""Pure: who said something and when, as chats put it above each message in a copied conversation."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

# A name is short and holds no sentence; brackets may follow it, as in "Lin (on call)".
_NAME = r"(?P<name>[^\W\d][^\[\]\n:：;；!！?？。|]{0,48}?)"
_DAY = r"(?:\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}月\d{1,2}日)"
_CLOCK = r"(?:[上下]午 ?)?\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?: ?[AaPp]\.?[Mm]\.?)?"
# What chats write where the day is near; the day is that of the conversation then.
_NEAR = r"(?:(?:today|今天)(?: at)? ?|(?P<yesterday>yesterday|昨天)(?: at)? ?)?"
_WRITTEN = rf"{_NEAR}(?P<day>{_DAY})?,? ?(?:at )?(?P<clock>{_CLOCK})"
_HEADER = re.compile(
    rf"{_NAME}(?P<gap>,? ?\[|[ \t]{{2,}}|\t| [—–] |, | )(?P<written>{_WRITTEN})\]?:?[ \t]*", re.IGNORECASE
)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
# So far a text is looked through to see whether it is a conversation.
_MOST_LINES = 400


class Header(NamedTuple):
    """Who spoke, and when as it was written: "9:12 AM", "2026/11/27 9:12:33", "yesterday 23:10"."""

    name: str
    written: str


def header(line: str) -> Header | None:
    """What the line above a message says; None where it is none.

    One blank between a name and a time of day is what a sentence has as well ("Restarted it at 14:03"): then
    the name must be one word, or the day be told.

    >>> header("Chen Hao  9:12 AM")
    Header(name='Chen Hao', written='9:12 AM')
    """
    match = _HEADER.fullmatch(line.strip())
    if match is None:
        return None
    name = match["name"].strip()
    if match["gap"] == " " and not match["day"] and len(name.split()) > 1:
        return None
    # With dots the day comes first everywhere.
    day = _DOTTED.sub(r"\3-\2-\1", match["day"] or "")
    parts = ("yesterday" if match["yesterday"] else "", day, match["clock"])
    return Header(name, " ".join(part for part in parts if part))


def is_conversation(text: str) -> bool:
    """Whether there are two such lines or more, each with a message below it."""
    lines = [line for line in text.splitlines()[:_MOST_LINES] if line.strip()]
    heads = [header(line) is not None for line in lines]
    told = sum(is_head and not below for is_head, below in pairwise(heads))
    return told >= 2
