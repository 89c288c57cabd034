"""R7 and R8 as the specification states them: the same figures and the same standing on every face."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from governance import notices
from governance.models import Notice
from ops.story import people, tell
from postmortem.models import Incident
from tests import factories
from tests.api.conftest import Caller
from tests.browser import OpenPage
from tests.factories import HOUR
from tests.flows.acting import log_in

pytestmark = [pytest.mark.flow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FIGURES = {
    "impact_minutes": 5,
    "failure_percent": "38.00",
    "loss_amount": "1200000.00",
    "loss_currency": "CNY",
    "loss_is_estimate": True,
    "capacity_limit": 200,
    "capacity_demand": 247,
    "phase": "load test before a sale",
}


def test_figures_of_the_demo_incident_are_the_same_on_page_api_and_csv(
    open_page: OpenPage, live_server
) -> None:
    """R7: 5 min, 38 %, CNY 1 200 000 (estimate), limit 200, demand 247, phase "load test before a sale"."""
    tell.tell(people.gather(password=factories.PASSWORD), now=timezone.now())
    incident = Incident.objects.get(capacity_demand=247)
    ada = factories.user("Ada")

    answer = Caller(ada).get(f"incidents/{incident}").json()
    assert {name: answer[name] for name in FIGURES} == FIGURES
    assert answer["severity"] == incident.severity.code

    page = log_in(open_page, live_server.url, ada)
    page.goto(f"{live_server.url}/incidents/{incident}/")
    shown = re.sub(r"\s+", " ", page.locator("section:has(#impact-title)").inner_text())
    for words in ("5 min", "38 %", "CNY 1,200,000", "Estimate", "247 / 200", "load test before a sale"):
        assert words in shown, (words, shown)

    page.goto(f"{live_server.url}/incidents/?q={incident}")
    text = page.request.get(f"{live_server.url}/incidents/export.csv").body().decode("utf-8-sig")
    row = next(row for row in csv.DictReader(io.StringIO(text)) if incident.public_id in row.values())
    assert {name: row[name] for name in FIGURES} == {
        **{name: str(value) for name, value in FIGURES.items()},
        "loss_is_estimate": "yes",
    }
    page.goto("about:blank")


def test_a_review_is_at_risk_then_breached_on_page_api_and_by_notice(
    open_page: OpenPage, live_server
) -> None:
    """R8: 47:59 at risk, 48:00:01 breached, one notice each; the breach stays after a late completion."""
    lin = factories.user("Lin")
    now = timezone.now()
    incident = factories.resolved_incident(
        "Orders fail", started_at=now - timedelta(hours=47, minutes=59), declared_by=lin
    )
    caller = Caller(lin)
    page = log_in(open_page, live_server.url, lin)

    def shows(badge: str, words: str, standing: str) -> None:
        page.goto(f"{live_server.url}/incidents/{incident}/")
        panel = page.locator("section:has(#closing-title)")
        expect(panel).to_contain_text(badge)
        expect(panel.locator(".case-left")).to_contain_text(words)
        assert caller.get(f"incidents/{incident}").json()["review_standing"] == standing

    shows("At risk", "left", "at_risk")
    for _ in range(2):
        notices.tick(now=timezone.now())
    assert [one.kind for one in Notice.objects.all()] == ["review_at_risk"]

    Incident.objects.filter(pk=incident.pk).update(
        started_at=now - timedelta(hours=48, seconds=1), detected_at=None, acknowledged_at=None
    )
    shows("Breached", "overdue", "breached")
    for _ in range(2):
        notices.tick(now=timezone.now())
    assert sorted(one.kind for one in Notice.objects.all()) == ["review_at_risk", "review_breached"]
    told = caller.get("notices").json()["items"]
    assert sorted(one["kind"] for one in told) == ["review_at_risk", "review_breached"]
    page.goto(f"{live_server.url}/notices/")
    expect(page.locator("main .notice")).to_have_count(2)

    # Late is late: the archive does not heal it, and nobody is told again.
    factories.archived_review(incidents=[Incident.objects.get()], archived_at=timezone.now(), owner=lin)
    shows("Breached", "done late", "breached")
    notices.tick(now=timezone.now())
    assert Notice.objects.filter(recipient=lin).count() == 2
    page.goto("about:blank")


def test_the_time_left_goes_on_by_itself(open_page: OpenPage, live_server) -> None:
    """R8: the clock on the page counts down and over, in units of the reader's language."""
    lin = factories.user("Lin")
    incident = factories.resolved_incident(started_at=timezone.now() - 48 * HOUR + timedelta(minutes=90.5))
    page = log_in(open_page, live_server.url, lin)
    page.clock.install()
    page.goto(f"{live_server.url}/incidents/{incident}/")
    left = page.locator(".case-left")

    expect(left).to_have_text("1 h 30 min left")
    page.clock.run_for(31 * 60 * 1000)
    expect(left).to_have_text("59 min left")
    page.clock.run_for(60 * 60 * 1000)
    expect(left).to_have_text("overdue by 0 min")
    page.clock.run_for(25 * 60 * 60 * 1000)
    expect(left).to_have_text("overdue by 1 d 1 h")
    page.goto("about:blank")
