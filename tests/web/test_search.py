"""Search: by id, by words, and never more than the reader may see."""

import pytest

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


def test_an_id_leads_straight_to_its_page(page):
    item, review = factories.item(), factories.review()

    assert page.get(f"/search?q={item.public_id.lower()}")["Location"] == f"/items/{item.public_id}/"
    assert page.get(f"/search?q={review.public_id}")["Location"] == f"/reviews/{review.public_id}/"


def test_words_find_titles_and_texts_of_every_kind(page):
    review = factories.review("About the pool")
    factories.incident("The pool is empty")
    factories.item("Widen the pool")
    factories.service("pool-keeper")
    factories.written(factories.review("Other").steps.first(), finding="The POOL was exhausted.")

    context = page.get("/search?q=pool").context

    assert [row["title"] for row in context["incidents"]] == ["The pool is empty"]
    assert {row["title"] for row in context["reviews"]} == {review.title, "Other"}
    assert [row["title"] for row in context["items"]] == ["Widen the pool"]
    assert [row["slug"] for row in context["services"]] == ["pool-keeper"]


def test_hidden_things_are_not_found(page):
    incident = factories.incident("Secret", is_restricted=True)
    review = factories.review("Secret", incidents=[incident])
    item = factories.item("Secret", review=review)

    assert page.get("/search?q=secret").context["is_nothing"]
    for row in (incident, review, item):
        assert page.get(f"/search?q={row.public_id}").context["is_nothing"]


@pytest.mark.parametrize(
    "words", ["", "   ", "%", "_", "\\", "x" * 5000, "'; DROP TABLE", "RI-2026-9999", "连接池", "\ud7ff"]
)
def test_any_words_are_answered(page, words):
    factories.item()

    assert page.get("/search", {"q": words}).status_code == 200


def test_wildcards_are_ordinary_characters(page):
    factories.item("Plain")

    assert page.get("/search?q=%25").context["is_nothing"]
