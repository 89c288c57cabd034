"""Finds what is vague in a text, for what the text is meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from postmortem.wording import actions, phrases
from postmortem.wording.packs import Kind, Rule, packs
from postmortem.wording.phrases import Term
from postmortem.wording.prose import own_words

# A text with more is answered by its first ones; nobody reads the rest.
MAX_FINDINGS = 500


class Purpose(StrEnum):
    """What a text is, which decides what is asked of it."""

    STEP = "step"
    CAUSE = "cause"
    LESSON = "lesson"
    ITEM = "item"
    ITEM_DETAILS = "item_details"


@dataclass(frozen=True)
class Finding:
    """A phrase to reword; `start` and `end` count code points of the text as given.

    Attributes:
        rule: the id of its rule, or "term" for a phrase that a team added.
        kind: "hedging", "action", "blame" or "term".
        blocks: it stops the signature of a step; otherwise it is a hint.
        why, suggestion: untranslated, faces pass them through gettext; of a term they are the team's words.
    """

    start: int
    end: int
    phrase: str
    rule: str
    kind: str
    blocks: bool
    why: str
    suggestion: str


_KINDS = {
    Purpose.STEP: (Kind.HEDGING, Kind.BLAME),
    Purpose.CAUSE: (Kind.HEDGING, Kind.BLAME),
    Purpose.LESSON: (Kind.HEDGING, Kind.BLAME),
    Purpose.ITEM: (Kind.ACTION, Kind.BLAME),
    Purpose.ITEM_DETAILS: (Kind.ACTION, Kind.BLAME),
}
# A cause has a typed state for what is not proven yet, so its sentence need not say so.
STATE_INSTEAD = "Word it as a plain statement: that it is not proven is what its state, hypothesis, says."


def find(text: str, *, purpose: Purpose = Purpose.STEP, extra: Sequence[Term] = ()) -> list[Finding]:
    """The phrases of a text to reword, in order, none overlapping another.

    Args:
        extra: what the teams at work added or allow.

    >>> [(found.start, found.end, found.phrase) for found in find("可能是连接池，不可能是网络")]
    [(0, 2, '可能')]
    """
    shown = own_words(text)
    lowered = phrases.lower(shown) if extra else ""
    allowed = [span for term in extra if term.is_allowed for span in phrases.spans(lowered, term.phrase)]
    found = [
        *(one for kind in _KINDS[purpose] for one in _by_rules(text, shown, kind, purpose)),
        *_by_terms(shown, lowered, extra, purpose),
    ]
    return _apart(found, allowed)[:MAX_FINDINGS]


def _by_rules(text: str, shown: str, kind: Kind, purpose: Purpose) -> Iterator[Finding]:
    if kind == Kind.ACTION:
        hits: Iterable[actions.Hit] = actions.find(text, shown, is_list=purpose == Purpose.ITEM_DETAILS)
    else:
        hits = (hit for pack in packs(kind) for rule in pack.rules for hit in _hits(rule, shown))
    for rule, start, end in hits:
        yield Finding(
            start,
            end,
            shown[start:end],
            rule.id,
            str(kind),
            rule.blocks and purpose == Purpose.STEP,
            rule.why,
            STATE_INSTEAD if kind == Kind.HEDGING and purpose == Purpose.CAUSE else rule.suggestion,
        )


def _hits(rule: Rule, shown: str) -> Iterator[actions.Hit]:
    matches = [match.span() for match in rule.pattern.finditer(shown)]
    harmless = [match.span() for match in rule.allow.finditer(shown)] if rule.allow and matches else []
    for start, end in _outside(matches, harmless):
        yield rule, start, end


def _outside(spans: list[tuple[int, int]], harmless: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans that lie in no harmless one; both are in order and without overlap."""
    at = 0
    for start, end in spans:
        while at < len(harmless) and harmless[at][1] < end:
            at += 1
        if at == len(harmless) or harmless[at][0] > start:
            yield start, end


def _by_terms(shown: str, lowered: str, extra: Sequence[Term], purpose: Purpose) -> Iterator[Finding]:
    for term in extra:
        if not term.is_allowed:
            for start, end in phrases.spans(lowered, term.phrase):
                blocks = purpose == Purpose.STEP
                yield Finding(start, end, shown[start:end], "term", "term", blocks, term.why, term.suggestion)


def _apart(found: list[Finding], allowed: list[tuple[int, int]]) -> list[Finding]:
    """In order and apart, without what lies in an allowed phrase; what blocks goes before a hint."""
    merged = _merged(allowed)
    found.sort(key=lambda one: (one.start, not one.blocks, -one.end))
    kept: list[Finding] = []
    at = 0
    for one in found:
        while at < len(merged) and merged[at][1] < one.end:
            at += 1
        if at < len(merged) and merged[at][0] <= one.start:
            continue
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
        elif one.blocks and not kept[-1].blocks:
            # A hint never hides what will stop the signature.
            kept[-1] = one
    return kept


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order; one that lies within another goes. Two that overlap stay two: neither allows both."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or end > kept[-1][1]:
            kept.append((start, end))
    return kept
