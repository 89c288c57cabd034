"""The quarterly backlog of technical debt (R9)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from postmortem.errors import Invalid
from remediation import backlog
from remediation.models import RemediationItem
from tests import factories
from tests.factories import DAY

pytestmark = pytest.mark.django_db

Q4 = backlog.read_quarter("2026-Q4", zone=UTC)


def debt(title, *, due_at, state="open", verified_at=None, **fields):
    item = factories.item(title, agreed_at=due_at - 30 * DAY, due_at=due_at, **fields)
    if verified_at is not None:
        factories.moved(item, "in_progress", at=verified_at - 2 * DAY)
        factories.moved(item, "fix_claimed", at=verified_at - DAY)
        factories.moved(item, "verifying", at=verified_at - timedelta(hours=1))
        factories.moved(item, "verified", at=verified_at)
    elif state != "open":
        factories.moved(item, state, at=due_at)
    return item


def rows(quarter=Q4, **asked):
    found = backlog.of(RemediationItem.objects.all(), quarter=quarter, **asked)
    return {row.item.title: (row.is_carried, row.is_done) for team in found.teams for row in team.rows}, found


def test_backlog_holds_what_is_due_and_what_was_carried_over():
    start, end = Q4.start, Q4.end
    debt("due first", due_at=start)
    debt("due last", due_at=end - timedelta(seconds=1))
    debt("due later", due_at=end)
    debt("carried", due_at=start - DAY)
    debt("done late", due_at=start - DAY, verified_at=start + DAY)
    debt("done before", due_at=start - DAY, verified_at=start - timedelta(seconds=1))
    debt("done", due_at=start + DAY, verified_at=start + 5 * DAY)
    debt("done early", due_at=start + DAY, verified_at=start - DAY)
    debt("done after", due_at=start + DAY, verified_at=end)
    again = debt("regressed", due_at=start + DAY, verified_at=start + DAY)
    factories.moved(again, "regressed", at=start + 9 * DAY)
    later = debt("regressed later", due_at=start + DAY, verified_at=start + DAY)
    factories.moved(later, "regressed", at=end)
    debt("declined", due_at=start + DAY, state="wont_do")
    debt("a tool", due_at=start + DAY, category="missing_tool")

    shown, found = rows()

    assert shown == {
        "due first": (False, False),
        "due last": (False, False),
        "carried": (True, False),
        "done late": (True, True),
        "done": (False, True),
        "done early": (False, True),
        "done after": (False, False),
        "regressed": (False, False),
        "regressed later": (False, True),
    }
    assert (found.total, found.done, found.declined) == (9, 4, 1)
    assert found.share == 4 / 9


def test_backlog_is_divided_by_team_and_narrowed_to_one():
    storage, orders = factories.team("storage", slug="storage"), factories.team("Orders", slug="orders")
    for team, count in ((storage, 2), (orders, 1)):
        for number in range(count):
            debt(f"{team} {number}", due_at=Q4.start + DAY, team=team)

    _shown, found = rows()

    assert [(one.name, len(one.rows), one.share) for one in found.teams] == [
        ("Orders", 1, 0),
        ("storage", 2, 0),
    ]
    assert list(rows(team="orders")[0]) == ["Orders 0"]
    few, found = rows(most=1)
    assert list(few) == ["Orders 0", "storage 0"]
    assert [(one.name, one.total) for one in found.teams] == [("Orders", 1), ("storage", 2)]
    assert rows(team="orders")[1].total == 1


def test_quarter_lies_in_the_zone_of_the_installation():
    zone = ZoneInfo("Asia/Shanghai")
    first = backlog.read_quarter("2027-q1", zone=zone)

    assert (first.start, first.end) == (
        datetime(2026, 12, 31, 16, tzinfo=UTC),
        datetime(2027, 3, 31, 16, tzinfo=UTC),
    )
    assert str(backlog.quarter_of(datetime(2026, 12, 31, 16, tzinfo=UTC), zone=zone)) == "2027-Q1"
    assert str(backlog.quarter_of(datetime(2026, 12, 31, 15, 59, tzinfo=UTC), zone=zone)) == "2026-Q4"
    assert [str(backlog.beside(first, by, zone=zone)) for by in (-1, 1, 4)] == [
        "2026-Q4",
        "2027-Q2",
        "2028-Q1",
    ]


@pytest.mark.parametrize("text", ["", "2026", "2026-Q5", "1999-Q1", "2100-Q1", "2026-Q1 ", "٢٠٢٦-Q1"])
def test_what_names_no_quarter_is_refused(text):
    with pytest.raises(Invalid) as refusal:
        backlog.read_quarter(text, zone=UTC)

    assert refusal.value.field == "quarter"


def test_quarter_without_debt_has_no_share():
    assert rows()[1].share is None
