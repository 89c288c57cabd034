"""What the importer understands of documents of many shapes, and what it refuses to guess."""

import json
import re
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postmortem.importing.draft import Draft
from postmortem.importing.reader import read

SECTIONED = """# 2018-02-22 NGINX crash

## Summary

Binder was down. See [the log][log].

## Timeline

All times in UTC

### 2018-02-22 16:30

Alerts sent emails about the outage.

### 16:35

Confirmed that the problem is resolved.

## Root cause

The ingress had no memory limit.

## Lessons learnt

### What went well

1. Quick fix

### Where we got lucky

1. Somebody was awake

## Action items

### Process

1. Email everybody (DONE)
2. [ ] Add an alert

[log]: https://example.org/log
"""


def moments(draft: Draft) -> list[str]:
    return [entry.moment.local if entry.moment.is_sure else "?" for entry in draft.entries]


def timeline(*lines: str, title: str = "2021-02-13 Outage", head: str = "") -> Draft:
    return read(f"# {title}\n\n{head}\n\n## Timeline\n\n" + "\n".join(lines))


def test_read_places_the_sections_of_a_usual_document():
    draft = read(SECTIONED)

    assert draft.title
    assert draft.title.value == "2018-02-22 NGINX crash"
    assert draft.started
    assert (draft.started.local, draft.started.zone) == ("2018-02-22T16:30", "UTC")
    assert draft.ended
    assert draft.ended.local == "2018-02-22T16:35"
    assert moments(draft) == ["2018-02-22T16:30", "2018-02-22T16:35"]
    assert draft.text_of("summary") == "Binder was down. See [the log][log]."
    assert draft.text_of("went_well") == "1. Quick fix"
    assert draft.text_of("luck") == "1. Somebody was awake"
    assert [(cause.part, cause.statement) for cause in draft.causes] == [
        ("root", "The ingress had no memory limit.")
    ]
    assert [(action.text, action.is_done) for action in draft.actions] == [
        ("Email everybody (DONE)", True),
        ("Add an alert", False),
    ]
    assert draft.severity is None


def test_read_keeps_every_span_in_the_source():
    draft = read(SECTIONED)

    for one in (*draft.entries, *draft.actions, *draft.causes):
        assert 0 <= one.start < one.end <= len(SECTIONED)
    for entry in draft.entries:
        assert entry.label in SECTIONED[entry.start : entry.end]


