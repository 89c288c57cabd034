"""The exported checklist as a program: run by real shells with a stub for kubectl and a real HTTP server."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from postmortem import checkscript
from postmortem.checkscript import Entry
from tests.services import require_program

# Whichever of them there are; `sh` is everywhere.
SHELLS = [
    shell
    for shell in (["sh"], ["dash"], ["bash", "--posix"], ["busybox", "sh"], ["ksh"])
    if shutil.which(shell[0])
]
GREP = ["grep", "-E", "(Pending|CrashLoopBackOff)"]
KUBECTL = ["kubectl", "get", "pods", "-n", "order"]
SEED = Entry(1, "No pod of order hangs", "command", [KUBECTL, GREP], "no_match")


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def shell(request) -> list[str]:
    return request.param


@pytest.fixture
def run(tmp_path: Path, shell: list[str]) -> Callable[..., tuple[int, list[str]]]:
    """Runs a checklist where kubectl is a script that the test writes."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def run_it(*entries: Entry, kubectl: str = "", **env: str) -> tuple[int, list[str]]:
        stub = programs / "kubectl"
        stub.write_text(f"#!/bin/sh\n{kubectl}\n")
        stub.chmod(0o755)
        written = tmp_path / "checklist.sh"
        written.write_text(checkscript.script("PM-2026-0001: Orders failed", entries))
        done = subprocess.run(
            [shutil.which(shell[0]), *shell[1:], str(written)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd=tmp_path,
            env={"PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)} | env,
        )
        # A shell may mention that a command was killed; nothing else is said beside the report.
        assert done.stderr == "" or "Killed" in done.stderr
        assert not list(tmp_path.glob("checklist.??????"))
        return done.returncode, done.stdout.splitlines()

    return run_it


@pytest.mark.parametrize(
    ("kubectl", "status", "verdict"),
    [
        ("echo order-1 Running", 0, "PASS"),
        ("echo order-1 Running; echo order-2 Pending", 1, "FAIL"),
        ("echo no route >&2; exit 1", 2, "ERROR"),
        ("echo order-1 Running; exit 7", 2, "ERROR"),
        ("kill -9 $$", 2, "ERROR"),
        (":", 0, "PASS"),
    ],
)
def test_seeds_own_example(run, kubectl, status, verdict):
    """R6: PASS when kubectl works and nothing matches, FAIL on a match, ERROR when kubectl itself fails."""
    code, lines = run(SEED, kubectl=kubectl)

    assert (code, lines[0]) == (status, f"{verdict:<5} 1. No pod of order hangs")
    assert lines[-1].startswith(f"{int(status == 0)} passed, {int(status == 1)} failed, {int(status == 2)} ")


def entry(*pipeline: list[str], expect: str, pattern: str = "") -> Entry:
    return Entry(1, "It holds", "command", list(pipeline), expect, pattern)


ECHO = ["printf", "a Running\nb Pending\n"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (entry(["true"], expect="success"), 0),
        (entry(["false"], expect="success"), 1),
        (entry(["sh", "-c", "exit 3"], expect="success"), 2),
        (entry(["no-such-program"], expect="success"), 2),
        (entry(ECHO, ["grep", "Pending"], expect="match"), 0),
        (entry(ECHO, ["grep", "Crash"], expect="match"), 1),
        (entry(ECHO, ["grep", "-q", "Pending"], expect="match"), 0),
        (entry(ECHO, ["grep", "-c", "Crash"], expect="no_match"), 0),
        (entry(ECHO, ["grep", "-E", "("], expect="no_match"), 2),
        (entry(ECHO, ["grep", "-q", "Pending"], expect="no_match", pattern="x"), 2),
        (entry(ECHO, expect="match", pattern="^b +(Pending|Crash)$"), 0),
        (entry(ECHO, expect="no_match", pattern="Pending"), 1),
        (entry(ECHO, expect="no_match", pattern="-e"), 0),
        (entry(["true"], expect="no_match"), 0),
        (entry(ECHO, expect="no_match"), 1),
        (entry(["false"], expect="no_match"), 2),
        (entry(["sh", "-c", "exit 3"], ["cat"], expect="no_match"), 2),
        (entry(["yes"], ["head", "-n", "1"], expect="match"), 0),
        (entry(["cat"], expect="no_match"), 0),
    ],
)
def test_statuses_decide_as_in_a_run(run, asked, status):
    assert run(asked)[0] == status


HOSTILE = [
    "a b",
    "$HOME",
    "$(id)",
    "`id`",
    "*",
    "'; exit 0; '",
    '"',
    "\\",
    "\n",
    "x\ny",
    "!!",
    "~",
    "-n",
    "#",
    "连接池",
    "",
]


def test_arguments_reach_the_command_as_they_are(run, tmp_path):
    kubectl = f"for word; do printf '[%s]' \"$word\"; done > {tmp_path}/seen"

    code, _lines = run(entry(["kubectl", *HOSTILE], expect="success"), kubectl=kubectl)

    assert code == 0
    assert (tmp_path / "seen").read_text() == "".join(f"[{word}]" for word in HOSTILE)


@pytest.mark.parametrize("program", ["exit", "eval", "if", "A=b", "-c", "cd", "told", "kubectl; exit 0"])
def test_name_of_a_command_is_never_read_by_the_shell(run, program):
    code, lines = run(entry([program, "0"], expect="success"), entry(["true"], expect="success"))

    assert code == 2
    assert lines[-1] == "1 passed, 0 failed, 1 errors"


@pytest.mark.parametrize("title", ["a\nb; exit 0", "'quoted'", "%s %d", "$(id) `id`", "\x1b[31mred"])
def test_title_is_one_harmless_line(run, title):
    code, lines = run(Entry(1, title, "command", [["true"]], "success"))

    assert (code, len(lines)) == (0, 2)


def test_errors_outweigh_fails_and_everything_is_asked(run):
    code, lines = run(
        entry(["false"], expect="success"),
        entry(["nothing"], expect="success"),
        entry(["true"], expect="success"),
    )

    assert (code, lines[-1]) == (2, "1 passed, 1 failed, 1 errors")


def test_empty_checklist_proves_nothing(run):
    assert run()[0] == 2


def query(comparator: str = "<", threshold: float = 1.0, promql: str = 'up{job="a\'b"}') -> Entry:
    return Entry(
        1, "Few wait", "promql", promql=promql, comparator=comparator, threshold=threshold, source_name="P"
    )


def vector(*values: str, **labels: str) -> str:
    series = [{"metric": {"job": "order"} | labels, "value": [1.5, value]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}})


