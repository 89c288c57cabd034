"""The board: columns by state, and the moves that a hand may make."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from remediation.models import RemediationItem
from tests import factories
from web.item_board import MOVES, SHOWN

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


def columns(response) -> dict[str, list[str]]:
    return {
        column.state: [card.title for card in column.cards]
        for column in response.context["columns"]
        if column.cards
    }


def test_items_stand_in_the_column_of_their_state_the_most_urgent_first(page):
    now = timezone.now()
    for state in RemediationItem.State.values:
        factories.item(state, state=state)
    factories.item("urgent", agreed_at=now - timedelta(days=40), due_at=now - timedelta(days=30))

    response = page.get("/items/board")

    assert columns(response) == {state: [state] for state in RemediationItem.State.values} | {
        "open": ["urgent", "open"]
    }
    assert "Check runs bring items here" in response.content.decode()


@pytest.mark.parametrize("state", RemediationItem.State.values)
def test_card_offers_the_moves_of_a_person_and_no_others(page, state):
    item = factories.item(state=state)

    offered = set(re.findall(r'data-to="(\w+)"', page.get("/items/board").content.decode()))

    assert offered == {to_state for from_state, to_state in MOVES if from_state == item.state}
    assert not offered & {"verifying", "verified", "regressed"}


def test_card_is_dropped_where_a_person_may_bring_it(page):
    item = factories.item()

    assert page.post(f"/items/{item}/move", {"to": "in_progress"})["Location"] == "/items/board"
    item.refresh_from_db()
    assert item.state == "in_progress"
    assert page.post(f"/items/{item}/move", {"to": "fix_claimed"})["Location"] == f"/items/{item}/claim"
    assert page.post(f"/items/{item}/move", {"to": "wont_do"})["Location"] == f"/items/{item}/wont-do"


@pytest.mark.parametrize("to_state", ["verified", "verifying", "regressed", "nonsense", ""])
def test_drop_where_no_hand_brings_it_changes_nothing_and_says_why(page, to_state):
    item = factories.item(state="fix_claimed")

    response = page.post(f"/items/{item}/move", {"to": to_state}, follow=True)

    item.refresh_from_db()
    assert item.state == "fix_claimed"
    text = response.content.decode()
    assert "Check runs bring items here" in text if to_state[:1] in "vr" and to_state else "No hand" in text


def test_board_narrows_as_the_list_does_and_leads_to_it(page):
    factories.item("pool", service=factories.service("order"))
    factories.item("cart")

    response = page.get("/items/board?service=order")

    assert columns(response) == {"open": ["pool"]}
    assert 'href="/items/?service=order&amp;state=open"' in response.content.decode()
    assert "Nothing matches" in page.get("/items/board?q=nothing-like-this").content.decode()


def test_full_column_ends_with_a_link_to_the_list(page):
    for number in range(SHOWN + 2):
        factories.item(f"item {number}")

    response = page.get("/items/board")

    assert len(columns(response)["open"]) == SHOWN
    assert response.context["columns"][0].total == SHOWN + 2
    assert "Show all as a list" in response.content.decode()


def test_viewers_move_nothing_and_strangers_see_nothing(client, page):
    incident = factories.resolved_incident("Secret", is_restricted=True)
    hidden = factories.item("Secret fix", review=factories.review(incidents=[incident], is_open=True))
    seen = factories.item("seen")
    assert "Secret" not in page.get("/items/board").content.decode()
    assert page.post(f"/items/{hidden}/move", {"to": "in_progress"}).status_code == 404

    client.force_login(factories.user(role="viewer"))
    assert "data-to" not in client.get("/items/board").content.decode()
    for to_state in ("in_progress", "wont_do", "verified"):
        assert client.post(f"/items/{seen}/move", {"to": to_state}).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_board_asks_the_database_equally_often_for_any_number_of_cards(page, django_assert_num_queries, rows):
    for number in range(rows):
        factories.item(f"item {number}")

    # Session, person; the names to filter by, the totals, the keys of the cards, the cards.
    with django_assert_num_queries(6):
        page.get("/items/board")


def test_columns_without_anything_to_do_begin_folded(page):
    for state in ("open", "regressed", "verified", "wont_do"):
        factories.item(state, state=state)

    response = page.get("/items/board")

    assert [column.state for column in response.context["columns"] if column.is_open] == ["open", "regressed"]
