"""R1 and R3 as the specification states them, by hand in Chromium and by API."""

import pytest
from playwright.sync_api import Page, expect

from postmortem.models import Participant, Review, ReviewStep
from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.browser import OpenPage
from tests.flows.acting import log_in, send

pytestmark = [pytest.mark.flow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

VAGUE = "可能是连接池"
DEFINITE = [
    "不可能复现",
    "可能性评估表",
    "The flag `maybe_retry` was set.",
    "> ERROR the peer is probably gone",
    "```\nWARN maybe retrying\n```",
]


def test_a_review_opens_when_the_third_of_three_is_excused(open_page: OpenPage, live_server) -> None:
    """R1: 3 invited, 2 filed: the third is named; an excuse needs a reason and is kept."""
    lin, chen, _wang = people = [factories.user(name) for name in ("Lin", "Chen", "Wang")]
    gu = factories.user("Gu", role="facilitator")
    incident = factories.resolved_incident(participants=people)
    review = factories.review(incidents=[incident], facilitator=gu, owner=lin)
    for person in (lin, chen):
        factories.filed_timeline(Participant.objects.get(user=person))
    page = log_in(open_page, live_server.url, gu)
    here = f"{live_server.url}/reviews/{review}/"

    page.goto(here)
    page.click('main header a[href$="/open"]')
    send(page, "dialog[open] button.primary")
    expect(page.locator("main")).to_contain_text("The timelines of these participants are missing: Wang.")
    assert not Review.objects.get().opened_at

    page.goto(here)
    page.click("#preparing a:has-text('Excuse')")
    page.fill("[name=reason]", " ")
    send(page, "main form button.primary")
    expect(page.locator("main form .errors").first).to_be_visible()
    page.fill("[name=reason]", "On a flight without a network.")
    send(page, "main form button.primary")
    page.goto(here)
    page.click('main header a[href$="/open"]')
    send(page, "dialog[open] button.primary")
    expect(page.locator("#preparing")).to_have_count(0)
    page.goto(f"{live_server.url}/incidents/{incident}/")
    expect(page.locator("#people")).to_contain_text("Excused by Gu: On a flight without a network.")
    page.goto("about:blank")


def _sign(page: Page, finding: str, *, button: str = "#sign-phenomenon") -> None:
    page.fill("#id_phenomenon_finding", finding)
    page.fill("#id_phenomenon_evidence", "The log of the gateway.")
    send(page, button)


def test_vague_wording_blocks_the_signature_and_shows_the_span(open_page: OpenPage, live_server) -> None:
    """R3: blocked with offsets, in the browser; what only looks vague passes; a draft always saves."""
    lin = factories.user("Lin")
    review = factories.review(is_open=True, owner=lin)
    page = log_in(open_page, live_server.url, lin)
    page.goto(f"{live_server.url}/reviews/{review}/?step=phenomenon")

    # A draft may say it, and is told so while it is written.
    page.locator("#id_phenomenon_finding").press_sequentially(f"订单失败。{VAGUE}。")
    expect(page.locator("#step-phenomenon .wording mark")).to_have_text("可能")
    send(page, "#step-phenomenon button:has-text('Save the draft')")
    assert ReviewStep.objects.get(kind="phenomenon").finding == f"订单失败。{VAGUE}。"

    _sign(page, f"订单失败。{VAGUE}。")
    said = page.locator("#step-phenomenon .errors").first
    expect(said).to_contain_text("Vague wording blocks the signature: “可能”.")
    found = page.locator("#step-phenomenon .wording-line")
    expect(found.locator("mark")).to_have_text("可能")
    expect(page.locator("#id_phenomenon_finding_wording")).to_contain_text("Blocks the signature.")
    # Its place in the text is selected by the button beside it.
    found.locator("button").click()
    selected = "field => [field.selectionStart, field.selectionEnd, document.activeElement === field]"
    assert page.locator("#id_phenomenon_finding").evaluate(selected) == [5, 7, True]
    assert not ReviewStep.objects.get(kind="phenomenon").is_signed

    # What is not known yet has a place of its own: a state, not a word.
    page.click("#step-phenomenon a:has-text('To the causes')")
    page.click("#causes a:has-text('Add a cause')")
    page.fill("[name=statement]", "The pool has no timeout.")
    send(page, "main form button.primary")
    assert review.causes.get().state == "hypothesis"

    here = f"{live_server.url}/reviews/{review}/?step=phenomenon"
    for finding in DEFINITE:
        page.goto(here)
        _sign(page, finding)
        assert ReviewStep.objects.get(kind="phenomenon").is_signed, finding
        page.goto(here)
        page.click("#step-phenomenon a:has-text('Reopen')")
        page.fill("[name=reason]", "The next wording.")
        send(page, "main form button.primary")
    page.goto("about:blank")


def test_vague_wording_is_refused_with_offsets_by_api(transactional_db) -> None:
    """R3."""
    lin = Caller(factories.user("Lin"))
    review = factories.review(is_open=True, owner=lin.user)
    step = f"reviews/{review}/steps/phenomenon"

    def written(finding: str) -> None:
        version = review.steps.get(kind="phenomenon").version
        body = {"finding": finding, "evidence": "The log of the gateway.", "version": version}
        assert lin.put(step, body).status_code == 200

    for text, spans in (
        (VAGUE, [(0, 2, "可能")]),
        ("🔥 大概是连接池,it was probably DNS", [(2, 4, "大概"), (16, 24, "probably")]),
        ("Maybe the pool.", [(0, 5, "Maybe")]),
    ):
        written(text)
        problem = assert_problem(lin.post(f"{step}/sign"), 409, "vague_wording")
        found = problem["details"]["spans"]
        assert [(one["start"], one["end"], one["phrase"]) for one in found] == spans
        assert all(one["field"] == "finding" and one["why"] and one["suggestion"] for one in found)
        assert [text[one["start"] : one["end"]] for one in found] == [one["phrase"] for one in found]
    for finding in DEFINITE:
        written(finding)
        assert lin.post(f"{step}/sign").status_code == 200, finding
        lin.post(f"{step}/reopen", {"reason": "The next wording."})
