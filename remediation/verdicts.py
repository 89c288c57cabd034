"""What finished runs prove: results are stored once, rows of passes and fails counted, items moved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from postmortem import secrets, trail
from remediation import items, runs
from remediation.models import CheckRun, RemediationItem, VerificationCheck
from remediation.probes.result import ProbeResult
from remediation.runs import Claimed

State = RemediationItem.State
_CLAIMED = [State.FIX_CLAIMED.value, State.VERIFYING.value]


class Standing(NamedTuple):
    """How one check of an item stands: passes in a row as a positive streak, fails as a negative one."""

    streak: int
    passes_needed: int
    fails_needed: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of some results.

    Attributes:
        stored: how many runs were finished by them.
        refused: how many came too late: their lease had passed to somebody else, or the run was finished.
        moves: (item id, from state, to state).
    """

    stored: int = 0
    refused: int = 0
    moves: tuple[tuple[int, str, str], ...] = ()


def next_state(state: str, standings: Sequence[Standing]) -> str:
    """The state an item belongs in, given how its checks that are not paused stand after a pass or a fail.

    After a claim: verified once every check has its row of passes; back at "fix claimed" while any is
    failing; verifying while there are passes. A verified item regresses with any check's row of fails.
    In all other states, and without a check, nothing moves.

    Source: specification, section 3; docs/adr/0007.
    """
    if not standings:
        return state
    if state == State.VERIFIED:
        has_regressed = any(-one.streak >= one.fails_needed for one in standings)
        return State.REGRESSED if has_regressed else state
    if state not in _CLAIMED:
        return state
    if all(one.streak >= one.passes_needed for one in standings):
        return State.VERIFIED
    if any(one.streak < 0 for one in standings):
        return State.FIX_CLAIMED
    return State.VERIFYING if any(one.streak > 0 for one in standings) else state


def record(finished: Sequence[tuple[Claimed, ProbeResult]]) -> Recorded:
    """Store results, count them, and move the items they move, in one transaction.

    A result counts only while its worker's lease is the run's, so a worker that was given up for dead
    cannot overwrite another's. A result for a check that was edited meanwhile is kept and counts nowhere;
    one that began before the fix was claimed does not count towards the claim. A run of a checklist moves
    nothing: it is stored, and that is all.
    """
    if not finished:
        return Recorded()
    checks = [one for one in finished if one[0].queue == runs.CHECKS.name]
    checklists = [one for one in finished if one[0].queue == runs.CHECKLISTS.name]
    moves: list[tuple[int, str, str]] = []
    with trail.act("verification.record", by=None), connection.cursor() as cursor:
        stored = len(_store(cursor, runs.CHECKLISTS, checklists)) if checklists else 0
        if checks:
            movable = _lock(cursor, checks)
            run_ids = _store(cursor, runs.CHECKS, checks)
            moves = _move(_count(cursor, run_ids, movable))
            stored += len(run_ids)
    return Recorded(stored=stored, refused=len(finished) - stored, moves=tuple(moves))


class _Counted(NamedTuple):
    item_id: int
    check_id: int
    run_id: int
    outcome: str
    finished_at: datetime


def _lock(cursor: CursorWrapper, finished: Sequence[tuple[Claimed, ProbeResult]]) -> list[int]:
    """Lock what may change, in the order in which everybody does: items, checks, runs.

    Returns:
        The ids of the items that these results may move. The others stay unlocked, for speed; should one
        be claimed from here on, these runs began before the claim.
    """
    verdicts = [(claim.item_id, result.outcome) for claim, result in finished]
    failing = [item_id for item_id, outcome in verdicts if outcome == "fail"]
    cursor.execute(
        "SELECT id FROM remediation_remediationitem"
        " WHERE id = ANY(%s) AND state = ANY(%s) OR id = ANY(%s) AND state = 'verified'"
        " ORDER BY id FOR NO KEY UPDATE",
        [[item_id for item_id, outcome in verdicts if outcome in {"pass", "fail"}], _CLAIMED, failing],
    )
    movable = [item_id for (item_id,) in cursor.fetchall()]
    cursor.execute(
        "SELECT FROM remediation_verificationcheck WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        [[claim.check_id for claim, _ in finished]],
    )
    return movable


# Runs are found by their ids alone: the planner remembers the queue as empty, and would compare each waiting
# run with each result if the join itself asked for those that still wait (an empty outcome).
_STORE = """
    WITH held AS MATERIALIZED (
        SELECT x.*, r.lease_token, r.outcome AS outcome_before
        FROM jsonb_to_recordset(%s::jsonb) AS x (id bigint, token uuid, outcome text, value float8,
            series jsonb, warnings text[], expression text, output text, error_code text, error text,
            sandbox text)
        JOIN {table} r ON r.id = x.id
        FOR NO KEY UPDATE OF r
    )
    UPDATE {table} r SET
        finished_at = statement_timestamp(), outcome = x.outcome, value = x.value, series = x.series,
        warnings = x.warnings, expression = x.expression, output = x.output,
        error_code = x.error_code, error = x.error, sandbox = x.sandbox
    FROM held x
    WHERE r.id = x.id AND x.lease_token = x.token AND x.outcome_before = ''
    RETURNING r.id
"""


