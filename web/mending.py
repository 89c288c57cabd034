"""Where on the pages each gap of a review is mended."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from postmortem.models import Incident, Review, ReviewStep
from postmortem.reviews import Gap


@dataclass(frozen=True)
class Mend:
    """One thing a review lacks, and the address of the place that mends it."""

    gap: Gap
    url: str


def mends(gaps: Sequence[Gap], review: Review, incidents: Sequence[Incident]) -> list[Mend]:
    """Each gap with its place."""
    return [Mend(gap, _place(gap, review, incidents)) for gap in gaps]


def _place(gap: Gap, review: Review, incidents: Sequence[Incident]) -> str:
    """The address for one gap; one of an unknown kind leads to the top of the review."""
    here = reverse("web:review", args=[review.public_id])
    place, _slash, number = gap.where.partition("/")
    if gap.code == "not_open":
        return f"{here}#preparing"
    if place == "steps" and number.isdecimal() and 1 <= int(number) <= len(ReviewStep.Kind.values):
        kind = ReviewStep.Kind.values[int(number) - 1]
        return f"{here}?step={kind}#step-{kind}"
    if place == "timelines" and incidents:
        return f"{reverse('web:incident', args=[incidents[0].public_id])}#people"
    if gap.code == "item_ownerless":
        return f"{here}#items"
    if place == "items":
        return f"{reverse('web:item_new')}?review={review.public_id}"
    if place == "checklist":
        return reverse("web:checklist_add", args=[review.public_id])
    return f"{here}#{place}" if place == "causes" else here
