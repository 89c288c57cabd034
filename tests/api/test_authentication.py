from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken
from tests import factories
from tests.api.conftest import Caller, assert_problem


@pytest.mark.django_db
def test_api_without_token_or_session_asks_for_a_token():
    response = Client().get("/api/v1/incidents")

    assert_problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="Closeloop"'


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Token clp_abc.def",
        "bearer clp_" + "0" * 12 + "." + "A" * 43,
        "Bearer \u00ff\u0000",
        "Bearer " + "x" * 5000,
    ],
)
def test_token_of_wrong_form_or_unknown_is_refused(header):
    response = Client(headers={"Authorization": header}).get("/api/v1/incidents")

    assert_problem(response, 401, "token_not_valid")
    assert response["WWW-Authenticate"] == 'Bearer realm="Closeloop"'


def test_token_that_expired_is_refused(member):
    created_at = timezone.now() - timedelta(days=2)
    ApiToken.objects.filter(pk=member.token.pk).update(
        created_at=created_at, expires_at=created_at + timedelta(days=1)
    )

    assert_problem(member.get("incidents"), 401, "token_not_valid")


def test_token_that_was_revoked_is_refused(member):
    tokens.revoke(member.token, now=timezone.now())

    assert_problem(member.get("incidents"), 401, "token_not_valid")


def test_token_of_an_inactive_owner_is_refused(member):
    member.user.is_active = False
    member.user.save()

    assert_problem(member.get("incidents"), 401, "token_not_valid")


def test_token_with_another_secret_is_refused(member):
    key, _, secret = member.secret.partition(".")
    response = Client(headers={"Authorization": f"Bearer {key}.{secret[::-1]}"}).get("/api/v1/incidents")

    assert_problem(response, 401, "token_not_valid")


def test_use_of_a_token_is_noted(member):
    member.get("incidents")

    member.token.refresh_from_db()
    assert timezone.now() - member.token.last_used_at < timedelta(minutes=1)


def test_other_schemes_are_no_token(db):
    response = Client(headers={"Authorization": "Basic YTpi"}).get("/api/v1/incidents")

    assert_problem(response, 401, "not_authenticated")


@pytest.mark.parametrize(
    ("scopes", "status"),
    [(["read"], 200), (["read", "audit"], 200), (["write"], 403), (["audit", "gate"], 403)],
)
def test_reading_needs_the_scope_read(as_user, scopes, status):
    caller = as_user(factories.user(), scopes=scopes)

    assert caller.get("incidents").status_code == status


@pytest.mark.parametrize(
    ("scopes", "status"), [(["write"], 400), (["read"], 403), (["audit", "gate", "read"], 403)]
)
def test_writing_needs_the_scope_write(as_user, scopes, status):
    caller = as_user(factories.user(), scopes=scopes)

    assert caller.post("incidents").status_code == status


def test_missing_scope_is_named(as_user):
    body = assert_problem(as_user(factories.user(), scopes=["read"]).post("incidents"), 403, "scope_missing")

    assert "write" in body["detail"]


def test_viewer_reads_and_changes_nothing(as_user):
    caller = as_user(factories.user(role="viewer"))

    assert caller.get("incidents").status_code == 200
    assert_problem(caller.post("incidents"), 403, "not_allowed")


def test_session_reads_without_a_token(db):
    client = Client()
    client.force_login(factories.user())

    assert client.get("/api/v1/incidents").status_code == 200


def test_session_without_csrf_token_changes_nothing(db):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.user())

    response = client.post("/api/v1/incidents", {}, content_type="application/json")

    assert_problem(response, 403, "csrf_failed")


def test_session_with_csrf_token_may_change(db):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.user())
    client.cookies["csrftoken"] = "a" * 32

    response = client.post(
        "/api/v1/incidents", {}, content_type="application/json", headers={"X-CSRFToken": "a" * 32}
    )

    assert_problem(response, 400, "invalid")


def test_session_of_a_deactivated_person_is_none(db):
    user = factories.user()
    client = Client()
    client.force_login(user)
    user.is_active = False
    user.save()

    assert_problem(client.get("/api/v1/incidents"), 401, "not_authenticated")


def test_token_needs_no_csrf_token(db):
    caller = Caller(factories.user())
    caller.client.handler.enforce_csrf_checks = True

    assert_problem(caller.post("incidents"), 400, "invalid")
