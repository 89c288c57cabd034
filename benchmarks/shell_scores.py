"""How command lines of runbooks are told apart by their words; none of them is ever run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.scores import Table
from remediation.probes.commands import KINDS, classify

_LEAST = 0.9


def tables(data: Path) -> Iterator[Table]:
    """Kinds as people told them, against kinds as `classify` does."""
    said = json.loads((data / "shell" / "commands.json").read_text())["commands"]
    found = Counter((one["kind"], classify(one["command"])) for one in said)
    rows = [
        (kind, sum(found[kind, other] for other in KINDS), *(found[kind, other] or "" for other in KINDS))
        for kind in KINDS
    ]
    right = sum(found[kind, kind] for kind in KINDS) / len(said)
    missed = [] if right >= _LEAST else [f"only {right:.0%} of the command lines are told right"]
    yield Table(f"Command lines: {right:.0%} told right", ("told by people", "n", *KINDS), rows, missed)
