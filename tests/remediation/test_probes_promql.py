"""Reading PromQL offline, in a process that may crash or hang."""

import time

import pytest

from remediation.probes import promql
from remediation.probes.promql import read


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("up", "vector"),
        ('sum by (job) (rate(http_requests_total{code=~"5.."}[5m]))', "vector"),
        ("(1 + 2) * 3", "scalar"),
        ("1 + up", "vector"),
        ("scalar(up)", "scalar"),
        ("up[5m]", "matrix"),
        ("(up[5m:1m])", "matrix"),
        ('"text"', "string"),
        ("-up", "vector"),
    ],
)
def test_valid_expression_has_its_type(expression, kind):
    assert (read(expression).verdict, read(expression).kind) == ("valid", kind)


@pytest.mark.parametrize(
    ("expression", "reason", "position"),
    [
        ("rate(up)", "expected type", ""),
        ("sum(up", "", "1:4"),
        ("up}", "", "1:3"),
        ('up{job="order', "", "1:8"),
        ("up{job=\n~}", "", ""),
        ("exec(up)", "unknown function", ""),
        ("up{}[", "", "1:5"),
        ("sum(up) by (job", "", "1:12"),
    ],
)
def test_invalid_expression_is_refused_with_a_reason_and_its_place(expression, reason, position):
    found = read(expression)

    assert found.verdict == "refused"
    assert reason in found.reason
    assert found.reason
    assert found.position == position


@pytest.mark.parametrize(
    "expression",
    ["holt_winters(up[1h], 0.5, 0.5)", "foo[step()]", "foo offset -(5)", "rate(foo[2m+2m])", "a + fill(0) b"],
)
def test_what_may_be_newer_or_older_is_left_to_the_server(expression):
    assert read(expression).verdict in {"doubtful", "valid"}


def test_variable_of_a_dashboard_outside_quotes_is_refused_where_it_stands():
    found = read("rate(up[$__rate_interval])")

    assert (found.verdict, found.position, found.variables) == ("refused", "1:9", ("$__rate_interval",))


@pytest.mark.parametrize("variable", ["$job", "${job}", "${job:regex}", "[[job]]"])
def test_variable_inside_a_matcher_is_seen(variable):
    found = read(f'up{{job=~"{variable}"}}')

    assert (found.verdict, found.variables) == ("valid", (variable,))


def test_comparison_at_the_top_is_a_filter_and_with_bool_is_none():
    assert read("(up > 1)").is_filter
    assert not read("up > bool 1").is_filter
    assert not read("sum(up > 1)").is_filter


def test_expression_without_a_metric_is_told():
    assert not read("vector(1) + 2").has_metric
    assert read("1 + sum(rate(up[5m]))").has_metric


@pytest.mark.parametrize(
    "expression",
    [
        " + ".join(["up"] * 5000),
        "(" * 5000 + "up" + ")" * 5000,
        "-" * 9000 + "up",
        "sum(" * 2000 + "up" + ")" * 2000,
        "(" * 9000,
        "{" * 9000,
        "\x00",
        "up{a='" + "\\" * 5000,
    ],
    ids=["terms", "parens", "minus", "sums", "open", "braces", "nul", "escapes"],
)
def test_hostile_expression_neither_crashes_nor_blocks(expression):
    began = time.monotonic()

    assert read(expression).verdict in {"valid", "refused", "doubtful"}

    # The limit of the parser's process, and a slow machine.
    assert time.monotonic() - began < promql.MAX_SECONDS + 20


def test_parser_that_crashes_or_is_not_there_leaves_the_matter_to_the_server(monkeypatch, tmp_path):
    for program in ("import os; os.abort()", "print('[]')", "print('no json')", "raise SystemExit(3)"):
        other = tmp_path / "parser.py"
        other.write_text(program)
        monkeypatch.setattr(promql, "__file__", str(other))
        read.cache_clear()

        assert read("up").verdict == "doubtful"
    read.cache_clear()
