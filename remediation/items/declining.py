"""Not to do an item: asked for with a reason, granted by somebody else, never by whoever owes it."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import DomainError, NotAllowed
from remediation.items.locking import UNFINISHED, State, locked, refuse_unless
from remediation.items.moves import move
from remediation.models import RemediationItem, WontDoRequest


class AlreadyAsked(DomainError):
    """Somebody asked already, and nobody has answered; details: `asked_by`."""

    code = "already_asked"


class NotAsked(DomainError):
    """Nobody asked not to do this item, or somebody has answered."""

    code = "not_asked"


def may_decide(item: RemediationItem, user: User, request: WontDoRequest | None = None) -> bool:
    """Whether this person may decide that it is not done: a governor who neither owes nor asked for it."""
    is_own = user.pk in {item.owner_id, request.asked_by_id if request else None}
    return user.is_at_least(User.Role.GOVERNOR) and not is_own


def decline(item: RemediationItem, *, reason: str, by: User, now: datetime) -> RemediationItem:
    """Decide not to do it: a governor's act, with a reason, and never about what they owe themselves.

    Where somebody asked for it, this grants their wish.

    Raises:
        Invalid: no reason.
        NotAllowed: `by` is no governor, owns the item or asked for it.
        WrongState: verified, or declined already.
    """
    access.need(by, User.Role.GOVERNOR)
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("items.decline", by=by):
        item = locked(item)
        request = _find_request(item)
        _refuse_own(item, request, by)
        if request is not None:
            _settle(request, WontDoRequest.Answer.GRANTED, "", by=by, now=now)
        return _close(item, reason, by=by, now=now)


def ask_wont_do(item: RemediationItem, *, reason: str, by: User, now: datetime) -> WontDoRequest:
    """Ask that an item be not done; until a governor answers it stays where it is.

    Raises:
        Invalid: no reason.
        AlreadyAsked: somebody did.
        WrongState: verified or declined.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("items.ask_wont_do", by=by):
        item = locked(item)
        refuse_unless(item, *UNFINISHED)
        if (pending := _find_request(item)) is not None:
            raise AlreadyAsked(
                _("%(name)s asked for it already; a governor has to answer.") % {"name": pending.asked_by},
                details={"asked_by": pending.asked_by_id},
            )
        return WontDoRequest.objects.create(item=item, reason=reason, asked_by=by, asked_at=now)


def grant_wont_do(item: RemediationItem, *, by: User, now: datetime, comment: str = "") -> RemediationItem:
    """Grant a request: the item is not done, for the reason that was given.

    Raises:
        NotAsked: there is no request.
        NotAllowed: `by` is no governor, owns the item or asked for it.
        WrongState: it was verified meanwhile.
        Invalid: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    comment = values.text(comment, field="comment", longest=2000)
    with trail.act("items.grant_wont_do", by=by):
        item = locked(item)
        request = _request(item)
        _refuse_own(item, request, by)
        _settle(request, WontDoRequest.Answer.GRANTED, comment, by=by, now=now)
        return _close(item, request.reason, by=by, now=now)


def refuse_wont_do(item: RemediationItem, *, reason: str, by: User, now: datetime) -> RemediationItem:
    """Refuse a request: the item stays in the state in which it is.

    Raises:
        NotAsked: there is no request.
        NotAllowed: `by` is no governor, owns the item or asked for it.
        Invalid: no reason; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("items.refuse_wont_do", by=by):
        item = locked(item)
        request = _request(item)
        _refuse_own(item, request, by)
        _settle(request, WontDoRequest.Answer.REFUSED, reason, by=by, now=now)
    return item


def withdraw_wont_do(item: RemediationItem, *, by: User, now: datetime) -> RemediationItem:
    """Take one's own request back.

    Raises:
        NotAsked: there is no request.
        NotAllowed: somebody else asked; nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.withdraw_wont_do", by=by):
        item = locked(item)
        request = _request(item)
        if request.asked_by_id != by.pk:
            raise NotAllowed(_("Only who asked takes it back."))
        _settle(request, WontDoRequest.Answer.WITHDRAWN, "", by=by, now=now)
    return item


def _find_request(item: RemediationItem) -> WontDoRequest | None:
    return item.wont_do_requests.filter(answer="").select_related("asked_by").first()


def _request(item: RemediationItem) -> WontDoRequest:
    request = _find_request(item)
    if request is None:
        raise NotAsked(_("Nobody asks that %(id)s be not done.") % {"id": item.public_id})
    return request


def _refuse_own(item: RemediationItem, request: WontDoRequest | None, by: User) -> None:
    if item.owner_id == by.pk:
        raise NotAllowed(_("Nobody lets themselves off: another governor decides about your own item."))
    if request is not None and request.asked_by_id == by.pk:
        raise NotAllowed(_("You asked for it: another governor decides."))


def _settle(request: WontDoRequest, answer: str, comment: str, *, by: User, now: datetime) -> None:
    request.answer, request.comment = answer, comment
    request.answered_by, request.answered_at = by, now
    request.save(update_fields=["answer", "comment", "answered_by", "answered_at"])


def _close(item: RemediationItem, reason: str, *, by: User, now: datetime) -> RemediationItem:
    item.wont_do_reason, item.wont_do_approved_by = reason, by
    item.save(update_fields=["wont_do_reason", "wont_do_approved_by"])
    return move(item, State.WONT_DO, by=by, run=None, at=now, reason=reason)
