"""Alerts become incidents, whatever the order and however often their messages come."""

import itertools
from datetime import timedelta

import pytest

from governance import inbox
from governance.models import AlertGroup, InboundEvent
from postmortem import incidents
from postmortem.models import Incident
from tests import factories
from tests.factories import DAY, NOW
from tests.governance.alerting import MINUTE, SECOND, START, alert, message

pytestmark = pytest.mark.django_db

END = START + 47 * SECOND


@pytest.fixture
def order():
    return factories.service("order")


@pytest.fixture
def source(order):
    return factories.event_source()


def send(source, body, *, at=NOW):
    """Receive a message and deal with it; the event as it stands then."""
    event = inbox.receive(source, {}, body, now=at).event
    while inbox.take_next(now=at):
        pass
    return InboundEvent.objects.get(pk=event.pk)


def facts():
    rows = Incident.objects.order_by("started_at", "pk")
    return [(one.started_at, one.mitigated_at, one.resolved_at, one.severity.code) for one in rows]


def test_firing_declares_an_incident_of_the_service_that_its_label_names(source, order):
    event = send(source, message())

    incident = Incident.objects.get()
    assert (event.state, event.outcome, event.incident) == ("done", "declared", incident)
    assert (incident.title, incident.source, incident.severity.code) == (
        "PoolFull: The pool is full",
        "alertmanager",
        "P1",
    )
    assert (incident.started_at, incident.detected_at, incident.resolved_at) == (START, START, None)
    assert incident.declared_by == source.acts_as
    assert [(link.service, link.part) for link in incident.service_links.all()] == [(order, "origin")]
    assert "pod=a1" in incident.summary


def test_firing_and_resolved_47_seconds_apart_give_47_seconds(source):
    send(source, message())
    event = send(source, message(alert(ends_at=END)))

    incident = Incident.objects.get()
    assert event.outcome == "resolved"
    assert (incident.mitigated_at, incident.resolved_at) == (END, END)
    assert incident.resolved_at - incident.started_at == timedelta(seconds=47)


def test_the_same_messages_again_change_nothing(source):
    bodies = [message(), message(alert(ends_at=END))]
    for body in bodies:
        send(source, body)
    before = (facts(), AlertGroup.objects.values().get(), Incident.objects.get().version)

    again = [send(source, body, at=NOW + MINUTE) for body in bodies * 2]

    assert {(one.state, one.outcome) for one in again} == {("ignored", "unchanged")}
    assert (facts(), AlertGroup.objects.values().get(), Incident.objects.get().version) == before


TWO = [
    message(alert("a1")),
    message(alert("a1"), alert("a2", starts_at=START + 10 * SECOND)),
    message(alert("a1", ends_at=END), alert("a2", starts_at=START + 10 * SECOND)),
    message(alert("a1", ends_at=END), alert("a2", starts_at=START + 10 * SECOND, ends_at=END + MINUTE)),
]


@pytest.mark.parametrize(
    "order_of", list(itertools.permutations(range(4))), ids=lambda places: "".join(map(str, places))
)
def test_any_order_comes_to_the_same(source, order_of):
    for place in order_of:
        event = send(source, TWO[place])
        assert event.state in {"done", "ignored"}

    assert facts() == [(START, END + MINUTE, END + MINUTE, "P1")]


def test_an_alert_that_ends_inside_a_firing_group_resolves_nothing(source):
    for body in TWO[:3]:
        send(source, body)

    assert facts() == [(START, None, None, "P1")]


def test_groups_are_apart_and_so_are_sources(source):
    send(source, message(group="{}:{a}"))
    send(source, message(group="{}:{b}"))
    send(factories.event_source(), message(group="{}:{a}"))

    assert Incident.objects.count() == 3


def test_what_fires_again_soon_goes_on_and_later_is_something_new(source):
    send(source, message(), at=START)
    send(source, message(alert(ends_at=END)), at=END)
    soon = END + 5 * MINUTE
    event = send(source, message(alert(starts_at=soon)), at=soon)
    assert (event.outcome, facts()) == ("resumed", [(START, None, None, "P1")])
    send(source, message(alert(starts_at=soon, ends_at=soon + MINUTE)), at=soon + MINUTE)
    assert facts() == [(START, soon + MINUTE, soon + MINUTE, "P1")]

    later = soon + 40 * MINUTE
    event = send(source, message(alert(starts_at=later)), at=later)

    assert event.outcome == "declared"
    assert facts() == [(START, soon + MINUTE, soon + MINUTE, "P1"), (later, None, None, "P1")]
    # A message about the first one that comes only now changes neither.
    event = send(source, message(alert("other", starts_at=START, ends_at=END)), at=later)
    assert (event.outcome, Incident.objects.count()) == ("unchanged", 2)


def test_an_alert_that_fires_long_after_its_end_under_its_old_start_goes_on(source):
    send(source, message(), at=START)
    send(source, message(alert(ends_at=END)), at=END)

    assert send(source, message(), at=END + 20 * MINUTE).outcome == "unchanged"
    event = send(source, message(), at=END + 70 * MINUTE)

    assert (event.outcome, facts()) == ("resumed", [(START, None, None, "P1")])


def test_a_closed_incident_stays_and_new_alerts_are_a_new_one(source):
    send(source, message(), at=START)
    first = Incident.objects.get()
    incidents.dismiss(
        first, as_="false_alarm", reason="The probe was wrong.", by=source.acts_as, now=START + 5 * MINUTE
    )

    event = send(source, message(alert(ends_at=START + 9 * MINUTE)), at=START + 9 * MINUTE)
    assert (event.state, event.error) == ("done", f"{first.public_id} is closed and stays as it is.")
    event = send(source, message(alert("a2", starts_at=START + 12 * MINUTE)), at=START + 12 * MINUTE)

    assert event.outcome == "declared"
    assert [one.state for one in Incident.objects.order_by("pk")] == ["dismissed", "open"]


