"""Actions that an imported postmortem proposed, on their way to become items."""

from collections.abc import Collection
from dataclasses import dataclass

from django.http import HttpRequest

from postmortem import imports
from postmortem.models import Review
from remediation.models import RemediationItem

LONGEST = RemediationItem._meta.get_field("title").max_length or 0


@dataclass(frozen=True)
class Proposal:
    """An action as the document says it, by its place in the document."""

    number: int
    text: str

    @property
    def title(self) -> str:
        """The action on one line, cut after a word where it is too long for a title."""
        line = " ".join(self.text.split())
        return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rsplit(' ', 1)[0]}…"

    @property
    def details(self) -> str:
        """The whole text, where the title does not hold it."""
        return "" if self.title == self.text.strip() else self.text.strip()


def of(review: Review) -> list[Proposal]:
    """What was proposed, whether or not somebody promised it since; blank lines are no proposals."""
    texts = imports.proposed(review)
    return [Proposal(number, text) for number, text in enumerate(texts, start=1) if text.strip()]


def open_ones(review: Review, *, promised: Collection[str]) -> list[Proposal]:
    """Those that no item took over.

    Args:
        promised: titles of the items of the review.
    """
    return [one for one in of(review) if one.title not in promised]


def asked_for(request: HttpRequest, review: Review | None) -> dict[str, str]:
    """Title and details for the form of an item, from `?proposal=2`; {} for a number that is none."""
    number = request.GET.get("proposal", "")
    found = [] if review is None else [one for one in of(review) if str(one.number) == number]
    return {"title": found[0].title, "description": found[0].details} if found else {}
