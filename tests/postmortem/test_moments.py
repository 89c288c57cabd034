"""Moments at the beginning of a line: read where they mean one thing, refused where they mean two."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postmortem import moments
from postmortem.errors import Invalid

SHANGHAI = ZoneInfo("Asia/Shanghai")
# 2026-11-20 14:00 and 15:00 in Shanghai; a Friday.
REFERENCE = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


def read_line(line: str, **changes) -> moments.Line | None:
    return moments.read_line(line, **{"reference": REFERENCE, "zone": SHANGHAI, "now": NOW} | changes)


def at(text: str) -> datetime:
    """A moment as the clocks in Shanghai show it."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("line", "moment", "text"),
    [
        ("14:03 restarted order-api", "2026-11-20 14:03", "restarted order-api"),
        ("14：03，重启了 order-api", "2026-11-20 14:03", "重启了 order-api"),
        ("14:03重启了 order-api", "2026-11-20 14:03", "重启了 order-api"),
        ("14:03:20 - pool at 247", "2026-11-20 14:03:20", "pool at 247"),
        ("14:03:20.250 pool at 247", "2026-11-20 14:03:20.250", "pool at 247"),
        ("[14:03] pool at 247", "2026-11-20 14:03", "pool at 247"),
        ("- 14:03: pool at 247", "2026-11-20 14:03", "pool at 247"),
        ("* **14:03** pool at 247", "2026-11-20 14:03", "pool at 247"),
        ("14:03 | pool at 247", "2026-11-20 14:03", "pool at 247"),
        ("14:03-14:05 pool at 247", "2026-11-20 14:03", "14:03-14:05 pool at 247"),
        ("14:00-15:00 maintenance", "2026-11-20 14:00", "14:00-15:00 maintenance"),
        ("2026-11-18 14:00-15:00 maintenance", "2026-11-18 14:00", "2026-11-18 14:00-15:00 maintenance"),
        ("2026-11-18 01:03:20-05:00 pager", "2026-11-18 14:03:20", "pager"),
        ("2026-11-18T01:03-05:00 pager", "2026-11-18 14:03", "pager"),
        ("14:03 99% of the pool", "2026-11-20 14:03", "99% of the pool"),
        ("2:03 pm pool at 247", "2026-11-20 14:03", "pool at 247"),
        ("2:03pm pool at 247", "2026-11-20 14:03", "pool at 247"),
        ("2pm pool at 247", "2026-11-20 14:00", "pool at 247"),
        ("12:30 a.m. pager", "2026-11-20 00:30", "pager"),
        ("12am pager", "2026-11-20 00:00", "pager"),
        ("at 14:03 pager", "2026-11-20 14:03", "pager"),
        ("+5m pool at 247", "2026-11-20 14:05", "pool at 247"),
        ("+1h30m pool at 247", "2026-11-20 15:30", "pool at 247"),
        ("-90s pager", "2026-11-20 13:58:30", "pager"),
        ("+5 分钟 连接池打满", "2026-11-20 14:05", "连接池打满"),
        ("+5分钟连接池打满", "2026-11-20 14:05", "连接池打满"),
        ("3 min later the pool was full", "2026-11-20 14:03", "the pool was full"),
        ("10 minutes later: calm", "2026-11-20 14:10", "calm"),
        ("half an hour later calm", "2026-11-20 14:30", "calm"),
        ("an hour later, calm", "2026-11-20 15:00", "calm"),
        ("3分钟后恢复", "2026-11-20 14:03", "恢复"),
        ("过了3分钟后恢复", "2026-11-20 14:03", "恢复"),
        ("半小时后恢复", "2026-11-20 14:30", "恢复"),
        ("两分钟之后，恢复", "2026-11-20 14:02", "恢复"),
        ("10 min ago pager", "2026-11-20 14:50", "pager"),
        ("5分钟前收到告警", "2026-11-20 14:55", "收到告警"),
        ("now pool at 247", "2026-11-20 15:00", "pool at 247"),
        ("现在 连接池恢复", "2026-11-20 15:00", "连接池恢复"),
        ("昨天 23:10 收到告警", "2026-11-19 23:10", "收到告警"),
        ("昨天23点10分收到告警", "2026-11-19 23:10", "收到告警"),
        ("前天下午3点半 发布", "2026-11-18 15:30", "发布"),
        ("昨晚11点 发布", "2026-11-19 23:00", "发布"),
        ("昨晚1点 发布", "2026-11-20 01:00", "发布"),
        ("今天上午9点05分 发布", "2026-11-20 09:05", "发布"),
        ("今早8:30 发布", "2026-11-20 08:30", "发布"),
        ("昨天晚上12点 发布", "2026-11-20 00:00", "发布"),
        ("下午2点3分20秒 恢复", "2026-11-20 14:03:20", "恢复"),
        ("凌晨2点一刻 恢复", "2026-11-20 02:15", "恢复"),
        ("14时03分 恢复", "2026-11-20 14:03", "恢复"),
        ("yesterday at 23:10 pager", "2026-11-19 23:10", "pager"),
        ("Yesterday 11:10 pm pager", "2026-11-19 23:10", "pager"),
        ("the day before yesterday 09:00 deploy", "2026-11-18 09:00", "deploy"),
        ("2026-11-18 14:03 pager", "2026-11-18 14:03", "pager"),
        ("2026-11-18T14:03:20+08:00 pager", "2026-11-18 14:03:20", "pager"),
        ("2026-11-18 06:03 UTC pager", "2026-11-18 14:03", "pager"),
        ("2026/11/18 14:03 pager", "2026-11-18 14:03", "pager"),
        ("2026年11月18日 14:03 告警", "2026-11-18 14:03", "告警"),
        ("11月18日下午2点3分 告警", "2026-11-18 14:03", "告警"),
        ("11-18 14:03 pager", "2026-11-18 14:03", "pager"),
        ("12-24 14:03 pager", "2025-12-24 14:03", "pager"),
        ("11/18 14:03 pager", "2026-11-18 14:03", "pager"),
        ("18/11/2026 14:03 pager", "2026-11-18 14:03", "pager"),
        ("18 Nov 14:03 pager", "2026-11-18 14:03", "pager"),
        ("18 November 2026, 14:03 pager", "2026-11-18 14:03", "pager"),
        ("Nov 18 14:03:20 pager", "2026-11-18 14:03:20", "pager"),
        ("November 18th, 2026 at 2:03 pm pager", "2026-11-18 14:03", "pager"),
        ("Wed Nov 18 06:03:20 UTC 2026 pager", "2026-11-18 14:03:20", "pager"),
        ("18/Nov/2026:14:03:20 +0800 GET /", "2026-11-18 14:03:20", "GET /"),
        ("06:03 UTC pager", "2026-11-20 14:03", "pager"),
        ("06:03Z pager", "2026-11-20 14:03", "pager"),
        ("15:03 JST pager", "2026-11-20 14:03", "pager"),
        ("07:03+01:00 pager", "2026-11-20 14:03", "pager"),
        ("UTC+8 is no moment", None, None),
        ("14:03 (UTC+8) pager", "2026-11-20 14:03", "pager"),
        ("15:03 Asia/Tokyo pager", "2026-11-20 14:03", "pager"),
        ("北京时间 14:03 告警", "2026-11-20 14:03", "告警"),
        ("14:03 est nothing", "2026-11-20 14:03", "est nothing"),
        ("Mon 14:03 pager", "2026-11-16 14:03", "pager"),
        ("Monday 14:03 pager", "2026-11-16 14:03", "pager"),
        ("on Mon, 2:03 pm pager", "2026-11-16 14:03", "pager"),
        ("Thursday at 14:03 pager", "2026-11-19 14:03", "pager"),
        ("fri 14:03 pager", "2026-11-20 14:03", "pager"),
        ("周一 14:03 告警", "2026-11-16 14:03", "告警"),
        ("星期一14:03 告警", "2026-11-16 14:03", "告警"),
        ("礼拜天下午2点3分 告警", "2026-11-15 14:03", "告警"),
        ("[周五 14:03] 告警", "2026-11-20 14:03", "告警"),
        ("上周五 23:10 发布", "2026-11-13 23:10", "发布"),
        ("上个星期五晚上11点10分 发布", "2026-11-13 23:10", "发布"),
        ("上上周日 23:10 发布", "2026-11-08 23:10", "发布"),
        ("本周二 14:03 告警", "2026-11-17 14:03", "告警"),
        ("last Friday 14:03 deploy", "2026-11-13 14:03", "deploy"),
        ("last Saturday 14:03 deploy", "2026-11-14 14:03", "deploy"),
        ("this Tue 14:03 deploy", "2026-11-17 14:03", "deploy"),
        ("周四晚上12点 告警", "2026-11-20 00:00", "告警"),
        ("Mon 06:03 UTC pager", "2026-11-16 14:03", "pager"),
        ("14:03", "2026-11-20 14:03", ""),
        # Of a span the beginning, and the span stays.
        ("14:03-14:09 pods restarted", "2026-11-20 14:03", "14:03-14:09 pods restarted"),
        ("- 14:03–14:09: pods restarted", "2026-11-20 14:03", "14:03–14:09: pods restarted"),
        ("14:03 to 14:09 pods restarted", "2026-11-20 14:03", "14:03 to 14:09 pods restarted"),
        ("14:03至14:09 重启", "2026-11-20 14:03", "14:03至14:09 重启"),
        ("11月20日 14:03 ~ 14:09 重启", "2026-11-20 14:03", "11月20日 14:03 ~ 14:09 重启"),
        ("14:03 - 14 pods restarted", "2026-11-20 14:03", "14 pods restarted"),
        ("14:03 to the pool", "2026-11-20 14:03", "to the pool"),
        ("29 Feb 12:00 long ago", "2024-02-29 12:00", "long ago"),
        # No moment, so none is guessed.
        ("restarted at 14:03", None, None),
        ("5 pods failed", None, None),
        ("- 5 pods failed", None, None),
        ("5 min after the deploy it was calm", None, None),
        ("10.0.0.7:8080 refused", None, None),
        ("14:03:20:17 odd", None, None),
        ("1:1 mapping", None, None),
        ("16:9 screen", None, None),
        ("2026 was a good year", None, None),
        ("nowhere", None, None),
        ("Monday was quiet", None, None),
        ("Monitoring 14:03", None, None),
        ("下周一 14:03 发布", None, None),
        ("周一至周五 14:03 值班", None, None),
        ("每周一 14:03 跑批", None, None),
        ("+5 pods", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_moment_at_the_beginning_is_read_and_the_rest_is_the_text(line, moment, text):
    found = read_line(line)

    if moment is None:
        assert found is None
    else:
        assert (found.at, found.text) == (at(moment), text)
        assert found.at.tzinfo is UTC


@pytest.mark.parametrize(
    ("line", "zone"),
    [
        ("14:03 pager", ""),
        ("06:03 UTC pager", "UTC"),
        ("06:03Z pager", "UTC"),
        ("07:03+01:00 pager", ""),
        ("15:03 Asia/Tokyo pager", "Asia/Tokyo"),
        ("15:03 Asia/Atlantis pager", ""),
    ],
)
def test_zone_that_the_line_names_is_told(line, zone):
    assert read_line(line).zone == zone


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("25:00 pager", "no such day or time"),
        ("14:61 pager", "no such day or time"),
        ("2026-02-30 14:03 pager", "no such day or time"),
        ("13:03 pm pager", "no such day or time"),
        ("30 Feb 14:03 pager", "no such day or time"),
        ("2026-11-18 pager", "no time"),
        ("11月18日 告警", "no time"),
        ("18 Nov pager", "no time"),
        ("3/4 14:03 pager", "two days"),
        ("03/04/2026 14:03 pager", "two days"),
        ("14:03 CST pager", "several zones"),
        ("14:03 IST pager", "several zones"),
        # On a Friday the Tuesday of this week is "last Tuesday" to some, that of the week before to others.
        ("last Tuesday 14:03 deploy", "2026-11-10 or 2026-11-17"),
        ("周五 23:10 告警", "future"),
        ("this Sunday 14:03 deploy", "future"),
    ],
)
def test_what_is_wrong_or_can_mean_two_things_is_refused_with_the_reason(line, words):
    with pytest.raises(Invalid, match=words) as refusal:
        read_line(line)

    assert refusal.value.field == "happened_at"


