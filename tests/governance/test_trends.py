"""Two years at a glance: the same figures as in the reports, month by month."""

from datetime import UTC, date, datetime, timedelta

import pgtrigger
import pytest

from governance import metrics, periods, reports, trends
from governance.models import GateDecision, GovernanceReport
from postmortem.models import CauseClass, Incident, Recurrence, RootCause
from remediation.models import RemediationItem
from tests import factories as f

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def governor():
    return f.user("Gia", role="governor")


def month(number, *, year=2026):
    return datetime(year, number, 10, tzinfo=UTC)


def due(at, *, is_kept, **fields):
    item = f.item(agreed_at=at - 60 * DAY, due_at=at, **fields)
    if is_kept:
        for number, state in enumerate(("in_progress", "fix_claimed", "verifying", "verified")):
            f.moved(item, state, at=at - DAY + number * MINUTE)
    return item


def test_trend_has_24_months_and_the_figures_of_their_reports(governor):
    for number, kept in ((3, True), (3, False), (5, True)):
        due(month(number), is_kept=kept)
    for minutes in (10, 20, 60):
        f.resolved_incident(minutes=minutes, started_at=month(5))
    f.resolved_incident(minutes=500, started_at=month(5), is_drill=True)

    rows = trends.of(governor, now=NOW)

    assert (len(rows), rows[0].month, rows[-1].month) == (24, date(2024, 7, 1), date(2026, 6, 1))
    found = {row.month.month: row for row in rows if row.month.year == 2026}
    assert [(found[n].in_time, found[n].due, found[n].rate) for n in (3, 4, 5)] == [
        (1, 2, 50.0),
        (0, 0, None),
        (1, 1, 100.0),
    ]
    assert (found[5].resolved, found[5].ttr) == (3, 20 * MINUTE)
    for name in (date(2026, 3, 1), date(2026, 5, 1)):
        report = reports.build(name, viewer=governor, now=NOW).figures["all"]
        row = found[name.month]
        assert (report["closure"]["numerator"], report["closure"]["n"]) == (row.in_time, row.due)
        assert report["ttr"]["n"] == row.resolved


def test_running_month_so_far_is_what_its_report_says(governor):
    for is_kept in (True, True, False):
        due(NOW - DAY, is_kept=is_kept)
    due(NOW + DAY, is_kept=False)

    found, report = (
        trends.so_far(governor, now=NOW),
        reports.build(periods.month_of(NOW), viewer=governor, now=NOW).figures["closure"],
    )

    assert (found.due, found.in_time, str(found.rate_percent)) == (3, 2, "66.7")
    assert (report["due"], report["in_time"], report["rate_percent"]) == (3, 2, "66.7")


def test_trend_tells_what_was_agreed_verified_and_asked(governor):
    due(month(5), is_kept=True)
    due(month(5), is_kept=False)
    for minutes in (10, 20, 60):
        f.resolved_incident(minutes=minutes, started_at=month(5))
    for verdict, waivers in (("PASS", []), ("FAIL", []), ("PASS", [{"waiver": 1}])):
        GateDecision.objects.create(
            kind="change", decided_at=month(5), verdict=verdict, waivers=waivers, repository="shop/order",
            policy_version="1", findings=[], token=f.api_token(scopes=["gate"])[0], mode="strict",
        )  # fmt: skip
    published = reports.publish(date(2026, 5, 1), by=governor, now=NOW)
    report = published.figures["all"]

    assert published.figures["verified"] == 1
    for viewer in (governor, f.user()):
        rows = {row.month: row for row in trends.of(viewer, now=NOW)}
        may = rows[date(2026, 5, 1)]
        assert (may.asked, may.blocked, may.waived) == (3, 1, 1)
        assert (may.verified, rows[date(2026, 3, 1)].agreed) == (1, 2)
        assert round(may.ttr_p90.total_seconds()) == report["ttr"]["p90_seconds"] == 52 * 60
        assert may.agreed == report["proactive"]["n"]


def test_classes_that_came_back_come_first(governor):
    classes = [CauseClass.objects.get(slug=slug) for slug in ("design-overload", "capacity-pool")]
    causes = [
        f.verified_cause(
            f.review(incidents=[f.resolved_incident(started_at=month(number), is_restricted=number == 5)])
        )
        for number in (3, 4, 5)
    ]
    for cause, cause_class in zip(causes, (classes[0], classes[1], classes[1]), strict=True):
        RootCause.objects.filter(pk=cause.pk).update(cause_class=cause_class)
    Recurrence.objects.create(
        cause=causes[2], earlier=causes[1], verdict="confirmed", judged_by=governor, judged_at=NOW
    )

    assert trends.recurrence(governor, now=NOW) == [("capacity-pool", 2, 1), ("design-overload", 1, 0)]
    assert trends.recurrence(f.user(), now=NOW) == [("capacity-pool", 1, 0), ("design-overload", 1, 0)]
    assert trends.recurrence(governor, now=NOW, months=1) == []


