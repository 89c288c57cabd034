"""A month is frozen once: its bytes stay, what changes later is a line added, and a crash loses one part."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import User
from governance import (
    cohorts,
    corrections,
    deliveries,
    frozen,
    notices,
    publishing,
    report_document,
    report_html,
    reports,
)
from governance.metrics import CATALOGUE
from governance.models import GovernanceReport, Notice, ReportBuild, ReportCorrection, ReportPart
from governance.reports import AlreadyPublished, MonthNotOver
from postmortem.errors import NotAllowed
from postmortem.models import Incident, Severity
from remediation.models import RemediationItem, SlaPolicy
from tests import factories as f
from tests.mailserver import MailServer

pytestmark = pytest.mark.django_db

MAY = date(2026, 5, 1)
BEGIN, END = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
# 1 June 2026 is a Monday.
MONDAY = END + timedelta(hours=9)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def governor():
    return f.user("Gia", role="governor")


def resolved(minutes=20, **fields):
    at = BEGIN + 9 * DAY
    return f.resolved_incident(
        minutes=minutes, started_at=at - minutes * MINUTE, **{"declared_at": at} | fields
    )


def item_due(at=BEGIN + 10 * DAY, **fields):
    return f.item(agreed_at=at - 60 * DAY, due_at=at, **fields)


def bytes_of(viewer):
    return reports.document(reports.build(MAY, viewer=viewer, now=MONDAY + 90 * DAY))


# --- frozen byte by byte -------------------------------------------------------------------------------


def edit_an_incident():
    Incident.objects.update(resolved_at=BEGIN + 12 * DAY, severity=f.severity("P0"))


def edit_an_item():
    RemediationItem.objects.update(due_at=BEGIN + 2 * DAY, category="missing_tool")


def rename_everything():
    Incident.objects.update(title="Another title")
    RemediationItem.objects.update(title="Another title")


def deactivate_everybody():
    User.objects.exclude(role="governor").update(is_active=False, name="Gone", role="viewer")


def change_policies():
    Severity.objects.update(counts_in_figures=False, review_hours=1)
    SlaPolicy.objects.update(days=1, version=9)


def add_late_entries():
    resolved(600)
    item_due()


def change_the_code(monkeypatch):
    monkeypatch.setattr("governance.reports.POLICY_VERSION", "another")
    monkeypatch.setattr("governance.figures.CATALOGUE", {})


@pytest.mark.parametrize(
    "change",
    [
        edit_an_incident,
        edit_an_item,
        rename_everything,
        deactivate_everybody,
        change_policies,
        add_late_entries,
    ],
)
def test_published_month_keeps_its_bytes(governor, change):
    resolved()
    item_due()
    f.user("Lea", role="facilitator", joined_at=BEGIN - DAY)
    published = publishing.publish(MAY, by=governor, now=MONDAY)
    before = bytes_of(governor)

    change()
    corrections.look(now=MONDAY + DAY)

    assert bytes_of(governor) == before
    assert reports.content_hash(GovernanceReport.objects.get()) == published.content_hash


def test_published_month_keeps_its_bytes_under_other_code(governor, monkeypatch):
    resolved()
    publishing.publish(MAY, by=governor, now=MONDAY)
    before = bytes_of(governor)

    change_the_code(monkeypatch)

    assert bytes_of(governor) == before


NEWER = ("deploy-failures", "self-healed", "recovery-healed", "recovery-people", "idle")


def test_month_published_before_a_figure_was_thought_of_stays_without_it(governor, monkeypatch, client):
    resolved()
    hidden = resolved(is_restricted=True)
    with monkeypatch.context() as earlier:
        for key in NEWER:
            earlier.delitem(CATALOGUE, key)
        publishing.publish(MAY, by=governor, now=MONDAY)
        before = bytes_of(governor)
    told = f.heal(incident=hidden)

    assert bytes_of(governor) == before
    assert corrections.look(now=MONDAY + DAY) == []
    for viewer in (governor, f.user()):
        report = reports.build(MAY, viewer=viewer, now=MONDAY + DAY)
        assert report.figures["all"].keys() == report.catalogue.keys() == CATALOGUE.keys() - set(NEWER)
        assert report_html.page(report_document.outline(report, viewer=viewer))
        following = reports.build(date(2026, 6, 1), viewer=viewer, now=MONDAY + DAY).figures["all"]
        assert (following["idle"]["previous"], following["ttr"]["previous"]) == (None, "20.0")
        client.force_login(viewer)
        assert told.playbook not in client.get("/report/2026-05/").content.decode()
        for address in ("", "figures/ttr/", "figures/ttr/rows.csv"):
            assert client.get(f"/report/2026-05/{address}").status_code == 200
        for address in ("figures/idle/", "figures/idle/rows.csv"):
            assert client.get(f"/report/2026-05/{address}").status_code == 404
        assert client.get("/api/v1/reports/2026-05").status_code == 200
        assert client.get("/api/v1/reports/2026-05/figures/idle").status_code == 404


def test_same_rows_give_the_same_bytes_again(governor):
    resolved()
    item_due()
    published = publishing.publish(MAY, by=governor, now=MONDAY)

    rows = cohorts.gather(reports.periods.window(MAY, now=MONDAY + DAY), viewer=None)
    again = reports.freeze(MAY, rows, by=None, now=MONDAY + DAY)

    assert again.content_hash == published.content_hash
    assert frozen.canonical(again) == frozen.canonical(GovernanceReport.objects.get())


def test_rows_survive_being_frozen(governor):
    resolved()
    item_due()
    published = publishing.publish(MAY, by=governor, now=MONDAY)

    assert frozen.from_json(GovernanceReport.objects.get().rows) == frozen.from_json(published.rows)
    rows = cohorts.gather(reports.periods.window(MAY, now=MONDAY), viewer=None)
    assert frozen.from_json(frozen.as_json(rows)) == rows


def test_report_says_which_policies_held(governor):
    publishing.publish(MAY, by=governor, now=MONDAY)

    policies = GovernanceReport.objects.get().figures["policies"]

    assert policies["sla"] == [str(row) for row in SlaPolicy.objects.order_by("position")]
    assert [row["code"] for row in policies["severities"]] == ["P0", "P1", "P2", "P3", "P4"]


# --- corrections ---------------------------------------------------------------------------------------


def test_late_edit_becomes_a_line(governor):
    incident = resolved(20)
    publishing.publish(MAY, by=governor, now=MONDAY)

    Incident.objects.update(resolved_at=incident.resolved_at + 40 * MINUTE)
    lines = corrections.look(now=MONDAY + DAY)

    (ttr,) = [line for line in lines if line.figure == "ttr"]
    assert (ttr.was["median_seconds"], ttr.now["median_seconds"]) == (1200, 3600)
    assert ttr.rows == {"added": [], "removed": [], "changed": [incident.public_id]}
    assert corrections.look(now=MONDAY + 2 * DAY) == []
    report = reports.build(MAY, viewer=governor, now=MONDAY + 2 * DAY)
    assert report.figures["all"]["ttr"]["median_seconds"] == 1200
    assert "ttr" in {line.figure for line in corrections.of(report, viewer=governor)}


def test_what_goes_back_is_a_line_too(governor):
    incident = resolved(20)
    publishing.publish(MAY, by=governor, now=MONDAY)
    for number, minutes in enumerate((40, 0)):
        Incident.objects.update(resolved_at=incident.resolved_at + minutes * MINUTE)
        corrections.look(now=MONDAY + (1 + number) * DAY)

    found = [line.now["median_seconds"] for line in ReportCorrection.objects.filter(figure="ttr")]

    assert found == [3600, 1200]


def test_late_entry_is_a_line_that_names_it(governor):
    resolved(20)
    publishing.publish(MAY, by=governor, now=MONDAY)
    late = resolved(60, declared_at=MONDAY)

    corrections.look(now=MONDAY + DAY)

    assert ReportCorrection.objects.get(figure="ttr").rows["added"] == [late.public_id]


def test_month_without_changes_has_no_lines(governor):
    resolved()
    item_due()
    publishing.publish(MAY, by=governor, now=MONDAY)
    rename = f.user("Renamed")
    User.objects.filter(pk=rename.pk).update(is_active=False)
    SlaPolicy.objects.update(days=3)

    assert corrections.look(now=MONDAY + DAY) == []


def test_correction_tells_a_stranger_nothing_of_what_is_restricted(governor):
    plain, hidden = resolved(20), resolved(30, is_restricted=True)
    publishing.publish(MAY, by=governor, now=MONDAY)
    Incident.objects.filter(pk=hidden.pk).update(resolved_at=hidden.resolved_at + MINUTE)
    corrections.look(now=MONDAY + DAY)
    stranger = f.user()
    report = reports.build(MAY, viewer=stranger, now=MONDAY + DAY)
    assert corrections.of(report, viewer=stranger) == []

    Incident.objects.filter(pk=hidden.pk).update(resolved_at=hidden.resolved_at)
    Incident.objects.filter(pk=plain.pk).update(resolved_at=plain.resolved_at + MINUTE)
    corrections.look(now=MONDAY + 2 * DAY)

    lines = [line for line in corrections.of(report, viewer=stranger) if line.figure == "ttr"]
    assert [(line.changed, line.was, line.now) for line in lines] == [([plain.public_id], None, None)]


def test_corrections_cannot_be_changed_in_the_database(governor):
    resolved()
    publishing.publish(MAY, by=governor, now=MONDAY)
    resolved()
    corrections.look(now=MONDAY + DAY)

    for change in (
        "UPDATE governance_reportcorrection SET figure = 'x'",
        "DELETE FROM governance_reportcorrection",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


# --- by schedule ---------------------------------------------------------------------------------------


def run(now, *, most=50):
    steps = 0
    while publishing.advance(now=now) and steps < most:
        steps += 1
    return steps


def test_month_is_published_on_the_first_working_day():
    resolved()
    saturday = datetime(2026, 8, 1, 12, tzinfo=UTC)

    assert run(saturday) == 0
    assert not ReportBuild.objects.exists()
    run(saturday + 2 * DAY)

    report = GovernanceReport.objects.get()
    assert (report.month, report.published_by) == (date(2026, 7, 1), None)
    assert ReportBuild.objects.get().finished_at == saturday + 2 * DAY
    assert not ReportPart.objects.exists()


def test_scheduled_report_is_the_one_that_a_hand_publishes(governor):
    resolved()
    item_due()
    with transaction.atomic():
        by_hand = publishing.publish(MAY, by=governor, now=MONDAY)
        transaction.set_rollback(True)

    run(MONDAY)

    assert GovernanceReport.objects.get().content_hash == by_hand.content_hash


def test_build_goes_on_where_a_crash_left_it(monkeypatch):
    resolved()
    whole = cohorts.PARTS["causes"]

    def crash(*_anything):
        raise MemoryError

    monkeypatch.setitem(cohorts.PARTS, "causes", crash)
    publishing.advance(now=MONDAY)
    publishing.advance(now=MONDAY)
    with pytest.raises(MemoryError):
        publishing.advance(now=MONDAY)
    assert publishing.progress(MAY).done == 2

    monkeypatch.setitem(cohorts.PARTS, "causes", whole)
    # The lease of the one that died still runs.
    assert publishing.advance(now=MONDAY + MINUTE) is False
    gathered = set(ReportPart.objects.values_list("pk", flat=True))
    publishing.advance(now=MONDAY + publishing.LEASE + MINUTE)
    assert gathered < set(ReportPart.objects.values_list("pk", flat=True))
    run(MONDAY + publishing.LEASE + MINUTE)

    assert GovernanceReport.objects.get().month == MAY
    assert publishing.progress(MAY) is None


def test_parts_of_another_day_are_gathered_anew():
    resolved()
    publishing.advance(now=MONDAY)
    (old,) = ReportPart.objects.all()

    publishing.advance(now=MONDAY + publishing.FRESH + MINUTE)

    (new,) = ReportPart.objects.all()
    assert (new.name, new.gathered_at) == (old.name, MONDAY + publishing.FRESH + MINUTE)


def test_month_of_an_empty_installation_is_not_published():
    assert run(MONDAY) == 0
    assert not GovernanceReport.objects.exists()


def test_hand_that_is_faster_ends_the_build(governor):
    resolved()
    publishing.advance(now=MONDAY)

    publishing.publish(MAY, by=governor, now=MONDAY)

    assert run(MONDAY) == 0
    assert (GovernanceReport.objects.count(), ReportPart.objects.count()) == (1, 0)


def test_governor_asks_for_a_build(governor):
    resolved()
    build = publishing.ask(MAY, by=governor, now=END)

    assert publishing.ask(MAY, by=governor, now=END) == build
    run(END)
    assert GovernanceReport.objects.get().published_by == governor
    with pytest.raises(AlreadyPublished):
        publishing.ask(MAY, by=governor, now=END)
    with pytest.raises(MonthNotOver):
        publishing.ask(date(2026, 6, 1), by=governor, now=END)
    with pytest.raises(NotAllowed):
        publishing.ask(date(2026, 4, 1), by=f.user(role="facilitator"), now=END)


@pytest.mark.parametrize(
    ("month", "holidays", "day"),
    [
        (date(2026, 6, 1), [], 1),
        (date(2026, 8, 1), [], 3),
        (date(2026, 10, 1), [date(2026, 10, day) for day in range(1, 9)], 9),
    ],
    ids=["monday", "weekend", "golden week"],
)
def test_first_working_day_follows_the_calendar(month, holidays, day):
    if holidays:
        f.calendar(holidays=holidays)

    assert publishing.first_working_day(month) == month.replace(day=day)


@pytest.mark.parametrize(
    ("model", "columns", "constraint"),
    [
        (ReportBuild, {"month": date(2026, 5, 2), "asked_at": END, "parts": 5}, "build_month_is_a_first_day"),
        (ReportBuild, {"month": MAY, "asked_at": END, "parts": 0}, "build_has_a_part"),
    ],
)
def test_database_refuses_what_makes_no_sense(model, columns, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model.objects.create(**columns)


# --- who is told ---------------------------------------------------------------------------------------


@pytest.fixture
def server(settings):
    settings.EMAIL_HOST = "127.0.0.1"
    settings.PUBLIC_URL = "https://closeloop.example.com"
    server = MailServer()
    yield server
    server.close()


def sent(server):
    link = EmailBackend(host="127.0.0.1", port=server.port, use_tls=False, username="", password="")
    deliveries.send_due(now=MONDAY, connection=link)
    return {mail["To"]: mail for mail in server.mails}


def test_governors_and_managers_get_the_report_by_mail(governor, server):
    manager = f.user("Max", language="zh-hans")
    f.team(manager=manager)
    f.user("Gone", role="governor", is_active=False)
    f.user("Mia")
    resolved(20)
    resolved(600, title="Secret", is_restricted=True)

    publishing.publish(MAY, by=governor, now=MONDAY)
    mails = sent(server)

    assert mails.keys() == {"gia@example.com", "max@example.com"}
    assert mails["gia@example.com"]["Subject"] == "The governance report of 2026-05 is published"
    files = {to: mail.get_payload()[-1] for to, mail in mails.items()}
    assert {one.get_filename() for one in files.values()} <= {"report-2026-05.html", "report-2026-05.pdf"}
    # What each reader gets is what they may see.
    bodies = {
        to: mail.get_payload()[0].get_payload()[0].get_payload(decode=True) for to, mail in mails.items()
    }
    assert b"closeloop.example.com/report/2026-05/" in bodies["gia@example.com"]
    assert b"n = 2" in bodies["gia@example.com"]
    assert b"n = 2" not in bodies["max@example.com"]


def test_manager_reads_of_their_own_team_first(server):
    manager = f.user("Max")
    mine = f.service("order", team=f.team("Orders", manager=manager))
    other = f.service("stock", team=f.team("Stocks"))
    late = item_due(title="Set a timeout", service=mine)
    item_due(title="Order disks", service=other)

    report = publishing.publish(MAY, by=f.user("Gia", role="governor"), now=MONDAY)
    found = reports.build(MAY, viewer=manager, now=MONDAY)
    document = report_document.outline(found, viewer=manager)

    titles = [section.title for section in document.sections]
    assert titles[1] == "Your team: Orders"
    assert "Team Stocks" in titles
    assert "Team Orders" not in titles
    figures, overdue = document.sections[1].tables
    assert ["Closure rate", "0.0 %", "0 of 1"] in figures.rows
    assert [row[0] for row in overdue.rows] == [late.public_id]
    mails = sent(server)
    text, html = (
        part.get_payload(decode=True).decode()
        for part in mails["max@example.com"].get_payload()[0].get_payload()
    )
    for body in (text, html):
        assert "Your team: Orders" in body
        assert "Stocks" not in body
    assert "Your team" not in mails["gia@example.com"].get_payload()[0].get_payload()[0].get_payload()
    assert report.published_by.name == "Gia"


def test_document_draws_what_its_tables_say(governor):
    for minutes in (20, 25, 400):
        resolved(minutes)
    found = reports.build(MAY, viewer=governor, now=MONDAY)
    document = report_document.outline(found, viewer=governor)

    (section,) = [one for one in document.sections if one.title == "How long it took"]
    (drawn,) = [table for table in section.tables if table.counts]
    assert [row for row in drawn.rows if row[1] != "0"] == [["≤ 30 min", "2"], ["≤ 8 h", "1"]]
    html, markdown = report_html.page(document), report_document.markdown(document)
    assert re.findall(r'<rect width="([\d.]+)"', html) == [
        {"2": "100.00", "1": "50.00", "0": "0.00"}[row[1]] for row in drawn.rows
    ]
    assert "| ≤ 30 min | 2 |" in markdown
    assert "svg" not in markdown


def test_report_is_told_once(governor):
    resolved()
    run(MONDAY)
    run(MONDAY + DAY)

    (notice,) = Notice.objects.filter(kind="report_published")
    assert (notice.recipient, notice.report.month) == (governor, MAY)
    assert notices.of(governor).get() == notice
