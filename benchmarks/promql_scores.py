"""How PromQL is read offline: published expressions pass, invalid ones are refused, none of them hurts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.scores import Table
from remediation.probes import promql

_MOST_REFUSED_VALID = 0
_LEAST_REFUSED_INVALID = 0.95


def tables(data: Path) -> Iterator[Table]:
    """The readings of each file, in the order of the folder's description."""
    rows, missed = [], []
    for name, wanted in (
        ("valid", "valid"),
        ("valid_upstream", "valid"),
        ("evaluation", ""),
        ("invalid_upstream", "refused"),
        ("grafana_templated", "variables"),
        ("refused_by_promql_parser", "doubtful"),
    ):
        readings = read(data / "promql" / f"{name}.jsonl")
        counts = [
            sum(one.verdict == verdict for one in readings) for verdict in ("valid", "refused", "doubtful")
        ]
        warned = sum(bool(one.variables) for one in readings)
        rows.append((name, len(readings), *counts, warned))
        if wanted == "valid" and counts[1] > _MOST_REFUSED_VALID:
            missed.append(f"{name}: {counts[1]} published expressions are refused")
        if wanted == "refused" and counts[1] < _LEAST_REFUSED_INVALID * len(readings):
            missed.append(f"{name}: only {counts[1]} of {len(readings)} are refused")
        if wanted == "variables" and warned < len(readings):
            missed.append(f"{name}: {len(readings) - warned} have variables that nobody is told of")
    head = ("expressions", "n", "valid", "refused", "left to the server", "with variables")
    yield Table("PromQL, read without a server", head, rows, missed)


def read(file: Path) -> list[promql.Reading]:
    """The readings of a file's expressions; those that are no UTF-8 never get this far."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines() if line]
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(promql.read, [line["expr"] for line in lines if line["expr"] is not None]))
