"""The shop of the demo: gauges that people turn, for Prometheus to read."""

import http.client
import threading
from collections.abc import Iterator

import pytest

from ops.shop import Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop(0)
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    yield shop
    shop.shutdown()
    shop.server_close()


def ask(shop: Shop, method: str, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", shop.server_address[1], timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_gauge_that_is_turned_is_what_prometheus_reads(shop):
    before = ask(shop, "GET", "/metrics")[1]

    said = ask(shop, "POST", "/pager?value=1")

    assert said == (200, "pager is 1 now.\n")
    assert "pager_paths_up 2\n" in before
    assert "pager_paths_up 1.0\n" in ask(shop, "GET", "/metrics")[1]


def test_an_alert_rule_that_is_not_loaded_has_no_series(shop):
    assert "PoolHeadroom" not in ask(shop, "GET", "/metrics")[1]

    ask(shop, "POST", "/pool-alert?value=1")

    assert 'ALERTS_FOR_STATE{alertname="PoolHeadroom"} 1.0' in ask(shop, "GET", "/metrics")[1]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/pager", 400), ("/pager?value=many", 400), ("/pager?value=nan", 400), ("/nothing?value=1", 404)],
)
def test_what_cannot_be_turned_is_refused(shop, path, status):
    before = ask(shop, "GET", "/")

    assert ask(shop, "POST", path)[0] == status
    assert ask(shop, "GET", "/") == before


def test_a_page_of_another_site_turns_nothing(shop):
    assert ask(shop, "POST", "/pager?value=1", Origin="https://elsewhere.example")[0] == 403
    assert "pager_paths_up 2\n" in ask(shop, "GET", "/metrics")[1]


def test_people_read_what_there_is_and_how_to_turn_it(shop):
    listing = ask(shop, "GET", "/")[1]

    assert f"curl -X POST '{shop.url}pager?value=1'" in listing
    assert all(name in listing for name in shop.gauges)