@pytest.mark.parametrize(
    "lines",
    [
        ["- 23:40 Users report errors", "- 00:12 – Failed over"],
        ["* **23:40: Users report errors**", "* 00:12: Failed over"],
        ["* [23:40] Users report errors", "* [00:12] Failed over"],
        ["1. 11:40 PM - Users report errors", "2. 12:12 AM - Failed over"],
        ["### 23:40", "Users report errors", "", "### 00:12", "Failed over"],
        ["### {{ 23:40 }}", "Users report errors", "", "### {{ 00:12 }}", "Failed over"],
        ["| Time | What |", "| --- | --- |", "| 23:40 | Users report errors |", "| 00:12 | Failed over |"],
        ["Time | What", "--- | ---", "23:40 | Users report errors", "00:12 | Failed over"],
        ["**23:40**", "", "Users report errors", "", "**00:12**", "", "Failed over"],
        ["23:40 Users report errors", "00:12 Failed over"],
        [
            "2021-02-13",
            "",
            "- 23:40: Users report errors",
            "",
            "February 14th, 2021",
            "",
            "- 00:12: Failed over",
        ],
        ["- Feb 13, 2021 23:40 - Users report errors", "- Feb 14 00:12 - Failed over"],
        ["- 13. February 2021, 23:40 - Users report errors", "- 14. Feb, 00:12 - Failed over"],
        ["- 2021年2月13日 23:40 Users report errors", "- 2月14日 0时12分 Failed over"],
        ["- 2021-02-13T23:40:00Z Users report errors", "- 2021-02-14T00:12:00Z Failed over"],
        ["- 2340 UTC Users report errors", "- 0012 UTC Failed over"],
        ["- 23h40 Users report errors", "- 00h12 Failed over"],
        ["– 23:40 Users report errors", "– 00:12 Failed over"],
        ["- 2021-02-13 23.40 Users report errors", "- 2021-02-14 00.12 Failed over"],
        ["11:40 PM Saturday Feb 13th: Users report errors", "", "12:12 AM Sunday Feb 14th: Failed over"],
        [
            "| Time | What |",
            "|--|--|",
            "| 2/13 | |",
            "| 23:40 | Users report errors |",
            "| 00:12 | Failed over |",
        ],
    ],
)
def test_read_finds_the_entries_whatever_their_shape(lines):
    draft = timeline(*lines)

    assert [one[:16] for one in moments(draft)] == ["2021-02-13T23:40", "2021-02-14T00:12"]
    assert "Users report errors" in draft.entries[0].text
    assert "Failed over" in draft.entries[1].text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # Over midnight by less than half a day: the next day. Back by less: nobody knows.
        (["- 22:00 a", "- 07:00 b"], ["2021-02-13T22:00", "2021-02-14T07:00"]),
        (["- 23:21 a", "- 17:31 b", "- 17:41 c"], ["2021-02-13T23:21", "?", "?"]),
        (
            ["- 14:49 a", "- 14:43 b", "- 14:55 c"],
            ["2021-02-13T14:49", "2021-02-13T14:43", "2021-02-13T14:55"],
        ),
        (["- 11:40 a", "- 1:15 b"], ["2021-02-13T11:40", "?"]),
        # Which number is the month shows where one is above twelve, or where the title says the day.
        (["- 13/02/2021 10:00 a", "- 03/04/2021 10:00 b"], ["2021-02-13T10:00", "2021-04-03T10:00"]),
        (["- 03/04/2021 10:00 a"], ["?"]),
        # A date far from the document's, a year that would have to be guessed, a date that goes back.
        (["- 2020-02-13 10:00 a"], ["?"]),
        (["- Dec 5 10:00 a"], ["?"]),
        (["- 2021-02-13 10:00 a", "- 2021-02-12 11:00 b"], ["?", "?"]),
        # Times that were never filled in, and contradictions.
        (["- [???] a", "- --:-- b", "- 10:00 c"], ["?", "?", "2021-02-13T10:00"]),
        (["- 17:14am a", "- 02:00 to 02:30 PM b"], ["?", "?"]),
        (["### 2X:XX (not sure)", "a", "### 10:00", "b"], ["?", "2021-02-13T10:00"]),
    ],
)
def test_read_flags_a_doubtful_time_and_does_not_guess(lines, expected):
    assert moments(timeline(*lines)) == expected


def test_read_takes_notices_and_clocked_paragraphs_for_events_without_a_heading():
    notices = read(
        "**2021-02-13 10:27 Update 3**\n\nFixed.\n\n**2021-02-13 01:00 Update 2**\n\nWe look.\n\n"
        "**2021-02-12 23:10 Update 1**\n\nIt is down.\n"
    )
    paragraphs = read("# 2021-02-13 Leak\n\n" + "".join(f"1{n}:35 – step {n}\n\n" for n in range(4)))
    too_few = read("# 2021-02-13 Leak\n\n15:35 – pushed\n\n15:40 – seen\n")

    assert moments(notices) == ["2021-02-13T10:27", "2021-02-13T01:00", "2021-02-12T23:10"]
    assert moments(paragraphs) == [f"2021-02-13T1{n}:35" for n in range(4)]
    assert too_few.entries == ()


