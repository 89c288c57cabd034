"""The arithmetic of deadlines: days of 24 hours, working days, zones and their clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediation import sla
from remediation.sla import Calendar, NoWorkingTime, Rule, after_working, due_at, working_between

HOUR = timedelta(hours=1)
NINE_TO_SIX = {day: [(540, 1080)] for day in range(5)}
WITH_LUNCH = {day: [(540, 720), (780, 1080)] for day in range(5)}
ROUND_THE_CLOCK = {day: [(0, 1440)] for day in range(7)}


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-01-31T12:00", 1, "2026-02-01T12:00"),
        ("2026-12-25T12:00", 14, "2027-01-08T12:00"),
        ("2028-02-15T12:00", 14, "2028-02-29T12:00"),
        ("2027-02-15T12:00", 14, "2027-03-01T12:00"),
        ("2028-02-29T12:00", 365, "2029-02-28T12:00"),
    ],
)
def test_calendar_days_cross_ends_of_months_and_leap_days(start, days, expected):
    assert due_at(Rule({}, days), start=at(start)) == at(expected)


@pytest.mark.parametrize("start", ["2026-03-28T12:00", "2026-10-24T12:00"])
def test_a_calendar_day_has_24_hours_when_the_clocks_jump(start):
    begin = at(start, "Europe/Berlin")

    assert due_at(Rule({}, 1), start=begin) - begin.astimezone(UTC) == 24 * HOUR


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        # Friday at four: two hours are left of it, seven more on Monday.
        ("2026-11-20T16:00", 1, "2026-11-23T16:00"),
        ("2026-11-20T18:00", 1, "2026-11-23T18:00"),
        ("2026-11-21T03:00", 1, "2026-11-23T18:00"),
        ("2026-11-23T08:59", 1, "2026-11-23T18:00"),
        ("2026-11-23T09:00", 5, "2026-11-27T18:00"),
        ("2026-11-23T09:01", 5, "2026-11-30T09:01"),
        ("2026-12-24T09:00", 2, "2026-12-28T18:00"),
    ],
)
def test_working_days_run_in_working_hours_only(start, days, expected):
    zone = "Asia/Shanghai"
    calendar = Calendar(zone, NINE_TO_SIX, frozenset([date(2026, 12, 25)]))

    assert due_at(Rule({}, days, calendar), start=at(start, zone)) == at(expected, zone)


@pytest.mark.parametrize(
    ("zone", "start", "hours", "expected"),
    [
        # In the night of 29 March the hour from two to three is skipped; a shift from one to five has three.
        ("Europe/Berlin", "2026-03-29T01:00", 3, "2026-03-29T05:00"),
        # In October it has five.
        ("Europe/Berlin", "2026-10-25T01:00", 5, "2026-10-25T05:00"),
        ("America/New_York", "2026-03-08T01:00", 3, "2026-03-08T05:00"),
        ("America/New_York", "2026-11-01T01:00", 5, "2026-11-01T05:00"),
        # The clocks of Lord Howe jump half an hour.
        ("Australia/Lord_Howe", "2026-10-04T01:00", 3.5, "2026-10-04T05:00"),
    ],
)
def test_a_night_shift_is_as_long_as_the_night(zone, start, hours, expected):
    calendar = Calendar(zone, {day: [(60, 300)] for day in range(7)})
    begin, end = at(start, zone), at(expected, zone)

    assert working_between(begin, end, calendar=calendar) == hours * HOUR
    assert after_working(hours * HOUR, start=begin, calendar=calendar) == end


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Eucla", "Pacific/Chatham"])
def test_zones_with_odd_offsets(zone):
    calendar = Calendar(zone, NINE_TO_SIX)

    assert due_at(Rule({}, 1, calendar), start=at("2026-11-23T09:00", zone)) == at("2026-11-23T18:00", zone)


def test_a_day_that_a_zone_skipped_is_not_worked_twice():
    """Samoa went from 29 to 31 December 2011."""
    calendar = Calendar("Pacific/Apia", ROUND_THE_CLOCK)
    begin, end = at("2011-12-29T00:00", "Pacific/Apia"), at("2012-01-01T00:00", "Pacific/Apia")

    assert working_between(begin, end, calendar=calendar) == end.astimezone(UTC) - begin.astimezone(UTC)


def test_a_working_day_is_the_mean_of_the_days_worked():
    assert Calendar("UTC", {0: [(540, 1080)], 5: [(540, 720)]}).day == 6 * HOUR
    assert Calendar("UTC", {0: [], 6: [(0, 60)]}).day == HOUR


def test_a_calendar_in_which_nobody_works_promises_nothing():
    for calendar in (
        Calendar("UTC", {}),
        Calendar("UTC", {0: [(60, 60)]}),
        Calendar("UTC", {0: [(0, 60)]}, frozenset(date(2026, 11, 23) + timedelta(n) for n in range(11_000))),
    ):
        with pytest.raises(NoWorkingTime):
            after_working(HOUR, start=at("2026-11-20T12:00"), calendar=calendar)


def test_the_first_row_that_fits_decides():
    rules = [
        Rule({"severity": 1, "kind": "detect"}, 1),
        Rule({"service": 7}, 2),
        Rule({"severity": 1}, 3),
        Rule({}, 4),
    ]

    assert sla.deciding(rules, {"severity": 1, "kind": "prevent", "service": 7}) == 1
    assert sla.deciding(rules, {"severity": 1, "kind": "detect", "service": 7}) == 0
    assert sla.deciding(rules, {"severity": 1}) == 2
    assert sla.deciding(rules, {"severity": 2}) == 3
    assert sla.deciding(rules[:3], {"severity": 2}) is None
    assert rules[0].misses({"severity": 2, "kind": "prevent"}) == ["severity", "kind"]


@pytest.mark.parametrize(
    ("text", "spans", "written"),
    [
        ("", [], ""),
        ("9:00-18:00", [(540, 1080)], "09:00-18:00"),
        ("13:00 – 18:00，09:00~12:30", [(540, 750), (780, 1080)], "09:00-12:30, 13:00-18:00"),
        ("00:00-24:00", [(0, 1440)], "00:00-24:00"),
    ],
)
def test_hours_are_read_as_people_write_them(text, spans, written):
    assert sla.read_spans(text) == spans
    assert sla.write_spans(spans) == written
    assert sla.read_spans(written) == spans


@pytest.mark.parametrize(
    "text",
    ["x", "9-18", "18:00-09:00", "09:00-09:00", "09:00-24:01", "25:00-26:00", "09:00-12:00, 11:00-13:00",
     "09:60-10:00", "٠9:00-10:00"],
)  # fmt: skip
def test_what_is_no_hours_is_refused(text):
    with pytest.raises(ValueError, match=r"^.+$"):
        sla.read_spans(text)


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Asia/Kathmandu", "Australia/Lord_Howe",
         "Pacific/Chatham", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca"]  # fmt: skip
starts = st.datetimes(datetime(2010, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))
spans = st.lists(st.sampled_from(range(0, 1441, 30)), min_size=2, max_size=6, unique=True).map(
    lambda ends: [tuple(pair) for pair in zip(*[iter(sorted(ends))] * 2, strict=False)]
)
calendars = st.builds(
    Calendar,
    zone=st.sampled_from(ZONES),
    week=st.dictionaries(st.integers(0, 6), spans, min_size=1),
    holidays=st.frozensets(st.dates(date(2010, 1, 1), date(2031, 12, 31)), max_size=20),
)
# Examples of a slow machine are as good as those of a fast one.
quick = settings(deadline=None, max_examples=50)
promises = st.timedeltas(timedelta(seconds=1), timedelta(hours=60))


@quick
@given(starts, st.integers(1, 30), st.none() | calendars)
def test_due_is_never_before_the_start(start, days, calendar):
    assert due_at(Rule({}, days, calendar), start=start) > start


@quick
@given(starts, st.timedeltas(timedelta(), timedelta(days=20)), promises, calendars)
def test_whoever_promises_later_is_due_no_earlier(start, later, promised, calendar):
    first = after_working(promised, start=start, calendar=calendar)

    assert after_working(promised, start=start + later, calendar=calendar) >= first


@quick
@given(starts, promises, calendars)
def test_working_time_until_the_deadline_is_what_was_promised(start, promised, calendar):
    due = after_working(promised, start=start, calendar=calendar)

    assert working_between(start, due, calendar=calendar) == promised


@quick
@given(
    starts,
    st.timedeltas(timedelta(), timedelta(days=9)),
    st.timedeltas(timedelta(), timedelta(days=9)),
    calendars,
)
def test_working_time_adds_up_and_is_no_longer_than_time(start, one, other, calendar):
    middle, end = start + one, start + one + other

    first, second = (working_between(*pair, calendar=calendar) for pair in ((start, middle), (middle, end)))
    assert first + second == working_between(start, end, calendar=calendar)
    assert timedelta() <= first <= one


@quick
@given(starts, promises, promises, calendars)
def test_promising_more_is_due_later(start, one, more, calendar):
    assert after_working(one + more, start=start, calendar=calendar) > after_working(
        one, start=start, calendar=calendar
    )
