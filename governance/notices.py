"""Who must be told what, once.

A notice is a row, unique for its recipient and what it is about: looking twice or by two beats tells once.
Nobody is told of an incident that they may not see, neither when it is written nor when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    CharField,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat

from accounts.models import User
from governance import deliveries, messages
from governance.models import GateWaiver, Notice, TeamChannel
from postmortem import access, reminders, trail
from postmortem.models import Incident, IncidentService, Participant, Reminder, TrailEntry
from postmortem.sla import AT_RISK_SHARE, Standing, standing
from remediation import items
from remediation.models import DeadlineMark, ItemTransition, RemediationItem

# A promise that ended longer ago is history: nobody needs to hear of it when notices are first switched on.
TOLD_WITHIN = timedelta(days=14)
# What nobody heals in a week is the committee's.
ESCALATED_AFTER = timedelta(days=7)
_HOUR = Value(timedelta(hours=1), output_field=DurationField())

_KINDS = {Standing.AT_RISK: Notice.Kind.REVIEW_AT_RISK, Standing.BREACHED: Notice.Kind.REVIEW_BREACHED}


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
    happened_at: datetime | None = None,
) -> list[Notice]:
    """Tell people something about an incident, an item, a channel or a waiver, each of them once for a key.

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

    Reviews (R8) and items whose time runs out or is over, items that regressed (R11) or lost their owner
    (R4), channels that were paused. Safe to run at any moment, late, twice or in two places at once.
    """
    told = sum(len(_tell_of(incident, now)) for incident in _promised(now))
    told += sum(len(_tell_of_item(mark, now)) for mark in _marks(now))
    told += sum(len(_tell_of_regression(move, now)) for move in _regressions(now))
    told += sum(len(_tell_of_loss(item, now)) for item in _ownerless())
    return told + sum(len(_tell_of_pause(channel, now)) for channel in _paused(now))


def of(user: User) -> QuerySet[Notice]:
    """What this person was told and may still see, newest first."""
    seen = Q(incident__isnull=False) & access.incident_q(user, "incident__")
    seen |= Q(incident=None, item__in=items.visible_to(user)) | Q(team_channel__isnull=False)
    # Only governors are told of waivers; whoever is none any more reads of them where everybody does.
    if user.is_at_least(User.Role.GOVERNOR):
        seen |= Q(waiver__isnull=False)
    return Notice.objects.filter(seen, recipient=user).select_related(
        "incident__severity", "item__severity", "by", "team_channel__team", "waiver__service"
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


def _marks(now: datetime) -> Iterator[DeadlineMark]:
    """Deadlines of items that came near or passed lately, and still wait for their item."""
    marks = DeadlineMark.objects.filter(
        due_at__gt=now - TOLD_WITHIN, due_at=F("item__due_at"), item__first_verified_at=None
    )
    yield from marks.exclude(item__state=RemediationItem.State.WONT_DO).select_related(
        "item__owner", "item__team__manager"
    )


def _tell_of_item(mark: DeadlineMark, now: datetime) -> list[Notice]:
    """The owner before and after the deadline, the team's manager after it, governors a week later."""
    item = mark.item
    key = f"{item.public_id}/{mark.due_at.isoformat()}"
    if mark.kind == DeadlineMark.Kind.AT_RISK:
        if now > mark.due_at:
            # Whose deadline has passed hears of that alone.
            return []
        kind, to, at = Notice.Kind.ITEM_AT_RISK, [item.owner], mark.noticed_at
        return tell(kind, to=to, item=item, key=key, by=None, now=now, happened_at=at)
    kind, to, at = Notice.Kind.ITEM_BREACHED, [item.owner, *_manager(item)], mark.due_at
    new = tell(kind, to=to, item=item, key=key, by=None, now=now, happened_at=at)
    if now > (at := mark.due_at + ESCALATED_AFTER):
        kind, to = Notice.Kind.ITEM_ESCALATED, list(_governors())
        new += tell(kind, to=to, item=item, key=key, by=None, now=now, happened_at=at)
    return new


def _manager(item: RemediationItem) -> list[User]:
    return [item.team.manager] if item.team.manager is not None else []


def _governors() -> QuerySet[User]:
    return User.objects.filter(role=User.Role.GOVERNOR, is_active=True)


def _untold(rows: QuerySet[Any], kind: str, key: Combinable) -> QuerySet[Any]:
    """Rows of which nobody was told yet."""
    told = Notice.objects.filter(kind=kind, key=OuterRef("told_key"))
    keyed: QuerySet[Any] = rows.annotate(told_key=Concat(Value(f"{kind}/"), key, output_field=CharField()))
    return keyed.exclude(Exists(told))


def _regressions(now: datetime) -> QuerySet[ItemTransition]:
    moves = ItemTransition.objects.filter(to_state=RemediationItem.State.REGRESSED, at__gt=now - TOLD_WITHIN)
    key = Concat("item__public_id", Value("/"), Cast("pk", CharField()))
    rows = _untold(moves, Notice.Kind.ITEM_REGRESSED, key)
    return rows.select_related("item__owner", "item__team__manager").order_by("pk")