def test_read_takes_a_bullet_that_is_a_label_for_a_heading():
    draft = read(
        "# 2021-02-13 Outage\n\n"
        "- **Key events**\n  - First detected 2021-02-13 10:04\n  - Repaired: 2021-02-13 10:30\n\n"
        "- **Context**:\n  - 10:04 alert\n  - 10:15 rollback\n  - 10:30 all is well\n\n"
        "- **Root cause**:\n  - A limit of 100\n\n"
        "- **Review actions**:\n  - Raise the limit\n  - Alert at 90 %\n\n"
        "- **Attendees**: many\n"
    )

    assert [action.text for action in draft.actions] == ["Raise the limit", "Alert at 90 %"]
    assert draft.text_of("root_cause").strip() == "- A limit of 100"
    assert moments(draft) == [f"2021-02-13T10:{minute}" for minute in ("04", "15", "30")]
    assert draft.detected
    assert draft.detected.local == "2021-02-13T10:04"
    assert draft.ended
    assert (draft.ended.local, draft.ended.is_sure) == ("2021-02-13T10:30", True)


def test_read_goes_back_to_the_timeline_after_causes_within_it():
    draft = read(
        "# Outages\n\n## Timeline\n\n### March 1, 2021 - API\n\n**Root causes:**\n\n- A limit\n\n"
        "**Timeline:**\n\n- 10:00 down\n- 10:20 up\n"
    )

    assert moments(draft) == ["2021-03-01T10:00", "2021-03-01T10:20"]


def test_read_finds_a_table_of_actions_under_any_heading():
    draft = read(
        "# Outage\n\n**Impact**: none\n\n| Action item | Owner | Status |\n|--|--|--|\n"
        "| Pin the version | Ann | Done |\n| Alert at 90 % | Ben | open |\n\n"
        "| Action | Result |\n|--|--|\n| restart | nothing |\n"
    )

    assert [(action.text, action.is_done) for action in draft.actions] == [
        ("Pin the version | Ann | Done", True),
        ("Alert at 90 % | Ben | open", False),
    ]


def test_read_takes_no_divider_of_a_table_for_an_action():
    draft = read(
        "# Outage\n\n## Action items\n\n"
        "Status | Action | Owner\n---: | --- | ---\n- | Pin it | Ann\n✔️ | Alert | Ben\n"
    )

    assert [(action.text, action.is_done) for action in draft.actions] == [
        ("Pin it | Ann", False),
        ("Alert | Ben", True),
    ]


def test_read_understands_newest_first():
    draft = timeline("- 16:40 Resolved", "- 16:10 A fix is in", "- 15:55 Found", "- 15:31 We look")

    assert draft.order == "newest_first"
    assert moments(draft)[-1] == "2021-02-13T15:31"


def test_read_takes_the_default_day_where_the_preface_names_one():
    draft = timeline(
        "Unless otherwise noted all events happened on 2019-10-21, and all times are in", "UTC.", "",
        "- 2019-10-20 00:55: disk full", "- 01:38: alerts fired", title="docs.rs outage",
    )  # fmt: skip

    assert moments(draft) == ["2019-10-20T00:55", "2019-10-21T01:38"]
    assert draft.zone
    assert draft.zone.value == "UTC"


def test_read_does_not_take_the_day_of_the_file_for_the_day_of_the_incident():
    draft = read(
        "---\ntitle: Proxy died\ndate: 2017-02-24\n---\n\n## Timeline\n\n- 21:10 died\n", filename="x.md"
    )

    assert moments(draft) == ["?"]
    assert draft.entries[0].moment.local == "2017-02-24T21:10"
    assert draft.entries[0].moment.doubts == ("day_of_file",)


@pytest.mark.parametrize(
    ("said", "zone", "doubts"),
    [
        ("All times in PST", "America/Los_Angeles", ()),
        ("*(All times US/Pacific, 24-hour clock.)*", "US/Pacific", ()),
        ("All times in UTC+1 (Zurich time)", "Etc/GMT-1", ()),
        ("时间均为北京时间", "Asia/Shanghai", ()),
        ("All times are UTC+05:30", "Asia/Kolkata", ()),
        ("All times in CST", "", ("zone_ambiguous",)),
        # Summer time was not in force in February: whether one hour is missing is for a person to say.
        ("All times in PDT", "America/Los_Angeles", ("zone_not_in_force",)),
    ],
)
def test_read_finds_the_zone(said, zone, doubts):
    draft = timeline(said, "", "- 10:00 a")

    assert draft.zone is not None
    assert (draft.zone.value, draft.zone.doubts) == (zone, doubts)
    assert moments(draft) == ["2021-02-13T10:00"]


