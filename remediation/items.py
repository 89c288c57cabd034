"""Agree what will be changed, by whom, until when and how it is proven; bring it as far as a hand can.

A person brings an item to "fix claimed"; from there on only check runs move it (`verification`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Team, User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid, NotAllowed
from postmortem.models import Review, RootCause, Service, Severity
from remediation.checkspec import CheckSpec
from remediation.models import (
    MOVES,
    CheckRun,
    DataSource,
    ItemTransition,
    RemediationItem,
    SlaPolicy,
    VerificationCheck,
)

MAX_CHECKS = 20
# P0 and P1: a claim over a check that was never seen failing needs a reason there.
RED_FIRST_RANK = 1

# What may be corrected without touching the promise.
WORDS = frozenset({"title", "description", "tracker_url"})

State = RemediationItem.State


class CheckMissing(DomainError):
    """An item without a verification check is a wish."""

    code = "check_missing"


class NeedsWaiver(DomainError):
    """The deadline is later than policy allows; details: `latest`, ISO 8601."""

    code = "needs_waiver"


class WrongState(DomainError):
    """The item cannot go there from its state; details: `state`."""

    code = "wrong_state"


class NeverSeenRed(DomainError):
    """A check was never seen failing before the claim; details["checks"] are their ids."""

    code = "never_seen_red"


class LastCheck(DomainError):
    """The last active check of an item stays active."""

    code = "last_check"


def visible_to(user: User) -> QuerySet[RemediationItem]:
    """The items this person may see: those of no review, and those of reviews they may see."""
    return RemediationItem.objects.filter(access.review_q(user, "review__"))


def ownerless_for(manager: User) -> QuerySet[RemediationItem]:
    """Unfinished items whose owner was deactivated, in the teams this person manages (R4)."""
    return (
        visible_to(manager)
        .filter(team__manager=manager, owner__is_active=False)
        .exclude(state__in=[State.VERIFIED, State.WONT_DO])
    )


def due_date(*, severity: Severity, category: str, now: datetime) -> tuple[datetime, str]:
    """When an item agreed now is due, and the policy row that says so, such as "sla-3v1".

    The first row in `position` order that fits decides; an empty severity or category fits all.

    Raises:
        Invalid: no row fits; `field` is "due_at".
    """
    fitting = SlaPolicy.objects.filter(
        Q(severity=None) | Q(severity=severity), Q(category="") | Q(category=category)
    )
    policy = fitting.order_by("position").first()
    if policy is None:
        raise Invalid(_("No SLA policy fits this item; ask a governor to add one."), field="due_at")
    return now + timedelta(days=policy.days), f"sla-{policy.position}v{policy.version}"


def agree(
    *,
    title: str,
    owner: User,
    team: Team,
    service: Service,
    severity: Severity,
    kind: str,
    category: str,
    causes: Sequence[RootCause],
    checks: Sequence[CheckSpec],
    by: User,
    now: datetime,
    review: Review | None = None,
    origin: str = RemediationItem.Origin.REVIEW,
    due_at: datetime | None = None,
    description: str = "",
    tracker_url: str = "",
) -> RemediationItem:
    """Promise a change: one owner, one deadline, at least one check (R4).

    Args:
        causes: of `review`; none for a proactive item.
        checks: what proves the fix; faces try a Prometheus check once before they save it (R5).
        due_at: the policy's when not given.

    An archived review may still get items: the plan may grow, its text may not.

    Raises:
        Invalid: a value breaks a rule; `field` names it.
        CheckMissing: no check.
        NeedsWaiver: `due_at` is later than policy.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    _check_owner(owner, field="owner")
    _check_kinds({"team": (team, Team), "service": (service, Service), "severity": (severity, Severity)})
    _check_origin(review, origin, causes)
    if not checks:
        raise CheckMissing(_("Say how the fix will be proven: add a check."), field="checks")
    if len(checks) > MAX_CHECKS:
        raise Invalid(_("%(count)d checks are the most.") % {"count": MAX_CHECKS}, field="checks")
    latest, policy_version = due_date(severity=severity, category=category, now=now)
    item = RemediationItem(
        title=title,
        description=description,
        review=review,
        owner=owner,
        team=team,
        service=service,
        severity=severity,
        kind=kind,
        category=category,
        origin=origin,
        agreed_at=now,
        agreed_by=by,
        due_at=latest if due_at is None else _in_time(due_at, latest, now=now),
        policy_version=policy_version,
        tracker_url=tracker_url,
    )
    with trail.act("items.agree", by=by):
        if review is not None:
            # Whoever archives the review or takes a cause back waits until the item is there.
            Review.objects.select_for_update().get(pk=review.pk)
        _lock_owner(owner, field="owner")
        item.public_id = trail.next_public_id("RI", now=now)
        values.check(item)
        item.save(force_insert=True)
        item.causes.set(causes)
        for spec in checks:
            _create_check(item, spec, now=now)
        ItemTransition.objects.create(item=item, at=now, from_state="", to_state=State.OPEN, by=by)
    return item


