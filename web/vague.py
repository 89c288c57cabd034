"""Words to reword, each with a little of what stands around it, for the page to mark."""

from collections.abc import Sequence
from dataclasses import dataclass

from postmortem import terms
from postmortem.models import ReviewStep
from postmortem.wording import Purpose, Term

_AROUND = 40


@dataclass(frozen=True)
class Snippet:
    """One phrase in its sentence; `start` and `end` count characters of the whole text."""

    before: str
    phrase: str
    after: str
    start: int
    end: int
    kind: str
    blocks: bool
    why: str
    suggestion: str


def of_step(step: ReviewStep, extra: Sequence[Term]) -> list[Snippet]:
    """What of its two texts would block the signature of a step (R3)."""
    return [found for text in (step.finding, step.evidence) for found in blocking(text, extra)]


def blocking(text: str, extra: Sequence[Term]) -> list[Snippet]:
    """What of a text would block the signature that it stands under."""
    return [found for found in snippets(text, purpose=Purpose.STEP, extra=extra) if found.blocks]


def snippets(text: str, *, purpose: Purpose, extra: Sequence[Term]) -> list[Snippet]:
    """What a text should be reworded for."""
    found = terms.find(text, purpose=purpose, extra=list(extra))
    return [
        Snippet(
            before=_before(text, one.start),
            phrase=one.phrase,
            after=_after(text, one.end),
            start=one.start,
            end=one.end,
            kind=one.kind,
            blocks=one.blocks,
            why=one.why,
            suggestion=one.suggestion,
        )
        for one in found
    ]


def _before(text: str, start: int) -> str:
    """The rest of the line is enough; a phrase is understood from its sentence."""
    first = max(0, start - _AROUND)
    before = text[first:start].rpartition("\n")[2]
    if first > 0 and len(before) == start - first:
        # Cut between words where there are spaces; Chinese is cut anywhere.
        return "…" + (before.partition(" ")[2] or before)
    return before


def _after(text: str, end: int) -> str:
    last = end + _AROUND
    after = text[end:last].partition("\n")[0]
    if last < len(text) and len(after) == last - end:
        return (after.rpartition(" ")[0] or after) + "…"
    return after
