"""What the clients print and write: for people, programs, JUnit readers, GitHub and GitLab.

Against the instance itself; hostile words come from a server that answers what no instance would.
"""

import json
import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.utils import timezone
from jsonschema import Draft7Validator

from accounts import tokens
from tests import factories, gating
from tests.clients.asking import CHANGE, KINDS, ask
from tests.clients.hostile import BEHAVIOURS, good

both = pytest.mark.parametrize("kind", KINDS)
DAY = timedelta(days=1)
NASTY = (
    "x\n::error title=A::b\r%0A::set-env name=P::q ]]></failure><!-- & \"'"
    "\x00\x1b[2J\ud800\ufffe##[add-path]/x %25"
)
DECISION = re.compile(r"/gate/[0-9a-f-]{36}/")
# As GitLab documents the report, "Implement a custom tool".
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "pattern": "^[A-Z_]+$"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "minLength": 1},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


@pytest.fixture
def order(transactional_db):
    return factories.service("order", repositories=["shop/order"])


@pytest.fixture
def secret(transactional_db):
    return factories.api_token(scopes=["audit", "gate"], now=timezone.now())[1]


def overdue(order):
    return factories.item(service=order, due_at=timezone.now() - DAY)


def silent(order):
    return factories.item(service=order, state="verifying", due_at=timezone.now() + 9 * DAY)


class Reports:
    """One run of the Python client with everything that it can write."""

    def __init__(self, folder, *arguments, **where):
        junit, quality, summary = (folder / name for name in ("junit.xml", "quality.json", "summary.md"))
        self.ended = ask(
            "python", *arguments, "--junit", str(junit), "--codequality", str(quality),
            "--annotations", "on", GITHUB_STEP_SUMMARY=str(summary), **where,
        )  # fmt: skip
        self.junit = ET.fromstring(junit.read_bytes())
        self.quality = json.loads(quality.read_text())
        self.summary = summary.read_text()
        self.annotations = [line for line in self.ended.out.splitlines() if line.startswith("::")]
        Draft7Validator(CODE_QUALITY).validate(self.quality)
        fingerprints = [row["fingerprint"] for row in self.quality]
        assert len(set(fingerprints)) == len(fingerprints)
        self._check_junit()

    def _check_junit(self):
        """As every reader of it counts: what the suite says is what stands in it."""
        (suite,) = self.junit
        assert (self.junit.tag, suite.tag) == ("testsuites", "testsuite")
        assert {case.tag for case in suite} == {"testcase"}
        found = {tag: len(list(suite.iter(tag))) for tag in ("testcase", "failure", "error")}
        said = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors")}
        assert said == {"tests": found["testcase"], "failures": found["failure"], "errors": found["error"]}
        assert all(case.attrib.keys() == {"classname", "name"} for case in suite)
        assert bool(said["failures"] + said["errors"]) == (self.ended.status != 0)

    @property
    def cases(self):
        """(name, what became of it, its message) of each case."""
        return [
            (case.attrib["name"], *((one.tag, one.attrib["message"]) for one in case))
            for case in self.junit.iter("testcase")
        ]


def annotation(line):
    """(level, title, message) as GitHub reads a line; it must be one that GitHub reads whole."""
    found = re.fullmatch(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)", line)
    assert found, line
    assert not re.search("%(?!25|0D|0A|3A|2C)", line), line
    return found[1], *(
        re.sub("%(25|0D|0A|3A|2C)", lambda one: unquote(one[0]), text) for text in found.groups()[1:]
    )


# --- for people and programs --------------------------------------------------------------------------


@both
def test_text_says_the_verdict_each_finding_and_what_to_do(instance, order, secret, kind):
    item = overdue(order)

    ended = ask(kind, "audit", "--service", "order", url=instance, token=secret)

    lines = ended.out.splitlines()
    assert lines[0] == "closeloop: FAIL: audit order"
    assert re.fullmatch(rf"  - ITEM_OVERDUE {item.public_id}: .+\.", lines[1])
    assert lines[2:4] == [
        "    Next: Make the fix and claim it; its checks then verify it.",
        f"    See:  {instance}/items/{item.public_id}/",
    ]
    assert re.fullmatch(rf"  Decision: {instance}/gate/[0-9a-f-]{{36}}/", lines[4])
    assert (len(lines), ended.err) == (5, "")


