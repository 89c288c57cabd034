"""Systems that send events, by program: what the pages of administrators do, with the same refusals."""

import pytest
from django.utils import timezone

from governance import inbox
from governance.models import EventSecret, EventSource, InboundEvent
from postmortem.models import TrailEntry
from tests import factories
from tests.api.bodies import SENDER
from tests.api.conftest import Caller, assert_problem
from tests.api.test_events import bearer
from tests.factories import DAY, EVENT_SECRET, HOUR, NOW
from tests.governance.alerting import message

pytestmark = pytest.mark.django_db


@pytest.fixture
def order():
    return factories.service("order")


def new(administrator, **fields):
    return {"kind": "alertmanager", "acts_as": administrator.user.pk} | SENDER | fields


def test_a_source_is_named_and_its_secret_answered_once(administrator, order):
    made = administrator.post("event-sources", new(administrator))

    source = EventSource.objects.get()
    answer = made.json()
    assert made.status_code == 201
    assert answer["secret"] == source.secrets.get().secret.reveal()
    assert answer["source"]["address"] == f"http://testserver/api/v1/events/{source.key}"
    assert (answer["source"]["service_names"], answer["source"]["fallback_service"]) == (
        {"ordr": "order"},
        "order",
    )
    later = [
        administrator.get("event-sources"),
        administrator.get(f"event-sources/{source.pk}"),
        administrator.patch(f"event-sources/{source.pk}", {"name": "Cell 2"}),
    ]
    assert all(answer["secret"] not in one.text for one in later)
    assert [one["id"] for one in later[1].json()["secrets"]] == [source.secrets.get().pk]


def test_what_it_sends_is_taken_with_the_answered_secret(administrator, order, client):
    made = administrator.post("event-sources", new(administrator)).json()
    path = made["source"]["address"].removeprefix("http://testserver")

    wrong = client.post(path, message(), content_type="application/json", headers=bearer("x" * 40))
    right = client.post(path, message(), content_type="application/json", headers=bearer(made["secret"]))

    assert (wrong.status_code, right.status_code) == (401, 202)
    (event,) = administrator.get(f"event-sources/{made['source']['id']}/events").json()["items"]
    assert (event["id"], event["state"]) == (right.json()["event"], "waiting")


def test_tokens_of_a_forge_are_kept_and_never_answered(administrator):
    gate = factories.api_token(administrator.user, scopes=["gate"])[1]
    body = {
        "kind": "github",
        "name": "GitHub",
        "acts_as": administrator.user.pk,
        "api_token": "github-token-1234",
        "gate_token": gate,
    }

    made = administrator.post("event-sources", body)

    here = f"event-sources/{made.json()['source']['id']}"
    kept = administrator.patch(here, {"name": "GitHub of ours"})
    assert (kept.json()["has_api_token"], kept.json()["has_gate_token"]) == (True, True)
    moved = administrator.patch(here, {"api_url": "https://elsewhere.example.org"})
    assert (moved.json()["has_api_token"], moved.json()["has_gate_token"]) == (False, True)
    said = made.text + kept.text + moved.text + administrator.get("event-sources").text
    assert "github-token" not in said
    assert gate not in said


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "jenkins"}, "kind"),
        ({"name": " "}, "name"),
        ({"name": "Taken"}, "name"),
        ({"acts_as": 0}, "acts_as"),
        ({"service_names": {"ordr": "nowhere"}}, "service_names"),
        ({"service_names": {"ordr": ["order"]}}, "service_names.ordr"),
        ({"service_names": {"ord\x00r": "order"}}, "service_names"),
        ({"service_names": ["ordr"]}, "service_names"),
        ({"service_names": {f"name-{number}": "order" for number in range(201)}}, "service_names"),
        ({"service_labels": [], "fallback_service": None}, "service_labels"),
        ({"severities": {"critical": "P9"}}, "severities"),
        ({"fallback_severity": "P9"}, "fallback_severity"),
        ({"fallback_severity": None}, "fallback_severity"),
        ({"environment": "moon"}, "environment"),
        ({"api_url": "https://api.example.org"}, "api_url"),
        ({"gate_token": "x"}, "gate_token"),
        ({"secret": "I choose"}, "secret"),
        ({"key": "0123456789"}, "key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "with",
)
def test_a_wrong_value_is_refused_by_name(administrator, order, fields, field):
    factories.event_source(name="Taken")

    problem = assert_problem(
        administrator.post("event-sources", new(administrator, **fields)), 400, "invalid"
    )

    assert list(problem["errors"]) == [field]
    assert EventSource.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"service_labels": ["app"]}, "service_labels"),
        ({"kind": "gitlab"}, "kind"),
        ({"api_url": "http://me:secret@api.example.org"}, "api_url"),
        ({"api_url": "file:///etc/passwd"}, "api_url"),
        ({"api_token": "t\u00f6ken"}, "api_token"),
        ({"gate_token": "of-another-system"}, "gate_token"),
        ({"networks": ["everywhere"]}, "networks"),
        ({"external_check": 2**31}, "external_check"),
    ],
    ids=lambda value: value if isinstance(value, str) else "with",
)
def test_a_change_of_a_forge_is_refused_by_name_and_changes_nothing(administrator, fields, field):
    source = factories.event_source("github")
    before = EventSource.objects.values().get()

    problem = assert_problem(
        administrator.patch(f"event-sources/{source.pk}", {"name": "Renamed"} | fields), 400, "invalid"
    )

    assert list(problem["errors"]) == [field]
    assert "of-another-system" not in str(problem)
    assert EventSource.objects.values().get() == before


