"""Each exit has something that could leak: a restricted incident with a review, an item and a timeline."""

import pytest

from postmortem import access, timelines
from postmortem.errors import NotAllowed
from postmortem.models import Entry, Incident
from remediation import items
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret():
    """A restricted incident of the service “vault”, with everything that hangs on it."""
    manager, participant = factories.user("Manager"), factories.user("Participant")
    vault = factories.service("vault", team=factories.team(manager=manager))
    other_manager = factories.user("Other manager")
    shop = factories.service("shop", team=factories.team(manager=other_manager))
    incident = factories.incident("Secret", services=[vault, shop], is_restricted=True)
    factories.filed_timeline(factories.participant(incident, participant), text="the password leaked")
    public = factories.incident("Public", services=[shop])
    review = factories.review(incidents=[incident, public], is_open=True)
    item = factories.item("Rotate the password", review=review, service=vault)
    return {
        "incident": incident,
        "review": review,
        "item": item,
        "may": [manager, participant, factories.user(role="governor"), factories.user(role="administrator")],
        "may_not": [
            factories.user(role="viewer"),
            factories.user(role="member"),
            factories.user(role="facilitator"),
            other_manager,  # of an affected service, not of the origin
            factories.user(role="governor", is_active=False),
        ],
    }


def test_a_restricted_incident_is_visible_to_those_named_in_the_specification(secret):
    for person in secret["may"]:
        assert access.is_visible(secret["incident"], person), person
        assert secret["incident"] in access.incidents(person)
    for person in secret["may_not"]:
        assert not access.is_visible(secret["incident"], person), person
        assert secret["incident"] not in access.incidents(person)


def test_its_review_is_as_hidden_as_the_incident(secret):
    for person in secret["may"]:
        assert secret["review"] in access.reviews(person)
    for person in secret["may_not"]:
        assert secret["review"] not in access.reviews(person)


def test_its_items_are_as_hidden_as_the_incident(secret):
    for person in secret["may"]:
        assert secret["item"] in items.visible_to(person)
    for person in secret["may_not"]:
        assert secret["item"] not in items.visible_to(person)


def test_its_merged_timeline_is_as_hidden_as_the_incident(secret):
    for person in secret["may"]:
        assert [entry.text for entry in timelines.merged(secret["incident"], viewer=person)] == [
            "the password leaked"
        ]
    for person in secret["may_not"]:
        assert timelines.merged(secret["incident"], viewer=person) == []


def test_a_search_through_a_join_is_filtered_too(secret):
    found = Entry.objects.filter(text__contains="password")

    for person in secret["may"]:
        assert found.filter(access.incident_q(person, "timeline__participant__incident__")).count() == 1
    for person in secret["may_not"]:
        assert not found.filter(access.incident_q(person, "timeline__participant__incident__")).exists()


def test_what_is_not_restricted_is_visible_to_every_active_person():
    incident = factories.incident()
    review = factories.review(incidents=[incident])
    item = factories.item(review=review)
    proactive = factories.item()
    viewer, gone = factories.user(role="viewer"), factories.user(is_active=False)

    assert list(access.incidents(viewer)) == [incident]
    assert list(access.reviews(viewer)) == [review]
    assert set(items.visible_to(viewer)) == {item, proactive}
    assert set(access.services(viewer)) >= {item.service, proactive.service}
    assert not access.incidents(gone).exists()
    assert not access.reviews(gone).exists()
    assert not items.visible_to(gone).exists()
    assert not access.services(gone).exists()


def test_the_filter_names_no_row_twice():
    person = factories.user()
    services = [factories.service(team=factories.team(manager=person)) for _ in range(2)]
    incident = factories.incident(
        services=services, participants=[person, factories.user()], is_restricted=True
    )
    incident.service_links.update(part="origin")

    assert list(access.incidents(person)) == [incident]


def test_a_superuser_sees_what_a_governor_sees():
    incident = factories.incident(is_restricted=True)

    assert access.is_visible(incident, factories.user(role="viewer", is_superuser=True))


@pytest.mark.parametrize(("people", "queries"), [(1, 1), (3, 1)])
def test_incidents_take_one_query(people, queries, django_assert_num_queries):
    person = factories.user()
    for _ in range(people):
        factories.incident(participants=[person], is_restricted=True)

    with django_assert_num_queries(queries):
        assert len(access.incidents(person)) == people


def test_need_refuses_lesser_roles_and_inactive_people():
    access.need(factories.user(role="governor"), "facilitator")

    for person in (factories.user(role="viewer"), factories.user(role="administrator", is_active=False)):
        with pytest.raises(NotAllowed) as refusal:
            access.need(person, "member")
        assert refusal.value.details == {"role": "member"}


def test_no_incident_is_hidden_from_everybody():
    factories.incident(is_restricted=True)

    assert access.incidents(factories.user(role="governor")).count() == Incident.objects.count()
