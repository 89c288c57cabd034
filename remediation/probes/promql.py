"""What a PromQL expression is, said without a server, in a process that may crash or hang: this file is
also its program.

The parser is a compiled library that recurses: an expression that somebody typed must not take a web
worker with it. It knows most of the language and not the newest of it, so what it refuses is certain only
where it could not be newer.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

MAX_SECONDS = 4.0
_CPU_SECONDS = 3
_MEMORY_BYTES = 1024 * 1024 * 1024
_STACK_BYTES = 256 * 1024 * 1024

# Functions of Prometheus that the parser may not know: older, experimental, or newer than it.
_OTHER_FUNCTIONS = frozenset(
    {
        "holt_winters", "double_exponential_smoothing", "info", "sort_by_label", "sort_by_label_desc",
        "mad_over_time", "first_over_time", "ts_of_first_over_time", "ts_of_last_over_time",
        "ts_of_max_over_time", "ts_of_min_over_time", "histogram_quantiles", "histogram_trim_upper",
        "histogram_trim_lower", "start", "end", "range", "step", "max_of", "min_of",
    }
)  # fmt: skip
_UNKNOWN_FUNCTION = re.compile(r"unknown function[^'\"a-zA-Z_]*(?:with name)?\s*['\"]?([a-zA-Z_:][\w:]*)")
# Arithmetic with durations, modifiers and operators that came after the parser.
_NEWER = re.compile(
    r"\b(?:anchored|smoothed)\b|\bfill(?:_left|_right)?\s*\(|\b(?:step|range)\s*\(\s*\)"
    r"|\boffset\s*-?\s*\("
    r"|\[\s*[^\]\"'`]*(?:\d\s*(?:ms|[smhdwy])?\s*[-+*/%^]|-\s*\(|[-+]\s*\d)[^\]\"'`]*\]"
)
_ESCAPE = re.compile(r"unknown escape")
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]\w*(?::[\w-]+)?\}?|\$__\w+|\[\[\w+\]\]")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`|#[^\n]*')
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
    variables = tuple(dict.fromkeys(_VARIABLE.findall(promql)))
    bare = _without_quoted(promql)
    outside = tuple(dict.fromkeys(_VARIABLE.findall(bare)))
    if outside:
        place = _position(promql, bare.index(outside[0]))
        reason = f"{outside[0]} is a variable of a dashboard; write what it stands for"
        return Reading("refused", reason=reason, position=place, variables=variables)
    said = _ask_parser(promql)
    if said is None:
        return Reading("doubtful", reason="the parser gave no answer", variables=variables)
    if "error" in said:
        reason = str(said["error"]) or "invalid promql query"
        verdict = "doubtful" if _may_be_newer(reason, bare) else "refused"
        return Reading(verdict, reason=reason, position=_imbalance(promql), variables=variables)
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
            [sys.executable, "-I", __file__],
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
    if _ESCAPE.search(reason):
        # Versions of Prometheus differ in which escapes they take.
        return True
    return _NEWER.search(bare) is not None


def _without_quoted(promql: str) -> str:
    """The same length, with blanks for what stands in quotes and comments."""
    return _QUOTED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), promql)


def _imbalance(promql: str) -> str:
    """Where a bracket or a quote stands alone; "" when each has its fellow."""
    bare = _without_quoted(promql)
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


def _main() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import threading

    # The parser recurses on the stack of its thread, and a thread may have a larger one.
    threading.stack_size(_STACK_BYTES)
    thread = threading.Thread(target=_parse)
    thread.start()
    thread.join()


def _parse() -> None:
    import promql_parser

    try:
        tree = promql_parser.parse(sys.stdin.buffer.read().decode("utf-8"))
    except ValueError as error:
        print(json.dumps({"error": str(error)}))  # noqa: T201 - this is the program's answer
        return
    print(json.dumps(_describe(promql_parser, tree)))  # noqa: T201


def _describe(parser: Any, tree: Any) -> dict[str, Any]:
    top = tree
    while isinstance(top, parser.ParenExpr):
        top = top.expr
    return {
        "kind": _kind(parser, top),
        "is_filter": _is_filter(parser, top),
        "has_metric": _has_metric(parser, tree),
    }


def _kind(parser: Any, top: Any) -> str:
    """The type of the value; of an operation, that of its parts."""
    while isinstance(top, (parser.ParenExpr, parser.UnaryExpr)):
        top = top.expr
    if isinstance(top, (parser.MatrixSelector, parser.SubqueryExpr)):
        return "matrix"
    if isinstance(top, parser.StringLiteral):
        return "string"
    if isinstance(top, parser.NumberLiteral):
        return "scalar"
    if isinstance(top, parser.Call):
        return "scalar" if top.func.name in {"scalar", "time", "pi"} else "vector"
    if isinstance(top, parser.BinaryExpr):
        sides = [top.lhs, top.rhs]
        while sides:
            side = sides.pop()
            while isinstance(side, (parser.ParenExpr, parser.UnaryExpr)):
                side = side.expr
            if isinstance(side, parser.BinaryExpr):
                sides += [side.lhs, side.rhs]
            elif _kind(parser, side) != "scalar":
                return "vector"
        return "scalar"
    return "vector"


def _is_filter(parser: Any, top: Any) -> bool:
    if not isinstance(top, parser.BinaryExpr):
        return False
    operator = str(top.op).strip()
    modifier = getattr(top, "modifier", None)
    is_bool = bool(getattr(modifier, "return_bool", False))
    return operator in {"==", "!=", "<", "<=", ">", ">="} and not is_bool


def _has_metric(parser: Any, tree: Any) -> bool:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (parser.VectorSelector, parser.MatrixSelector)):
            return True
        for name in ("expr", "lhs", "rhs"):
            part = getattr(node, name, None)
            if part is not None:
                waiting.append(part)
        waiting += list(getattr(node, "args", None) or [])
    return False


if __name__ == "__main__":
    _main()
