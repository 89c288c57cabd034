"""Items in a real browser: who answers for one (R4), a process defect (R9), the board by pointer and keys."""

import pytest
from playwright.sync_api import Page, expect

from remediation import verification
from remediation.models import RemediationItem
from tests import factories
from tests.browser import OpenPage

pytestmark = [pytest.mark.flow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


QUESTIONS = """Who approves?
- Nobody
* The manager

What is asked?
* Limits
- Rain
* Load"""


def log_in(page: Page, address: str, email: str) -> None:
    page.set_default_timeout(20_000)
    page.goto(f"{address}/login")
    page.fill("[name=username]", email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{address}/")


def state(item: RemediationItem) -> str:
    return str(RemediationItem.objects.values_list("state", flat=True).get(pk=item.pk))


def test_owner_who_leaves_is_shown_and_the_manager_takes_over(open_page: OpenPage, live_server) -> None:
    """R4."""
    manager = factories.user("Manager")
    item = factories.item("Set a timeout", team=factories.team(manager=manager))
    item.owner.is_active = False
    item.owner.save()
    page = open_page()
    log_in(page, live_server.url, manager.email)

    page.goto(f"{live_server.url}/items/?ownerless=1")
    expect(page.locator("table")).to_contain_text("No active owner")
    page.click("text=Set a timeout")
    page.click("button:has-text('Take it over')")

    expect(page.locator(".banner.tone-bad")).to_have_count(0)
    item.refresh_from_db()
    assert item.owner == manager


def test_new_item_without_an_owner_is_refused_at_its_field(open_page: OpenPage, live_server) -> None:
    """R4."""
    factories.sla_policies()
    factories.service("order")
    ada = factories.user("Ada")
    page = open_page()
    log_in(page, live_server.url, ada.email)

    page.goto(f"{live_server.url}/items/new")
    page.fill("[name=title]", "Set a timeout")
    page.select_option("[name=owner]", "")
    page.click(".form-foot button.primary")

    expect(page.locator("#id_owner_error")).to_be_visible()
    expect(page.locator("[name=title]")).to_have_value("Set a timeout")
    assert not RemediationItem.objects.exists()


def test_process_defect_is_verified_when_the_roster_has_passed(open_page: OpenPage, live_server) -> None:
    """R9."""
    ada = factories.user("Ada")
    item = factories.item(
        "Ask for limits", category="process_defect", severity="P2", owner=ada, checks=0, proofs=["exam"],
        team=factories.team("Orders", members=[ada]), state="fix_claimed",
    )  # fmt: skip
    page = open_page()
    log_in(page, live_server.url, ada.email)

    page.goto(f"{live_server.url}/items/{item}/process")
    page.click("text=Record a revision")
    page.fill("[name=url]", "https://wiki.example.org/sop")
    page.fill("[name=revision]", "v4")
    page.click("main form button.primary")
    page.click("text=Write the exam")
    page.fill("[name=questions]", QUESTIONS)
    page.click("main form button.primary")
    expect(page.locator("main")).to_contain_text("0/1")
    verification.execute("exam")
    assert state(item) == "fix_claimed"

    page.click("text=Sit the exam")
    page.check("[name=answer_0][value='1']")
    page.check("[name=answer_1][value='0']")
    page.check("[name=answer_1][value='2']")
    page.click("text=Hand in")
    expect(page.locator("main")).to_contain_text("Passed: 2 of 2 right.")
    verification.execute("exam")

    assert state(item) == "verified"


def test_board_is_moved_by_keyboard_and_by_pointer_as_far_as_a_hand_may(
    open_page: OpenPage, live_server
) -> None:
    ada = factories.user("Ada")
    item = factories.item("Set a timeout", owner=ada, severity="P2")
    page = open_page()
    log_in(page, live_server.url, ada.email)
    page.goto(f"{live_server.url}/items/board")
    card = page.locator(f"[data-card={item}]")

    # Verified is no place that a hand brings it to.
    card.focus()
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("[data-board-says]")).to_contain_text("Check runs bring items here")
    assert state(item) == "open"

    card.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("[data-column=in_progress] [data-card]")).to_have_count(1)
    assert state(item) == "in_progress"

    # An empty column is a narrow strip, over which a card can be dropped as well.
    strip = page.locator("[data-column=fix_claimed]")
    page.locator(f"[data-card={item}]").drag_to(strip, target_position={"x": 20, "y": 100})
    page.wait_for_url("**/claim")
    page.click("main form button.primary")
    page.wait_for_url(f"**/items/{item}/")
    assert state(item) == "fix_claimed"
