"""Tokens on their page: limits, a new secret, service accounts."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import service_accounts, tokens
from accounts.models import ApiToken, User
from tests import factories

pytestmark = pytest.mark.django_db
SECRET = re.compile(r"clp_[0-9a-z]{12}\.[\w-]{43}")


@pytest.fixture
def administrator(client):
    client.force_login(factories.user("Ada", role="administrator"))
    return client


def found(secret):
    return tokens.find(tokens.read_header(f"Bearer {secret}"), now=timezone.now())


def test_token_is_made_with_its_limits_for_a_service_account(administrator):
    account = service_accounts.create(name="GitLab")
    factories.service("order")
    sent = {
        "name": "order",
        "owner": account.pk,
        "scopes": ["audit", "gate"],
        "days": 30,
        "only_repositories": "shop/order\r\npay/*, shop/cart\r\n",
        "only_services": "order",
        "only_networks": " 10.0.0.0/8 ",
    }

    body = administrator.post("/settings/tokens/", sent).content.decode()

    (secret,) = set(SECRET.findall(body))
    token = found(secret)
    assert token.owner == account
    assert token.repositories == ["shop/order", "pay/*", "shop/cart"]
    assert (token.services, token.networks) == (["order"], ["10.0.0.0/8"])
    assert "pay/*" in body


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"only_networks": "office"}, "only_networks"),
        ({"scopes": ["read"], "only_services": "order"}, "only_services"),
        ({"only_services": "ordre"}, "only_services"),
        ({"scopes": ["read"], "only_repositories": "a/b"}, "only_repositories"),
        ({"owner": "0"}, "owner"),
    ],
)
def test_limit_that_makes_no_sense_is_said_at_its_field(administrator, sent, field):
    factories.service("order")
    response = administrator.post(
        "/settings/tokens/", {"name": "x", "scopes": ["gate"], "days": 30, "only_networks": ""} | sent
    )

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not ApiToken.objects.exists()


def test_who_is_no_administrator_has_neither_service_accounts_nor_their_scope(client):
    client.force_login(factories.user())

    page = client.get("/settings/tokens/").content.decode()
    refused = client.post("/settings/tokens/", {"name": "x", "scopes": ["tokens"], "days": 30})

    assert 'name="owner"' not in page
    assert 'value="tokens"' not in page
    assert refused.status_code == 422
    assert client.get("/settings/service-accounts/").status_code == 403


def test_new_secret_is_shown_once_and_the_old_one_is_good_for_a_while(client):
    ada = factories.user("Ada")
    client.force_login(ada)
    token, old = factories.api_token(ada, now=timezone.now())
    assert f'href="/settings/tokens/{token.pk}/rotate"' in client.get("/settings/tokens/").content.decode()

    body = client.post(f"/settings/tokens/{token.pk}/rotate", {"hours": 24, "days": 90}).content.decode()

    (new,) = set(SECRET.findall(body))
    assert new != old
    assert [found(secret) for secret in (old, new)] == [token, token]
    assert new not in client.get("/settings/tokens/").content.decode()


def test_secret_that_leaked_ends_at_once(client):
    ada = factories.user("Ada")
    client.force_login(ada)
    token, old = factories.api_token(ada, now=timezone.now())

    client.post(f"/settings/tokens/{token.pk}/rotate", {"hours": 0, "days": 90})

    assert found(old) is None


def test_token_of_somebody_else_is_not_there(client):
    client.force_login(factories.user())
    token, _old = factories.api_token(now=timezone.now())

    assert client.post(f"/settings/tokens/{token.pk}/rotate", {"hours": 0, "days": 90}).status_code == 404


def test_what_has_ended_gets_no_new_secret(client):
    ada = factories.user("Ada")
    client.force_login(ada)
    token, _old = factories.api_token(ada, now=timezone.now() - timedelta(days=40))

    response = client.post(f"/settings/tokens/{token.pk}/rotate", {"hours": 0, "days": 90})

    assert response.status_code == 422
    assert "has ended" in response.content.decode()


def test_service_account_is_made_and_ended(administrator):
    administrator.post("/settings/service-accounts/", {"name": "Jenkins", "role": "viewer"})
    account = User.objects.get(is_service=True)
    _token, secret = factories.api_token(account, now=timezone.now())
    assert "Jenkins" in administrator.get("/settings/service-accounts/").content.decode()

    administrator.post(f"/settings/service-accounts/{account.pk}/end")

    assert found(secret) is None
    assert not User.objects.get(pk=account.pk).is_active


def test_person_is_not_ended_here(administrator):
    person = factories.user()

    assert administrator.post(f"/settings/service-accounts/{person.pk}/end").status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_page_of_accounts_asks_the_database_equally_often(administrator, django_assert_num_queries, rows):
    for number in range(rows):
        factories.api_token(service_accounts.create(name=f"Account {number}"), now=timezone.now())

    # Session, person, accounts; which of them, what happened to these, and their names.
    with django_assert_num_queries(6):
        administrator.get("/settings/service-accounts/")
