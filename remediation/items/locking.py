"""What every act on an item begins with: who may see it, the lock, and the refusals they share."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access
from postmortem.errors import DomainError, Invalid
from postmortem.models import Review
from remediation.models import RemediationItem, VerificationCheck

State = RemediationItem.State
SETTLED = (State.VERIFIED, State.WONT_DO)
UNFINISHED = tuple(state for state in State.values if state not in SETTLED)


class WrongState(DomainError):
    """The item cannot go there from its state; details: `state`."""

    code = "wrong_state"


def visible_to(user: User) -> QuerySet[RemediationItem]:
    """The items this person may see: those of no review, and those of reviews they may see."""
    return RemediationItem.objects.filter(access.review_q(user, "review__"))


def locked(item: RemediationItem) -> RemediationItem:
    return RemediationItem.objects.select_for_update(of=("self",)).select_related("severity").get(pk=item.pk)


def locked_check(check: VerificationCheck) -> VerificationCheck:
    """Lock the item first, then the check: the engine takes them in the same order."""
    locked(check.item)
    # Not its key, which rows that refer to it need while they are stored.
    locked_checks = VerificationCheck.objects.select_for_update(of=("self",), no_key=True)
    return locked_checks.select_related("item", "standing").get(pk=check.pk)


def refuse_unless(item: RemediationItem, *states: str) -> None:
    if item.state not in states:
        allowed = ", ".join(f"“{State(state).label}”" for state in states)
        raise WrongState(
            _("%(id)s is “%(state)s”; this is for an item that is %(allowed)s.")
            % {"id": item.public_id, "state": State(item.state).label, "allowed": allowed},
            details={"state": item.state},
        )


def check_owner(person: object, *, field: str) -> None:
    if not isinstance(person, User) or person.is_service:
        raise Invalid(_("The owner is one person, never a team or a program."), field=field)
    if not person.is_active:
        raise Invalid(_("%(name)s is not active.") % {"name": person}, field=field)


def check_sees(person: User, review: Review | None, *, field: str) -> None:
    """Refuse an owner from whom the review is hidden: the item would be, too."""
    if review is not None and not access.reviews(person).filter(pk=review.pk).exists():
        raise Invalid(
            _("%(name)s may not see %(review)s, and so not the item.") % {"name": person, "review": review},
            field=field,
        )


def lock_owner(person: User, *, field: str) -> None:
    """Refuse a person deactivated since; until the transaction ends nobody deactivates them."""
    if not User.objects.select_for_update(no_key=True).filter(pk=person.pk, is_active=True).exists():
        raise Invalid(_("%(name)s is not active.") % {"name": person}, field=field)
