"""A later deadline is asked for and granted by different people, in time, and by nothing else."""

import pytest
from django.db import DatabaseError, transaction

from postmortem.errors import Invalid, NotAllowed
from remediation import deadlines, items, waivers
from remediation.models import DeadlineMark, DeadlineWaiver, RemediationItem
from tests import factories
from tests.factories import DAY, HOUR, NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db
DUE = NOW + 4 * DAY
LATER = DUE + 14 * DAY


@pytest.fixture
def item():
    return factories.item()


@pytest.fixture
def governor():
    return factories.user("Gia", role="governor")


def ask(item, *, due_at=LATER, reason="The vendor is late.", by=None, now=NOW):
    return waivers.ask(item, reason=reason, due_at=due_at, by=by or item.owner, now=now)


def refused_by_the_database(act, match):
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        act()


def test_asking_moves_nothing_and_granting_does(item, governor):
    """R9: a missing tool that needs longer than 14 days needs this."""
    waiver = ask(item)
    item.refresh_from_db()
    assert (item.due_at, waiver.previous_due_at) == (DUE, DUE)

    granted = waivers.grant(item, comment="It is.", by=governor, now=NOW + HOUR)

    waiver.refresh_from_db()
    assert granted.due_at == RemediationItem.objects.get().due_at == LATER
    assert (waiver.answer, waiver.answered_by, waiver.answered_at, waiver.comment) == (
        "granted",
        governor,
        NOW + HOUR,
        "It is.",
    )
    assert granted.policy_version == item.policy_version


def test_refused_stays(item, governor):
    ask(item)

    waivers.refuse(item, reason="Do it without them.", by=governor, now=NOW)

    item.refresh_from_db()
    assert (item.due_at, item.deadline_waivers.get().answer) == (DUE, "refused")
    ask(item)
    with pytest.raises(Invalid):
        waivers.refuse(item, reason=" ", by=governor, now=NOW)


def test_who_asked_takes_it_back(item, governor):
    ask(item)

    with pytest.raises(NotAllowed):
        waivers.withdraw(item, by=governor, now=NOW)
    waivers.withdraw(item, by=item.owner, now=NOW)

    assert item.deadline_waivers.get().answer == "withdrawn"
    with pytest.raises(items.NotAsked):
        waivers.withdraw(item, by=item.owner, now=NOW)


def test_whoever_asked_or_owns_the_item_does_not_answer(governor):
    own, asked = factories.item(owner=governor), factories.item()
    ask(own, by=factories.user())
    ask(asked, by=governor)

    for item, by in ((own, governor), (asked, governor), (asked, factories.user(role="facilitator"))):
        for act in (waivers.grant, lambda *a, **k: waivers.refuse(*a, reason="x", **k)):
            with pytest.raises(NotAllowed):
                act(item, by=by, now=NOW)
        assert not item.deadline_waivers.exclude(answer="").exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"due_at": DUE}, "due_at"),
        ({"due_at": NOW - DAY}, "due_at"),
        ({"due_at": DUE + waivers.LONGEST + HOUR}, "due_at"),
        ({"due_at": "soon"}, "due_at"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_wrong_value_is_refused(item, values, field):
    with pytest.raises(Invalid) as refusal:
        ask(item, **values)

    assert refusal.value.field == field
    assert not DeadlineWaiver.objects.exists()


def test_one_request_waits_at_a_time_and_viewers_ask_nothing(item):
    ask(item)

    with pytest.raises(items.AlreadyAsked):
        ask(item)
    with pytest.raises(NotAllowed):
        ask(factories.item(), by=factories.user(role="viewer"))


@pytest.mark.parametrize("state", ["verified", "wont_do"])
def test_what_is_settled_needs_no_time(state):
    item = factories.item(state=state)

    with pytest.raises(items.WrongState):
        ask(item)


def test_a_deadline_that_passed_is_not_moved(item, governor):
    ask(item)

    with pytest.raises(waivers.DeadlinePassed) as refusal:
        waivers.grant(item, by=governor, now=DUE + HOUR)
    assert refusal.value.code == "deadline_passed"
    assert item.deadline_waivers.get().has_lapsed(DUE + HOUR)
    assert not item.deadline_waivers.get().has_lapsed(DUE)
    with pytest.raises(waivers.DeadlinePassed):
        ask(factories.item(), now=DUE + HOUR)
    assert waivers.grant(item, by=governor, now=DUE).due_at == LATER


def test_nothing_else_makes_a_deadline_later(item, governor):
    rows = RemediationItem.objects.filter(pk=item.pk)
    refused_by_the_database(lambda: rows.update(due_at=LATER), "without a waiver")

    ask(item)
    refused_by_the_database(lambda: rows.update(due_at=LATER), "without a waiver")
    waivers.grant(item, by=governor, now=NOW)
    refused_by_the_database(lambda: rows.update(due_at=LATER + DAY), "without a waiver")
    assert rows.update(due_at=DUE) == 1


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"reason": ""}, "has_a_reason"),
        ({"due_at": DUE}, "gives_more_time"),
        ({"asked_at": DUE + HOUR}, "asked_in_time"),
        ({"answer": "granted"}, "answer_has_at_and_by"),
    ],
)
def test_the_database_refuses_an_unsound_waiver(item, values, constraint):
    refused_by_the_database(lambda: factories.deadline_waiver(item, **values), constraint)


