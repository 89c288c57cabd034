"""The checks that prove an item: add one, define it anew, let it rest."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from remediation import approvals, catalogue, checkspec, runs
from remediation.checkspec import CheckSpec
from remediation.items.locking import locked, locked_check
from remediation.models import CheckStanding, DataSource, RemediationItem, VerificationCheck

MAX_CHECKS = 20


class CheckMissing(DomainError):
    """An item without a verification check is a wish."""

    code = "check_missing"


class ExamStays(DomainError):
    """The exam of a process defect is neither paused nor made into another check."""

    code = "exam_stays"


class LastCheck(DomainError):
    """The last active check of an item stays active."""

    code = "last_check"


def add_check(item: RemediationItem, *, spec: CheckSpec, by: User, now: datetime) -> VerificationCheck:
    """Add a check to an item; it runs at once.

    Raises:
        Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.add_check", by=by):
        item = locked(item)
        if item.verification_checks.count() >= MAX_CHECKS:
            raise Invalid(_("%(count)d checks are the most.") % {"count": MAX_CHECKS}, field="checks")
        return create_check(item, spec, by=by, now=now)


def edit_check(check: VerificationCheck, *, spec: CheckSpec, by: User, now: datetime) -> VerificationCheck:
    """Change what a check asks: a new version, whose count begins anew and which was never seen red.

    Raises:
        Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    columns = _columns(spec)
    with trail.act("items.edit_check", by=by):
        check = locked_check(check)
        if VerificationCheck.Kind.EXAM in {check.kind, columns["kind"]} and check.kind != columns["kind"]:
            raise ExamStays(_("An exam stays an exam; add another check beside it."), field="kind")
        if all(getattr(check, name) == value for name, value in columns.items()):
            return check
        values.fill(check, columns, allowed=frozenset(columns))
        check.version += 1
        check.offset_seconds %= check.interval_seconds
        check.save()
        runs.due_at([check.pk], now)
        CheckStanding.objects.filter(pk=check.pk).update(
            streak=0, seen_red_at=None, last_outcome="", last_value=None
        )
        check.standing.refresh_from_db()
        approvals.propose(check, by=by, now=now)
    return check


def pause(
    check: VerificationCheck, *, is_paused: bool, by: User, now: datetime, reason: str = ""
) -> VerificationCheck:
    """Stop a check for a while, or let it run again, at once.

    Args:
        reason: why it is stopped, for whoever wonders later.

    Raises:
        Invalid: a check is stopped without a reason.
        LastCheck: it is the last active one of its item, and what nobody looks at is not verified.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(reason, field="reason", longest=300, is_required=is_paused).strip()
    with trail.act("items.pause", by=by):
        check = locked_check(check)
        if is_paused and check.kind == VerificationCheck.Kind.EXAM:
            raise ExamStays(_("Without its exam a process defect would be verified by less."))
        others = VerificationCheck.objects.filter(item=check.item, is_paused=False).exclude(pk=check.pk)
        if is_paused and not others.exists():
            raise LastCheck(_("This is the item's last active check."))
        was_paused = check.is_paused
        check.is_paused, check.pause_reason = is_paused, reason if is_paused else ""
        check.save(update_fields=["is_paused", "pause_reason"])
        if was_paused and not is_paused:
            runs.due_at([check.pk], now)
        check.standing.refresh_from_db()
    return check


def with_exam(checks: Sequence[CheckSpec], *, category: str) -> list[CheckSpec]:
    """The checks, and for a process defect the exam, without which it is never verified (R9)."""
    has_exam = any(spec.kind == VerificationCheck.Kind.EXAM for spec in checks)
    needs_one = category == RemediationItem.Category.PROCESS_DEFECT
    return [*checks, checkspec.exam()] if needs_one and not has_exam else list(checks)


def need_exam(item: RemediationItem, *, now: datetime) -> None:
    """Give an item that became a process defect its exam; call it inside an act, with the item locked."""
    kept = item.verification_checks.filter(kind=VerificationCheck.Kind.EXAM)
    if item.category == RemediationItem.Category.PROCESS_DEFECT and not kept.exists():
        create_check(item, checkspec.exam(), by=None, now=now)


def refuse_count(checks: Sequence[CheckSpec]) -> None:
    """Refuse a promise without a check, or with more of them than anybody reads."""
    if not checks:
        raise CheckMissing(_("Say how the fix will be proven: add a check."), field="checks")
    if len(checks) > MAX_CHECKS:
        raise Invalid(_("%(count)d checks are the most.") % {"count": MAX_CHECKS}, field="checks")


def create_check(
    item: RemediationItem, spec: CheckSpec, *, by: User | None, now: datetime
) -> VerificationCheck:
    check = VerificationCheck(item=item, created_at=now, **_columns(spec))
    check.save(force_insert=True)
    # Spread over the interval, so that the checks agreed in one meeting do not all run in one second.
    check.offset_seconds = zlib.crc32(str(check.pk).encode()) % check.interval_seconds
    check.save(update_fields=["offset_seconds"])
    approvals.propose(check, by=by, now=now)
    return check


def _columns(spec: CheckSpec) -> dict[str, Any]:
    spec = catalogue.fill(spec)
    spec.validate()
    columns = spec.columns()
    source = columns["data_source_id"]
    if source is not None and not DataSource.objects.filter(pk=source).exists():
        raise Invalid(_("There is no such data source."), field="data_source_id")
    return columns
