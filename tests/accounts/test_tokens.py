from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import tokens
from accounts.models import ApiToken
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db


def present(secret, scheme="Bearer"):
    return tokens.read_header(f"{scheme} {secret}")


def test_a_token_is_shown_once_and_stored_as_a_digest():
    token, secret = factories.api_token()

    assert secret.startswith(f"clp_{token.key_id}.")
    stored = ApiToken.objects.values().get()
    assert secret.partition(".")[2] not in str(stored)
    assert len(bytes(stored["secret_digest"])) == 32


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token"])
def test_a_presented_token_is_found(scheme):
    token, secret = factories.api_token()

    assert tokens.find(present(secret, scheme), now=NOW) == token


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer clp_short.x",
        "Bearer clp_" + "a" * 12 + "." + "é" * 43,
        "\x00",
        "Bearer " + "x" * 10_000,
    ],
)
def test_what_is_no_token_of_ours_is_none(header):
    assert tokens.read_header(header) is None


def test_a_wrong_secret_an_unknown_id_an_ended_or_orphaned_token_are_not_found():
    token, secret = factories.api_token(days=1)
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    unknown = secret.replace(token.key_id, "0" * 12)

    assert tokens.find(present(wrong), now=NOW) is None
    assert tokens.find(present(unknown), now=NOW) is None
    assert tokens.find(present(secret), now=NOW + DAY) is None
    assert tokens.find(present(secret), now=NOW + DAY - timedelta(seconds=1)) == token

    token.owner.is_active = False
    token.owner.save()
    assert tokens.find(present(secret), now=NOW) is None


def test_a_revoked_token_ends_at_once_and_keeps_its_first_moment():
    token, secret = factories.api_token()

    tokens.revoke(token, now=NOW)
    tokens.revoke(token, now=NOW + DAY)

    assert tokens.find(present(secret), now=NOW) is None
    assert ApiToken.objects.get().revoked_at == NOW


def test_an_old_pepper_still_reads_and_the_first_one_writes(settings):
    settings.TOKEN_PEPPERS = ["old"]
    token, secret = factories.api_token()

    settings.TOKEN_PEPPERS = ["new", "old"]
    assert tokens.find(present(secret), now=NOW) == token
    settings.TOKEN_PEPPERS = ["new"]
    assert tokens.find(present(secret), now=NOW) is None


@pytest.mark.parametrize(
    ("scopes", "expires_at", "problem"),
    [
        ([], NOW + DAY, "scopes"),
        (["everything"], NOW + DAY, "scopes"),
        (["read"], NOW, "expires_at"),
        (["read"], NOW + 367 * DAY, "expires_at"),
    ],
)
def test_issue_refuses_no_scope_and_absurd_expiry(scopes, expires_at, problem):
    with pytest.raises(ValueError, match=problem):
        tokens.issue(owner=factories.user(), name="x", scopes=scopes, expires_at=expires_at, now=NOW)


def test_the_database_refuses_a_token_without_scope_or_life():
    token, _secret = factories.api_token()

    for columns, constraint in (
        ({"scopes": []}, "token_has_a_scope"),
        ({"expires_at": token.created_at}, "token_expires_after_creation"),
    ):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            ApiToken.objects.filter(pk=token.pk).update(**columns)


def test_use_is_noted_at_most_once_a_minute():
    token, _secret = factories.api_token()

    for seconds in (0, 59, 61):
        tokens.note_use(token.pk, now=NOW + timedelta(seconds=seconds))
        token.refresh_from_db()
        assert token.last_used_at == NOW + timedelta(seconds=0 if seconds < 61 else 61)