def _tell_of_regression(move: ItemTransition, now: datetime) -> list[Notice]:
    """The owner and the manager of the team hear that a fix does not hold any more (R11)."""
    item = move.item
    key = f"{item.public_id}/{move.pk}"
    to = [item.owner, *_manager(item)]
    return tell(Notice.Kind.ITEM_REGRESSED, to=to, item=item, key=key, by=None, now=now, happened_at=move.at)


def _ownerless() -> QuerySet[RemediationItem]:
    """Unfinished items whose owner was deactivated, with the row of the trail that says so."""
    lost = TrailEntry.objects.filter(
        model=User._meta.db_table, object_id=OuterRef("owner"), after__is_active=False, before__is_active=True
    )
    rows = RemediationItem.objects.filter(owner__is_active=False, state__in=items.UNFINISHED)
    rows = rows.annotate(lost=Coalesce(Subquery(lost.order_by("-pk").values("pk")[:1]), Value(0)))
    key = Concat("public_id", Value("/"), Cast("owner", CharField()), Value("/"), Cast("lost", CharField()))
    told = _untold(rows, Notice.Kind.ITEM_OWNERLESS, key)
    return told.select_related("owner", "team__manager").order_by("pk")


def _tell_of_loss(item: Any, now: datetime) -> list[Notice]:
    """The manager of the team hears that somebody must take it over (R4); governors where there is none."""
    key = f"{item.public_id}/{item.owner_id}/{item.lost}"
    to = _manager(item) or list(_governors())
    return tell(Notice.Kind.ITEM_OWNERLESS, to=to, item=item, key=key, by=None, now=now)


def _paused(now: datetime) -> QuerySet[TeamChannel]:
    rows = TeamChannel.objects.filter(paused_at__gt=now - TOLD_WITHIN, disconnected_at=None)
    return rows.select_related("team__manager", "created_by")


def _tell_of_pause(channel: TeamChannel, now: datetime) -> list[Notice]:
    key = f"{channel.pk}/{channel.paused_at:%Y-%m-%dT%H:%M:%S.%f}"
    to = [channel.team.manager or channel.created_by]
    return tell(Notice.Kind.CHANNEL_PAUSED, to=to, team_channel=channel, key=key, by=None, now=now)


def _promised(now: datetime) -> Iterator[Incident]:
    """Incidents whose review was promised and is at risk or was not in time, as far as that is news."""
    due_at = ExpressionWrapper(
        F("started_at") + F("severity__review_hours") * _HOUR, output_field=DateTimeField()
    )
    rows = Incident.objects.filter(
        severity__requires_postmortem=True, is_drill=False, dismissed_as="", started_at__lte=now
    ).annotate(due_at=due_at)
    # In time is what was archived for the first time before the deadline, reopened since or not.
    rows = rows.exclude(review__first_archived_at__lte=F("due_at"))
    news = Q(due_at__gt=now - TOLD_WITHIN) | Q(declared_at__gt=now - TOLD_WITHIN)
    yield from rows.filter(news).select_related(
        "severity", "review__owner", "review__facilitator", "declared_by"
    )


def _tell_of(incident: Incident, now: datetime) -> list[Notice]:
    stands = standing(
        promised_at=incident.started_at,
        due_at=incident.review_due_at,
        met_at=incident.review.first_archived_at if incident.review else None,
        as_of=now,
    )
    kind = _KINDS.get(stands)
    if kind is None:
        return []
    # Another severity is another promise.
    key = f"{incident.public_id}/{incident.severity.review_hours}h"
    people = _answerable(incident)
    if stands == Standing.BREACHED:
        people += _managers(incident)
    promised = incident.review_due_at - incident.started_at
    share = AT_RISK_SHARE if stands == Standing.AT_RISK else 1.0
    happened_at = max(incident.started_at + promised * share, incident.declared_at)
    return tell(kind, to=people, incident=incident, key=key, by=None, now=now, happened_at=happened_at)


def _answerable(incident: Incident) -> list[User]:
    """Who can still keep the promise: owner, facilitator and commanders, else whoever declared it."""
    commanders = Participant.objects.filter(incident=incident, role=Participant.Role.COMMANDER)
    people = [one.user for one in commanders.select_related("user")]
    if incident.review is not None:
        people += [incident.review.owner, incident.review.facilitator]
    return people or [incident.declared_by]


def _managers(incident: Incident) -> list[User]:
    """The managers of the teams that own the services it came from."""
    links = incident.service_links.filter(
        part=IncidentService.Part.ORIGIN, service__team__manager__isnull=False
    )
    return [
        link.service.team.manager
        for link in links.select_related("service__team__manager")
        if link.service.team.manager is not None
    ]
