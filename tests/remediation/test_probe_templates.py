"""Probe templates: typed values; those that Closeloop brings pass and fail on the real thing."""

import hashlib
import os
import re
import subprocess
import sys

import pytest
from django.utils import timezone

from remediation import catalogue, items, runs, verification
from remediation.checkspec import CheckSpec
from remediation.models import CheckRun
from remediation.probes import sandbox, templates
from remediation.probes.shipped import SHIPPED
from remediation.probes.templates import Example, Parameter, Template, Wrong, judged, render
from tests import factories
from tests.servers import Prometheus
from tests.services import require_program

GREP = Template(
    slug="grep", title="Grep", description="", kind="shell", pipeline=[["grep", "{word}"]],
    parameters=[Parameter("word", "Word")],
)  # fmt: skip


@pytest.mark.parametrize("slug", SHIPPED)
def test_shipped_template_is_sound(slug):
    templates.check(SHIPPED[slug])
    assert templates.of_json(SHIPPED[slug].as_json()).as_json() == SHIPPED[slug].as_json()


@pytest.mark.parametrize("value", ["; rm -rf /", "$(id)", "a b", "`id`", "*", "'"])
def test_value_is_one_argument_whatever_it_says(value):
    assert render(GREP, {"word": value}).columns["pipeline"] == [["grep", value]]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"word": "-r"}, "word"),
        ({"word": ""}, "word"),
        ({}, "word"),
        ({"word": "a\nb"}, "word"),
        ({"word": "a\x00"}, "word"),
        ({"word": "x", "other": "y"}, "other"),
    ],
)
def test_wrong_value_is_refused_by_its_name(values, name):
    with pytest.raises(Wrong) as refusal:
        render(GREP, values)
    assert refusal.value.name == name


@pytest.mark.parametrize(
    ("parameter", "right", "wrong"),
    [
        (Parameter("word", "W", "number"), ["1", "-2.5"], ["x", "1e9", "1;2"]),
        (Parameter("word", "W", "choice", ("a", "b")), ["a"], ["c", ""]),
        (Parameter("word", "W", "path"), ["/srv/go.sum"], ["go.sum", "/srv/../etc/shadow", "/a b"]),
        (Parameter("word", "W", "process"), ["12", "order-api"], ["../1", "a/b", "-1"]),
        (Parameter("word", "W", pattern="[a-f]+"), ["abc"], ["abcg", "xabc"]),
        (Parameter("word", "W", may_begin_with_dash=True), ["-r"], ["\n"]),
    ],
)
def test_types_of_values(parameter, right, wrong):
    template = Template(**{**GREP.as_json(), "parameters": [parameter]})
    for value in right:
        assert render(template, {"word": value}).values == {"word": value}
    for value in wrong:
        with pytest.raises(Wrong):
            render(template, {"word": value})


def test_value_in_promql_stays_inside_its_quotes():
    values = {"instance": 'x"} or vector(0) or up{a="', "most": "5"}

    promql = render(SHIPPED["db-pool-headroom"], values).columns["promql"]

    assert promql.endswith(r'instance="x\"} or vector(0) or up{a=\""})')


@pytest.mark.parametrize(
    "change",
    [
        {"pipeline": [["{word}"]]},
        {"pipeline": [["grep", "x"]]},
        {"pipeline": []},
        {"parameters": [Parameter("word", "W"), Parameter("word", "W")]},
        {"parameters": [Parameter("word", "W", "choice")]},
        {"parameters": [Parameter("word", "W", "magic")]},
        {"parameters": [Parameter("word", "W", pattern="(")]},
        {"parameters": [Parameter("word", "W", default="-x")]},
        {"kind": "prometheus", "pipeline": [], "promql": "up > {word}"},
        {"kind": "exam"},
    ],
)
def test_template_in_which_a_value_could_be_more_is_refused(change):
    with pytest.raises(Wrong):
        templates.check(Template(**{**GREP.as_json(), "parameters": GREP.parameters, **change}))


@pytest.mark.parametrize(("value", "is_taken"), [("0", True), ("500", True), ("-1", False), ("500.5", False)])
def test_number_lies_within_its_bounds(value, is_taken):
    template = Template(
        **{**GREP.as_json(), "parameters": [Parameter("word", "W", "number", least=0, most=500)]}
    )

    if is_taken:
        assert render(template, {"word": value}).values == {"word": value}
    else:
        with pytest.raises(Wrong, match="outside 0 to 500"):
            render(template, {"word": value})


@pytest.mark.parametrize("slug", SHIPPED)
def test_shipped_template_has_a_passing_and_a_failing_example(slug):
    template = SHIPPED[slug]

    assert {"pass", "fail"} <= {example.outcome for example in template.examples}
    assert all(judged(template, example) == example.outcome for example in template.examples)


