"""How checks judge what a real Prometheus evaluates: its own test cases, through our probe and our verdict.

The cases say whether an expression succeeds or fails and name no series, so series of those names are loaded
here. A case agrees when what fails is an error of the check, and what succeeds passes with an expectation
that only the right answer satisfies: the value of a literal, the number of series else.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

from benchmarks.scores import Table
from remediation.probes import promql
from remediation.probes.prometheus import Query, ask_once
from remediation.probes.result import Expectation, ProbeResult

# Later ones are for `offset -4000s`.
_BEFORE, _AFTER, _STEP = 7200, 5400, 10
_GAUGES = (
    ("testmetric", ({"src": "a", "dst": "x"}, {"src": "b", "dst": "x"})),
    ("testmetric1", ({"src": "a"},)),
    ("testmetric2", ({"src": "a"},)),
    ("dup", ({"label": "a", "this": "x"}, {"label": "b", "this": "x"})),
    ("overlap", ({"label": "a", "idx": "1"}, {"label": "a", "idx": "2"})),
    ("many_side", ({"job": "a", "n": "1"}, {"job": "a", "n": "2"})),
    ("one_side", ({"job": "a"},)),
    ("scalar_metric", ({},)),
    ("dup_metric", ({"label": "alpha"}, {"label": "beta"})),
    ("left_floats", ({"l": "a"}, {"l": "b"})),
    ("http_requests", ({"path": "/foo"}, {"path": "/bar"})),
    ("http_requests_gauge", ({"path": "/foo"},)),
    ("http_requests_mix", ({"path": "/foo"},)),
    ("foo", ({},)),
    ("x", ({"y": "testvalue"},)),
    ("metric", ({},)),
    ("metric4", ({},)),
    ("metric1", ({"a": "1"},)),
    ("metric2", ({"a": "2"},)),
    ("node_cpu", ({"instance": "a", "mode": "idle"}, {"instance": "a", "mode": "user"})),
)
_COUNTERS = (
    (
        "http_requests_total",
        tuple(
            {"job": job, "instance": instance, "group": group}
            for job in ("api-server", "app-server")
            for instance in ("0", "1")
            for group in ("production", "canary")
        ),
    ),
    *((name, ({},)) for name in ("metric_total", "metric1_total", "metric2_total", "metric3_total")),
)
_LITERALS = {
    "-0.2e-6": -0.2e-6, "12.34e-6": 12.34e-6, "+0.2": 0.2, "1+1": 2.0, "2.": 2.0, "1 - -1": 2.0,
    "-inf": None, "((1) / (0))": None, "day_of_year(vector(1672493820))": 365.0,
}  # fmt: skip
# Of the answers that are empty, or not a number, or a text: what a check must make of them.
_OTHERWISE = {
    "absent_over_time(http_requests_total[10m])": "no_data",
    '0 * http_requests_total{group="canary", instance="0", job="api-server"} % 0': "fail",
    '""': "error",
    '("Foo")': "error",
    '("")': "error",
    # The steps of its inner query lie on a grid of five minutes, of which a minute seldom holds one.
    "min_over_time((topk(1, foo))[1m:5m])": "pass or no_data",
}
# Older versions leave out what does not hold before they look for doubles, and so find none.
_SINCE_3 = "many_side > on(job) one_side"
_FINE = {"metric": 1}
_VALUES = {"left_floats": 2, "many_side": 3, "one_side": 3}
_NO_SERIES = ("histogram",)
_NO_SERIES_WHY = "needs native histograms, which no text format loads"


class Case(NamedTuple):
    """One line of the file."""

    id: str
    expr: str
    succeeds: bool


class Found(NamedTuple):
    """What came of a case: "agrees", "differs" or "not set up", and why."""

    verdict: str
    why: str


def tables(data: Path) -> Iterator[Table]:
    """How many cases agree, and those that could not be set up or differ, each with its reason."""
    cases = [
        Case(line["id"], line["expr"], line["evaluation"] == "succeeds")
        for line in map(json.loads, (data / "promql" / "evaluation.jsonl").read_text().splitlines())
    ]
    title = "PromQL, evaluated by a real Prometheus and judged by checks"
    if missing := [name for name in ("prometheus", "promtool") if shutil.which(name) is None]:
        yield Table(f"{title}: not here, for {', '.join(missing)} is missing", ("cases", "n"), ())
        return
    with loaded_prometheus() as (url, version):
        found = {case: judge(case, url, version) for case in cases}
    counted = Counter((case.succeeds, one.verdict) for case, one in found.items())
    verdicts = ("agrees", "differs", "not set up")
    rows = [
        (name, sum(case.succeeds == succeeds for case in cases), *(counted[succeeds, v] for v in verdicts))
        for name, succeeds in (("succeeds", True), ("fails", False))
    ]
    missed = [f"{case.id} {case.expr}: {one.why}" for case, one in found.items() if one.verdict == "differs"]
    yield Table(f"{title} (version {version})", ("stated", "n", *verdicts), rows, missed)
    why = Counter(one.why for one in found.values() if one.verdict == "not set up")
    yield Table("Why a case could not be set up", ("reason", "n"), why.most_common())


def judge(case: Case, url: str, version: str) -> Found:
    """Ask one case as a check would, and compare with what is stated of it."""
    if any(word in case.expr for word in _NO_SERIES):
        return Found("not set up", _NO_SERIES_WHY)
    result = ask_once(Query(url, case.expr, expectation_of(case), 5.0), allow_loopback=True)
    if case.succeeds and result.error_code == "bad_data" and promql.read(case.expr).verdict != "refused":
        return Found("not set up", f"version {version} does not know this syntax or function yet")
    if case.expr == _SINCE_3 and version < "3" and result.outcome == "no_data":
        return Found("not set up", f"version {version} finds doubles later than newer ones")
    wanted = wanted_of(case).split(" or ")
    is_right = result.outcome in wanted
    if not case.succeeds:
        is_right = result.error_code in {"execution", "bad_data"}
    elif promql.read(case.expr).verdict == "refused":
        return Found("differs", "it is refused without a server")
    if is_right:
        return Found("agrees", "")
    return Found("differs", f"{result.outcome}, not {' or '.join(wanted)} {_told(result)}")


def wanted_of(case: Case) -> str:
    """The outcome that a check of this case must have."""
    if not case.succeeds:
        return "error"
    if case.expr in _LITERALS and _LITERALS[case.expr] is None:
        # Infinite: it is greater, or less, than any threshold.
        return "fail" if case.expr.startswith("-") else "pass"
    return _OTHERWISE.get(case.expr, "pass")


def expectation_of(case: Case) -> Expectation:
    """Satisfied by the right answer only, as far as the file lets one tell."""
    if case.expr in _LITERALS:
        value = _LITERALS[case.expr]
        return Expectation("all", ">", 1e300) if value is None else Expectation("all", "==", value)
    if case.expr.startswith("0 *"):
        return Expectation("all", "==", 0.0)
    return Expectation("count", ">=", 1.0)


@contextmanager
def loaded_prometheus() -> Iterator[tuple[str, str]]:
    """A Prometheus that holds the series of the cases: its address and its version."""
    with tempfile.TemporaryDirectory(prefix="closeloop-evaluation-") as name, socket.socket() as taken:
        folder = Path(name)
        (folder / "series").write_text("".join(series(int(time.time()) // _STEP * _STEP)))
        _run("promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "series", folder / "data")
        (folder / "prometheus.yml").write_text("global: {}\n")
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.close()
        argv = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        argv += [f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=10y"]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}", _version(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(30)


def series(now: int) -> Iterator[str]:
    """All samples as OpenMetrics text, from two hours before to one and a half after `now`."""
    for at, (name, several) in enumerate((*_GAUGES, *_COUNTERS)):
        is_counter = (name, several) in _COUNTERS
        family = name.removesuffix("_total") if is_counter else name
        yield f"# TYPE {family} {'counter' if is_counter else 'gauge'}\n"
        for number, labels in enumerate(several):
            for second in range(now - _BEFORE, now + _AFTER, _FINE.get(name, _STEP)):
                value = second - now + _BEFORE if is_counter else 50 + at + number + second % 60
                value = _VALUES.get(name, value)
                yield f"{name}{_written(labels)} {value} {second}\n"
    yield "# EOF\n"


def _written(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""


def _told(result: ProbeResult) -> str:
    return f"({result.error[:120]})" if result.error else f"({len(result.series or ())} series)"


def _run(*argv: Any) -> None:
    subprocess.run([str(word) for word in argv], check=True, stdout=subprocess.DEVNULL)


def _version(url: str, *, seconds: Sequence[float] = (0.2,) * 150) -> str:
    for pause in seconds:
        try:
            with (
                urlopen(f"{url}/-/ready", timeout=1),
                urlopen(f"{url}/api/v1/status/buildinfo", timeout=1) as answer,
            ):
                return str(json.load(answer)["data"]["version"])
        except OSError:
            time.sleep(pause)
    raise TimeoutError("The Prometheus of the scores does not start.")
