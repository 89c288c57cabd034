"""Digests: one mail a day or a week instead of many, and for governors how the promises stand.

A digest is a row that is written once for a person and a period; a delivery carries it (`deliveries`).
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User, zone_of
from governance.models import Delivery, Digest, MailChoice, Muted, Notice
from postmortem import trail

# When a digest is written, in the reader's zone.
HOUR = time(8)
MONDAY = 0
# A beat that was down this long writes the digest that was due; longer, and the next one will do.
WRITTEN_WITHIN = timedelta(days=1)
_PERIODS = {MailChoice.Rhythm.DAILY: timedelta(days=1), MailChoice.Rhythm.WEEKLY: timedelta(days=7)}


def tick(*, now: datetime) -> int:
    """Write the digests that are due; how many. Safe to run late, twice or in two places at once."""
    if not settings.EMAIL_HOST:
        return 0
    written = 0
    gathering = MailChoice.objects.exclude(rhythm=MailChoice.Rhythm.SINGLE).filter(user__is_active=True)
    for choice in gathering.select_related("user"):
        since, until = period(choice.rhythm, choice.user, now=now)
        if until > now - WRITTEN_WITHIN and notices_in(choice.user, since, until).exists():
            written += _write(choice.user, Digest.Kind.NOTICES, since, until, now=now)
    for governor in _overseers():
        since, until = period(MailChoice.Rhythm.WEEKLY, governor, now=now)
        if until > now - WRITTEN_WITHIN:
            written += _write(governor, Digest.Kind.OVERVIEW, since, until, now=now)
    return written


def period(rhythm: str, person: User, *, now: datetime) -> tuple[datetime, datetime]:
    """The last period of this rhythm that is over at `now`: from, until, by the clock of the person."""
    zone: ZoneInfo = zone_of(person.time_zone)
    local = now.astimezone(zone)
    days = _PERIODS[MailChoice.Rhythm(rhythm)].days
    back = local.weekday() - MONDAY if rhythm == MailChoice.Rhythm.WEEKLY else 0
    until = datetime.combine(local.date() - timedelta(days=back), HOUR, zone)
    if until > now:
        until = datetime.combine(until.date() - timedelta(days=days), HOUR, zone)
    since = datetime.combine(until.date() - timedelta(days=days), HOUR, zone)
    return since, until


def notices_in(person: User, since: datetime, until: datetime) -> QuerySet[Notice]:
    """What a person was told in a period and got no mail of their own for, kinds left out that they muted."""
    muted = Muted.objects.filter(user=person).values("kind")
    rows = Notice.objects.filter(recipient=person, created_at__gt=since, created_at__lte=until)
    return rows.exclude(kind__in=muted).exclude(Exists(Delivery.objects.filter(notice=OuterRef("pk"))))


def _overseers() -> QuerySet[User]:
    refused = MailChoice.objects.filter(user=OuterRef("pk"), wants_overview=False)
    return User.objects.filter(~Exists(refused), Q(role=User.Role.GOVERNOR), is_active=True)


def _write(person: User, kind: str, since: datetime, until: datetime, *, now: datetime) -> int:
    if Digest.objects.filter(recipient=person, kind=kind, until=until).exists():
        return 0
    with trail.act("digests.write", by=None):
        # Another beat may write the same at this moment; the constraint keeps one of the two.
        Digest.objects.bulk_create(
            [Digest(recipient=person, kind=kind, since=since, until=until, created_at=now)],
            ignore_conflicts=True,
        )
        digest = Digest.objects.select_for_update().get(recipient=person, kind=kind, until=until)
        if Delivery.objects.filter(digest=digest).exists():
            return 0
        Delivery.objects.create(digest=digest, created_at=now, next_at=now)
    return 1