def test_a_source_is_switched_off(administrator, client):
    source = factories.event_source()

    answer = administrator.patch(f"event-sources/{source.pk}", {"is_enabled": False}).json()

    assert answer["is_enabled"] is False
    refused = client.post(
        f"/api/v1/events/{source.key}", b"{}", content_type="application/json", headers=bearer()
    )
    assert refused.json()["code"] == "source_disabled"


def test_secrets_are_changed_over(administrator, client):
    source = factories.event_source()
    here, path = f"event-sources/{source.pk}", f"/api/v1/events/{source.key}"
    first = source.secrets.get()

    def status(secret):
        return client.post(path, b"{}", content_type="application/json", headers=bearer(secret)).status_code

    made = administrator.post(f"{here}/secrets")
    fresh = made.json()["secret"]
    assert (made.status_code, status(fresh), status(EVENT_SECRET)) == (201, 202, 202)
    assert_problem(administrator.post(f"{here}/secrets"), 409, "secrets_in_force")

    retired = administrator.post(f"{here}/secrets/{first.pk}/retire")
    (second,) = retired.json()["secrets"]
    assert (status(fresh), status(EVENT_SECRET)) == (202, 401)
    assert second["last_used_at"] is not None
    assert_problem(administrator.post(f"{here}/secrets/{second['id']}/retire"), 409, "last_secret")
    assert not EventSecret.objects.get(pk=first.pk).secret

    own = administrator.post(f"{here}/secrets", {"secret": "the-sender-made-this-one"})
    assert (own.json()["secret"], status("the-sender-made-this-one")) == ("", 202)
    assert "sender-made" not in own.text


@pytest.mark.parametrize("secret", ["short", "x" * 401, "geheim\u00fcberlang1234", "", None, 12])
def test_a_secret_that_cannot_be_sent_is_refused(administrator, secret):
    source = factories.event_source()

    problem = assert_problem(
        administrator.post(f"event-sources/{source.pk}/secrets", {"secret": secret}), 400, "invalid"
    )

    assert list(problem["errors"]) == ["secret"]
    assert source.secrets.count() == 1


def test_a_secret_is_retired_at_its_own_source_only(administrator):
    source, other = factories.event_source(), factories.event_source()
    administrator.post(f"event-sources/{other.pk}/secrets")
    theirs = other.secrets.first()

    assert_problem(
        administrator.post(f"event-sources/{source.pk}/secrets/{theirs.pk}/retire"), 404, "not_found"
    )
    assert other.secrets.filter(retired_at=None).count() == 2


def test_events_of_a_source_are_listed_by_state(administrator):
    source = factories.event_source()
    told = factories.incident()
    factories.inbound_event(source, state="done", outcome="declared", incident=told)
    failed = factories.inbound_event(
        source, state="failed", outcome="service_unknown", received_at=NOW - 2 * HOUR
    )
    factories.inbound_event(state="failed", outcome="unreadable")
    here = f"event-sources/{source.pk}/events"

    rows = administrator.get(here).json()["items"]

    assert [(row["outcome"], row["incident"]) for row in rows] == [
        ("declared", told.public_id),
        ("service_unknown", None),
    ]
    assert all("body" not in row for row in rows)
    assert [row["id"] for row in administrator.get(here, state="failed").json()["items"]] == [failed.pk]
    assert_problem(administrator.get(here, state="lost"), 400, "invalid")
    assert_problem(administrator.get("event-sources/999999/events"), 404, "not_found")


