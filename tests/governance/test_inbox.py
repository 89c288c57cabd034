"""What comes in is kept, dealt with once, tried again, replayed; secrets come and go."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from accounts import encryption
from governance import eventsources, inbox
from governance.models import EventSecret, EventSource, InboundEvent
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import Incident, TrailEntry
from tests import factories
from tests.factories import DAY, HOUR, NOW
from tests.governance.alerting import message
from tests.race import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return factories.user("Ada", role="administrator")


def bearer(secret):
    return {"authorization": f"Bearer {secret}"}


def added(ada, **more):
    return eventsources.add(kind="alertmanager", name="Cell 1", acts_as=ada, by=ada, now=NOW, **more)


def test_event_is_kept_as_it_came():
    source, body = factories.event_source("github"), b'{"a": "\xff"}'

    received = inbox.receive(source, {"x-github-delivery": "d-1", "x-github-event": "ping"}, body, now=NOW)

    event = InboundEvent.objects.get()
    assert (received.is_new, received.event.pk) == (True, event.pk)
    assert (bytes(event.body), event.delivery_id, event.event_type, event.state) == (
        body,
        "d-1",
        "ping",
        "waiting",
    )
    for change in ({"body": b""}, {"received_at": NOW + DAY}, {"delivery_id": "d-2"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            InboundEvent.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        InboundEvent.objects.all().delete()


def test_a_delivery_is_kept_once():
    source, headers = factories.event_source("github"), {"x-github-delivery": "d-1"}
    first = inbox.receive(source, headers, b"{}", now=NOW)

    again = inbox.receive(source, headers, b"{}", now=NOW + HOUR)

    assert (again.is_new, again.event.pk) == (False, first.event.pk)
    assert inbox.receive(factories.event_source("github"), headers, b"{}", now=NOW).is_new


def test_the_trail_keeps_no_body_and_no_secret(ada):
    source, secret = added(ada)
    inbox.receive(source, {}, b'{"a": "Zanzibar"}', now=NOW)

    kept = "".join(str((row.before, row.after)) for row in TrailEntry.objects.all())
    assert b"Zanzibar".hex() not in kept
    assert secret not in kept
    assert EventSecret.objects.get().secret.stored not in kept


@pytest.mark.django_db(transaction=True)
def test_two_workers_take_one_event_once():
    factories.service("order")
    inbox.receive(factories.event_source(), {}, message(), now=NOW)

    taken = []

    at_once(*[lambda: taken.append(inbox.take_next(now=NOW))] * 2)

    assert sorted(taken) == [False, True]
    assert Incident.objects.count() == 1


def test_what_a_dead_worker_left_is_taken_after_its_lease(ada):
    factories.service("order")
    event = inbox.receive(factories.event_source(), {}, message(), now=NOW).event
    inbox._claim(now=NOW)

    assert not inbox.take_next(now=NOW + timedelta(minutes=1))
    assert inbox.take_next(now=NOW + timedelta(minutes=3))

    event.refresh_from_db()
    assert (event.state, event.attempts) == ("done", 2)


def test_a_worker_whose_lease_ended_says_nothing_any_more():
    factories.service("order")
    event = inbox.receive(factories.event_source(), {}, message(), now=NOW).event
    slow = inbox._claim(now=NOW)
    inbox.take_next(now=NOW + HOUR)

    inbox._finish(slow, "failed", "given_up", "too late", now=NOW + HOUR)

    event.refresh_from_db()
    assert (event.state, event.outcome) == ("done", "declared")


def test_what_kills_its_worker_each_time_is_given_up():
    event = inbox.receive(factories.event_source(), {}, message(), now=NOW).event
    now = NOW
    for _ in range(inbox.MOST_ATTEMPTS):
        inbox._claim(now=now)
        now += HOUR

    assert inbox.take_next(now=now)

    event.refresh_from_db()
    assert (event.state, event.outcome) == ("failed", "given_up")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"version": "4"}'], ids=range(4))
def test_what_cannot_be_read_fails_and_says_why(body):
    event = inbox.receive(factories.event_source(), {}, body, now=NOW).event

    inbox.take_next(now=NOW)

    event.refresh_from_db()
    assert (event.state, event.outcome) == ("failed", "unreadable")
    assert event.error


def test_only_administrators_replay_and_only_what_is_finished(ada):
    event = factories.inbound_event(state="failed", outcome="unreadable")
    with pytest.raises(NotAllowed):
        inbox.replay(event, by=factories.user(role="governor"), now=NOW)

    inbox.replay(event, by=ada, now=NOW)

    event.refresh_from_db()
    assert (event.state, event.error, event.attempts) == ("waiting", "", 0)
    with pytest.raises(inbox.NotToReplay):
        inbox.replay(event, by=ada, now=NOW)
    assert TrailEntry.objects.filter(act="inbox.replay", actor=ada).exists()


def test_a_source_proves_itself_by_either_of_two_secrets(ada):
    source, first = added(ada)
    _row, second = eventsources.issue(source, by=ada, now=NOW)

    for secret in (first, second):
        assert eventsources.proves(source, bearer(secret), b"", now=NOW)
    assert not eventsources.proves(source, bearer("clw_wrong"), b"", now=NOW)
    with pytest.raises(eventsources.SecretsInForce):
        eventsources.issue(source, by=ada, now=NOW)

    eventsources.retire(source.secrets.get(place=1), by=ada, now=NOW)

    assert not eventsources.proves(source, bearer(first), b"", now=NOW)
    assert eventsources.proves(source, bearer(second), b"", now=NOW)
    assert not source.secrets.get(retired_at__isnull=False).secret
    with pytest.raises(eventsources.LastSecret):
        eventsources.retire(source.secrets.get(retired_at=None), by=ada, now=NOW)


def test_secrets_are_encrypted_and_the_use_of_each_is_noted(ada):
    source, secret = added(ada)
    row = EventSecret.objects.get()
    assert secret not in row.secret.stored
    assert row.secret.reveal() == secret

    eventsources.proves(source, bearer(secret), b"", now=NOW)

    row.refresh_from_db()
    assert row.last_used_at == NOW


def test_the_database_keeps_two_secrets_at_most():
    source = factories.event_source()
    with pytest.raises(IntegrityError), transaction.atomic():
        EventSecret.objects.create(source=source, place=1, secret="another secret", created_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        EventSecret.objects.create(source=source, place=3, secret="another secret", created_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        EventSecret.objects.update(retired_at=NOW)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Taken"}, "name"),
        ({"service_labels": []}, "service_labels"),
        ({"service_names": {"a": "nowhere"}}, "service_names"),
        ({"severities": {"critical": "P9"}}, "severities"),
        ({"fallback_severity": None}, "fallback_severity"),
        ({"environment": "moon"}, "environment"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_source_with_a_wrong_value_is_refused_by_name(ada, fields, field):
    factories.event_source(name="Taken")
    with pytest.raises(Invalid) as refusal:
        eventsources.add(
            **{"kind": "alertmanager", "name": "New", "acts_as": ada, "by": ada, "now": NOW} | fields
        )

    assert refusal.value.field == field
    assert EventSource.objects.count() == 1


def test_a_source_acts_as_somebody_who_may_act(ada):
    for person in (factories.user(role="viewer"), factories.user(is_active=False)):
        with pytest.raises(Invalid) as refusal:
            eventsources.add(kind="alertmanager", name="New", acts_as=person, by=ada, now=NOW)
        assert refusal.value.field == "acts_as"
    with pytest.raises(NotAllowed):
        eventsources.add(
            kind="alertmanager", name="New", acts_as=ada, by=factories.user(role="governor"), now=NOW
        )


def test_without_a_key_nothing_is_kept(ada, settings):
    settings.FIELD_KEYS = {}

    with pytest.raises(eventsources.KeysMissing):
        added(ada)

    assert EventSource.objects.count() == 0
    assert not encryption.has_keys()


def test_the_log_of_events_is_for_administrators(ada):
    factories.inbound_event()

    assert inbox.log(ada).count() == 1
    with pytest.raises(NotAllowed):
        inbox.log(factories.user(role="governor"))
