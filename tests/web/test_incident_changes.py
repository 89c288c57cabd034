"""What changed around an incident stands on its page, from the first minute on."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from postmortem.models import Review
from tests import factories
from tests.factories import DAY, HOUR, NOW

pytestmark = pytest.mark.django_db


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def panel(user, incident) -> str:
    page = client_of(user).get(f"/incidents/{incident}/").text
    return page[page.index('id="changes"') : page.index('id="files"')]


@pytest.fixture
def incident():
    return factories.resolved_incident("Orders fail", started_at=NOW - 5 * HOUR)


def test_changes_stand_around_the_impact_with_their_verdicts(incident):
    factories.change(incident, "order 1.4.2", happened_at=NOW - 6 * HOUR)
    factories.change(
        incident, "Pool of 20", happened_at=NOW - 7 * HOUR, verdict="culprit", reason="247 asked, 200 there."
    )
    factories.change(
        incident, "Cache off", happened_at=NOW - 4 * HOUR, verdict="cleared", reason="Another cell."
    )

    shown = panel(factories.user(), incident)

    words = [
        "Culprit",
        "Pool of 20",
        "247 asked",
        "Suspect",
        "order 1.4.2",
        "Impact of",
        "Cleared",
        "Cache off",
    ]
    assert sorted(words, key=shown.index) == words
    assert "1 h before" in shown
    assert "1 h after" in shown


def test_what_went_out_on_another_day_says_which():
    order = factories.service("order")
    started_at = datetime(2026, 5, 7, 3, 50, tzinfo=UTC)
    incident = factories.resolved_incident("Orders fail", started_at=started_at, services=[order])
    factories.deploy(order, version="1.4.3", deployed_at=started_at - HOUR)
    factories.deploy(order, version="1.4.2", deployed_at=started_at - 22 * HOUR)
    factories.change(incident, "Pool of 20", happened_at=started_at - 2 * HOUR)
    factories.change(incident, "Pool of 30", happened_at=started_at - 2 * DAY)

    shown = panel(factories.user(time_zone="UTC"), incident)

    days = {
        name: re.findall(r">(\d+ May 2026)<", row)
        for row in shown.split("<li")
        for name in ("1.4.3", "1.4.2", "Pool of 20", "Pool of 30")
        if name in row
    }
    assert days == {"1.4.3": [], "1.4.2": ["6 May 2026"], "Pool of 20": [], "Pool of 30": ["5 May 2026"]}


def test_incident_without_changes_says_where_to_begin(incident):
    shown = panel(factories.user(), incident)

    assert "No change around it is recorded." in shown
    assert f"/incidents/{incident}/changes/new" in shown


def test_viewer_reads_and_is_offered_nothing(incident):
    change = factories.change(incident, "order 1.4.2")

    shown = panel(factories.user(role="viewer"), incident)

    assert "order 1.4.2" in shown
    assert f"/changes/{change.pk}/" not in shown
    assert "changes/new" not in shown


def test_statement_that_none_was_found_is_shown(incident):
    review = factories.review(incidents=[incident], is_open=True)
    factories.change_search(review, "The deploys of order, two days back")

    shown = panel(factories.user(), incident)

    assert "No change was found that explains it" in shown
    assert "The deploys of order, two days back" in shown


def test_signature_and_archive_end_what_is_offered(incident):
    member = factories.user()
    review = factories.review(incidents=[incident], is_open=True)
    change = factories.change(incident, "order 1.4.2", verdict="cleared", reason="Another cell.")
    assert f"/changes/{change.pk}/judge" in panel(member, incident)

    step = review.steps.get(kind="change_correlation")
    factories.signed(factories.written(step))
    shown = panel(member, incident)
    assert "signed in the review" in shown
    assert f"/changes/{change.pk}/judge" not in shown
    assert "changes/new" not in shown

    archived = factories.archived_review(incidents=[factories.resolved_incident("Mail fails")])
    assert "changes/new" not in panel(member, archived.incidents.get())


def test_dismissed_incident_takes_no_changes():
    dismissed = factories.incident(dismissed_as="false_alarm", dismissed_reason="A test.")

    assert "changes/new" not in panel(factories.user(), dismissed)


def test_what_a_hidden_review_says_stays_hidden_on_its_open_incident(incident):
    """A review over two incidents is as hidden as the more hidden one; the changes are the incident's."""
    hidden = factories.resolved_incident("Taken over", is_restricted=True)
    review = factories.review(incidents=[incident, hidden], is_open=True)
    factories.change_search(review, "The keys of Zanzibar")
    factories.change(incident, "order 1.4.2")

    shown = panel(factories.user(), incident)

    assert "order 1.4.2" in shown
    assert "Zanzibar" not in shown
    assert str(review) not in shown


@pytest.mark.parametrize("rows", [1, 3])
def test_page_costs_the_same_queries_for_any_number_of_changes(incident, rows, django_assert_num_queries):
    review = factories.review(incidents=[incident], is_open=True)
    factories.change_search(review, "The deploys")
    for number in range(rows):
        factories.change(
            incident,
            f"order 1.4.{number}",
            service=factories.service(),
            verdict="cleared",
            reason="Another cell.",
            judged_by=factories.user(),
        )
    client = client_of(factories.user())
    assert Review.objects.count() == 1

    with django_assert_num_queries(17):
        assert client.get(f"/incidents/{incident}/").status_code == 200
