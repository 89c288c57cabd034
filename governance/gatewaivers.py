"""Waivers of the gate: somebody asks with a reason, a governor answers, and at a moment it is over.

What is waived is found all the same and stands in the decision with the waiver's name.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from governance import gates, notices, records
from governance.models import GatePolicy, GateWaiver, Notice
from governance.policy import WAIVABLE, deciding, names
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid, NotAllowed
from postmortem.models import Service

# What is needed for longer is a policy, and a governor writes it down as one.
LONGEST = timedelta(days=30)


class AlreadyAnswered(DomainError):
    """It was granted, refused or withdrawn before; details: `answer`."""

    code = "already_answered"


class WaiverLapsed(DomainError):
    """What was asked for would be over already."""

    code = "waiver_lapsed"


class NotInForce(DomainError):
    """Only a waiver that is in force can be ended."""

    code = "not_in_force"


visible_to = records.waivers


def state_q(state: str, *, now: datetime) -> Q:
    """Which waivers are in a state at a moment, as `GateWaiver.state` computes it."""
    state_of = GateWaiver.State
    granted = Q(answer=GateWaiver.Answer.GRANTED)
    conditions = {
        state_of.ASKED: Q(answer="", expires_at__gt=now),
        state_of.LAPSED: Q(answer="", expires_at__lte=now),
        state_of.IN_FORCE: granted & Q(ended_at=None, expires_at__gt=now),
        state_of.EXPIRED: granted & Q(ended_at=None, expires_at__lte=now),
        state_of.ENDED: granted & Q(ended_at__isnull=False),
        state_of.REFUSED: Q(answer=GateWaiver.Answer.REFUSED),
        state_of.WITHDRAWN: Q(answer=GateWaiver.Answer.WITHDRAWN),
    }
    return conditions[state_of(state)]


def ask(
    *,
    findings: list[str],
    reason: str,
    expires_at: datetime,
    by: User,
    now: datetime,
    service: Service | None = None,
    repository: str = "",
    change_id: str = "",
    object: str = "",  # noqa: A002 - the word of a finding
) -> GateWaiver:
    """Ask for a waiver, for a service or for a repository; all governors are told.

    Args:
        findings: the codes that it is to waive.
        change_id: only for this change of the repository; "" for all of them.
        object: only for findings about this, such as RI-2026-0001; "" for all.

    Raises:
        Invalid: `field` names what is wrong.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    waiver = GateWaiver(
        service=service,
        repository=values.text(repository, field="repository", longest=200).strip(),
        change_id=values.text(change_id, field="change_id", longest=200).strip(),
        findings=_codes(findings),
        object=values.text(object, field="object", longest=40).strip().upper(),
        reason=values.text(reason, field="reason", longest=2000, is_required=True).strip(),
        expires_at=values.ahead(expires_at, field="expires_at", now=now),
        asked_by=by,
        asked_at=now,
    )
    if waiver.repository and (fault := names.fault_of_repository(waiver.repository)):
        raise Invalid(_(fault), field="repository")
    if (service is None) is (waiver.repository == ""):
        raise Invalid(_("Name either a service or a repository."), field="repository")
    if waiver.change_id and not waiver.repository:
        raise Invalid(_("A change belongs to a repository: name it."), field="repository")
    if waiver.expires_at > now + LONGEST:
        raise Invalid(_("%(count)d days are the most.") % {"count": LONGEST.days}, field="expires_at")
    with trail.act("gate_waivers.ask", by=by):
        waiver.save(force_insert=True)
        _tell(Notice.Kind.WAIVER_ASKED, waiver, by=by, now=now)
    return waiver


def grant(waiver: GateWaiver, *, by: User, now: datetime, comment: str = "") -> GateWaiver:
    """Grant what was asked, from now until it expires.

    Who asked grants only where the policy of that repository lets one governor alone; all others are told.

    Raises:
        AlreadyAnswered, WaiverLapsed: too late.
        NotAllowed: no governor, or they asked and the policy wants two people.
        Invalid: nothing was written.
    """
    comment = values.text(comment, field="comment", longest=2000)
    access.need(by, User.Role.GOVERNOR)
    with trail.act("gate_waivers.grant", by=by):
        waiver = _open(waiver)
        if now >= waiver.expires_at:
            raise WaiverLapsed(_("What was asked for would be over already; ask again."))
        if waiver.asked_by_id == by.pk:
            row = deciding_row(waiver)
            if row is None or not row.waivers_alone:
                raise NotAllowed(_("You asked for it: another governor decides."))
            waiver.alone_by = row
        _answer(waiver, GateWaiver.Answer.GRANTED, comment, by=by, now=now)
        if waiver.is_alone:
            _tell(Notice.Kind.WAIVED_ALONE, waiver, by=by, now=now)
    return waiver


