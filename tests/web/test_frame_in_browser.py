"""The frame around every page as people meet it: by eye, by key, on a phone, in both themes and languages."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests import factories
from tests.factories import HOUR, NOW
from tests.web import places

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDE, PHONE = 1440, 390


@pytest.fixture
def staff(transactional_db):
    return factories.user("Ada", role="administrator", is_staff=True, language="en")


def log_in(page: Page, address: str, person) -> None:
    page.goto(f"{address}/login")
    page.fill("[name=username]", person.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{address}/")


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_login_page_is_accessible(open_page, live_server, language, scheme):
    page = open_page(scheme=scheme, language=language)

    page.goto(f"{live_server.url}/login")

    assert violations(page) == []


def test_login_page_changes_its_language(open_page, live_server):
    page = open_page(language="en")
    page.goto(f"{live_server.url}/login")

    page.click("button[value='zh-hans']")

    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_component_is_accessible(open_page, live_server, staff, width, scheme):
    page = open_page(width=width, scheme=scheme)
    log_in(page, live_server.url, staff)

    page.goto(f"{live_server.url}/styleguide")

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_styleguide_does_not_exist_for_everybody(client, db):
    client.force_login(factories.user(role="administrator"))

    assert client.get("/styleguide").status_code == 404


def test_slash_leads_to_the_search_field(open_page, live_server, staff):
    page = open_page()
    log_in(page, live_server.url, staff)

    page.keyboard.press("/")

    expect(page.locator("#seek")).to_be_focused()
    expect(page.locator("#seek")).to_have_value("")


def test_keys_lead_to_places(open_page, live_server, staff):
    page = open_page()
    log_in(page, live_server.url, staff)

    page.keyboard.press("g")
    page.keyboard.press("i")

    page.wait_for_url("**/incidents/")


def test_help_lists_the_keys_and_switches_them_off(open_page, live_server, staff):
    page = open_page()
    log_in(page, live_server.url, staff)
    page.keyboard.press("?")
    dialog = page.locator("#keys-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("dd", has_text="Incidents")).to_be_visible()

    dialog.locator("[data-keys-switch]").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")

    expect(page.locator("#seek")).not_to_be_focused()


def test_j_and_k_go_from_row_to_row_and_o_opens_one(open_page, live_server, staff):
    newest = [factories.incident(f"Incident {number}", started_at=NOW - number * HOUR) for number in range(3)]
    page = open_page()
    log_in(page, live_server.url, staff)
    page.goto(f"{live_server.url}/incidents/")
    rows = page.locator("tbody .row-link")

    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    shown = rows.nth(0).evaluate("(row) => getComputedStyle(row, '::after').outlineStyle")
    assert shown == "solid"
    for key, place in (("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(rows.nth(place)).to_be_focused()
    page.keyboard.press("o")
    page.wait_for_url(f"**/incidents/{newest[1]}/")

    page.goto(f"{live_server.url}/incidents/")
    page.keyboard.press("k")
    expect(rows.nth(2)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/incidents/{newest[2]}/")


def test_j_and_k_are_letters_where_somebody_types_and_when_keys_are_off(open_page, live_server, staff):
    factories.incident()
    page = open_page()
    log_in(page, live_server.url, staff)
    page.goto(f"{live_server.url}/incidents/")

    page.locator("#seek").press_sequentially("jko")
    expect(page.locator("#seek")).to_have_value("jko")
    expect(page.locator("#seek")).to_be_focused()

    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.evaluate("localStorage.setItem('closeloop.keys', 'off')")
    page.keyboard.press("j")
    expect(page.locator("tbody .row-link")).not_to_be_focused()


LISTS = ["incidents", "items", "reviews", "services", "gate", "imports", "settings/severities"]


@pytest.mark.parametrize("address", LISTS)
def test_every_list_is_walked_by_keys(open_page, live_server, transactional_db, address):
    person = places.build().people["administrator"]
    page = open_page()
    log_in(page, live_server.url, person)
    page.goto(f"{live_server.url}/{address}/")

    page.keyboard.press("j")

    expect(page.locator("main tbody .row-link").first).to_be_focused()


def test_theme_changes_at_once_and_holds(open_page, live_server, staff):
    page = open_page()
    log_in(page, live_server.url, staff)
    page.click("summary.who")

    with page.expect_response("**/preferences"):
        page.click("button[name=theme][value=dark]")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_navigation_opens_from_a_menu_on_a_phone(open_page, live_server, staff):
    page = open_page(width=PHONE)
    log_in(page, live_server.url, staff)
    incidents = page.locator(".nav a", has_text="Incidents")
    expect(incidents).not_to_be_visible()

    page.click("button[popovertarget=rail]")
    incidents.click()

    page.wait_for_url("**/incidents/")


def test_first_tab_offers_to_skip_the_navigation(open_page, live_server, staff):
    page = open_page()
    log_in(page, live_server.url, staff)

    page.keyboard.press("Tab")

    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()


def test_question_before_an_act_opens_as_a_dialog_and_can_be_left(open_page, live_server, staff):
    page = open_page()
    log_in(page, live_server.url, staff)
    page.goto(f"{live_server.url}/styleguide")
    dialog = page.locator("#sample-dialog")

    page.locator("[data-dialog=sample-dialog]").first.click()
    expect(dialog).to_be_visible()
    dialog.locator("[data-close]").click()

    expect(dialog).not_to_be_visible()
    assert page.url == f"{live_server.url}/styleguide"


def test_unsaved_words_are_asked_about_before_they_are_lost(open_page, live_server, staff):
    page = open_page()
    log_in(page, live_server.url, staff)
    page.goto(f"{live_server.url}/incidents/new")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))

    page.fill("[name=title]", "Checkout fails")
    page.evaluate("location.assign('/incidents/')")

    expect(page.locator("[name=title]")).to_have_value("Checkout fails")
    assert asked == ["beforeunload"]
