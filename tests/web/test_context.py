"""The frame's navigation: every place exists, answers, and knows when the reader is there."""

import pytest
from django.urls import reverse

from tests import factories
from web.context import PLACES

PLACES_AND_MORE = [*(name for name, *_ in PLACES), "web:search", "web:settings"]


@pytest.fixture
def reader(client, db):
    person = factories.user("Ada", role="viewer")
    client.force_login(person)
    return client


@pytest.mark.parametrize("name", PLACES_AND_MORE)
def test_place_answers_to_the_humblest_reader(reader, name):
    assert reader.get(reverse(name), follow=True).status_code == 200


@pytest.mark.parametrize("name", PLACES_AND_MORE)
def test_place_sends_strangers_to_the_login(client, db, name):
    response = client.get(reverse(name))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("web:login"))


def test_navigation_marks_where_the_reader_is(reader):
    html = reader.get(reverse("web:incidents")).text

    assert html.count('aria-current="page" data-keys=') == 1
    assert f'<a href="{reverse("web:incidents")}" aria-current="page" data-keys="g i">' in html


def test_shortcuts_are_unique():
    keys = [keys for *_, keys in PLACES]

    assert len(keys) == len(set(keys))