def refuse(waiver: GateWaiver, *, reason: str, by: User, now: datetime) -> GateWaiver:
    """Refuse what was asked.

    Raises:
        AlreadyAnswered: too late.
        NotAllowed: no governor, or they asked: what one asked oneself is withdrawn.
        Invalid: no reason; nothing was written.
    """
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    access.need(by, User.Role.GOVERNOR)
    with trail.act("gate_waivers.refuse", by=by):
        waiver = _open(waiver)
        if waiver.asked_by_id == by.pk:
            raise NotAllowed(_("You asked for it: withdraw it instead."))
        return _answer(waiver, GateWaiver.Answer.REFUSED, reason, by=by, now=now)


def withdraw(waiver: GateWaiver, *, by: User, now: datetime) -> GateWaiver:
    """Take back what one asked oneself.

    Raises:
        AlreadyAnswered: too late.
        NotAllowed: somebody else asked; nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("gate_waivers.withdraw", by=by):
        waiver = _open(waiver)
        if waiver.asked_by_id != by.pk:
            raise NotAllowed(_("Only who asked takes it back."))
        return _answer(waiver, GateWaiver.Answer.WITHDRAWN, "", by=by, now=now)


def end(waiver: GateWaiver, *, by: User, now: datetime) -> GateWaiver:
    """End a waiver before it expires: what it waived counts again.

    Raises:
        NotInForce: it was not granted, or is over.
        NotAllowed: no governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("gate_waivers.end", by=by):
        waiver = GateWaiver.objects.select_for_update(of=("self",)).get(pk=waiver.pk)
        if waiver.state(now) != GateWaiver.State.IN_FORCE:
            raise NotInForce(_("Only a waiver that is in force can be ended."))
        waiver.ended_at, waiver.ended_by = now, by
        waiver.save(update_fields=["ended_at", "ended_by"])
    return waiver


def deciding_row(waiver: GateWaiver) -> GatePolicy | None:
    """The row of the gate's policy that says who grants: that of its repository, else that for all."""
    rows = {row.key: row for row in gates.rows()}
    return rows.get(deciding(waiver.repository, [gates.rules_of(row) for row in rows.values()]).key)


def _open(waiver: GateWaiver) -> GateWaiver:
    waiver = GateWaiver.objects.select_for_update().get(pk=waiver.pk)
    if waiver.answer:
        raise AlreadyAnswered(_("This waiver has been answered."), details={"answer": waiver.answer})
    return waiver


def _answer(waiver: GateWaiver, answer: str, comment: str, *, by: User, now: datetime) -> GateWaiver:
    waiver.answer, waiver.comment = answer, comment
    waiver.answered_by, waiver.answered_at = by, now
    waiver.save(update_fields=["answer", "comment", "answered_by", "answered_at", "alone_by"])
    return waiver


def _codes(findings: object) -> list[str]:
    if not isinstance(findings, (list, tuple)) or not findings:
        raise Invalid(_("Name the findings that it is to waive."), field="findings")
    if unknown := [str(code)[:40] for code in findings if code not in WAIVABLE]:
        raise Invalid(
            _("This cannot be waived: %(code)s.") % {"code": ", ".join(unknown[:5])}, field="findings"
        )
    return [code for code in WAIVABLE if code in findings]


def _tell(kind: str, waiver: GateWaiver, *, by: User, now: datetime) -> None:
    governors = User.objects.filter(
        is_active=True, role__in=[User.Role.GOVERNOR, User.Role.ADMINISTRATOR]
    ).exclude(pk=by.pk)
    notices.tell(kind, to=governors, key=str(waiver), by=by, now=now, waiver=waiver)