def test_the_database_knows_who_asked_and_when(item, governor):
    mine = {"answer": "granted", "answered_by": item.owner, "answered_at": NOW}
    refused_by_the_database(lambda: factories.deadline_waiver(item, **mine), "answered_by_another")
    late = {"answer": "granted", "answered_by": governor, "answered_at": DUE + HOUR}
    refused_by_the_database(lambda: factories.deadline_waiver(item, **late), "granted_in_time")

    waiver = factories.deadline_waiver(item)
    rows = DeadlineWaiver.objects.filter(pk=waiver.pk)
    refused_by_the_database(lambda: factories.deadline_waiver(item), "one_open")
    refused_by_the_database(lambda: rows.update(due_at=LATER + DAY), "asked")
    refused_by_the_database(waiver.delete, "kept")
    waivers.refuse(item, reason="No.", by=governor, now=NOW)
    refused_by_the_database(lambda: rows.update(answer="granted"), "answered_once")


@pytest.mark.django_db(transaction=True)
def test_two_governors_who_answer_at_once_give_one_answer(item):
    ask(item)
    people = [factories.user(role="governor") for _ in range(2)]

    refusals = at_once(*[lambda by=by: waivers.grant(item, by=by, now=NOW) for by in people])

    assert sorted(refusal.code for refusal in refusals if refusal) == ["not_asked"]
    assert item.deadline_waivers.get().answered_by == people[refusals.index(None)]


def marks(item):
    return list(DeadlineMark.objects.filter(item=item).values_list("kind", "due_at").order_by("id"))


RISK = NOW - 10 * DAY + 0.8 * 14 * DAY


def test_deadline_is_marked_at_four_fifths_and_when_it_has_passed(item):
    deadlines.mark(now=RISK - HOUR)
    assert marks(item) == []
    deadlines.mark(now=RISK)
    assert marks(item) == [("at_risk", DUE)]
    deadlines.mark(now=DUE)
    assert marks(item) == [("at_risk", DUE)]

    assert deadlines.mark(now=DUE + HOUR) == 1
    assert deadlines.mark(now=DUE + 2 * HOUR) == 0
    assert marks(item) == [("at_risk", DUE), ("breached", DUE)]


@pytest.mark.parametrize(
    ("state", "verified_at", "expected"),
    [
        ("verified", DUE - 3 * DAY, []),
        ("verified", DUE - HOUR, ["at_risk"]),
        ("verified", DUE + HOUR, ["at_risk", "breached"]),
        ("regressed", DUE - HOUR, ["at_risk"]),
        ("regressed", DUE + HOUR, ["at_risk", "breached"]),
        ("wont_do", None, []),
        ("open", None, ["at_risk", "breached"]),
    ],
)
def test_only_a_promise_that_was_kept_in_time_is_not_marked(state, verified_at, expected):
    item = factories.item(state=state)
    RemediationItem.objects.filter(pk=item.pk).update(first_verified_at=verified_at)

    deadlines.mark(now=DUE + DAY)

    assert [kind for kind, _due_at in marks(item)] == expected


def test_a_breach_never_vanishes(item):
    deadlines.mark(now=DUE + HOUR)

    refused_by_the_database(lambda: DeadlineMark.objects.update(kind="at_risk"), "append_only")
    refused_by_the_database(lambda: DeadlineMark.objects.all().delete(), "append_only")


def test_a_new_deadline_is_missed_anew(item, governor):
    deadlines.mark(now=NOW + 2 * DAY)
    ask(item)
    waivers.grant(item, by=governor, now=NOW + 2 * DAY)

    deadlines.mark(now=LATER + HOUR)

    assert marks(item) == [("at_risk", DUE), ("at_risk", LATER), ("breached", LATER)]


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_mark_once(item):
    at_once(lambda: deadlines.mark(now=DUE + HOUR), lambda: deadlines.mark(now=DUE + HOUR))

    assert marks(item) == [("at_risk", DUE), ("breached", DUE)]
