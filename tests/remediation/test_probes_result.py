import pytest

from remediation.probes.result import Expectation, Series, judge, kept, kept_warnings, storable


def vector(*values: str) -> list[Series]:
    return [Series({"pod": str(number)}, value) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("quantifier", "values", "verdict"),
    [
        ("all", ["1", "2"], ("pass", 1.0)),
        ("all", ["1", "7"], ("fail", 7.0)),
        ("all", ["1", "NaN"], ("fail", None)),
        ("any", ["7", "2"], ("pass", 2.0)),
        ("any", ["7", "8"], ("fail", 7.0)),
        ("any", ["NaN"], ("fail", None)),
        ("none", ["7", "8"], ("pass", 7.0)),
        ("none", ["7", "2"], ("fail", 2.0)),
        ("none", ["7", "NaN"], ("fail", None)),
        ("count", ["7", "8"], ("pass", 2.0)),
        ("count", ["7"] * 5, ("fail", 5.0)),
        ("all", ["+Inf"], ("fail", None)),
        ("all", ["-Inf"], ("pass", None)),
    ],
)
def test_judge_asks_which_series_are_below_five(quantifier, values, verdict):
    assert judge(vector(*values), Expectation(quantifier, "<", 5.0)) == verdict


@pytest.mark.parametrize(
    ("comparator", "passing"),
    [
        ("<", ["4"]),
        ("<=", ["4", "5"]),
        ("==", ["5"]),
        ("!=", ["4", "6"]),
        (">=", ["5", "6"]),
        (">", ["6"]),
    ],
)
def test_judge_knows_every_comparator(comparator, passing):
    verdicts = {
        value: judge(vector(value), Expectation("all", comparator, 5.0))[0] for value in ["4", "5", "6"]
    }

    assert [value for value, verdict in verdicts.items() if verdict == "pass"] == passing


def test_not_a_number_differs_from_nothing():
    assert judge(vector("NaN"), Expectation("all", "!=", 5.0)) == ("fail", None)


@pytest.mark.parametrize("quantifier", ["all", "any", "none", "count"])
@pytest.mark.parametrize("rule", ["no_data", "fail", "pass"])
def test_empty_vector_is_judged_by_the_no_data_rule_alone(quantifier, rule):
    assert judge([], Expectation(quantifier, ">=", 0.0, rule)) == (rule, None)


def test_kept_series_are_bounded_and_can_be_stored():
    labels = {"a\x00b": "\ud800" + "x" * 300} | {f"label{number}": "" for number in range(40)}

    [first, *others] = kept([Series(labels, "1"), *vector(*["2"] * 30)])

    assert len(others) == 19
    assert len(first.labels) == 30
    assert first.labels["ab"] == "?" + "x" * 198 + "…"


def test_kept_warnings_are_bounded():
    warnings = kept_warnings(["w" * 900] * 12)

    assert [len(warning) for warning in warnings] == [500] * 10


def test_storable_text_keeps_lines_and_other_scripts():
    assert storable("连接池\n\tempty\x00", 100) == "连接池\n\tempty"


@pytest.mark.parametrize(
    ("values", "quantifier", "outcome"),
    [
        (["NaN", "1"], "all", "pass"),
        (["NaN", "9"], "all", "fail"),
        (["NaN", "1"], "any", "pass"),
        (["NaN"], "all", "no_data"),
        (["NaN", "9"], "none", "pass"),
    ],
)
def test_nan_is_left_out_when_the_check_says_so(values, quantifier, outcome):
    vector = [Series({}, value) for value in values]

    assert judge(vector, Expectation(quantifier, "<", 5.0, nan_rule="leave_out"))[0] == outcome
    assert judge([Series({}, "NaN"), *vector], Expectation("all", "<", 5.0))[0] == "fail"
