from datetime import timedelta

import pytest
from django.db import DataError, IntegrityError, transaction

from accounts import service_accounts, tokens
from accounts.models import ApiToken, User
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


# --- limits ---------------------------------------------------------------------------------------------


def limited(scopes=("audit", "gate"), **limits):
    return tokens.issue(
        owner=factories.user(),
        name="x",
        scopes=scopes,
        expires_at=NOW + DAY,
        now=NOW,
        limits=tokens.Limits(**limits),
    )


def test_limits_are_kept_each_once_and_networks_in_their_usual_spelling():
    token, _secret = limited(
        repositories=["shop/order", "shop/order", "pay/*"],
        services=["order"],
        networks=["192.0.2.7", "10.1.2.3/8", "2001:DB8::/32", "10.0.0.0/8"],
    )

    token.refresh_from_db()
    assert token.repositories == ["shop/order", "pay/*"]
    assert token.services == ["order"]
    assert token.networks == ["192.0.2.7/32", "10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("limits", "scopes", "problem"),
    [
        ({"repositories": ["a/b"]}, ["read"], "repositories"),
        ({"services": ["order"]}, ["audit", "write"], "services"),
        ({"repositories": [""]}, ["gate"], "repositories"),
        ({"repositories": ["a\x00b"]}, ["gate"], "repositories"),
        ({"services": ["x" * 81]}, ["gate"], "services"),
        ({"services": ["x"] * 201}, ["gate"], "services"),
        ({"networks": ["10.0.0.0/33"]}, ["read"], "networks"),
        ({"networks": ["office"]}, ["read"], "networks"),
    ],
)
def test_limits_that_would_be_a_lie_are_refused(limits, scopes, problem):
    with pytest.raises(ValueError, match=problem):
        limited(scopes, **limits)

    assert not ApiToken.objects.exists()


def test_the_database_refuses_limits_that_nothing_would_keep():
    token, _secret = factories.api_token(scopes=["read"])

    for columns, problem in (
        ({"services": ["order"]}, "token_limits_go_with_the_gate"),
        ({"previous_digest": b"x" * 32}, "token_previous_secret_has_an_end"),
    ):
        with pytest.raises(IntegrityError, match=problem), transaction.atomic():
            ApiToken.objects.filter(pk=token.pk).update(**columns)
    with pytest.raises(DataError, match="invalid input syntax for type cidr"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(networks=["office"])


@pytest.mark.parametrize(
    ("networks", "address", "expected"),
    [
        ([], "", True),
        ([], "203.0.113.9", True),
        (["10.0.0.0/8"], "10.9.9.9", True),
        (["10.0.0.0/8"], "11.0.0.1", False),
        (["10.0.0.0/8"], "", False),
        (["10.0.0.0/8"], "2001:db8::1", False),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
    ],
)
def test_networks_say_from_where_a_token_may_be_used(networks, address, expected):
    token, _secret = limited(networks=networks)

    assert tokens.may_be_used_from(token, address) is expected


# --- rotation -------------------------------------------------------------------------------------------


def rotate(token, keep=DAY, now=NOW):
    return tokens.rotate(token, keep=keep, expires_at=now + 90 * DAY, now=now)


def test_both_secrets_are_good_until_the_overlap_is_over():
    token, old = factories.api_token(days=30)

    row, new = rotate(token)

    assert (row.pk, row.rotated_at, row.expires_at) == (token.pk, NOW, NOW + 90 * DAY)
    assert new != old
    for secret, now, expected in (
        (old, NOW, token),
        (new, NOW, token),
        (old, NOW + DAY - timedelta(seconds=1), token),
        (old, NOW + DAY, None),
        (new, NOW + DAY, token),
    ):
        assert tokens.find(present(secret), now=now) == expected


def test_rotation_without_overlap_ends_the_old_secret_at_once():
    token, old = factories.api_token()

    _row, new = rotate(token, keep=timedelta(0))

    assert tokens.find(present(old), now=NOW) is None
    assert tokens.find(present(new), now=NOW) == token


def test_second_rotation_ends_the_secret_before_the_last():
    token, first = factories.api_token()
    _row, second = rotate(token)
    _row, third = rotate(token)

    found = [tokens.find(present(secret), now=NOW) for secret in (first, second, third)]

    assert found == [None, token, token]


def test_old_secret_does_not_outlive_what_it_was_given():
    token, old = factories.api_token(days=1)

    row, _new = rotate(token, keep=10 * DAY)

    assert row.previous_until == NOW + DAY
    assert tokens.find(present(old), now=NOW + 2 * DAY) is None


def test_revoking_ends_both_secrets():
    token, old = factories.api_token()
    _row, new = rotate(token)

    tokens.revoke(token, now=NOW)

    assert [tokens.find(present(secret), now=NOW) for secret in (old, new)] == [None, None]


@pytest.mark.parametrize(
    ("keep", "life", "problem"),
    [
        (timedelta(seconds=-1), DAY, "keep"),
        (31 * DAY, DAY, "keep"),
        (DAY, timedelta(0), "expires_at"),
        (DAY, 367 * DAY, "expires_at"),
    ],
)
def test_rotation_refuses_what_makes_no_sense(keep, life, problem):
    token, old = factories.api_token()

    with pytest.raises(ValueError, match=problem):
        tokens.rotate(token, keep=keep, expires_at=NOW + life, now=NOW)
    assert tokens.find(present(old), now=NOW) == token


def test_what_has_ended_is_not_rotated():
    expired, _secret = factories.api_token(days=1)
    revoked, _secret = factories.api_token(days=5)
    tokens.revoke(revoked, now=NOW)

    for token in (expired, revoked):
        with pytest.raises(ValueError, match="token"):
            rotate(token, now=NOW + DAY)


# --- service accounts -----------------------------------------------------------------------------------


def test_service_account_owns_a_token_and_cannot_log_in(client):
    account = service_accounts.create(name="GitLab, group shop")
    token, secret = factories.api_token(account)

    assert tokens.find(present(secret), now=NOW) == token
    assert not account.has_usable_password()
    client.force_login(account)
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    "columns", [{"is_staff": True}, {"is_superuser": True}, {"role": "administrator"}, {"password": "md5$x"}]
)
def test_the_database_keeps_a_service_account_from_being_somebody(columns):
    account = service_accounts.create(name="Jenkins")

    with pytest.raises(IntegrityError, match="service_account_is_nobody"), transaction.atomic():
        User.objects.filter(pk=account.pk).update(**columns)


@pytest.mark.parametrize(
    ("name", "role"), [(" ", "viewer"), ("x" * 121, "viewer"), ("a\nb", "viewer"), ("x", "governor")]
)
def test_service_account_that_makes_no_sense_is_refused(name, role):
    with pytest.raises(ValueError, match=r"name|role"):
        service_accounts.create(name=name, role=role)


def test_ending_a_service_account_ends_its_tokens():
    account = service_accounts.create(name="Jenkins")
    _token, secret = factories.api_token(account)

    assert [service_accounts.end(account, now=NOW) for _again in range(2)] == [1, 0]

    assert tokens.find(present(secret), now=NOW) is None
    assert not User.objects.get(pk=account.pk).is_active


def test_person_is_no_service_account():
    person = factories.user()

    with pytest.raises(ValueError, match="account"):
        service_accounts.end(person, now=NOW)
    assert User.objects.get(pk=person.pk).is_active
