"""Vague words of a text, each with a little of what stands around it, for the page to mark."""

from dataclasses import dataclass

from django.utils.translation import gettext

from postmortem import wording
from postmortem.models import ReviewStep

_AROUND = 40


@dataclass(frozen=True)
class Snippet:
    """One vague phrase in its sentence; `start` counts characters of the whole text."""

    field: str
    before: str
    phrase: str
    after: str
    start: int
    why: str
    suggestion: str


def of_step(step: ReviewStep) -> list[Snippet]:
    """The vague words that would block the signature of a step (R3)."""
    return [*snippets("finding", step.finding), *snippets("evidence", step.evidence)]


def snippets(field: str, text: str) -> list[Snippet]:
    """The vague words of one text."""
    return [_snippet(field, text, found) for found in wording.find(text)]


def _snippet(field: str, text: str, found: wording.Vague) -> Snippet:
    first, last = max(0, found.start - _AROUND), found.end + _AROUND
    # The rest of the line is enough; a phrase is understood from its sentence.
    before = text[first : found.start].rpartition("\n")[2]
    after = text[found.end : last].partition("\n")[0]
    lead = tail = ""
    if first > 0 and len(before) == found.start - first:
        # Cut between words where there are spaces; Chinese is cut anywhere.
        lead, before = "…", before.partition(" ")[2] or before
    if last < len(text) and len(after) == last - found.end:
        tail, after = "…", after.rpartition(" ")[0] or after
    return Snippet(
        field,
        lead + before,
        text[found.start : found.end],
        after + tail,
        found.start,
        gettext(found.why),
        gettext(found.suggestion),
    )
