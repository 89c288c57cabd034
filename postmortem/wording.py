"""Pure: vague words and where they are. A rule is data: why it blocks, what to write instead, its patterns.

Code, quotations, links and log lines are left alone, for they are not the writer's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Vague:
    """A vague phrase; `start` and `end` count code points of the text as given.

    `why` and `suggestion` are untranslated; the faces pass them through gettext.
    """

    start: int
    end: int
    phrase: str
    why: str
    suggestion: str


@dataclass(frozen=True)
class _Rule:
    why: str
    suggestion: str
    patterns: tuple[str, ...]


def _(message: str) -> str:
    """Marks a text for translation; the faces translate it."""
    return message


_RULES = (
    _Rule(
        _("This is a guess."),
        _("Say what was observed and where; record what is not yet proven as a hypothesis."),
        (
            "可能|也许|或许|大概|恐怕|说不定|没准|估摸",
            r"\b(?:probably|maybe|perhaps|possibly|presumably|supposedly|conceivably)\b",
            r"\b(?:(?:most|very|quite|more than) )?likely\b",
            r"\bmight(?: (?:have|be|not))?\b",
            r"\bmay (?:have|be|not|well|also)\b",
            r"\bcould (?:have|be)\b",
        ),
    ),
    _Rule(
        _("This is an impression, not an observation."),
        _("Give the figure, the query or the log line that shows it."),
        (
            "好像|似乎|貌似|疑似|看起来像|看上去像|感觉像|感觉是",
            r"\b(?:seem(?:s|ed)?|appear(?:s|ed)?) (?:to|like|that)\b",
            r"\b(?:seemingly|apparently|somehow)\b",
            r"\b(?:looks|looked) like\b",
            r"\bfor some reason\b",
        ),
    ),
    _Rule(
        _("This is an opinion."),
        _("State the fact and its evidence, or record a hypothesis."),
        (
            "(?:应该|估计|八成|多半)(?:就)?是|差不多是|应该没(?:有)?问题",
            "猜测|推测|怀疑|个人认为|我们?觉得|我们?认为",
            r"\b(?:I|we) (?:think|thought|believed?|guess|guessed|assumed?|suspect|suspected|feel)\b",
            r"\bit is possible that\b",
            r"\bnot (?:quite |entirely )?sure\b",
        ),
    ),
)
_PATTERNS = tuple((re.compile("|".join(rule.patterns), re.IGNORECASE), rule) for rule in _RULES)

# Phrases that contain a vague word and are not vague. A finding that lies inside one is dropped.
_ALLOWED = re.compile(
    r"(?<!大)不可能|可能性|(?:尽|成为|所有|一切|任何|各种|多种|两种|三种)可能"
    r"|可能的?(?:取)?值|可能的(?:取值|结果|状态|情况)"
    r"|大概率|大概念|推测执行"
    r"|\b(?:may|might) not (?:exceed|be (?:changed|edited|used|null))"
    r"|\bcould (?:have (?:been )?|be )(?:avoided|prevented|caught|detected|gone|done|used|added)\b"
    r"|\blook(?:s|ed) like (?:this|the following)\b",
    re.IGNORECASE,
)

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*(?:\n|\Z)", re.MULTILINE)
_LEVEL = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|PANIC"
# One line each: indented code, a quotation, a log line that begins with date and time or with its level.
_LINES = re.compile(
    r"^(?: {4,}|\t)[^\n]*"
    r"|^ {0,3}>[^\n]*"
    rf"|^\W{{0,3}}\d{{4}}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[^\n]*\b(?:{_LEVEL})\b[^\n]*"
    rf"|^(?:\[(?:{_LEVEL})\]|(?:{_LEVEL}):?\s+\d)[^\n]*",
    re.MULTILINE,
)
# Inline code, the target of a link, an address, a quotation in quotation marks.
_SPANS = re.compile(
    r"(?<!`)(`{1,3})(?!`)[^`\n]{1,2000}?(?<!`)\1(?!`)"
    r"|\]\([^()\s]{1,2000}\)"
    r"|<https?://[^>\s]{1,2000}>"
    r"|\b(?:https?|ftp)://[^\s<>\"'，。；、（）]{1,2000}"
    r"|“[^“”\n]{1,500}”|「[^「」\n]{1,500}」|『[^『』\n]{1,500}』|\"[^\"\n]{1,500}\""
)


def find(text: str) -> list[Vague]:
    """The vague phrases of a text in order, none overlapping another.

    >>> [(v.start, v.end, v.phrase) for v in find("可能是连接池，不可能是网络")]
    [(0, 2, '可能')]
    """
    shown = _without_others_words(text)
    harmless = [match.span() for match in _ALLOWED.finditer(shown)]
    found = sorted(
        (
            Vague(*match.span(), match[0], rule.why, rule.suggestion)
            for pattern, rule in _PATTERNS
            for match in pattern.finditer(shown)
        ),
        key=lambda vague: (vague.start, -vague.end),
    )
    kept: list[Vague] = []
    for vague in found:
        is_harmless = any(start <= vague.start and vague.end <= end for start, end in harmless)
        if not is_harmless and (not kept or vague.start >= kept[-1].end):
            kept.append(vague)
    return kept


def _without_others_words(text: str) -> str:
    """The text with code, quotations, links and log lines blanked out; every offset stays."""
    pieces: list[str] = []
    end = 0
    for start, stop in _fenced(text):
        pieces += [text[end:start], _blank(text[start:stop])]
        end = stop
    text = "".join([*pieces, text[end:]])
    for pattern in (_LINES, _SPANS):
        text = pattern.sub(lambda match: _blank(match[0]), text)
    return text


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _fenced(text: str) -> Iterator[tuple[int, int]]:
    """Where code blocks between ``` or ~~~ are; an unclosed one runs to the end."""
    opened: tuple[int, str] | None = None
    for match in _FENCE.finditer(text):
        fence = match[1]
        if opened is None:
            opened = (match.start(), fence)
        elif (
            fence[0] == opened[1][0] and len(fence) >= len(opened[1]) and not match[0].strip().strip(fence[0])
        ):
            yield opened[0], match.end()
            opened = None
    if opened is not None:
        yield opened[0], len(text)
