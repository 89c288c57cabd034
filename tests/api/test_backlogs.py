"""The quarterly backlog by API (R9)."""

from datetime import UTC, datetime

import pytest

from tests import factories
from tests.api.conftest import assert_problem
from tests.factories import DAY

DUE = datetime(2026, 11, 20, tzinfo=UTC)


def debt(title, **fields):
    return factories.item(title, **{"due_at": DUE, "agreed_at": DUE - 30 * DAY} | fields)


def test_backlog_has_share_and_items_by_team(member):
    debt("one", team=factories.team(slug="orders"))
    debt("two", team=factories.team(slug="storage"), state="verified")

    answer = member.get("backlogs/2026-Q4").json()

    assert (answer["quarter"], answer["total"], answer["done"], answer["share"]) == ("2026-Q4", 2, 1, 0.5)
    rows = {team["team"]: [(row["item"]["title"], row["is_done"]) for row in team["items"]]
            for team in answer["teams"]}  # fmt: skip
    assert rows == {"orders": [("one", False)], "storage": [("two", True)]}
    assert member.get("backlogs/2026-Q4", team="orders").json()["total"] == 1
    assert member.get("backlogs/2026-Q3").json()["share"] is None
    assert_problem(member.get("backlogs/1999-Q4"), 400, "invalid")
    assert member.get("backlogs/2026-Q5").status_code == 404


def test_hidden_items_are_in_no_figure(member):
    incident = factories.resolved_incident("Secret", is_restricted=True)
    debt("Secret fix", review=factories.review(incidents=[incident], is_open=True))

    assert member.get("backlogs/2026-Q4").json()["total"] == 0


@pytest.mark.parametrize("count", [1, 3])
def test_backlog_costs_the_same_queries_for_any_number_of_rows(member, django_assert_num_queries, count):
    for number in range(count):
        debt(f"item {number}", review=factories.review())

    with django_assert_num_queries(4):
        assert member.get("backlogs/2026-Q4").json()["total"] == count
