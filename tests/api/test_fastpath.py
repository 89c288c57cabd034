"""Ahead of Django's request handler the audit answers the same as behind it."""

import pytest
from django.test import RequestFactory
from django.utils import timezone

from config.fastpath import ahead_of
from tests import factories as f

pytestmark = pytest.mark.django_db


def behind(environ, start_response):
    start_response("299 Behind", [])
    return [b"behind"]


def call(path, method="GET", **headers):
    environ = RequestFactory().generic(method, path, **headers).environ
    said = {}

    def start_response(status, sent):
        said.update(status=status, headers=dict(sent))

    return said, b"".join(ahead_of(behind)(environ, start_response))


@pytest.fixture
def token():
    _token, secret = f.api_token(scopes=["audit"], now=timezone.now())
    return f"Bearer {secret}"


@pytest.mark.parametrize(
    "path",
    [
        "/sre/audit?service=order&date=2026-11-19",
        "/api/v1/audit?service=order&date=2026-11-19",
        "/sre/audit?service=nothing",
        "/sre/audit?service=",
        "/sre/audit?date=%00",
    ],
)
@pytest.mark.parametrize("has_token", [True, False])
def test_audit_answers_the_same_ahead_of_the_handler(client, token, path, has_token):
    f.service("order")
    headers = {"HTTP_AUTHORIZATION": token} if has_token else {}
    expected = client.get(path, **headers)

    said, body = call(path, **headers)

    assert body == expected.content
    assert said["status"] == f"{expected.status_code} {expected.reason_phrase}"
    assert said["headers"] == dict(expected.items()) | {"Content-Length": str(len(body))}


def test_head_has_the_headers_and_no_body(token):
    said, body = call("/sre/audit?service=order", "HEAD", HTTP_AUTHORIZATION=token)

    assert said["status"] == "405 Method Not Allowed"
    assert (said["headers"]["Allow"], body) == ("GET", b"")


@pytest.mark.parametrize(
    "path", ["/", "/sre/audit/", "/sre", "/api/v1/gate/changes", "/healthz", "/sre/audit%00"]
)
def test_other_paths_go_through_the_handler(path):
    said, body = call(path)

    assert (said["status"], body) == ("299 Behind", b"behind")
