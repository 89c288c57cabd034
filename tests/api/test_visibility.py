"""What is restricted is restricted at every address of the API."""

import pytest

from postmortem.models import Incident
from tests import factories
from tests.api.conftest import Caller, build_world
from tests.api.document import operations

# Parts of the world that are derived from an incident; what they name is hidden with it.
HIDDEN = ("{incident}", "{review}", "{item}", "{check}", "{run}")


def hidden_operations():
    return [
        (path, method) for path, method, _operation in operations() if any(part in path for part in HIDDEN)
    ]


@pytest.fixture
def secret_world(db):
    return build_world(
        Caller(factories.user("Ada", role="administrator")), is_restricted=True, summary="Secret takeover"
    )


@pytest.mark.parametrize(("path", "method"), hidden_operations())
def test_stranger_finds_nothing_of_a_restricted_incident(secret_world, path, method):
    stranger = Caller(factories.user(role="facilitator"))

    response = stranger.send(method.upper(), secret_world.path(path), {})

    assert response.status_code == 404
    assert b"Secret" not in response.content


@pytest.mark.parametrize("path", ["incidents", "reviews", "items"])
def test_lists_leave_out_what_is_restricted(secret_world, path):
    stranger = Caller(factories.user(role="facilitator"))

    assert stranger.get(path).json() == {"items": [], "next": None}
    assert stranger.get(path, q="Secret").json() == {"items": [], "next": None}
    assert secret_world.caller.get(path).json()["items"] != []


def test_restricted_incident_cannot_be_named_in_a_body(secret_world):
    stranger = Caller(factories.user(role="facilitator"))
    fresh = Incident.objects.get(pk=secret_world.names["fresh"].pk)

    refused = stranger.post("reviews", {"title": "Curious", "incidents": [fresh.public_id]}).json()
    unknown = stranger.post("reviews", {"title": "Curious", "incidents": ["INC-2026-9999"]}).json()

    assert refused["errors"] == unknown["errors"]
    assert [one["code"] for one in refused["errors"]["incidents.0"]] == ["does_not_exist"]


def test_restricted_review_and_cause_cannot_be_named_in_a_body(secret_world):
    stranger = Caller(factories.user(role="facilitator"))

    problem = stranger.post(
        "items", {"review": secret_world.parts["review"], "causes": [secret_world.parts["cause"]]}
    ).json()

    assert [one["code"] for one in problem["errors"]["review"]] == ["does_not_exist"]
    assert [one["code"] for one in problem["errors"]["causes.0"]] == ["does_not_exist"]


def test_participant_sees_a_restricted_incident(secret_world):
    participant = Caller(
        Incident.objects.get(public_id=secret_world.parts["incident"]).participants.last().user
    )

    assert participant.get(secret_world.path("incidents/{incident}")).status_code == 200
    assert participant.get(secret_world.path("items/{item}")).status_code == 200


def test_sealed_timeline_stays_sealed_to_an_administrator(world):
    other = Incident.objects.get(public_id=world.parts["incident"]).participants.last()
    factories.entry(factories.timeline(other), "A sealed word.")

    merged = world.caller.get(world.path("incidents/{incident}/merged-timeline"))
    own = world.caller.get(world.path("incidents/{incident}/timeline"))

    assert b"sealed word" not in merged.content + own.content
    assert len(merged.json()["entries"]) == 1