@pytest.mark.parametrize(
    ("answer", "asked", "status"),
    [
        (vector("0.5", "0"), query(), 0),
        (vector("0.5", "3"), query(), 1),
        (vector("1"), query("<="), 0),
        (vector("1"), query("=="), 0),
        (vector("1"), query("!="), 1),
        (vector("1e+06"), query(">", 1e5), 0),
        (vector("-2"), query(">=", -2.0), 0),
        (vector("NaN"), query("!="), 1),
        (vector("+Inf"), query(">"), 0),
        (vector("-Inf"), query(">"), 1),
        (vector(), query(), 2),
        (vector("0", note='"value":[1,"9"] "status":"success"'), query(), 0),
        (vector("0").replace(" ", ""), query(), 0),
        ('{"status":"success","data":{"resultType":"scalar","result":[1.5,"0"]}}', query(), 0),
        ('{"status":"success","data":{"resultType":"string","result":[1.5,"0"]}}', query(), 2),
        ('{"status":"error","errorType":"bad_data","error":"parse error"}', query(), 2),
        ("<html>", query(), 2),
        ("", query(), 2),
    ],
)
def test_query_is_judged_by_every_series(run, tmp_path, answer, asked, status):
    """A stub for curl keeps what it was given: the real one is asked below."""
    stub = tmp_path / "bin" / "curl"
    (tmp_path / "answer").write_text(answer)
    stub.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/asked\ncat {tmp_path}/answer\n")
    stub.chmod(0o755)

    assert run(asked, PROMETHEUS_URL="http://prometheus:9090/")[0] == status
    given = (tmp_path / "asked").read_text()
    assert 'query=up{job="a\'b"}' in given
    assert given.endswith("http://prometheus:9090/api/v1/query\n")


def test_query_needs_a_server_that_answers(run):
    require_program("curl", "apt-get install curl")

    code, lines = run(query())
    assert (code, lines[1].strip()) == (2, "PROMETHEUS_URL is not set")
    code, lines = run(query(), PROMETHEUS_URL="http://127.0.0.1:9")
    assert (code, lines[1].strip()) == (2, "curl ended with status 7")


def test_real_server_is_asked(run, prometheus):
    require_program("curl", "apt-get install curl")
    prometheus.show('pool_waiting{service="order"}', 3)

    assert run(query(promql="pool_waiting"), PROMETHEUS_URL=prometheus.url)[0] == 1
    assert run(query(">", promql="pool_waiting"), PROMETHEUS_URL=prometheus.url)[0] == 0


def test_markdown_is_a_task_list_that_no_command_breaks_out_of():
    text = checkscript.markdown("PM-2026-0001: x", [entry(["echo", "```", "<b>"], expect="match"), query()])

    assert text.startswith(
        "# PM-2026-0001: x\n\n- [ ] **It holds**\n\n  ````sh\n  echo '```' '<b>'\n  ````\n"
    )
    assert "  ```promql\n" in text
    assert "Passes with: `every series < 1`" in text


def test_data_names_what_is_asked():
    assert (
        checkscript.data(SEED)["command"]
        == "kubectl get pods -n order | grep -E '(Pending|CrashLoopBackOff)'"
    )
    assert checkscript.data(query())["source_name"] == "P"
