"""Reminders: kept, not too often, only to those who still owe an account."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from postmortem import reminders, timelines, trail
from postmortem.errors import Archived, NotAllowed
from postmortem.models import Reminder
from postmortem.reminders import RemindedLately
from postmortem.timelines import AlreadyExcused, TimelineFiled
from tests import factories
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def facilitator():
    return factories.user(role="facilitator")


def test_a_reminder_is_kept_with_who_and_when(facilitator):
    participant = factories.participant()

    reminder = reminders.remind(participant, by=facilitator, now=NOW)

    assert (reminder.participant, reminder.sent_by, reminder.sent_at) == (participant, facilitator, NOW)
    assert [row.act for row in trail.of(reminder)] == ["reminders.remind"]


def test_nobody_is_reminded_again_within_the_hours(facilitator, settings):
    settings.TIMELINE_REMINDER_HOURS = 12
    participant = factories.participant()
    reminders.remind(participant, by=facilitator, now=NOW)

    with pytest.raises(RemindedLately) as refusal:
        reminders.remind(
            participant, by=factories.user(role="governor"), now=NOW + 12 * HOUR - timedelta(seconds=1)
        )
    assert refusal.value.details == {"next_at": (NOW + 12 * HOUR).isoformat()}
    reminders.remind(factories.participant(participant.incident), by=facilitator, now=NOW)
    reminders.remind(participant, by=facilitator, now=NOW + 12 * HOUR)
    assert Reminder.objects.filter(participant=participant).count() == 2


def test_who_filed_or_is_excused_is_not_reminded(facilitator):
    filed = factories.filed_timeline().participant
    excused = factories.participant()
    timelines.excuse(excused, reason="On leave.", by=facilitator, now=NOW)

    with pytest.raises(TimelineFiled):
        reminders.remind(filed, by=facilitator, now=NOW)
    with pytest.raises(AlreadyExcused):
        reminders.remind(excused, by=facilitator, now=NOW)


def test_who_may_remind(facilitator):
    owner, leader = factories.user(), factories.user()
    incident = factories.resolved_incident()
    participant = factories.participant(incident)
    factories.review(incidents=[incident], owner=owner, facilitator=leader)
    participant.incident.refresh_from_db()

    with pytest.raises(NotAllowed):
        reminders.remind(participant, by=factories.user(), now=NOW)
    for number, person in enumerate((owner, leader, facilitator)):
        reminders.remind(participant, by=person, now=NOW + number * 24 * HOUR)


def test_an_archived_review_waits_for_nobody(facilitator):
    incident = factories.resolved_incident()
    participant = factories.participant(incident)
    factories.archived_review(incidents=[incident])
    participant.incident.refresh_from_db()

    with pytest.raises(Archived):
        reminders.remind(participant, by=facilitator, now=NOW)


def test_rows_are_never_edited(facilitator):
    reminder = reminders.remind(factories.participant(), by=facilitator, now=NOW)

    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Reminder.objects.filter(pk=reminder.pk).update(sent_at=NOW - HOUR)
