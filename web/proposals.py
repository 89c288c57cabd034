"""Actions that an imported postmortem proposed, on their way to become items."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from postmortem import imports
from postmortem.importing import columns
from postmortem.models import Review
from remediation.models import RemediationItem
from web.forms.items import active_people

LONGEST = RemediationItem._meta.get_field("title").max_length or 0
LONGEST_LINK = RemediationItem._meta.get_field("tracker_url").max_length or 0


@dataclass(frozen=True)
class Proposal:
    """An action as the document says it, by its place in the document."""

    number: int
    text: str
    told: columns.Told

    @property
    def title(self) -> str:
        """The action on one line, cut after a word where it is too long for a title."""
        line = self.told.title
        return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rsplit(' ', 1)[0]}…"

    @property
    def details(self) -> str:
        """What neither the title nor another field of an item holds, the owner not included."""
        parts = [self.told.title if self.title != self.told.title else "", self.told.details]
        return "\n".join(part for part in parts if part)

    @property
    def hint(self) -> str:
        """The other columns of its row, on one line."""
        told = self.told
        parts = [told.kind, told.owner, told.due.isoformat() if told.due else "", *told.details.split("\n")]
        return " · ".join(part for part in parts if part) if told.owner_column or told.kind else ""


def of(review: Review) -> list[Proposal]:
    """What was proposed, whether or not somebody promised it since; blank lines are no proposals."""
    today = timezone.localdate()
    return [
        Proposal(number, action.text, columns.told(action, today=today))
        for number, action in enumerate(imports.proposed(review), start=1)
        if action.text.strip()
    ]


def open_ones(review: Review, *, promised: Collection[str]) -> list[Proposal]:
    """Those that no item took over, neither in plain words nor as the document writes them.

    Args:
        promised: titles of the items of the review.
    """
    return [one for one in of(review) if not {one.title, " ".join(one.text.split())} & set(promised)]


def asked_for(request: HttpRequest, review: Review | None) -> dict[str, Any]:
    """What the form of an item begins with, from `?proposal=2`; {} for a number that is none."""
    number = request.GET.get("proposal", "")
    found = [] if review is None else [one for one in of(review) if str(one.number) == number]
    return _initial(found[0]) if found else {}


def _initial(proposal: Proposal) -> dict[str, Any]:
    told = proposal.told
    owner = find_person(told.owner)
    is_link = 0 < len(told.link) <= LONGEST_LINK
    left = [
        f"{told.owner_column}: {told.owner}" if told.owner and owner is None else "",
        "" if is_link else told.link,
    ]
    details = "\n".join(part for part in (proposal.details, *left) if part)
    values: dict[str, Any] = {"title": proposal.title, "description": details}
    # Whom nobody here is called like is no reason to promise it in the reader's own name.
    values |= {"owner": owner.pk if owner else None} if told.owner else {}
    values |= {"kind": told.kind} if told.kind else {}
    values |= {"tracker_url": told.link} if is_link else {}
    return values | ({"due_date": told.due} if told.due else {})


def find_person(said: str) -> User | None:
    """The one person who may own work and whom a document calls so: by address, name, or a part of either."""
    said = said.strip().removeprefix("mailto:").lstrip("@").strip()
    if not said or len(said) > 254:
        return None
    ways = (
        Q(email__iexact=said) | Q(name__iexact=said),
        Q(email__istartswith=f"{said}@"),
        Q(name__istartswith=f"{said} ") | Q(name__iendswith=f" {said}"),
    )
    for way in ways:
        people = list(active_people().filter(way)[:2])
        if people:
            return people[0] if len(people) == 1 else None
    return None
