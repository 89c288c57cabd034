from dataclasses import replace

import pytest

from postmortem.errors import Invalid
from remediation.checkspec import CheckSpec

QUERY = CheckSpec(data_source_id=1, promql="sum(rate(errors_total[5m])) / 2", threshold=0.01)
COMMAND = CheckSpec(
    kind="shell",
    pipeline=[["kubectl", "get", "pods"], ["grep", "-E", "(Pending|CrashLoopBackOff)"]],
    shell_expectation="no_match",
    pattern="(Pending|CrashLoopBackOff)",
)


@pytest.mark.parametrize("spec", [QUERY, COMMAND, replace(COMMAND, shell_expectation="success", pattern="")])
def test_spec_that_makes_sense_is_accepted(spec):
    spec.validate()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "essay"}, "kind"),
        ({"name": "x" * 121}, "name"),
        ({"data_source_id": None}, "data_source_id"),
        ({"promql": "  \n"}, "promql"),
        ({"promql": "x" * 10_001}, "promql"),
        ({"promql": "up\x00"}, "promql"),
        ({"promql": "看一下监控"}, "promql"),
        ({"promql": "<>!"}, "promql"),
        ({"threshold": None}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"quantifier": "most"}, "quantifier"),
        ({"comparator": "=<"}, "comparator"),
        ({"no_data_rule": "error"}, "no_data_rule"),
        ({"no_data_rule": "pass", "no_data_reason": " "}, "no_data_reason"),
        ({"interval_seconds": 59}, "interval_seconds"),
        ({"interval_seconds": 30 * 86400 + 1}, "interval_seconds"),
        ({"timeout_seconds": 61}, "timeout_seconds"),
        ({"passes_needed": 0}, "passes_needed"),
        ({"fails_needed": "2"}, "fails_needed"),
    ],
)
def test_query_that_makes_no_sense_is_refused_by_the_field(changes, field):
    with pytest.raises(Invalid) as refusal:
        replace(QUERY, **changes).validate()

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"pipeline": None}, "pipeline"),
        ({"pipeline": []}, "pipeline"),
        ({"pipeline": ["ls -l"]}, "pipeline"),
        ({"pattern": ""}, "pattern"),
        ({"pattern": "(Pending"}, "pattern"),
        ({"pattern": "a\nb"}, "pattern"),
        ({"pattern": "x" * 201}, "pattern"),
        ({"shell_expectation": "quiet"}, "shell_expectation"),
        ({"timeout_seconds": 301}, "timeout_seconds"),
    ],
)
def test_command_that_makes_no_sense_is_refused_by_the_field(changes, field):
    with pytest.raises(Invalid) as refusal:
        replace(COMMAND, **changes).validate()

    assert refusal.value.field == field


def test_prose_is_refused_with_its_position():
    with pytest.raises(Invalid) as refusal:
        replace(QUERY, promql='up{job="监控"}\n + 看一下').validate()

    assert refusal.value.details == {"position": "2:4"}


def test_other_scripts_stand_in_quotes_and_comments():
    replace(QUERY, promql="up{job=\"监控\", zone='上海'} # 看一下\n + on(`é`) up").validate()


def test_columns_leave_out_what_belongs_to_the_other_kind():
    both = replace(COMMAND, data_source_id=1, promql="up", threshold=1.0, no_data_rule="fail", name=" pods ")

    columns = both.columns()

    assert columns == {
        "kind": "shell",
        "name": "pods",
        "data_source_id": None,
        "promql": "",
        "quantifier": "all",
        "comparator": "<",
        "threshold": None,
        "no_data_rule": "no_data",
        "no_data_reason": "",
        "nan_rule": "fail",
        "reads": "",
        "network": "none",
        "env": {},
        "template": "",
        "parameters": None,
        "pipeline": [["kubectl", "get", "pods"], ["grep", "-E", "(Pending|CrashLoopBackOff)"]],
        "shell_expectation": "no_match",
        "pattern": "(Pending|CrashLoopBackOff)",
        "interval_seconds": 300,
        "timeout_seconds": 10,
        "passes_needed": 3,
        "fails_needed": 2,
    }
