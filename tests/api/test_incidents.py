from datetime import timedelta

import pytest
from django.utils import timezone

from postmortem.models import Incident
from tests import factories
from tests.api.bodies import INCIDENT
from tests.api.conftest import assert_problem


@pytest.fixture
def order(db):
    return factories.service("order")


def test_declaration_is_answered_with_the_whole_incident(member, order):
    nia = factories.user("Nia")

    response = member.post("incidents", INCIDENT | {"participants": [{"user": nia.pk, "role": "scribe"}]})

    assert response.status_code == 201
    answer = response.json()
    declared = Incident.objects.get()
    assert answer == INCIDENT | {
        "id": declared.public_id,
        "state": "resolved",
        "started_at": "2026-11-20T02:00:00Z",
        "closed_at": None,
        "dismissed_as": "",
        "dismissed_reason": "",
        "source": "api",
        "review": None,
        "review_due_at": "2026-11-22T02:00:00Z",
        "review_standing": answer["review_standing"],
        "participants": [
            {
                "id": declared.participants.get().pk,
                "user": {"id": nia.pk, "name": "Nia", "is_active": True},
                "role": "scribe",
                "timeline": "sealed",
            }
        ],
        "declared_by": {"id": member.user.pk, "name": "Mia", "is_active": True},
        "declared_at": answer["declared_at"],
        "version": 1,
        "dedup_key": "",
        "duplicate_of": None,
        "is_late_entry": True,
    }
    assert declared.declared_by == member.user


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"title": ""}, "title", "blank"),
        ({"title": "x" * 201}, "title", "max_length"),
        ({"title": ["x"]}, "title", "invalid"),
        ({"title": "a\x00b"}, "title", "null_characters_not_allowed"),
        ({"title": "\ud800"}, "title", "surrogate_characters_not_allowed"),
        ({"severity": "P9"}, "severity", "does_not_exist"),
        ({"severity": {"code": "P1"}}, "severity", "invalid"),
        ({"severity": "P1\x00"}, "severity", "does_not_exist"),
        ({"services": []}, "services", "min_length"),
        ({"services": {"service": "order"}}, "services", "not_a_list"),
        ({"services": [{"service": "order", "part": "affected"}]}, "services", "invalid"),
        ({"services": [{"service": "order", "part": "origin"}] * 2}, "services", "invalid"),
        ({"participants": [{"user": 10**30}]}, "participants.0.user", "does_not_exist"),
        ({"participants": [{"user": True}]}, "participants.0.user", "incorrect_type"),
        ({"participants": [{"user": "1"}]}, "participants.0.user", "incorrect_type"),
        ({"started_at": "2026-11-20T10:00:00"}, "started_at", "naive"),
        ({"started_at": "0000-01-01T00:00:00Z"}, "started_at", "invalid"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, "started_at", "overflow"),
        ({"started_at": "9999-12-31T23:59:59Z"}, "started_at", "range"),
        ({"started_at": "1999-12-31T23:59:59Z"}, "started_at", "range"),
        ({"started_at": "2025-02-29T00:00:00Z"}, "started_at", "invalid"),
        ({"started_at": 1763600000}, "started_at", "invalid"),
        ({"started_at": "2099-01-01T00:00:00Z"}, "started_at", "invalid"),
        ({"detected_at": "2026-11-20T01:59:59Z"}, "detected_at", "invalid"),
        ({"failure_percent": "100.01"}, "failure_percent", "max_value"),
        ({"failure_percent": "NaN"}, "failure_percent", "invalid"),
        ({"impact_minutes": 2**31}, "impact_minutes", "max_value"),
        ({"impact_minutes": -1}, "impact_minutes", "min_value"),
        ({"loss_currency": "RMB¥"}, "loss_currency", "invalid"),
        ({"loss_currency": ""}, "loss_currency", "invalid"),
        ({"environment": "prod"}, "environment", "invalid_choice"),
        ({"source": "alertmanager"}, "source", "unknown"),
        ({"public_id": "INC-2026-0001"}, "public_id", "unknown"),
    ],
)
def test_declaration_with_a_wrong_value_is_refused_by_its_field(member, order, changes, field, code):
    import json

    problem = assert_problem(
        member.post("incidents", json.dumps(INCIDENT | changes).encode()), 400, "invalid"
    )

    assert {name: [one["code"] for one in found] for name, found in problem["errors"].items()} == {
        field: [code]
    }
    assert not Incident.objects.exists()


def test_same_deduplication_key_is_refused_while_the_first_is_open(member, order):
    first = member.post("incidents", INCIDENT | {"dedup_key": "alert-7"}).json()

    problem = assert_problem(
        member.post("incidents", INCIDENT | {"dedup_key": "alert-7"}), 409, "duplicate_incident"
    )

    assert problem["details"] == {"public_id": first["id"]}


def test_edit_changes_only_what_is_sent(member, order):
    incident = factories.incident(summary="Before.", services=[order])

    answer = member.patch(f"incidents/{incident}", {"title": "Checkout fails", "phase": "sale"}).json()

    assert (answer["title"], answer["phase"], answer["summary"]) == ("Checkout fails", "sale", "Before.")
    assert answer["services"] == [{"service": "order", "part": "origin"}]


def test_edit_of_services_asks_for_whole_ones(member, order):
    incident = factories.incident(services=[order])

    problem = assert_problem(
        member.patch(f"incidents/{incident}", {"services": [{"part": "origin"}]}), 400, "invalid"
    )

    assert list(problem["errors"]) == ["services.0.service"]


