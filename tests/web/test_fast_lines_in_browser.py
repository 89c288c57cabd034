"""Lines typed faster than they are stored: each is an entry of its own, in order, and none is lost."""

import re
from datetime import timedelta
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from postmortem.models import Draft, Entry, Timeline
from tests import factories, files
from tests.factories import HOUR

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MINUTE = timedelta(minutes=1)
SEVERAL = "14:03 alert\n14:04 restarted\n14:05 calm"


@pytest.fixture
def lin(transactional_db):
    return factories.user("Lin", time_zone="UTC")


@pytest.fixture
def incident(lin):
    return factories.resolved_incident(participants=[lin], started_at=timezone.now() - 3 * HOUR)


@pytest.fixture
def address(live_server, incident):
    return f"{live_server.url}/incidents/{incident}/timeline/"


@pytest.fixture
def page(open_page, live_server, lin, address) -> Page:
    """Her timeline; at the end nothing may have been said in the console."""
    page = open_page()
    page.set_default_timeout(15_000)
    page.goto(f"{live_server.url}/login")
    page.fill("[name=username]", lin.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{live_server.url}/")
    page.goto(address)
    return page


class Gate:
    """Holds back what the page sends to be stored, until it is opened."""

    def __init__(self, page: Page) -> None:
        self.is_open = False
        self.held: list[Route] = []
        page.route(re.compile("/timeline/$"), self._meet)

    def _meet(self, route: Route) -> None:
        if self.is_open or route.request.method != "POST":
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        self.is_open = True
        for route in self.held:
            route.continue_()


def lose_one(page: Page) -> None:
    """Something between here and the server answers in its place, once."""
    page.route(
        re.compile("/timeline/$"),
        lambda route: route.fulfill(status=200, body="<h1>Be patient</h1>"),
        times=1,
    )


def box(page: Page):
    return page.locator("[name=line]")


def rows(page: Page):
    """Lines that are shown because they are not stored yet."""
    return page.locator("[data-lines] > li")


def type_line(page: Page, text: str) -> None:
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def texts() -> list[str]:
    return [entry.text for entry in Entry.objects.order_by("id")]


def test_lines_typed_before_the_first_is_stored_are_entries_of_their_own(page):
    gate = Gate(page)
    box(page).focus()

    for text in ("+1m alert fired", "+1m pool at 247", "+1m restarted it"):
        type_line(page, text)
        expect(box(page)).to_have_value("")
        expect(box(page)).to_be_focused()
    page.keyboard.type("+1m half a li")
    assert len(gate.held) == 1
    expect(rows(page)).to_have_count(3)
    gate.open()
    expect(page.locator(".event")).to_have_count(3)

    expect(rows(page)).to_have_count(0)
    assert texts() == ["alert fired", "pool at 247", "restarted it"]
    moments = list(Entry.objects.order_by("id").values_list("happened_at", flat=True))
    assert [after - before for before, after in pairwise(moments)] == [MINUTE, MINUTE]
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value("+1m half a li")
    type_line(page, "ne")
    expect(page.locator(".event")).to_have_count(4)
    assert texts()[-1] == "half a line"
    assert not Draft.objects.exclude(fields={}).exists()


def test_kind_and_marks_go_with_their_own_line(page):
    gate = Gate(page)
    page.select_option("[name=kind]", "command")
    page.select_option("[name=marker]", "repair")
    page.check("[name=is_starred]")
    box(page).focus()
    type_line(page, "+1m kubectl rollout restart")
    type_line(page, "+1m kubectl get pods")
    gate.open()
    expect(page.locator(".event")).to_have_count(2)

    assert list(Entry.objects.order_by("id").values_list("kind", "marker", "is_starred")) == [
        ("command", "repair", True),
        ("command", "", False),
    ]


def test_refused_line_comes_back_in_sight_and_the_others_go_on(page):
    gate = Gate(page)
    box(page).focus()
    for text in ("+1m alert fired", "soon it was calm", "+1m restarted it"):
        type_line(page, text)
    page.keyboard.type("+1m next")
    gate.open()
    expect(page.locator(".event")).to_have_count(2)

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("soon it was calm")
    expect(rows(page)).to_contain_text("Begin with the moment")
    expect(box(page)).to_have_value("+1m next")
    assert texts() == ["alert fired", "restarted it"]

    # To mend it, it goes into the box; what stood there waits.
    rows(page).get_by_role("button", name="Edit").press("Enter")
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value("soon it was calm")
    expect(rows(page)).to_contain_text("+1m next")
    page.keyboard.press("Home")
    type_line(page, "+1m ")
    expect(page.locator(".event")).to_have_count(3)
    rows(page).get_by_role("button", name="Add again").click()
    expect(page.locator(".event")).to_have_count(4)
    expect(rows(page)).to_have_count(0)
    assert texts()[2:] == ["soon it was calm", "next"]


def test_line_that_the_server_does_not_answer_waits_to_be_added_again(page):
    lose_one(page)
    box(page).focus()
    type_line(page, "+1m alert fired")
    type_line(page, "+1m restarted it")
    expect(page.locator(".event")).to_have_count(1)

    expect(rows(page)).to_contain_text("alert fired")
    expect(rows(page)).to_contain_text("The server did not answer")
    assert texts() == ["restarted it"]
    rows(page).get_by_role("button", name="Add again").click()
    expect(rows(page)).to_have_count(0)
    assert texts() == ["restarted it", "alert fired"]


def test_line_whose_answer_was_lost_is_not_stored_twice(page):
    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.fulfill(status=200, body="<h1>Be patient</h1>")

    page.route(re.compile("/timeline/$"), lose_the_answer, times=1)
    box(page).focus()
    type_line(page, "+5m alert fired")
    again = rows(page).get_by_role("button", name="Add again")
    expect(again).to_be_visible()
    assert texts() == ["alert fired"]

    again.click()

    expect(page.locator(".event")).to_have_count(1)
    expect(rows(page)).to_have_count(0)
    assert texts() == ["alert fired"]
    type_line(page, "+1m alert fired")
    expect(page.locator(".event")).to_have_count(2)


def test_leaving_with_lines_on_their_way_warns_and_they_are_offered_again(page, address):
    Gate(page)
    box(page).focus()
    type_line(page, "+1m alert fired")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    page.reload()

    assert asked == ["beforeunload"]
    expect(page.locator(".draft-offer")).to_contain_text("You have a draft")
    page.click(".draft-offer >> text=Restore")
    expect(box(page)).to_have_value("+1m alert fired")


def test_dropped_line_is_not_offered_again(page):
    lose_one(page)
    box(page).focus()
    type_line(page, "+1m alert fired")
    type_line(page, "+1m restarted it")
    expect(page.locator(".event")).to_have_count(1)
    with page.expect_response("**/drafts"):
        rows(page).get_by_role("button", name="Drop").click()
    expect(rows(page)).to_have_count(0)
    expect(box(page)).to_be_focused()

    page.reload()

    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator(".draft-offer")).to_have_count(0)


