"""The past of a remediation item: its moves, and the runs its check has behind it."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from ops.story import sources
from ops.story.exams import examine
from ops.story.items import Promise
from ops.story.people import Cast
from remediation import items
from remediation.models import CheckRun, CheckStanding, RemediationItem, VerificationCheck

_HOUR = timedelta(hours=1)
_PASSES_NEEDED = 3
# Now and then a query or a command takes too long: (code, words), as the engine has them.
_SLOW = {
    VerificationCheck.Kind.PROMETHEUS: ("timeout", "No answer within 10 s."),
    VerificationCheck.Kind.SHELL: ("timeout", "It was ended after 10 s."),
}


def live_through(item: RemediationItem, promise: Promise, cast: Cast, *, now: datetime) -> None:
    """Let an item live from its agreement to `now`: runs every hour, the claim, what the runs proved."""
    claimed_at = _claimed_at(item, promise, now=now)
    check = item.verification_checks.exclude(kind=VerificationCheck.Kind.EXAM).get()
    examine(item, is_done=promise.fixed_days is not None)
    runs = _runs(check, item, promise, claimed_at=claimed_at, now=now)
    if promise.ends == "wont_do":
        items.decline(
            item,
            reason="The index disappears with the migration in December; removing it earlier saves nothing.",
            by=cast.people["sofia"],
            now=item.agreed_at + timedelta(days=4),
        )
    elif claimed_at is not None:
        items.start(item, by=item.owner, now=item.agreed_at + _HOUR)
        # The claim asks whether the check was ever seen red.
        _remember(check, [run for run in runs if run.slot < claimed_at])
        items.claim_fix(
            item,
            fix_url=f"https://git.shop.example/{promise.service}/-/merge_requests/{700 + item.pk}",
            by=item.owner,
            now=claimed_at,
        )
        _prove(item, [run for run in runs if run.slot >= claimed_at])
    elif promise.live or promise.ends == "mended":
        items.start(item, by=item.owner, now=item.agreed_at + _HOUR)
    _remember(check, runs)
    if not promise.live:
        sources.let_rest(check)
    CheckStanding.objects.filter(verification_check__item=item).update(next_run_at=now)


def _fixed_at(promise: Promise, *, claimed_at: datetime | None, now: datetime) -> datetime | None:
    """From when its check passes: half an hour before somebody says so."""
    if promise.ends == "mended":
        return now - 3 * _HOUR
    return None if claimed_at is None else claimed_at - _HOUR / 2


def _claimed_at(item: RemediationItem, promise: Promise, *, now: datetime) -> datetime | None:
    if promise.ends == "verifying":
        return now - 1.5 * _HOUR
    return None if promise.fixed_days is None else item.agreed_at + timedelta(days=promise.fixed_days)


def _runs(
    check: VerificationCheck,
    item: RemediationItem,
    promise: Promise,
    *,
    claimed_at: datetime | None,
    now: datetime,
) -> list[CheckRun]:
    chance = random.Random(item.public_id)
    slots = []
    slot = item.agreed_at.replace(minute=7, second=0, microsecond=0) + _HOUR
    while slot < now - timedelta(minutes=5):
        slots.append(slot)
        slot += _HOUR
    fixed_at = _fixed_at(promise, claimed_at=claimed_at, now=now)
    regressed_from = now - 5 * _HOUR if promise.ends == "regressed" else None
    runs = []
    for slot in slots:
        is_fixed = fixed_at is not None and slot >= fixed_at
        is_broken_again = regressed_from is not None and slot >= regressed_from
        runs.append(_run(check, item, promise, slot, chance, passes=is_fixed and not is_broken_again))
    return CheckRun.objects.bulk_create(runs)


def _run(
    check: VerificationCheck,
    item: RemediationItem,
    promise: Promise,
    slot: datetime,
    chance: random.Random,
    *,
    passes: bool,
) -> CheckRun:
    is_query = check.kind == VerificationCheck.Kind.PROMETHEUS
    low, high = promise.green if passes else promise.red
    value = round(chance.uniform(low, high), 3 if high < 1 else 0) if is_query else None
    # Nobody believes a history in which nothing ever takes too long.
    is_silent = chance.random() < 0.008
    error_code, error = _SLOW[VerificationCheck.Kind(check.kind)] if is_silent else ("", "")
    taken = timedelta(seconds=10) if is_silent else timedelta(milliseconds=chance.randint(8, 90))
    started_at = slot + timedelta(seconds=chance.uniform(0.2, 4))
    outcome = "error" if is_silent else "pass" if passes else "fail"
    return CheckRun(
        verification_check=check,
        item=item,
        team=item.team,
        service=item.service,
        kind=check.kind,
        check_version=check.version,
        slot=slot,
        queued_at=slot,
        attempt=1,
        started_at=started_at,
        finished_at=started_at + taken,
        outcome=outcome,
        value=None if is_silent else value,
        series=[{"labels": {"service": item.service.slug}, "value": value}]
        if is_query and not is_silent
        else None,
        expression=check.promql,
        error_code=error_code,
        error=error,
        sandbox="" if is_query else "built_in",
    )


def _prove(item: RemediationItem, runs: list[CheckRun]) -> None:
    """Move the item as its runs after the claim prove it, by the same rule as the engine."""
    passes = fails = 0
    for run in runs:
        if run.outcome == "error":
            passes = 0
            continue
        passes, fails = (passes + 1, 0) if run.outcome == "pass" else (0, fails + 1)
        item.refresh_from_db(fields=["state"])
        if item.state == "fix_claimed" and passes == 1:
            items.move(item, "verifying", by=None, run=run, at=run.finished_at)
        elif item.state == "verifying" and passes >= _PASSES_NEEDED:
            items.move(item, "verified", by=None, run=run, at=run.finished_at)
        elif item.state == "verified" and fails == 2:
            items.move(item, "regressed", by=None, run=run, at=run.finished_at)


def _remember(check: VerificationCheck, runs: list[CheckRun]) -> None:
    """Leave in the check what the engine would have left after these runs."""
    verdicts = [run for run in runs if run.outcome in {"pass", "fail"}]
    if not verdicts:
        return
    last = verdicts[-1]
    streak = 0
    for run in reversed(verdicts):
        if run.outcome != last.outcome:
            break
        streak += 1 if last.outcome == "pass" else -1
    red = next((run.finished_at for run in verdicts if run.outcome == "fail"), None)
    CheckStanding.objects.filter(pk=check.pk).update(
        streak=streak,
        last_outcome=runs[-1].outcome,
        last_run_at=runs[-1].finished_at,
        last_value=runs[-1].value,
        last_verdict_at=last.finished_at,
        seen_red_at=red,
    )