def test_example_that_ends_otherwise_refuses_the_template():
    word = Parameter("word", "W", sample="x")
    facts = {**GREP.as_json(), "parameters": [word]}
    wrong = Template(**{**facts, "examples": [Example("fail", "x")]})

    with pytest.raises(Wrong, match="ends as “pass”"):
        templates.check(wrong)
    templates.check(
        Template(**{**GREP.as_json(), "parameters": [word], "examples": [Example("fail", "", 1)]})
    )


def test_example_without_a_sample_is_refused():
    with pytest.raises(Wrong) as refusal:
        templates.check(
            Template(**{**GREP.as_json(), "parameters": GREP.parameters, "examples": [Example("pass")]})
        )
    assert refusal.value.name == "word"


# -- R18 and R25: on the real thing


@pytest.fixture
def bubblewrap(settings):
    require_program("bwrap", "apt-get install bubblewrap")
    if sandbox.bubblewrap()[0] is None:
        pytest.skip(f"{sandbox.bubblewrap()[1]} To get it: allow unprivileged user namespaces.")
    settings.SHELL_PROBES_ENABLED = True


def outcome_of(slug, source=None, **values):
    """A check of this template, agreed by a member, run once for real."""
    spec = CheckSpec(
        kind=SHIPPED[slug].kind,
        template=slug,
        parameters=values,
        data_source_id=source.pk if source else None,
    )
    check = items.add_check(factories.item(checks=0), spec=spec, by=factories.user(), now=timezone.now())
    runs.ask_now(check.pk, now=timezone.now())
    verification.execute(check.kind)
    run = CheckRun.objects.get(verification_check=check)
    return run.outcome, run


@pytest.mark.django_db
def test_version_drift(bubblewrap):
    said = subprocess.run(
        ["/usr/bin/python3", "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = re.search(r"\d[\w.+]*", said)[0]

    assert outcome_of("version-drift", program="python3", version=version)[0] == "pass"
    assert outcome_of("version-drift", program="python3", version=f"{version}1")[0] == "fail"
    assert outcome_of("version-drift", program="python3", version=version[:-1])[0] == "fail"


@pytest.mark.django_db
def test_module_drift(bubblewrap, tmp_path):
    lock = tmp_path / "go.sum"
    lock.write_text("example.org/a v1.0.0 h1:abc=\n")
    sha256 = hashlib.sha256(lock.read_bytes()).hexdigest()

    agreed = outcome_of("module-drift", file=str(lock), sha256=sha256)[0]
    lock.write_text("example.org/a v1.0.1 h1:def=\n")
    drifted = outcome_of("module-drift", file=str(lock), sha256=sha256)[0]
    lock.unlink()
    missing = outcome_of("module-drift", file=str(lock), sha256=sha256)[0]

    assert (agreed, drifted, missing) == ("pass", "fail", "error")


@pytest.mark.django_db
def test_runtime_variable_is_read_from_the_process_and_no_value_is_shown(bubblewrap):
    env = {"GODEBUG": "the-value-nobody-sees", "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], env=env, stdin=subprocess.PIPE
    )
    try:
        there, run = outcome_of("runtime-variable", process=str(process.pid), variable="GODEBUG")
        absent, _run = outcome_of("runtime-variable", process=str(process.pid), variable="GOGC")
        part, _run = outcome_of("runtime-variable", process=str(process.pid), variable="GODEBU")
    finally:
        process.kill()
        process.communicate()
    nobody, _run = outcome_of("runtime-variable", process="no-such-program", variable="GODEBUG")

    assert (there, absent, part, nobody) == ("pass", "fail", "fail", "error")
    assert "the-value-nobody-sees" not in f"{run.output}{run.error}{run.expression}"


@pytest.mark.django_db
def test_pool_headroom(prometheus: Prometheus):
    source = factories.data_source(base_url=prometheus.url)
    prometheus.show("pool_full", 181)
    prometheus.show("pool_fits", 180)
    place = f"127.0.0.1:{prometheus._page.port}"
    gone = factories.data_source("Gone", base_url="http://127.0.0.1:9")

    over = outcome_of("db-pool-headroom", source, instance=place, metric="pool_full")[0]
    within = outcome_of("db-pool-headroom", source, instance=place, metric="pool_fits")[0]
    refused = outcome_of("db-pool-headroom", gone, instance=place, metric="pool_fits")
    catalogue_says = catalogue.find("db-pool-headroom")

    assert (over, within, refused[0], refused[1].error_code) == ("fail", "pass", "error", "unreachable")
    assert catalogue_says.timeout_seconds == 3
