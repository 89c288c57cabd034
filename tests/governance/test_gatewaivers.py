"""Waivers of the gate: who may ask and grant, until when, who is told, and who sees them."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from governance import gatewaivers, notices
from governance.models import GateWaiver, Notice
from postmortem.errors import Invalid, NotAllowed
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

NOW = f.NOW
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def member():
    return f.user("Mia")


@pytest.fixture
def governor():
    return f.user("Gia", role="governor")


def asked(by, **fields):
    said = {
        "repository": "shop/order",
        "findings": ["POSTMORTEM_NOT_NAMED"],
        "reason": "The sale begins.",
        "expires_at": NOW + DAY,
    }
    return gatewaivers.ask(by=by, now=NOW, **said | fields)


def test_waiver_is_asked_for_and_granted_by_somebody_else(member, governor):
    waiver = asked(member, change_id=" !42 ", findings=["PM_UNKNOWN", "POSTMORTEM_NOT_NAMED", "PM_UNKNOWN"])
    assert (waiver.change_id, waiver.findings) == ("!42", ["POSTMORTEM_NOT_NAMED", "PM_UNKNOWN"])
    assert waiver.state(NOW) == "asked"

    granted = gatewaivers.grant(waiver, by=governor, now=NOW + HOUR, comment="For the sale.")

    assert (granted.answered_by, granted.comment, granted.is_alone) == (governor, "For the sale.", False)
    assert [granted.state(at) for at in (NOW + HOUR, NOW + DAY)] == ["in_force", "expired"]


def test_nobody_grants_what_they_asked_for(governor):
    waiver = asked(governor)

    with pytest.raises(NotAllowed):
        gatewaivers.grant(waiver, by=governor, now=NOW)
    with pytest.raises(NotAllowed):
        gatewaivers.refuse(waiver, reason="No.", by=governor, now=NOW)

    waiver.refresh_from_db()
    assert waiver.answer == ""


def test_one_governor_alone_grants_where_the_policy_says_so_and_all_others_are_told(governor):
    other = f.user("Gus", role="governor")
    row = gating.policy(repositories=["shop/*"], waivers_alone=True)
    waiver = asked(governor)

    granted = gatewaivers.grant(waiver, by=governor, now=NOW)

    assert (granted.alone_by, granted.is_alone) == (row, True)
    told = Notice.objects.filter(kind="waived_alone").values_list("recipient", flat=True)
    assert other.pk in told
    assert governor.pk not in told
    with pytest.raises(NotAllowed):
        gatewaivers.grant(asked(governor, repository="elsewhere"), by=governor, now=NOW)


def test_waiver_of_a_service_is_granted_by_the_row_for_all(governor):
    gating.policy(waivers_alone=True)

    granted = gatewaivers.grant(asked(governor, repository="", service=f.service()), by=governor, now=NOW)

    assert granted.alone_by == gating.for_all()


def test_governors_are_told_when_somebody_asks(member, governor):
    waiver = asked(member)

    [notice] = notices.of(governor)
    assert (notice.kind, notice.waiver, notice.by) == ("waiver_asked", waiver, member)
    assert not notices.of(member)


def test_notice_is_gone_for_who_governs_no_more(member, governor):
    asked(member)
    governor.role = "member"
    governor.save()

    assert not notices.of(governor)


def test_waiver_is_refused_withdrawn_and_ended_once(member, governor):
    refused = gatewaivers.refuse(asked(member), reason="It can wait.", by=governor, now=NOW)
    withdrawn = gatewaivers.withdraw(asked(member), by=member, now=NOW)
    ended = gatewaivers.grant(asked(member), by=governor, now=NOW)
    ended = gatewaivers.end(ended, by=governor, now=NOW + HOUR)

    assert [one.state(NOW + HOUR) for one in (refused, withdrawn, ended)] == ["refused", "withdrawn", "ended"]
    for act in (
        lambda: gatewaivers.grant(refused, by=governor, now=NOW),
        lambda: gatewaivers.withdraw(withdrawn, by=member, now=NOW),
        lambda: gatewaivers.refuse(ended, reason="No.", by=governor, now=NOW),
    ):
        with pytest.raises(gatewaivers.AlreadyAnswered):
            act()
    with pytest.raises(gatewaivers.NotInForce):
        gatewaivers.end(ended, by=governor, now=NOW + HOUR)


def test_waiver_that_nobody_answered_in_time_lapses(member, governor):
    waiver = asked(member)

    with pytest.raises(gatewaivers.WaiverLapsed):
        gatewaivers.grant(waiver, by=governor, now=NOW + DAY)

    assert waiver.state(NOW + DAY) == "lapsed"


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator"])
def test_only_governors_answer_and_end(member, role):
    person = f.user(role=role)
    waiver, granted = asked(member), gating.waiver(repository="shop/order")

    for act in (
        lambda: gatewaivers.grant(waiver, by=person, now=NOW),
        lambda: gatewaivers.refuse(waiver, reason="No.", by=person, now=NOW),
        lambda: gatewaivers.withdraw(waiver, by=person, now=NOW),
        lambda: gatewaivers.end(granted, by=person, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_viewer_does_not_ask():
    with pytest.raises(NotAllowed):
        asked(f.user(role="viewer"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"repository": ""}, "repository"),
        ({"repository": " "}, "repository"),
        ({"repository": "a\x00"}, "repository"),
        ({"findings": []}, "findings"),
        ({"findings": "PM_UNKNOWN"}, "findings"),
        ({"findings": ["NONE"]}, "findings"),
        ({"findings": ["WAIVER_EXPIRED"]}, "findings"),
        ({"reason": " "}, "reason"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW + 31 * DAY}, "expires_at"),
        ({"object": "x" * 41}, "object"),
    ],
)
def test_wrong_question_is_refused_by_name_and_nothing_is_written(member, fields, field):
    with pytest.raises(Invalid) as refusal:
        asked(member, **fields)

    assert refusal.value.field == field
    assert not GateWaiver.objects.exists()


def test_change_without_a_repository_is_no_scope(member):
    with pytest.raises(Invalid):
        asked(member, repository="", service=f.service(), change_id="!42")


def test_waiver_about_a_hidden_object_is_hidden(member, governor):
    incident = f.resolved_incident(is_restricted=True)
    review = f.review(incidents=[incident])
    secret = gating.waiver(repository="shop/order", object=review.public_id, reason="Because of Acme")
    about_it = gating.waiver(repository="shop/order", object=incident.public_id)
    about_item = gating.waiver(repository="shop/order", object=f.item(review=review).public_id)
    known = gating.waiver(repository="shop/order", object=f.item().public_id)
    free = gating.waiver(repository="shop/order")

    own = gating.waiver(repository="shop/order", object=incident.public_id, by=member)

    assert set(gatewaivers.visible_to(member)) == {known, free, own}
    assert set(gatewaivers.visible_to(governor)) == {secret, about_it, about_item, known, free, own}
    governor.is_active = False
    assert not gatewaivers.visible_to(governor)


@pytest.mark.parametrize("state", GateWaiver.State.values)
def test_states_are_found_as_they_are_computed(state):
    gating.waiver(repository="a", is_granted=False)
    gating.waiver(repository="a", is_granted=False, at=NOW - 9 * DAY)
    gating.waiver(repository="a")
    gating.waiver(repository="a", at=NOW - 9 * DAY)
    gating.waiver(repository="a", ended_at=NOW, ended_by=f.user())
    for answer in ("refused", "withdrawn"):
        gating.waiver(repository="a", answer=answer)

    found = GateWaiver.objects.filter(gatewaivers.state_q(state, now=NOW))

    assert found.count() == 1
    assert set(found) == {one for one in GateWaiver.objects.all() if one.state(NOW) == state}


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("gate_waiver_is_for_a_service_or_a_repository", {"repository": ""}),
        (
            "gate_waiver_for_a_change_names_its_repository",
            {"repository": "", "change_id": "!1", "service": 1},
        ),
        ("gate_waiver_names_findings", {"findings": []}),
        ("gate_waiver_has_a_reason", {"reason": ""}),
        ("gate_waiver_expires_after_it_was_asked", {"expires_at": NOW}),
        ("gate_waiver_answer_has_at_and_by", {"answered_at": None}),
        ("gate_waiver_is_answered_by_another", {"is_own": True}),
        ("gate_waiver_is_granted_before_it_expires", {"answered_at": NOW + 2 * DAY}),
        ("gate_waiver_that_was_ended_was_granted", {"ended_at": NOW}),
    ],
)
def test_database_refuses(member, governor, constraint, fields):
    fields = dict(fields)
    if fields.pop("is_own", False):
        fields["answered_by"] = member
    if fields.get("service"):
        fields["service"] = f.service()
    sound = {"repository": "shop/order", "by": member, "answered_by": governor}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        gating.waiver(**sound | fields)


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "Another."},
        {"expires_at": NOW + 99 * DAY},
        {"answer": "refused"},
        {"answered_at": NOW + HOUR},
    ],
)
def test_database_keeps_what_was_asked_and_answered(change):
    waiver = gating.waiver(repository="shop/order")

    with pytest.raises(DatabaseError), transaction.atomic():
        GateWaiver.objects.filter(pk=waiver.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        waiver.delete()
