"""The pages of administrators: systems that send events, their secrets, what they sent."""

import re

import pytest

from accounts import tokens
from governance.models import EventSource, InboundEvent
from tests import factories
from tests.factories import DAY, NOW
from tests.governance.alerting import message
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return factories.user("Ada", role="administrator")


@pytest.fixture
def client(ada):
    return client_of(ada)


def secret_in(page):
    found = re.search(r'id="secret">([^<]+)<', page)
    return found[1] if found else None


def test_a_source_is_added_and_its_secret_shown_once(client, ada):
    assert "alertmanager" in client.get("/settings/event-sources/").text
    form = {
        "kind": "alertmanager", "name": "Cell 1", "acts_as": ada.pk, "service_labels": "app, service",
        "service_names": "ordr = order", "severity_label": "severity", "severities": "critical = P1\nnone =",
        "fallback_severity": factories.severity("P2").pk, "environment": "production",
    }  # fmt: skip
    factories.service("order")

    page = client.post("/settings/event-sources/new", form).text

    source = EventSource.objects.get()
    secret = secret_in(page)
    assert source.secrets.get().secret.reveal() == secret
    assert f"/api/v1/events/{source.key}" in page
    assert (source.service_labels, source.service_names) == (["app", "service"], {"ordr": "order"})
    assert source.severities == {"critical": "P1", "none": ""}
    assert secret not in client.get(f"/settings/event-sources/{source.pk}/").text


def test_what_is_wrong_is_said_at_its_field(client, ada):
    form = {"kind": "alertmanager", "name": "Cell 1", "acts_as": ada.pk, "environment": "production"}
    form |= {
        "fallback_severity": factories.severity("P2").pk,
        "service_names": "ordr = nowhere",
        "service_labels": "a",
    }

    page = client.post("/settings/event-sources/new", form)

    assert page.status_code == 422
    assert "There is no service “nowhere”." in page.text
    assert client.post("/settings/event-sources/new", form | {"service_names": "ordr"}).status_code == 422
    assert client.get("/settings/event-sources/new?kind=nonsense").status_code == 404


def test_tokens_of_a_forge_are_kept_and_never_shown(client, ada):
    _row, gate = factories.api_token(ada, scopes=["gate"])
    form = {
        "kind": "github", "name": "GitHub", "acts_as": ada.pk, "api_url": "https://api.github.com",
        "api_token": "github-token-1234", "gate_token": gate, "report_as": "status", "networks": "",
    }  # fmt: skip
    page = client.post("/settings/event-sources/new", form).text
    source = EventSource.objects.get()
    assert (source.api_token.reveal(), source.gate_token.reveal()) == ("github-token-1234", gate)
    assert "github-token" not in page
    assert gate not in page

    edit = form | {"api_token": "", "gate_token": "", "is_enabled": "on", "name": "GitHub of ours"}
    client.post(f"/settings/event-sources/{source.pk}/", edit)
    source.refresh_from_db()
    assert (source.name, source.api_token.reveal()) == ("GitHub of ours", "github-token-1234")
    client.post(f"/settings/event-sources/{source.pk}/", edit | {"api_url": "https://elsewhere.example.org"})
    source.refresh_from_db()
    # It could now go somewhere else.
    assert (bool(source.api_token), tokens.read_header(f"Bearer {source.gate_token.reveal()}") is None) == (
        False,
        False,
    )


def test_secrets_are_changed_over(client):
    source = factories.event_source()
    here = f"/settings/event-sources/{source.pk}/"

    page = client.post(f"{here}secrets").text
    assert source.secrets.get(place=2).secret.reveal() == secret_in(page)
    assert "Put a second secret in force" not in client.get(here).text
    client.post(f"/settings/event-secrets/{source.secrets.get(place=1).pk}/retire")

    assert source.secrets.filter(retired_at=None).count() == 1
    client.post(f"{here}secrets", {"secret": "the-sender-made-this-one"})
    assert source.secrets.get(place=1, retired_at=None).secret.reveal() == "the-sender-made-this-one"


@pytest.mark.parametrize("count", [1, 3])
def test_the_log_is_as_cheap_for_many_as_for_one(client, count, django_assert_num_queries):
    source = factories.event_source()
    for _ in range(count):
        factories.inbound_event(source, incident=factories.incident(), state="done", outcome="declared")

    # Session, person, sources of the filter, events.
    with django_assert_num_queries(4):
        page = client.get("/settings/events/").text

    assert page.count(">declared<") == count


def test_events_are_filtered_and_shown_with_their_secrets_masked(client):
    source = factories.event_source(name="Cell 1")
    body = message(commonAnnotations={"summary": "password=hunter2hunter2"})
    event = factories.inbound_event(source, body, state="failed", outcome="service_unknown")
    factories.inbound_event(
        name_of := factories.event_source(name="Cell 2"), state="done", outcome="declared"
    )

    page = client.get("/settings/events/?state=failed").text
    assert "service_unknown" in page
    assert ">declared<" not in page
    assert ">declared<" in client.get(f"/settings/events/?source={name_of.pk}").text
    assert ">declared<" in client.get("/settings/events/?q=declar").text

    page = client.get(f"/settings/events/{event.pk}/").text
    assert "hunter2" not in page
    assert "PoolFull" in page
    assert "It was wrong." in page
    assert 'No service of this name <span class="hint"><code>service_unknown</code></span>' in page


@pytest.mark.parametrize("body", [b'{"a": "\\ud800"}', b"\x00\xff", b"[" * 50_000, b""], ids=range(4))
def test_whatever_came_is_shown(client, body):
    event = factories.inbound_event(body=body, state="failed")

    assert client.get(f"/settings/events/{event.pk}/").status_code == 200


def test_an_event_is_dealt_with_again(client):
    event = factories.inbound_event(state="failed", outcome="unreadable")

    client.post(f"/settings/events/{event.pk}/replay")

    assert InboundEvent.objects.get().state == "waiting"
    assert "Deal with it again" not in client.get(f"/settings/events/{event.pk}/").text


def test_nobody_else_sees_any_of_it():
    event = factories.inbound_event(received_at=NOW - DAY)
    other = client_of(factories.user(role="governor"))

    for path in (
        "/settings/events/",
        f"/settings/events/{event.pk}/",
        "/settings/event-sources/",
        f"/settings/event-sources/{event.source_id}/",
    ):
        assert other.get(path).status_code == 403
    assert "/settings/events/" not in other.get("/settings/").text
