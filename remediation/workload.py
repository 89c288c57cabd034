"""How much verification has to do and how late it is, as an operator wants to know it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from remediation.checkqueue import TURNS


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
    """What waits of a kind, due or asked for: what nobody holds, and what a worker holds."""

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
            f"""
            WITH RECURSIVE {TURNS}, overdue AS (
                SELECT due.since FROM turn t CROSS JOIN LATERAL (
                    SELECT COALESCE(s.slot, s.next_run_at) AS since FROM remediation_checkstanding s
                    WHERE NOT s.is_resting AND s.kind = t.kind AND s.team_id = t.team_id
                        AND s.next_run_at <= %(now)s AND (s.lease_until IS NULL OR s.lease_until <= %(now)s)
                    ORDER BY s.next_run_at LIMIT %(most)s + 1
                ) due
                LIMIT %(most)s + 1
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
            """,  # noqa: S608 - text of ours
            {"now": now, "most": most},
        )
        return Lag(*cursor.fetchone())


def queued(now: datetime) -> list[Queued]:
    """What waits and what is under way, by kind; a kind without either is left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE {TURNS}
            SELECT kind, count(*) FILTER (WHERE NOT is_held), count(*) FILTER (WHERE is_held)
            FROM (
                SELECT t.kind, COALESCE(s.lease_until > %(now)s, false) AS is_held
                FROM turn t JOIN remediation_checkstanding s
                    ON NOT s.is_resting AND s.kind = t.kind AND s.team_id = t.team_id
                    AND s.next_run_at <= %(now)s
                UNION ALL
                SELECT kind, COALESCE(lease_until > %(now)s, false)
                FROM remediation_checklistrun WHERE finished_at IS NULL
            ) unfinished
            GROUP BY kind ORDER BY kind
            """,  # noqa: S608 - text of ours
            {"now": now},
        )
        return [Queued(*row) for row in cursor.fetchall()]


def finished(now: datetime) -> list[Finished]:
    """What came of the checks whose slots lie within the last hour, by kind and outcome."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT recent.kind, recent.outcome, count(*), count(*) FILTER (WHERE recent.attempt > 1)
            FROM remediation_checkstanding s CROSS JOIN LATERAL (
                SELECT r.kind, r.outcome, r.attempt FROM remediation_checkrun r
                WHERE r.verification_check_id = s.verification_check_id
                    AND r.slot > %(now)s - interval '1 hour' AND r.slot <= %(now)s
                ORDER BY r.slot DESC LIMIT 100
            ) recent
            WHERE s.last_run_at > %(now)s - interval '1 hour'
            GROUP BY recent.kind, recent.outcome ORDER BY recent.kind, recent.outcome
            """,
            {"now": now},
        )
        return [Finished(*row) for row in cursor.fetchall()]