def _check_owner(person: object, *, field: str) -> None:
    if not isinstance(person, User):
        raise Invalid(_("The owner is one person, never a team."), field=field)
    if not person.is_active:
        raise Invalid(_("%(name)s is not active.") % {"name": person}, field=field)


def _lock_owner(person: User, *, field: str) -> None:
    """Refuse a person deactivated since; until the transaction ends nobody deactivates them."""
    if not User.objects.select_for_update(no_key=True).filter(pk=person.pk, is_active=True).exists():
        raise Invalid(_("%(name)s is not active.") % {"name": person}, field=field)


def _check_kinds(records: dict[str, tuple[object, type]]) -> None:
    for field, (record, kind) in records.items():
        if not isinstance(record, kind):
            raise Invalid(_("This is needed."), field=field)


def _check_origin(review: Review | None, origin: str, causes: Sequence[RootCause]) -> None:
    values.choice(origin, RemediationItem.Origin, field="origin")
    if origin == RemediationItem.Origin.REVIEW and review is None:
        raise Invalid(_("An item from a review names the review."), field="review")
    if any(review is None or cause.review_id != review.pk for cause in causes):
        raise Invalid(_("These causes belong to another review."), field="causes")


def _in_time(due_at: datetime, latest: datetime, *, now: datetime) -> datetime:
    values.ahead(due_at, field="due_at", now=now)
    if due_at > latest:
        raise NeedsWaiver(
            _("Policy allows until %(latest)s; later needs a waiver.")
            % {"latest": f"{latest:%Y-%m-%d %H:%M} UTC"},
            field="due_at",
            details={"latest": latest.isoformat()},
        )
    return due_at


def edit(item: RemediationItem, *, by: User, now: datetime, **fields: Any) -> RemediationItem:
    """Correct the words of an item; its owner, deadline and checks have acts of their own.

    Args:
        fields: any of `WORDS`.

    Raises:
        Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.edit", by=by):
        item = _locked(item)
        values.fill(item, fields, allowed=WORDS)
        values.check(item)
        item.save(update_fields=sorted(fields))
    return item


def assign(item: RemediationItem, *, to: User, by: User, now: datetime) -> RemediationItem:
    """Give an item to another owner.

    Raises:
        Invalid: no active person.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    _check_owner(to, field="to")
    with trail.act("items.assign", by=by):
        item = _locked(item)
        _lock_owner(to, field="to")
        item.owner = to
        item.save(update_fields=["owner"])
    return item


def start(item: RemediationItem, *, by: User, now: datetime) -> RemediationItem:
    """Begin the work: open -> in progress.

    Raises:
        WrongState, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.start", by=by):
        item = _locked(item)
        _refuse_unless(item, State.OPEN)
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
        item = _locked(item)
        _refuse_unless(item, State.OPEN, State.IN_PROGRESS)
        checks = list(item.verification_checks.select_for_update().order_by("pk"))
        never_red = [check for check in checks if check.seen_red_at is None]
        if never_red and not reason and item.severity.rank <= RED_FIRST_RANK:
            raise NeverSeenRed(
                _("Say why no check was seen failing before the fix: %(checks)s.")
                % {"checks": ", ".join(map(str, never_red))},
                field="never_red_reason",
                details={"checks": [check.pk for check in never_red]},
            )
        if item.state == State.OPEN:
            move(item, State.IN_PROGRESS, by=by, run=None, at=now)
        item.fix_url, item.never_red_reason = fix_url, reason if never_red else ""
        item.fix_claimed_at, item.fix_claimed_by = now, by
        values.check(item)
        item.save(update_fields=["fix_url", "never_red_reason", "fix_claimed_at", "fix_claimed_by"])
        move(item, State.FIX_CLAIMED, by=by, run=None, at=now)
        item.verification_checks.update(streak=0, next_run_at=now)
    return item


def withdraw_claim(item: RemediationItem, *, by: User, now: datetime, reason: str = "") -> RemediationItem:
    """Take the claim back: fix claimed or verifying -> in progress.

    Raises:
        WrongState, Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(reason, field="reason", longest=2000)
    with trail.act("items.withdraw_claim", by=by):
        item = _locked(item)
        _refuse_unless(item, State.FIX_CLAIMED, State.VERIFYING)
        move(item, State.IN_PROGRESS, by=by, run=None, at=now, reason=reason)
        item.fix_claimed_at, item.fix_claimed_by = None, None
        item.save(update_fields=["fix_claimed_at", "fix_claimed_by"])
    return item


