"""Lock the step whose typed evidence is about to change."""

from __future__ import annotations

from django.utils.translation import gettext as _

from postmortem.causes import StepSigned, open_review
from postmortem.models import Review, ReviewStep


def writable(review: Review, kind: str) -> ReviewStep:
    """The step of this kind, locked for a change to its evidence; call it inside the act.

    A stale signature goes: nobody signed the evidence as it will be.

    Raises:
        StepSigned: reopen it first.
        ReviewNotOpen, Archived: nothing was written.
    """
    step = look(review, kind)
    unsign_stale(step)
    return step


def look(review: Review, kind: str) -> ReviewStep:
    """The step of this kind, locked, if its evidence may change.

    Raises:
        StepSigned, ReviewNotOpen, Archived.
    """
    open_review(review)
    steps = ReviewStep.objects.select_for_update(of=("self",)).select_related("review")
    step = steps.get(review=review, kind=kind)
    refuse_signed(step)
    return step


def refuse_signed(step: ReviewStep) -> None:
    """Raises: StepSigned."""
    if step.is_signed:
        raise StepSigned(
            _("Step %(position)d is signed; reopen it first.") % {"position": step.position},
            details={"position": step.position},
        )


def unsign_stale(step: ReviewStep) -> None:
    """Take a stale signature away, with the first change to what it stood under."""
    if step.signed_at is not None:
        step.signed_at, step.signed_by, step.is_stale = None, None, False
        step.save(update_fields=["signed_at", "signed_by", "is_stale"])
