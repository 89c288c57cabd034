"""The four steps in a real browser: in order, each on its own evidence, stale after a reopening (R2)."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from postmortem.models import MetricSnapshot, Review, ReviewStep
from tests import factories
from tests.browser import OpenPage
from tests.servers import Prometheus

pytestmark = [pytest.mark.flow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_four_steps_are_signed_in_order_on_their_own_evidence(
    open_page: OpenPage, live_server, prometheus: Prometheus
) -> None:
    prometheus.show('browser_threads{service="order"}', 200)
    factories.data_source("Prometheus of the cell", base_url=prometheus.url)
    lin = factories.user("Lin", role="facilitator")
    incident = factories.resolved_incident(
        # A form states whole seconds, and the page says how far before the incident something was.
        started_at=timezone.now().replace(microsecond=0) - timedelta(minutes=20),
        impact_minutes=5,
    )
    review = factories.review(incidents=[incident], is_open=True, owner=lin, facilitator=lin)
    factories.verified_cause(review)
    page = open_page()
    page.set_default_timeout(15_000)
    here = f"{live_server.url}/reviews/{review.public_id}/"
    _log_in(page, live_server.url, lin.email)

    # Step 3 cannot be signed before step 2, neither by its button nor by what its button would send.
    page.goto(f"{here}?step=phenomenon")
    expect(page.locator("#step-phenomenon")).to_contain_text("5 min")
    _write(page, "phenomenon", "5 % of the orders failed.", "`503` in the gateway's log")
    page.goto(f"{here}?step=change_correlation")
    expect(page.locator("#step-change_correlation button[disabled]")).to_have_count(1)
    assert _signed(review) == [1]

    # Step 2 lacks its evidence, until a metric is fetched.
    _write(page, "metric_anomaly", "The pool was full.", "")
    expect(page.locator("main")).to_contain_text("A step is signed with a finding and its evidence.")
    assert _signed(review) == [1]
    page.click("#measurements a:has-text('Fetch from Prometheus')")
    page.fill("[name=promql]", "browser_threads")
    now = timezone.now()
    page.fill("[name=window_start]", (now - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S"))
    page.fill("[name=window_end]", (now + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S"))
    page.click("button:has-text('Try it now')")
    expect(page.locator("#tried svg.courses")).to_have_count(1)
    assert not MetricSnapshot.objects.exists()
    page.fill("[name=title]", "Threads at the limit")
    page.fill("[name=value]", "200")
    page.fill("[name=unit]", "threads")
    page.click("form.form .form-foot button.primary")
    expect(page.locator("#step-metric_anomaly svg.courses")).to_have_count(1)
    expect(page.locator("#step-metric_anomaly")).to_contain_text("200 threads")
    _sign(page, "metric_anomaly")

    # Step 3: a change that is only a suspect is no evidence.
    page.goto(f"{here}?step=change_correlation")
    page.click("#changes a:has-text('Add a change')")
    page.fill("[name=title]", "order 1.4.2")
    page.fill(
        "[name=happened_at]", (incident.started_at - timedelta(minutes=4)).strftime("%Y-%m-%dT%H:%M:%S")
    )
    page.click("main form button.primary")
    expect(page.locator("#changes")).to_contain_text("4 min before")
    _write(page, "change_correlation", "The deploy began it.", "")
    expect(page.locator("main")).to_contain_text("Settle what these changes had to do with it")
    assert _signed(review) == [1, 2]
    page.click("#changes a:has-text('Settle')")
    page.check("[name=verdict][value=culprit]")
    page.fill("[name=reason]", "Rolled back, and the errors ended within a minute.")
    page.click("main form button.primary")
    _sign(page, "change_correlation")
    _write(page, "root_cause", "The pool has no timeout.", "Two runs of the load test.")
    assert _signed(review) == [1, 2, 3, 4]

    # Reopening 2 makes 3 and 4 stale.
    page.goto(f"{here}?step=metric_anomaly")
    page.click("#step-metric_anomaly a:has-text('Reopen')")
    page.fill("[name=reason]", "The query missed a pod.")
    page.click("main form button.primary")
    expect(page.locator('.steps li[data-state="stale"]')).to_have_count(2)
    expect(page.locator("#step-metric_anomaly")).to_contain_text("The query missed a pod.")
    assert _signed(review) == [1]
    # Nothing of the browser's may be under way when the server goes.
    page.goto("about:blank")


def _signed(review: Review) -> list[int]:
    steps = ReviewStep.objects.filter(review=review).order_by("position")
    return [step.position for step in steps if step.is_signed]


def _write(page: Page, kind: str, finding: str, evidence: str) -> None:
    """Fill both texts of a step, save and sign."""
    page.goto(page.url.partition("?")[0].partition("#")[0] + f"?step={kind}")
    page.fill(f"#id_{kind}_finding", finding)
    page.fill(f"#id_{kind}_evidence", evidence)
    _sign(page, kind)


def _sign(page: Page, kind: str) -> None:
    button = page.locator(f"#step-{kind} form button.primary")
    with page.expect_navigation():
        button.click()


def _log_in(page: Page, address: str, email: str) -> None:
    page.goto(f"{address}/login")
    page.fill("[name=username]", email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{address}/")
