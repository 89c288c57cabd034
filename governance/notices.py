"""Who must be told what, once.

A notice is a row, unique for its recipient and what it is about: looking twice or by two beats tells once.
Nobody is told of an incident that they may not see, neither when it is written nor when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from governance import deliveries, ladder, messages
from governance.ladder import News
from governance.models import GateWaiver, GovernanceReport, Notice, TeamChannel
from postmortem import access, reminders, trail
from postmortem.models import Incident, Participant, Reminder, TrailEntry
from remediation import items
from remediation.models import ItemTransition, RemediationItem


def tell(
    kind: str,
    *,
    to: Iterable[User],
    key: str,
    by: User | None,
    now: datetime,
    incident: Incident | None = None,
    item: RemediationItem | None = None,
    team_channel: TeamChannel | None = None,
    waiver: GateWaiver | None = None,
    report: GovernanceReport | None = None,
    happened_at: datetime | None = None,
) -> list[Notice]:
    """Tell people something about one thing, such as an incident or an item, each of them once for a key.

    A mail goes to each as well (`deliveries`), and a message into the channels of the teams concerned
    (`messages`), all written in the same transaction.

    Args:
        kind: one of `Notice.Kind`.
        to: whom; inactive people and those who may not see it are left out.
        key: what it is about, for example "INC-2026-0001/2026-11-20": the same key is told once to each.
        by: whose wish it is; None for the system itself.
        happened_at: when; channels that were connected later are not told. Now unless given.

    Returns:
        The notices that are new.
    """
    with trail.act("notices.tell", by=by):
        people = {person.pk: person for person in to if _may_hear(person, incident, item)}
        key = f"{kind}/{key}"
        told = set(Notice.objects.filter(key=key, recipient__in=people).values_list("recipient", flat=True))
        fresh = people.keys() - told
        # Another beat may write the same at this moment; the constraint keeps one of the two.
        Notice.objects.bulk_create(
            [
                Notice(
                    recipient=people[pk],
                    kind=kind,
                    incident=incident,
                    item=item,
                    team_channel=team_channel,
                    waiver=waiver,
                    report=report,
                    by=by,
                    key=key,
                    created_at=now,
                )
                for pk in fresh
            ],
            ignore_conflicts=True,
        )
        told_now = list(Notice.objects.filter(key=key, recipient__in=fresh)) if fresh else []
        deliveries.enqueue(told_now, now=now)
        if incident is not None or item is not None:
            messages.enqueue(
                kind, key=key, happened_at=happened_at or now, now=now, incident=incident, item=item, by=by
            )
        return told_now


def _may_hear(person: User, incident: Incident | None, item: RemediationItem | None) -> bool:
    if not person.is_active:
        return False
    if item is not None and not items.visible_to(person).filter(pk=item.pk).exists():
        return False
    return incident is None or not incident.is_restricted or access.is_visible(incident, person)


def remind(participant: Participant, *, by: User, now: datetime) -> Reminder:
    """Ask a participant for their timeline, and tell them so.

    Raises:
        As for `postmortem.reminders.remind`.
    """
    with trail.act("notices.remind", by=by):
        reminder = reminders.remind(participant, by=by, now=now)
        incident = participant.incident
        key = f"{incident.public_id}/{reminder.pk}"
        kind = Notice.Kind.TIMELINE_REMINDER
        tell(kind, to=[participant.user], incident=incident, key=key, by=by, now=now)
        return reminder


def tick(*, now: datetime) -> int:
    """Tell of what is news; the number of new notices.

    Deadlines by the steps of escalation (R8, `ladder`), items that regressed (R11) or lost their owner (R4),
    channels that were paused. Safe to run at any moment, late, twice or in two places at once.
    """
    found = [*ladder.news(now), *_regressions(now), *_losses(now)]
    told = sum(
        len(
            tell(
                one.kind,
                to=one.to,
                key=one.key,
                by=None,
                now=now,
                incident=one.incident,
                item=one.item,
                happened_at=one.at,
            )
        )
        for one in _untold(found)
    )
    return told + sum(len(_tell_of_pause(channel, now)) for channel in _paused(now))


def _untold(found: Sequence[News]) -> list[News]:
    """What somebody, or some channel, was not told yet; a few queries however much there is."""
    keys = {f"{one.kind}/{one.key}" for one in found}
    told = set(Notice.objects.filter(key__in=keys).values_list("recipient", "key"))
    deaf = messages.deaf(found)
    return [
        one
        for place, one in enumerate(found)
        if place not in deaf
        or any(who.is_active and (who.pk, f"{one.kind}/{one.key}") not in told for who in one.to)
    ]


def of(user: User) -> QuerySet[Notice]:
    """What this person was told and may still see, newest first."""
    seen = Q(incident__isnull=False) & access.incident_q(user, "incident__")
    seen |= Q(incident=None, item__in=items.visible_to(user)) | Q(team_channel__isnull=False)
    seen |= Q(report__isnull=False)
    # Only governors are told of waivers; whoever is none any more reads of them where everybody does.
    if user.is_at_least(User.Role.GOVERNOR):
        seen |= Q(waiver__isnull=False)
    return Notice.objects.filter(seen, recipient=user).select_related(
        "incident__severity", "item__severity", "by", "team_channel__team", "waiver__service", "report"
    )


def mark_read(notice: Notice, *, by: User, now: datetime) -> Notice:
    """Mark one as read; one that was read before keeps its moment.

    Args:
        notice: one of `of(by)`.
    """
    with trail.act("notices.mark_read", by=by):
        Notice.objects.filter(pk=notice.pk, recipient=by, read_at=None).update(read_at=now)
        notice.refresh_from_db(fields=["read_at"])
    return notice


def mark_all_read(*, by: User, now: datetime) -> int:
    """Mark all of a person's notices as read, those that they may no longer see among them; how many."""
    with trail.act("notices.mark_all_read", by=by):
        return Notice.objects.filter(recipient=by, read_at=None).update(read_at=now)


