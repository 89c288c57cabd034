"""How much verification has to do and how late it is, as an operator wants to know it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection


@dataclass(frozen=True, slots=True)
class Lag:
    """How late verification is; seconds, and None where there is nothing to measure.

    Attributes:
        overdue: checks that should have begun by now and have not.
        oldest_seconds: since when the oldest of them waits.
        p50_seconds, p99_seconds: from slot to start, over the runs of the last hour, at most the last 10,000.
    """

    overdue: int
    oldest_seconds: float
    p50_seconds: float | None
    p99_seconds: float | None


class Queued(NamedTuple):
    """Unfinished runs of a kind: those that nobody holds, and those that a worker holds."""

    kind: str
    waiting: int
    claimed: int


class Finished(NamedTuple):
    """Runs of the last hour by kind and outcome; `again` were attempted more than once."""

    kind: str
    outcome: str
    number: int
    again: int


def lag(now: datetime, *, most: int | None = None) -> Lag:
    """How late verification is at `now`.

    Args:
        most: count no further than one more than this.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH overdue AS (
                (SELECT c.next_run_at AS since
                FROM remediation_verificationcheck c JOIN remediation_remediationitem i ON i.id = c.item_id
                WHERE NOT c.is_paused AND c.next_run_at <= %(now)s AND i.state <> 'wont_do'
                ORDER BY c.next_run_at LIMIT %(most)s + 1)
                UNION ALL
                SELECT slot FROM remediation_checkrun
                WHERE finished_at IS NULL AND slot <= %(now)s
                    AND (lease_until IS NULL OR lease_until < %(now)s)
            ), lateness AS (
                -- By their ids, for these alone have an index that finds the last of a long history.
                SELECT extract(epoch FROM newest.started_at - newest.slot)::float8 AS seconds
                FROM (SELECT started_at, slot FROM remediation_checkrun ORDER BY id DESC LIMIT 10000) newest
                WHERE newest.slot > %(now)s - interval '1 hour' AND newest.started_at <= %(now)s
            )
            SELECT
                (SELECT count(*) FROM overdue),
                (SELECT COALESCE(extract(epoch FROM %(now)s - min(since)), 0)::float8 FROM overdue),
                (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM lateness),
                (SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) FROM lateness)
            """,
            {"now": now, "most": most},
        )
        return Lag(*cursor.fetchone())


def queued(now: datetime) -> list[Queued]:
    """What waits and what is under way, by kind; a kind without either is left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, count(*) FILTER (WHERE NOT is_held), count(*) FILTER (WHERE is_held)
            FROM (
                SELECT kind, COALESCE(lease_until > %(now)s, false) AS is_held
                FROM remediation_checkrun WHERE finished_at IS NULL
                UNION ALL
                SELECT kind, COALESCE(lease_until > %(now)s, false)
                FROM remediation_checklistrun WHERE finished_at IS NULL
            ) unfinished
            GROUP BY kind ORDER BY kind
            """,
            {"now": now},
        )
        return [Queued(*row) for row in cursor.fetchall()]


def finished(now: datetime) -> list[Finished]:
    """What came of the checks whose slots lie within the last hour, by kind and outcome."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT recent.kind, recent.outcome, count(*), count(*) FILTER (WHERE recent.attempt > 1)
            FROM remediation_verificationcheck c CROSS JOIN LATERAL (
                SELECT r.kind, r.outcome, r.attempt FROM remediation_checkrun r
                WHERE r.verification_check_id = c.id AND r.slot > %(now)s - interval '1 hour'
                    AND r.slot <= %(now)s
                ORDER BY r.slot DESC LIMIT 100
            ) recent
            WHERE recent.outcome <> ''
            GROUP BY recent.kind, recent.outcome ORDER BY recent.kind, recent.outcome
            """,
            {"now": now},
        )
        return [Finished(*row) for row in cursor.fetchall()]
