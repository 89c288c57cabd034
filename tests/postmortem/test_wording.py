"""What is found in a text, and what is left alone."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postmortem import wording
from postmortem.wording import Purpose, Term


def phrases(text, purpose=Purpose.STEP, **more):
    return [found.phrase for found in wording.find(text, purpose=purpose, **more)]


def test_find_shows_the_span_of_a_guess():
    [vague] = wording.find("可能是连接池")

    assert (vague.start, vague.end, vague.phrase) == (0, 2, "可能")
    assert vague.why == "This is a guess."
    assert vague.suggestion


@pytest.mark.parametrize(
    "text",
    [
        "不可能复现",
        "见《可能性评估表》",
        "可能性评估表",
        "这是大概率事件",
        "尽可能缩短",
        "threshold 的可能取值有三个",
        "the limit may not exceed 200",
        "A timeout could have prevented the outage; the graph looked like this:",
        "Fixed in May 2026.",
        "The likelihood table is attached.",
        "It is impossible to reproduce.",
        "unlikelihood",
        "call maybe_retry() twice",
        "",
    ],
)
def test_find_lets_sound_wording_pass(text):
    assert phrases(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "`maybe` is the name of the function",
        "``a `maybe` b``",
        "```\nERROR maybe out of memory\n```",
        "~~~ text\n可能\n~~~",
        "```\nunclosed 可能",
        "    ERROR: could be a timeout",
        "\tprobably",
        "> 可能是网络",
        "日志里写着“连接可能已断开”。",
        '日志里写着"connection may be lost"。',
        "日志「可能」",
        "https://wiki.example.com/maybe/probably?x=可能",
        "[the page](https://wiki.example.com/maybe)",
        "<https://example.com/maybe>",
        "2026-11-20T14:03:20Z ERROR pool: connection may be stale",
        "2026/11/20 14:03:20.123 [WARN] 可能超时",
        "[ERROR] maybe the pool is empty",
        "WARN: 14 maybe",
    ],
)
def test_find_skips_code_quotations_links_and_logs(text):
    assert phrases(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("也许是网络，大概是磁盘", ["也许", "大概"]),
        ("It was probably the pool, maybe the disk.", ["probably", "maybe"]),
        ("MAYBE the disk", ["MAYBE"]),
        ("It might have been the pool.", ["might have"]),
        ("The pool may be too small; it could be the disk.", ["may be", "could be"]),
        ("most likely the pool", ["most likely"]),
        ("It seems to be the pool", ["seems to"]),
        ("We think it was the pool.", ["We think"]),
        ("好像是连接池，应该是因为没有超时", ["好像", "应该是"]),
        ("疑似内存泄漏", ["疑似"]),
        ("不大可能是网络", ["可能"]),
        ("14:03 可能是连接池", ["可能"]),
        ("The `pool` is maybe full", ["maybe"]),
        ("[maybe this](https://example.com/probably)", ["maybe"]),
        ("a ` lone tick, maybe", ["maybe"]),
        ("don't know, maybe it isn't", ["maybe"]),
    ],
)
def test_find_names_each_vague_phrase_in_order(text, expected):
    assert phrases(text) == expected


def test_find_counts_code_points_of_the_original_text():
    text = "🔥 `x` 连接池 probably 满了"

    [vague] = wording.find(text)

    assert text[vague.start : vague.end] == vague.phrase == "probably"
    assert vague.start == 10


def test_find_keeps_offsets_behind_what_it_skips():
    text = "```\n可能\n```\n> maybe\n\n“大概” 之后：也许"

    [vague] = wording.find(text)

    assert text[vague.start : vague.end] == "也许"


@pytest.mark.parametrize(
    "text",
    [
        "The quota may be extended, and may have up to 5 rows.",
        "It could have been solved in 4.5 hours. No image could be launched.",
        "People were more likely to answer there.",
        "A normal entry looks like:",
        "正常情况应该是 3 个副本；见可能的取值；可能影响的镜像",
        "《可能性评估表》与《maybe》",
        "‘maybe’ and 'maybe' are the two names",
        "<!-- Say what probably happened. -->",
        "> Ann wrote: it is\nprobably the pool",
    ],
)
def test_find_knows_what_only_looks_like_a_guess(text):
    assert phrases(text) == []


def test_find_reads_indented_lines_as_markdown_does():
    listed = "- The pool\n    - was probably full\n\n    and maybe more\n"
    code = "Then:\n\n    maybe = 1\n\nIt was probably full."

    assert phrases(listed) == ["probably", "maybe"]
    assert phrases(code) == ["probably"]


def test_find_reads_a_quotation_to_its_blank_line():
    assert phrases("> maybe\nmaybe\n\nprobably\n> maybe\n- likely") == ["probably", "likely"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Root cause: human error.", ["human error"]),
        ("The engineer forgot to renew it.", ["forgot to"]),
        (
            "Ann Lee forgot about the flag; a reviewer overlooked it.",
            ["forgot about", "a reviewer overlooked"],
        ),
        ("It was a careless change.", ["careless"]),
        ("This was Bob's fault.", ["Bob's fault"]),
        ("原因：人为失误", ["人为失误"]),
        ("王工忘记续签证书", ["忘记"]),
        ("由于粗心，值班同学没有检查", ["粗心", "值班同学没有检查"]),
        # Machines are not blamed.
        ("The pods failed to start; a page fault; the job forgot nothing.", []),
        ("用户点“忘记密码”；防止误操作的确认框；大意是超时", []),
        ("An operator restarted the pod at 14:03.", []),
    ],
)
def test_find_hints_at_blame_and_never_blocks_for_it(text, expected):
    found = wording.find(text)

    assert [one.phrase for one in found] == expected
    assert not any(one.blocks for one in found)
    assert all(one.kind == "blame" for one in found)


def test_find_blocks_for_a_guess_in_a_step_only():
    blocking = {
        purpose: [one.blocks for one in wording.find("maybe", purpose=purpose)] for purpose in Purpose
    }

    assert blocking[Purpose.STEP] == [True]
    assert not any(any(blocks) for purpose, blocks in blocking.items() if purpose != Purpose.STEP)


def test_find_advises_to_use_the_state_of_a_cause():
    [found] = wording.find("可能是连接池", purpose=Purpose.CAUSE)

    assert "hypothesis" in found.suggestion


# --- actions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Improve monitoring",
        "Be more careful",
        "We should look into the flaky deploys",
        "[ ] **HIGH** Consider a second replica",
        "P1: Investigate the retries ([#12](https://example.org/issues/12))",
        "Make the hub more robust to restarts",
        "Handle timeouts gracefully",
        "Restart the hub if necessary",
        "Better dashboards",
        "Set up monitoring and alerting",
        "Ask the vendor if there is a fix",
        "Therefore we need to find a way to see it",
        "Spike into another queue",
        "Agree on a release process",
        "Explore remote storage of the log files",
        "Add some monitoring to the jobs",
        "Bring down the noise of alerts even more",
        "Employee Training: Provide training to the team",
        "Conduct a review of the firewall rules",
        "Review and update the runbook",
        "Implement regular inspections of the disks",
        "Teach the teams how to read the dashboards",
        "[Investigate the failed flushes](https://example.org/issues/12)",
        "**Gather feedback** on the template",
        "设置监控告警",
        "加强监控",
        "提高意识",
        "后续我们将密切关注服务器指标。",
        "对连接池进行优化",
        "进一步完善应急预案",
    ],
)
def test_action_without_an_outcome_is_found(text):
    assert phrases(text, Purpose.ITEM) != []


@pytest.mark.parametrize(
    "text",
    [
        "Add an alert on `queue_depth > 1000` for 5 minutes",
        "Set the pool's limit to 200",
        "Remove the redirect page",
        "Upgrade nginx to 1.25",
        "Improve the p99 of checkout to below 300 ms",
        "Improve the alert by adding the name of the node",
        "Use a separate account, which makes it harder to mix them up",
        "Investigate the retries and publish the numbers in the runbook by Friday",
        "Improve monitoring. Add an alert when disk use is above 90 %.",
        "Add a test for a configuration that could break the hub",
        "Disable the job until a safer release is out",
        "Set up monitoring of the replication lag",
        "Validate each path with a regular expression",
        "Run `terraform plan` in the pipeline of every repository",
        "**Create a migration guide** for documents of the old template",
        "设置连接数超过 180 的告警",
        "为 order 增加连接数超过 180 的告警",
        "把 maxActive 从 100 调整为 200",
        "优化连接池：将 maxActive 设置为 200",
        "调研后 11 月 30 日前提交选型结论",
        "删除旧监控",
        "",
    ],
)
def test_action_with_an_outcome_is_left_alone(text):
    assert phrases(text, Purpose.ITEM) == []


def test_details_of_an_item_are_judged_point_by_point():
    text = "It was slow. Improve things.\n\n- Add an index on `user_id`\n- improve caching\n2. 加强监控\n"

    assert phrases(text, Purpose.ITEM_DETAILS) == ["improve", "加强"]


# --- terms of a team -----------------------------------------------------------------------------------


def test_term_of_a_team_is_found_with_its_own_words():
    term = Term("网络抖动", is_allowed=False, why="从来没有证据。", suggestion="给出重传率。")

    [found] = wording.find("原因是网络抖动。`网络抖动`", extra=[term])

    assert (found.phrase, found.kind, found.blocks) == ("网络抖动", "term", True)
    assert (found.why, found.suggestion) == ("从来没有证据。", "给出重传率。")
    assert not wording.find("网络抖动", purpose=Purpose.LESSON, extra=[term])[0].blocks


@pytest.mark.parametrize(
    ("text", "phrase", "expected"),
    [
        ("Maybe Inc. was down", "maybe inc", []),
        ("Maybe Inc. was maybe down", "maybe inc", ["maybe"]),
        ("perhaps.", "haps", ["perhaps"]),
        ("可能性矩阵可能有误", "可能性矩阵", ["可能"]),
        ("probably", "", ["probably"]),
        # What is found must lie within what is allowed.
        ("most likely", "likely", ["most likely"]),
    ],
)
def test_allowed_phrase_of_a_team_passes(text, phrase, expected):
    assert phrases(text, extra=[Term(phrase, is_allowed=True)]) == expected


def test_term_keeps_offsets_behind_letters_that_grow_in_lower_case():
    text = "İİİ glitch"

    [found] = wording.find(text, extra=[Term("GLITCH", is_allowed=False)])

    assert text[found.start : found.end] == "glitch"


def test_what_blocks_is_never_hidden_by_a_hint():
    text = "The operator mistakenly"

    [found] = wording.find(text, extra=[Term("mistakenly", is_allowed=False, why="x")])

    assert found.blocks


# --- bounds --------------------------------------------------------------------------------------------

_PIECES = [
    "maybe ", "可能", "不可能", "most likely ", "`", "```\n", "~~~\n", "> ", "\n", "\n\n", "    ", "\t", "- ",
    "improve ", "investigate ", "more ", "to ", "加强", "确保", "工程师没", "忘记", "forgot to ", '"', "“",
    "”", "'", "<!--", "-->", "](", "https://", "(", ")", "。", ". ", "12 ", "🔥", "İ", "\u2028", "\x0b", "a",
    "2026-11-20 14:03:20 ERROR ", "operator ",
]  # fmt: skip
_TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=60).map("".join)


@settings(max_examples=150, deadline=None)
@given(
    text=_TEXTS, purpose=st.sampled_from(Purpose), phrase=st.sampled_from(["a", "可能", "maybe x", "more"])
)
def test_findings_lie_in_the_text_in_order_and_apart(text, purpose, phrase):
    found = wording.find(text, purpose=purpose, extra=[Term(phrase, False), Term("most likely", True)])

    assert all(text[one.start : one.end] == one.phrase != "" for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


_FULL = 64 * 1024
_HOSTILE = [
    "a", " ", "\n", "~~~\n", "`", '"', "“", "'a", "<!--", "](<http://", "(", "可能", "在内", "工程师没",
    "对a", "might ", "more ", "we need to ", "could have been ", "find a ", "n't ", "> a\n", "- improve\n",
    "a's ", "**", "2026-11-20 14:00:00 ERRO ", "[",
]  # fmt: skip


def seconds_of(text: str, purpose: Purpose, terms: list[Term]) -> float:
    """CPU of one look through a text: the better of two, for a collection of garbage belongs to nobody."""
    took = []
    for _ in range(2):
        begun = time.process_time()
        assert len(wording.find(text, purpose=purpose, extra=terms)) <= wording.MAX_FINDINGS
        took.append(time.process_time() - begun)
    return min(took)


@pytest.mark.parametrize("purpose", Purpose)
def test_find_stays_linear_on_hostile_text(purpose):
    """A pattern that looks back over all it has read takes four times as long for twice the text."""
    terms = [Term(f"a term {number}", is_allowed=number % 2 == 0) for number in range(200)]
    slow = {}
    for piece in _HOSTILE:
        text = (piece * _FULL)[:_FULL]
        half, whole = (seconds_of(text[:size], purpose, terms) for size in (_FULL // 2, _FULL))
        # What takes no time at all grows by chance.
        if whole > 3 * half + 0.3:
            slow[piece] = (half, whole)

    assert slow == {}
