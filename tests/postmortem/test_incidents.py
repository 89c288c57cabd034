from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import service_accounts
from postmortem import access, incidents, trail
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.incidents import AlreadyClosed, DuplicateIncident, NotClosable
from postmortem.models import Incident
from tests import factories
from tests.factories import DAY, HOUR, NOW

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def declare(**changes):
    """Declare a sound incident, with some arguments changed."""
    sound = {
        "title": "Orders fail",
        "severity": factories.severity("P0"),
        "started_at": NOW - HOUR,
        "services": [(factories.service(), "origin")],
        "by": factories.user(),
        "now": NOW,
    }
    return incidents.declare(**sound | changes)


def test_declare_loads_the_order_incident_with_typed_figures():
    """R7: 5 min, 38 %, CNY 1 200 000 (estimate), limit 200, demand 247, a phase."""
    order, cart = factories.service("order"), factories.service("cart")
    commander, scribe, by = factories.user(), factories.user(), factories.user()

    incident = declare(
        services=[(order, "origin"), (cart, "affected")],
        participants=[(commander, "commander"), (scribe, "scribe")],
        by=by,
        phase="load test before a sale",
        impact_minutes=5,
        failure_percent=Decimal(38),
        loss_amount=Decimal(1_200_000),
        loss_currency="CNY",
        loss_is_estimate=True,
        capacity_limit=200,
        capacity_demand=247,
    )

    incident.refresh_from_db()
    assert incident.public_id == "INC-2026-0001"
    assert (incident.impact_minutes, incident.failure_percent) == (5, Decimal("38.00"))
    assert (incident.loss_amount, incident.loss_currency, incident.loss_is_estimate) == (
        Decimal(1_200_000),
        "CNY",
        True,
    )
    assert (incident.capacity_limit, incident.capacity_demand, incident.phase) == (
        200,
        247,
        "load test before a sale",
    )
    assert set(incident.service_links.values_list("service__slug", "part")) == {
        ("order", "origin"),
        ("cart", "affected"),
    }
    assert set(incident.participants.values_list("user", "role")) == {
        (commander.pk, "commander"),
        (scribe.pk, "scribe"),
    }
    assert (incident.declared_by, incident.declared_at, incident.state) == (by, NOW, "open")
    assert {entry.act for entry in trail.of(incident)} == {"incidents.declare"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"title": 7}, "title"),
        ({"summary": "x" * 65_537}, "summary"),
        ({"started_at": datetime(1, 1, 1, tzinfo=UTC)}, "started_at"),
        ({"started_at": datetime(1999, 12, 31, 23, 59, tzinfo=UTC)}, "started_at"),
        ({"started_at": datetime(9999, 12, 31, tzinfo=UTC)}, "started_at"),
        ({"started_at": NOW + 6 * MINUTE}, "started_at"),
        ({"started_at": NOW.replace(tzinfo=None)}, "started_at"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": None}, "started_at"),
        ({"detected_at": NOW - 2 * HOUR}, "detected_at"),
        ({"resolved_at": NOW + DAY}, "resolved_at"),
        ({"environment": "moon"}, "environment"),
        ({"impact_minutes": -1}, "impact_minutes"),
        ({"impact_minutes": 2**40}, "impact_minutes"),
        ({"impact_minutes": "many"}, "impact_minutes"),
        ({"failure_percent": Decimal(101)}, "failure_percent"),
        ({"failure_percent": Decimal("NaN")}, "failure_percent"),
        ({"failure_percent": Decimal("0.001")}, "failure_percent"),
        ({"loss_amount": Decimal(5)}, "loss_currency"),
        ({"loss_amount": Decimal(-5), "loss_currency": "CNY"}, "loss_amount"),
        ({"loss_amount": Decimal(5), "loss_currency": "yen"}, "loss_currency"),
        ({"loss_amount": Decimal("1e30"), "loss_currency": "CNY"}, "loss_amount"),
        ({"capacity_limit": 1.5}, "capacity_limit"),
        ({"is_drill": "perhaps"}, "is_drill"),
        ({"source": "dream"}, "source"),
        ({"dedup_key": "x" * 201}, "dedup_key"),
        ({"services": []}, "services"),
    ],
)
def test_declare_refuses_bad_values_and_names_the_field(changes, field):
    with pytest.raises(Invalid) as refusal:
        declare(**changes)

    assert refusal.value.field == field
    assert not Incident.objects.exists()


