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
from remediation import checklistqueue, items, runs
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


def record(finished: Sequence[tuple[Claimed, ProbeResult]], *, now: datetime | None = None) -> Recorded:
    """Store results, count them, and move the items they move, in one transaction.

    A result counts only while its worker's lease is the run's, so a worker that was given up for dead
    cannot overwrite another's. A result for a check that was edited meanwhile is kept and counts nowhere;
    one that began before the fix was claimed does not count towards the claim. A run of a checklist moves
    nothing: it is stored, and that is all.

    Args:
        now: when they were finished; the database's clock when None.
    """
    if not finished:
        return Recorded()
    checks = [one for one in finished if one[0].queue == runs.CHECKS]
    checklists = [one for one in finished if one[0].queue == runs.CHECKLISTS]
    stored, moves = 0, []
    # The same statements again and again: their plans are kept.
    with trail.act("verification.record", by=None), connection.prepared() as cursor:  # type: ignore[attr-defined]
        if checklists:
            stored += checklistqueue.store(cursor, _rows(checklists))
        if checks:
            told = _store(cursor, checks, _lock(cursor, checks), now=now)
            stored += len(told)
            moves = _move(told)
    return Recorded(stored=stored, refused=len(finished) - stored, moves=tuple(moves))


def _rows(finished: Sequence[tuple[Claimed, ProbeResult]]) -> str:
    return json.dumps([_row(claim, result) for claim, result in finished], ensure_ascii=False)


def _row(claim: Claimed, result: ProbeResult) -> dict[str, object]:
    """A result as the statements that store it read it; texts that are empty are left out."""
    row: dict[str, object] = {
        "id": claim.run_id,
        "check_id": claim.check_id,
        "kind": claim.kind,
        "token": claim.lease_token.hex,
        "outcome": result.outcome,
        "value": result.value,
        "expression": result.expression,
    }
    if result.series is not None:
        row["series"] = [{"labels": one.labels, "value": one.value} for one in result.series]
    if result.warnings:
        row["warnings"] = list(result.warnings)
    if result.output:
        row["output"] = secrets.mask(result.output)[0]
    if result.error_code:
        row["error_code"], row["error"] = result.error_code, secrets.mask(result.error)[0]
    if result.sandbox:
        row["sandbox"] = result.sandbox
    return row


class _Told(NamedTuple):
    item_id: int
    check_id: int
    run_id: int
    outcome: str
    finished_at: datetime
    may_move: bool


def _lock(cursor: CursorWrapper, finished: Sequence[tuple[Claimed, ProbeResult]]) -> list[int]:
    """Lock what may change, in the order in which everybody does: items, then how their checks stand.

    Returns:
        The ids of the items that these results may move. The others stay unlocked, for speed; should one
        be claimed from here on, these runs began before the claim.
    """
    verdicts = [(claim.item_id, result.outcome) for claim, result in finished]
    failing = [item_id for item_id, outcome in verdicts if outcome == "fail"]
    cursor.execute(
        "SELECT id FROM remediation_remediationitem"
        " WHERE id = ANY(%s::bigint[]) AND state = ANY(%s::text[])"
        " OR id = ANY(%s::bigint[]) AND state = 'verified'"
        " ORDER BY id FOR NO KEY UPDATE",
        [[item_id for item_id, outcome in verdicts if outcome in {"pass", "fail"}], _CLAIMED, failing],
    )
    movable = [item_id for (item_id,) in cursor.fetchall()]
    # Item by item, as whoever changes several items does.
    check_ids = [check_id for _, check_id in sorted((claim.item_id, claim.check_id) for claim, _ in finished)]
    cursor.execute(
        "SELECT FROM remediation_checkstanding s"
        " JOIN unnest(%s::bigint[]) WITH ORDINALITY AS mine (id, turn) ON s.verification_check_id = mine.id"
        " ORDER BY mine.turn FOR NO KEY UPDATE OF s",
        [check_ids],
    )
    return movable


