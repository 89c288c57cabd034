"""What one wants by mail, and the log of administrators."""

import re

import pytest

from governance import notices
from governance.models import Delivery, Muted, Notice
from tests import factories
from tests.factories import NOW
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(settings):
    settings.EMAIL_HOST = "127.0.0.1"

    def tell(count):
        for number in range(count):
            person = factories.user()
            incident = factories.resolved_incident("Zanzibar", participants=[person])
            notices.tell("review_breached", to=[person], incident=incident, key=str(number), by=None, now=NOW)

    return tell


def chosen(client):
    return len(re.findall(r'name="kinds"[^>]* checked', client.get("/settings/notices").text))


def test_everybody_chooses_what_comes_by_mail():
    ada = factories.user("Ada")
    client = client_of(ada)
    assert chosen(client) == len(Notice.Kind)

    client.post("/settings/notices", {"kinds": ["item_breached"]})

    assert Muted.objects.filter(user=ada).count() == len(Notice.Kind) - 1
    assert chosen(client) == 1
    assert client.post("/settings/notices", {"kinds": ["nonsense"]}).status_code == 422


@pytest.mark.parametrize("count", [1, 3])
def test_log_says_who_and_how_but_not_about_what(told, django_assert_num_queries, count):
    told(count)
    client = client_of(factories.user(role="administrator"))

    # Session, person, deliveries.
    with django_assert_num_queries(3):
        page = client.get("/settings/deliveries/").text

    assert page.count("A review is overdue") == count
    assert "Zanzibar" not in page
    assert client_of(factories.user(role="governor")).get("/settings/deliveries/").status_code == 403


def test_what_was_given_up_is_sent_again(told):
    told(1)
    client = client_of(factories.user(role="administrator"))
    row = Delivery.objects.get()
    assert "Send again" not in client.get("/settings/deliveries/").text
    Delivery.objects.update(state="given_up", finished_at=NOW)

    assert "Send again" in client.get("/settings/deliveries/").text
    client.post(f"/settings/deliveries/{row.pk}/again")
    row.refresh_from_db()
    assert row.state == "waiting"
