"""Where other systems send their events: no proof, no entry; the rest is kept and answered at once."""

import base64
import hmac
import time

import pytest
from django.test import Client

from governance.models import InboundEvent
from tests import factories
from tests.factories import EVENT_SECRET
from tests.governance.alerting import message

pytestmark = pytest.mark.django_db


@pytest.fixture
def send(db):
    client = Client(raise_request_exception=False)

    def post(source, body=b"{}", **headers):
        key = source if isinstance(source, str) else source.key
        return client.post(f"/api/v1/events/{key}", body, content_type="application/json", headers=headers)

    return post


def bearer(secret=EVENT_SECRET):
    return {"authorization": f"Bearer {secret}"}


def hub(body, secret=EVENT_SECRET):
    return {"x-hub-signature-256": "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()}


def standard(body, *, message_id="msg-1", at=None):
    stamp = str(int(at or time.time()))
    digest = hmac.digest(EVENT_SECRET.encode(), f"{message_id}.{stamp}.".encode() + body, "sha256")
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}


def test_event_is_kept_and_answered_at_once(send):
    source, body = factories.event_source(), message()

    answer = send(source, body, **bearer())

    event = InboundEvent.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"event": event.pk, "is_new": True})
    assert (bytes(event.body), event.source, event.state) == (body, source, "waiting")


@pytest.mark.parametrize("kind", ["alertmanager", "github", "gitlab"])
def test_nothing_else_proves_anything_and_nothing_is_kept(send, kind):
    source, body = factories.event_source(kind), b"{}"
    wrong = "clw_some-other-secret-that-is-none"
    tried = [
        {},
        bearer(wrong),
        hub(body, wrong),
        {"x-gitlab-token": wrong},
        standard(b"[]"),
        {"x-gitlab-token": ""},
    ]
    right = {"alertmanager": bearer(), "github": hub(body), "gitlab": {"x-gitlab-token": EVENT_SECRET}}
    tried += [headers for name, headers in right.items() if name != kind]

    answers = [send(source, body, **headers) for headers in tried]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "not_proved")}
    assert InboundEvent.objects.count() == 0
    assert send(source, body, **right[kind]).status_code == 202


def test_an_address_that_is_none_is_answered_like_a_wrong_secret(send):
    factories.event_source()
    wrong = [send("nowhere", **bearer()), send(factories.event_source(), **bearer("x" * 40))]

    assert wrong[0].json() == wrong[1].json()


def test_a_signature_decides_alone(send):
    source, body = factories.event_source("gitlab"), b'{"object_kind": "note"}'
    old = standard(body, at=time.time() - 301)

    assert send(source, body, **standard(body)).status_code == 202
    assert send(source, body, **old).status_code == 401
    assert send(source, body, **old, **{"x-gitlab-token": EVENT_SECRET}).status_code == 401


def test_a_delivery_again_is_answered_and_not_kept_twice(send):
    source, body = factories.event_source("github"), b"{}"
    headers = hub(body) | {"x-github-delivery": "d-1", "x-github-event": "ping"}

    first, second = send(source, body, **headers), send(source, body, **headers)

    assert first.json()["event"] == second.json()["event"]
    assert (first.json()["is_new"], second.json()["is_new"], second.status_code) == (True, False, 202)
    assert InboundEvent.objects.count() == 1


def test_a_body_over_the_cap_is_refused_before_it_is_read(send):
    source = factories.event_source()

    answer = send(source, b"x" * (1024 * 1024 + 1), **bearer())

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert send(source, b"x" * (1024 * 1024), **bearer()).status_code == 202


@pytest.mark.parametrize("length", ["", "x", "-1", "9" * 20, "٣"])
def test_a_length_that_is_none_is_refused(length):
    path = f"/api/v1/events/{factories.event_source().key}"

    answer = Client().post(path, b"{}", content_type="application/json", CONTENT_LENGTH=length)

    assert answer.status_code in {400, 411}


def test_a_source_that_is_switched_off_takes_nothing(send):
    source = factories.event_source(is_enabled=False)

    assert send(source, **bearer()).json()["code"] == "source_disabled"
    assert InboundEvent.objects.count() == 0


def test_only_post_is_answered(client):
    path = f"/api/v1/events/{factories.event_source().key}"

    answer = client.get(path)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize("body", [b"\x00\xff", b"[" * 50_000, b'{"a": "\\u0000"}'], ids=range(3))
def test_whatever_comes_with_a_proof_is_kept(send, body):
    assert send(factories.event_source(), body, **bearer()).status_code == 202


def test_without_its_key_a_secret_cannot_be_compared(send, settings):
    source = factories.event_source()
    settings.FIELD_KEYS = {}

    assert send(source, **bearer()).status_code == 503
