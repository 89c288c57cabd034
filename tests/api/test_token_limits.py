"""A token is good within its limits only: for the gate in its one statement, and for the rest of the API."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.addresses import read_proxies
from governance import facts
from governance.models import GateDecision
from tests import factories
from tests.api.conftest import assert_problem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known():
    facts._lately_unsound.clear()
    return [
        factories.service("order", repositories=["shop/order"]),
        factories.service("cart", repositories=["shop/cart", "shop/order-ui"]),
    ]


def caller(scopes=("audit", "gate"), **limits):
    secret = factories.api_token(scopes=scopes, now=timezone.now(), **limits)[1]
    return Client(headers={"Authorization": f"Bearer {secret}"})


def audit(client, service="order", **meta):
    return client.get("/sre/audit", {"service": service}, **meta)


def gate(client, repository="shop/order", services=(), **meta):
    body = json.dumps({"repository": repository, "services": list(services)})
    return client.post("/api/v1/gate/changes", body, content_type="application/json", **meta)


def refused(response, words):
    body = assert_problem(response, 403, "token_limited")
    assert words in body["detail"]
    assert not GateDecision.objects.exists()


def test_token_without_limits_asks_about_everything():
    client = caller()

    assert [audit(client, name).status_code for name in ("order", "cart")] == [200, 200]
    assert gate(client, "any/thing").status_code == 200


def test_service_that_is_not_named_is_refused_whether_it_exists_or_not():
    client = caller(services=["order"])

    refused(audit(client, "cart"), "service")
    refused(audit(client, "nothing"), "service")
    refused(client.get("/sre/audit", {"service": "cart", "date": "2026-01-02"}), "service")
    assert audit(client).status_code == 200


def test_token_limited_to_repositories_audits_their_services():
    client = caller(repositories=["shop/order"])

    assert audit(client).status_code == 200
    assert assert_problem(audit(client, "cart"), 403, "token_limited")


@pytest.mark.parametrize(
    ("limits", "repository", "services", "words"),
    [
        ({"repositories": ["shop/order"]}, "shop/order", [], None),
        ({"repositories": ["shop/*"]}, "shop/order", [], None),
        ({"repositories": ["shop/*"]}, "shop/deep/order", [], None),
        ({"repositories": ["shop/order"]}, "shop/order-ui", [], "repository"),
        ({"repositories": ["shop/order"]}, "Shop/Order", [], "repository"),
        ({"repositories": ["shop/*"]}, "shopping/order", [], "repository"),
        ({"repositories": ["shop/*"]}, "shop", [], "repository"),
        ({"repositories": ["shop/%"]}, "shop/order", [], "repository"),
        ({"services": ["order"]}, "any/thing", ["order"], None),
        ({"services": ["order"]}, "any/thing", ["order", "cart"], "service"),
        ({"services": ["order"]}, "any/thing", ["nothing"], "service"),
        # Without services it is about those of its repository, and there must be one.
        ({"services": ["order"]}, "shop/order", [], None),
        ({"services": ["order"]}, "shop/cart", [], "service"),
        ({"services": ["order"]}, "any/thing", [], "service"),
        ({"services": ["order"], "repositories": ["a/b"]}, "shop/order", ["order"], "repository"),
    ],
)
def test_change_is_asked_about_within_the_limits(limits, repository, services, words):
    response = gate(caller(**limits), repository, services)

    if words is None:
        assert response.status_code == 200, response.content
    else:
        refused(response, words)


@pytest.mark.parametrize("ask", [audit, gate])
@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [("10.9.9.9", True), ("11.0.0.1", False), ("2001:db8::1", False), ("", False), ("nonsense", False)],
)
def test_token_is_good_from_its_networks_only(ask, address, is_allowed):
    response = ask(caller(networks=["10.0.0.0/8"]), REMOTE_ADDR=address)

    if is_allowed:
        assert response.status_code == 200
    else:
        refused(response, "address")


@pytest.mark.parametrize("ask", [audit, gate])
def test_forged_header_does_not_move_a_caller(ask, settings):
    """Anybody can write X-Forwarded-For; only what a trusted proxy added to it counts."""
    client = caller(networks=["10.0.0.0/8"])
    forged = {"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "10.1.1.1"}
    refused(ask(client, **forged), "address")

    settings.TRUSTED_PROXIES = read_proxies(["192.0.2.1"])
    refused(ask(client, **forged), "address")
    through = {"REMOTE_ADDR": "192.0.2.1"}
    refused(ask(client, **through, HTTP_X_FORWARDED_FOR="10.1.1.1, 203.0.113.9"), "address")
    refused(ask(client, **through, HTTP_X_FORWARDED_FOR="10.1.1.1, unknown"), "address")
    assert ask(client, **through, HTTP_X_FORWARDED_FOR="203.0.113.9, 10.1.1.1").status_code == 200


def test_rest_of_the_api_keeps_to_the_networks_too():
    client = caller(["read"], networks=["10.0.0.0/8"])

    assert client.get("/api/v1/incidents", REMOTE_ADDR="10.1.1.1").status_code == 200
    assert_problem(client.get("/api/v1/incidents", REMOTE_ADDR="203.0.113.9"), 403, "token_limited")


def test_limits_cost_no_statement(django_assert_num_queries):
    """docs/adr/0006: what is asked again is answered in one statement, which Django's cursor does not see."""
    client = caller(repositories=["shop/*"], services=["order"], networks=["127.0.0.0/8"])
    audit(client)

    with django_assert_num_queries(0):
        assert audit(client).status_code == 200


def test_old_secret_asks_until_the_overlap_is_over():
    now = timezone.now()
    token, old = factories.api_token(scopes=["audit"], now=now - timedelta(days=3))
    _row, new = tokens.rotate(
        token, keep=timedelta(days=1), expires_at=now + timedelta(days=9), now=now - timedelta(days=2)
    )
    clients = [Client(headers={"Authorization": f"Bearer {secret}"}) for secret in (old, new)]
    assert [audit(client).status_code for client in clients] == [401, 200]

    _row, newest = tokens.rotate(token, keep=timedelta(days=1), expires_at=now + timedelta(days=9), now=now)
    clients.append(Client(headers={"Authorization": f"Bearer {newest}"}))
    assert [audit(client).status_code for client in clients] == [401, 200, 200]
