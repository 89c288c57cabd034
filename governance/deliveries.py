"""Notices go out by mail: written with the notice, sent by whoever claims them, tried again when that fails.

PostgreSQL is the queue (docs/adr/0004): no message of a broker carries anything, so losing one loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import parseaddr
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from governance import outbox, wordings
from governance.models import Delivery, Muted, Notice
from postmortem import access, trail
from postmortem.errors import DomainError
from remediation import items

# Longer than an exchange with a mail server may take (EMAIL_TIMEOUT).
LEASE = timedelta(minutes=2)
AT_ONCE = 20

State = Delivery.State


class NotToSend(DomainError):
    """It waits to be sent, or was sent; details: `state`."""

    code = "not_to_send"


def enqueue(told: Iterable[Notice], *, now: datetime) -> None:
    """Write that notices go out by mail; call it in the act that writes them.

    Nothing is written where no mail server is set, nor for kinds that their recipient has muted.
    """
    told = list(told)
    if not settings.EMAIL_HOST or not told:
        return
    muted = set(Muted.objects.filter(user__in={one.recipient_id for one in told}).values_list("user", "kind"))
    Delivery.objects.bulk_create(
        [
            Delivery(notice=one, created_at=now, next_at=now)
            for one in told
            if (one.recipient_id, one.kind) not in muted
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
        notice = Notice.objects.select_related(
            "recipient", "incident", "item", "by", "team_channel__team", "waiver__service"
        ).get(pk=one.notice_id)
        if not _is_visible(notice):
            _finish(one, State.DROPPED, "the recipient may not see it any more", now=now)
            continue
        try:
            mail(notice, connection=connection).send()
        except (SMTPException, OSError) as error:
            _fail(one, error, now=now)
        else:
            _finish(one, State.SENT, "", now=now)
            sent += 1
    return sent


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
    return Delivery.objects.select_related("notice__recipient").order_by("-id")


def mute(*, kinds: Iterable[str], by: User, now: datetime) -> None:
    """Choose the kinds that one does not want by mail; all others come."""
    chosen = [kind for kind in Notice.Kind.values if kind in set(kinds)]
    with trail.act("deliveries.mute", by=by):
        Muted.objects.filter(user=by).exclude(kind__in=chosen).delete()
        Muted.objects.bulk_create([Muted(user=by, kind=kind) for kind in chosen], ignore_conflicts=True)


def mail(notice: Notice, *, connection: Any = None) -> EmailMultiAlternatives:
    """The mail of a notice: text and HTML, in the language and the zone of its recipient."""
    person = notice.recipient
    with translation.override(person.language), timezone.override(ZoneInfo(person.time_zone)):
        context = {
            "words": wordings.words(notice),
            "title": wordings.title(notice),
            "subject_id": wordings.subject_id(notice),
            "due_at": _words_of(notice.item.due_at) if notice.item else "",
            "told_at": _words_of(notice.created_at),
            "zone": person.time_zone,
            "url": settings.PUBLIC_URL + wordings.path(notice),
            "settings_url": f"{settings.PUBLIC_URL}/settings/notices",
            "language": "zh-Hans" if person.language == "zh-hans" else "en",
            "is_bad": notice.kind not in wordings.CALM,
        }
        # Two deliveries of one notice bear one id, so that a mailbox may know the second.
        domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
        message = EmailMultiAlternatives(
            subject=" ".join(str(context["words"]).split()),
            body=render_to_string("emails/notice.txt", context),
            to=[person.email],
            headers={"Message-ID": f"<notice-{notice.pk}@{domain}>", "Auto-Submitted": "auto-generated"},
            connection=connection,
        )
        message.attach_alternative(render_to_string("emails/notice.html", context), "text/html")
    return message


def _words_of(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), _("j M Y, H:i"))


def _is_visible(notice: Notice) -> bool:
    person = notice.recipient
    if notice.item is not None:
        return person.is_active and items.visible_to(person).filter(pk=notice.item.pk).exists()
    if notice.team_channel is not None:
        return person.is_active
    if notice.waiver is not None:
        return person.is_at_least(User.Role.GOVERNOR)
    return notice.incident is not None and access.is_visible(notice.incident, person)


def _fail(one: Delivery, error: Exception, *, now: datetime) -> None:
    # What a server says may repeat addresses and words of the mail; its number and kind are enough.
    code = getattr(error, "smtp_code", "") if isinstance(error, SMTPResponseException) else ""
    words = f"{type(error).__name__} {code}".strip()
    refused = isinstance(error, SMTPRecipientsRefused) and all(
        answer[0] >= 500 for answer in error.recipients.values()
    )
    if one.attempts >= outbox.MOST_ATTEMPTS or refused:
        _finish(one, State.GIVEN_UP, words, now=now)
        return
    next_at = outbox.next_try(one.attempts, now=now)
    outbox.mine(one).update(next_at=next_at, lease_until=None, error=words)


def _finish(one: Delivery, state: str, error: str, *, now: datetime) -> None:
    outbox.mine(one).update(state=state, finished_at=now, lease_until=None, error=error)