def test_what_a_person_said_of_the_end_stands(source):
    send(source, message(), at=START)
    incidents.edit(Incident.objects.get(), mitigated_at=START + SECOND, by=source.acts_as, now=NOW)

    send(source, message(alert(ends_at=END)))

    assert facts() == [(START, START + SECOND, END, "P1")]


def test_an_end_before_a_milestone_of_a_person_follows_it(source):
    send(source, message(), at=START)
    incidents.edit(Incident.objects.get(), acknowledged_at=END + MINUTE, by=source.acts_as, now=NOW)

    send(source, message(alert(ends_at=END)))

    assert facts() == [(START, END + MINUTE, END + MINUTE, "P1")]


def test_an_archived_postmortem_is_left_alone(source):
    send(source, message(), at=START)
    incident = Incident.objects.get()
    Incident.objects.update(mitigated_at=END, resolved_at=END)
    incident.refresh_from_db()
    factories.archived_review(incidents=[incident])

    event = send(source, message(alert("a2", starts_at=START - MINUTE)))

    assert event.state == "done"
    assert "is archived and stays as it is" in event.error
    assert facts() == [(START, END, END, "P1")]


def test_alerts_that_were_left_out_keep_an_incident_open(source):
    send(source, message(alert("a1"), truncatedAlerts=2))

    event = send(source, message(alert("a1", ends_at=END), truncatedAlerts=2))

    assert (event.outcome, facts()) == ("changed", [(START, None, None, "P1")])
    assert "2 alerts were left out" in event.error
    send(source, message(alert("a1", ends_at=END), alert("a3", starts_at=START, ends_at=END + SECOND)))
    assert facts() == [(START, END + SECOND, END + SECOND, "P1")]


def test_further_alerts_bring_their_service_and_the_worse_severity(source):
    factories.service("cart")
    send(source, message(alert("a1", labels={"severity": "warning"})))
    assert facts() == [(START, None, None, "P3")]

    send(source, message(alert("a2", labels={"service": "cart"})))

    incident = Incident.objects.get()
    assert incident.severity.code == "P1"
    links = incident.service_links.order_by("pk").values_list("service__slug", "part")
    assert list(links) == [("order", "origin"), ("cart", "affected")]


def test_an_unknown_service_fails_with_its_name_and_is_dealt_with_later(source):
    body = message(alert(labels={"service": "ordr"}))
    event = send(source, body)

    assert (event.state, event.outcome) == ("failed", "service_unknown")
    assert "service=“ordr”" in event.error
    assert (Incident.objects.count(), AlertGroup.objects.count()) == (0, 0)

    source.service_names = {"ordr": "order"}
    source.save()
    inbox.replay(event, by=factories.user(role="administrator"), now=NOW + DAY)
    assert inbox.take_next(now=NOW + DAY)

    event.refresh_from_db()
    assert (event.state, event.outcome, facts()) == ("done", "declared", [(START, None, None, "P1")])


def test_labels_are_tried_in_order_and_then_the_fallback(source, order):
    source.service_labels = ["app", "service"]
    source.save()
    factories.service("cart")

    send(source, message(alert(labels={"app": "cart"}), group="1"))
    send(source, message(alert(labels={"app": "unknown"}), group="2"))
    send(source, message(alert(labels={"service": None}), group="3"))

    slugs = [one.services.get().slug for one in Incident.objects.order_by("pk")]
    assert slugs == ["cart", "order"]
    source.fallback_service = order
    source.save()
    assert send(source, message(alert(labels={"service": None}), group="4")).outcome == "declared"


def test_a_severity_that_is_none_is_no_incident(source):
    event = send(source, message(alert(labels={"severity": "none"})))

    assert (event.state, event.outcome, Incident.objects.count()) == ("ignored", "not_counted", 0)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"starts_at": NOW + DAY}, "invalid"),
        ({"starts_at": NOW - 30 * 366 * DAY}, "invalid"),
    ],
    ids=["future", "past"],
)
def test_an_absurd_moment_fails_and_writes_nothing(source, said, code):
    event = send(source, message(alert(**said)))

    assert (event.state, event.outcome, Incident.objects.count()) == ("failed", code, 0)


def test_an_alert_that_lies_in_the_future_is_named_with_its_field(source):
    event = send(source, message(alert("a1", starts_at=NOW + 2 * DAY), alert("a2", starts_at=NOW + DAY)))

    assert event.error == (
        "alerts.1.startsAt of “PoolFull” lies in the future: "
        f"{NOW + DAY:%Y-%m-%dT%H:%M:%SZ}. Compare the clocks."
    )

    event = send(source, message(alert("a3", ends_at=NOW + DAY)))

    assert event.error.startswith("alerts.0.endsAt of “PoolFull” lies in the future")


def test_what_an_alert_says_is_no_markup_and_its_secrets_are_masked(source):
    said = {"summary": "<script>alert(1)</script>", "description": "password=hunter2hunter2"}
    send(source, message(alert(annotations=said), commonAnnotations={}))

    incident = Incident.objects.get()
    assert "<script>" not in incident.summary_html
    assert "hunter2" not in incident.summary


def test_who_acts_no_more_declares_nothing(source):
    source.acts_as.is_active = False
    source.acts_as.save()

    event = send(source, message())

    assert (event.state, event.outcome) == ("failed", "not_allowed")
