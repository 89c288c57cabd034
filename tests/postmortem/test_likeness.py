"""How much one cause looks like another: by words of two languages, class and service, with the reasons."""

import time

import pytest

from postmortem import likeness
from postmortem.likeness import Text, rank, terms

POOL = "The connection pool has no timeout, so requests wait for ever."
OTHERS = [
    Text(10, "A certificate expired because nobody renewed it."),
    Text(11, "The disk of the search node was full of old logs."),
    Text(12, "A load balancer sent traffic to a cell that was switched off."),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The pools were exhausted", ["pool", "exhaust"]),
        ("It dropped and is dropping queries, a query", ["drop", "drop", "query", "query"]),
        ("maxConnections of availability_logs", ["max", "connection", "availability", "log"]),
        ("at 14:03 on 2026-11-20, commit 4f2a9c1d0, https://example.com/x", ["commit"]),
        ("连接池耗尽", ["连接", "接池", "池耗", "耗尽"]),
        ("数据库的连接", ["数据", "据库", "连接"]),
        ("", []),
    ],
)
def test_terms_are_stems_and_pairs_without_what_tells_nothing(text, expected):
    assert terms(text) == expected


def test_same_cause_in_other_words_comes_first_with_its_reasons():
    asked = Text(1, POOL, ("capacity", "capacity-pool"), ["order", "stock"])
    same = Text(
        2, "Threads waited: no timeout was set on the pool.", ("capacity", "capacity-pool"), ["order"]
    )

    [best] = rank(asked, [*OTHERS, same])

    assert (best.key, best.shared_class, best.is_same_class) == (2, "capacity-pool", True)
    assert best.shared_services == ("order",)
    assert set(best.shared_words) == {"pool", "timeout", "wait"}
    assert best.is_likely


def test_chinese_texts_are_compared_and_their_words_put_together():
    asked = Text(1, "订单服务的连接池没有设置超时，请求全部堵住。")
    same = Text(2, "支付服务连接池耗尽：没有超时。")
    other = Text(3, "证书到期无人续期。")

    [best] = rank(asked, [other, same])

    assert best.key == 2
    assert "连接池" in best.shared_words


def test_words_of_every_report_make_no_likeness():
    asked = Text(
        1, "Summary: the outage was reported on Monday in Slack and resolved. Timeline, impact, review."
    )
    form = Text(2, "Summary: on Monday the outage was resolved; Slack reported its impact. Review, timeline.")
    chinese = Text(3, "故障影响用户，我们发现问题后已经恢复正常，原因分析如下。")

    assert rank(asked, [*OTHERS, form]) == []
    assert rank(chinese, [*OTHERS, Text(4, "事故影响用户：我们排查问题，目前恢复正常。")]) == []


def test_class_and_service_alone_suggest_nothing():
    asked = Text(1, POOL, ("capacity",), ["order"])

    assert rank(asked, [Text(2, "A certificate expired.", ("capacity",), ["order"])]) == []


def test_class_and_service_raise_the_score_and_a_neighbour_counts_half():
    asked = Text(1, POOL, ("capacity", "capacity-pool"), ["order"])
    words = "The pool of connections was exhausted."

    def score(path: tuple[str, ...] = (), services: tuple[str, ...] = ()) -> float:
        return rank(asked, [*OTHERS, Text(2, words, path, services)])[0].score

    plain = score()
    assert score(("capacity", "capacity-pool")) == pytest.approx(plain + likeness.CLASS_SHARE)
    assert score(("capacity", "capacity-storage")) == pytest.approx(plain + likeness.CLASS_SHARE / 2)
    assert score(("code",)) == pytest.approx(plain)
    assert score((), ("order",)) == pytest.approx(plain + likeness.SERVICE_SHARE)


def test_equal_texts_are_ordered_by_key_and_bounded():
    found = rank(Text(1, POOL), [Text(key, POOL) for key in (9, 7, 8)], most=2)

    assert [one.key for one in found] == [7, 8]
    assert all(one.text == pytest.approx(1.0) for one in found)


@pytest.mark.parametrize("text", ["", " ", "!!!", "\u202e💥", "的了是", "1 2 3"])
def test_text_without_words_looks_like_nothing(text):
    assert rank(Text(1, text, ("code",), ["order"]), [Text(2, POOL, ("code",), ["order"])]) == []


def test_hundreds_of_long_texts_are_compared_in_bearable_time():
    long = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26 % 26)} pool 连接池" for n in range(2000))
    started = time.process_time()

    rank(Text(1, long), [Text(key, long) for key in range(2, 302)])

    assert time.process_time() - started < 10
