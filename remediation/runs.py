"""The queues of runs: due checks become waiting rows, workers claim rows under a lease.

There are two tables of runs, those of checks and those of checklists, and one way to claim, to give back
and to lose a run: `Queue` says where the tables differ.

PostgreSQL is the queue (docs/adr/0004): each function is one statement of its own transaction, and its
clock is the database's, so that workers need not agree about the time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import connection

from remediation.models import VerificationCheck

MAX_ATTEMPTS = 3
# A claimed run must begin within the first number of seconds, and its lease covers the second one beyond
# its own time limit: while a lease holds, nobody else runs the same thing.
BEGIN_WITHIN_SECONDS = 5
LEASE_MARGIN_SECONDS = 10


# By itself, so that the index of waiting runs is read in its order and no further than the limit.
_OLDEST = """picked AS MATERIALIZED (
    SELECT r.id, r.{owner} AS definition_id FROM {table} r
    WHERE {which}
    ORDER BY r.kind, r.{order} LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)"""
# The same in turns: each team that waits gets its part of the limit, whoever was there first, and what some
# leave over goes to those who have more. Locked rows are skipped where they are read, so that two workers
# do not take turns at the same ones.
_IN_TURNS = """waiting (team_id) AS (
    (
        SELECT r.team_id FROM {table} r WHERE {which}
        ORDER BY r.kind, r.team_id LIMIT 1
    )
    UNION ALL
    SELECT later.team_id FROM waiting w CROSS JOIN LATERAL (
        SELECT r.team_id FROM {table} r
        WHERE {which} AND r.team_id > w.team_id
        ORDER BY r.kind, r.team_id LIMIT 1
    ) later
), served AS MATERIALIZED (
    -- More teams than runs to take: who is served first is a matter of luck, so that nobody never is.
    SELECT team_id, ceil(%(limit)s / (count(*) OVER ())::float8)::int AS part
    FROM (SELECT team_id FROM waiting ORDER BY random() LIMIT %(limit)s) lucky
), first AS MATERIALIZED (
    SELECT p.*, s.part FROM served s CROSS JOIN LATERAL (
        SELECT r.id, r.{owner} AS definition_id, r.team_id FROM {table} r
        WHERE {which} AND r.team_id = s.team_id
        ORDER BY r.kind, r.team_id, r.{order} LIMIT s.part
        FOR NO KEY UPDATE SKIP LOCKED
    ) p
), wanting AS (
    SELECT team_id, %(limit)s - (SELECT count(*) FROM first) AS left_over, count(*) OVER () AS teams
    FROM first GROUP BY team_id, part HAVING count(*) >= part
), second AS MATERIALIZED (
    SELECT p.* FROM wanting w CROSS JOIN LATERAL (
        SELECT r.id, r.{owner} AS definition_id FROM {table} r
        WHERE {which} AND r.team_id = w.team_id AND r.id <> ALL(ARRAY(SELECT id FROM first))
        ORDER BY r.kind, r.team_id, r.{order} LIMIT GREATEST(0, w.left_over / w.teams)
        FOR NO KEY UPDATE SKIP LOCKED
    ) p
), picked AS (
    SELECT id, definition_id FROM first UNION ALL SELECT id, definition_id FROM second
)"""


class Queue(NamedTuple):
    """A table of runs as the statements below need it.

    Attributes:
        order: the column by which the oldest run comes first.
        owner: the column of a run that names the row `c`, which defines what is asked.
        definition: that row's table.
        busy: SQL that leaves out the runs which ask one of the sources in %(busy)s.
        asks: columns of `c` as the fields of `Claimed` from `promql` on; `keys` those of check and item.
        begins: what else an attempt sets.
        picked: which runs are claimed: the oldest, or those of each team in turn.
    """

    name: str
    table: str
    order: str
    owner: str
    definition: str
    busy: str
    keys: str
    asks: str
    begins: str
    picked: str


CHECKS = Queue(
    name="checks",
    table="remediation_checkrun",
    order="slot",
    owner="verification_check_id",
    definition="remediation_verificationcheck",
    busy=(
        " AND r.verification_check_id NOT IN"
        " (SELECT id FROM remediation_verificationcheck WHERE data_source_id = ANY(%(busy)s))"
    ),
    keys="c.id, c.item_id",
    asks=(
        "c.promql, c.quantifier, c.comparator, COALESCE(c.threshold, 0), c.no_data_rule, c.nan_rule,"
        " c.shell_expectation, c.pattern, c.reads, c.network, c.env, c.pipeline"
    ),
    begins=", check_version = c.version",
    picked=_IN_TURNS,
)
# A run of a checklist carries its own definition.
CHECKLISTS = Queue(
    name="checklists",
    table="remediation_checklistrun",
    order="queued_at",
    owner="id",
    definition="remediation_checklistrun",
    busy=" AND r.data_source_id <> ALL(%(busy)s)",
    keys="0, 0",
    asks=(
        "c.promql, 'all', c.comparator, COALESCE(c.threshold, 0), 'no_data', 'fail', c.expectation,"
        " c.pattern, '', 'none', '{}'::jsonb, c.pipeline"
    ),
    begins="",
    picked=_OLDEST,
)
# In the order in which they are claimed: somebody looks at a page and waits for the first.
QUEUES = (CHECKLISTS, CHECKS)


class Claimed(NamedTuple):
    """One run that this worker holds, with what to ask and what to expect: see `VerificationCheck`.

    `check_id` and `item_id` are 0 for a run of a checklist.
    """

    queue: str
    run_id: int
    check_id: int
    item_id: int
    lease_token: UUID
    attempt: int
    timeout_seconds: int
    source_id: int
    base_url: str
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


class Enqueued(NamedTuple):
    """How many checks were due, and how many runs were queued for them."""

    due: int
    queued: int


_COLUMNS = """verification_check_id, item_id, team_id, service_id, kind, check_version, slot, skipped_slots,
        queued_at, attempt, outcome, warnings, expression, output, error_code, error, sandbox"""
_AT_REST = "clock_timestamp(), 0, '', '{}', '', '', '', '', ''"
_ENQUEUE = """
WITH due AS (
    SELECT c.id, c.item_id, c.kind, c.version, c.next_run_at, c.interval_seconds,
        i.team_id, i.service_id, i.state = 'wont_do' AS is_declined,
        date_bin(make_interval(secs => c.interval_seconds), {now},
            timestamptz 'epoch' + make_interval(secs => c.offset_seconds)) AS newest
    FROM remediation_verificationcheck c JOIN remediation_remediationitem i ON i.id = c.item_id
    WHERE NOT c.is_paused AND c.next_run_at <= {now}
    ORDER BY c.next_run_at LIMIT %(limit)s
    FOR NO KEY UPDATE OF c SKIP LOCKED
), slots AS (
    -- A check may be due off the grid, for example at the moment of a claim; that moment is its slot then.
    SELECT due.*, GREATEST(newest, next_run_at) AS slot,
        GREATEST(0, ceil(extract(epoch FROM newest - next_run_at) / interval_seconds))::int AS skipped,
        newest + make_interval(secs => interval_seconds) AS following
    FROM due
), advanced AS (
    UPDATE remediation_verificationcheck c SET next_run_at = s.following FROM slots s WHERE c.id = s.id
), coalesced AS (
    -- The run before is not finished: it stands for these slots too.
    UPDATE remediation_checkrun r SET skipped_slots = r.skipped_slots + s.skipped + 1
    FROM slots s
    WHERE r.verification_check_id = s.id AND r.finished_at IS NULL AND r.slot < s.slot AND NOT s.is_declined
), queued AS (
    INSERT INTO remediation_checkrun ({columns})
    SELECT id, item_id, team_id, service_id, kind, version, slot, skipped, {at_rest}
    FROM slots WHERE NOT is_declined
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM queued)
"""


def enqueue_due(*, now: datetime | None = None, limit: int = 500) -> Enqueued:
    """Queue one run for each due check and set when it is due next.

    A check's slots lie on a fixed grid. Slots missed since the last one are coalesced into the newest and
    counted in its `skipped_slots`; those missed while a run is unfinished are counted there. Checks of
    declined items only move on. Two callers at once share the work.

    Args:
        now: the moment judged; the database's clock when None.
        limit: how many checks at most; fewer due ones than this means that none is left.
    """
    moment = "clock_timestamp()" if now is None else "%(now)s::timestamptz"
    with connection.cursor() as cursor:
        query = _ENQUEUE.format(now=moment, columns=_COLUMNS, at_rest=_AT_REST)
        cursor.execute(query, {"now": now, "limit": limit})
        return Enqueued(*cursor.fetchone())


_ENQUEUE_NOW = """
WITH queued AS (
    INSERT INTO remediation_checkrun ({columns})
    SELECT c.id, c.item_id, i.team_id, i.service_id, c.kind, c.version, %(now)s, 0, {at_rest}
    FROM remediation_verificationcheck c JOIN remediation_remediationitem i ON i.id = c.item_id
    WHERE c.id = %(check)s
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT id FROM queued
UNION ALL
(SELECT id FROM remediation_checkrun WHERE verification_check_id = %(check)s
    ORDER BY finished_at IS NULL DESC, slot DESC LIMIT 1)
LIMIT 1
"""


def enqueue_now(check_id: int, *, now: datetime) -> int:
    """Queue a run of one check with `now` as its slot, unless one is unfinished; the id of either."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ENQUEUE_NOW.format(columns=_COLUMNS, at_rest=_AT_REST), {"check": check_id, "now": now}
        )
        (run_id,) = cursor.fetchone()
        return int(run_id)


