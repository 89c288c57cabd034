"""Each constraint of postmortem's tables: the database refuses, whoever asks and by whatever statement."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from postmortem.models import (
    ChecklistEntry,
    Entry,
    Incident,
    IncidentService,
    Participant,
    PublicIdCounter,
    Review,
    ReviewStep,
    RootCause,
    Timeline,
)
from tests import factories
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def refused(constraint, act):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        act()


MILESTONES = ["started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at"]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(earlier, later) for number, earlier in enumerate(MILESTONES) for later in MILESTONES[number + 1 :]],
)
def test_milestones_are_chronological(earlier, later):
    incident = factories.incident(started_at=NOW - HOUR)

    moments = {"started_at": NOW - HOUR, earlier: NOW, later: NOW - MINUTE}
    refused(
        "incident_milestones_are_chronological",
        lambda: Incident.objects.filter(pk=incident.pk).update(**moments),
    )


def test_milestones_may_coincide_or_be_missing():
    incident = factories.incident(started_at=NOW)

    assert Incident.objects.filter(pk=incident.pk).update(detected_at=NOW, resolved_at=NOW) == 1


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"loss_amount": 5, "loss_currency": ""}, "incident_loss_has_a_currency"),
        ({"dismissed_as": "duplicate"}, "incident_dismissal_has_a_reason"),
        ({"closed_at": NOW}, "incident_closed_only_when_resolved_or_dismissed"),
        ({"failure_percent": 101}, "incident_failure_percent_is_a_percentage"),
        ({"failure_percent": -1}, "incident_failure_percent_is_a_percentage"),
        ({"impact_minutes": -1}, "impact_minutes"),
        ({"title": None}, "title"),
    ],
)
def test_incident_columns_agree(columns, constraint):
    incident = factories.incident()

    refused(constraint, lambda: Incident.objects.filter(pk=incident.pk).update(**columns))


def test_a_dedup_key_is_unique_while_open():
    first = factories.incident(dedup_key="alert/42")
    second = factories.incident(dedup_key="alert/43")
    factories.incident(dedup_key="")
    factories.incident(dedup_key="")

    def same_key():
        Incident.objects.filter(pk=second.pk).update(dedup_key="alert/42")

    refused("incident_dedup_key_is_unique_while_open", same_key)
    Incident.objects.filter(pk=first.pk).update(closed_at=NOW, dismissed_as="duplicate", dismissed_reason="x")
    same_key()


def test_public_ids_are_unique():
    first, second = factories.incident(), factories.incident()
    refused("public_id", lambda: Incident.objects.filter(pk=first.pk).update(public_id=second.public_id))
    one, two = factories.review(), factories.review()
    refused("public_id", lambda: Review.objects.filter(pk=one.pk).update(public_id=two.public_id))
    counter = PublicIdCounter.objects.get(prefix="INC")
    refused(
        "public_id_counter_is_unique", lambda: PublicIdCounter.objects.create(prefix="INC", year=counter.year)
    )


def test_an_incident_names_a_service_and_a_participant_once():
    participant = factories.participant()
    link = participant.incident.service_links.get()

    refused(
        "incident_names_a_service_once",
        lambda: IncidentService.objects.bulk_create(
            [IncidentService(incident=link.incident, service=link.service, part="affected")]
        ),
    )
    refused(
        "participant_is_invited_once",
        lambda: Participant.objects.bulk_create(
            [Participant(incident=participant.incident, user=participant.user, role="scribe")]
        ),
    )
    factories.timeline(participant)
    refused("participant_id", lambda: Timeline.objects.create(participant=participant))


@pytest.mark.parametrize(
    "columns", [{"excused_at": NOW}, {"excuse_reason": "x"}, {"excused_at": NOW, "excuse_reason": "x"}]
)
def test_an_excuse_has_by_and_reason(columns):
    timeline = factories.timeline()

    refused(
        "timeline_excuse_has_by_and_reason",
        lambda: Timeline.objects.filter(pk=timeline.pk).update(**columns),
    )


def test_an_entry_says_something():
    entry = factories.entry()

    refused("entry_says_something", lambda: Entry.objects.filter(pk=entry.pk).update(text=""))


def test_a_review_has_each_step_once_and_four():
    review = factories.review()
    first = review.steps.get(position=1)

    def change(**columns):
        return lambda: ReviewStep.objects.filter(pk=first.pk).update(**columns)

    refused("review_has_each_step_once", change(kind="root_cause"))
    refused("review_steps_have_an_order", change(position=2))
    refused("review_step_is_one_of_four", change(position=5))
    refused("review_step_is_one_of_four", change(position=0))
    refused("step_signed_at_and_by_go_together", change(signed_at=NOW))
    refused("step_signed_at_and_by_go_together", change(signed_by=review.owner))


def test_a_review_has_one_primary_cause_and_it_is_a_root_cause():
    review = factories.review()
    factories.cause(review, is_primary=True)
    other = factories.cause(review)
    trigger = factories.cause(factories.review(), part="trigger")

    def change(cause, **columns):
        return lambda: RootCause.objects.filter(pk=cause.pk).update(**columns)

    refused("review_has_one_primary_cause", change(other, is_primary=True))
    refused("primary_cause_is_a_root_cause", change(trigger, is_primary=True))
    refused("settled_cause_has_evidence", change(other, state="verified"))
    refused("cause_says_something", change(other, statement=""))


def test_checklist_entries_have_an_order():
    entry = factories.checklist_entry()

    def another_in_its_place():
        ChecklistEntry.objects.create(
            review=entry.review, position=entry.position, title="x", pipeline=[["ls"]], expectation="match"
        )
        # It waits for the end of the transaction, so that two entries may change places.
        connection.check_constraints()

    refused("checklist_entries_have_an_order", another_in_its_place)


def test_a_raw_statement_meets_the_same_refusals():
    incident = factories.incident()

    def raw():
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE postmortem_incident SET resolved_at = started_at - interval '1 hour' WHERE id = %s",
                [incident.pk],
            )

    refused("incident_milestones_are_chronological", raw)
