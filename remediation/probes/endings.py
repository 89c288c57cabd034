"""Pure: what the end of a command means. A run is judged here, and so is an example of a template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postmortem import pipelines
from remediation.probes import matching
from remediation.probes.result import Outcome

Judgement = tuple[Outcome, str, str]


@dataclass(frozen=True, slots=True)
class Ending:
    """How the last command of a pipeline ended: its exit status, and what it printed as cleaned text."""

    status: int
    said: str


def judge(argv: Sequence[str], expectation: str, pattern: str, ending: Ending) -> Judgement:
    """The outcome, and for an error its code and what to say about it.

    With "success", status 1 is a fail and any other but 0 an error. With "match" and "no_match", status 1 of
    a command that selects lines (grep and its kin) means "no line"; any other but 0 is an error, and so is
    status 1 of a program that is no grep: it failed.

    Args:
        argv: of the last command.
        expectation: see `shell.Command`.
    """
    selects = pipelines.selects_lines(list(argv))
    if expectation == "success":
        if ending.status in {0, 1}:
            return ("fail" if ending.status else "pass"), "", ""
    elif selects and not pattern and ending.status in {0, 1}:
        # What it counted or kept quiet about does not matter: the status says whether there was a line.
        return _expected(expectation, is_found=ending.status == 0)
    elif selects and ending.status == 0 and not ending.said:
        # `grep -q` has found a line and does not show it: "no line" would be a lie.
        return "error", "quiet_grep", "It found something and printed nothing."
    elif ending.status == 0 or (selects and ending.status == 1 and not ending.said):
        return _match(expectation, pattern, ending.said)
    return "error", "bad_exit", f"It ended with status {ending.status}."


def _match(expectation: str, pattern: str, said: str) -> Judgement:
    try:
        is_found = bool(said) and matching.some_line_matches(pattern, said, seconds=matching.MAX_SECONDS)
    except matching.PatternFailed as problem:
        return "error", "pattern_failed", str(problem)
    return _expected(expectation, is_found=is_found)


def _expected(expectation: str, *, is_found: bool) -> Judgement:
    return ("pass" if is_found == (expectation == "match") else "fail"), "", ""