@pytest.mark.parametrize(
    ("line", "days_later", "moment"),
    [
        # The day before and the day after are clear, whatever came later.
        ("Thu 14:03 pager", 30, "2026-11-19 14:03"),
        ("Sat 14:03 pager", 30, "2026-11-21 14:03"),
        ("Fri 14:03 pager", 30, "2026-11-20 14:03"),
        # Farther off both weeks are possible, once both have been.
        ("Mon 14:03 pager", 2, "2026-11-16 14:03"),
        ("Mon 14:03 pager", 4, "2026-11-16 or 2026-11-23"),
        ("周一 14:03 告警", 4, "2026-11-16 or 2026-11-23"),
        # "Last" is said from the incident or from today: in another week these are two days.
        ("上周五 23:10 发布", 2, "2026-11-13 23:10"),
        ("上周五 23:10 发布", 4, "2026-11-13 or 2026-11-20"),
        ("last Friday 23:10 deploy", 4, "2026-11-13 or 2026-11-20"),
    ],
)
def test_weekday_is_read_beside_the_incident_and_flagged_where_it_is_in_doubt(line, days_later, moment):
    now = NOW + timedelta(days=days_later)
    if " or " not in moment:
        assert read_line(line, now=now).at == at(moment)
        return
    with pytest.raises(Invalid, match=moment) as refusal:
        read_line(line, now=now)
    assert refusal.value.field == "happened_at"


