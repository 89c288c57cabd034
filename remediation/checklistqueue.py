"""The queue of checklists: a row is a run that somebody asked for; workers claim rows under a lease.

Each function is one statement of its own transaction, and its clock is the database's, so that workers need
not agree about the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.db import connection
from django.db.backends.utils import CursorWrapper

from remediation import claims
from remediation.claims import LEASE_MARGIN_SECONDS, MAX_ATTEMPTS, Claimed

_IS_FREE = "r.finished_at IS NULL AND (r.lease_until IS NULL OR r.lease_until < clock_timestamp())"
_CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT r.id FROM remediation_checklistrun r
    WHERE {which}
    ORDER BY r.kind, r.queued_at LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE remediation_checklistrun r SET
    lease_token = %(token)s,
    lease_until = clock_timestamp() + make_interval(secs => r.timeout_seconds + %(margin)s),
    {changes}
FROM picked p
WHERE r.id = p.id
RETURNING r.kind, r.id, 0, 0, r.lease_token, r.attempt, r.timeout_seconds, COALESCE(r.data_source_id, 0),
    r.promql, 'all', r.comparator, COALESCE(r.threshold, 0), 'no_data', 'fail', r.expectation, r.pattern, '',
    'none', '{{}}'::jsonb, r.pipeline
"""


def claim(*, kind: str, limit: int, busy: Sequence[int] = (), waiting_seconds: int = 0) -> list[Claimed]:
    """Take at most `limit` waiting runs of a kind, the oldest first: see `runs.claim`."""
    which = f"r.kind = %(kind)s AND {_IS_FREE} AND r.attempt < %(attempts)s"
    if waiting_seconds:
        which += " AND r.queued_at < clock_timestamp() - make_interval(secs => %(waiting)s)"
    if busy:
        which += " AND r.data_source_id <> ALL(%(busy)s::bigint[])"
    changes = "attempt = r.attempt + 1, started_at = clock_timestamp()"
    values = {"kind": kind, "limit": limit, "busy": list(busy), "waiting": waiting_seconds}
    return _claimed(which, changes, **values)


def claim_lost(*, limit: int) -> list[Claimed]:
    """Take the runs whose last attempt was cut short, to be recorded as lost: see `runs.claim_lost`."""
    which = f"{_IS_FREE} AND r.attempt >= %(attempts)s"
    return _claimed(which, "started_at = COALESCE(r.started_at, clock_timestamp())", limit=limit)


def _claimed(which: str, changes: str, **values: Any) -> list[Claimed]:
    values |= {"token": uuid4(), "attempts": MAX_ATTEMPTS, "margin": LEASE_MARGIN_SECONDS}
    with connection.prepared() as cursor:  # type: ignore[attr-defined]
        cursor.execute(_CLAIM.format(which=which, changes=changes), values)
        return [claims.read(claims.CHECKLISTS, row) for row in cursor.fetchall()]


def give_back(held: Sequence[Claimed]) -> None:
    """Return runs that were not begun; the attempt does not count."""
    with connection.cursor() as cursor:
        cursor.execute(
            # A row that somebody has locked is left to its lease: waiting for it could end in a deadlock.
            """
            WITH mine AS (
                SELECT r.id FROM remediation_checklistrun r
                JOIN unnest(%s::bigint[], %s::uuid[]) AS held (id, token) ON r.id = held.id
                WHERE r.lease_token = held.token AND r.finished_at IS NULL
                FOR NO KEY UPDATE OF r SKIP LOCKED
            ) UPDATE remediation_checklistrun r
            SET lease_token = NULL, lease_until = NULL, started_at = NULL, attempt = r.attempt - 1
            FROM mine WHERE r.id = mine.id
            """,
            [[one.run_id for one in held], [one.lease_token for one in held]],
        )


def store(cursor: CursorWrapper, rows: str) -> int:
    """Finish the runs whose lease is still that of their result; how many.

    Args:
        rows: a JSON list of results, as `verdicts` writes them.
    """
    cursor.execute(
        # Runs are found by their ids alone: the planner remembers the queue as empty, and would compare each
        # waiting run with each result if the join itself asked for those that still wait (an empty outcome).
        """
        WITH held AS MATERIALIZED (
            SELECT x.*, r.lease_token, r.outcome AS outcome_before
            FROM jsonb_to_recordset(%s::jsonb) AS x (id bigint, token uuid, outcome text, value float8,
                series jsonb, warnings text[], expression text, output text, error_code text, error text,
                sandbox text)
            JOIN remediation_checklistrun r ON r.id = x.id
            FOR NO KEY UPDATE OF r
        )
        UPDATE remediation_checklistrun r SET
            finished_at = statement_timestamp(), outcome = x.outcome, value = x.value, series = x.series,
            warnings = COALESCE(x.warnings, '{}'), expression = x.expression, output = COALESCE(x.output, ''),
            error_code = COALESCE(x.error_code, ''), error = COALESCE(x.error, ''),
            sandbox = COALESCE(x.sandbox, '')
        FROM held x
        WHERE r.id = x.id AND x.lease_token = x.token AND x.outcome_before = ''
        """,
        [rows],
    )
    return int(cursor.rowcount)


def waiting_kinds() -> set[str]:
    """The kinds for which a run waits that no worker holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT r.kind FROM remediation_checklistrun r WHERE {_IS_FREE}")  # noqa: S608
        return {kind for (kind,) in cursor.fetchall()}
