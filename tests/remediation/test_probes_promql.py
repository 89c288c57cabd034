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
        ("end() - start()", "scalar"),
        ("anchored", "vector"),
        ("up > 0e0", "vector"),
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
        ('up{job="a\\.b"}', "escape", ""),
        ("up[9m / 0]", "division by zero", "1:7"),
        ("up[9m % 0s:]", "modulo by zero", "1:7"),
        ("up[-1]", "greater than 0", "1:4"),
        ("up offset (1h / 0)", "division by zero", "1:15"),
        ("up offset step()[5m]", "offset", ""),
        ("1[5m] anchored", "ranges only", ""),
        ("up[1m + ]", "", ""),
        ("up[(5m) 3]", "", ""),
        ("up[max_of(5m)]", "", ""),
        ("up[400y]", "out of range", "1:3"),
        ("up offset 9e10", "out of range", "1:11"),
        ("up > 1e999", "out of range", "1:6"),
        ("up @ 1e40", "out of bounds", "1:6"),
        ('up{a="b" or c="d"}', "unexpected <or>", "1:10"),
        ("info(up, target_info)", "label selectors only", "1:9"),
        ('up{job=~"a++"}', "nested repetition", "1:9"),
        ("up{job=~`a{2000}`}", "repeat count", "1:9"),
        ("up{job=~`(?=a)`}", "regex", ""),
        ("rate(up{job=~`[a`}[5m])", "regex", ""),
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
    [
        "holt_winters(up[1h], 0.5, 0.5)",
        "foo[step()]",
        "foo[(5s)]",
        "foo[2 * (STEP() + 1m) ^ 2 : max_of(step(), 5s)]",
        "foo offset -(5)",
        "foo offset +(5)",
        "foo offset -step() * 2",
        "foo offset min_of(range(), 8s) + 1",
        "rate(foo[2m+2m])",
        "rate(foo[5m] smoothed)",
        "foo @ 100 anchored",
        "a + fill(0) b",
        "foo </ 0.5",
        "histogram_count(foo >/ -1)",
        'info(foo, {data=~".*"})',
        "foo{job=~`\\Qa.b\\E`}",
    ],
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


@pytest.mark.parametrize(
    "variable",
    ["${__from:date:iso}", "${job.text}", "[[job:regex]]", "{{ .Values.job }}", "{{ $labels.job }}"],
)
def test_variable_of_any_spelling_is_seen(variable):
    assert read(f'up{{job=~"{variable}"}}').variables != ()
    assert read(f"up > {variable}").verdict == "refused"


@pytest.mark.parametrize(
    "expression",
    [
        'label_replace(up, "node", "$1", "instance", "(.+):.*")',
        'label_replace(up, "node", "${host}-$host", "instance", "(?P<host>.+):.*")',
        'up{job=~"[[:alpha:]]+$"}',
    ],
)
def test_what_only_looks_like_a_variable_is_none(expression):
    assert (read(expression).verdict, read(expression).variables) == ("valid", ())


@pytest.mark.parametrize("pattern", [r"\d+\.\d+", r"a\/b", r"\p{Greek}", 'say "it"', "two\nlines", r"C:\\x"])
def test_raw_string_has_no_escapes(pattern):
    assert read(f"up{{job=~`{pattern}`}}").verdict == "valid"


def test_label_whose_name_is_an_operator_is_one():
    assert read('up{job="a", or="b"}').verdict == "valid"
    assert read('sum by (smoothed) (up{anchored="a"})').verdict == "valid"


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
        "up[" + "(" * 4500 + "5m" + ")" * 4500 + "]",
        "up offset (" * 900,
        "up offset" + " " * 9000,
        "info(" * 2000,
        "up > " + "1" * 9000 + "x",
        "{a or b " * 1200,
        "up{a=~'" + "(?P<n>" * 1500 + "'}",
    ],
    ids=[
        "terms",
        "parens",
        "minus",
        "sums",
        "open",
        "braces",
        "nul",
        "escapes",
        "durations",
        "offsets",
        "blanks",
        "infos",
        "digits",
        "ors",
        "groups",
    ],
)
def test_hostile_expression_neither_crashes_nor_blocks(expression):
    began = time.monotonic()

    assert read(expression).verdict in {"valid", "refused", "doubtful"}

    # The limit of the parser's process, and a slow machine.
    assert time.monotonic() - began < promql.MAX_SECONDS + 10


def test_brackets_around_brackets_are_valid_as_deep_as_they_fit():
    deep = "(" * 4990 + "up" + ")" * 4990

    assert (read(deep).verdict, read(deep).kind) == ("valid", "vector")
    assert read(deep[:-1]).verdict == "refused"


def test_parser_that_crashes_or_is_not_there_leaves_the_matter_to_the_server(monkeypatch, tmp_path):
    for program in ("import os; os.abort()", "print('[]')", "print('no json')", "raise SystemExit(3)"):
        other = tmp_path / "parser.py"
        other.write_text(program)
        monkeypatch.setattr(promql, "PROGRAM", other)
        read.cache_clear()

        assert read("up").verdict == "doubtful"
    read.cache_clear()
