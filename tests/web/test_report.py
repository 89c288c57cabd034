"""The monthly report as people read it, publish it and take its rows away."""

import csv
import hashlib
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.utils import timezone
from PIL import ImageFile

from governance import corrections, pdf
from governance.models import GateDecision, GovernanceReport
from postmortem.models import Incident
from tests import factories

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
# A month that is over whenever the tests run.
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


@pytest.fixture
def governor(client):
    client.force_login(factories.user(role="governor"))
    return client


def due_in_may(title="Fix", *, verified_on=None, **fields):
    """An item due on 20 May, verified on that day of May, or never."""
    due_at = MAY + 19 * DAY
    made = factories.item(title, agreed_at=MAY - 10 * DAY, due_at=due_at, **fields)
    if verified_on is not None:
        verified_at = MAY + (verified_on - 1) * DAY
        for minutes, state in ((-3, "in_progress"), (-2, "fix_claimed"), (-1, "verifying"), (0, "verified")):
            factories.moved(made, state, at=verified_at + timedelta(minutes=minutes))
    return made


def incident_in_may(title="Orders fail", **fields):
    return factories.resolved_incident(title, started_at=MAY + 3 * DAY, minutes=17, **fields)


def test_report_without_a_month_is_the_current_one(page):
    now = timezone.now()

    assert page.get("/report/").context["month"] == f"{now:%Y-%m}"


def test_report_shows_the_closure_rate_with_its_rows(page):
    due_in_may("kept", verified_on=19)
    due_in_may("late", verified_on=25)
    due_in_may("open")

    response = page.get("/report/2026-05/")

    closure = response.context["closure"]
    assert (closure["due"], closure["in_time"], closure["late"], closure["rate_percent"]) == (3, 1, 1, "33.3")
    assert sorted(line["title"] for line in response.context["due"]["lines"]) == ["kept", "late", "open"]
    assert "1 of 3 items due were verified in time" in response.content.decode()


def test_report_shows_durations_and_overdue_items(page):
    incident_in_may()
    due_in_may("open")

    response = page.get("/report/2026-05/")

    body = response.content.decode()
    assert "17 min" in body
    assert [line["title"] for line in response.context["overdue"]["lines"]] == ["open"]
    assert "12 days" in body


def test_empty_report_says_so(page):
    body = page.get("/report/2026-05/").content.decode()

    assert "No item was due." in body
    assert "No incident was resolved" in body
    assert "Nothing is overdue" in body


def test_report_leads_to_its_neighbours_and_not_into_the_future(page):
    assert (
        page.get("/report/2026-05/").context["previous"],
        page.get("/report/2026-05/").context["next"],
    ) == ("2026-04", "2026-06")
    assert page.get("/report/").context["next"] == ""
    assert page.get("/report/2000-01/").context["previous"] == ""


@pytest.mark.parametrize(
    "month",
    [
        "2026-13",
        "0000-01",
        "2026-00",
        "1999-12",
        "2100-01",
        "9999-12",
        "2026-1",
        "26-01",
        "nonsense",
        "2026-011",
        "٢٠٢٦-٠١",
    ],
)
def test_what_is_no_month_is_not_there(governor, month):
    for path in (f"/report/{month}/", f"/report/{month}/due.csv"):
        assert governor.get(path).status_code == 404
    assert governor.post(f"/report/{month}/publish").status_code in (400, 404, 409)


def test_report_hides_what_its_reader_may_not_see(page):
    incident = incident_in_may("Secret", is_restricted=True)
    due_in_may("Secret fix", review=factories.review(incidents=[incident]))

    response = page.get("/report/2026-05/")

    assert "Secret" not in response.content.decode()
    assert response.context["closure"]["due"] == 0
    for rows in ("due", "resolved", "overdue"):
        assert b"Secret" not in b"".join(page.get(f"/report/2026-05/{rows}.csv").streaming_content)


def test_governor_publishes_a_month_once_and_it_stays(governor):
    due_in_may("open")

    assert "Publish" in governor.get("/report/2026-05/publish").content.decode()
    assert not GovernanceReport.objects.exists()
    governor.post("/report/2026-05/publish")
    due_in_may("too late")

    response = governor.get("/report/2026-05/")
    assert [line["title"] for line in response.context["due"]["lines"]] == ["open"]
    assert GovernanceReport.objects.get().content_hash in response.content.decode()
    assert governor.post("/report/2026-05/publish").status_code == 409


def test_a_running_month_is_not_published(governor):
    month = f"{timezone.now():%Y-%m}"

    assert not governor.get(f"/report/{month}/").context["may_publish"]
    assert governor.post(f"/report/{month}/publish").status_code == 409


def test_what_cannot_be_published_is_said_before_anybody_is_asked(governor):
    month = f"/report/{timezone.now():%Y-%m}/"
    running = governor.get(f"{month}publish", follow=True)
    governor.post("/report/2026-05/publish")
    published = governor.get("/report/2026-05/publish", follow=True)

    assert running.redirect_chain == [(month, 302)]
    assert published.redirect_chain == [("/report/2026-05/", 302)]
    assert "The month is not over." in running.text
    assert "This month is published already." in published.text
    assert "Publish and freeze" not in running.text + published.text


def test_nobody_else_publishes(page):
    assert page.get("/report/2026-05/publish").status_code == 403
    assert page.post("/report/2026-05/publish").status_code == 403
    assert not GovernanceReport.objects.exists()