def test_refused_file_stays_with_its_line(page):
    gate = Gate(page)
    shot = {"name": "pool.png", "mimeType": "image/png", "buffer": files.picture()}
    page.set_input_files("[name=file]", shot)
    box(page).fill("soon the pool was full")
    box(page).press("Enter")
    type_line(page, "+1m restarted it")
    gate.open()
    expect(page.locator(".event")).to_have_count(1)

    rows(page).get_by_role("button", name="Edit").click()
    expect(page.locator("[data-shot-name]")).to_have_text("pool.png")
    expect(page.locator("[name=kind]")).to_have_value("screenshot")
    page.keyboard.press("Home")
    type_line(page, "+1m ")

    expect(page.locator(".event img")).to_have_count(1)
    assert texts() == ["restarted it", "soon the pool was full"]


def test_line_of_a_timeline_that_was_filed_elsewhere_is_not_lost(page, incident, lin):
    factories.filed_timeline(incident.participants.get(user=lin))
    box(page).focus()
    type_line(page, "+1m alert fired")

    expect(box(page)).to_have_value("+1m alert fired")
    expect(page.locator("#mine .errors")).to_contain_text("filed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_in_sight_and_the_question_are_accessible(page, scheme):
    page.emulate_media(color_scheme=scheme)
    gate = Gate(page)
    box(page).focus()
    type_line(page, "+1m alert fired")
    type_line(page, "soon it was calm")
    page.keyboard.insert_text(SEVERAL)
    page.keyboard.press("Enter")
    page.keyboard.type("+9h future thing")
    gate.open()
    expect(page.locator(".event")).to_have_count(1)
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#reading .tone-warn")).to_be_visible()

    assert violations(page) == []
    open_filing(page)
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


# --- filing -------------------------------------------------------------------------------------------


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


def open_filing(page: Page) -> None:
    page.click('main a[href$="/timeline/file"]')


def file(page: Page) -> None:
    page.locator("dialog[open]").get_by_role("button", name="File my timeline").click()
    page.wait_for_url(re.compile("/incidents/INC-[0-9-]+/$"))


@pytest.fixture
def begun(page) -> Page:
    """Her timeline with one entry, and a line in the box."""
    box(page).focus()
    type_line(page, "+1m alert fired")
    expect(page.locator(".event")).to_have_count(1)
    page.keyboard.type("+1m restarted it")
    return page


def test_timeline_is_not_filed_without_the_line_in_the_box(begun):
    open_filing(begun)

    asked = begun.get_by_role("dialog")
    expect(asked).to_contain_text("One line is not saved: add it or drop it.")
    expect(asked).to_contain_text("+1m restarted it")
    asked.get_by_role("button", name="Back to the line").press("Enter")
    expect(box(begun)).to_be_focused()
    expect(box(begun)).to_have_value("+1m restarted it")

    open_filing(begun)
    begun.get_by_role("button", name="Add and file").press("Enter")
    file(begun)
    assert texts() == ["alert fired", "restarted it"]
    assert Timeline.objects.get().filed_at is not None


def test_line_that_is_dropped_does_not_hold_up_the_filing(begun):
    open_filing(begun)
    begun.get_by_role("button", name="Drop and file").click()
    file(begun)

    assert texts() == ["alert fired"]


def test_line_that_is_refused_holds_up_the_filing(begun):
    begun.fill("[name=line]", "soon it was calm")

    open_filing(begun)
    begun.get_by_role("button", name="Add and file").click()

    expect(begun.locator("#mine .errors")).to_contain_text("Begin with the moment")
    expect(box(begun)).to_have_value("soon it was calm")
    expect(begun.locator("dialog[open]")).to_have_count(0)


def test_filing_waits_for_lines_on_their_way(begun):
    gate = Gate(begun)
    begun.keyboard.press("Enter")

    open_filing(begun)
    expect(begun.locator("dialog[open]")).to_have_count(0)
    gate.open()
    file(begun)

    assert texts() == ["alert fired", "restarted it"]


# --- several events -----------------------------------------------------------------------------------


def test_enter_splits_a_text_of_several_events(page):
    box(page).fill(SEVERAL)
    expect(page.locator("#reading")).to_contain_text("These are 3 events")

    box(page).press("Enter")

    expect(page.locator(".preview-row")).to_have_count(3)
    page.click("main form button.primary")
    expect(page.locator(".event")).to_have_count(3)
    expect(box(page)).to_have_value("")


def test_enter_splits_them_even_before_they_were_read(page):
    box(page).focus()
    page.keyboard.insert_text(SEVERAL)
    page.keyboard.press("Enter")

    expect(page.locator(".preview-row")).to_have_count(3)
    assert not Entry.objects.exists()


def test_several_events_wait_for_a_decision_when_the_next_line_is_begun(page):
    gate = Gate(page)
    box(page).focus()
    type_line(page, "+1m alert fired")
    page.keyboard.insert_text(SEVERAL)
    page.keyboard.press("Enter")
    page.keyboard.type("+1m next")
    gate.open()
    expect(page.locator(".event")).to_have_count(1)

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("These are 3 events")
    assert texts() == ["alert fired"]
    rows(page).get_by_role("button", name="Add as one entry").click()
    expect(page.locator(".event")).to_have_count(2)
    assert texts()[1] == "alert\n14:04 restarted\n14:05 calm"


def test_button_stores_several_events_as_one_text(page):
    box(page).fill(SEVERAL)

    page.click("[data-add]")

    expect(page.locator(".event")).to_have_count(1)
    assert texts() == ["alert\n14:04 restarted\n14:05 calm"]