def test_read_leaves_code_chats_and_comments_alone():
    draft = timeline(
        "- 10:00 started", "", "```", "10:05 not an entry", "# Action items", "```", "",
        "<!-- - 10:06 hidden -->", "", "## Appendix", "", "### chat log", "",
        "- 10:07 hi", "- 10:08 ho", "- 10:09 he",
    )  # fmt: skip

    assert moments(draft) == ["2021-02-13T10:00"]
    assert "10:05 not an entry" in draft.entries[0].text
    assert not draft.actions


def test_read_says_when_a_document_tells_of_several_incidents():
    one = "### Timeline\n\n- 10:00 API down\n- 10:30 API restored\n\n"
    draft = read(f"# Weekly\n\n## 2021-03-01 API\n\n{one}## 2021-03-04 Queue\n\n{one}")

    assert "several_incidents" in draft.doubts
    assert moments(draft) == ["2021-03-01T10:00", "2021-03-01T10:30", "2021-03-04T10:00", "2021-03-04T10:30"]
    assert draft.started
    assert not draft.started.is_sure


@pytest.mark.parametrize(
    "text",
    [
        "# Title (incident #)\n\n## Timeline\n\n## Action Items\n",
        "# Template for reports\n\n# {{ date: yyyy-mm-dd }}\n\n## Timeline\n\n### {{ hh:mm }}\n\nStart.\n",
        "# [Title]\n\n## Action items\n\n1. {{ summary }} [link to github issue]\n",
        "# [Date]: [Title]\n\n## Timeline\n\n### [Date and time]\n\nWhat.\n\n## Action Items\n\n- Each\n",
        "# 故障标题\n\n## 时间线\n\n| 时间 | 事件 |\n| --- | --- |\n| HH:mm | |\n",
        "# ISSUE NAME\n\n## Timeline DATE RANGE\n\n12:45 PM DATE: Thing 1\n\n13:55 PM DATE: Thing 2\n",
        "# Incident: {INCIDENT_TITLE}\n\n## Timeline\n\n| Time | Event |\n|--|--|\n| 14:00 | Alert |\n",
        "# Blameless Postmortem\n\n## Summary\nBrief.\n\n## Timeline\n- 10:15 Alert\n\n## Actions\n- Mend\n",
        "# 故障总结报告\n\n- 等级：P1\n- 发生时间：2024-XX-XX XX:XX\n\n## 时间线\n\n- XX:XX 始\n- XX:XX 止\n",
        "# Incident title - DD/MM/YYYY\n\n## Timeline\n\n## Follow-ups\n\n- [ ]\n",
    ],
)
def test_read_invents_nothing_from_an_empty_template(text):
    draft = read(text)

    assert draft.is_template
    assert not any((draft.title, draft.started, draft.ended, draft.entries, draft.actions, draft.causes))
    assert words(draft) == Counter(re.findall(r"\w+", text))


def test_read_does_not_take_a_document_for_a_form_for_its_title():
    draft = read("# Postmortem\n\n## Summary\n\nDown on Jan 5.\n\n## Action items\n\n- Pin the version\n")

    assert not draft.is_template
    assert [action.text for action in draft.actions] == ["Pin the version"]


