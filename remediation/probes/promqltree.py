"""Pure: the program that reads one expression from its standard input and writes what it is as JSON.

It runs by its path in a process of its own, which may crash or hang: it imports none of our modules.
"""

from __future__ import annotations

import json
import sys
from typing import Any

_CPU_SECONDS = 3
_MEMORY_BYTES = 1024 * 1024 * 1024
_STACK_BYTES = 256 * 1024 * 1024


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
        return "scalar" if top.func.return_type == parser.ValueType.Scalar else "vector"
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
