"""The queue of checks: whichever is due is claimed under a lease; its run becomes a row when it is finished.

A check's slots lie on a fixed grid. Its standing says when its turn comes next, and which run of it is under
way (docs/adr/0043). Each function is one statement of its own transaction, and its clock is the database's,
so that workers need not agree about the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import connection

from remediation import claims
from remediation.claims import LEASE_MARGIN_SECONDS, MAX_ATTEMPTS, Claimed
from remediation.models import CheckRun, CheckStanding, VerificationCheck

# A check stays due while a worker holds it, so that a claim changes nothing that an index knows.
_NOT_HELD = "(s.lease_until IS NULL OR s.lease_until <= statement_timestamp())"
_DUE = (
    "s.kind = %(kind)s AND NOT s.is_resting AND s.next_run_at <= {now} AND s.attempt < %(attempts)s"
    f" AND {_NOT_HELD}"
)
# The kinds of check and the teams that have them, one after the other, as the index has them.
TURNS = """turn (kind, team_id) AS (
    (
        SELECT s.kind, s.team_id FROM remediation_checkstanding s
        WHERE NOT s.is_resting ORDER BY s.kind, s.team_id LIMIT 1
    )
    UNION ALL
    SELECT later.* FROM turn t CROSS JOIN LATERAL (
        SELECT s.kind, s.team_id FROM remediation_checkstanding s
        WHERE NOT s.is_resting AND (s.kind, s.team_id) > (t.kind, t.team_id)
        ORDER BY s.kind, s.team_id LIMIT 1
    ) later
)"""
# Each team whose checks are due gets its part of the limit, whoever was there first, and what some leave over
# goes to those who have more. Locked rows are skipped where they are read, so that two workers do not take
# turns at the same ones.
_IN_TURNS = """{turns}, waiting AS MATERIALIZED (
    -- With a limit each team is looked up in the index; EXISTS could become a scan of the whole table.
    SELECT t.team_id FROM turn t CROSS JOIN LATERAL (
        SELECT FROM remediation_checkstanding s WHERE {which} AND s.team_id = t.team_id
        ORDER BY s.kind, s.team_id, s.next_run_at LIMIT 1
    ) due
    WHERE t.kind = %(kind)s
), served AS MATERIALIZED (
    -- More teams than runs to take: who is served first is a matter of luck, so that nobody never is.
    SELECT team_id, ceil(%(limit)s / (count(*) OVER ())::float8)::int AS part
    FROM (SELECT team_id FROM waiting ORDER BY random() LIMIT %(limit)s) lucky
), first AS MATERIALIZED (
    SELECT p.*, v.part FROM served v CROSS JOIN LATERAL (
        SELECT s.verification_check_id AS id, s.team_id FROM remediation_checkstanding s
        WHERE {which} AND s.team_id = v.team_id
        ORDER BY s.kind, s.team_id, s.next_run_at LIMIT v.part
        FOR NO KEY UPDATE SKIP LOCKED
    ) p
), wanting AS (
    SELECT team_id, %(limit)s - (SELECT count(*) FROM first) AS left_over, count(*) OVER () AS teams
    FROM first GROUP BY team_id, part HAVING count(*) >= part
), second AS MATERIALIZED (
    SELECT p.* FROM wanting w CROSS JOIN LATERAL (
        SELECT s.verification_check_id AS id FROM remediation_checkstanding s
        WHERE {which} AND s.team_id = w.team_id
            AND s.verification_check_id <> ALL(ARRAY(SELECT id FROM first))
        ORDER BY s.kind, s.team_id, s.next_run_at LIMIT GREATEST(0, w.left_over / w.teams)
        FOR NO KEY UPDATE SKIP LOCKED
    ) p
), picked AS (
    SELECT id FROM first UNION ALL SELECT id FROM second
)""".replace("{turns}", TURNS)
_LOST = """{turns}, picked AS MATERIALIZED (
    SELECT s.id FROM turn t CROSS JOIN LATERAL (
        SELECT s.verification_check_id AS id FROM remediation_checkstanding s
        WHERE s.kind = t.kind AND NOT s.is_resting AND s.team_id = t.team_id AND s.next_run_at <= {now}
            AND s.attempt >= %(attempts)s AND s.lease_until <= statement_timestamp()
        LIMIT %(limit)s
        FOR NO KEY UPDATE SKIP LOCKED
    ) s
)""".replace("{turns}", TURNS)
# A check may be due off the grid, for example at the moment of a claim; that moment is its slot then. Slots
# missed since are coalesced into the newest and counted.
_CLAIM = """
WITH RECURSIVE {picked}, ids AS MATERIALIZED (
    -- By their ids, one index after the other: the planner knows too little of how many these are, and would
    -- read whole tables to join them.
    SELECT ARRAY(SELECT id FROM picked) AS ids
), slots AS MATERIALIZED (
    SELECT c.id, c.item_id, c.version, c.timeout_seconds, c.data_source_id, c.interval_seconds,
        date_bin(make_interval(secs => c.interval_seconds), {now},
            timestamptz 'epoch' + make_interval(secs => c.offset_seconds)) AS newest,
        c.promql, c.quantifier, c.comparator, c.threshold, c.no_data_rule, c.nan_rule, c.shell_expectation,
        c.pattern, c.reads, c.network, c.env, c.pipeline
    FROM remediation_verificationcheck c WHERE c.id = ANY((SELECT ids FROM ids)::bigint[])
)
UPDATE remediation_checkstanding s SET
    lease_token = %(token)s,
    lease_until = clock_timestamp() + make_interval(secs => c.timeout_seconds + %(margin)s),
    run_id = COALESCE(s.run_id, s.asked_run_id, nextval('remediation_checkrun_id_seq')),
    slot = COALESCE(s.slot, GREATEST(c.newest, s.next_run_at)),
    skipped_slots = CASE WHEN s.slot IS NULL
        THEN GREATEST(0, ceil(extract(epoch FROM c.newest - s.next_run_at) / c.interval_seconds))::int
        ELSE s.skipped_slots END,
    check_version = c.version,
    {changes}
