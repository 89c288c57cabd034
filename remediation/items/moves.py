"""The moves a person may make, as far as "fix claimed"; from there on only check runs move an item."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import DomainError
from remediation import runs
from remediation.items.locking import State, WrongState, locked, refuse_unless
from remediation.models import (
    MOVES,
    CheckRun,
    CheckStanding,
    ItemTransition,
    RemediationItem,
    VerificationCheck,
)

# P0 and P1: a claim over a check that was never seen failing needs a reason there.
RED_FIRST_RANK = 1


class NeverSeenRed(DomainError):
    """A check was never seen failing before the claim; details["checks"] are their ids."""

    code = "never_seen_red"


def start(item: RemediationItem, *, by: User, now: datetime) -> RemediationItem:
    """Begin the work: open -> in progress.

    Raises:
        WrongState, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.start", by=by):
        item = locked(item)
        refuse_unless(item, State.OPEN)
        return move(item, State.IN_PROGRESS, by=by, run=None, at=now)


def claim_fix(
    item: RemediationItem, *, fix_url: str = "", never_red_reason: str = "", by: User, now: datetime
) -> RemediationItem:
    """Say that the change is made; from now on passes count, and the checks run at once.

    Args:
        never_red_reason: needed for P0 and P1 when a check, paused or not, was never seen failing: it may
            pass because it measures nothing.

    Raises:
        NeverSeenRed: the reason is missing.
        WrongState: neither open nor in progress.
        Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(never_red_reason, field="never_red_reason", longest=2000).strip()
    with trail.act("items.claim_fix", by=by):
        item = locked(item)
        refuse_unless(item, State.OPEN, State.IN_PROGRESS)
        never_red = _never_red(item, reason)
        if item.state == State.OPEN:
            move(item, State.IN_PROGRESS, by=by, run=None, at=now)
        item.fix_url, item.never_red_reason = fix_url, reason if never_red else ""
        item.fix_claimed_at, item.fix_claimed_by = now, by
        values.check(item)
        item.save(update_fields=["fix_url", "never_red_reason", "fix_claimed_at", "fix_claimed_by"])
        move(item, State.FIX_CLAIMED, by=by, run=None, at=now)
        checks = list(item.verification_checks.order_by("pk").values_list("pk", flat=True))
        runs.due_at(checks, now)
        CheckStanding.objects.filter(pk__in=checks).update(streak=0)
    return item


def _never_red(item: RemediationItem, reason: str) -> list[VerificationCheck]:
    """The item's checks that were never seen failing; how they stand is locked."""
    standings = CheckStanding.objects.filter(verification_check__item=item).order_by("pk")
    standings = standings.select_related("verification_check").select_for_update(no_key=True, of=("self",))
    never_red = [row.verification_check for row in standings if row.seen_red_at is None]
    if never_red and not reason and item.severity.rank <= RED_FIRST_RANK:
        raise NeverSeenRed(
            _("Say why no check was seen failing before the fix: %(checks)s.")
            % {"checks": ", ".join(map(str, never_red))},
            field="never_red_reason",
            details={"checks": [check.pk for check in never_red]},
        )
    return never_red


def withdraw_claim(item: RemediationItem, *, by: User, now: datetime, reason: str = "") -> RemediationItem:
    """Take the claim back: fix claimed or verifying -> in progress.

    Raises:
        WrongState, Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(reason, field="reason", longest=2000)
    with trail.act("items.withdraw_claim", by=by):
        item = locked(item)
        refuse_unless(item, State.FIX_CLAIMED, State.VERIFYING)
        move(item, State.IN_PROGRESS, by=by, run=None, at=now, reason=reason)
        item.fix_claimed_at, item.fix_claimed_by = None, None
        item.save(update_fields=["fix_claimed_at", "fix_claimed_by"])
    return item


def reopen(item: RemediationItem, *, by: User, now: datetime, reason: str = "") -> RemediationItem:
    """Take the work up again: declined -> open, regressed -> in progress.

    Raises:
        WrongState, Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(reason, field="reason", longest=2000)
    with trail.act("items.reopen", by=by):
        item = locked(item)
        refuse_unless(item, State.WONT_DO, State.REGRESSED)
        to_state = State.OPEN if item.state == State.WONT_DO else State.IN_PROGRESS
        return move(item, to_state, by=by, run=None, at=now, reason=reason)


def move(
    item: RemediationItem,
    to_state: str,
    *,
    by: User | None,
    run: CheckRun | None,
    at: datetime,
    reason: str = "",
) -> RemediationItem:
    """Write an item's new state and the move. Call it inside an act, with the item locked.

    Args:
        by: the person, or None when a check run decides.
        run: the run that decides; verifying, verified and regressed need one.

    Raises:
        WrongState: no such move.
    """
    from_state = item.state
    if (from_state, to_state) not in MOVES:
        raise WrongState(
            _("%(id)s cannot go from “%(old)s” to “%(new)s”.")
            % {"id": item.public_id, "old": State(from_state).label, "new": State(to_state).label},
            details={"state": from_state},
        )
    item.state = to_state
    changed = ["state"]
    if to_state == State.VERIFIED and item.first_verified_at is None:
        item.first_verified_at = at
        changed.append("first_verified_at")
    item.save(update_fields=changed)
    ItemTransition.objects.create(
        item=item, at=at, from_state=from_state, to_state=to_state, by=by, run=run, reason=reason
    )
    return item
