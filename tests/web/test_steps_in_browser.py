"""A step of a review that cannot be signed: what is wrong is in sight, where it is mended."""

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.browser import OpenPage
from tests.flows.acting import log_in, send

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

_IN_SIGHT = (
    "one => { const box = one.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight; }"
)


@pytest.fixture
def review():
    return factories.review(incidents=[factories.resolved_incident()], is_open=True)


@pytest.mark.parametrize("width", [1280, 390])
def test_refused_signature_is_in_sight_at_its_field_which_has_the_focus(
    open_page: OpenPage, live_server, review, width
) -> None:
    page = log_in(open_page, live_server.url, factories.user("Ada"), width=width)
    page.goto(f"{live_server.url}/reviews/{review.public_id}/")
    page.fill("#id_phenomenon_finding", "5 % of orders failed.")

    send(page, "#sign-phenomenon")

    error = page.locator("#id_phenomenon_evidence_error")
    assert error.inner_text() == "A step is signed with a finding and its evidence."
    assert error.evaluate(_IN_SIGHT)
    assert page.evaluate("document.activeElement.id") == "id_phenomenon_evidence"
    assert page.input_value("#id_phenomenon_finding") == "5 % of orders failed."


@pytest.mark.parametrize("width", [1280, 390])
def test_what_was_done_is_said_in_sight_of_the_place_that_opens(
    open_page: OpenPage, live_server, review, width
) -> None:
    page = log_in(open_page, live_server.url, factories.user("Ada"), width=width, height=500)
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{live_server.url}/reviews/{review.public_id}/")
    page.fill("#id_phenomenon_finding", "5 % of orders failed.")

    send(page, "#step-phenomenon button:text('Save the draft')")

    expect(page.locator("#step-phenomenon > summary")).to_be_in_viewport()
    assert page.locator(".messages .message").evaluate(_IN_SIGHT)