def test_milestones_are_marked_in_order(member):
    incident = factories.incident()
    at = (incident.started_at + timedelta(minutes=3)).isoformat()

    answer = member.post(f"incidents/{incident}/mark", {"milestone": "mitigated", "at": at}).json()
    problem = assert_problem(
        member.post(
            f"incidents/{incident}/mark", {"milestone": "resolved", "at": incident.started_at.isoformat()}
        ),
        400,
        "invalid",
    )

    assert answer["state"] == "mitigated"
    assert list(problem["errors"]) == ["at"]


def test_incident_without_a_postmortem_duty_closes(member):
    incident = factories.resolved_incident(severity="P4")

    answer = member.post(f"incidents/{incident}/close").json()

    assert answer["state"] == "closed"
    assert_problem(member.post(f"incidents/{incident}/close"), 409, "already_closed")


def test_dismissal_keeps_its_reason(member):
    incident = factories.incident()

    answer = member.post(
        f"incidents/{incident}/dismiss", {"as": "false_alarm", "reason": "A test alert."}
    ).json()

    assert (answer["state"], answer["dismissed_as"], answer["dismissed_reason"]) == (
        "dismissed",
        "false_alarm",
        "A test alert.",
    )


def test_invitation_adds_a_participant_once(member):
    incident, nia = factories.incident(), factories.user("Nia")

    answer = member.post(f"incidents/{incident}/participants", {"user": nia.pk}).json()
    problem = assert_problem(
        member.post(f"incidents/{incident}/participants", {"user": nia.pk}), 400, "invalid"
    )

    assert [one["user"]["name"] for one in answer["participants"]] == ["Nia"]
    assert list(problem["errors"]) == ["user"]


def test_list_filters_by_each_parameter(member, order):
    now = timezone.now()
    old = factories.incident(
        "Old pool",
        services=[factories.service("pay"), order],
        started_at=now - timedelta(days=9),
        severity="P2",
    )
    new = factories.resolved_incident(
        "New 100% pool", summary="It was DNS.", started_at=now - timedelta(days=1)
    )
    gone = factories.incident(
        "Gone", started_at=now - timedelta(days=2), dismissed_as="duplicate", dismissed_reason="x"
    )

    def found(**query):
        return [row["id"] for row in member.get("incidents", **query).json()["items"]]

    assert found() == [new.public_id, gone.public_id, old.public_id]
    assert found(severity="P2") == [old.public_id]
    assert found(severity="P0") == []
    assert found(service="order") == [old.public_id]
    assert found(state="open") == [old.public_id]
    assert found(state="resolved") == [new.public_id]
    assert found(state="dismissed") == [gone.public_id]
    assert found(q="pool") == [new.public_id, old.public_id]
    assert found(q="dns") == [new.public_id]
    assert found(q="100%") == [new.public_id]
    assert found(q=old.public_id.lower()) == [old.public_id]
    assert found(since=(now - timedelta(days=3)).isoformat()) == [new.public_id, gone.public_id]
    assert found(until=(now - timedelta(days=3)).isoformat()) == [old.public_id]


@pytest.mark.parametrize("name", ["team", "service", "severity"])
def test_list_of_what_is_not_there_says_so(member, name):
    problem = assert_problem(member.get("incidents", **{name: "nope"}), 400, "invalid")

    assert list(problem["errors"]) == [name]


@pytest.mark.parametrize("state", ["open", "mitigated", "resolved", "closed", "dismissed"])
def test_state_of_the_filter_is_the_state_of_the_row(member, state):
    base = {"started_at": factories.NOW - timedelta(days=1)}
    at = base["started_at"] + timedelta(hours=1)
    ended = {"mitigated_at": at, "resolved_at": at}
    for fields in ({}, {"mitigated_at": at}, ended, {"resolved_at": at}, ended | {"closed_at": at}):
        factories.incident(**base, **fields)
        factories.incident(**base, **fields | {"dismissed_as": "duplicate", "dismissed_reason": "x"})

    rows = member.get("incidents", state=state).json()["items"]

    assert {row["id"] for row in rows} == {
        one.public_id for one in Incident.objects.all() if one.state == state
    }
    assert {row["state"] for row in rows} == {state}


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_queries_for_any_number_of_rows(member, order, django_assert_num_queries, count):
    for _ in range(count):
        review = factories.review(
            incidents=[
                factories.resolved_incident(
                    services=[order, factories.service()], participants=[factories.user()]
                )
            ]
        )
    assert review

    with django_assert_num_queries(4):
        assert len(member.get("incidents").json()["items"]) == count


@pytest.mark.parametrize("count", [1, 3])
def test_detail_costs_the_same_queries_for_any_number_of_participants(
    member, django_assert_num_queries, count
):
    incident = factories.incident(services=[factories.service() for _ in range(count)])
    for _ in range(count):
        factories.filed_timeline(factories.participant(incident))

    with django_assert_num_queries(5):
        assert len(member.get(f"incidents/{incident}").json()["participants"]) == count


def test_a_correction_over_a_newer_version_is_refused_with_both(member):
    incident = factories.resolved_incident(summary="As it was.")
    read = member.get(f"incidents/{incident}").json()["version"]
    assert member.patch(f"incidents/{incident}", {"summary": "Theirs.", "version": read}).status_code == 200

    refused = member.patch(f"incidents/{incident}", {"summary": "Mine.", "phase": "x", "version": read})

    problem = assert_problem(refused, 409, "edit_conflict")
    assert problem["details"] == {
        "mine": {"summary": "Mine.", "phase": "x"},
        "theirs": {"summary": "Theirs.", "phase": ""},
        "version": read + 1,
    }
    assert member.patch(f"incidents/{incident}", {"summary": "Anyway."}).status_code == 200
