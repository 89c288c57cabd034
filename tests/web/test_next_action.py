"""The page of an incident says the one thing that this reader can do next, and how much time is left."""

from datetime import timedelta

import pytest
from django.utils import timezone

from postmortem.models import Incident
from tests import factories
from tests.factories import HOUR

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    person = factories.user("Ada")
    client.force_login(person)
    return person


def next_of(client, incident):
    found = client.get(f"/incidents/{incident}/").context["next_action"]
    return (found.words, found.url) if found else None


def test_no_milestone_is_offered_once_the_postmortem_is_archived(client, ada):
    incident = factories.incident(started_at=timezone.now() - 2 * HOUR)
    factories.archived_review(incidents=[incident])

    assert next_of(client, incident) == ("Mark when the service is restored", "")


def test_the_next_thing_follows_the_way_to_the_closing(client, ada):
    now = timezone.now()
    incident = factories.incident(started_at=now - 2 * HOUR)
    here = f"/incidents/{incident}/"
    assert next_of(client, incident) == (
        "Mark when the service is restored",
        f"{here}mark?milestone=resolved_at",
    )
    Incident.objects.filter(pk=incident.pk).update(resolved_at=now - HOUR)
    assert next_of(client, incident) == ("Invite who was there", f"{here}invite")

    mine, other = factories.participant(incident, ada), factories.participant(incident)
    assert next_of(client, incident) == ("File your timeline", f"{here}timeline/")
    factories.filed_timeline(mine)
    assert next_of(client, incident) == ("1 timeline is missing", "#people")
    factories.filed_timeline(other)
    assert next_of(client, incident) == ("Start the review", f"{here}review")

    review = factories.review(incidents=[incident])
    page = f"/reviews/{review}/"
    assert next_of(client, incident) == ("Open the review", f"{page}#preparing")
    review.opened_at = now
    review.save()
    first, *later = review.steps.order_by("position")
    factories.signed(first)
    assert next_of(client, incident) == (
        "Step 2 waits for a signature",
        f"{page}?step=metric_anomaly#step-metric_anomaly",
    )
    for step in later:
        factories.signed(step)
    words, url = next_of(client, incident)
    assert (words.startswith("Archive: "), url) == (True, f"{page}#gaps")


def test_an_incident_that_is_over_asks_for_nothing(client, ada):
    over = factories.resolved_incident(
        dismissed_as="duplicate", dismissed_reason="Same.", closed_at=timezone.now()
    )
    lesser = factories.resolved_incident(severity="P3")

    assert next_of(client, over) is None
    assert next_of(client, lesser) == ("Close the incident", f"/incidents/{lesser}/close")


def test_a_viewer_reads_what_is_next_and_is_offered_nothing(client):
    client.force_login(factories.user(role="viewer"))

    assert next_of(client, factories.incident()) == ("Mark when the service is restored", "")


def test_a_review_that_is_hidden_leads_nowhere(client, ada):
    incident = factories.resolved_incident(participants=[ada])
    factories.filed_timeline(incident.participants.get())
    hidden = factories.resolved_incident(is_restricted=True)
    factories.review(incidents=[incident, hidden])

    assert next_of(client, incident) == ("Open the review", "")


@pytest.mark.parametrize(
    ("started", "archived", "words"),
    [
        (10 * HOUR, None, "1 d 14 h left"),
        (40 * HOUR, None, "8 h left"),
        (50 * HOUR, None, "overdue by 2 h"),
        (60 * HOUR, 5 * HOUR, "done late by 7 h"),
    ],
)
def test_the_clock_says_what_is_left_or_by_how_much_it_was_missed(client, ada, started, archived, words):
    now = timezone.now()
    # What runs out is asked for a moment later; half a minute more is not seen in hours.
    slack = timedelta(seconds=30) if words.endswith("left") else timedelta()
    incident = factories.resolved_incident(started_at=now - started + slack)
    if archived:
        factories.archived_review(incidents=[incident], archived_at=now - archived)

    assert f">{words}</strong>" in client.get(f"/incidents/{incident}/").text
