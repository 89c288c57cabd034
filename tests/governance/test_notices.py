"""Who is told what, once (R8)."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from governance import notices
from governance.models import Notice
from postmortem.models import Incident
from postmortem.sla import Standing
from tests import factories
from tests.factories import DAY, HOUR, NOW
from tests.race import at_once
from web.incident_list import review_standing

pytestmark = pytest.mark.django_db


@pytest.fixture
def started():
    """An incident that began at `NOW`, its commander and the manager of the team it came from."""
    manager = factories.user("Manager")
    service = factories.service(team=factories.team(manager=manager))
    incident = factories.resolved_incident(services=[service], started_at=NOW)
    commander = factories.participant(incident, factories.user("Commander"), role="commander").user
    return incident, commander, manager


def told(kind=""):
    rows = Notice.objects.filter(kind=kind) if kind else Notice.objects.all()
    return sorted(rows.values_list("recipient__name", flat=True))


def test_a_review_is_at_risk_at_47_59_and_breached_at_48_00_01_with_one_notice_each(started):
    """R8."""
    incident, commander, _manager = started
    at_risk, breached = NOW + timedelta(hours=47, minutes=59), NOW + timedelta(hours=48, seconds=1)

    assert review_standing(incident, at_risk) == Standing.AT_RISK
    for moment in (at_risk, at_risk, at_risk + timedelta(seconds=30)):
        notices.tick(now=moment)
    assert [(one.kind, one.recipient, one.created_at) for one in Notice.objects.all()] == [
        ("review_at_risk", commander, at_risk)
    ]

    assert review_standing(incident, breached) == Standing.BREACHED
    for moment in (breached, breached, breached + HOUR):
        notices.tick(now=moment)
    assert told("review_at_risk") == ["Commander"]
    assert told("review_breached") == ["Commander", "Manager"]


def test_nothing_is_told_while_there_is_time(started):
    assert notices.tick(now=NOW + timedelta(hours=38)) == 0
    assert notices.tick(now=NOW + timedelta(hours=38, minutes=25)) == 1


def test_at_the_very_deadline_it_is_at_risk_and_not_breached(started):
    notices.tick(now=NOW + 48 * HOUR)

    assert told("review_breached") == []


def test_a_breach_stays_after_a_late_completion(started):
    """R8."""
    incident, *_people = started
    review = factories.archived_review(incidents=[incident], archived_at=NOW + 50 * HOUR)
    incident = Incident.objects.select_related("review", "severity").get(pk=incident.pk)

    notices.tick(now=NOW + 60 * HOUR)

    assert review_standing(incident, NOW + 60 * HOUR) == Standing.BREACHED
    assert review.owner.name in told("review_breached")


def test_a_review_archived_in_time_stays_kept_when_it_is_reopened_and_archived_again_late(started):
    incident, *_people = started
    review = factories.archived_review(incidents=[incident], archived_at=NOW + 40 * HOUR)

    review = factories.reopened(review, at=NOW + 45 * HOUR)
    stands_open = review_standing(Incident.objects.get(pk=incident.pk), NOW + 60 * HOUR)
    factories.archived(review, at=NOW + 70 * HOUR)
    notices.tick(now=NOW + 80 * HOUR)

    assert stands_open == review_standing(Incident.objects.get(pk=incident.pk), NOW + 80 * HOUR)
    assert stands_open == Standing.MET
    assert told("review_at_risk") == told("review_breached") == []


@pytest.mark.parametrize(
    "changes",
    [{"severity": "P3"}, {"is_drill": True}, {"dismissed_as": "duplicate", "dismissed_reason": "Same."}],
)
def test_nobody_is_told_where_no_postmortem_is_asked_for(changes):
    factories.resolved_incident(started_at=NOW, **changes)

    assert notices.tick(now=NOW + 3 * DAY) == 0


def test_owner_and_facilitator_answer_for_a_review_and_the_declarer_where_nobody_else_does():
    factories.resolved_incident(started_at=NOW, declared_by=factories.user("Declarer"))
    factories.review(
        incidents=[factories.resolved_incident(started_at=NOW)],
        owner=factories.user("Owner"),
        facilitator=factories.user("Facilitator"),
    )

    notices.tick(now=NOW + 47 * HOUR)

    assert told() == ["Declarer", "Facilitator", "Owner"]


def test_another_severity_is_another_promise(started):
    incident, *_people = started
    notices.tick(now=NOW + 49 * HOUR)

    Incident.objects.filter(pk=incident.pk).update(severity=factories.severity("P2"))
    assert notices.tick(now=NOW + 50 * HOUR) == 0
    assert notices.tick(now=NOW + 121 * HOUR) == 2


def test_old_history_is_no_news_but_what_was_declared_late_is():
    factories.resolved_incident(started_at=NOW - 40 * DAY, declared_at=NOW - 40 * DAY)
    factories.resolved_incident(
        started_at=NOW - 40 * DAY, declared_at=NOW, declared_by=factories.user("Late")
    )

    notices.tick(now=NOW)

    assert told() == ["Late"]


def test_people_who_left_are_told_nothing(started):
    _incident, commander, _manager = started
    commander.is_active = False
    commander.save()

    notices.tick(now=NOW + 47 * HOUR)

    assert told() == []


def test_a_restricted_incident_is_told_to_those_who_may_see_it_and_hidden_when_they_may_not_any_more(started):
    incident, commander, manager = started
    Incident.objects.filter(pk=incident.pk).update(is_restricted=True)
    incident.refresh_from_db()
    stranger = factories.user("Stranger")

    new = notices.tell(
        "timeline_reminder", to=[commander, stranger], incident=incident, key="x", by=manager, now=NOW
    )

    assert [one.recipient for one in new] == [commander]
    assert list(notices.of(stranger)) == []
    assert notices.of(commander).count() == 1
    incident.participants.all().delete()
    assert list(notices.of(commander)) == []


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_tell_once(started):
    moment = NOW + 49 * HOUR

    at_once(lambda: notices.tick(now=moment), lambda: notices.tick(now=moment))

    assert told("review_breached") == ["Commander", "Manager"]


def test_reading_is_marked_once_and_only_by_the_recipient(started):
    _incident, commander, manager = started
    notices.tick(now=NOW + 49 * HOUR)
    (mine,) = notices.of(commander)

    notices.mark_read(mine, by=manager, now=NOW + 50 * HOUR)
    assert mine.read_at is None
    notices.mark_read(mine, by=commander, now=NOW + 51 * HOUR)
    notices.mark_read(mine, by=commander, now=NOW + 52 * HOUR)
    assert mine.read_at == NOW + 51 * HOUR
    assert notices.mark_all_read(by=commander, now=NOW + 53 * HOUR) == 0
    assert notices.mark_all_read(by=manager, now=NOW + 53 * HOUR) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM governance_notice",
        "UPDATE governance_notice SET kind = 'review_at_risk', created_at = now()",
        "UPDATE governance_notice SET key = 'another'",
    ],
)
def test_a_notice_can_be_read_and_nothing_else(started, statement):
    notices.tick(now=NOW + 49 * HOUR)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_beat_knows_the_task_and_the_task_tells(settings):
    from config.celery import app
    from governance import tasks

    assert settings.CELERY_BEAT_SCHEDULE["tell-of-reviews"]["task"] in app.tasks
    incident = factories.resolved_incident()
    Incident.objects.filter(pk=incident.pk).update(**dict.fromkeys(Incident.MILESTONES[1:]))
    from django.utils import timezone

    Incident.objects.update(started_at=timezone.now() - 3 * DAY)

    tasks.tell()

    assert Notice.objects.get().kind == "review_breached"