FROM slots c
WHERE s.verification_check_id = ANY((SELECT ids FROM ids)::bigint[]) AND s.verification_check_id = c.id
RETURNING s.kind, s.run_id, c.id, c.item_id, s.lease_token, s.attempt, c.timeout_seconds,
    COALESCE(c.data_source_id, 0), c.promql, c.quantifier, c.comparator, COALESCE(c.threshold, 0),
    c.no_data_rule, c.nan_rule, c.shell_expectation, c.pattern, c.reads, c.network, c.env, c.pipeline
"""


def claim(
    *, kind: str, limit: int, busy: Sequence[int] = (), waiting_seconds: int = 0, now: datetime | None = None
) -> list[Claimed]:
    """Take about `limit` due checks of a kind, for one attempt each: see `runs.claim`."""
    which = _DUE
    if waiting_seconds:
        which += " AND s.next_run_at < {now} - make_interval(secs => %(waiting)s)"
    if busy:
        which += " AND s.data_source_id <> ALL(%(busy)s::bigint[])"
    changes = "attempt = s.attempt + 1, started_at = clock_timestamp()"
    values = {"kind": kind, "limit": limit, "busy": list(busy), "waiting": waiting_seconds}
    return _claimed(_IN_TURNS.replace("{which}", which), changes, now=now, **values)


def claim_lost(*, limit: int) -> list[Claimed]:
    """Take the runs whose last attempt was cut short, to be recorded as lost: see `runs.claim_lost`."""
    return _claimed(_LOST, "started_at = COALESCE(s.started_at, clock_timestamp())", now=None, limit=limit)


def _claimed(picked: str, changes: str, *, now: datetime | None, **values: Any) -> list[Claimed]:
    moment = _moment(now)
    query = _CLAIM.format(picked=picked.replace("{now}", moment), changes=changes, now=moment)
    values |= {"token": uuid4(), "now": now, "attempts": MAX_ATTEMPTS, "margin": LEASE_MARGIN_SECONDS}
    with connection.prepared() as cursor:  # type: ignore[attr-defined]
        cursor.execute(query, values)
        return [claims.read(claims.CHECKS, row) for row in cursor.fetchall()]


def _moment(now: datetime | None) -> str:
    # The statement's, for what changes while a statement runs has no use for an index.
    return "statement_timestamp()" if now is None else "%(now)s::timestamptz"


def give_back(held: Sequence[Claimed]) -> None:
    """Return runs that were not begun: due as they were before; the attempt does not count."""
    with connection.cursor() as cursor:
        cursor.execute(
            # A row that somebody has locked is left to its lease: waiting for it could end in a deadlock.
            """
            WITH mine AS (
                SELECT s.verification_check_id AS id FROM remediation_checkstanding s
                JOIN unnest(%s::bigint[], %s::uuid[]) AS held (id, token) ON s.verification_check_id = held.id
                WHERE s.lease_token = held.token
                FOR NO KEY UPDATE OF s SKIP LOCKED
            ) UPDATE remediation_checkstanding s SET
                lease_token = NULL, lease_until = NULL, started_at = NULL, attempt = s.attempt - 1,
                -- Put to rest meanwhile: nobody will run what was asked for.
                asked_run_id = CASE WHEN NOT s.is_resting THEN s.asked_run_id END,
                asked_at = CASE WHEN NOT s.is_resting THEN s.asked_at END,
                run_id = CASE WHEN NOT s.is_resting THEN s.run_id END,
                slot = CASE WHEN NOT s.is_resting THEN s.slot END
            FROM mine WHERE s.verification_check_id = mine.id
            """,
            [[one.check_id for one in held], [one.lease_token for one in held]],
        )


def ask_now(check_id: int, *, now: datetime) -> int:
    """Ask for a run of one check with `now` as its slot, unless one waits or runs; the id of either."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE remediation_checkstanding s SET
                asked_run_id = COALESCE(s.asked_run_id, s.run_id, nextval('remediation_checkrun_id_seq')),
                asked_at = COALESCE(
                    s.asked_at, CASE WHEN s.run_id IS NULL THEN statement_timestamp() ELSE s.next_run_at END
                ),
                slot = COALESCE(s.slot, %(now)s),
                skipped_slots = CASE WHEN s.slot IS NULL THEN 0 ELSE s.skipped_slots END,
                next_run_at = LEAST(s.next_run_at, statement_timestamp())
            WHERE s.verification_check_id = %(check)s
            RETURNING s.asked_run_id
            """,
            {"check": check_id, "now": now},
        )
        (run_id,) = cursor.fetchone()
        return int(run_id)


def due_at(check_ids: Sequence[int], moment: datetime) -> None:
    """Let checks be due at a moment, off their grid; one that is under way then is due when that ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE remediation_checkstanding s SET
                next_run_at = CASE WHEN s.lease_token IS NULL THEN %(at)s ELSE s.next_run_at END,
                is_wanted_again = s.lease_token IS NOT NULL
            FROM (
                SELECT verification_check_id AS id FROM remediation_checkstanding
                WHERE verification_check_id = ANY(%(checks)s)
                ORDER BY verification_check_id FOR NO KEY UPDATE
            ) wanted
            WHERE s.verification_check_id = wanted.id
            """,
            {"at": moment, "checks": list(check_ids)},
        )


def unfinished(check: VerificationCheck, *, now: datetime) -> CheckRun | None:
    """The run of a check that waits for a worker or that one holds; None when it is not its turn.

    It is not stored, and has no id while it was neither asked for nor claimed.
    """
    standing: CheckStanding = check.standing
    if standing.is_resting and not standing.is_held(now):
        return None
    if standing.slot is None and standing.next_run_at > now:
        return None
    slot = standing.slot or standing.next_run_at
    run = CheckRun(
        pk=standing.run_id or standing.asked_run_id,
        verification_check=check,
        kind=standing.kind,
        check_version=standing.check_version or check.version,
        slot=slot,
        skipped_slots=standing.skipped_slots,
        queued_at=standing.asked_at or standing.next_run_at,
        attempt=standing.attempt,
    )
    if standing.started_at is not None:
        run.started_at = standing.started_at
    return run


_KINDS = """
WITH RECURSIVE {turns}
SELECT DISTINCT t.kind FROM turn t
WHERE EXISTS (
    SELECT FROM remediation_checkstanding s
    WHERE s.kind = t.kind AND NOT s.is_resting AND s.team_id = t.team_id AND s.next_run_at <= {now}
        AND {not_held}
)
"""


def waiting_kinds(*, now: datetime | None = None) -> set[str]:
    """The kinds of check of which one is due that no worker holds."""
    with connection.cursor() as cursor:
        cursor.execute(_KINDS.format(turns=TURNS, now=_moment(now), not_held=_NOT_HELD), {"now": now})
        return {kind for (kind,) in cursor.fetchall()}
