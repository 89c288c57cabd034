"""What a PromQL expression is, said without a server, by a program (promqltree) that may crash or hang.

The parser is a compiled library that recurses: an expression that somebody typed must not take a web
worker with it. It knows most of the language and not the newest of it (see dialects), so what it refuses is
certain only where it could not be newer.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remediation.probes import dialects

MAX_SECONDS = 4.0
PROGRAM = Path(__file__).with_name("promqltree.py")

# Functions of Prometheus that the parser may not know: older, experimental, or newer than it.
_OTHER_FUNCTIONS = frozenset(
    {
        "holt_winters", "double_exponential_smoothing", "info", "sort_by_label", "sort_by_label_desc",
        "mad_over_time", "first_over_time", "ts_of_first_over_time", "ts_of_last_over_time",
        "ts_of_max_over_time", "ts_of_min_over_time", "histogram_quantiles", "histogram_trim_upper",
        "histogram_trim_lower", "start", "end", "range", "step", "max_of", "min_of", "start_timestamp",
    }
)  # fmt: skip
_UNKNOWN_FUNCTION = re.compile(r"unknown function[^'\"a-zA-Z_]*(?:with name)?\s*['\"]?([a-zA-Z_:][\w:]*)")
# The second argument of info() is a selector that may match everything.
_EMPTY_SELECTOR = re.compile(r"at least one non-empty matcher")
_INFO = re.compile(r"\binfo\s*\(", re.IGNORECASE)
# What the parser's regular expressions do not know, or take for something else, and Go's do.
_BAD_REGEX = re.compile(r"illegal regex")
_OTHER_REGEX = re.compile(r"\\[Q0-7]|\{\{|\[[^\]]*\[[^\]]*\]|\(\?P?<(\w+)>.*\(\?P?<\1>", re.DOTALL)
_VARIABLE = re.compile(r"\$\{[A-Za-z_][^{}\n]*\}|\$[A-Za-z_]\w*|\[\[\w+(?::\w+)?\]\]|\{\{[^{}\n]+\}\}")
_NAMED_GROUP = re.compile(r"\(\?P?<(\w+)>")
_CLOSES = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be said of an expression offline.

    Attributes:
        verdict: "valid", "refused" (no Prometheus takes it), or "doubtful" (only a server can tell).
        kind: "vector", "scalar", "matrix" or "string"; "" unless it is valid.
        reason: why it is refused or doubtful, in the parser's words.
        position: "line:column", from 1, where that is known.
        variables: of a dashboard, which no Prometheus replaces.
        is_filter: whether it compares at the top and so leaves out what does not hold.
        has_metric: whether it asks for any metric.
    """

    verdict: str
    kind: str = ""
    reason: str = ""
    position: str = ""
    variables: tuple[str, ...] = ()
    is_filter: bool = False
    has_metric: bool = True


@functools.lru_cache(maxsize=512)
def read(promql: str) -> Reading:
    """Read an expression; at most four seconds, whatever it is."""
    groups = set(_NAMED_GROUP.findall(promql))
    # What label_replace puts in is named like a variable.
    found = (name for name in _VARIABLE.findall(promql) if name.strip("${}") not in groups)
    variables = tuple(dict.fromkeys(found))
    bare = dialects.bare(promql)
    if outside := _VARIABLE.search(bare):
        reason = f"{outside[0]} is a variable of a dashboard; write what it stands for"
        place = _position(promql, outside.start())
        return Reading("refused", reason=reason, position=place, variables=variables)
    try:
        asked = dialects.rewrite(promql)
    except dialects.Impossible as problem:
        place = _position(promql, problem.offset)
        return Reading("refused", reason=str(problem), position=place, variables=variables)
    said = _ask_parser(asked.text)
    if said is None:
        return Reading("doubtful", reason="the parser gave no answer", variables=variables)
    if "error" in said:
        reason = str(said["error"]) or "invalid promql query"
        verdict = "doubtful" if _may_be_newer(reason, bare) else "refused"
        return Reading(verdict, reason=reason, position=_imbalance(promql), variables=variables)
    if asked.is_newer:
        reason = "it is written as only the newest versions take it"
        return Reading("doubtful", reason=reason, variables=variables)
    return Reading(
        "valid",
        kind=said["kind"],
        variables=variables,
        is_filter=said["is_filter"],
        has_metric=said["has_metric"],
    )


def _ask_parser(promql: str) -> dict[str, Any] | None:
    """What the parser says; None when it crashed, hung or is not there."""
    try:
        parsed = subprocess.run(
            [sys.executable, "-I", str(PROGRAM)],
            input=promql.encode("utf-8", "replace"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=MAX_SECONDS,
            check=False,
            cwd="/",
            env={"PYTHONUTF8": "1"},
        )
        answer = json.loads(parsed.stdout) if parsed.returncode == 0 else None
    except (subprocess.TimeoutExpired, OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _may_be_newer(reason: str, bare: str) -> bool:
    unknown = _UNKNOWN_FUNCTION.search(reason)
    if unknown is not None:
        return unknown[1] in _OTHER_FUNCTIONS
    if _BAD_REGEX.search(reason):
        return _OTHER_REGEX.search(reason) is not None
    return _EMPTY_SELECTOR.search(reason) is not None and _INFO.search(bare) is not None


def _imbalance(promql: str) -> str:
    """Where a bracket or a quote stands alone; "" when each has its fellow."""
    bare = dialects.bare(promql)
    opened: list[tuple[str, int]] = []
    for offset, character in enumerate(bare):
        if character in "([{":
            opened.append((character, offset))
        elif character in _CLOSES:
            if not opened or opened[-1][0] != _CLOSES[character]:
                return _position(promql, offset)
            opened.pop()
        elif character in "\"'`":
            return _position(promql, offset)
    return _position(promql, opened[-1][1]) if opened else ""


def _position(text: str, offset: int) -> str:
    return f"{text.count(chr(10), 0, offset) + 1}:{offset - text.rfind(chr(10), 0, offset)}"
