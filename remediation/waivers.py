"""A later deadline: asked for with a reason, granted by somebody else, while the old one still runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid, NotAllowed
from remediation.items.declining import AlreadyAsked, NotAsked
from remediation.items.locking import UNFINISHED, locked, refuse_unless
from remediation.models import DeadlineWaiver, RemediationItem

# What needs longer is another promise, and is agreed anew.
LONGEST = timedelta(days=180)


class DeadlinePassed(DomainError):
    """The deadline has passed: it was missed, and no waiver moves it; details: `due_at`."""

    code = "deadline_passed"


def may_answer(item: RemediationItem, user: User, waiver: DeadlineWaiver) -> bool:
    """Whether this person may answer: a governor who neither owes the item nor asked."""
    return user.is_at_least(User.Role.GOVERNOR) and user.pk not in {item.owner_id, waiver.asked_by_id}


def find_open(item: RemediationItem) -> DeadlineWaiver | None:
    """What was asked and not answered."""
    return DeadlineWaiver.objects.filter(item=item, answer="").select_related("asked_by").first()


def ask(item: RemediationItem, *, reason: str, due_at: datetime, by: User, now: datetime) -> DeadlineWaiver:
    """Ask for a later deadline; until a governor grants it the old one holds.

    Raises:
        Invalid: no reason, or a moment that is no later deadline within half a year of the old one.
        DeadlinePassed: the item is overdue.
        AlreadyAsked: somebody did, and nobody has answered.
        WrongState: verified or declined.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    values.ahead(due_at, field="due_at", now=now)
    with trail.act("waivers.ask", by=by):
        item = locked(item)
        refuse_unless(item, *UNFINISHED)
        _refuse_passed(item, now)
        if (pending := find_open(item)) is not None:
            raise AlreadyAsked(
                _("%(name)s asked for it already; a governor has to answer.") % {"name": pending.asked_by},
                details={"asked_by": pending.asked_by_id},
            )
        if due_at <= item.due_at:
            raise Invalid(_("A later deadline than the present one is needed."), field="due_at")
        if due_at > item.due_at + LONGEST:
            raise Invalid(_("%(count)d days more are the most.") % {"count": LONGEST.days}, field="due_at")
        return DeadlineWaiver.objects.create(
            item=item,
            reason=reason,
            previous_due_at=item.due_at,
            due_at=due_at,
            asked_by=by,
            asked_at=now,
        )


def grant(item: RemediationItem, *, by: User, now: datetime, comment: str = "") -> RemediationItem:
    """Grant what was asked: the item has the new deadline from now on, which can be missed like the old one.

    Raises:
        NotAsked: nothing was asked.
        DeadlinePassed: nobody answered in time; what was asked has lapsed.
        NotAllowed: `by` is no governor, owns the item or asked.
        WrongState, Invalid: nothing was written.
    """
    comment = values.text(comment, field="comment", longest=2000)
    with trail.act("waivers.grant", by=by):
        item, waiver = _to_answer(item, by)
        refuse_unless(item, *UNFINISHED)
        _refuse_passed(item, now)
        if item.due_at != waiver.previous_due_at:
            raise NotAsked(_("The deadline has changed since; ask again."))
        _settle(waiver, DeadlineWaiver.Answer.GRANTED, comment, by=by, now=now)
        item.due_at = waiver.due_at
        item.save(update_fields=["due_at"])
    return item


def refuse(item: RemediationItem, *, reason: str, by: User, now: datetime) -> RemediationItem:
    """Refuse what was asked: the deadline stays.

    Raises:
        NotAsked: nothing was asked.
        NotAllowed: `by` is no governor, owns the item or asked.
        Invalid: no reason; nothing was written.
    """
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("waivers.refuse", by=by):
        item, waiver = _to_answer(item, by)
        _settle(waiver, DeadlineWaiver.Answer.REFUSED, reason, by=by, now=now)
    return item


def withdraw(item: RemediationItem, *, by: User, now: datetime) -> RemediationItem:
    """Take back what one asked oneself.

    Raises:
        NotAsked: nothing was asked.
        NotAllowed: somebody else asked; nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("waivers.withdraw", by=by):
        item = locked(item)
        waiver = _asked(item)
        if waiver.asked_by_id != by.pk:
            raise NotAllowed(_("Only who asked takes it back."))
        _settle(waiver, DeadlineWaiver.Answer.WITHDRAWN, "", by=by, now=now)
    return item


def _to_answer(item: RemediationItem, by: User) -> tuple[RemediationItem, DeadlineWaiver]:
    access.need(by, User.Role.GOVERNOR)
    item = locked(item)
    waiver = _asked(item)
    if item.owner_id == by.pk:
        raise NotAllowed(_("Nobody gives themselves more time: another governor decides."))
    if waiver.asked_by_id == by.pk:
        raise NotAllowed(_("You asked for it: another governor decides."))
    return item, waiver


def _asked(item: RemediationItem) -> DeadlineWaiver:
    waiver = find_open(item)
    if waiver is None:
        raise NotAsked(_("Nobody asks for more time for %(id)s.") % {"id": item.public_id})
    return waiver


def _refuse_passed(item: RemediationItem, now: datetime) -> None:
    if now > item.due_at:
        raise DeadlinePassed(
            _("The deadline has passed. It was missed, and no waiver changes that."),
            details={"due_at": item.due_at.isoformat()},
        )


def _settle(waiver: DeadlineWaiver, answer: str, comment: str, *, by: User, now: datetime) -> None:
    waiver.answer, waiver.comment = answer, comment
    waiver.answered_by, waiver.answered_at = by, now
    waiver.save(update_fields=["answer", "comment", "answered_by", "answered_at"])