# "Red" is a fail, or the absence of what is measured. A check that was edited meanwhile is another check.
_STORE = """
WITH held AS MATERIALIZED (
    SELECT x.*, c.item_id, s.team_id, s.service_id, s.check_version, s.slot, s.attempt,
        COALESCE(s.asked_at, s.next_run_at) AS queued_at,
        s.started_at, {now} AS finished_at,
        s.skipped_slots + GREATEST(0, ceil(extract(epoch FROM grid.newest - s.slot) / c.interval_seconds)
            )::int AS skipped_slots,
        grid.newest + make_interval(secs => c.interval_seconds) AS following,
        date_bin(make_interval(secs => c.interval_seconds), s.slot, grid.origin) AS slot_of_grid,
        is_new, is_new AND c.version = s.check_version AS is_current,
        COALESCE(i.fix_claimed_at > s.started_at, false) AS is_before_claim,
        is_new AND c.version = s.check_version AND NOT c.is_paused AND i.fix_claimed_at <= s.started_at
            AND i.id = ANY(%(movable)s::bigint[])
            AND (x.outcome IN ('pass', 'fail') AND i.state = ANY(%(claimed)s::text[])
                OR x.outcome = 'fail' AND i.state = 'verified') IS TRUE AS may_move
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS x (id bigint, check_id bigint, kind text, token uuid,
        outcome text, value float8, series jsonb, warnings text[], expression text, output text,
        error_code text, error text, sandbox text)
    JOIN remediation_checkstanding s ON s.verification_check_id = x.check_id AND s.lease_token = x.token
    JOIN remediation_verificationcheck c ON c.id = x.check_id
    JOIN remediation_remediationitem i ON i.id = c.item_id
    CROSS JOIN LATERAL (
        SELECT origin, date_bin(make_interval(secs => c.interval_seconds), {now}, origin) AS newest
        FROM (SELECT timestamptz 'epoch' + make_interval(secs => c.offset_seconds) AS origin) zero
    ) grid
    -- The database's clock was set back, and the slot comes again: its run is stored, and stays as it is.
    -- The offset has it looked up once for each, not at every mention.
    CROSS JOIN LATERAL (
        SELECT NOT EXISTS (
            SELECT FROM remediation_checkrun r WHERE r.verification_check_id = x.check_id AND r.slot = s.slot
        ) AS is_new OFFSET 0
    ) fresh
), stored AS (
    INSERT INTO remediation_checkrun (id, verification_check_id, item_id, team_id, service_id, kind,
        check_version, slot, skipped_slots, queued_at, attempt, started_at, finished_at, outcome, value,
        series, warnings, expression, output, error_code, error, sandbox)
    SELECT id, check_id, item_id, team_id, service_id, kind,
        check_version, slot, skipped_slots, queued_at, attempt, started_at, finished_at, outcome, value,
        series, COALESCE(warnings, '{}'), expression, COALESCE(output, ''), COALESCE(error_code, ''),
        COALESCE(error, ''), COALESCE(sandbox, '')
    FROM held WHERE is_new
)
UPDATE remediation_checkstanding s SET
    asked_run_id = NULL, asked_at = NULL, run_id = NULL, slot = NULL, skipped_slots = 0, lease_token = NULL,
    lease_until = NULL, attempt = 0, started_at = NULL, check_version = NULL, is_wanted_again = false,
    next_run_at = CASE WHEN s.is_wanted_again THEN h.finished_at ELSE h.following END,
    last_outcome = CASE WHEN h.is_current THEN h.outcome ELSE s.last_outcome END,
    last_run_at = CASE WHEN h.is_current THEN h.finished_at ELSE s.last_run_at END,
    last_value = CASE WHEN h.is_current THEN h.value ELSE s.last_value END,
    last_verdict_at = CASE WHEN h.is_current AND h.outcome IN ('pass', 'fail') THEN h.finished_at
        ELSE s.last_verdict_at END,
    seen_red_at = COALESCE(s.seen_red_at,
        CASE WHEN h.is_current AND h.outcome IN ('fail', 'no_data') THEN h.finished_at END),
    counted_slot = CASE
        WHEN h.is_current AND NOT h.is_before_claim AND h.outcome IN ('pass', 'fail') THEN h.slot_of_grid
        ELSE s.counted_slot END,
    streak = CASE
        WHEN NOT h.is_current OR h.is_before_claim THEN s.streak
        -- Asked again within the same slot, by hand: the same answer says nothing new.
        WHEN s.counted_slot >= h.slot_of_grid
            AND (h.outcome = 'pass' AND s.streak > 0 OR h.outcome = 'fail' AND s.streak < 0) THEN s.streak
        WHEN h.outcome = 'pass' THEN GREATEST(s.streak, 0) + 1
        WHEN h.outcome = 'fail' THEN LEAST(s.streak, 0) - 1
        ELSE LEAST(s.streak, 0) END
FROM held h
WHERE s.verification_check_id = h.check_id
RETURNING h.item_id, h.check_id, h.id, h.outcome, h.finished_at, h.may_move, h.is_new
"""


def _store(
    cursor: CursorWrapper,
    finished: Sequence[tuple[Claimed, ProbeResult]],
    movable: list[int],
    *,
    now: datetime | None,
) -> list[_Told]:
    """Store the runs whose lease is still ours, and bring up to date how their checks stand.

    Its own statement, after the locks: it must see a claim that was made while we waited for them.

    Returns:
        One for each that was stored, in the order of their ids.
    """
    moment = "statement_timestamp()" if now is None else "%(now)s::timestamptz"
    values = {"rows": _rows(finished), "movable": movable, "claimed": _CLAIMED, "now": now}
    cursor.execute(_STORE.replace("{now}", moment), values)
    told = (_Told(*row) for *row, is_new in cursor.fetchall() if is_new)
    return sorted(told, key=lambda one: one.run_id)


def _move(told: Iterable[_Told]) -> list[tuple[int, str, str]]:
    """Move each item at most once, naming the last run that speaks for the move."""
    by_item: dict[int, list[_Told]] = {}
    for one in told:
        if one.may_move:
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
        "item", "pk", "standing__streak", "passes_needed", "fails_needed"
    )
    for item_id, check_id, *row in rows:
        standings.setdefault(item_id, {})[check_id] = Standing(*row)
    return standings