@pytest.mark.parametrize("case", ["pass", "fail", "unknown", "waived", "warn", "excused"])
def test_both_clients_say_the_same(instance, order, secret, case, tmp_path):
    file = tmp_path / "description"
    file.write_text("Nothing.")
    question = ["change", *CHANGE, "--description-file", str(file)]
    if case in {"pass", "fail", "unknown"}:
        question = ["audit", "--service", "order"]
        {"pass": lambda _order: None, "fail": overdue, "unknown": silent}[case](order)
    elif case == "waived":
        gating.waiver(repository="shop/order", change_id="!42", at=timezone.now())
    elif case == "warn":
        gating.policy(repositories=["shop/*"], mode="warn")
    else:
        gating.policy(repositories=["shop/*"], excused_labels=["docs"])
        question += ["--label", "docs"]

    first, second = (ask(kind, *question, url=instance, token=secret) for kind in KINDS)

    assert DECISION.sub("", first.out) == DECISION.sub("", second.out)
    assert first.status == second.status == (1 if case in {"fail", "unknown"} else 0)
    said = {
        "pass": "PASS", "fail": "FAIL", "unknown": "UNKNOWN", "waived": "waived by",
        "warn": "mode warn: this does not block", "excused": "nothing is asked of this change",
    }  # fmt: skip
    assert said[case] in first.out


@both
@pytest.mark.parametrize("is_pass", [True, False])
def test_json_is_for_programs_and_the_words_go_elsewhere(instance, order, secret, kind, is_pass):
    item = None if is_pass else overdue(order)

    ended = ask(kind, "audit", "--service", "order", "--format", "json", url=instance, token=secret)

    content = json.loads(ended.out)
    answer = content["answer"] if kind == "python" else content
    assert (ended.status, answer["status"], answer["service"]) == (
        (0, "PASS", "order") if is_pass else (1, "FAIL", "order")
    )
    assert [row["object"] for row in answer["findings"]] == ([] if is_pass else [item.public_id])
    assert ended.err.startswith("closeloop: PASS" if is_pass else "closeloop: FAIL")
    if kind == "python":
        assert (content["exit_status"], content["verdict"], content["error"]) == (
            ended.status,
            answer["status"],
            None,
        )
        assert content["decision_url"] == f"{instance}/gate/{answer['decision']}/"
        assert content["next_steps"].keys() == {row["code"] for row in answer["findings"]}


# --- reports of the Python client ---------------------------------------------------------------------


def test_reports_of_a_pass(instance, order, secret, tmp_path):
    made = Reports(tmp_path, "audit", "--service", "order", url=instance, token=secret)

    assert (made.ended.status, made.cases) == (0, [("verdict",)])
    assert (made.quality, made.annotations) == ([], [])
    assert made.summary.startswith("### Closeloop: PASS: audit order\n")


def test_reports_of_a_fail(instance, order, secret, tmp_path):
    item = overdue(order)

    made = Reports(tmp_path, "audit", "--service", "order", url=instance, token=secret)

    assert made.ended.status == 1
    ((name, (tag, message)),) = made.cases
    assert (name, tag) == (f"ITEM_OVERDUE {item.public_id}", "failure")
    (row,) = made.quality
    assert (row["check_name"], row["severity"]) == ("ITEM_OVERDUE", "blocker")
    assert row["location"] == {"path": ".gitlab-ci.yml", "lines": {"begin": 1}}
    assert message in row["description"]
    ((level, title, text),) = map(annotation, made.annotations)
    assert (level, title) == ("error", f"Closeloop ITEM_OVERDUE {item.public_id}")
    assert text == f"{message}\nNext: Make the fix and claim it; its checks then verify it."
    assert "ITEM\\_OVERDUE" in made.summary
    again = Reports(tmp_path, "audit", "--service", "order", url=instance, token=secret)
    # GitLab tells what is new by this.
    assert again.quality[0]["fingerprint"] == row["fingerprint"]


def test_reports_of_unknown_are_red(instance, order, secret, tmp_path):
    silent(order)

    made = Reports(tmp_path, "audit", "--service", "order", url=instance, token=secret)

    assert made.ended.status == 1
    assert [row["severity"] for row in made.quality] == ["blocker"]
    assert [annotation(line)[0] for line in made.annotations] == ["error"]