_CLAIM = """
WITH RECURSIVE {picked}
UPDATE {table} r SET
    lease_token = %(token)s,
    lease_until = clock_timestamp() + make_interval(secs => c.timeout_seconds + {margin}),
    {changes}
FROM picked p
JOIN {definition} c ON c.id = p.definition_id
LEFT JOIN remediation_datasource s ON s.id = c.data_source_id
WHERE r.id = p.id
RETURNING r.id, {keys}, r.lease_token, r.attempt, c.timeout_seconds, COALESCE(s.id, 0),
    COALESCE(s.base_url, ''), {asks}
"""
_IS_FREE = "r.finished_at IS NULL AND (r.lease_until IS NULL OR r.lease_until < clock_timestamp())"


def claim(*, kind: str, limit: int, busy: Sequence[int] = (), waiting_seconds: int = 0) -> list[Claimed]:
    """Take about `limit` waiting runs of a kind, for one attempt each: teams in turns, each its oldest first.

    So a team with thousands of due checks does not keep another waiting. A run that another worker holds is
    free again when its lease has run out. From here on the run stands for the check as it is now, should it
    have been edited since it was queued.

    Args:
        busy: ids of data sources to leave alone this time.
        waiting_seconds: only runs that were queued at least so long ago.
    """
    which = f"r.kind = %(kind)s AND {_IS_FREE} AND r.attempt < {MAX_ATTEMPTS}"
    if waiting_seconds:
        which += " AND r.queued_at < clock_timestamp() - make_interval(secs => %(waiting)s)"
    changes = "attempt = r.attempt + 1, started_at = clock_timestamp()"
    values = {"kind": kind, "busy": list(busy), "waiting": waiting_seconds}
    claims: list[Claimed] = []
    for queue in QUEUES:
        if len(claims) < limit:
            condition = which + (queue.busy if busy else "")
            claims += _claimed(queue, condition, changes + queue.begins, limit=limit - len(claims), **values)
    return claims