def _store(
    cursor: CursorWrapper, queue: runs.Queue, finished: Sequence[tuple[Claimed, ProbeResult]]
) -> list[int]:
    """Finish the runs whose lease is still ours; their ids."""
    rows = json.dumps([_row(claim, result) for claim, result in finished], ensure_ascii=False)
    cursor.execute(_STORE.format(table=queue.table), [rows])
    return [run_id for (run_id,) in cursor.fetchall()]


def _row(claim: Claimed, result: ProbeResult) -> dict[str, object]:
    series = result.series
    return {
        "id": claim.run_id,
        "token": str(claim.lease_token),
        "outcome": result.outcome,
        "value": result.value,
        "series": None if series is None else [{"labels": one.labels, "value": one.value} for one in series],
        "warnings": list(result.warnings),
        "expression": result.expression,
        "output": secrets.mask(result.output)[0] if result.output else "",
        "error_code": result.error_code,
        "error": secrets.mask(result.error)[0] if result.error else "",
        "sandbox": result.sandbox,
    }


_SLOT = (
    "date_bin(make_interval(secs => c.interval_seconds), r.slot,"
    " timestamptz 'epoch' + make_interval(secs => c.offset_seconds))"
)
_COUNT = """
    UPDATE remediation_verificationcheck c SET
        last_outcome = r.outcome, last_run_at = r.finished_at, last_value = r.value,
        last_verdict_at = CASE WHEN r.outcome IN ('pass', 'fail') THEN r.finished_at
            ELSE c.last_verdict_at END,
        seen_red_at = COALESCE(c.seen_red_at,
            CASE WHEN r.outcome IN ('fail', 'no_data') THEN r.finished_at END),
        counted_slot = CASE WHEN i.fix_claimed_at > r.started_at OR r.outcome NOT IN ('pass', 'fail')
            THEN c.counted_slot ELSE {slot} END,
        streak = CASE WHEN i.fix_claimed_at > r.started_at THEN c.streak
            -- Asked again within the same slot, by hand: the same answer says nothing new.
            WHEN c.counted_slot >= {slot}
                AND (r.outcome = 'pass' AND c.streak > 0 OR r.outcome = 'fail' AND c.streak < 0)
                THEN c.streak
            WHEN r.outcome = 'pass' THEN GREATEST(c.streak, 0) + 1
            WHEN r.outcome = 'fail' THEN LEAST(c.streak, 0) - 1
            ELSE LEAST(c.streak, 0) END
    FROM remediation_checkrun r JOIN remediation_remediationitem i ON i.id = r.item_id
    WHERE r.id = ANY(%s) AND c.id = r.verification_check_id AND c.version = r.check_version
    RETURNING i.id, c.id, r.id, r.outcome, r.finished_at,
        NOT c.is_paused AND i.fix_claimed_at <= r.started_at AND i.id = ANY(%s)
        AND (r.outcome IN ('pass', 'fail') AND i.state = ANY(%s)
            OR r.outcome = 'fail' AND i.state = 'verified')
    """.replace("{slot}", _SLOT)


def _count(cursor: CursorWrapper, run_ids: list[int], movable: list[int]) -> list[_Counted]:
    """Bring the checks up to date; the runs that may move an item, in the order of their ids.

    Its own statement, after the locks: it must see a claim that was made while we waited for them.
    "Red" is a fail, or the absence of what is measured.
    """
    cursor.execute(_COUNT, [run_ids, movable, _CLAIMED])
    return sorted((_Counted(*row[:-1]) for row in cursor.fetchall() if row[-1]), key=lambda one: one.run_id)


def _move(counted: Iterable[_Counted]) -> list[tuple[int, str, str]]:
    """Move each item at most once, naming the last run that speaks for the move."""
    by_item: dict[int, list[_Counted]] = {}
    for one in counted:
        by_item.setdefault(one.item_id, []).append(one)
    if not by_item:
        return []
    standings = _standings(by_item)
    moves = []
    for item in RemediationItem.objects.filter(pk__in=by_item).order_by("pk").select_for_update(no_key=True):
        causes, stand = by_item[item.pk], standings.get(item.pk, {})
        if item.state == State.VERIFIED:
            # Only what has just failed: a check that was paused with old fails must first fail again.
            stand = {one.check_id: stand[one.check_id] for one in causes if one.check_id in stand}
        from_state, to_state = item.state, next_state(item.state, list(stand.values()))
        if to_state != from_state:
            wanted = "pass" if to_state in {State.VERIFYING, State.VERIFIED} else "fail"
            cause = max(causes, key=lambda one: (one.outcome == wanted, one.run_id))
            run = CheckRun.objects.get(pk=cause.run_id)
            items.move(item, to_state, by=None, run=run, at=cause.finished_at)
            moves.append((item.pk, from_state, to_state))
    return moves


def _standings(item_ids: Iterable[int]) -> dict[int, dict[int, Standing]]:
    standings: dict[int, dict[int, Standing]] = {}
    rows = VerificationCheck.objects.filter(item__in=item_ids, is_paused=False).values_list(
        "item", "pk", "streak", "passes_needed", "fails_needed"
    )
    for item_id, check_id, *row in rows:
        standings.setdefault(item_id, {})[check_id] = Standing(*row)
    return standings