def _regressions(now: datetime) -> Iterator[News]:
    """The owner and the manager of the team hear that a fix does not hold any more (R11)."""
    moves = ItemTransition.objects.filter(
        to_state=RemediationItem.State.REGRESSED, at__gt=now - ladder.TOLD_WITHIN, at__lte=now
    )
    for move in moves.select_related("item__owner", "item__team__manager", "item__severity").order_by("pk"):
        item = move.item
        to = (item.owner, *ladder.manager_of(item))
        yield News(Notice.Kind.ITEM_REGRESSED, f"{item.public_id}/{move.pk}", to, move.at, item=item)


def _losses(now: datetime) -> Iterator[News]:
    """The manager of the team, else governors, hear that somebody must take an item over (R4)."""
    lost = TrailEntry.objects.filter(
        model=User._meta.db_table, object_id=OuterRef("owner"), after__is_active=False, before__is_active=True
    ).order_by("-pk")
    rows = RemediationItem.objects.filter(owner__is_active=False, state__in=items.UNFINISHED).annotate(
        lost=Subquery(lost.values("pk")[:1]), lost_at=Subquery(lost.values("at")[:1])
    )
    committee: tuple[User, ...] | None = None
    for item in rows.select_related("owner", "team__manager", "severity").order_by("pk"):
        to = tuple(ladder.manager_of(item))
        if not to:
            committee = tuple(ladder.governors()) if committee is None else committee
            to = committee
        key = f"{item.public_id}/{item.owner_id}/{item.lost or 0}"
        yield News(Notice.Kind.ITEM_OWNERLESS, key, to, item.lost_at or now, item=item)


def _paused(now: datetime) -> QuerySet[TeamChannel]:
    rows = TeamChannel.objects.filter(paused_at__gt=now - ladder.TOLD_WITHIN, disconnected_at=None)
    return rows.select_related("team__manager", "created_by")


def _tell_of_pause(channel: TeamChannel, now: datetime) -> list[Notice]:
    key = f"{channel.pk}/{channel.paused_at:%Y-%m-%dT%H:%M:%S.%f}"
    to = [channel.team.manager or channel.created_by]
    return tell(Notice.Kind.CHANNEL_PAUSED, to=to, team_channel=channel, key=key, by=None, now=now)
