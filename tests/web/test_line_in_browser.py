"""R1 by hand: three are invited; commands, logs and pictures go in; two file, and the third is named."""

import base64
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from postmortem.models import Entry, Participant
from tests import factories, files
from tests.factories import HOUR

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png", lastModified: Date.now() }));
  const pasted = { clipboardData: transfer, bubbles: true, cancelable: true };
  document.dispatchEvent(new ClipboardEvent("paste", pasted));
}"""


@pytest.fixture
def people(transactional_db):
    return [factories.user(name, time_zone="Asia/Shanghai") for name in ("Lin", "Chen", "Wang")]


@pytest.fixture
def incident(people):
    return factories.resolved_incident(participants=people, started_at=timezone.now() - 3 * HOUR)


def log_in(page: Page, address: str, person) -> None:
    page.goto(f"{address}/login")
    page.fill("[name=username]", person.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{address}/")


def type_line(page: Page, text: str) -> None:
    page.locator("[name=line]").press_sequentially(text)
    page.keyboard.press("Enter")


def test_line_is_read_while_it_is_typed_and_enter_saves_it(open_page, live_server, people, incident):
    page = open_page()
    page.set_default_timeout(15_000)
    log_in(page, live_server.url, people[0])
    page.goto(f"{live_server.url}/incidents/{incident}/timeline/")

    page.locator("[name=line]").press_sequentially("+5m pool at 247, password=hunter22")
    expect(page.locator("#reading")).to_contain_text("CST (UTC+08:00)")
    expect(page.locator("#reading")).to_contain_text("1 secret will be masked")
    page.reload()
    expect(page.locator("[name=line]")).to_have_value("+5m pool at 247, password=hunter22")
    page.locator("[name=line]").press("Enter")
    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator("[name=line]")).to_be_focused()
    expect(page.locator("[name=line]")).to_have_value("")

    # The next line waits; Shift and Enter go on with it.
    page.keyboard.type("+1m mysql status")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Threads_connected 247")
    page.keyboard.press("Enter")
    expect(page.locator(".event")).to_have_count(2)
    assert [entry.text for entry in Entry.objects.order_by("id")] == [
        "pool at 247, password=[masked]",
        "mysql status\nThreads_connected 247",
    ]
    expect(page.locator("[name=line]")).to_be_focused()
    page.keyboard.type("soon it was calm")
    page.keyboard.press("Enter")
    expect(page.locator("#mine .errors")).to_contain_text("Begin with the moment")
    # Once: what is read below the box would say the same.
    expect(
        page.locator("#mine form").get_by_text("Begin with the moment").filter(visible=True)
    ).to_have_count(1)
    expect(page.locator("[name=line]")).to_have_value("soon it was calm")


def test_moment_that_is_still_to_come_is_warned_of(open_page, live_server, people, incident):
    page = open_page()
    page.set_default_timeout(15_000)
    log_in(page, live_server.url, people[0])
    page.goto(f"{live_server.url}/incidents/{incident}/timeline/")

    page.fill("[name=line]", "+9h future thing")

    expect(page.locator("#reading .tone-warn")).to_contain_text("lies in the future")
    expect(page.locator("#reading .tone-good")).to_have_count(0)


def test_box_that_somebody_made_larger_breaks_no_policy_when_a_line_is_added(
    open_page, live_server, people, incident
):
    """Dragging its corner gives the box a style of its own, which must not be copied to what comes back."""
    page = open_page()
    page.set_default_timeout(15_000)
    log_in(page, live_server.url, people[0])
    page.goto(f"{live_server.url}/incidents/{incident}/timeline/")
    page.locator("[name=line]").evaluate("box => { box.style.blockSize = '12rem'; }")

    for number in (1, 2):
        type_line(page, f"+{number}m step {number}")
        expect(page.locator(".event")).to_have_count(number)
    type_line(page, "soon it was calm")

    expect(page.locator("#mine .errors")).to_be_visible()


def test_three_are_invited_and_two_file(open_page, live_server, people, incident):
    lin, chen, wang = people
    facilitator = factories.user("Gu", role="facilitator")
    review = factories.review(incidents=[incident], facilitator=facilitator, owner=lin)
    page = open_page()
    page.set_default_timeout(15_000)
    log_in(page, live_server.url, lin)
    timeline = f"{live_server.url}/incidents/{incident}/timeline/"

    # A picture is pasted, gets its line, and is stored with Enter.
    page.goto(timeline)
    page.evaluate(DROP, ["image.png", base64.b64encode(files.picture()).decode()])
    expect(page.locator("[data-shot-picture]")).to_be_visible()
    expect(page.locator("[name=kind]")).to_have_value("screenshot")
    type_line(page, "+2m pool at 247")
    expect(page.locator(".event img")).to_have_count(1)
    assert (
        page.locator(".event img").evaluate("picture => picture.decode().then(() => picture.naturalWidth)")
        == 480
    )

    # A log is split and looked through.
    page.fill("[name=line]", LOG.format(at=incident.started_at))
    expect(page.locator("#reading")).to_contain_text("These are 2 events")
    page.click("[data-split]")
    expect(page.locator(".preview-row")).to_have_count(2)
    page.locator(".preview-row [name=row-1-keep]").uncheck()
    page.click("main form button.primary")
    expect(page.locator(".event")).to_have_count(2)

    page.select_option("[name=kind]", "command")
    type_line(page, "+1m kubectl rollout restart deploy/order")
    expect(page.locator(".event")).to_have_count(3)
    page.click('main a[href$="/timeline/file"]')
    page.click('dialog[open] form[action$="/timeline/file"] button:not([type=button])')
    page.wait_for_url(re.compile("/incidents/INC-[0-9-]+/$"))
    assert set(Entry.objects.values_list("kind", flat=True)) == {"command", "log", "screenshot"}
    factories.filed_timeline(Participant.objects.get(user=chen))

    # The review waits for the third; all that was filed is shown.
    page = open_page(width=390)
    page.set_default_timeout(15_000)
    log_in(page, live_server.url, facilitator)
    page.goto(f"{live_server.url}/reviews/{review}/")
    expect(page.locator("main")).to_contain_text(wang.name)
    page.goto(f"{live_server.url}/incidents/{incident}/merged/")
    expect(page.locator(".merged .event img")).to_have_count(1)
    expect(page.locator("main")).to_contain_text("kubectl rollout restart deploy/order")
    expect(page.locator("main")).to_contain_text("java.sql.SQLException")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.select_option("[name=kind]", "screenshot")
    page.wait_for_url(re.compile(r"kind=screenshot"))
    expect(page.locator(".merged .event:not(.milestone)")).to_have_count(1)


LOG = (
    "{at:%Y-%m-%dT%H:%M}:41Z ERROR pool exhausted\n"
    "java.sql.SQLException: Too many connections\n"
    "\tat com.example.Pool.take(Pool.java:42)\n"
    "{at:%Y-%m-%dT%H:%M}:44Z INFO retrying\n"
)
