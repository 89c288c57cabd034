"""The monthly report: figures over exactly its rows, frozen once, and nothing for those who may not see."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from governance import reports
from governance.models import GovernanceReport
from postmortem.errors import Invalid, NotAllowed
from remediation.models import RemediationItem
from tests import factories as f

pytestmark = pytest.mark.django_db

OCTOBER = date(2026, 10, 1)
BEGIN, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
LATER = END + timedelta(days=3)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def governor():
    return f.user("Gia", role="governor")


def item_due(day, *, verified=None, declined=None, **fields):
    """An item due on a day of October; `verified` and `declined` are moments."""
    due_at = BEGIN + (day - 1) * DAY + timedelta(hours=12)
    row = f.item(agreed_at=due_at - 60 * DAY, due_at=due_at, **fields)
    if verified is not None:
        for number, state in enumerate(("in_progress", "fix_claimed", "verifying", "verified")):
            f.moved(row, state, at=verified - (3 - number) * MINUTE)
    if declined is not None:
        f.moved(row, "wont_do", at=declined)
    return row


def resolved(minutes, *, at=BEGIN + 9 * DAY, **fields):
    return f.resolved_incident(minutes=minutes, started_at=at - minutes * MINUTE, **fields)


def test_build_gives_the_closure_rate_of_the_specification(governor):
    for number in range(23):
        item_due(1 + number, verified=BEGIN + number * DAY)
    item_due(10, verified=BEGIN + 12 * DAY)
    item_due(11, declined=BEGIN + 5 * DAY)

    report = reports.build(OCTOBER, viewer=governor, now=LATER)

    assert report.figures["closure"] == {
        "due": 25,
        "in_time": 23,
        "late": 1,
        "by_hand": 1,
        "open": 0,
        "rate_percent": "92.0",
        "late_by_median_seconds": 2 * 86400 + 43200,
    }
    assert len(report.rows.due) == 25


def test_build_of_an_empty_month_has_none_where_a_rate_would_be(governor):
    report = reports.build(OCTOBER, viewer=governor, now=LATER)

    assert report.figures["closure"]["rate_percent"] is None
    nothing = {"n": 0, "median_seconds": None, "p90_seconds": None}
    assert report.figures["times"] == [
        {"severity": "", "ttr": nothing, "ttd": nothing, "tta": nothing, "ttm": nothing}
    ]
    assert report.figures["overdue"]["n"] == 0
    assert (report.rows.due, report.rows.resolved, report.rows.overdue) == ([], [], [])


def test_build_takes_times_of_incidents_resolved_in_the_month_that_count(governor):
    for minutes in (10, 20, 40):
        resolved(minutes)
    resolved(17, severity="P0")
    resolved(500, is_drill=True)
    resolved(500, severity="P4")
    resolved(500, dismissed_as="duplicate", dismissed_reason="The same.", closed_at=END)
    resolved(500, at=BEGIN - MINUTE)
    resolved(500, at=END)

    report = reports.build(OCTOBER, viewer=governor, now=LATER)

    overall, p0, p1 = report.figures["times"]
    assert (overall["severity"], p0["severity"], p1["severity"]) == ("", "P0", "P1")
    assert overall["ttr"] == {"n": 4, "median_seconds": 18 * 60 + 30, "p90_seconds": 34 * 60}
    assert p0["ttr"] == {"n": 1, "median_seconds": 17 * 60, "p90_seconds": 17 * 60}
    assert p1["ttd"] == {"n": 3, "median_seconds": 60, "p90_seconds": 60}
    assert len(report.rows.resolved) == 4


def test_build_lists_what_was_overdue_when_the_month_ended(governor):
    service = f.service("order")
    late = item_due(1, service=service)
    item_due(31, service=service)
    item_due(2, verified=END + DAY)  # after the month: at its end it was overdue
    item_due(3, verified=BEGIN + 20 * DAY)  # late, and it holds
    item_due(4, declined=BEGIN + 20 * DAY)
    f.moved(item_due(5, verified=BEGIN), "regressed", at=BEGIN + 20 * DAY)  # kept in time once
    f.item(agreed_at=END - DAY, due_at=END + DAY)

    report = reports.build(OCTOBER, viewer=governor, now=LATER)

    first, second, third = report.rows.overdue
    assert (first.public_id, first.overdue_days, first.state, first.service) == (
        late.public_id,
        30,
        "open",
        "order",
    )
    assert (second.overdue_days, second.state) == (29, "open")
    assert third.overdue_days == 0
    assert report.figures["overdue"] == {
        "n": 3,
        "up_to_7_days": 1,
        "up_to_30_days": 2,
        "up_to_90_days": 0,
        "longer": 0,
        "oldest_days": 30,
    }


def test_build_of_a_running_month_counts_only_what_was_due_by_now(governor):
    item_due(5, verified=BEGIN)
    item_due(25)

    report = reports.build(OCTOBER, viewer=governor, now=BEGIN + 10 * DAY)

    assert (report.is_over, report.as_of) == (False, BEGIN + 10 * DAY)
    assert report.figures["closure"]["due"] == 1


def test_build_of_a_past_month_does_not_know_what_came_after_it(governor):
    item_due(20, verified=END + DAY)
    before = reports.build(OCTOBER, viewer=governor, now=LATER)

    item_due(21, declined=END + 2 * DAY)
    after = reports.build(OCTOBER, viewer=governor, now=LATER)

    assert before.figures["closure"]["open"] == 1
    assert after.figures["closure"]["open"] == 2


def test_period_follows_the_time_zone_of_the_installation(settings):
    settings.TIME_ZONE = "Asia/Shanghai"

    assert reports.period(OCTOBER) == (BEGIN - timedelta(hours=8), END - timedelta(hours=8))


def test_period_ends_where_the_next_one_begins_in_every_zone(settings):
    for zone in ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu"):
        settings.TIME_ZONE = zone
        months = [date(year, month, 1) for year in (2011, 2018, 2026) for month in range(1, 13)]
        for month in months:
            following = (month + timedelta(days=31)).replace(day=1)
            assert reports.period(month)[1] == reports.period(following)[0]


@pytest.mark.parametrize("month", [date(2026, 10, 2), date(1999, 12, 1), date(2100, 1, 1), date(9999, 12, 1)])
def test_build_refuses_what_is_no_month(governor, month):
    with pytest.raises(Invalid):
        reports.build(month, viewer=governor, now=LATER)


def test_build_refuses_a_month_that_has_not_begun(governor):
    with pytest.raises(Invalid):
        reports.build(date(2026, 12, 1), viewer=governor, now=LATER)


def test_publish_freezes_figures_and_rows(governor):
    item = item_due(20, verified=BEGIN + 5 * DAY)
    resolved(30)

    published = reports.publish(OCTOBER, by=governor, now=LATER)
    item_due(21)
    resolved(600)
    RemediationItem.objects.filter(pk=item.pk).update(due_at=BEGIN + 2 * DAY)

    report = reports.build(OCTOBER, viewer=governor, now=LATER + 90 * DAY)
    assert report.published == published == reports.find(OCTOBER)
    assert (report.figures["closure"]["due"], report.figures["closure"]["in_time"]) == (1, 1)
    assert report.rows.due[0].due_at == item.due_at
    assert report.figures["times"][0]["ttr"]["median_seconds"] == 1800
    assert published.content_hash == reports.content_hash(GovernanceReport.objects.get())
    assert len(published.content_hash) == 64


def test_publish_gives_the_hash_of_what_it_says(governor):
    item_due(20)
    published = reports.publish(OCTOBER, by=governor, now=LATER)
    first = published.content_hash

    published.figures["closure"]["due"] += 1

    assert reports.content_hash(published) != first


def test_published_report_cannot_be_changed_in_the_database(governor):
    reports.publish(OCTOBER, by=governor, now=LATER)

    for change in (
        "UPDATE governance_governancereport SET policy_version = 'x'",
        "DELETE FROM governance_governancereport",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_publish_twice_is_refused(governor):
    reports.publish(OCTOBER, by=governor, now=LATER)

    with pytest.raises(reports.AlreadyPublished) as refusal:
        reports.publish(OCTOBER, by=governor, now=LATER)

    assert refusal.value.code == "already_published"
    assert GovernanceReport.objects.count() == 1


def test_publish_of_a_month_that_is_not_over_is_refused(governor):
    with pytest.raises(reports.MonthNotOver) as refusal:
        reports.publish(OCTOBER, by=governor, now=END - MINUTE)

    assert refusal.value.code == "month_not_over"
    reports.publish(OCTOBER, by=governor, now=END)


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator"])
def test_publish_needs_a_governor(role):
    with pytest.raises(NotAllowed):
        reports.publish(OCTOBER, by=f.user(role=role), now=LATER)

    assert not GovernanceReport.objects.exists()


SECRET = "Customer data of Acme left the house"


@pytest.fixture
def restricted():
    """A restricted incident of 600 minutes with an item, beside a plain one of 20 minutes with an item."""
    hidden = resolved(600, title=SECRET, is_restricted=True)
    item_due(12, title=SECRET, review=f.review(SECRET, incidents=[hidden]))
    resolved(20)
    item_due(13, verified=BEGIN)
    return hidden


@pytest.mark.parametrize("is_published", [False, True])
def test_report_leaks_nothing_of_a_restricted_incident(governor, restricted, is_published):
    if is_published:
        reports.publish(OCTOBER, by=governor, now=LATER)
    member = f.user()

    report = reports.build(OCTOBER, viewer=member, now=LATER)

    assert report.is_partial
    assert report.figures["closure"]["rate_percent"] == "100.0"
    assert report.figures["times"][0]["ttr"] == {"n": 1, "median_seconds": 1200, "p90_seconds": 1200}
    assert report.figures["overdue"]["n"] == 0
    ids = {row.public_id for row in (*report.rows.due, *report.rows.resolved, *report.rows.overdue)}
    assert restricted.public_id not in ids
    named = report.names({*ids, restricted.public_id}).titles
    assert ids == named.keys()
    assert SECRET not in named.values()


@pytest.mark.parametrize("is_published", [False, True])
def test_report_shows_restricted_incidents_to_those_who_may_see_them(governor, restricted, is_published):
    if is_published:
        reports.publish(OCTOBER, by=governor, now=LATER)
    witness = f.user()
    f.participant(restricted, witness)

    for viewer, is_partial in ((governor, False), (witness, True)):
        report = reports.build(OCTOBER, viewer=viewer, now=LATER)

        assert report.is_partial is is_partial
        assert report.figures["closure"]["rate_percent"] == "50.0"
        assert report.figures["times"][0]["ttr"]["n"] == 2
        assert [row.is_restricted for row in report.rows.due] == [True, False]
        assert report.names([restricted.public_id]).titles == {restricted.public_id: SECRET}


def test_published_report_hides_what_became_restricted_since(governor):
    incident = resolved(600)
    reports.publish(OCTOBER, by=governor, now=LATER)

    incident.is_restricted = True
    incident.save()
    report = reports.build(OCTOBER, viewer=f.user(), now=LATER)

    assert (report.rows.resolved, report.figures["times"][0]["ttr"]["n"]) == ([], 0)


def test_published_rows_hold_no_titles_and_no_people(governor, restricted):
    item_due(14, owner=f.user("Ada Lovelace"))

    published = reports.publish(OCTOBER, by=governor, now=LATER)

    frozen = json.dumps([published.rows, published.figures])
    assert SECRET not in frozen
    assert "Ada" not in frozen


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("is_published", [False, True])
def test_build_asks_the_same_number_of_questions_for_any_number_of_rows(governor, count, is_published):
    for number in range(count):
        item_due(10 + number)
        resolved(10 + number)
    if is_published:
        reports.publish(OCTOBER, by=governor, now=LATER)

    with CaptureQueriesContext(connection) as questions:
        reports.build(OCTOBER, viewer=governor, now=LATER)

    # A draft gathers its month, the one before and the one a year before.
    assert len(questions) == (1 if is_published else 82)