def test_what_was_waived_turns_nothing_red(instance, order, secret, tmp_path):
    gating.waiver(repository="shop/order", change_id="!42", at=timezone.now())

    made = Reports(tmp_path, "change", *CHANGE, url=instance, token=secret)

    assert made.ended.status == 0, made.ended.said
    ((_name, (tag, _message)),) = made.cases
    assert (tag, [row["severity"] for row in made.quality]) == ("skipped", ["info"])
    ((level, _title, text),) = map(annotation, made.annotations)
    assert (level, "waived by" in text) == ("notice", True)


def test_what_a_mode_lets_pass_turns_nothing_red(instance, order, secret, tmp_path):
    gating.policy(repositories=["shop/*"], mode="warn")

    made = Reports(tmp_path, "change", *CHANGE, url=instance, token=secret)

    assert (made.ended.status, "FAIL" in made.ended.out) == (0, True)
    assert [row["severity"] for row in made.quality] == ["info"]
    assert [annotation(line)[0] for line in made.annotations] == ["warning"]


@pytest.mark.parametrize("case", ["401", "403", "404", "400", "nobody"])
def test_reports_without_a_verdict_are_red_and_say_why(instance, order, secret, tmp_path, case):
    asked = {"service": "order", "url": instance, "token": secret, "date": []}
    row, revoked = factories.api_token(scopes=["audit"], now=timezone.now())
    tokens.revoke(row, now=timezone.now())
    narrow = factories.api_token(scopes=["gate"], now=timezone.now())[1]
    asked |= {
        "401": {"token": revoked}, "403": {"token": narrow}, "404": {"service": "nothing"},
        "400": {"date": ["--date", "2999-01-01"]}, "nobody": {"url": "http://127.0.0.1:9"},
    }[case]  # fmt: skip

    made = Reports(
        tmp_path, "audit", "--service", asked["service"], *asked["date"],
        url=asked["url"], token=asked["token"], CLOSELOOP_DEADLINE="2",
    )  # fmt: skip

    assert made.ended.status == 2
    assert made.ended.err.splitlines()[-1].startswith("closeloop: NOT ASKED: ")
    ((name, (tag, message)),) = made.cases
    assert (name, tag) == ("verdict", "error")
    assert ("does not answer" if case == "nobody" else case) in message
    assert [(one["check_name"], one["severity"]) for one in made.quality] == [("NOT_ASKED", "blocker")]
    ((level, title, text),) = map(annotation, made.annotations)
    assert (level, title, text.startswith("NOT ASKED: ")) == ("error", "Closeloop", True)
    program = ask(
        "python", "audit", "--service", asked["service"], *asked["date"], "--format", "json",
        url=asked["url"], token=asked["token"], CLOSELOOP_DEADLINE="2",
    )  # fmt: skip
    content = json.loads(program.out)
    assert (content["verdict"], content["exit_status"], content["answer"]) == (None, 2, None)
    assert content["error"]


def test_reports_when_the_database_is_down(instance_without_database, tmp_path):
    made = Reports(
        tmp_path, "audit", "--service", "order", url=instance_without_database,
        token=f"clp_{'0' * 12}.{'x' * 43}", CLOSELOOP_DEADLINE="2",
    )  # fmt: skip

    assert (made.ended.status, made.cases[0][1][0]) == (2, "error")
    assert "503" in made.cases[0][1][1]


@pytest.mark.parametrize("behaviour", ["bad_gateway", "html", "empty", "partial"])
def test_fail_open_is_no_green_report(hostile, tmp_path, behaviour):
    """The pipeline goes on, and whoever reads its reports sees that nobody was asked."""
    hostile.behave = BEHAVIOURS[behaviour]
    arguments = ["audit", "--service", "order", "--fail-open"]
    folder = tmp_path
    junit, quality = folder / "junit.xml", folder / "quality.json"

    ended = ask(
        "python", *arguments, "--junit", str(junit), "--codequality", str(quality), "--annotations", "on",
        url=hostile.url, CLOSELOOP_DEADLINE="1",
    )  # fmt: skip

    assert ended.status == 0
    assert len(list(ET.fromstring(junit.read_bytes()).iter("error"))) == 1
    assert [row["check_name"] for row in json.loads(quality.read_text())] == ["NOT_ASKED"]
    assert annotation(next(line for line in ended.out.splitlines() if line.startswith("::")))[0] == "warning"


