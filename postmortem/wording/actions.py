"""Judges whether an action has an outcome that a third person could check.

An action is read as a reader does: by its first sentence, without labels and asides, up to the words that
only say what for. Rules look at the verb it begins with ("head"), at all of it ("clause"), or at actions that
are nothing but a topic ("whole"). A figure, a named change or a product may redeem the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from postmortem.wording.packs import Kind, Pack, Rule, packs

Hit = tuple[Rule, int, int]

_MOST_LINES = 200
_LONGEST = 600
# Points, boxes, priorities and other labels before the action itself.
_LABEL = re.compile(
    r"\s*(?:[-*+•]\s|\d{1,3}[.)、]\s?)?\s*(?:\[[ xX]?\]\s*)?"
    r"(?:(?:\*\*|__)(?:[^*_\s]{1,24}(?:\*\*|__)[:：]?|[^*_\n]{1,40}(?:[:：](?:\*\*|__)|(?:\*\*|__)[:：]))\s*"
    r"|(?:[A-Z]{1,4}-?\d{1,6}|TODO|[A-Za-z]+(?: [A-Za-z]+){0,2}|[\u4e00-\u9fff]{1,8})[:：]\s*)?"
)
_POINT = re.compile(r"^[ \t]*(?:[-*+•]\s|\d{1,3}[.)、])[^\n]*", re.MULTILINE)
_END = re.compile(r"[。；！？\n]|(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)[.!?;](?=\s|$)")
_ASIDE = re.compile(r"\([^()\n]{0,300}\)|（[^（）\n]{0,300}）")
# Numbers of issues and addresses are no figures.
_REFERENCE = re.compile(
    r"!?\[[^\[\]\n]{0,200}\]\([^()\s]{1,2000}\)"
    r"|<?https?://[^\s<>，。；、（）]{1,2000}>?|[\w/.-]*#\d+|\bPR ?\d+"
)
_WORD = re.compile(r"[^\W\d_]")
_CODE = re.compile(r"`[^`\n]+`")


def find(text: str, shown: str, *, is_list: bool) -> list[Hit]:
    """The words that leave the outcome of an action open.

    Args:
        shown: the text with others' words blanked out (`prose.own_words`).
        is_list: judge each point of a list on its own; otherwise the whole text is one action.
    """
    spans = [match.span() for match in _POINT.finditer(shown)][:_MOST_LINES] if is_list else [(0, len(shown))]
    return [hit for start, end in spans for hit in _judge(text, shown, start, end)]


def _judge(text: str, shown: str, start: int, end: int) -> Iterator[Hit]:
    start = _LABEL.match(shown, start, end).end()  # type: ignore[union-attr]
    sentences = [(a, b) for a, b in _sentences(shown, start, min(end, start + 4 * _LONGEST))]
    if not sentences:
        return
    first, last = sentences[0]
    bare = _ASIDE.sub(lambda match: " " * len(match[0]), shown[first:last])
    said = _blank_references(text[first:last])
    rest = [_blank_references(text[a:b]) for a, b in sentences[1:]]
    for pack in packs(Kind.ACTION):
        is_followed_up = any(_is_outcome(pack, sentence) for sentence in rest)
        for rule, a, b in _hits(pack, bare):
            is_redeemed = any(pack.marks[name].search(said) for name in rule.redeemed_by)
            if not is_redeemed and not (is_followed_up and rule.redeemed_by):
                yield rule, first + a, first + b


def _sentences(shown: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in _END.finditer(shown, start, end):
        if _WORD.search(shown, start, match.start()):
            yield start, min(match.start(), start + _LONGEST)
        start = match.end()
    if _WORD.search(shown, start, end):
        yield start, min(end, start + _LONGEST)


def _hits(pack: Pack, sentence: str) -> Iterator[Hit]:
    heads = list(_heads(pack, sentence))
    main = _without_purpose(pack, sentence, heads[-1])
    found: list[Hit] = []
    for rule in pack.rules:
        if rule.where == "clause":
            match = rule.pattern.search(main)
        elif rule.where == "head":
            match = next((one for head in heads if (one := rule.pattern.match(sentence, head))), None)
        else:
            match = None if found else _topic(pack, rule, sentence, heads)
        if match:
            found.append((rule, *match.span()))
    yield from found


def _topic(pack: Pack, rule: Rule, sentence: str, heads: list[int]) -> re.Match[str] | None:
    """The whole action, when it is nothing but a topic; what says what to do is none."""
    end = len(sentence.rstrip(" \t.!。！*_"))
    is_action = any(pack.marks["verbs"].match(sentence, head) for head in heads)
    return None if is_action else rule.pattern.fullmatch(sentence, heads[0], end)


def _heads(pack: Pack, sentence: str) -> Iterator[int]:
    """Where the verb may stand: at the beginning, and behind each word that only leads up to it."""
    at = len(sentence) - len(sentence.lstrip(" \t*_~["))
    yield at
    while (lead := pack.marks["lead"].match(sentence, at)) and lead.end() > at:
        at = lead.end()
        yield at


def _without_purpose(pack: Pack, sentence: str, head: int) -> str:
    purpose = pack.marks["purpose"].search(sentence, min(head + 1, len(sentence)))
    return sentence[: purpose.start()] if purpose else sentence


def _is_outcome(pack: Pack, sentence: str) -> bool:
    """Whether a later sentence says what the first left open: a change, with a figure or a thing by name."""
    is_action = any(pack.marks["verbs"].match(sentence, head) for head in _heads(pack, sentence))
    return is_action and bool(pack.marks["measures"].search(sentence) or _CODE.search(sentence))


def _blank_references(text: str) -> str:
    return _REFERENCE.sub(lambda match: " " * len(match[0]), text)
