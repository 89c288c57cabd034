"""The board on a usual screen: all columns within reach, and cards by the keys of a list."""

import pytest

from tests import factories
from tests.browser import OpenPage
from tests.flows.acting import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STATES = ("open", "in_progress", "fix_claimed", "verifying", "verified", "regressed", "wont_do")


def test_all_columns_are_in_sight_and_those_without_work_are_folded(open_page: OpenPage, live_server) -> None:
    for state in STATES:
        factories.item(f"Item {state}", state=state)
    page = log_in(open_page, live_server.url, factories.user("Ada"), width=1280)

    page.goto(f"{live_server.url}/items/board")

    board = page.locator(".item-board").bounding_box()
    for state in STATES:
        column = page.locator(f"[data-column={state}]").bounding_box()
        assert board["x"] <= column["x"]
        assert column["x"] + column["width"] <= board["x"] + board["width"]
    folded = page.eval_on_selector_all(
        "[data-column]:not([open])", "all => all.map(one => one.dataset.column)"
    )
    assert folded == ["verified", "wont_do"]
    assert not page.locator("text=Item verified").is_visible()
    page.click("[data-column=verified] > summary")
    assert page.locator("text=Item verified").is_visible()


def test_keys_of_a_list_go_from_card_to_card(open_page: OpenPage, live_server) -> None:
    first, second = factories.item("First"), factories.item("Second", state="in_progress")
    factories.item("Folded", state="verified")
    page = log_in(open_page, live_server.url, factories.user("Ada"), width=1280)
    page.goto(f"{live_server.url}/items/board")

    def focused() -> str:
        return page.evaluate("document.activeElement.textContent")

    page.keyboard.press("j")
    assert focused() == "First"
    page.keyboard.press("j")
    assert focused() == "Second"
    # What is folded is passed by.
    page.keyboard.press("j")
    assert focused() == "Second"
    page.keyboard.press("k")
    assert focused() == "First"
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url(f"{live_server.url}/items/{second.public_id}/")
    assert first.pk != second.pk


def test_folded_column_takes_a_card_that_is_carried_there(open_page: OpenPage, live_server) -> None:
    item = factories.item("First")
    page = log_in(open_page, live_server.url, factories.user("Ada"), width=1280)
    page.goto(f"{live_server.url}/items/board")

    page.focus("[data-card]")
    page.keyboard.press(" ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")

    page.wait_for_selector("[data-column=in_progress][open]")
    item.refresh_from_db()
    assert item.state == "in_progress"