@pytest.mark.parametrize(
    ("head", "start", "end"),
    [
        (
            "On 2021-02-13 between 12:17 and 12:30 UTC all downloads were broken.",
            "2021-02-13T12:17",
            "2021-02-13T12:30",
        ),
        ("At 2021-02-13 01:38 UTC the website went down.", "2021-02-13T01:38", None),
        ("Start time: 2021-02-13 10:00\nEnd time: 2021-02-13 11:00", "2021-02-13T10:00", "2021-02-13T11:00"),
        ("**故障时间**：2021年2月13日 14:03 至 14:21", "2021-02-13T14:03", "2021-02-13T14:21"),
        ("| Start Time | 2021-02-13 10:00 |\n| End Time | |", "2021-02-13T10:00", None),
        ("Start time: TBD", None, None),
        ("On 2021-01-02 between 12:17 and 12:30 UTC downloads were broken.", None, None),
        ("On 2021-02-13 at 09:15 UTC we deployed a change.", None, None),
        (
            "- Fault occurs 2021-02-13 10:00\n- Resolved 2021-02-13 11:00",
            "2021-02-13T10:00",
            "2021-02-13T11:00",
        ),
        ("Started at 10:00 am on 13th February 2021, lasting 37 minutes.", "2021-02-13T10:00", None),
        (
            "From 9:30 AM to 10:37 AM on 2021-02-13 all calls got error 500.",
            "2021-02-13T09:30",
            "2021-02-13T10:37",
        ),
        ("**影响时长**：13:17:51 → 13:40:26，约 22 分钟", "2021-02-13T13:17:51", "2021-02-13T13:40:26"),
        ("今天（2021-02-13 00:40 左右），三台服务器宕机。", "2021-02-13T00:40", None),
        # Repaired, then resolved: the stated length tells which.
        (
            "Start: 2021-02-13 10:00\nFixed: 2021-02-13 10:09\nResolved: 2021-02-13 10:36\nDuration: 36 min",
            "2021-02-13T10:00",
            "2021-02-13T10:36",
        ),
    ],
)
def test_read_takes_what_the_head_states(head, start, end):
    draft = read(f"# 2021-02-13 Outage\n\n## Summary\n\n{head}\n")

    assert (draft.started.local if draft.started and draft.started.is_sure else None) == start
    assert (draft.ended.local if draft.ended and draft.ended.is_sure else None) == end


def test_read_takes_the_moments_that_lie_as_far_apart_as_it_lasted():
    lines = ["- 12:06 Certificate replaced", "- 12:21 Issue verified", "- 13:30 Confirmed"]
    length = "\n## Stats\n\n- Time to recovery: 84 minutes\n"

    draft, without = timeline(*lines, length), timeline(*lines)

    assert draft.started
    assert draft.ended
    assert (draft.started.local, draft.ended.local) == ("2021-02-13T12:06", "2021-02-13T13:30")
    assert draft.started.is_sure
    assert draft.ended.is_sure
    assert without.started
    assert not without.started.is_sure


def test_read_compares_moments_in_their_zones():
    draft = read(
        "# Outage\n\n**Date of incident:** 2021-02-13, 14:32 UTC\n\nDuration: 2 hours\n\n"
        "## Timeline (all times CET)\n\n- 2021-02-13 15:32 the chain halts\n- 17:32 Service restored\n"
    )

    assert draft.started
    assert draft.ended
    assert (draft.started.local, draft.started.zone) == ("2021-02-13T14:32", "UTC")
    assert (draft.ended.local, draft.ended.is_sure) == ("2021-02-13T17:32", True)


