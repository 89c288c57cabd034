"""The badge of a service: off unless wanted, with a key or for everybody, never of what is restricted."""

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.utils import timezone

from api.badges import drawing
from governance import badges
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
PATH = "/badges/order.svg"


@pytest.fixture
def order():
    return f.service("order")


@pytest.fixture
def public(settings):
    settings.SERVICE_BADGES = "public"


def overdue(service, **fields):
    now = timezone.now()
    return f.item(service=service, agreed_at=now - 20 * DAY, due_at=now - DAY, **fields)


def test_there_are_no_badges_unless_wanted(client, order):
    assert client.get(PATH).status_code == 404
    assert client.get(f"{PATH}?key={badges.key_of('order')}").status_code == 404


def test_badge_says_the_verdict_in_words_to_everybody(client, order, public):
    first = client.get(PATH)
    overdue(order)

    second = client.get(PATH)

    assert (first.status_code, first["Content-Type"], first["Cache-Control"]) == (
        200,
        "image/svg+xml",
        "max-age=60",
    )
    assert "order: PASS" in first.content.decode()
    assert "order: FAIL" in second.content.decode()


def test_badge_with_a_key_is_for_whoever_has_the_address(client, order, settings):
    settings.SERVICE_BADGES = "key"
    f.service("payment")

    assert client.get(f"{PATH}?key={badges.key_of('order')}")["Cache-Control"] == "private, max-age=60"
    for key in ("", "x", badges.key_of("payment"), "\u00e9", "x" * 9000):
        assert client.get(PATH, {"key": key}).status_code == 404


@pytest.mark.parametrize("path", ["/badges/nothing.svg", "/badges/order.png", "/badges/.svg"])
def test_badge_of_nothing_is_404(client, order, public, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_badge_is_only_read(client, order, public, method):
    assert getattr(client, method)(PATH).status_code == 405


def test_badge_shows_nothing_of_what_is_restricted(client, order, public):
    now = timezone.now()
    began = {"started_at": now - 9 * DAY, "declared_at": now - 9 * DAY, "is_restricted": True}
    f.incident(services=[order], **began)
    review = f.review(incidents=[f.incident(services=[order], **began)], created_at=now - 8 * DAY)
    overdue(order, review=review)
    gating.waiver(service=order, findings=["ITEM_OVERDUE"], at=now - 3 * DAY, hours=60)

    assert "order: PASS" in client.get(PATH).content.decode()
    overdue(order)
    assert "order: FAIL" in client.get(PATH).content.decode()


def test_waived_finding_lets_the_badge_pass(client, order, public):
    overdue(order)
    gating.waiver(service=order, findings=["ITEM_OVERDUE"], at=timezone.now())

    assert "order: PASS" in client.get(PATH).content.decode()


def test_picture_is_sound_and_escaped():
    root = ElementTree.fromstring(drawing("a<b>&\"'", "UNKNOWN"))

    assert root.find("{http://www.w3.org/2000/svg}title").text == "a<b>&\"': UNKNOWN"


def test_service_page_shows_the_address_where_badges_are_wanted(client, order, settings):
    client.force_login(f.user())
    assert "/badges/" not in client.get("/services/order/").content.decode()

    settings.SERVICE_BADGES = "key"

    address = f"http://testserver/badges/order.svg?key={badges.key_of('order')}"
    assert f"![order]({address})" in client.get("/services/order/").content.decode()
