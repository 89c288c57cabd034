"""Approvals of a review: how many the severities ask for, who gave one, whether it still covers the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, document, trail, values
from postmortem.causes import open_review
from postmortem.errors import DomainError, NotAllowed
from postmortem.models import Review, ReviewApproval, Severity


class StepsUnsigned(DomainError):
    """What is approved is signed; details["unsigned"] lists the positions of the steps that are not."""

    code = "step_unsigned"


class AlreadyApproved(DomainError):
    """This person approved this very content."""

    code = "already_approved"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the severities of a review's incidents ask for: the most approvals, the highest role."""

    needed: int
    role: str


@dataclass(frozen=True, slots=True)
class Given:
    """One approval, and whether it counts: given to the content as it is, by one who may still give it."""

    approval: ReviewApproval
    is_valid: bool


def policy(review: Review) -> Policy:
    """What has to be approved before the archive, and by whom."""
    asking = list(Severity.objects.filter(incidents__review=review, approvals_needed__gt=0).distinct())
    roles = [severity.approver_role for severity in asking] or [User.Role.GOVERNOR.value]
    needed = max((severity.approvals_needed for severity in asking), default=0)
    return Policy(needed, max(roles, key=User.RANK.index))


def of(review: Review, *, asked: Policy) -> Sequence[Given]:
    """The approvals of a review, the first given first."""
    rows = list(review.approvals.select_related("given_by").order_by("id"))
    if not rows:
        return []
    # As it is, not as the caller once read it. The archive's own hash needs no second computation.
    review = Review.objects.get(pk=review.pk)
    current = review.content_hash or document.content_hash(review)
    return [
        Given(
            row,
            row.content_hash == current
            and row.given_by.is_at_least(asked.role)
            and row.given_by_id != review.owner_id,
        )
        for row in rows
    ]


def missing(review: Review, *, asked: Policy) -> int:
    """How many approvals are still to be given."""
    if not asked.needed:
        return 0
    return max(0, asked.needed - sum(given.is_valid for given in of(review, asked=asked)))


def who_may(review: Review, *, asked: Policy) -> QuerySet[User]:
    """The people who have the role and do not own the review, by name."""
    roles = User.RANK[User.RANK.index(asked.role) :]
    people = User.objects.filter(is_active=True, is_service=False, role__in=roles)
    return people.exclude(pk=review.owner_id).order_by("name", "pk")


def approve(review: Review, *, by: User, now: datetime, comment: str = "") -> ReviewApproval:
    """Approve a review as it stands. Whatever changes afterwards makes the approval stale.

    Raises:
        StepsUnsigned: a step is not signed, or its signature is stale.
        AlreadyApproved: by this person, and nothing changed since.
        NotAllowed: a lesser role than the policy asks for, or the owner of the review.
        Invalid, ReviewNotOpen, Archived: nothing was written.
    """
    comment = values.text(comment, field="comment", longest=2000)
    with trail.act("approvals.approve", by=by):
        review = open_review(review)
        access.need(by, policy(review).role)
        if review.owner_id == by.pk:
            raise NotAllowed(_("Nobody approves a review that they own."))
        if unsigned := [step.position for step in review.steps.all() if not step.is_signed]:
            raise StepsUnsigned(
                _("Approval comes after the signatures: step %(positions)s is not signed.")
                % {"positions": ", ".join(map(str, unsigned))},
                details={"unsigned": unsigned},
            )
        content_hash = document.content_hash(review)
        if review.approvals.filter(given_by=by, content_hash=content_hash).exists():
            raise AlreadyApproved(_("You approved this already, and nothing changed since."))
        return ReviewApproval.objects.create(
            review=review, given_by=by, given_at=now, content_hash=content_hash, comment=comment
        )
