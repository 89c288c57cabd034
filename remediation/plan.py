"""What a review's plan still lacks; archive the review once it lacks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, causes, lessons, reviews, trail
from postmortem.errors import Invalid
from postmortem.models import LessonPoint, Review, RootCause
from postmortem.reviews import Gap
from remediation.models import RemediationItem


def gaps(review: Review) -> list[Gap]:
    """All that stands between the review and the archive, its own gaps first.

    Codes beyond those of `reviews.gaps`: "cause_without_item" (a verified cause that no item answers; a
    declined item is an answer, for it has a reason and an approver), "lesson_without_item" (a point of what
    went badly that no item answers, and no reason with an approver) and "item_ownerless".
    """
    found = reviews.gaps(review)
    unanswered = review.causes.filter(state=RootCause.State.VERIFIED, items=None).order_by("id")
    found += [
        Gap(
            "cause_without_item",
            _("No item answers “%(cause)s”.") % {"cause": cause},
            f"causes/{cause.pk}",
        )
        for cause in unanswered
    ]
    points = review.lesson_points.filter(items=None, declined_because="").order_by("position")
    found += [Gap("lesson_without_item", _no_item(point.text), f"lessons/{point.pk}") for point in points]
    found += [Gap("lesson_without_item", _no_item(text), "lessons") for text in lessons.unread(review)]
    ownerless = (
        RemediationItem.objects.filter(review=review, owner__is_active=False)
        .exclude(state__in=[RemediationItem.State.VERIFIED, RemediationItem.State.WONT_DO])
        .select_related("owner")
        .order_by("id")
    )
    found += [
        Gap(
            "item_ownerless",
            _("%(item)s has no active owner: %(name)s left.") % {"item": item.public_id, "name": item.owner},
            f"items/{item.public_id}",
        )
        for item in ownerless
    ]
    return found


def _no_item(text: str) -> str:
    return _("No item answers “%(cause)s”.") % {"cause": text[:80]}


def answer_lesson(
    point: LessonPoint, *, items: Sequence[RemediationItem], by: User, now: datetime, reason: str = ""
) -> LessonPoint:
    """Say which items answer a point of what went badly, or why none does.

    Args:
        items: of the same review; all that answer it from now on. An item that is declined answers too.
        reason: why it needs none; that is an approval, for facilitators and above.

    Raises:
        Invalid: neither items nor a reason, or an item of another review.
        ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    if any(item.review_id != point.review_id for item in items):
        raise Invalid(_("This item belongs to another review."), field="items")
    with trail.act("plan.answer_lesson", by=by):
        point = lessons.answer(point, reason=reason, by=by, now=now)
        lessons.refuse_unanswered(point, has_items=bool(items))
        point.items.set(items)
    return point


def archive(review: Review, *, by: User, now: datetime) -> Review:
    """Archive a review that lacks nothing.

    Raises:
        NotArchivable: details["gaps"] lists all that is missing.
        Archived, NotAllowed: nothing was written.
    """
    with trail.act("plan.archive", by=by):
        # The lock makes whoever changes causes or items of the review wait until it is decided.
        review = Review.objects.select_for_update().get(pk=review.pk)
        return reviews.archive(review, gaps=gaps(review), by=by, now=now)


def remove_cause(cause: RootCause, *, by: User, now: datetime) -> None:
    """Take a cause back that no item names.

    Raises:
        CauseHasItems: items name it.
        ReviewNotOpen, Archived, StepSigned, NotAllowed: nothing was written.
    """
    with trail.act("plan.remove_cause", by=by):
        Review.objects.select_for_update().get(pk=cause.review_id)
        named_by = RemediationItem.objects.filter(causes=cause).order_by("id")
        causes.remove(cause, items=list(named_by.values_list("public_id", flat=True)), by=by, now=now)
