"""Items as they stood when a month was judged, against a replay of their own moves one by one."""

from datetime import UTC, date, datetime, timedelta

import pytest

from governance import cohorts, periods
from governance.cohorts import items
from remediation.models import RemediationItem
from tests import factories as f

pytestmark = pytest.mark.django_db

OCTOBER = date(2026, 10, 1)
BEGIN, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)

WALKS = (
    (),
    ("in_progress",),
    ("in_progress", "fix_claimed"),
    ("in_progress", "fix_claimed", "verifying", "verified"),
    ("in_progress", "fix_claimed", "verifying", "verified", "regressed"),
    ("in_progress", "fix_claimed", "verifying", "verified", "regressed", "in_progress", "fix_claimed",
     "verifying", "verified"),
    ("wont_do",),
    ("wont_do", "open"),
)  # fmt: skip
# The last move of a walk happens on this day of October; later ones lie after the month.
LAST_DAYS = (3, 28, 33)
DUE_DAYS = (-20, 5, 30, 40)


@pytest.fixture
def walked() -> list[RemediationItem]:
    """An item for every walk and day on which it is due, some with moves after the end of the month."""
    found = []
    for due in DUE_DAYS:
        for walk in WALKS:
            for last in LAST_DAYS if walk else (0,):
                row = f.item(agreed_at=BEGIN - 60 * DAY, due_at=BEGIN + (due - 1) * DAY)
                for number, state in enumerate(walk):
                    f.moved(row, state, at=BEGIN + (last - 2 * (len(walk) - number)) * DAY)
                found.append(row)
    return found


def state_at(row: RemediationItem, moment: datetime) -> str:
    state = "open"
    for move in row.transitions.order_by("at", "id"):
        if move.at < moment:
            state = move.to_state
    return state


@pytest.mark.parametrize("few", [200_000, 0])
def test_items_stand_as_they_stood_at_the_end_of_the_month(walked, few, monkeypatch):
    monkeypatch.setattr(items, "_FEW_MOVES", few)
    now = END + 10 * DAY

    rows = cohorts.gather(periods.window(OCTOBER, now=now), viewer=None)

    was = {row.public_id: state_at(row, END) for row in walked}
    due = {row.public_id: was[row.public_id] for row in walked if BEGIN <= row.due_at < END}
    assert {row.public_id: row.state for row in rows.due} == due
    assert any(was[row.public_id] != row.state for row in walked)
    owed = {
        row.public_id
        for row in walked
        if row.due_at < END
        and not (row.first_verified_at and row.first_verified_at <= row.due_at)
        and was[row.public_id] not in {"verified", "wont_do"}
    }
    assert {row.public_id: row.state for row in rows.overdue} == {name: was[name] for name in owed}
    assert [(row.due_at, row.public_id) for row in rows.overdue] == sorted(
        (row.due_at, row.public_id) for row in walked if row.public_id in owed
    )


def test_items_of_a_running_month_stand_as_they_are(walked):
    now = END - DAY

    rows = cohorts.gather(periods.window(OCTOBER, now=now), viewer=None)

    due = {row.public_id: row.state for row in walked if BEGIN <= row.due_at < now}
    assert {row.public_id: row.state for row in rows.due} == due
    owed = {
        row.public_id
        for row in walked
        if row.due_at < now
        and not (row.first_verified_at and row.first_verified_at <= row.due_at)
        and row.state not in {"verified", "wont_do"}
    }
    assert {row.public_id for row in rows.overdue} == owed


@pytest.mark.parametrize("few", [200_000, 0])
def test_deadline_that_was_brought_forward_after_the_month_counts_as_it_was(few, monkeypatch):
    monkeypatch.setattr(items, "_FEW_MOVES", few)
    was_in, was_later = BEGIN + 20 * DAY, END + 60 * DAY
    inside = f.item(agreed_at=BEGIN - 60 * DAY, due_at=was_in)
    outside = f.item(agreed_at=BEGIN - 60 * DAY, due_at=was_later)
    # The trail dates the edits by the database's clock, which is after that month.
    RemediationItem.objects.filter(pk=inside.pk).update(due_at=BEGIN - 5 * DAY)
    RemediationItem.objects.filter(pk=outside.pk).update(due_at=BEGIN + 5 * DAY)

    rows = cohorts.gather(periods.window(OCTOBER, now=END + 10 * DAY), viewer=None)

    assert [(one.public_id, one.due_at) for one in rows.due] == [(inside.public_id, was_in)]
    assert [(one.public_id, one.overdue_days) for one in rows.overdue] == [(inside.public_id, 11)]


def test_item_agreed_after_the_month_owed_nothing_then():
    late = f.item(agreed_at=END + DAY, due_at=END + 2 * DAY)
    RemediationItem.objects.filter(pk=late.pk).update(due_at=END + timedelta(hours=36))

    assert cohorts.gather(periods.window(OCTOBER, now=END + 10 * DAY), viewer=None).overdue == []