def test_declare_wants_each_service_once_and_an_origin():
    service, other = factories.service(), factories.service()

    for services in (
        [(service, "affected")],
        [(service, "origin"), (service, "affected")],
        [(other, "cause")],
    ):
        with pytest.raises(Invalid) as refusal:
            declare(services=services)
        assert refusal.value.field == "services"


def test_declare_invites_active_members_once():
    member = factories.user()

    for people in (
        [(member, "responder"), (member, "scribe")],
        [(factories.user(is_active=False), "responder")],
        [(service_accounts.create(name="CI", role="member"), "responder")],
        [(factories.user(role="viewer"), "responder")],
        [(member, "hero")],
    ):
        with pytest.raises(Invalid) as refusal:
            declare(participants=people)
        assert refusal.value.field == "participants"


def test_declare_is_not_for_viewers():
    with pytest.raises(NotAllowed):
        declare(by=factories.user(role="viewer"))


def test_declare_accepts_a_clock_five_minutes_ahead():
    assert declare(started_at=NOW + 5 * MINUTE).started_at == NOW + 5 * MINUTE


def test_declare_a_programming_mistake_is_no_refusal():
    with pytest.raises(TypeError):
        declare(closed_at=NOW)


def test_whoever_declares_a_restricted_incident_keeps_sight_of_it():
    person, governor = factories.user(), factories.user(role="governor")

    incident = declare(is_restricted=True, by=person)
    assert access.is_visible(incident, person)
    assert incident.participants.get().role == "observer"

    assert not declare(is_restricted=True, by=governor).participants.exists()


def test_a_second_open_incident_with_the_same_key_is_refused_and_named():
    first = declare(dedup_key="alert/42")

    with pytest.raises(DuplicateIncident) as refusal:
        declare(dedup_key="alert/42")
    assert refusal.value.details == {"public_id": first.public_id}

    incidents.dismiss(first, as_="false_alarm", reason="A test alert.", by=factories.user(), now=NOW)
    assert declare(dedup_key="alert/42").pk != first.pk


def test_a_key_of_a_hidden_incident_is_refused_without_its_name():
    hidden = declare(dedup_key="alert/42", is_restricted=True, by=factories.user(role="governor"))

    with pytest.raises(DuplicateIncident) as refusal:
        declare(dedup_key="alert/42", by=factories.user())

    assert refusal.value.details == {}
    assert hidden.public_id not in refusal.value.message


def test_edit_changes_facts_and_services():
    incident = factories.incident("Old")
    service = factories.service("new")

    edited = incidents.edit(
        incident, title="New", mitigated_at=None, services=[(service, "origin")], by=factories.user(), now=NOW
    )

    assert edited.title == "New"
    assert [link.service for link in incident.service_links.all()] == [service]


def test_edit_refuses_and_writes_nothing():
    incident = factories.incident("Old")

    with pytest.raises(Invalid) as refusal:
        incidents.edit(incident, title="New", loss_amount=Decimal(1), by=factories.user(), now=NOW)

    incident.refresh_from_db()
    assert (refusal.value.field, incident.title) == ("loss_currency", "Old")


def test_edit_restricts_only_for_those_who_keep_sight():
    participant, stranger = factories.user(), factories.user()
    incident = factories.incident(participants=[participant])

    with pytest.raises(NotAllowed):
        incidents.edit(incident, is_restricted=True, by=stranger, now=NOW)
    assert incidents.edit(incident, is_restricted=True, by=participant, now=NOW).is_restricted


def test_what_an_archived_postmortem_stands_on_changes_no_more():
    incident = factories.resolved_incident(participants=[factories.user()])
    factories.filed_timeline(incident.participants.get())
    factories.archived_review(incidents=[incident])
    by = factories.user(role="governor")

    for act in (
        lambda: incidents.edit(incident, title="New", by=by, now=NOW),
        lambda: incidents.mark(incident, milestone="resolved_at", at=NOW, by=by, now=NOW),
        lambda: incidents.invite(incident, user=factories.user(), role="scribe", by=by, now=NOW),
        lambda: incidents.dismiss(incident, as_="duplicate", reason="x", by=by, now=NOW),
    ):
        with pytest.raises(Archived):
            act()
    assert incidents.edit(incident, is_restricted=True, by=by, now=NOW).is_restricted