def test_an_event_is_read_with_its_secrets_masked(administrator):
    body = message(commonAnnotations={"summary": "password=hunter2hunter2"})
    event = factories.inbound_event(body=body, state="failed")
    here = f"event-sources/{event.source_id}/events/{event.pk}"

    answer = administrator.get(here).json()

    assert "PoolFull" in answer["body"]["text"]
    assert "hunter2" not in answer["body"]["text"]
    assert (answer["body"]["masked"], answer["body"]["is_cut"]) == (1, False)
    elsewhere = factories.event_source()
    assert_problem(administrator.get(f"event-sources/{elsewhere.pk}/events/{event.pk}"), 404, "not_found")


@pytest.mark.parametrize("body", [b"\x00\xff", b"[" * 50_000, b'{"a": "\\ud800"}', b""], ids=range(4))
def test_whatever_came_can_be_read(administrator, body):
    event = factories.inbound_event(body=body, state="failed")

    answer = administrator.get(f"event-sources/{event.source_id}/events/{event.pk}")

    assert answer.status_code == 200


def test_a_body_that_is_no_longer_kept_is_null(administrator):
    long_ago = timezone.now() - 100 * DAY
    event = factories.inbound_event(
        state="failed", received_at=long_ago, next_at=long_ago, finished_at=long_ago
    )
    now = timezone.now()
    inbox.forget_bodies(now=now, days=90)
    here = f"event-sources/{event.source_id}/events/{event.pk}"

    answer = administrator.get(here).json()

    assert (answer["body"], answer["size"], len(answer["sha256"])) == (None, 2, 64)
    assert answer["body_dropped_at"] is not None
    problem = assert_problem(administrator.post(f"{here}/replay"), 409, "body_not_kept")
    assert problem["details"]["body_dropped_at"] == now.isoformat()


def test_an_event_is_dealt_with_again_and_the_trail_says_by_whom(administrator):
    event = factories.inbound_event(state="failed", outcome="unreadable")
    here = f"event-sources/{event.source_id}/events/{event.pk}/replay"

    answer = administrator.post(here).json()

    assert (answer["state"], answer["replays"], answer["error"]) == ("waiting", 1, "")
    entry = TrailEntry.objects.filter(model="governance_inboundevent", act="inbox.replay").get()
    assert entry.actor == administrator.user
    assert_problem(administrator.post(here), 409, "not_to_replay")


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "governor"])
def test_nobody_else_may_do_or_see_any_of_it(as_user, administrator, order, role):
    event = factories.inbound_event(state="failed")
    here = f"event-sources/{event.source_id}"
    caller: Caller = as_user(factories.user(role=role))
    before = list(EventSource.objects.values()), list(InboundEvent.objects.values())

    answers = [
        caller.get("event-sources"),
        caller.get(here),
        caller.get(f"{here}/events"),
        caller.get(f"{here}/events/{event.pk}"),
        caller.post("event-sources", new(administrator)),
        caller.post("event-sources", {"kind": "x"}),
        caller.patch(here, {"is_enabled": False}),
        caller.post(f"{here}/secrets"),
        caller.post(f"{here}/secrets/{event.source.secrets.get().pk}/retire"),
        caller.post(f"{here}/events/{event.pk}/replay"),
    ]

    for answer in answers:
        assert_problem(answer, 403, "not_allowed")
    assert (list(EventSource.objects.values()), list(InboundEvent.objects.values())) == before


def test_a_token_needs_the_scope_to_look_and_to_change():
    user = factories.user(role="administrator")
    event = factories.inbound_event(state="failed")
    reader, ci = Caller(user, scopes=["read"]), Caller(user, scopes=["audit", "gate"])

    assert reader.get("event-sources").status_code == 200
    for refused in (
        reader.post(f"event-sources/{event.source_id}/secrets"),
        reader.post(f"event-sources/{event.source_id}/events/{event.pk}/replay"),
        ci.get("event-sources"),
    ):
        assert_problem(refused, 403, "scope_missing")


@pytest.mark.parametrize("count", [1, 3])
def test_lists_cost_the_same_for_any_number_of_rows(administrator, count, django_assert_num_queries):
    source = factories.event_source()
    for _ in range(count):
        factories.event_source(acts_as=factories.user())
        factories.inbound_event(source, incident=factories.incident(), state="done")

    # The token, its use, sources, their secrets.
    with django_assert_num_queries(4):
        assert len(administrator.get("event-sources").json()["items"]) == count + 1
    # The token, its use, the source, its events.
    with django_assert_num_queries(3):
        assert len(administrator.get(f"event-sources/{source.pk}/events").json()["items"]) == count


def test_a_person_who_left_can_act_for_no_source(administrator, order):
    gone = factories.user(role="member", is_active=False)

    problem = assert_problem(
        administrator.post("event-sources", new(administrator, acts_as=gone.pk)), 400, "invalid"
    )

    assert list(problem["errors"]) == ["acts_as"]
    assert EventSource.objects.count() == 0