_EN = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_AROUND = {
    "reference": st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(
        lambda one: one.replace(tzinfo=UTC)
    ),
    "later": st.timedeltas(timedelta(0), timedelta(days=40)),
    "day": st.integers(0, 6),
    "hour": st.integers(0, 23),
    "zone": st.sampled_from([SHANGHAI, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Asia/Tokyo")]),
}


def _told(line, reference, later, zone):
    try:
        return moments.read_line(line, reference=reference, zone=zone, now=reference + later).at.astimezone(
            zone
        )
    except Invalid as refusal:
        return str(refusal)


@given(**_AROUND)
def test_weekday_is_that_day_near_the_reference_and_never_in_the_future(reference, later, day, hour, zone):
    found = _told(f"{_EN[day]} {hour:02}:30 x", reference, later, zone)
    origin = reference.astimezone(zone).date()
    been = [
        moment
        for shift in range(-6, 7)
        if (
            moment := datetime(origin.year, origin.month, origin.day, hour, 30, tzinfo=zone)
            + timedelta(days=shift)
        )
        and moment.weekday() == day
        and moment <= reference + later + moments.CLOCK_SKEW
    ]

    if isinstance(found, datetime):
        assert found in been
        assert len(been) == 1 or abs((found.date() - origin).days) <= 1
    else:
        assert len(been) != 1
        assert all(moment.date().isoformat() in found for moment in been)


@given(**_AROUND)
def test_both_languages_and_all_spellings_say_the_same(reference, later, day, hour, zone):
    clock = f"{hour:02}:30"
    spellings = [
        [f"{_EN[day]} {clock} x", f"{_EN[day][:3]} {clock} x", f"on {_EN[day].lower()} at {clock} x"],
        [
            f"周{'一二三四五六日'[day]} {clock} x",
            f"星期{'一二三四五六天'[day]}{clock} x",
            f"礼拜{'一二三四五六日'[day]} {clock} x",
        ],
    ]

    assert len({_told(line, reference, later, zone) for lines in spellings for line in lines}) == 1


@given(**_AROUND)
def test_last_week_is_the_week_before_for_everybody_or_it_is_flagged(reference, later, day, hour, zone):
    zh = _told(f"上周{'一二三四五六日'[day]} {hour:02}:30 x", reference, later, zone)
    en = _told(f"last {_EN[day]} {hour:02}:30 x", reference, later, zone)
    mondays = {
        (local := moment.astimezone(zone).date()) - timedelta(days=local.weekday())
        for moment in (reference, reference + later)
    }

    assert isinstance(zh, datetime) == (len(mondays) == 1)
    if isinstance(zh, datetime):
        assert zh.date() == mondays.pop() - timedelta(days=7 - day)
    # English is clear at most where Chinese is, and then says the same.
    assert en == zh or "or" in en


def test_time_in_the_skipped_hour_is_refused_in_a_line_too():
    with pytest.raises(Invalid, match="put forward"):
        read_line("2026-03-29 02:30 pager", zone=ZoneInfo("Europe/Berlin"))


_PIECES = [
    *"0123456789:+-/.年月日点分秒 apmTZUC[]昨天上下午晚半后前１：٣周本",
    "Nov",
    "Mon ",
    "last ",
    "星期五",
    "min",
    "later",
    "2026-11-",
    "14:0",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=25).map("".join))
def test_any_line_is_read_or_refused(line):
    try:
        found = read_line(line)
    except Invalid:
        return
    if found is not None:
        assert found.text in line
        assert found.written in line
        assert found.at.tzinfo is UTC


_PATTERNS = ["%Y-%m-%d %H:%M:%S", "%d %b %Y %H:%M:%S", "%Y年%m月%d日 %H:%M:%S", "%Y/%m/%dT%H:%M:%S"]


@given(st.datetimes(datetime(2001, 1, 1), datetime(2026, 11, 19)), st.sampled_from(_PATTERNS))
def test_full_date_is_read_as_it_was_written(local, pattern):
    local = local.replace(microsecond=0)

    found = read_line(f"{local.strftime(pattern)} UTC pager")

    assert found.at == local.replace(tzinfo=UTC)


@pytest.mark.parametrize("piece", ["1", "1:", "+1m", "2026-", "半", "nov ", " ", "-", "(", "下午", "1 hour "])
def test_long_line_takes_no_longer_than_its_beginning(piece):
    started = time.process_time()
    for _ in range(20):
        try:
            read_line(piece * 20_000)
        except Invalid:
            continue
    assert time.process_time() - started < 1


def test_parse_takes_a_whole_text_and_nothing_more():
    def parse(text):
        return moments.parse(text, reference=REFERENCE, zone=SHANGHAI, now=NOW)

    assert parse("昨天下午3点半") == at("2026-11-19 15:30")
    assert parse("+5") == parse("5 min later") == REFERENCE + timedelta(minutes=5)
    for text in ("14:03 pager", "pager", "+5 pods"):
        with pytest.raises(Invalid):
            parse(text)
