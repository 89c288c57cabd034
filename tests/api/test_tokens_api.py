"""Tokens and service accounts by program: for administrators, and for tokens that were made for it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import service_accounts
from accounts.models import ApiToken, User
from tests import factories
from tests.api.conftest import Caller, assert_problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeper():
    return Caller(factories.user("Ada", role="administrator"), scopes=["tokens"])


@pytest.fixture
def account():
    return service_accounts.create(name="GitLab, group shop")


def facts(account, **changes):
    life = timezone.now() + timedelta(days=90)
    return {
        "name": "order",
        "owner": account.pk,
        "scopes": ["gate", "audit"],
        "expires_at": life.isoformat(),
        "repositories": ["shop/order"],
        "networks": ["10.1.2.3/8"],
    } | changes


def test_token_of_a_service_account_is_made_and_asks_the_gate(keeper, account):
    factories.service("order", repositories=["shop/order"])

    response = keeper.post("tokens", facts(account, networks=["127.0.0.0/8"]))

    assert response.status_code == 201, response.content
    made = response.json()
    assert made["token"]["owner"] == account.pk
    assert made["token"]["scopes"] == ["audit", "gate"]
    assert made["token"]["networks"] == ["127.0.0.0/8"]
    client = Client(headers={"Authorization": f"Bearer {made['secret']}"})
    assert client.get("/sre/audit?service=order").status_code == 200


def test_token_for_a_service_that_there_is_not_is_refused(keeper, account):
    factories.service("order")

    response = keeper.post("tokens", facts(account, services=["order", "ordre"]))

    problem = assert_problem(response, 400, "invalid")
    assert [name.partition(".")[0] for name in problem["errors"]] == ["services"]
    assert not ApiToken.objects.filter(owner=account).exists()


def test_secret_is_answered_once(keeper, account):
    made = keeper.post("tokens", facts(account)).json()
    secret = made["secret"].partition(".")[2]

    for path in ("tokens", f"tokens/{made['token']['id']}"):
        answer = keeper.get(path)
        assert answer.status_code == 200
        assert secret not in answer.content.decode()
        assert "digest" not in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["tokens"]}, "scopes.0"),
        ({"scopes": ["read", "gate"]}, "repositories"),
        ({"networks": ["office"]}, "networks"),
        ({"owner": 0}, "owner"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(keeper, account, changes, field):
    before = ApiToken.objects.count()

    problem = assert_problem(keeper.post("tokens", facts(account, **changes)), 400, "invalid")

    assert field in problem["errors"]
    assert ApiToken.objects.count() == before


def test_person_cannot_be_made_the_owner(keeper):
    problem = assert_problem(keeper.post("tokens", facts(factories.user())), 400, "invalid")

    assert "owner" in problem["errors"]


def test_rotation_answers_the_new_secret_and_keeps_the_old_for_a_while(keeper, account):
    made = keeper.post("tokens", facts(account, networks=[], scopes=["audit"])).json()
    factories.service("order", repositories=["shop/order"])
    body = {"keep_hours": 24, "expires_at": (timezone.now() + timedelta(days=30)).isoformat()}

    rotated = keeper.post(f"tokens/{made['token']['id']}/rotate", body).json()

    assert rotated["secret"] != made["secret"]
    assert rotated["token"]["previous_until"] is not None
    for secret in (made["secret"], rotated["secret"]):
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        assert client.get("/sre/audit?service=order").status_code == 200


def test_revoked_token_is_not_rotated(keeper, account):
    token = keeper.post("tokens", facts(account)).json()["token"]["id"]

    assert keeper.post(f"tokens/{token}/revoke").json()["revoked_at"] is not None
    body = {"keep_hours": 0, "expires_at": (timezone.now() + timedelta(days=30)).isoformat()}
    problem = assert_problem(keeper.post(f"tokens/{token}/rotate", body), 409, "token_ended")
    assert "errors" not in problem


def test_service_account_is_made_and_ended(keeper):
    made = keeper.post("service-accounts", {"name": "Jenkins", "role": "member"}).json()
    token = keeper.post("tokens", facts(User.objects.get(pk=made["id"]))).json()["token"]["id"]

    ended = keeper.post(f"service-accounts/{made['id']}/end").json()

    assert (made["is_active"], ended["is_active"]) == (True, False)
    assert keeper.get(f"tokens/{token}").json()["revoked_at"] is not None
    assert keeper.post(f"service-accounts/{keeper.user.pk}/end").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "governor"])
def test_others_may_neither_read_nor_change(role, account):
    caller = Caller(factories.user(role=role), scopes=["tokens", "read", "write"])

    for path in ("tokens", "service-accounts", f"service-accounts/{account.pk}"):
        assert_problem(caller.get(path), 403, "not_allowed")
    assert_problem(caller.post("tokens", facts(account)), 403, "not_allowed")
    assert_problem(caller.post("service-accounts", {"name": "x"}), 403, "not_allowed")


def test_token_that_may_write_makes_none_that_may_more(account):
    caller = Caller(
        factories.user(role="administrator"), scopes=["read", "write", "audit", "gate", "propose"]
    )

    assert_problem(caller.post("tokens", facts(account)), 403, "scope_missing")
    assert_problem(caller.get("tokens"), 403, "scope_missing")


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_ask_the_database_equally_often(keeper, django_assert_num_queries, rows):
    for number in range(rows):
        factories.api_token(service_accounts.create(name=f"Account {number}"), now=timezone.now())
    keeper.get("tokens")

    for path in ("tokens", "service-accounts"):
        with django_assert_num_queries(2):
            keeper.get(path)
