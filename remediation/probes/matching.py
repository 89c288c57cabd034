"""Whether a line matches a pattern that somebody typed: a hostile pattern takes time, never the worker.

Python's regular expressions have no time limit, and a safe one cannot be told from a hostile one by its
looks. So the search runs in a process of its own, which can be killed: this file is also its program.
"""

from __future__ import annotations

import re
import subprocess
import sys

MAX_SECONDS = 5.0
_MATCHES, _NO_MATCH = 10, 11  # not 1, with which Python itself ends after an error
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


class PatternFailed(Exception):
    """The pattern took too long, or is none."""


def some_line_matches(pattern: str, text: str, *, seconds: float = MAX_SECONDS) -> bool:
    """Whether `pattern` (Python syntax, one line of it) is found in a line of `text`.

    Raises:
        PatternFailed: there was no answer within `seconds`.
    """
    if not _SPECIAL.search(pattern):
        return pattern in text
    try:
        searched = subprocess.run(
            [sys.executable, "-I", "-S", __file__],
            input=f"{pattern}\n{text}".encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            cwd="/",
            env={"PYTHONUTF8": "1"},
        )
    except subprocess.TimeoutExpired:
        raise PatternFailed(f"The pattern was not searched within {seconds:g} s.") from None
    if searched.returncode not in {_MATCHES, _NO_MATCH}:
        raise PatternFailed("The pattern cannot be searched.")
    return searched.returncode == _MATCHES


def _main() -> int:
    pattern, _, text = sys.stdin.buffer.read().decode("utf-8").partition("\n")
    search = re.compile(pattern).search
    return _MATCHES if any(search(line) for line in text.split("\n")) else _NO_MATCH


if __name__ == "__main__":
    sys.exit(_main())
