"""What is typed survives a crash of the browser and of the server, and goes when it is saved."""

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from urllib.request import urlopen

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError

from postmortem import drafts
from postmortem.models import Draft, Entry
from tests import factories
from tests.browser import close_all
from tests.servers import Process, free_port, wait_until
from tests.services import process_env

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SAVED = re.compile(r"Draft saved \d\d:\d\d")


@pytest.fixture
def ada(transactional_db):
    return factories.user("Ada", role="facilitator")


@pytest.fixture
def review(ada):
    made = factories.review(incidents=[factories.resolved_incident(participants=[ada])], is_open=True)
    factories.written(made.steps.get(position=1), finding="As it was.")
    return made


@pytest.fixture
def browse(chromium: Browser) -> Iterator:
    """Opens a browser of somebody's own, logged in; `log_in` of an old one keeps what it has stored."""
    contexts = []

    def open_one(address: str, person) -> Page:
        context = chromium.new_context(locale="en", base_url=address)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        log_in(page, person)
        return page

    yield open_one
    close_all(contexts)


def log_in(page: Page, person) -> None:
    page.goto("/login")
    page.fill("[name=username]", person.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(lambda address: "/login" not in address)


def state(page: Page, form: str = "main"):
    return page.locator(f"{form} [data-draft-state]").first


@pytest.fixture
def serve(transactional_db, tmp_path) -> Iterator:
    """Starts a server in a process of its own, which can be killed; and another one at its address."""
    started = []

    def start(port: int) -> Process:
        words = f"manage.py runserver --insecure --noreload 127.0.0.1:{port}"
        env = process_env(PUBLIC_URL=f"http://127.0.0.1:{port}")
        started.append(Process([sys.executable, *words.split()], tmp_path / "web.log", env))
        wait_until(lambda: is_up(f"http://127.0.0.1:{port}/healthz"), seconds=60, what="the server")
        return started[-1]

    yield start
    for process in started:
        process.stop()


def is_up(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def copies(page: Page) -> int:
    """How many drafts the browser itself keeps."""
    return page.evaluate(
        "Object.keys(localStorage).filter((name) => name.startsWith('closeloop.draft.')).length"
    )


def steps_of(review) -> str:
    return f"/reviews/{review}/"


def test_text_survives_the_end_of_the_browser(browse, live_server, ada, review):
    page = browse(live_server.url, ada)
    page.goto(steps_of(review))
    page.locator("#id_phenomenon_finding").fill("5 % of orders fail at 14:03.")
    expect(state(page, "#step-phenomenon")).to_have_text(SAVED)
    page.context.close()

    other = browse(live_server.url, ada)
    other.goto(steps_of(review))
    expect(other.locator("#id_phenomenon_finding")).to_have_value("As it was.")
    other.click("#step-phenomenon .draft-offer >> text=Restore")
    expect(other.locator("#id_phenomenon_finding")).to_have_value("5 % of orders fail at 14:03.")
    other.click("#step-phenomenon button:has-text('Save the draft')")

    expect(other.locator(".messages")).to_contain_text("Saved")
    expect(other.locator(".draft-offer")).to_have_count(0)
    assert review.steps.get(position=1).finding == "5 % of orders fail at 14:03."
    assert not drafts.of(ada, now=timezone.now()).exists()


def test_text_survives_the_crash_of_a_page_even_before_it_was_sent(browse, live_server, ada, review):
    """The last words were typed a moment ago: this browser has a copy of them."""
    page = browse(live_server.url, ada)
    page.goto(steps_of(review))
    page.locator("#id_phenomenon_finding").fill("5 % of orders fail at 14:03.")
    wait_until(lambda: copies(page) == 1, what="the copy in the browser")
    assert not Draft.objects.exists()
    with page.expect_event("crash"), suppress(PlaywrightError):
        page.goto("chrome://crash")

    other = page.context.new_page()
    other.set_default_timeout(15_000)
    other.goto(steps_of(review))
    other.click("#step-phenomenon .draft-offer >> text=Restore")

    expect(other.locator("#id_phenomenon_finding")).to_have_value("5 % of orders fail at 14:03.")
    assert copies(other) == 0


def test_page_that_is_left_sends_its_last_words(browse, live_server, ada, review):
    page = browse(live_server.url, ada)
    page.goto(steps_of(review))
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#id_phenomenon_finding").fill("Half a sentence")
    page.goto("/incidents/")

    page.goto(steps_of(review))

    expect(page.locator("#step-phenomenon .draft-offer")).to_contain_text("You have a draft")


def test_text_survives_the_end_of_the_server(browse, serve, ada, review):
    port = free_port()
    server = serve(port)
    page = browse(f"http://127.0.0.1:{port}", ada)
    page.goto("/incidents/new")
    page.fill("[name=title]", "Checkout is slow")
    expect(state(page)).to_have_text(SAVED)
    server.kill()

    page.fill("[name=title]", "Checkout is slow since 14:03")
    expect(state(page)).to_have_text("Not saved: no connection. Kept in this browser.")
    assert Draft.objects.get().fields["title"] == ["Checkout is slow"]
    expect(page.locator("[name=title]")).to_have_value("Checkout is slow since 14:03")

    # It comes back at the same address; the page is still open and sends what it has by itself.
    serve(port)
    expect(state(page)).to_have_text(SAVED, timeout=20_000)
    assert Draft.objects.get().fields["title"] == ["Checkout is slow since 14:03"]


def test_text_of_a_page_that_closed_while_the_server_was_gone_is_offered(browse, serve, ada, review):
    port = free_port()
    server = serve(port)
    page = browse(f"http://127.0.0.1:{port}", ada)
    page.goto("/incidents/new")
    server.kill()
    page.fill("[name=title]", "Checkout is slow")
    expect(state(page)).to_have_text("Not saved: no connection. Kept in this browser.")
    context = page.context
    page.close()

    serve(port)
    other = context.new_page()
    other.set_default_timeout(15_000)
    other.goto("/incidents/new")
    other.click(".draft-offer >> text=Restore")
    expect(other.locator("[name=title]")).to_have_value("Checkout is slow")


def test_saved_form_leaves_nothing_behind(browse, live_server, ada):
    """Pressing the button takes the focus from the field, which saves a draft at the same moment."""
    factories.service("order")
    page = browse(live_server.url, ada)
    page.goto("/incidents/new")
    page.fill("[name=title]", "Checkout fails")
    expect(state(page)).to_have_text(SAVED)
    page.select_option("[name=severity]", index=1)
    page.check("[name=origins]")
    page.locator("[name=summary]").press_sequentially("All of it.")
    page.click("main form button.primary")
    page.wait_for_url("**/incidents/INC-*/")

    page.goto("/incidents/new")
    wait_until(lambda: copies(page) == 0, what="the end of the copy")

    expect(page.locator(".draft-offer")).to_have_count(0)
    assert [draft.fields for draft in Draft.objects.all()] == [{}]


def test_line_of_a_timeline_goes_with_its_draft_and_the_next_one_has_its_own(
    browse, live_server, ada, review
):
    incident = review.incidents.get()
    page = browse(live_server.url, ada)
    page.goto(f"/incidents/{incident}/timeline/")
    page.locator("[name=line]").press_sequentially("+1m restarted it, password=hunter22")
    expect(state(page, "#mine")).to_have_text(SAVED)
    assert Draft.objects.get().fields["line"] == ["+1m restarted it, password=[masked]"]
    page.keyboard.press("Enter")
    expect(page.locator(".event")).to_have_count(1)
    assert Entry.objects.exists()
    assert [draft.fields for draft in Draft.objects.all()] == [{}]

    page.locator("[name=line]").press_sequentially("+2m calm")
    expect(state(page, "#mine")).to_have_text(SAVED)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()

    # The tab itself knows the line, and goes on with its draft instead of offering it.
    expect(page.locator("[name=line]")).to_have_value("+2m calm")
    expect(page.locator(".draft-offer")).to_have_count(0)
    page.keyboard.press("End")
    page.locator("[name=line]").press("Enter")
    expect(page.locator(".event")).to_have_count(2)
    wait_until(lambda: copies(page) == 0, what="the end of the copy")
    assert {str(draft.fields) for draft in Draft.objects.all()} == {"{}"}


def test_two_tabs_keep_two_drafts(browse, live_server, ada, review):
    first = browse(live_server.url, ada)
    second = first.context.new_page()
    for page, words in ((first, "From the first tab"), (second, "From the second tab")):
        page.goto(steps_of(review))
        page.locator("#id_phenomenon_finding").fill(words)
    for page in (first, second):
        page.bring_to_front()
        expect(state(page, "#step-phenomenon")).to_have_text(SAVED)
    first.context.close()

    page = browse(live_server.url, ada)
    page.goto(steps_of(review))

    expect(page.locator("#step-phenomenon .draft-offer")).to_have_count(2)
    page.locator("#step-phenomenon .draft-offer").nth(1).get_by_text("Restore").click()
    expect(page.locator("#id_phenomenon_finding")).to_have_value("From the first tab")
    expect(page.locator("#step-phenomenon .draft-offer >> text=Restore")).to_have_count(1)


def test_nobody_else_in_the_same_browser_gets_it(browse, live_server, ada, review):
    """Somebody else logs in where the last words of the one before could not be sent."""
    bob = factories.user("Bob", role="facilitator")
    page = browse(live_server.url, ada)
    page.goto(steps_of(review))
    page.context.route("**/drafts", lambda route: route.abort())
    page.locator("#id_phenomenon_finding").fill("Of Ada alone")
    expect(state(page, "#step-phenomenon")).to_have_text("Not saved: no connection. Kept in this browser.")
    other = page.context.new_page()
    other.goto("/")
    other.click("summary.who")
    other.get_by_text("Log out").click()
    log_in(other, bob)

    # Ada's tab is still open, and sends under Bob's session now: it is refused.
    page.context.unroute("**/drafts")
    expect(state(page, "#step-phenomenon")).to_have_text(
        "Not saved: you are logged out. Kept in this browser.", timeout=20_000
    )
    other.goto(steps_of(review))
    other.wait_for_load_state("networkidle")

    expect(other.locator(".draft-offer")).to_have_count(0)
    assert "Of Ada alone" not in other.content()
    assert not Draft.objects.exists()


def test_discarding_stays_on_the_page_and_can_be_undone(browse, live_server, ada):
    drafts.save(
        key="/incidents/new", page="page-of-the-morning", number=1, fields={"title": ["Half a title"]},
        base_version=None, by=ada, now=timezone.now(),
    )  # fmt: skip
    page = browse(live_server.url, ada)
    page.goto("/incidents/new")
    page.fill("[name=title]", "Something else")

    page.click(".draft-offer >> text=Discard")
    expect(page.locator(".draft-offer")).to_contain_text("The draft is discarded.")
    page.click(".draft-offer >> text=Undo")

    expect(page.locator(".draft-offer")).to_contain_text("You have a draft")
    expect(page.locator("[name=title]")).to_have_value("Something else")


def test_going_back_to_what_is_stored_ends_the_draft(browse, live_server, ada, review):
    incident = review.incidents.get()
    page = browse(live_server.url, ada)
    page.goto(reverse("web:incident_edit", args=[incident.public_id]))
    before = page.input_value("[name=summary]")
    page.fill("[name=summary]", "Another summary")
    expect(state(page)).to_have_text(SAVED)

    page.fill("[name=summary]", before)

    expect(state(page)).to_have_text("")
    wait_until(lambda: not Draft.objects.exists(), what="the end of the draft")
