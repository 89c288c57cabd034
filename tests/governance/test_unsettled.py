"""The table of incidents that still may break a rule holds what its definition says, whatever happens."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.models import UnsettledIncident
from postmortem.models import Incident, IncidentService, Review, Severity
from tests import factories as f
from tests.servers import wait_until

pytestmark = pytest.mark.django_db
INCIDENTS, SERVICES, REVIEWS = 3, 2, 2
DAY = timedelta(days=1)


def by_definition():
    """What breaks a rule as soon as it is late, read without the table."""
    links = IncidentService.objects.filter(
        part="origin",
        incident__dismissed_as="",
        incident__is_drill=False,
        incident__severity__requires_postmortem=True,
        incident__review__archived_at=None,
    )
    return set(links.values_list("service__slug", "incident__public_id"))


def kept():
    return set(UnsettledIncident.objects.values_list("service__slug", "incident__public_id"))


class World:
    """Some of each, and everything that may happen to them, past the acts: the triggers stand below these."""

    def __init__(self):
        now = timezone.now()
        self.services = [f.service(f"shop-{n}") for n in range(SERVICES)]
        self.incidents = [
            f.incident(services=[self.services[0]], severity="P1", started_at=now - (n + 2) * DAY)
            for n in range(INCIDENTS)
        ]
        self.reviews = [f.review(incidents=[f.incident(severity="P1")], is_open=True) for _ in range(REVIEWS)]

    def happen(self, name, number):
        # What an archived postmortem stands on is frozen: the database refuses some of it.
        with suppress(IntegrityError), transaction.atomic():
            getattr(self, name)(self.incidents[number % INCIDENTS], number)

    def dismissed(self, incident, number):
        Incident.objects.filter(pk=incident.pk).update(
            dismissed_as="duplicate", dismissed_reason="The same.", closed_at=timezone.now()
        )

    def undismissed(self, incident, number):
        Incident.objects.filter(pk=incident.pk).update(dismissed_as="", dismissed_reason="", closed_at=None)

    def a_drill(self, incident, number):
        Incident.objects.filter(pk=incident.pk).update(is_drill=number % 2 == 0)

    def of_severity(self, incident, number):
        Incident.objects.filter(pk=incident.pk).update(severity=f.severity(("P0", "P3")[number % 2]))

    def reviewed(self, incident, number):
        Incident.objects.filter(pk=incident.pk).update(review=self.reviews[number % REVIEWS])

    def unreviewed(self, incident, number):
        Incident.objects.filter(pk=incident.pk).update(review=None)

    def archived(self, incident, number):
        review = Review.objects.get(pk=self.reviews[number % REVIEWS].pk)
        if not review.is_archived:
            f.archived(review, at=timezone.now())

    def reopened(self, incident, number):
        review = Review.objects.get(pk=self.reviews[number % REVIEWS].pk)
        if review.is_archived:
            f.reopened(review, at=timezone.now())

    def a_policy(self, incident, number):
        Severity.objects.filter(code=("P0", "P1", "P3")[number % 3]).update(
            requires_postmortem=number % 2 == 0
        )

    def linked(self, incident, number):
        link, _made = IncidentService.objects.get_or_create(
            incident=incident, service=self.services[number % SERVICES], defaults={"part": "origin"}
        )
        IncidentService.objects.filter(pk=link.pk).update(part=("origin", "affected")[number % 2])

    def moved(self, incident, number):
        link = IncidentService.objects.filter(incident=incident, service=self.services[0]).first()
        other = self.incidents[(number + 1) % INCIDENTS]
        taken = IncidentService.objects.filter(incident=other, service=self.services[0])
        if link is not None and not taken.exists():
            IncidentService.objects.filter(pk=link.pk).update(incident=other)

    def unlinked(self, incident, number):
        IncidentService.objects.filter(incident=incident, service=self.services[number % SERVICES]).delete()


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([name for name in vars(World) if not name.startswith(("_", "happen"))]),
        st.integers(0, 11),
    ),
    min_size=4,
    max_size=24,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=EVENTS)
def test_table_holds_what_its_definition_says(events):
    with transaction.atomic():
        world = World()
        assert kept() == by_definition() != set()
        for name, number in events:
            world.happen(name, number)

            assert kept() == by_definition(), name
        transaction.set_rollback(True)


def test_rows_go_with_their_incident():
    incident = f.incident(services=[f.service("order")], severity="P1")
    assert UnsettledIncident.objects.filter(incident=incident).exists()

    incident.delete()

    assert not UnsettledIncident.objects.filter(incident_id=incident.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_incident_that_is_declared_while_its_severity_changes_is_not_lost():
    """Each looks at the other's row before that stands: one of them has to wait, or the audit would pass."""
    order, incident = f.service("order"), f.incident(severity="P3")

    def come():
        IncidentService.objects.create(incident=incident, service=order, part="origin")
        connection.close()

    other = threading.Thread(target=come)
    with transaction.atomic():
        Severity.objects.filter(code="P3").update(requires_postmortem=True)
        other.start()
        wait_until(_somebody_waits, what="the other to wait for the severity")
    other.join()

    assert ("order", incident.public_id) in kept()
    assert kept() == by_definition()


def _somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
        return cursor.fetchone()[0] > 0
