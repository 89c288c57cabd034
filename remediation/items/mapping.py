"""Which causes an item answers, and what no item answers yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail
from postmortem.errors import Archived, Invalid
from postmortem.models import LessonPoint, Review, RootCause
from remediation.items.locking import locked
from remediation.models import RemediationItem


@dataclass(frozen=True)
class Unanswered:
    """Verified causes and points of what went badly that no item answers."""

    causes: list[RootCause]
    lessons: list[LessonPoint]

    def __bool__(self) -> bool:
        return bool(self.causes or self.lessons)


def unanswered(review: Review) -> Unanswered:
    """What a review found that no item answers; a point that was declined with a reason is answered."""
    return Unanswered(
        causes=list(review.causes.filter(state=RootCause.State.VERIFIED, items=None).order_by("id")),
        lessons=list(review.lesson_points.filter(items=None, declined_because="").order_by("position")),
    )


def answer_causes(
    item: RemediationItem, *, causes: Iterable[RootCause], by: User, now: datetime
) -> RemediationItem:
    """Say which causes an item removes: all that it answers from now on.

    Raises:
        Invalid: a cause of another review, or one that was refuted; `field` is "causes".
        Archived: the plan of an archived postmortem may grow and never shrinks.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    wanted = {cause.pk: cause for cause in causes}
    with trail.act("items.answer_causes", by=by):
        review = None
        if item.review_id is not None:
            # First the review, then the item, as everybody does.
            review = Review.objects.select_for_update().get(pk=item.review_id)
        item = locked(item)
        if any(review is None or cause.review_id != review.pk for cause in wanted.values()):
            raise Invalid(_("These causes belong to another review."), field="causes")
        kept = {cause.pk for cause in item.causes.all()}
        fresh = [cause for pk, cause in wanted.items() if pk not in kept]
        if any(cause.state == RootCause.State.REFUTED for cause in fresh):
            raise Invalid(_("A refuted cause needs no item."), field="causes")
        if review is not None and review.is_archived and kept - wanted.keys():
            raise Archived(_("The plan of an archived postmortem may grow, it never shrinks."))
        item.causes.set(wanted.values())
    return item