def test_mark_sets_milestones_in_order():
    incident = factories.incident(started_at=NOW - HOUR)
    by = factories.user()

    incidents.mark(incident, milestone="detected_at", at=NOW - 50 * MINUTE, by=by, now=NOW)
    incident = incidents.mark(incident, milestone="resolved_at", at=NOW - 10 * MINUTE, by=by, now=NOW)

    assert incident.state == "resolved"


@pytest.mark.parametrize(
    ("milestone", "at", "field"),
    [
        ("acknowledged_at", NOW - 55 * MINUTE, "acknowledged_at"),
        ("resolved_at", NOW - 2 * HOUR, "resolved_at"),
        ("mitigated_at", NOW + 6 * MINUTE, "mitigated_at"),
        ("started_at", NOW - 10 * MINUTE, "detected_at"),
        ("closed_at", NOW, "milestone"),
        ("public_id", NOW, "milestone"),
    ],
)
def test_mark_refuses_what_is_out_of_order(milestone, at, field):
    incident = factories.incident(started_at=NOW - HOUR, detected_at=NOW - 50 * MINUTE)

    with pytest.raises(Invalid) as refusal:
        incidents.mark(incident, milestone=milestone, at=at, by=factories.user(), now=NOW)

    assert refusal.value.field == field


def test_invite_refuses_twice_and_viewers():
    incident = factories.incident()
    by, person = factories.user(), factories.user()
    incidents.invite(incident, user=person, role="responder", by=by, now=NOW)

    for user, role, field in (
        (person, "scribe", "user"),
        (factories.user(role="viewer"), "scribe", "user"),
        (factories.user(is_active=False), "scribe", "user"),
        (factories.user(), "hero", "role"),
    ):
        with pytest.raises(Invalid) as refusal:
            incidents.invite(incident, user=user, role=role, by=by, now=NOW)
        assert refusal.value.field == field


def test_close_lists_its_reasons_as_codes():
    incident = factories.incident(severity="P1")

    with pytest.raises(NotClosable) as refusal:
        incidents.close(incident, by=factories.user(), now=NOW)

    assert refusal.value.details == {"reasons": ["not_resolved", "postmortem_missing"]}


def test_close_needs_an_archived_postmortem_where_the_severity_asks_for_one():
    incident = factories.resolved_incident(severity="P1")
    by = factories.user()

    with pytest.raises(NotClosable) as refusal:
        incidents.close(incident, by=by, now=NOW)
    assert refusal.value.details == {"reasons": ["postmortem_missing"]}

    factories.archived_review(incidents=[incident])
    assert incidents.close(incident, by=by, now=NOW).state == "closed"
    with pytest.raises(AlreadyClosed):
        incidents.close(incident, by=by, now=NOW)


@pytest.mark.parametrize("facts", [{"severity": "P3"}, {"severity": "P0", "is_drill": True}])
def test_close_needs_no_postmortem_for_minor_incidents_and_drills(facts):
    incident = factories.resolved_incident(**facts)

    assert incidents.close(incident, by=factories.user(), now=NOW).closed_at == NOW


def test_a_closed_incident_stays_resolved():
    incident = factories.resolved_incident(severity="P3", closed_at=NOW)

    with pytest.raises(Invalid) as refusal:
        incidents.edit(incident, resolved_at=None, by=factories.user(), now=NOW)

    assert refusal.value.field == "resolved_at"


def test_dismiss_ends_an_incident_with_a_reason():
    incident = factories.incident()
    by = factories.user()

    for as_, reason, field in (
        ("mood", "x", "as_"),
        ("duplicate", " ", "reason"),
        ("duplicate", "x" * 2001, "reason"),
    ):
        with pytest.raises(Invalid) as refusal:
            incidents.dismiss(incident, as_=as_, reason=reason, by=by, now=NOW)
        assert refusal.value.field == field

    dismissed = incidents.dismiss(incident, as_="duplicate", reason="See INC-2026-0001.", by=by, now=NOW)
    assert (dismissed.state, dismissed.closed_at) == ("dismissed", NOW)
    with pytest.raises(AlreadyClosed):
        incidents.dismiss(incident, as_="duplicate", reason="again", by=by, now=NOW)