def decline(item: RemediationItem, *, reason: str, by: User, now: datetime) -> RemediationItem:
    """Decide not to do it: a governor's act, with a reason, and never about what they owe themselves.

    Raises:
        Invalid: no reason.
        NotAllowed: `by` is no governor, or owns the item.
        WrongState: verified, or declined already.
    """
    access.need(by, User.Role.GOVERNOR)
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("items.decline", by=by):
        item = _locked(item)
        if item.owner_id == by.pk:
            raise NotAllowed(_("Nobody lets themselves off: another governor decides about your own item."))
        item.wont_do_reason, item.wont_do_approved_by = reason, by
        item.save(update_fields=["wont_do_reason", "wont_do_approved_by"])
        return move(item, State.WONT_DO, by=by, run=None, at=now, reason=reason)


def reopen(item: RemediationItem, *, by: User, now: datetime, reason: str = "") -> RemediationItem:
    """Take the work up again: declined -> open, regressed -> in progress.

    Raises:
        WrongState, Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(reason, field="reason", longest=2000)
    with trail.act("items.reopen", by=by):
        item = _locked(item)
        _refuse_unless(item, State.WONT_DO, State.REGRESSED)
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


def add_check(item: RemediationItem, *, spec: CheckSpec, by: User, now: datetime) -> VerificationCheck:
    """Add a check to an item; it runs at once.

    Raises:
        Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.add_check", by=by):
        item = _locked(item)
        if item.verification_checks.count() >= MAX_CHECKS:
            raise Invalid(_("%(count)d checks are the most.") % {"count": MAX_CHECKS}, field="checks")
        return _create_check(item, spec, now=now)


def edit_check(check: VerificationCheck, *, spec: CheckSpec, by: User, now: datetime) -> VerificationCheck:
    """Change what a check asks: a new version, whose count begins anew and which was never seen red.

    Raises:
        Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    columns = _columns(spec)
    with trail.act("items.edit_check", by=by):
        check = _locked_check(check)
        if all(getattr(check, name) == value for name, value in columns.items()):
            return check
        values.fill(check, columns, allowed=frozenset(columns))
        check.version += 1
        check.streak, check.seen_red_at, check.last_outcome, check.last_value = 0, None, "", None
        check.offset_seconds %= check.interval_seconds
        check.next_run_at = now
        check.save()
    return check


def pause(check: VerificationCheck, *, is_paused: bool, by: User, now: datetime) -> VerificationCheck:
    """Stop a check for a while, or let it run again, at once.

    Raises:
        LastCheck: it is the last active one of its item, and what nobody looks at is not verified.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.pause", by=by):
        check = _locked_check(check)
        others = VerificationCheck.objects.filter(item=check.item, is_paused=False).exclude(pk=check.pk)
        if is_paused and not others.exists():
            raise LastCheck(_("This is the item's last active check."))
        if check.is_paused and not is_paused:
            check.next_run_at = now
        check.is_paused = is_paused
        check.save(update_fields=["is_paused", "next_run_at"])
    return check


def _create_check(item: RemediationItem, spec: CheckSpec, *, now: datetime) -> VerificationCheck:
    check = VerificationCheck(item=item, created_at=now, next_run_at=now, **_columns(spec))
    check.save(force_insert=True)
    # Spread over the interval, so that the checks agreed in one meeting do not all run in one second.
    check.offset_seconds = zlib.crc32(str(check.pk).encode()) % check.interval_seconds
    check.save(update_fields=["offset_seconds"])
    return check


def _columns(spec: CheckSpec) -> dict[str, Any]:
    spec.validate()
    columns = spec.columns()
    source = columns["data_source_id"]
    if source is not None and not DataSource.objects.filter(pk=source).exists():
        raise Invalid(_("There is no such data source."), field="data_source_id")
    return columns


def _locked(item: RemediationItem) -> RemediationItem:
    return RemediationItem.objects.select_for_update(of=("self",)).select_related("severity").get(pk=item.pk)


def _locked_check(check: VerificationCheck) -> VerificationCheck:
    """Lock the item first, then the check: the engine takes them in the same order."""
    _locked(check.item)
    return VerificationCheck.objects.select_for_update(of=("self",)).select_related("item").get(pk=check.pk)


def _refuse_unless(item: RemediationItem, *states: str) -> None:
    if item.state not in states:
        allowed = ", ".join(f"“{State(state).label}”" for state in states)
        raise WrongState(
            _("%(id)s is “%(state)s”; this is for an item that is %(allowed)s.")
            % {"id": item.public_id, "state": State(item.state).label, "allowed": allowed},
            details={"state": item.state},
        )
