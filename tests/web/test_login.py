"""Who guesses passwords has to wait; nobody can keep somebody else out; the log says what happened."""

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_address

import pytest
from django.test import Client
from django.utils import timezone

from accounts import addresses, attempts
from tests import factories

# Not far from any clock, because Redis lets counts end by its own.
NOW = timezone.now()


@pytest.fixture
def address():
    """One that no other test comes from."""
    return str(ip_address(f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"))


@pytest.fixture
def ada(db):
    return factories.user("Ada")


def log_in(address, *, account="ada@example.com", password="wrong", **headers):
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post("/login", {"username": account, "password": password})


def test_ten_wrong_passwords_are_answered_and_then_one_waits(ada, address, caplog):
    with caplog.at_level(logging.WARNING, "accounts.attempts"):
        statuses = [log_in(address, password=f"guess-{number}").status_code for number in range(11)]
    refused = log_in(address, account=" ADA@example.com", password=factories.PASSWORD)

    assert statuses == [200] * 10 + [429]
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 900
    assert "Wait 15 minutes, then try again." in refused.text
    assert [f"a login failed: account 'ada@example.com' from {address}"] * 10 == caplog.messages[:10]
    assert "logins are held back for 15 minutes: account 'ada@example.com'" in caplog.messages[10]
    assert "guess-" not in caplog.text


def test_person_gets_in_from_elsewhere_meanwhile(ada, address):
    for _ in range(11):
        log_in(address)

    assert log_in("198.51.100.7", password=factories.PASSWORD).status_code == 302


def test_neighbour_of_an_ipv6_address_is_the_same_machine(ada, address):
    for number in range(10):
        log_in(f"{address}{number:x}")

    assert log_in(f"{address}ff").status_code == 429


def test_right_password_forgets_the_typing_errors(ada, address):
    for _ in range(3):
        for _ in range(9):
            log_in(address)
        assert log_in(address, password=factories.PASSWORD).status_code == 302


def test_guessing_over_many_accounts_from_one_address_waits_too(db, address):
    statuses = [log_in(address, account=f"{number}@example.com").status_code for number in range(61)]

    assert statuses == [200] * attempts.MOST_OF_ADDRESS + [429]


def test_form_that_lacks_a_field_is_no_attempt(ada, address):
    for _ in range(11):
        assert log_in(address, password="").status_code == 200

    assert log_in(address, password=factories.PASSWORD).status_code == 302


def test_one_may_try_again_once_the_time_is_over(address):
    who = {"account": "ada@example.com", "address": address}
    for _ in range(11):
        attempts.begin(**who, now=NOW)

    waits = attempts.begin(**who, now=NOW + attempts.WINDOW - timedelta(seconds=1))
    over = attempts.begin(**who, now=NOW + attempts.WINDOW)

    assert (waits, over) == (timedelta(seconds=1), None)


def test_attempts_at_the_same_moment_are_all_counted(address):
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: attempts.begin(account="a", address=address, now=NOW), range(40)))

    assert begun.count(None) == attempts.MOST_OF_ACCOUNT


def test_unknown_address_holds_nobody_back(settings, ada):
    """Behind a proxy that nobody named, one attacker would be everybody."""
    settings.BEHIND_PROXY, settings.TRUSTED_PROXIES = True, addresses.Proxies()

    statuses = {log_in("127.0.0.1").status_code for _ in range(12)}

    assert statuses == {200}


def test_proxy_that_is_named_says_who_asks(settings, ada, address):
    settings.BEHIND_PROXY, settings.TRUSTED_PROXIES = True, addresses.read_proxies(["127.0.0.1"])
    for _ in range(11):
        log_in("127.0.0.1", **{"X-Forwarded-For": address})

    guesser = log_in("127.0.0.1", **{"X-Forwarded-For": address})
    other = log_in("127.0.0.1", password=factories.PASSWORD, **{"X-Forwarded-For": "198.51.100.8"})

    assert (guesser.status_code, other.status_code) == (429, 302)


def test_header_of_a_stranger_does_not_choose_the_address(ada, address):
    for number in range(10):
        log_in(address, **{"X-Forwarded-For": f"198.51.100.{number}"})

    assert log_in(address, **{"X-Forwarded-For": "198.51.100.99"}).status_code == 429


def test_without_redis_everybody_gets_in_and_the_log_says_so(settings, ada, address, caplog):
    settings.CACHES = {
        **settings.CACHES,
        "attempts": settings.CACHES["attempts"] | {"LOCATION": "unix:///nobody-listens"},
    }

    assert log_in(address, password=factories.PASSWORD).status_code == 302
    assert "Redis does not answer" in caplog.text


def test_administrators_are_told_and_nobody_else(ada, address):
    for _ in range(11):
        log_in(address, account="guessed@example.com")
    pages = {}
    for role in ("administrator", "governor"):
        client = Client()
        client.force_login(factories.user(role=role))
        pages[role] = client.get("/").text

    assert f"guessed@example.com from {address}" in pages["administrator"]
    assert "guessed@example.com" not in pages["governor"]


@pytest.mark.parametrize("path", ["/api/v1/items", "/sre/audit?service=order", "/api/v1/gate/changes"])
def test_token_that_is_refused_is_written_down_and_counted(db, address, caplog, path):
    before = attempts.totals()["tokens"]
    secret = "s" * 43
    client = Client(REMOTE_ADDR=address, headers={"Authorization": f"Bearer clp_abcdefghijkl.{secret}"})

    response = client.generic(
        "POST" if "gate" in path else "GET", path, '{"repository": "x"}', content_type="application/json"
    )

    assert response.status_code == 401
    assert f"a token was refused: key 'abcdefghijkl' from {address}" in caplog.messages
    assert secret not in caplog.text
    assert attempts.totals()["tokens"] == before + 1
