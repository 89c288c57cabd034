"""Notices go out by mail: written with the notice, sent by whoever claims them, tried again when that fails.

PostgreSQL is the queue (docs/adr/0004): no message of a broker carries anything, so losing one loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from governance import mails, outbox
from governance.models import Delivery, Digest, MailChoice, Muted, Notice
from postmortem import access, trail, values
from postmortem.errors import DomainError
from remediation.probes import reasons

AT_ONCE = 20
# Longer than all of them, one after the other, may take with the mail server's time limit (EMAIL_TIMEOUT).
LEASE = timedelta(minutes=6)

State = Delivery.State


class NotToSend(DomainError):
    """It waits to be sent, or was sent; details: `state`."""

    code = "not_to_send"


def enqueue(told: Iterable[Notice], *, now: datetime) -> None:
    """Write that notices go out by mail; call it in the act that writes them.

    Nothing is written where no mail server is set, nor for kinds that their recipient has muted, nor for who
    wants one mail a day or a week instead: `digests` gathers those.
    """
    told = list(told)
    if not settings.EMAIL_HOST or not told:
        return
    people = {one.recipient_id for one in told}
    muted = set(Muted.objects.filter(user__in=people).values_list("user", "kind"))
    gathering = set(
        MailChoice.objects.filter(user__in=people)
        .exclude(rhythm=MailChoice.Rhythm.SINGLE)
        .values_list("user", flat=True)
    )
    Delivery.objects.bulk_create(
        [
            Delivery(notice=one, created_at=now, next_at=now)
            for one in told
            if (one.recipient_id, one.kind) not in muted and one.recipient_id not in gathering
        ],
        ignore_conflicts=True,
    )


def claim(*, now: datetime, most: int = AT_ONCE) -> list[Delivery]:
    """Take what is due; each goes to one worker, until its lease ends."""
    with trail.act("deliveries.claim", by=None):
        rows = Delivery.objects.select_for_update(skip_locked=True, of=("self",))
        return outbox.lease(list(outbox.due(rows, now=now)[:most]), until=now + LEASE)


def send_due(*, now: datetime, connection: Any = None) -> int:
    """Send what is due, one mail after the other, outside of any transaction; how many were sent.

    Args:
        connection: Django's connection to a mail server; that of the settings unless given.
    """
    sent = 0
    for one in claim(now=now):
        mail = _mail(one, connection=connection)
        if mail is None:
            _finish(one, State.DROPPED, "the recipient may not see it any more", now=now)
            continue
        try:
            mail.send()
        except (SMTPException, OSError) as error:
            _fail(one, error, now=now)
        else:
            _finish(one, State.SENT, "", now=now)
            sent += 1
    return sent


def _mail(one: Delivery, *, connection: Any) -> EmailMultiAlternatives | None:
    """What it carries; None when its recipient may not see that any more."""
    if one.digest_id is not None:
        digest = Digest.objects.select_related("recipient").get(pk=one.digest_id)
        return mails.of_digest(digest, connection=connection) if digest.recipient.is_active else None
    notice = Notice.objects.select_related(
        "recipient", "incident", "item", "by", "team_channel__team", "waiver__service", "report"
    ).get(delivery=one)
    return mails.of_notice(notice, connection=connection) if mails.is_due_to(notice) else None


def send_again(delivery: Delivery, *, by: User, now: datetime) -> Delivery:
    """Try once more what was given up; administrators only.

    Raises:
        NotToSend: it waits, or was sent.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act("deliveries.send_again", by=by):
        delivery = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if delivery.state != State.GIVEN_UP:
            raise NotToSend(_("Only what was given up is sent again."), details={"state": delivery.state})
        delivery.state, delivery.attempts, delivery.next_at = State.WAITING, 0, now
        delivery.finished_at, delivery.lease_until = None, None
        delivery.save()
    return delivery


def log(user: User) -> QuerySet[Delivery]:
    """What went out, newest first, for administrators; what it was about is not part of it."""
    access.need(user, User.Role.ADMINISTRATOR)
    return Delivery.objects.select_related("notice__recipient", "digest__recipient").order_by("-id")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How somebody wants their mail."""

    muted: tuple[str, ...]
    rhythm: str
    wants_overview: bool


def wishes(user: User) -> Wishes:
    """How this person wants their mail."""
    choice = MailChoice.objects.filter(user=user).first() or MailChoice(user=user)
    chosen = set(Muted.objects.filter(user=user).values_list("kind", flat=True))
    muted = tuple(kind for kind in Notice.Kind.values if kind in chosen)
    return Wishes(muted, choice.rhythm, choice.wants_overview)


def wish(
    *,
    by: User,
    now: datetime,
    muted: Iterable[str] | None = None,
    rhythm: str | None = None,
    wants_overview: bool | None = None,
) -> None:
    """Choose how one's own mail comes; what is not given stays.

    Args:
        muted: the kinds that come by no mail; all others do.
        rhythm: one of `MailChoice.Rhythm`; notices that have a mail of their own already keep it.
        wants_overview: whether governors get the weekly overview.

    Raises:
        Invalid: no such rhythm; nothing was written.
    """
    if rhythm is not None:
        values.choice(rhythm, MailChoice.Rhythm, field="rhythm")
    with trail.act("deliveries.wish", by=by):
        if muted is not None:
            chosen = [kind for kind in Notice.Kind.values if kind in set(muted)]
            Muted.objects.filter(user=by).exclude(kind__in=chosen).delete()
            Muted.objects.bulk_create([Muted(user=by, kind=kind) for kind in chosen], ignore_conflicts=True)
        changes = {
            name: value
            for name, value in (("rhythm", rhythm), ("wants_overview", wants_overview))
            if value is not None
        }
        if changes:
            MailChoice.objects.update_or_create(user=by, defaults=changes)


def _fail(one: Delivery, error: Exception, *, now: datetime) -> None:
    words = _words(error)
    refused = isinstance(error, SMTPRecipientsRefused) and all(
        answer[0] >= 500 for answer in error.recipients.values()
    )
    if one.attempts >= outbox.MOST_ATTEMPTS or refused:
        _finish(one, State.GIVEN_UP, words, now=now)
        return
    next_at = outbox.next_try(one.attempts, now=now)
    outbox.mine(one).update(next_at=next_at, lease_until=None, error=words)


def _words(error: Exception) -> str:
    """Why a mail did not leave; what a server says may repeat parts of the mail, so its number is enough."""
    if isinstance(error, SMTPRecipientsRefused):
        codes = ", ".join(sorted({str(answer[0]) for answer in error.recipients.values()}))
        return f"The mail server refuses the recipient: {codes}."
    if isinstance(error, SMTPAuthenticationError):
        return f"The mail server refuses the user name or the password: {error.smtp_code}."
    if isinstance(error, SMTPSenderRefused):
        return f"The mail server refuses the sender: {error.smtp_code}."
    if isinstance(error, SMTPResponseException):
        return f"The mail server refuses the mail: {error.smtp_code}."
    if isinstance(error, SMTPServerDisconnected):
        return reasons.BROKEN_OFF
    if isinstance(error, SMTPException):
        return "The mail server does not offer the encryption or the login that is set."
    return reasons.words(error)


def _finish(one: Delivery, state: str, error: str, *, now: datetime) -> None:
    outbox.mine(one).update(state=state, finished_at=now, lease_until=None, error=error)
