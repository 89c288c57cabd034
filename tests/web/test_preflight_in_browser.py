"""What is missing for the archive leads to its field, by mouse and by key; what is typed elsewhere stays."""

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.browser import OpenPage
from tests.flows.acting import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_each_gap_puts_the_focus_on_the_field_that_mends_it(open_page: OpenPage, live_server) -> None:
    lin = factories.user("Lin", role="facilitator")
    incident = factories.resolved_incident(participants=[factories.user("Chen")])
    review = factories.review(incidents=[incident], is_open=True, owner=lin, facilitator=lin)
    factories.signed(review.steps.get(position=1), by=lin)
    root = factories.cause(review)
    page = log_in(open_page, live_server.url, lin, width=390)
    here = f"{live_server.url}/reviews/{review}/"

    # On a phone it comes before the work, and says in words how far that is.
    page.goto(here)
    expect(page.locator("#gaps")).to_contain_text("2 of 9 done")
    tops = [page.locator(name).bounding_box()["y"] for name in ("#steps", "#gaps", "#step-phenomenon")]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # On this page: unfolded, focused, and what is typed elsewhere is still there.
    page.fill("#id_metric_anomaly_finding", "Typed and not saved.")
    page.focus("#gaps a:has-text('Step 3 is not signed.')")
    page.keyboard.press("Enter")
    expect(page.locator("#id_change_correlation_finding")).to_be_focused()
    expect(page.locator("#id_metric_anomaly_finding")).to_have_value("Typed and not saved.")
    page.fill("#id_metric_anomaly_finding", "")
    page.click("#gaps a:has-text('No primary root cause is named.')")
    expect(page.locator(f"#cause-{root.pk} summary[data-mends]")).to_be_focused()

    # On another page.
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#gaps a:has-text('The timeline of Chen is missing.')")
    page.wait_for_url(f"**/incidents/{incident}/#person-*")
    expect(page.locator("#people a:has-text('Excuse')")).to_be_focused()
    page.goto("about:blank")
