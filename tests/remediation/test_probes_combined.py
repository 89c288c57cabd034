"""Several expressions as one query: exactly what asking one by one says, or one by one."""

import json
import math
from collections.abc import Iterator

import pytest

from remediation.probes import combined
from remediation.probes.combined import is_combinable, is_self_contained, joined, read
from remediation.probes.crew import Crew
from remediation.probes.prometheus import Query, ask_once
from remediation.probes.result import Expectation, ProbeResult, Series
from tests.servers import Prometheus

BELOW_FIVE = Expectation("all", "<", 5.0)


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    combined._alone.clear()
    yield
    combined._alone.clear()


def query(promql: str, url: str = "http://prometheus", *, seconds: float = 5, **rules: str) -> Query:
    return Query(url, promql, Expectation("all", "<", 5.0, **rules), seconds)


@pytest.mark.parametrize(
    "promql",
    [
        "up",
        'rate(http_requests_total{path=~"/a(b|c)\\"[5m]"}[5m]) > 1 # and so on (',
        "sum by (pod) (up) / on (pod) group_left ({__name__='x', y=`)`})",
        "-1 * (vector(1))",
    ],
)
def test_closed_expression_may_stand_beside_others(promql):
    assert is_self_contained(promql)


@pytest.mark.parametrize(
    "promql",
    [
        # What reaches out of its brackets could answer for others.
        'up), "closeloop_pa", "1", "", "") or label_replace((up',
        "up) or (up",
        "up)",
        "(up",
        "up[5m}",
        'up{a="b}',
        "up 'x",
        "up `",
        "up; up",
        "closeloop_part",
        "u" * 2_001,
    ],
)
def test_open_expression_may_not(promql):
    assert not is_self_contained(promql)


def test_one_that_may_take_long_is_asked_alone():
    assert is_combinable(query("up", seconds=20))
    assert not is_combinable(query("up", seconds=21))


def answer(*samples: tuple[str, str], **more: object) -> bytes:
    result = [{"metric": {"closeloop_part": part, "a": "b"}, "value": [0, value]} for part, value in samples]
    return json.dumps(
        {"status": "success", "data": {"resultType": "vector", "result": result}} | more
    ).encode()


THREE = [query("a"), query("b"), query("c")]


def test_answer_is_divided_among_its_parts():
    found = read(200, answer(("2", "7"), ("0", "1")), THREE)

    assert [(one.outcome, one.value, one.series, one.expression) for one in found] == [
        ("pass", 1.0, [Series({"a": "b"}, "1")], "a"),
        ("no_data", None, [], "b"),
        ("fail", 7.0, [Series({"a": "b"}, "7")], "c"),
    ]


def test_part_with_several_series_is_asked_alone():
    found = read(200, answer(("0", "1"), ("1", "1"), ("1", "2")), THREE)

    assert [result is None for result in found] == [False, True, False]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, answer(("0", "1"), warnings=["one store is down"])),
        (200, answer(("0", "1"), infos=["no counter"])),
        (200, answer(("3", "1"))),
        (200, answer(("x", "1"))),
        (200, answer(("0", "many"))),
        (400, b'{"status":"error","errorType":"bad_data","error":"parse error"}'),
        (200, b'{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}'),
        (503, b"<html>"),
        (200, b"[" * 100_000),
    ],
    ids=["warning", "info", "unknown part", "no number", "no value", "error", "scalar", "no json", "deep"],
)
def test_whatever_is_not_exact_is_no_result(status, body):
    assert read(status, body, THREE) == [None, None, None]


def results(crew: Crew[int]) -> dict[int, ProbeResult | None]:
    found: dict[int, ProbeResult | None] = {}
    while crew.pending:
        found |= dict(crew.finished(within=0.05))
    return found


EXPRESSIONS = [
    "vector(1)", "7", 'pool_waiting{service="order"}', "pool_waiting", "absent(pool_waiting)",
    "no_such_metric", "sum(", "pool_waiting > 100", 'label_replace(vector(3), "a", "b", "", "")',
    "pool_waiting # (", "0 / 0", "vector(0) / 0", "count(pool_waiting) by (service)", "up",
    "resets(pool_waiting[1m])", "-pool_waiting", "sort(pool_waiting)", '{__name__=~"pool_.*"}',
    "pool_waiting + on() group_left() pool_waiting", "time() > bool 0",
]  # fmt: skip


def test_real_prometheus_says_the_same_together_as_alone(prometheus: Prometheus):
    prometheus.show('pool_waiting{service="order"}', 3)
    prometheus.show('pool_waiting{service="stock"}', 9)
    queries = [
        query(expression, prometheus.url, no_data_rule=rule, nan_rule=nan)
        for expression in EXPRESSIONS
        for rule, nan in (("no_data", "fail"), ("fail", "leave_out"), ("pass", "fail"))
    ]
    alone = [ask_once(one, allow_loopback=True) for one in queries]

    with Crew[int](allow_loopback=True, combines=True) as crew:
        for number, one in enumerate(queries):
            crew.submit(number, one, start_within=30)
        together = results(crew)

    assert {number: same(together[number]) for number in together} == dict(enumerate(map(same, alone)))


def same(result: ProbeResult | None) -> object:
    """A result without what differs from moment to moment, and the order of series, which is none."""
    assert result is not None
    series = sorted((sorted(one.labels.items()), one.value) for one in result.series or ())
    value = result.value if len(series) < 2 else None
    return result.outcome, value, result.error_code, result.error, series, list(result.warnings)


def test_many_sound_expressions_take_few_queries(prometheus: Prometheus):
    asked: list[str] = []
    real = combined.ask

    with Crew[int](allow_loopback=True, combines=True) as crew:
        crew.submit(-1, query("1", prometheus.url), start_within=30)
        results(crew)

        async def counting(client, queries):
            asked.append(joined(queries))
            return await real(client, queries)

        combined.ask = counting
        try:
            for number in range(90):
                crew.submit(number, query(f"vector({number})", prometheus.url), start_within=30)
            found = results(crew)
        finally:
            combined.ask = real

    assert [found[number].value for number in range(90)] == [float(number) for number in range(90)]
    assert len(asked) == math.ceil(90 / combined.MOST)


def test_one_bad_expression_is_found_and_remembered(prometheus: Prometheus):
    good = [query(f"vector({number})", prometheus.url) for number in range(29)]
    bad = query("3", prometheus.url)
    with Crew[int](allow_loopback=True, combines=True) as crew:
        crew.submit(-1, good[0], start_within=30)
        results(crew)
        for number, one in enumerate([*good, bad]):
            crew.submit(number, one, start_within=30)
        found = results(crew)

    assert {result.outcome for result in found.values()} == {"pass", "fail"}
    assert found[29].value == 3.0
    assert not is_combinable(bad)
    # The few that were asked beside it are lost to the common query, the others are not.
    assert sum(is_combinable(one) for one in good) >= 24