def test_published_month_is_shown_as_it_was_published(governor):
    incident = f.resolved_incident(minutes=20, started_at=month(5))
    reports.publish(date(2026, 5, 1), by=governor, now=NOW)
    Incident.objects.update(resolved_at=incident.started_at + 90 * MINUTE)

    of_governor, of_member = (
        next(row for row in trends.of(viewer, now=NOW) if row.month == date(2026, 5, 1))
        for viewer in (governor, f.user())
    )

    assert (of_governor.ttr, of_governor.is_frozen) == (20 * MINUTE, True)
    assert (of_member.ttr, of_member.is_frozen) == (90 * MINUTE, False)


def test_month_whose_report_lacks_a_figure_is_counted(governor):
    due(month(5), is_kept=False)
    f.resolved_incident(minutes=20, started_at=month(5))
    published = reports.publish(date(2026, 5, 1), by=governor, now=NOW)
    of_report = trends.of(governor, now=NOW, months=2)[0]
    known = {key: figure for key, figure in published.figures["all"].items() if key != "proactive"}
    with pgtrigger.ignore("governance.GovernanceReport:append_only"):
        GovernanceReport.objects.update(figures=published.figures | {"all": known})
    RemediationItem.objects.update(agreed_at=month(5) - DAY)

    counted = trends.of(governor, now=NOW, months=2)[0]

    assert (of_report.due, of_report.agreed, of_report.resolved, of_report.is_frozen) == (1, 0, 1, True)
    assert (counted.due, counted.agreed, counted.resolved, counted.is_frozen) == (1, 1, 1, True)


def test_trend_of_a_stranger_counts_nothing_that_is_restricted(governor):
    hidden = f.resolved_incident(minutes=600, started_at=month(5), is_restricted=True)
    due(month(5), is_kept=False, review=f.review(incidents=[hidden]))
    reports.publish(date(2026, 5, 1), by=governor, now=NOW)

    stranger = f.user()
    row = next(row for row in trends.of(stranger, now=NOW) if row.month == date(2026, 5, 1))

    assert (row.due, row.resolved, row.ttr) == (0, 0, None)
    assert trends.ageing(stranger, now=NOW)[0][1].n == 0
    assert trends.ageing(governor, now=NOW)[0][1].n == 1


def test_ageing_is_told_by_team(governor):
    one, two = f.service("one"), f.service("two")
    due(NOW - 3 * DAY, is_kept=False, service=one)
    due(NOW - 40 * DAY, is_kept=False, service=two)

    found = dict(trends.ageing(governor, now=NOW))

    assert (found[""].n, found[""].oldest_days) == (2, 40)
    assert (found[one.team.slug].up_to_7_days, found[two.team.slug].up_to_90_days) == (1, 1)


def test_classes_count_the_causes_of_the_report(governor):
    """No drills, and no review whose first incident lies before the time that is looked at."""
    cause_class = CauseClass.objects.get(slug="capacity-pool")
    for incidents in (
        [f.resolved_incident(started_at=month(5))],
        [f.resolved_incident(started_at=month(5), is_drill=True)],
        [f.resolved_incident(started_at=month(5)), f.resolved_incident(started_at=month(3))],
        [f.resolved_incident(started_at=month(3))],
    ):
        RootCause.objects.filter(pk=f.verified_cause(f.review(incidents=incidents)).pk).update(
            cause_class=cause_class
        )

    assert trends.recurrence(governor, now=NOW, months=2) == [("capacity-pool", 1, 0)]
    assert trends.recurrence(governor, now=NOW, months=4) == [("capacity-pool", 3, 0)]


def test_ageing_counts_the_rows_of_the_report(governor):
    second = timedelta(seconds=1)
    edges = [days * DAY for days in (7, 8, 30, 31, 90, 91)]
    for age in (
        second,
        DAY - second,
        *(edge + by for edge in edges for by in (-second, timedelta(0), second)),
    ):
        due(NOW - age, is_kept=False)
    due(NOW, is_kept=False)
    due(NOW - 5 * DAY, is_kept=True)
    f.moved(due(NOW - 5 * DAY, is_kept=True), "regressed", at=NOW - DAY)
    f.moved(due(NOW - 5 * DAY, is_kept=False), "wont_do", at=NOW - DAY)
    late = due(NOW - 5 * DAY, is_kept=False)
    for number, state in enumerate(("in_progress", "fix_claimed", "verifying", "verified", "regressed")):
        f.moved(late, state, at=NOW - DAY + number * MINUTE)

    rows = reports.build(periods.month_of(NOW), viewer=governor, now=NOW).rows.overdue

    assert len(rows) == 21
    assert dict(trends.ageing(governor, now=NOW))[""] == metrics.ageing(rows)


@pytest.mark.parametrize("count", [1, 3])
def test_trend_asks_the_same_for_any_number_of_months(governor, django_assert_num_queries, count):
    for number in range(count):
        due(month(3 + number), is_kept=True)
        f.resolved_incident(started_at=month(3 + number))

    with django_assert_num_queries(6):
        trends.of(governor, now=NOW)
