"""A run as the worker that holds it knows it, and the rules by which runs are held."""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from uuid import UUID

MAX_ATTEMPTS = 3
# A claimed run must begin within the first number of seconds, and its lease covers the second one beyond
# its own time limit: while a lease holds, nobody else runs the same thing.
BEGIN_WITHIN_SECONDS = 5
LEASE_MARGIN_SECONDS = 10

CHECKS, CHECKLISTS = "checks", "checklists"


class Claimed(NamedTuple):
    """One run that this worker holds, with what to ask and what to expect: see `VerificationCheck`.

    `queue` is where it was claimed; `check_id` and `item_id` are 0 for a run of a checklist.
    """

    queue: str
    kind: str
    run_id: int
    check_id: int
    item_id: int
    lease_token: UUID
    attempt: int
    timeout_seconds: int
    source_id: int
    promql: str
    quantifier: str
    comparator: str
    threshold: float
    no_data_rule: str
    nan_rule: str
    shell_expectation: str
    pattern: str
    reads: str
    network: str
    env: dict[str, str]
    pipeline: list[list[str]]


def read(queue: str, row: tuple[Any, ...]) -> Claimed:
    """A row of a claiming statement: the fields in their order, `env` and `pipeline` as JSON texts."""
    *columns, env, pipeline = row
    return Claimed._make(
        [queue, *columns, json.loads(env) if env != "{}" else {}, json.loads(pipeline) if pipeline else []]
    )
