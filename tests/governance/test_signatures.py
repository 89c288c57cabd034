"""Who knows a secret proves it; whoever does not, by no header whatever."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from governance import signatures

SECRETS = ["the older secret", "the newer secret"]
BODY = b'{"a": 1}'
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
SIGNING = "whsec_" + base64.b64encode(KEY).decode()


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def signed(key=KEY, *, message_id="msg_1", at=NOW, body=BODY):
    stamp = str(int(at.timestamp()))
    digest = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, "sha256")
    return {"message_id": "msg_1", "timestamp": stamp, "signature": "v1," + base64.b64encode(digest).decode()}


def standard(secrets=(SIGNING,), body=BODY, **said):
    return signatures.by_standard_signature(**(signed() | said), body=body, secrets=list(secrets), now=NOW)


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("Bearer the older secret", 0),
        ("bearer the newer secret", 1),
        (basic("alertmanager:the newer secret"), 1),
        (basic("the older secret"), None),
        ("Bearer another secret", None),
        ("Bearer ", None),
        ("", None),
        ("Basic !!!", None),
        ("Digest the older secret", None),
        ("the older secret", None),
    ],
)
def test_authorization_presents_a_secret_as_bearer_or_password(header, place):
    assert signatures.by_authorization(header, SECRETS) == place


def test_hub_signature_is_of_the_very_bytes():
    said = "sha256=" + hmac.digest(b"the newer secret", BODY, "sha256").hex()

    assert signatures.by_hub_signature(said, BODY, SECRETS) == 1
    assert signatures.by_hub_signature(said, BODY + b" ", SECRETS) is None
    assert signatures.by_hub_signature(said.replace("sha256", "sha1"), BODY, SECRETS) is None
    assert signatures.by_hub_signature("", BODY, SECRETS) is None
    assert signatures.by_hub_signature("sha256=ü", BODY, SECRETS) is None


def test_token_is_the_secret_itself():
    assert signatures.by_token("the older secret", SECRETS) == 0
    assert signatures.by_token("", SECRETS) is None


def test_standard_signature_holds_for_id_moment_and_body():
    assert standard() == 0
    assert standard(secrets=["x" * 20, SIGNING]) == 1
    assert standard(body=b"{}") is None
    assert standard(message_id="msg_2") is None
    assert standard(message_id="") is None
    assert standard(signature="v1,AAAA " + signed()["signature"]) == 0
    assert standard(signature=signed()["signature"].replace("v1,", "v2,")) is None
    assert standard(signature="") is None


def test_a_secret_without_the_prefix_signs_as_it_is():
    said = signed(b"the older secret")

    assert standard(secrets=SECRETS, **said) == 0


@pytest.mark.parametrize(
    ("distance", "place"),
    [
        (timedelta(minutes=-5), 0),
        (timedelta(minutes=5), 0),
        (timedelta(minutes=-5, seconds=-1), None),
        (timedelta(minutes=5, seconds=1), None),
    ],
)
def test_standard_signature_proves_nothing_outside_of_its_window(distance, place):
    assert standard(**signed(at=NOW + distance)) == place


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "9" * 30, "٣"])
def test_a_timestamp_that_is_none_proves_nothing(stamp):
    assert standard(timestamp=stamp) is None
