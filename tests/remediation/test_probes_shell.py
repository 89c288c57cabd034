"""How commands are judged: R6 and the specification, section 4."""

import time

import pytest

from remediation.probes import matching, shell
from remediation.probes.matching import PatternFailed, some_line_matches
from remediation.probes.shell import Command
from tests.services import require_program


def run(*pipeline: list[str], expect: str = "success", pattern: str = "", seconds: float = 10):
    return shell.run(Command(list(pipeline), expect, pattern, seconds))


def outcome(*pipeline: list[str], **more) -> str:
    result = run(*pipeline, **more)
    return result.error_code or result.outcome


@pytest.fixture
def bubblewrap():
    require_program("bwrap", "apt-get install bubblewrap")


PENDING = ["printf", "web-1 Running\nweb-2 Pending\n"]
RUNNING = ["printf", "web-1 Running\n"]
SILENT = ["true"]


@pytest.mark.parametrize(
    ("argv", "verdict"),
    [
        (["true"], "pass"),
        (["false"], "fail"),
        (["expr", "1", "+"], "bad_exit"),
        (["test", "1", "=", "1"], "pass"),
    ],
)
def test_success_is_status_0_and_fail_is_status_1(argv, verdict):
    assert outcome(argv) == verdict


@pytest.mark.parametrize(
    ("argv", "expect", "verdict"),
    [
        (PENDING, "match", "pass"),
        (PENDING, "no_match", "fail"),
        (RUNNING, "match", "fail"),
        (RUNNING, "no_match", "pass"),
        (SILENT, "match", "fail"),
        (SILENT, "no_match", "pass"),
        (["false"], "no_match", "bad_exit"),  # only a grep means "no line" by it: this failed
        (["expr", "1", "+"], "no_match", "bad_exit"),
    ],
)
def test_lines_are_searched_for_the_pattern(argv, expect, verdict):
    assert outcome(argv, expect=expect, pattern="(Pending|CrashLoopBackOff)") == verdict


@pytest.mark.usefixtures("bubblewrap")
class TestPipelines:
    GREP = ["grep", "-E", "(Pending|CrashLoopBackOff)"]

    @pytest.mark.parametrize(
        ("first", "verdict"),
        [
            (RUNNING, "pass"),
            (PENDING, "fail"),
            (["sh", "-c", "echo unreachable >&2; exit 1"], "stage_failed"),
            (["sh", "-c", "echo web-1 Running; exit 7"], "stage_failed"),
            (["sh", "-c", "kill -9 $$"], "stage_failed"),
            (["kubectl-that-is-not-there"], "not_started"),
            (["/etc"], "not_started"),
        ],
    )
    def test_no_match_passes_only_when_the_command_before_works(self, first, verdict):
        assert outcome(first, self.GREP, expect="no_match", pattern="(Pending|CrashLoopBackOff)") == verdict

    def test_grep_that_fails_is_an_error(self):
        assert outcome(RUNNING, ["grep", "-E", "("], expect="no_match", pattern="x") == "bad_exit"

    def test_quiet_grep_is_an_error_because_it_hides_what_it_found(self):
        assert (
            outcome(PENDING, ["grep", "-q", "Pending"], expect="no_match", pattern="Pending") == "quiet_grep"
        )
        assert outcome(PENDING, ["grep", "-q", "Pending"]) == "pass"

    def test_reader_may_leave_before_the_writer_ends(self):
        assert outcome(["yes"], ["head", "-n", "1"]) == "pass"

    def test_status_1_with_output_is_an_error_for_a_pattern(self):
        assert outcome(["sh", "-c", "echo x; exit 1"], expect="no_match", pattern="y") == "bad_exit"

    def test_error_says_which_command_and_what_it_complained(self):
        result = run(["sh", "-c", "echo 'no route to cluster' >&2; exit 3"], ["cat"])

        assert result.error == "Command 1 (sh) ended with status 3: no route to cluster"
        assert result.expression == "sh -c 'echo '\"'\"'no route to cluster'\"'\"' >&2; exit 3' | cat"

    def test_stage_that_does_not_end_is_ended(self):
        started = time.monotonic()

        assert outcome(["sleep", "30"], ["cat"], seconds=0.5) == "timeout"
        assert time.monotonic() - started < 5

    def test_endless_output_is_ended_and_bounded(self):
        result = run(["yes", "x" * 100])

        assert result.error_code == "too_much_output"
        assert len(result.output) < shell.KEPT_BYTES
        assert result.output.endswith("\n[…]")

    def test_endless_complaints_are_ended(self):
        assert outcome(["sh", "-c", "yes >&2"]) == "too_much_output"

    def test_complaints_are_kept_when_there_is_no_output(self):
        assert run(["sh", "-c", "echo careful >&2"]).output == "careful\n"


def test_arguments_reach_the_command_as_they_are():
    assert (
        run(["printf", "[%s]", "a b", "$HOME", "*", "; rm -rf /", "`id`"]).output
        == "[a b][$HOME][*][; rm -rf /][`id`]"
    )


def test_output_is_cleaned():
    result = run(["printf", r"\033[31mred\033[0m\000\001 \377\302\205 连接池\r\nend\033]0;title\007"])

    assert result.output == "red \ufffd 连接池\nend"


def test_crew_runs_commands_side_by_side():
    with shell.Crew[int](weakest="bubblewrap") as crew:
        for number in range(10):
            crew.submit(number, Command([["expr", str(number), "%", "2"]], "success", "", 10))
        found = {}
        while crew.pending:
            found |= {ticket: result.outcome for ticket, result in crew.finished(within=5)}

    # expr ends with status 1 when it prints 0
    assert found == {number: "pass" if number % 2 else "fail" for number in range(10)}


@pytest.mark.parametrize(
    ("pattern", "is_found"),
    [
        ("Pending", True),
        ("pending", False),
        (r"^web-2\s+Pending$", True),
        (r"Running\nweb", False),
        ("(?i)PEND", True),
    ],
)
def test_pattern_is_searched_line_by_line(pattern, is_found):
    assert some_line_matches(pattern, "web-1 Running\nweb-2 Pending\n") == is_found


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", "a*a*a*a*a*a*a*a*b"])
def test_hostile_pattern_is_given_up(pattern):
    started = time.monotonic()

    with pytest.raises(PatternFailed):
        some_line_matches(pattern, "a" * 5000 + "!", seconds=0.5)

    assert time.monotonic() - started < 3


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "*"])
def test_pattern_that_is_none_is_an_error(pattern):
    with pytest.raises(PatternFailed):
        some_line_matches(pattern, "text")


def test_pattern_that_fails_makes_the_run_an_error(monkeypatch):
    monkeypatch.setattr(matching, "MAX_SECONDS", 0.3)
    result = run(["printf", "a" * 3000], expect="no_match", pattern="(a+)+$b")

    assert (result.outcome, result.error_code) == ("error", "pattern_failed")
