"""Bodies of events are let go after a while; what became of the events stays."""

import hashlib
from datetime import timedelta
from importlib import import_module

import pgtrigger
import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from governance import inbox, tasks
from governance.models import InboundEvent
from tests import factories
from tests.governance.alerting import message
from tests.race import at_once
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = timezone.now()


def came(days_ago, body=b'{"a": 1}', **fields):
    at = NOW - days_ago * DAY
    fields = {"state": "done", "outcome": "declared", "finished_at": at} | fields
    return factories.inbound_event(body=body, received_at=at, next_at=at, **fields)


def again(event):
    return InboundEvent.objects.get(pk=event.pk)


def test_an_old_body_goes_and_all_else_stays():
    told = factories.incident()
    old = came(91, message(), incident=told, delivery_id="d-1", event_type="alert")
    young = came(89)

    assert inbox.forget_bodies(now=NOW, days=90) == 1

    after = again(old)
    assert (after.body, after.body_dropped_at) == (None, NOW)
    assert (after.size, bytes(after.sha256)) == (len(message()), hashlib.sha256(message()).digest())
    assert (after.state, after.outcome, after.incident, after.delivery_id, after.event_type) == (
        "done", "declared", told, "d-1", "alert",
    )  # fmt: skip
    assert again(young).body_dropped_at is None
    # Nothing is left to do, and the first moment stays.
    assert inbox.forget_bodies(now=NOW + DAY / 2, days=90) == 0
    assert again(old).body_dropped_at == NOW


@pytest.mark.parametrize(("state", "goes"), [("waiting", False), ("ignored", True), ("failed", True)])
def test_what_still_waits_keeps_its_body(state, goes):
    fields = {"state": state} | ({"finished_at": None} if state == "waiting" else {})
    event = came(200, **fields)

    inbox.forget_bodies(now=NOW, days=90)

    assert (again(event).body is None) == goes


def test_many_go_in_small_transactions():
    events = [came(100 + number) for number in range(5)]

    assert inbox.forget_bodies(now=NOW, days=90, at_once=2, budget_seconds=0) == 2
    # The oldest first.
    assert [again(event).body is None for event in events] == [False, False, False, True, True]
    assert inbox.forget_bodies(now=NOW, days=90, at_once=2) == 3


def test_the_setting_says_how_long(settings):
    settings.EVENT_BODY_DAYS = 30
    older, newer = came(31), came(29)

    tasks.forget_bodies()

    assert (again(older).body, again(newer).body_dropped_at) == (None, None)


def test_without_its_body_an_event_is_not_dealt_with_again():
    event = came(91, state="failed", outcome="unreadable")
    ada = factories.user(role="administrator")
    inbox.forget_bodies(now=NOW, days=90)

    with pytest.raises(inbox.BodyNotKept) as refusal:
        inbox.replay(event, by=ada, now=NOW)

    assert refusal.value.code == "body_not_kept"
    assert again(event).state == "failed"
    client = client_of(ada)
    page = client.get(f"/settings/events/{event.pk}/").text
    assert "Its body is no longer kept" in page
    assert "Deal with it again" not in page
    sent = client.post(f"/settings/events/{event.pk}/replay", follow=True)
    assert "Its body is no longer kept, so it cannot be dealt with again." in sent.text


def test_one_that_is_dealt_with_again_keeps_its_body_until_it_is_done():
    event = came(91, b"{}", state="failed", outcome="unreadable")
    inbox.replay(event, by=factories.user(role="administrator"), now=NOW)

    assert inbox.forget_bodies(now=NOW, days=90) == 0
    assert inbox.take_next(now=NOW)
    assert inbox.forget_bodies(now=NOW, days=90) == 1


def test_the_same_delivery_is_known_by_its_id_without_its_body():
    source = factories.event_source("github")
    headers = {"x-github-delivery": "d-1"}
    first = inbox.receive(source, headers, b"{}", now=NOW - 100 * DAY)
    InboundEvent.objects.update(state="done", finished_at=NOW)
    inbox.forget_bodies(now=NOW, days=90)

    second = inbox.receive(source, headers, b"{}", now=NOW)

    assert (second.event, second.is_new) == (first.event, False)
    assert InboundEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("days_ago", "change"),
    [
        (1, "body = NULL, body_dropped_at = now()"),
        (6, "body = NULL, body_dropped_at = now()"),
        (91, "body = NULL"),
        (91, "body_dropped_at = now()"),
        (91, "body = 'other'"),
        (91, "size = 1"),
        (91, "sha256 = 'other'"),
        (91, "state = 'waiting', finished_at = NULL, body = NULL, body_dropped_at = now()"),
    ],
)
def test_the_database_refuses_every_other_change(days_ago, change):
    event = came(days_ago)
    before = InboundEvent.objects.values().get()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE governance_inboundevent SET {change} WHERE id = %s", [event.pk])

    assert InboundEvent.objects.values().get() == before


@pytest.mark.parametrize("change", ["body = 'forged'", "body_dropped_at = now()", "body_dropped_at = NULL"])
def test_what_is_gone_never_comes_back(change):
    event = came(91)
    inbox.forget_bodies(now=NOW, days=90)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE governance_inboundevent SET {change} WHERE id = %s", [event.pk])

    assert again(event).body_dropped_at == NOW


@pytest.mark.django_db(transaction=True)
def test_who_deals_with_it_again_at_this_moment_keeps_it_or_is_refused():
    event = came(91, b"{}", state="failed", outcome="unreadable")
    ada = factories.user(role="administrator")

    refusal, nothing = at_once(
        lambda: inbox.replay(event, by=ada, now=NOW), lambda: inbox.forget_bodies(now=NOW, days=90)
    )

    row = again(event)
    assert nothing is None
    assert (row.state, row.body_dropped_at, refusal and refusal.code) in {
        ("waiting", None, None),
        ("failed", NOW, "body_not_kept"),
    }


def test_events_that_came_before_know_their_size():
    migration = import_module("governance.migrations.0022_sizes_of_events")
    event = came(1, b"12345")
    (step,) = migration.Migration.operations

    with pgtrigger.ignore("governance.InboundEvent:as_it_came"), connection.cursor() as cursor:
        cursor.execute("UPDATE governance_inboundevent SET size = 0")
        cursor.execute(step.sql)

    assert again(event).size == 5
