"""Who must be told what, once.

A notice is a row, unique for its recipient and what it is about: looking twice or by two beats tells once.
Nobody is told of an incident that they may not see, neither when it is written nor when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value

from accounts.models import User
from governance import deliveries
from governance.models import Notice
from postmortem import access, reminders, trail
from postmortem.models import Incident, IncidentService, Participant, Reminder
from postmortem.sla import Standing, standing
from remediation import items
from remediation.models import DeadlineMark, RemediationItem

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
) -> list[Notice]:
    """Tell people something about an incident or an item, each of them once for a key.

    A mail goes to each as well (`deliveries`), written in the same transaction.

    Args:
        kind: one of `Notice.Kind`.
        to: whom; inactive people and those who may not see it are left out.
        key: what it is about, for example "INC-2026-0001/2026-11-20": the same key is told once to each.
        by: whose wish it is; None for the system itself.

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
    """Tell of every review (R8) and item whose time runs out or is over; the number of new notices.

    Safe to run at any moment, late, twice or in two places at once.
    """
    of_reviews = sum(len(_tell_of(incident, now)) for incident in _promised(now))
    return of_reviews + sum(len(_tell_of_item(mark, now)) for mark in _marks(now))


def of(user: User) -> QuerySet[Notice]:
    """What this person was told and may still see, newest first."""
    seen = Q(item=None) & access.incident_q(user, "incident__") | Q(
        incident=None, item__in=items.visible_to(user)
    )
    return Notice.objects.filter(seen, recipient=user).select_related(
        "incident__severity", "item__severity", "by"
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
    manager = [item.team.manager] if item.team.manager is not None else []
    if mark.kind == DeadlineMark.Kind.AT_RISK:
        # Whose deadline has passed hears of that alone.
        is_news = now <= mark.due_at
        told = (Notice.Kind.ITEM_AT_RISK, [item.owner] if is_news else [])
        return tell(told[0], to=told[1], item=item, key=key, by=None, now=now)
    new = tell(Notice.Kind.ITEM_BREACHED, to=[item.owner, *manager], item=item, key=key, by=None, now=now)
    if now > mark.due_at + ESCALATED_AFTER:
        governors = User.objects.filter(role=User.Role.GOVERNOR, is_active=True)
        new += tell(Notice.Kind.ITEM_ESCALATED, to=governors, item=item, key=key, by=None, now=now)
    return new


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
    return tell(kind, to=people, incident=incident, key=key, by=None, now=now)


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
