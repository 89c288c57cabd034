"""The gate in the monthly report: a change counts once, and a waiver that let one through is told (R14)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from governance import corrections, figures, frozen, metrics, report_document, reports, trends
from governance.metrics import CATALOGUE, GateQuestion
from governance.models import GateDecision, ReportCorrection
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

MAY = date(2026, 5, 1)
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
LATER = datetime(2026, 6, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def governor():
    return f.user("Gia", role="governor")


def question(number, verdict, change="", *, repository="shop/order", is_waived=False):
    at = BEGIN + number * HOUR
    return GateQuestion(str(number), repository, at, verdict, is_waived, change, "Cap the pool")


def decided(verdict, change="", *, hours=1, waivers=(), **fields):
    fields = {"repository": "shop/order", "title": "Cap the pool"} | fields
    return GateDecision.objects.create(
        kind="change", decided_at=BEGIN + hours * HOUR, verdict=verdict, change_id=change,
        waivers=list(waivers), policy_version="1", findings=[], mode="strict",
        token=f.api_token(scopes=["gate"])[0], **fields,
    )  # fmt: skip


def test_change_asked_about_again_counts_once_and_as_its_worst_answer():
    rows = metrics.Rows(
        gate=[
            question(1, "FAIL", "!7"),
            question(2, "PASS", "!8"),
            question(3, "PASS", "!7"),
            question(4, "UNKNOWN", "!9"),
            question(5, "PASS", "!7", repository="shop/stock"),
            question(6, "FAIL"),
            question(7, "FAIL"),
        ]
    )

    counted = metrics.counted("gate-blocks", rows)

    assert [(row.public_id, row.detail, row.is_hit) for row in counted] == [
        ("2", "PASS", False),
        ("3", "FAIL", True),
        ("4", "UNKNOWN", True),
        ("5", "PASS", False),
        ("6", "FAIL", True),
        ("7", "FAIL", True),
    ]
    value = CATALOGUE["gate-blocks"].measure(counted)
    assert (value.numerator, value.n, str(value.percent)) == (4, 6, "66.7")
    assert [one.times for one in metrics.asked(rows.gate)] == [1, 2, 1, 1, 1, 1]


def test_change_that_was_waived_once_was_waived():
    rows = metrics.Rows(gate=[question(1, "PASS", "!7", is_waived=True), question(2, "PASS", "!7")])

    assert [(row.detail, row.is_hit) for row in metrics.counted("gate-waivers", rows)] == [("waived", True)]


def test_trend_counts_changes_as_the_report_does(governor):
    for number, (verdict, change, waivers) in enumerate(
        [
            ("FAIL", "!7", []),
            ("PASS", "!7", ["waiver-1"]),
            ("PASS", "!8", []),
            ("FAIL", "", []),
            ("FAIL", "", []),
        ]
    ):
        decided(verdict, change, hours=number, waivers=waivers)

    month = next(row for row in trends.of(governor, now=LATER) if row.month == MAY)
    report = reports.build(MAY, viewer=governor, now=LATER).figures["all"]

    assert (month.asked, month.blocked, month.waived) == (4, 3, 1)
    assert (report["gate-blocks"]["n"], report["gate-blocks"]["numerator"]) == (4, 3)
    assert report["gate-waivers"]["numerator"] == 1
    assert [(one["name"], one["n"]) for one in report["gate-blocks"]["by"]["repository"]] == [
        ("shop/order", 4)
    ]


def test_report_says_who_let_changes_through_and_why(governor):
    asker = f.user("Ada")
    waiver = gating.waiver(
        repository="shop/order", by=asker, at=BEGIN, reason="The sale begins.", object="PM-2026-0001"
    )
    gating.waiver(repository="shop/order", at=BEGIN, reason="Never needed.")
    for number, change in enumerate(("!7", "!7", "!8")):
        decided("PASS", change, hours=number, waivers=[str(waiver)])
    decided("PASS", "!9", hours=9)
    reports.publish(MAY, by=governor, now=LATER)

    found = reports.build(MAY, viewer=governor, now=LATER)

    (row,) = found.rows.waivers
    assert (row.public_id, row.reason, row.scope, row.object) == (
        str(waiver), "The sale begins.", "shop/order", "PM-2026-0001",
    )  # fmt: skip
    assert (row.asked_by, row.granted_by, row.changes) == (asker.pk, waiver.answered_by_id, 2)
    text = report_document.markdown(report_document.outline(found, viewer=governor))
    assert "The sale begins." in text
    assert "Ada" in text
    assert "Never needed." not in text


def test_waiver_about_what_is_hidden_is_not_told_to_a_stranger(governor):
    secret = f.review(incidents=[f.resolved_incident("Secret", is_restricted=True)])
    hidden = gating.waiver(repository="shop/order", at=BEGIN, reason="Hush.", object=secret.public_id)
    open_one = gating.waiver(repository="shop/order", at=BEGIN, reason="The sale begins.")
    decided("PASS", "!7", waivers=[str(hidden), str(open_one)])
    stranger = f.user()

    draft = reports.build(MAY, viewer=stranger, now=LATER)
    reports.publish(MAY, by=governor, now=LATER)
    published = reports.build(MAY, viewer=stranger, now=LATER)

    for found in (draft, published):
        assert [row.reason for row in found.rows.waivers] == ["The sale begins."]
    assert published.hidden == 1
    assert len(reports.build(MAY, viewer=governor, now=LATER).rows.waivers) == 2


def test_report_from_before_changes_were_told_has_no_correction_for_it(governor):
    decided("FAIL", "!7")
    decided("PASS", "!7", hours=2)
    report = reports.publish(MAY, by=governor, now=LATER)
    old = [{key: row[key] for key in ("public_id", "repository", "decided_at", "verdict", "is_waived")}
           for row in report.rows["gate"]]  # fmt: skip
    asked_twice = figures.of_rows(frozen.from_json(report.rows | {"gate": old}))
    assert asked_twice["gate-blocks"]["n"] == 2

    assert corrections._untold({"gate": old}) == {"gate-blocks", "gate-waivers"}
    assert corrections._untold(report.rows) == set()
    assert corrections.look(now=LATER) == []
    assert not ReportCorrection.objects.exists()
