"""Not to do an item is asked for with a reason, and answered by another person."""

import pytest
from django.db import IntegrityError, transaction

from postmortem import trail
from postmortem.errors import Invalid, NotAllowed
from remediation import items
from remediation.items import AlreadyAsked, NotAsked, WrongState
from remediation.models import RemediationItem, WontDoRequest
from tests import factories
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db

OPEN_STATES = ["open", "in_progress", "fix_claimed", "verifying", "regressed"]


@pytest.fixture
def governor():
    return factories.user("Gia", role="governor")


def ask(item, by=None, reason="The service ends."):
    return items.ask_wont_do(item, reason=reason, by=by or item.owner, now=NOW)


@pytest.mark.parametrize("state", OPEN_STATES)
def test_request_leaves_the_item_where_it_is_until_another_grants_it(governor, state):
    item = factories.item(state=state)

    ask(item)
    item.refresh_from_db()
    assert item.state == state

    granted = items.grant_wont_do(item, comment="It does.", by=governor, now=NOW + HOUR)
    assert (granted.state, granted.wont_do_reason, granted.wont_do_approved_by) == (
        "wont_do",
        "The service ends.",
        governor,
    )
    request = item.wont_do_requests.get()
    assert (request.answer, request.comment, request.answered_by, request.answered_at) == (
        "granted",
        "It does.",
        governor,
        NOW + HOUR,
    )
    assert item.transitions.last().by == governor
    assert {entry.act for entry in trail.of(request)} == {"items.ask_wont_do", "items.grant_wont_do"}


@pytest.mark.parametrize("state", OPEN_STATES)
def test_refusal_brings_the_item_back_to_its_state(governor, state):
    item = factories.item(state=state)
    ask(item)

    refused = items.refuse_wont_do(item, reason="It stays.", by=governor, now=NOW)

    assert (refused.state, refused.wont_do_reason, refused.wont_do_approved_by) == (state, "", None)
    assert item.wont_do_requests.get().comment == "It stays."
    # It may be asked for again.
    assert ask(item).answer == ""


def test_nobody_answers_their_own_request_and_nobody_lets_themselves_off(governor):
    owned, asked = factories.item(owner=governor), factories.item()
    ask(owned, by=factories.user())
    ask(asked, by=governor)

    for item in (owned, asked):
        for act in (
            lambda one: items.grant_wont_do(one, by=governor, now=NOW),
            lambda one: items.refuse_wont_do(one, reason="No.", by=governor, now=NOW),
            lambda one: items.decline(one, reason="Yes.", by=governor, now=NOW),
        ):
            with pytest.raises(NotAllowed):
                act(item)
    assert set(RemediationItem.objects.values_list("state", flat=True)) == {"open"}
    assert set(WontDoRequest.objects.values_list("answer", flat=True)) == {""}


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator"])
def test_answers_are_for_governors(role):
    item, person = factories.item(), factories.user(role=role)
    ask(item)

    with pytest.raises(NotAllowed):
        items.grant_wont_do(item, by=person, now=NOW)
    with pytest.raises(NotAllowed):
        items.refuse_wont_do(item, reason="No.", by=person, now=NOW)


def test_asking_needs_a_reason_an_open_item_and_no_other_request():
    item = factories.item()

    with pytest.raises(Invalid) as refusal:
        ask(item, reason="  ")
    assert refusal.value.field == "reason"
    for state in ("verified", "wont_do"):
        with pytest.raises(WrongState):
            ask(factories.item(state=state))
    with pytest.raises(NotAllowed):
        ask(item, by=factories.user(role="viewer"))
    first = ask(item)
    with pytest.raises(AlreadyAsked) as refusal:
        ask(item, by=factories.user())
    assert refusal.value.details == {"asked_by": first.asked_by_id}


def test_what_nobody_asked_is_not_answered(governor):
    item = factories.item()

    for act in (
        lambda: items.grant_wont_do(item, by=governor, now=NOW),
        lambda: items.refuse_wont_do(item, reason="No.", by=governor, now=NOW),
        lambda: items.withdraw_wont_do(item, by=item.owner, now=NOW),
    ):
        with pytest.raises(NotAsked):
            act()


def test_only_who_asked_takes_it_back():
    item = factories.item()
    ask(item)

    with pytest.raises(NotAllowed):
        items.withdraw_wont_do(item, by=factories.user(), now=NOW)
    items.withdraw_wont_do(item, by=item.owner, now=NOW)

    assert item.wont_do_requests.get().answer == "withdrawn"


def test_a_governor_who_declines_grants_the_request_of_another(governor):
    item = factories.item()
    ask(item)

    declined = items.decline(item, reason="Replaced next month.", by=governor, now=NOW)

    assert (declined.state, declined.wont_do_reason) == ("wont_do", "Replaced next month.")
    assert item.wont_do_requests.get().answer == "granted"


def test_request_for_an_item_that_was_verified_meanwhile_cannot_be_granted(governor):
    item = factories.item(state="verifying")
    ask(item)
    factories.moved(item, "verified", at=NOW)

    with pytest.raises(WrongState):
        items.grant_wont_do(item, by=governor, now=NOW)
    assert item.wont_do_requests.get().answer == ""
    # It can be refused, so that it does not hang about.
    assert items.refuse_wont_do(item, reason="It is done.", by=governor, now=NOW).state == "verified"


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": "granted"},
        {"answer": "granted", "answered_at": NOW, "is_by_asker": True},
        {"answer": "refused", "answered_at": NOW, "is_by_asker": True},
        {"answered_at": NOW},
    ],
)
def test_database_refuses_an_answer_without_a_second_person(changes):
    request = factories.wont_do_request(factories.item())
    if changes.pop("is_by_asker", False):
        changes["answered_by"] = request.asked_by

    with pytest.raises(IntegrityError), transaction.atomic():
        WontDoRequest.objects.filter(pk=request.pk).update(**changes)


def test_database_keeps_what_was_asked_and_one_open_request():
    item = factories.item()
    request = factories.wont_do_request(item)

    with pytest.raises(IntegrityError), transaction.atomic():
        factories.wont_do_request(item)
    for statement in (
        lambda: WontDoRequest.objects.filter(pk=request.pk).update(reason="Something else."),
        lambda: WontDoRequest.objects.filter(pk=request.pk).delete(),
    ):
        with pytest.raises(Exception, match="pgtrigger"), transaction.atomic():
            statement()