def claim_lost(*, limit: int = 500) -> list[Claimed]:
    """Take the runs whose last attempt was cut short, to be recorded as lost: nobody attempts them again."""
    which = f"{_IS_FREE} AND r.attempt >= {MAX_ATTEMPTS}"
    changes = "started_at = COALESCE(r.started_at, clock_timestamp())"
    return [
        one
        for queue in QUEUES
        for one in _claimed(queue._replace(picked=_OLDEST), which, changes, limit=limit)
    ]


def give_back(claims: Sequence[Claimed]) -> None:
    """Return runs that were not begun; the attempt does not count."""
    for queue in QUEUES:
        if ours := [claim for claim in claims if claim.queue == queue.name]:
            _give_back(queue, ours)


def _give_back(queue: Queue, claims: Sequence[Claimed]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            # A row that somebody has locked is left to its lease: waiting for it could end in a deadlock.
            "WITH mine AS ("  # noqa: S608 - names of ours
            f"  SELECT r.id FROM {queue.table} r"
            "  JOIN unnest(%s::bigint[], %s::uuid[]) AS held (id, token) ON r.id = held.id"
            "  WHERE r.lease_token = held.token AND r.finished_at IS NULL"
            "  FOR NO KEY UPDATE OF r SKIP LOCKED"
            f") UPDATE {queue.table} r"
            " SET lease_token = NULL, lease_until = NULL, started_at = NULL, attempt = r.attempt - 1"
            " FROM mine WHERE r.id = mine.id",
            [[claim.run_id for claim in claims], [claim.lease_token for claim in claims]],
        )


def waiting_kinds() -> list[str]:
    """The kinds of check for which a run waits that no worker holds."""
    waits = " OR ".join(
        f"EXISTS (SELECT FROM {queue.table} r WHERE r.kind = kind.kind AND {_IS_FREE})" for queue in QUEUES
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT kind FROM unnest(%s::text[]) AS kind WHERE {waits}",  # noqa: S608 - text of ours
            [VerificationCheck.Kind.values],
        )
        return [kind for (kind,) in cursor.fetchall()]


def _claimed(queue: Queue, which: str, changes: str, **values: Any) -> list[Claimed]:
    picked = queue.picked.format(which=which, **queue._asdict())
    words = queue._asdict() | {"picked": picked}
    query = _CLAIM.format(changes=changes, margin=LEASE_MARGIN_SECONDS, **words)
    with connection.cursor() as cursor:
        cursor.execute(query, {"token": uuid4()} | values)
        return [_read(queue, row) for row in cursor.fetchall()]


def _read(queue: Queue, row: tuple[Any, ...]) -> Claimed:
    *columns, env, pipeline = row
    return Claimed._make([queue.name, *columns, json.loads(env), json.loads(pipeline) if pipeline else []])
