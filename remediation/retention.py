"""Runs that are long ago are rolled up by day: counts stay, and what a judgement of the past may ask.

Kept for ever are the runs that changed a check's outcome or an item's state. The database lets a finished
run go in one case only: in the transaction that wrote its day (docs/adr/0032).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

# So many days of checks are rolled up in one transaction: at one run a minute 144,000 runs.
BATCH = 100
BUDGET_SECONDS = 20.0

_ROLL_UP = """
WITH candidate AS MATERIALIZED (
    SELECT c.id, oldest.day, done.last_outcome
    FROM remediation_verificationcheck c
    LEFT JOIN LATERAL (
        SELECT d.day, d.last_outcome FROM remediation_checkday d
        WHERE d.verification_check_id = c.id ORDER BY d.day DESC LIMIT 1
    ) done ON true
    CROSS JOIN LATERAL (
        SELECT (r.slot AT TIME ZONE 'UTC')::date AS day FROM remediation_checkrun r
        WHERE r.verification_check_id = c.id AND r.slot < %(before)s
          AND r.slot >= COALESCE((done.day + 1)::timestamp AT TIME ZONE 'UTC', '-infinity')
        ORDER BY r.slot LIMIT 1
    ) oldest
    -- Nothing is over while a run is unfinished; there is at most one, and then none is newer.
    WHERE NOT EXISTS (
        SELECT FROM remediation_checkstanding u
        WHERE u.verification_check_id = c.id AND u.slot < %(before)s
    )
    LIMIT %(limit)s
), run AS MATERIALIZED (
    SELECT r.*, k.day,
        COALESCE(lag(r.outcome) OVER (PARTITION BY k.id ORDER BY r.slot), k.last_outcome, '') <> r.outcome
            OR EXISTS (SELECT FROM remediation_itemtransition t WHERE t.run_id = r.id) AS is_kept
    FROM candidate k JOIN remediation_checkrun r ON r.verification_check_id = k.id
        AND r.slot >= k.day::timestamp AT TIME ZONE 'UTC'
        AND r.slot < (k.day + 1)::timestamp AT TIME ZONE 'UTC'
), verdict AS (
    SELECT verification_check_id, array_agg(DISTINCT at ORDER BY at) AS moments
    FROM (
        SELECT verification_check_id, unnest(ARRAY[min(finished_at), max(finished_at)]) AS at
        FROM run WHERE outcome IN ('pass', 'fail')
        GROUP BY verification_check_id, date_bin('8 minutes', finished_at, timestamptz 'epoch')
    ) ends
    GROUP BY verification_check_id
)
INSERT INTO remediation_checkday (verification_check_id, day, passes, fails, no_data, errors, skipped_slots,
    value_min, value_max, value_last, last_outcome, verdicts_at, first_verdict_at, kept, written_in,
    rolled_up_at)
SELECT verification_check_id, day,
    count(*) FILTER (WHERE outcome = 'pass'), count(*) FILTER (WHERE outcome = 'fail'),
    count(*) FILTER (WHERE outcome = 'no_data'), count(*) FILTER (WHERE outcome = 'error'),
    sum(skipped_slots), min(value), max(value),
    (array_agg(value ORDER BY slot DESC) FILTER (WHERE value IS NOT NULL))[1],
    (array_agg(outcome ORDER BY slot DESC))[1],
    COALESCE(verdict.moments, '{}'), verdict.moments[1],
    COALESCE(array_agg(id ORDER BY slot) FILTER (WHERE is_kept), '{}'), 0, clock_timestamp()
FROM run LEFT JOIN verdict USING (verification_check_id)
GROUP BY verification_check_id, day, verdict.moments
RETURNING id
"""
_DELETE = """
DELETE FROM remediation_checkrun r USING remediation_checkday d
WHERE d.id = ANY(%s) AND r.verification_check_id = d.verification_check_id
  AND r.slot >= d.day::timestamp AT TIME ZONE 'UTC'
  AND r.slot < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
  AND r.id <> ALL(d.kept)
"""


def roll_up(*, now: datetime, days: int = 90, budget_seconds: float = BUDGET_SECONDS) -> tuple[int, int]:
    """Roll up what is older than so many days, in small transactions, until all is done or the time is up.

    One caller at a time does it; another returns at once. Each check's days come in order.

    Args:
        days: at least 90; the database refuses what is younger.

    Returns:
        How many days of checks were rolled up, and how many runs are no more.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    stop_at = time.monotonic() + budget_seconds
    rolled_up = gone = 0
    while True:
        written, deleted = _batch(before=midnight - timedelta(days=days))
        rolled_up, gone = rolled_up + written, gone + deleted
        if not written or time.monotonic() >= stop_at:
            return rolled_up, gone


def _batch(*, before: datetime) -> tuple[int, int]:
    with transaction.atomic(), connection.cursor() as cursor:
        # Two at once would wait for each other's days and find them gone.
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('remediation.retention'))")
        if not cursor.fetchone()[0]:
            return 0, 0
        cursor.execute(_ROLL_UP, {"before": before, "limit": BATCH})
        ids = [day_id for (day_id,) in cursor.fetchall()]
        if not ids:
            return 0, 0
        cursor.execute(_DELETE, [ids])
        return len(ids), cursor.rowcount
