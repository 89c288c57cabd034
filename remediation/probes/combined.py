"""Several expressions asked as one query: what a query costs besides its own work is then paid once.

Each expression is labelled with its number, and all are joined with `or`:

    (label_join((up), "closeloop_part", "0", "closeloop_part", "closeloop_part")
        or label_join((down), "closeloop_part", "1", "closeloop_part", "closeloop_part"))

What stands between two labels that are not there is the number; `label_replace` would compile a pattern for
each. The `or`s are halved like a tree, so that the first series is not carried through all of them.

The answer is exact or it is none: whatever might not be the same as asking one by one (an error, a warning,
which nobody can tell whose it is, a scalar, several series) makes the caller ask one by one.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from urllib.parse import quote_plus

from remediation.probes.http import Client
from remediation.probes.prometheus import Query, exchange, judged_vector, quoted
from remediation.probes.result import ProbeResult, Series

LABEL = "closeloop_part"
# Measured: from 12 to 28 a server has as much to do for each, about three quarters of what it costs alone; we
# have less to do with more.
MOST = 20
SLOW_SECONDS = 2.0
# Where one expression spoils the query of all, it is looked for among a fifth as many at a time.
_FEWER = 5
# So long an expression costs more than what is saved.
_LONGEST = 2_000
# Who may wait longer than this alone shall not keep the others waiting.
_MOST_SECONDS = 20.0
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`|#[^\n]*')
_REMEMBERED = 20_000
_alone: set[tuple[str, str]] = set()
_OPENS = {")": "(", "]": "[", "}": "{"}


def is_combinable(query: Query) -> bool:
    """Whether it may be asked together with others, as far as that is known."""
    if query.timeout_seconds > _MOST_SECONDS or (query.base_url, query.promql) in _alone:
        return False
    return is_self_contained(query.promql)


@functools.lru_cache(maxsize=_REMEMBERED)
def is_self_contained(promql: str) -> bool:
    """Whether the expression stays itself between brackets, whatever it is.

    Quotes and brackets must be closed: then nothing of it can reach what stands beside it.
    """
    if len(promql) > _LONGEST or LABEL in promql:
        return False
    bare = _QUOTED.sub("", promql)
    if any(character in bare for character in "\"'`;"):
        return False
    opened: list[str] = []
    for character in bare:
        if character in "([{":
            opened.append(character)
        elif character in _OPENS and (not opened or opened.pop() != _OPENS[character]):
            return False
    return not opened


def joined(queries: Sequence[Query]) -> str:
    """One expression for all, quoted; a line break ends a comment that one of them may end with."""
    return _halved(
        [f"{_BEFORE}{quoted(query.promql)}{_after(number)}" for number, query in enumerate(queries)]
    )


def _halved(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"{_OPEN}{_halved(parts[:middle])}{_OR}{_halved(parts[middle:])}{_CLOSE}"


_BEFORE, _OPEN, _OR, _CLOSE = (quote_plus(text) for text in ("label_join((\n", "(", " or ", ")"))


@functools.lru_cache(maxsize=MOST)
def _after(number: int) -> str:
    return quote_plus(f'\n), "{LABEL}", "{number}", "{LABEL}", "{LABEL}")')


async def ask(client: Client | None, queries: Sequence[Query]) -> list[ProbeResult | None] | ProbeResult:
    """Ask them as one query.

    Returns:
        A result for each, or None for one that must be asked otherwise; or, when nothing was heard of the
        server, the one result that says so.
    """
    seconds = min(query.timeout_seconds for query in queries)
    query = queries[0]._replace(timeout_seconds=seconds)
    answer = await exchange(client, query, expression=joined(queries))
    return answer if isinstance(answer, ProbeResult) else read(*answer, queries)


def read(status: int, body: bytes, queries: Sequence[Query]) -> list[ProbeResult | None]:
    """The result of each as if it had been asked alone, or None where that cannot be told.

    An answer of one series or none has no order; which of several comes first decides what is shown, so
    those are asked alone.
    """
    try:
        answer = json.loads(body)
        if status != 200 or answer["status"] != "success" or answer.get("warnings") or answer.get("infos"):
            return [None] * len(queries)
        vectors: list[list[Series]] = [[] for _ in queries]
        for sample in answer["data"]["result"]:
            number = int(sample["metric"].pop(LABEL))
            vectors[number].append(Series(sample["metric"], sample["value"][1]))
        return [
            judged_vector(vector, query) if len(vector) < 2 else None
            for vector, query in zip(vectors, queries, strict=True)
        ]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return [None] * len(queries)


def next_group(size: int, *, is_whole: bool) -> int:
    """How many at most to ask together of those that gave no result: fewer where the whole query failed.

    Args:
        size: how many were asked together.
        is_whole: none of them has a result.
    """
    return -(-size // _FEWER) if is_whole and size > _FEWER else 1


def remember_alone(query: Query) -> None:
    """Never again together with others, as long as this process lives."""
    if len(_alone) >= _REMEMBERED:
        _alone.clear()
    _alone.add((query.base_url, query.promql))
