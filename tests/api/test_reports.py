from datetime import UTC, date, datetime

import pytest

from api.figures import _formula
from governance import metrics, reports
from governance.models import GateDecision
from tests import factories, gating
from tests.api.conftest import assert_problem


@pytest.fixture
def october(db):
    """One incident of 5 minutes and one of 9, resolved in October; one item that was due and is open."""
    for minutes in (5, 9):
        factories.resolved_incident(minutes=minutes, started_at=datetime(2026, 10, 10, 12, tzinfo=UTC))
    return factories.item("Set a timeout", agreed_at=datetime(2026, 10, 1, tzinfo=UTC))


def test_report_holds_figures_and_their_rows(member, october):
    answer = member.get("reports/2026-10").json()

    assert (answer["month"], answer["is_over"], answer["published"], answer["is_partial"]) == (
        "2026-10",
        True,
        None,
        True,
    )
    assert answer["figures"]["closure"]["due"] == 1
    assert answer["figures"]["closure"]["rate_percent"] == "0.0"
    everything = next(times for times in answer["figures"]["times"] if times["severity"] == "")
    assert (everything["ttr"]["n"], everything["ttr"]["median_seconds"]) == (2, 420)
    assert [(row["id"], row["title"], row["owner"]) for row in answer["rows"]["due"]] == [
        (october.public_id, "Set a timeout", october.owner.name)
    ]
    assert len(answer["rows"]["resolved"]) == 2
    assert [row["id"] for row in answer["rows"]["overdue"]] == [october.public_id]


def test_report_has_the_waivers_that_let_changes_through(member):
    at = datetime(2026, 10, 5, tzinfo=UTC)
    waiver = gating.waiver(repository="shop/order", at=at, reason="The sale begins.")
    GateDecision.objects.create(
        kind="change", decided_at=at, verdict="PASS", change_id="!7", waivers=[str(waiver)], findings=[],
        repository="shop/order", policy_version="1", token=factories.api_token(scopes=["gate"])[0],
    )  # fmt: skip

    (row,) = member.get("reports/2026-10").json()["rows"]["waivers"]

    assert (row["id"], row["scope"], row["reason"]) == (str(waiver), "shop/order", "The sale begins.")
    assert (row["asked_by"]["id"], row["granted_by"]["id"]) == (waiver.asked_by_id, waiver.answered_by_id)
    assert (row["changes"], row["is_alone"]) == (1, False)
    figure = member.get("reports/2026-10/figures/gate-waivers").json()
    assert [(one["title"], one["repository"], one["is_hit"]) for one in figure["rows"]] == [
        ("!7", "shop/order", True)
    ]


def test_published_report_is_listed_with_its_hash(member, october):
    governor = factories.user("Gia", role="governor")
    published = reports.publish(date(2026, 10, 1), by=governor, now=datetime(2026, 11, 2, tzinfo=UTC))

    (row,) = member.get("reports").json()["items"]
    answer = member.get("reports/2026-10").json()

    assert (row["month"], row["published_by"]["name"], row["content_hash"]) == (
        "2026-10",
        "Gia",
        published.content_hash,
    )
    assert answer["published"] == row


def test_restricted_incident_counts_for_those_who_see_it(member, as_user, october):
    factories.resolved_incident("Secret", is_restricted=True, started_at=datetime(2026, 10, 11, tzinfo=UTC))
    governor = as_user(factories.user(role="governor"))

    for caller, count in ((member, 2), (governor, 3)):
        response = caller.get("reports/2026-10")
        assert len(response.json()["rows"]["resolved"]) == count
        assert (b"Secret" in response.content) is (count == 3)


@pytest.mark.parametrize("month", ["0000-01", "2026-13", "2026-00"])
def test_month_that_does_not_exist_is_not_found(member, month):
    assert_problem(member.get(f"reports/{month}"), 404, "not_found")


@pytest.mark.parametrize("month", ["1999-12", "2099-12", "9999-12"])
def test_month_out_of_reach_is_refused(member, month):
    problem = assert_problem(member.get(f"reports/{month}"), 400, "invalid")

    assert list(problem["errors"]) == ["month"]


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_queries_for_any_number_of_rows(member, django_assert_num_queries, count):
    for month in range(1, count + 1):
        reports.publish(
            date(2026, month, 1), by=factories.user(role="governor"), now=datetime(2026, 11, 2, tzinfo=UTC)
        )

    with django_assert_num_queries(3):
        assert len(member.get("reports").json()["items"]) == count


def test_figure_answers_with_the_rows_it_counted(member, october):
    answer = member.get("reports/2026-10/figures/ttr").json()

    assert (answer["shape"], answer["unit"], answer["is_published"]) == ("spread", "minutes", False)
    assert answer["formula"].startswith("TTR = resolved - started")
    assert all("Source:" not in _formula(one) for one in metrics.CATALOGUE.values())
    assert (answer["value"]["n"], answer["value"]["median_seconds"]) == (2, 420)
    assert sorted(row["value"] for row in answer["rows"]) == ["300.0", "540.0"]
    assert answer["value"] == member.get("reports/2026-10").json()["figures"]["all"]["ttr"]


def test_figure_that_is_none_is_not_found(member, october):
    assert_problem(member.get("reports/2026-10/figures/nonsense"), 404, "not_found")


def test_governor_writes_goals(as_user, member, october):
    governor = as_user(factories.user("Gia", role="governor"))
    body = {"target": "90.00", "baseline": None}

    answer = governor.put("goals/closure", body).json()

    assert (answer["figure"], answer["target"], answer["version"], answer["edited_by"]["name"]) == (
        "closure",
        "90.00",
        1,
        "Gia",
    )
    assert member.get("goals").json()["items"] == [answer]
    assert member.get("reports/2026-10/figures/closure").json()["value"]["target"] == "90.00"
    assert_problem(member.put("goals/closure", body), 403, "not_allowed")
    assert_problem(governor.put("goals/nonsense", body), 404, "not_found")
    assert list(
        assert_problem(governor.put("goals/closure", {"target": "-1"}), 400, "invalid")["errors"]
    ) == [
        "target",
        "baseline",
    ]
