"""Who answers for an item; what becomes of it when its owner leaves (R4)."""

import pytest

from postmortem import trail
from postmortem.errors import Invalid, NotAllowed
from remediation import items
from remediation.items import HasAnOwner, WrongState
from remediation.models import RemediationItem
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager():
    return factories.user("Manager")


def ownerless(manager=None, **fields):
    """An item whose owner was deactivated."""
    item = factories.item(team=factories.team(manager=manager), **fields)
    item.owner.is_active = False
    item.owner.save()
    return RemediationItem.objects.get(pk=item.pk)


def test_the_manager_of_the_team_and_governors_take_an_ownerless_item_over(manager):
    for by in (manager, factories.user(role="governor")):
        item = ownerless(manager)
        assert items.may_take_over(item, by)

        assert items.take_over(item, by=by, now=NOW).owner == by

        item.refresh_from_db()
        assert (item.owner, item.is_ownerless) == (by, False)
        assert trail.of(item).first().act == "items.take_over"


def test_others_take_nothing_over(manager):
    item = ownerless(manager)
    viewing_manager = factories.user(role="viewer")
    theirs = ownerless(viewing_manager)

    for one, by in (
        (item, factories.user(role="facilitator")),
        (item, factories.user()),
        (theirs, viewing_manager),
    ):
        assert not items.may_take_over(one, by)
        with pytest.raises(NotAllowed):
            items.take_over(one, by=by, now=NOW)


def test_what_has_an_owner_or_is_settled_is_not_taken_over(manager):
    owned = factories.item(team=factories.team(manager=manager))
    with pytest.raises(HasAnOwner) as refusal:
        items.take_over(owned, by=manager, now=NOW)
    assert refusal.value.details == {"owner": owned.owner_id}

    for state in ("verified", "wont_do"):
        item = ownerless(manager, state=state)
        assert not items.may_take_over(item, manager)
        with pytest.raises(WrongState):
            items.take_over(item, by=manager, now=NOW)


def test_managers_find_what_lost_its_owner(manager):
    item = ownerless(manager)
    ownerless(manager, state="verified")
    ownerless(factories.user())
    factories.item(team=item.team)

    assert list(items.ownerless_for(manager)) == [item]


def test_another_team_answers_from_now_on():
    item, team = factories.item(), factories.team()

    assert items.hand_to_team(item, team=team, by=item.owner, now=NOW).team == team
    assert trail.of(item).first().after == {"team_id": team.pk}

    with pytest.raises(Invalid) as refusal:
        items.hand_to_team(item, team=item.owner, by=item.owner, now=NOW)
    assert refusal.value.field == "team"
    with pytest.raises(NotAllowed):
        items.hand_to_team(item, team=team, by=factories.user(role="viewer"), now=NOW)
    with pytest.raises(WrongState):
        items.hand_to_team(factories.item(state="wont_do"), team=team, by=item.owner, now=NOW)
