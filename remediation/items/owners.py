"""Who answers for an item: one active person, in a team."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Team, User
from postmortem import access, trail
from postmortem.errors import DomainError, Invalid, NotAllowed
from postmortem.selecting import any_of
from remediation.items.locking import (
    UNFINISHED,
    State,
    check_owner,
    check_sees,
    lock_owner,
    locked,
    refuse_unless,
    visible_to,
)
from remediation.models import RemediationItem


class HasAnOwner(DomainError):
    """Only what nobody answers for is taken over; details: `owner`."""

    code = "has_an_owner"


def ownerless_for(manager: User) -> QuerySet[RemediationItem]:
    """Unfinished items whose owner was deactivated, in the teams this person manages (R4)."""
    # Few have left. To show the most urgent, PostgreSQL would ask every item for its owner.
    those = RemediationItem.objects.filter(owner__is_active=False, team__manager=manager)
    return visible_to(manager).filter(any_of(those.filter(state__in=UNFINISHED).values("pk")))


def may_take_over(item: RemediationItem, user: User) -> bool:
    """Whether this person may take it over: it lost its owner, and they answer for the team or for all."""
    if not item.is_ownerless or item.state not in UNFINISHED or not user.is_at_least(User.Role.MEMBER):
        return False
    return item.team.manager_id == user.pk or user.is_at_least(User.Role.GOVERNOR)


def assign(item: RemediationItem, *, to: User, by: User, now: datetime) -> RemediationItem:
    """Give an item to another owner.

    Raises:
        Invalid: no active person, or one who may not see the review.
        WrongState: it was declined.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    check_owner(to, field="to")
    check_sees(to, item.review, field="to")
    with trail.act("items.assign", by=by):
        item = locked(item)
        refuse_unless(item, *UNFINISHED, State.VERIFIED)
        lock_owner(to, field="to")
        item.owner = to
        item.save(update_fields=["owner"])
    return item


def hand_to_team(item: RemediationItem, *, team: Team, by: User, now: datetime) -> RemediationItem:
    """Give an item to another team, whose manager hears of it from now on; its owner stays.

    Raises:
        Invalid: no team.
        WrongState: it was declined.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    if not isinstance(team, Team):
        raise Invalid(_("This is needed."), field="team")
    with trail.act("items.hand_to_team", by=by):
        item = locked(item)
        refuse_unless(item, *UNFINISHED, State.VERIFIED)
        item.team = team
        item.save(update_fields=["team"])
    return item


def take_over(item: RemediationItem, *, by: User, now: datetime) -> RemediationItem:
    """Become the owner of an item whose owner was deactivated: the team's manager, or a governor (R4).

    Raises:
        HasAnOwner: its owner is active.
        WrongState: it is settled.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.take_over", by=by):
        item = locked(item)
        refuse_unless(item, *UNFINISHED)
        if not item.is_ownerless:
            raise HasAnOwner(
                _("%(id)s has an owner: %(name)s.") % {"id": item.public_id, "name": item.owner},
                details={"owner": item.owner_id},
            )
        if not may_take_over(item, by):
            raise NotAllowed(_("This is for the manager of the team and for governors."))
        lock_owner(by, field="owner")
        item.owner = by
        item.save(update_fields=["owner"])
    return item