def test_rows_are_exported(page):
    due_in_may("=1+1", verified_on=25)
    incident_in_may()

    rows = list(
        csv.DictReader(
            b"".join(page.get("/report/2026-05/due.csv").streaming_content).decode("utf-8-sig").splitlines()
        )
    )
    assert [(row["title"], row["outcome"], row["late_by_seconds"]) for row in rows] == [
        ("'=1+1", "late", str(5 * 86400))
    ]
    resolved = b"".join(page.get("/report/2026-05/resolved.csv").streaming_content).decode()
    assert ",1020\r\n" in resolved


def test_published_report_is_had_as_the_bytes_that_were_hashed(governor):
    due_in_may("open")
    governor.post("/report/2026-05/publish")
    published = GovernanceReport.objects.get()

    first, second = (governor.get("/report/2026-05/report.json").content for _ in range(2))

    assert first == second
    assert hashlib.sha256(first).hexdigest() == published.content_hash


@pytest.mark.parametrize("kind", ["md", "html", "json"])
def test_report_is_had_as_a_file(page, kind):
    due_in_may("A *bold* <b>title</b> | of an item")
    incident_in_may()

    response = page.get(f"/report/2026-05/report.{kind}")

    assert response["Content-Disposition"] == f'attachment; filename="report-2026-05.{kind}"'
    assert not response["Content-Type"].startswith("text/html")
    body = response.content.decode()
    if kind == "md":
        assert "# Governance report, May 2026" in body
        assert "A \\*bold\\* \\<b\\>title\\</b\\> \\| of an item" in body
    if kind == "html":
        assert "A *bold* &lt;b&gt;title&lt;/b&gt; | of an item" in body


def test_files_of_a_report_hide_what_their_reader_may_not_see(governor, client):
    incident = incident_in_may("Secret", is_restricted=True)
    due_in_may("Secret fix", review=factories.review(incidents=[incident]))
    governor.post("/report/2026-05/publish")
    assert "Secret" in governor.get("/report/2026-05/report.md").content.decode()
    client.force_login(factories.user("Ada"))

    for kind in ("md", "html", "json"):
        body = client.get(f"/report/2026-05/report.{kind}").content.decode()
        assert "Secret" not in body
        assert incident.public_id not in body
    shown = client.get("/report/2026-05/").content.decode()
    assert "of the published report are kept from you" in shown
    assert "Secret" not in shown


def test_pdf_without_its_libraries_says_so(page, monkeypatch):
    monkeypatch.setattr("governance.pdf._weasyprint", lambda: "weasyprint is not installed")

    response = page.get("/report/2026-05/report.pdf")

    assert response.status_code == 409
    assert "weasyprint is not installed" in response.content.decode()
    assert "report.pdf" not in page.get("/report/2026-05/").content.decode()


def test_pdf_fetches_nothing_but_what_it_carries():
    if not pdf.is_available():
        pytest.skip("Pango is not here; to get it: apt-get install libpangoft2-1.0-0 libharfbuzz-subset0")
    asked = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

    server = HTTPServer(("127.0.0.1", 0), Listening)
    Thread(target=server.serve_forever, daemon=True).start()
    outside = f"http://127.0.0.1:{server.server_port}/x.png"
    text = f'<img src="{outside}"><img src="file:///etc/hostname"><link rel=stylesheet href="{outside}">'

    written = pdf.write(f"<!doctype html><html><body>{text}A report</body></html>")
    server.shutdown()

    assert written.startswith(b"%PDF-")
    assert asked == []
    # WeasyPrint would have every picture taken that was cut off, evidence too.
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_corrections_stand_under_a_published_report(governor):
    incident = incident_in_may()
    governor.post("/report/2026-05/publish")
    Incident.objects.update(resolved_at=incident.resolved_at + timedelta(minutes=43))
    corrections.look(now=timezone.now())

    body = governor.get("/report/2026-05/").content.decode()

    assert "± " + incident.public_id in body
    assert "17 min" in body
    assert "1 h" in body


def test_charts_of_a_month_stand_beside_their_tables(page):
    incident_in_may()
    factories.resolved_incident(started_at=MAY + 3 * DAY, minutes=600)
    due_in_may("open")

    response = page.get("/report/2026-05/")

    body = response.content.decode()
    assert "≤ 30 min · Incidents: 1</title>" in body
    assert "longer · Incidents: 1</title>" in body
    assert [row.number for row in response.context["restoring"]["rows"]] == [0, 0, 1, 0, 0, 0, 0, 1]
    assert "8 to 30 days · Overdue items: 1</title>" in body
    assert body.count("The same as a table") == 2
    # CI asked nothing, so there is no section of the gate.
    assert response.context["gate"] is None


def test_month_draws_what_the_gate_said(page):
    token = factories.api_token(scopes=["gate"])[0]
    for verdict, waivers in (("PASS", []), ("PASS", ["waiver-1"]), ("FAIL", ["waiver-1"]), ("UNKNOWN", [])):
        GateDecision.objects.create(
            kind="change", decided_at=MAY + DAY, token=token, verdict=verdict, mode="strict", findings=[],
            policy_version="1", repository="shop/order", waivers=waivers,
        )  # fmt: skip

    gate = page.get("/report/2026-05/").context["gate"]

    assert [(count, figure) for _words, count, _tone, figure in gate["rows"]] == [
        (1, "gate-blocks"),
        (1, "gate-waivers"),
        (2, "gate-blocks"),
    ]