# --- hostile words ------------------------------------------------------------------------------------


def answering(hostile, **changes):
    hostile.behave = lambda handler, asked: handler.say(200, json.dumps(good(asked) | changes))


def nasty(code="ITEM_OVERDUE", **fields):
    return {"code": code, "object": NASTY, "detail": NASTY, "url": NASTY, "waived_by": None} | fields


def test_words_of_others_break_no_report(hostile, tmp_path):
    twice = [nasty(), nasty(), nasty(code=NASTY), nasty(waived_by=NASTY), nasty(counts=False)]
    answering(hostile, status="FAIL", findings=[one | {"code": one["code"][:20]} for one in twice])
    question = ["change", "--repository", "shop/order", "--change-id", "!42 ]]>&<x>'\"", "--commits", "none"]
    # Of a code GitLab asks nothing; the schema above does.
    made_quality = dict(CODE_QUALITY["items"]["properties"], check_name={"type": "string"})

    ended = ask(
        "python", *question, "--junit", str(tmp_path / "j"), "--codequality", str(tmp_path / "q"),
        "--annotations", "on", url=hostile.url, GITHUB_STEP_SUMMARY=str(tmp_path / "s"),
    )  # fmt: skip

    assert ended.status == 1
    suite = ET.fromstring((tmp_path / "j").read_bytes())
    assert [len(list(suite.iter(tag))) for tag in ("testcase", "failure", "skipped")] == [5, 3, 2]
    assert "]]></failure><!-- & \"'" in suite.find(".//failure").attrib["message"]
    rows = json.loads((tmp_path / "q").read_text())
    Draft7Validator({"type": "array", "items": {"properties": made_quality}}).validate(rows)
    assert len({row["fingerprint"] for row in rows}) == 5
    commands = [line for line in ended.out.splitlines() if line.lstrip().startswith("::")]
    assert [annotation(line)[0] for line in commands] == ["error"] * 3 + ["notice"] * 2
    assert not re.search(r"##\[|[\x00-\x09\x0b-\x1f\x7f]", ended.said)
    summary = (tmp_path / "s").read_text()
    assert len(summary.strip().splitlines()) == 2 + 5
    assert not re.search(r"(?<!\\)[<>`\[]", summary)


def test_json_for_programs_survives_them_too(hostile):
    answering(hostile, status="FAIL", findings=[nasty()])

    ended = ask("python", "audit", "--service", "order", "--format", "json", url=hostile.url)

    content = json.loads(ended.out)
    assert content["answer"]["findings"][0]["detail"] == NASTY
    assert "##[" not in ended.out
    assert not any(line.lstrip().startswith("::") for line in ended.out.splitlines())


@pytest.mark.parametrize(
    "findings",
    [[], None, "none", [None, 7], [{}], [{"code": "X", "counts": False}], [{"code": "X", "waived_by": "w"}]],
    ids=range(7),
)
@pytest.mark.parametrize("status", ["FAIL", "UNKNOWN"])
def test_a_verdict_that_blocks_is_red_whatever_its_findings(hostile, tmp_path, status, findings):
    answering(hostile, status=status, findings=findings)

    ended = ask(
        "python", "audit", "--service", "order", "--junit", str(tmp_path / "j"),
        "--codequality", str(tmp_path / "q"), "--annotations", "on", url=hostile.url,
    )  # fmt: skip

    assert ended.status == 1
    assert len(list(ET.fromstring((tmp_path / "j").read_bytes()).iter("failure"))) == 1
    assert "blocker" in [row["severity"] for row in json.loads((tmp_path / "q").read_text())]
    levels = [annotation(line)[0] for line in ended.out.splitlines() if line.startswith("::")]
    assert "error" in levels


@both
def test_a_report_that_cannot_be_written_is_no_pass(hostile, kind, tmp_path):
    """Only the Python client writes reports; the other one refuses the option."""
    ended = ask(
        kind, "audit", "--service", "order", "--junit", str(tmp_path / "nowhere" / "j"), url=hostile.url
    )

    assert (ended.status, hostile.asked) == (2, [])
