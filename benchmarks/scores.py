"""Prints how well the readers of texts do on real documents: `python -m benchmarks.scores [wording] ...`.

A scorer is a module `benchmarks.<name>_scores` with `tables(data)`; it is found by its name.
The documents are no part of the repository: CLOSELOOP_DATA names their folder, `../shared/data` unless set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import benchmarks

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Table:
    """A table to print, with the goals that it misses."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    missed: Sequence[str] = field(default=())


def data_folder() -> Path | None:
    """Where the documents are, or None: those who only have the repository have none."""
    folder = Path(os.environ.get("CLOSELOOP_DATA") or ROOT.parent / "shared" / "data")
    return folder if (folder / "postmortems").is_dir() else None


def scorers() -> list[str]:
    """The names of the scorers there are."""
    names = sorted(module.name for module in iter_modules(benchmarks.__path__))
    return [name.removesuffix("_scores") for name in names if name.endswith("_scores")]


def show(table: Table) -> str:
    """The table as Markdown."""
    cells = [[str(cell) for cell in row] for row in (table.head, *table.rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(table.head))]

    def line(row: Sequence[str]) -> str:
        first, *rest = (
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([f"## {table.title}", "", line(cells[0]), rule, *(line(row) for row in cells[1:]), ""])


def tables(names: Sequence[str], data: Path) -> Iterator[Table]:
    """What the named scorers find, in their order."""
    for name in names:
        yield from import_module(f"benchmarks.{name}_scores").tables(data)


def main(arguments: Sequence[str]) -> int:
    names = list(arguments) or scorers()
    if unknown := set(names) - set(scorers()):
        print(f"There is no scorer {', '.join(sorted(unknown))}; there are: {', '.join(scorers())}.")
        return 2
    data = data_folder()
    if data is None:
        print("The documents to score on are not here. Name their folder: CLOSELOOP_DATA=/path make scores")
        return 2
    missed = []
    for table in tables(names, data):
        print(show(table))
        missed += table.missed
    for goal in missed:
        print(f"MISSED: {goal}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