def test_read_knows_the_day_by_the_heading_of_the_timeline_and_by_a_title_after_a_colon():
    assert moments(read("# 复盘\n\n## 时间线（2021-02-13）\n\n- 22:44 开始\n")) == ["2021-02-13T22:44"]
    assert moments(read("# 复盘：2021-02-13 宕机\n\n## 时间线\n\n- 22:44 开始\n")) == ["2021-02-13T22:44"]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("The site was down for about 1h50m.", "110"),
        ("服务中断，持续 18 分钟。", "18"),
        ("A 30 minute outage of the site.", "30"),
        ("服务中断，持续18分钟。", "18"),
        ("- 故障时间：2021-02-13 03:15 ~ 04:45 (持续1.5h)", "90"),
        ("- 停机时长：2个小时", "120"),
        ("- Time to repair: 1h 28m", "88"),
        ("It was down for an estimated 10-15 minutes.", None),
        ("It was down for at least seven hours, 2 hours longer than before.", None),
        ("Unusable (~5min delay for a response).", None),
        ("About 3.7M failed requests.", None),
    ],
)
def test_read_takes_a_duration_only_when_it_is_definite(text, minutes):
    duration = read(f"# Outage\n\n## Summary\n\n{text}\n").duration_minutes

    assert (duration.value if duration else None) == minutes


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("Severity: SEV-2", "SEV-2"),
        ("**故障级别**：P1", "P1"),
        ("| Incident Severity | P0 |", "P0"),
        ("**严重级别**: P1 (High - 核心失效)", "P1"),
        ("**严重级别**：高（资金风险）", "高"),
        ("- **定级依据**：影响约 8 小时，SEV-1", "SEV-1"),
        ("## SEV 评级\n\n**SEV4（低）** — 仅面板", "SEV4"),
        ("Severity: P0/P1/P2", None),
        ("- **定级依据**：介于 P1 与 P2 之间", None),
        ("This was a major outage.", None),
    ],
)
def test_read_takes_only_a_severity_that_is_written_down(text, severity):
    found = read(f"# Outage\n\n{text}\n\n## Summary\n\nIt was.\n").severity

    assert (found.value if found else None) == severity


def test_read_keeps_a_title_that_waits_to_be_filled_in():
    draft = read("# ISSUE NAME\nA password leaked.\n\n## Timeline\n\n_4/21/21_\n\n11:12 AM: seen\n")

    assert draft.title is None
    assert words(draft)["ISSUE"] == 1


def test_read_finds_services_of_the_catalogue_only():
    draft = read("# Outage of order\n\nAffected services: payment, nonsense\n", services=["order", "payment"])

    assert {(said.value, said.is_sure) for said in draft.services} == {("order", False), ("payment", True)}


def words(draft: Draft) -> Counter[str]:
    texts = [text for one in (*draft.sections, *draft.rest) for text in (one.heading, one.text)]
    texts += [text for one in draft.entries for text in (one.label, one.text)]
    texts += [draft.title.value] if draft.title else []
    return Counter(word for text in texts for word in re.findall(r"\w+", text))


PIECES = st.sampled_from(
    ["# ", "## Timeline", "## Root cause", "## Action items", "### 10:00", "- 10:05 x", "- [ ] do",
     "| a | b |", "|--|--|", "| 10:00 | c |", "```", "<!--", "-->", "---", "===", "**Summary:** s",
     "**Timeline**", "2021-02-13", "> q", "    code", "Severity: P1", "---\ntitle: t\n---",
     "text 11:00", "时间线", "## 时间线", "- 2021/03/04 10:00", "[a]: b", "", "1. x", "\t- y"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400) | st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=30).map("\n".join))
def test_read_loses_no_word_of_any_text(text):
    draft = read(text, filename="2021-02-13-x.md", services=["order"])

    assert not Counter(re.findall(r"\w+", text)) - words(draft)
    assert Draft.from_json(json.loads(json.dumps(draft.as_json()))) == draft


def cost(text: str) -> float:
    """Seconds of processor time that a reading takes."""
    began = time.process_time()
    read(text, services=["order"])
    return time.process_time() - began


@pytest.mark.parametrize(
    "piece",
    ["[", "# a\n", "## Timeline\n### 10:00\n", "\n", "|", "- 10:00 x\n", "1:", "```\n", "<!--\n",
     "outage for 10 minutes ", "between 10:00 and 11:00 outage ", "2018-01-01 ", "**a:** b\n\n", "a:\n",
     "a\n===\n", "  - x\n   ", "from at on "],
)  # fmt: skip
@pytest.mark.parametrize("head", ["", "## Timeline\n"])
def test_read_takes_linear_time(piece, head):
    text = head + piece * (512 * 1024 // len(piece))

    # On a busy machine a second of work may cost two, once; what grows with the square costs 64 times the
    # part, each time.
    assert any(is_linear(cost(text[: len(text) // 8]), cost(text)) for _ in range(3))


def is_linear(part, whole):
    return whole < 1 or whole < 24 * part
