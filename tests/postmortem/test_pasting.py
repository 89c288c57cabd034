"""What people paste, split into events: many formats, nothing lost, nothing guessed, in linear time."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postmortem import pasting

SHANGHAI = ZoneInfo("Asia/Shanghai")
# 2026-11-20, 14:00 and 18:00 in Shanghai.
REFERENCE = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def split(text: str, **changes) -> list[pasting.Piece]:
    pieces = pasting.split(text, **{"zone": SHANGHAI, "reference": REFERENCE, "now": NOW} | changes)
    assert "".join(piece.raw for piece in pieces) == text
    return pieces


def told(text: str, **changes) -> list[tuple[str | None, str, str]]:
    """(moment in UTC, kind, text) of each piece."""
    return [
        (
            f"{piece.at:%Y-%m-%d %H:%M:%S}" if piece.at else piece.problem,
            piece.kind,
            piece.text,
        )
        for piece in split(text, **changes)
    ]


@pytest.mark.parametrize(
    "heads",
    [
        ("Chen Hao  2:05 PM", "Robin Weber  2:07 PM"),
        ("chenhao [2:05 PM]", "robin [2:07 PM]"),
        ("陈浩 2026/11/20 14:05:00", "罗宾 2026/11/20 14:07:00"),
        ("Chen Hao — Today at 2:05 PM", "Robin Weber — Today at 2:07 PM"),
        ("Chen Hao (on call), [20.11.2026 14:05]", "Robin Weber, [20.11.2026 14:07]"),
        ("陈浩 11月20日 14:05", "罗宾 11月20日 14:07"),
        ("陈浩  下午2:05", "罗宾  下午2:07"),
    ],
    ids=["slack", "slack of old", "wechat", "discord", "telegram", "feishu", "half of day"],
)
def test_conversation_with_who_and_when_above_each_message(heads):
    names = [head.split(",")[0].split("  ")[0].split(" [")[0].split(" —")[0].split(" 2")[0].split(" 1")[0]
             for head in heads]  # fmt: skip
    text = f"{heads[0]}\nOrders fail.\n14:01 the pool was full\n{heads[1]}\nI look.\n2:09 PM\nIt is calm.\n"

    assert told(text) == [
        ("2026-11-20 06:05:00", "note", f"{names[0]}: Orders fail.\n14:01 the pool was full"),
        ("2026-11-20 06:07:00", "note", f"{names[1]}: I look."),
        ("2026-11-20 06:09:00", "note", "It is calm."),
    ]


def test_sentence_that_ends_with_a_time_is_nobody_who_speaks():
    text = "Restarted it at 14:03\nand again\nWatched it until 14:09\nall calm\n"

    assert [kind for _at, kind, _text in told(text)] == ["note"]


def test_history_of_zsh():
    text = ": 1795154400:0;kubectl get pods\n: 1795154460:12;for pod in a b\\\ndo echo $pod\\\ndone\n"

    assert told(text) == [
        ("2026-11-20 06:00:00", "command", "kubectl get pods"),
        ("2026-11-20 06:01:00", "command", "for pod in a b\\\ndo echo $pod\\\ndone"),
    ]


def test_history_file_of_bash():
    text = "ls\n#1795154400\nkubectl get pods\n#1795154460\nvi 14:03.txt\n"

    assert told(text) == [
        ("no_time", "note", "ls"),
        ("2026-11-20 06:00:00", "command", "kubectl get pods"),
        ("2026-11-20 06:01:00", "command", "vi 14:03.txt"),
    ]


@pytest.mark.parametrize(
    "stamp", ["2026-11-20 14:03:01", "2026-11-20T14:03:01", "[2026-11-20 14:03:01]", "2026-11-20T06:03:01Z"]
)
def test_numbered_history_with_times(stamp):
    text = f"  501  {stamp} kubectl get pods\n  502* {stamp} kubectl logs order-7\n"
    text = text.replace("502* ", "502*  ")

    assert told(text) == [
        ("2026-11-20 06:03:01", "command", "kubectl get pods"),
        ("2026-11-20 06:03:01", "command", "kubectl logs order-7"),
    ]


def test_numbered_history_without_times_is_flagged_command_by_command():
    assert told("  501  kubectl get pods\n  502  kubectl logs order-7\n") == [
        ("no_time", "command", "kubectl get pods"),
        ("no_time", "command", "kubectl logs order-7"),
    ]


def test_prompts_are_commands_without_a_time_and_keep_their_output():
    text = "$ kubectl get pods\norder-7  Pending\nroot@db1:~# mysqladmin ping\nmysqld is alive\n"

    assert told(text) == [
        ("no_time", "command", "kubectl get pods\norder-7  Pending"),
        ("no_time", "command", "mysqladmin ping\nmysqld is alive"),
    ]


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("2026-11-20T06:03:01.123Z ERROR pool exhausted", "2026-11-20 06:03:01"),
        ("2026-11-20T14:03:01+08:00 ERROR pool exhausted", "2026-11-20 06:03:01"),
        ("2026-11-20 14:03:01,123 ERROR [pool-1] c.e.Order - exhausted", "2026-11-20 06:03:01"),
        ("2026-11-20 14:03:01.123  INFO 1 --- [main] o.s.Boot : started", "2026-11-20 06:03:01"),
        ("[2026-11-20 14:03:01] production.ERROR: exhausted", "2026-11-20 06:03:01"),
        ("[2026-11-20T06:03:01Z] GET /order 500", "2026-11-20 06:03:01"),
        ("2026/11/20 14:03:01 [error] 7#7: *1 connect() failed", "2026-11-20 06:03:01"),
        ("2026/11/20 14:03:01.123456 main.go:42: exhausted", "2026-11-20 06:03:01"),
        ("2026-11-20 06:03:01 UTC [77] FATAL:  too many clients", "2026-11-20 06:03:01"),
        ("2026-11-20 06:03:01 +0000 exhausted", "2026-11-20 06:03:01"),
        ("INFO  2026-11-20 14:03:01 exhausted", "2026-11-20 06:03:01"),
        ("web-1  | 2026-11-20T06:03:01Z exhausted", "2026-11-20 06:03:01"),
        ("<134>1 2026-11-20T06:03:01Z order-7 app 42 - - exhausted", "2026-11-20 06:03:01"),
        ("<34>Nov 20 14:03:01 order-7 su: failed", "2026-11-20 06:03:01"),
        ("Nov 20 14:03:01 order-7 kernel: oom", "2026-11-20 06:03:01"),
        ("Nov  5 14:03:01 order-7 kernel: oom", "2026-11-05 06:03:01"),
        ("Dec 24 14:03:01 order-7 kernel: oom", "2025-12-24 06:03:01"),
        ("Fri 2026-11-20 06:03:01 UTC order-7 systemd[1]: Started", "2026-11-20 06:03:01"),
        ("2026-11-20T14:03:01+0800 order-7 systemd[1]: Started", "2026-11-20 06:03:01"),
        ("1795154581.123456 order-7 systemd[1]: Started", "2026-11-20 06:03:01"),
        ("[Fri Nov 20 14:03:01.123456 2026] [core:error] [pid 7] exhausted", "2026-11-20 06:03:01"),
        ('10.2.7.14 - lin [20/Nov/2026:14:03:01 +0800] "GET / HTTP/1.1" 503 0', "2026-11-20 06:03:01"),
        ("E1120 14:03:01.123456   12345 pool.go:10] exhausted", "2026-11-20 06:03:01"),
        ("I1120 14:03:01.123456       1 leader.go:258] lost", "2026-11-20 06:03:01"),
        ('{"ts":"2026-11-20T06:03:01Z","msg":"exhausted"}', "2026-11-20 06:03:01"),
        ('{"level":"error","time":1795154581,"msg":"exhausted"}', "2026-11-20 06:03:01"),
        ('{"level":"error","ts":1795154581.25,"msg":"exhausted"}', "2026-11-20 06:03:01"),
        ('{"@timestamp":"2026-11-20T06:03:01.123Z","msg":"exhausted"}', "2026-11-20 06:03:01"),
        ('{"timestamp": 1795154581123, "msg": "exhausted"}', "2026-11-20 06:03:01"),
        ("time=2026-11-20T06:03:01Z level=error msg=exhausted", "2026-11-20 06:03:01"),
        ('time="2026-11-20T06:03:01Z" level=error msg=exhausted', "2026-11-20 06:03:01"),
        ("level=error ts=2026-11-20T06:03:01.5Z caller=x.go:1 msg=exhausted", "2026-11-20 06:03:01"),
        ("14:03:01.123 [main] ERROR c.e.Order - exhausted", "2026-11-20 06:03:01"),
        ("[14:03:01] ERROR exhausted", "2026-11-20 06:03:01"),
    ],
)
def test_line_of_a_log_is_read_and_kept_as_it_was(line, moment):
    other = line.replace(":03:01", ":03:04").replace("1795154581", "1795154584")
    trace = "\tat com.example.Pool.take(Pool.java:42)\n    ... 12 more\n"

    assert told(f"{line}\n{trace}{other}\n") == [
        (moment, "log", f"{line}\n{trace}".rstrip()),
        (moment.replace(":03:01", ":03:04"), "log", other),
    ]


def test_stack_traces_and_other_unstamped_lines_stay_with_their_entry():
    text = (
        "2026-11-20T06:03:01Z ERROR exhausted\n"
        "java.sql.SQLException: Too many connections\n"
        "\tat com.example.Pool.take(Pool.java:42)\n"
        "Caused by: java.net.SocketException\n"
        "\n"
        "Traceback (most recent call last):\n"
        '  File "x.py", line 3, in <module>\n'
        "2026-11-20T06:03:04Z INFO calm\n"
    )

    first, second = split(text)

    assert first.text == text[: text.index("2026-11-20T06:03:04Z")].rstrip()
    assert (second.line, second.text) == (8, "2026-11-20T06:03:04Z INFO calm")


def test_list_of_notes_is_read_as_it_was_typed():
    text = "- 14:03 收到告警\n- +5m 连接池 247\n- 14:20 重启了 order\n  然后恢复\n昨天 23:10 发布\n"

    assert told(text) == [
        ("2026-11-20 06:03:00", "note", "收到告警"),
        ("2026-11-20 06:08:00", "note", "连接池 247"),
        ("2026-11-20 06:20:00", "note", "重启了 order\n  然后恢复"),
        ("2026-11-19 15:10:00", "note", "发布"),
    ]


def test_times_below_a_day_are_of_that_day():
    text = "## 2026-11-18\n14:03 deploy\n23:50 calm\n00:10 pager\n2026-11-19\n09:00 review\n"

    assert told(text) == [
        ("day", "note", "## 2026-11-18"),
        ("2026-11-18 06:03:00", "note", "deploy"),
        ("2026-11-18 15:50:00", "note", "calm"),
        ("2026-11-18 16:10:00", "note", "pager"),
        ("day", "note", "2026-11-19"),
        ("2026-11-19 01:00:00", "note", "review"),
    ]


def test_indented_text_is_read_like_any_other():
    assert told("    14:03 alert\n    14:05 calm\n") == [
        ("2026-11-20 06:03:00", "note", "alert"),
        ("2026-11-20 06:05:00", "note", "calm"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Restarted the order service, then it was calm.", "no_time"),
        ("now it is calm", "no_time"),
        ("10 min ago it was calm", "no_time"),
        ("25:00 pager", "unclear"),
        ("3/4 14:03 pager", "unclear"),
        ("14:03 CST pager", "unclear"),
        ("2026-02-30 14:03:01 ERROR x", "unclear"),
        ("2099-01-01T00:00:00Z ERROR x", "unclear"),
        ("[12345.678901] kernel: oom", "no_time"),
        ("2147483648 bytes were lost", "unclear"),
    ],
)
def test_event_without_a_certain_moment_is_flagged_and_kept(text, problem):
    (piece,) = split(text)

    assert (piece.at, piece.problem, piece.text) == (None, problem, text)


def test_time_that_the_clocks_showed_twice_is_flagged():
    (piece,) = split("2026-10-25 02:30:00 ERROR x", zone=ZoneInfo("Europe/Berlin"))

    assert (piece.at, piece.problem) == (None, "unclear")


def test_zone_that_the_text_names_is_kept():
    assert [piece.zone for piece in split("2026-11-20T06:03:01Z x\n2026-11-20 14:03:01 y\n")] == ["UTC", ""]


def test_numbers_inside_a_log_begin_no_event():
    text = "2026-11-20T06:03:01Z rows:\n  501  kubectl\n1795154400 bytes\n"

    assert len(split(text)) == 1


def test_empty_text_has_no_events():
    assert split("") == []
    assert [piece.text for piece in split("\n\n")] == [""]


_LINES = [
    "2026-11-20T06:03:01Z ERROR x", "Nov 20 14:03:01 h k: x", ": 1795154400:0;ls", "#1795154400", "  501  ls",
    "\tat Pool", "$ ls", "14:03 alert", "+5m pool", "25:00", "", "   ", '{"ts":1}', "now", "昨天 23:10 告警",
    "## 2026-11-18", "I1120 14:03:01.1 1 x.go:1] x", "a", "\x0b", "\u2028x", "time=2026-11-20T06:03:01Z",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(_LINES) | st.text(max_size=30), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_no_text_is_lost_whatever_is_pasted(lines, newline):
    text = newline.join(lines)

    pieces = split(text)

    for piece in pieces:
        assert (piece.at is None) == bool(piece.problem)
        # What is said is what was pasted, but for the stamps of histories and notes.
        assert piece.text == piece.text.rstrip()
        assert "".join(piece.text.split()) in "".join(piece.raw.split())


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-20T06:03:01Z ERROR x",
        "\tat com.example.Pool.take(Pool.java:42)",
        "x" * 500,
        "a=b " * 100,
        "(" * 300,
        "14:03 alert",
        " " * 300,
        "1" * 300,
        '{"a": ' * 60,
        "a@b:" + "x " * 100,
    ],
)  # fmt: skip
def test_long_text_is_split_in_linear_time(line):
    def seconds(count: int) -> float:
        text = f"{line}\n" * count
        started = time.process_time()
        pasting.split(text, zone=SHANGHAI, reference=REFERENCE, now=NOW)
        return time.process_time() - started

    seconds(50)
    short, long = seconds(500), seconds(4000)

    assert long < max(short, 0.005) * 8 * 4
    assert long < 6
