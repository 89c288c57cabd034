import pytest

from postmortem import wording


def phrases(text):
    return [vague.phrase for vague in wording.find(text)]


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
    "text", ["~~~\n" * 16_000, "`" * 60_000, '"' * 60_000, "“" * 60_000, "可能" * 30_000]
)
def test_find_stays_linear_on_hostile_text(text):
    # A quadratic scan of 64 KB would not end within the patience of any reader.
    assert all(text[vague.start : vague.end] == vague.phrase for vague in wording.find(text))
