"""What is news by the steps of escalation: deadlines whose moment has come, and who must hear of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value

from accounts.models import User
from governance.models import EscalationStep, Notice
from postmortem.models import Incident, IncidentService, Participant
from postmortem.sla import AT_RISK_SHARE
from remediation.models import RemediationItem

# A promise that ended longer ago is history: nobody needs to hear of it when notices are first switched on.
TOLD_WITHIN = timedelta(days=14)
_HOUR = Value(timedelta(hours=1), output_field=DurationField())
Moment, Audience = EscalationStep.Moment, EscalationStep.Audience
Kind = Notice.Kind


@dataclass(frozen=True, slots=True)
class News:
    """Something that some people must hear once.

    Attributes:
        key: what it is about, without the kind.
        at: when it happened.
    """

    kind: str
    key: str
    to: tuple[User, ...]
    at: datetime
    incident: Incident | None = None
    item: RemediationItem | None = None


def governors() -> QuerySet[User]:
    """The committee."""
    return User.objects.filter(role=User.Role.GOVERNOR, is_active=True)


def manager_of(item: RemediationItem) -> list[User]:
    """The manager of the team that owns an item, if there is one."""
    return [item.team.manager] if item.team.manager is not None else []


def news(now: datetime) -> Iterator[News]:
    """What the steps say must be told at `now`; whether somebody was told it already is not asked."""
    steps = list(EscalationStep.objects.all())
    committee = tuple(governors()) if any(one.audience == Audience.GOVERNORS for one in steps) else ()
    of_items = [one for one in steps if one.subject == EscalationStep.Subject.ITEM]
    for step in of_items:
        yield from _of_items(step, committee, now)
    of_reviews = [one for one in steps if one.subject == EscalationStep.Subject.REVIEW]
    for incident in _promised(now) if of_reviews else ():
        for step in of_reviews:
            yield from _of_review(step, incident, committee, now)


def moment_of(step: EscalationStep, *, promised_at: datetime, due_at: datetime) -> datetime:
    """When a step is due for one promise."""
    if step.moment == Moment.AT_RISK:
        return promised_at + (due_at - promised_at) * AT_RISK_SHARE
    days = timedelta(days=step.days)
    return due_at - days if step.moment == Moment.BEFORE else due_at + days


def _is_news(step: EscalationStep, at: datetime, due_at: datetime, now: datetime) -> bool:
    """Its moment has come, not long ago and under this step; what warns of a deadline is void after it."""
    if not max(now - TOLD_WITHIN, step.valid_from) < at <= now:
        return False
    # Due at this very moment is in time.
    return now > due_at if step.moment == Moment.AFTER else now <= due_at


def _suffix(step: EscalationStep) -> str:
    """What tells the steps of one deadline apart."""
    return f"/{step.moment}{step.days}" if step.days else ""


def _of_items(step: EscalationStep, committee: tuple[User, ...], now: datetime) -> Iterator[News]:
    span = timedelta(days=step.days)
    rows = RemediationItem.objects.filter(first_verified_at=None).exclude(state=RemediationItem.State.WONT_DO)
    if step.moment == Moment.AFTER:
        rows = rows.filter(due_at__lte=now - span, due_at__gt=now - span - TOLD_WITHIN)
    elif step.moment == Moment.BEFORE:
        # Who agrees on less time than that is warned by the share of it, not on the spot.
        rows = rows.filter(due_at__gte=now, due_at__lte=now + span, agreed_at__lte=F("due_at") - Value(span))
    else:
        rows = rows.filter(due_at__gte=now, agreed_at__lte=now)
    for item in rows.select_related("owner", "team__manager", "severity").order_by("pk"):
        at = moment_of(step, promised_at=item.agreed_at, due_at=item.due_at)
        if not _is_news(step, at, item.due_at, now):
            continue
        kind, to = Kind.ITEM_AT_RISK if step.moment != Moment.AFTER else Kind.ITEM_BREACHED, committee
        if step.audience == Audience.OWNER:
            to = (item.owner,)
        elif step.audience == Audience.MANAGER:
            to = tuple(manager_of(item))
        elif step.moment == Moment.AFTER:
            kind = Kind.ITEM_ESCALATED
        key = f"{item.public_id}/{item.due_at.isoformat()}{_suffix(step)}"
        yield News(kind, key, to, at, item=item)


def _promised(now: datetime) -> QuerySet[Incident]:
    """Incidents whose review was promised and was not done in time, as far as that may be news."""
    due_at = ExpressionWrapper(
        F("started_at") + F("severity__review_hours") * _HOUR, output_field=DateTimeField()
    )
    rows = Incident.objects.filter(
        severity__requires_postmortem=True, is_drill=False, dismissed_as="", started_at__lte=now
    ).annotate(due_at=due_at)
    # In time is what was archived for the first time before the deadline, reopened since or not.
    rows = rows.exclude(review__first_archived_at__lte=F("due_at"))
    longest = max(
        EscalationStep.objects.filter(moment=Moment.AFTER).values_list("days", flat=True), default=0
    )
    since = now - TOLD_WITHIN
    recent = Q(due_at__gt=since - timedelta(days=longest)) | Q(declared_at__gt=since)
    return rows.filter(recent).select_related(
        "severity", "review__owner", "review__facilitator", "declared_by"
    )


def _of_review(
    step: EscalationStep, incident: Incident, committee: tuple[User, ...], now: datetime
) -> Iterator[News]:
    due_at = incident.review_due_at
    moment = moment_of(step, promised_at=incident.started_at, due_at=due_at)
    # What was declared late is news from then on.
    at = max(moment, incident.declared_at)
    met_at = incident.review.first_archived_at if incident.review else None
    was_met = step.days > 0 and met_at is not None and met_at <= at
    if was_met or moment > now or not _is_news(step, at, due_at, now):
        return
    kind = Kind.REVIEW_BREACHED if step.moment == Moment.AFTER else Kind.REVIEW_AT_RISK
    to = committee
    if step.audience == Audience.OWNER:
        to = tuple(_answerable(incident))
    elif step.audience == Audience.MANAGER:
        to = tuple(_managers(incident))
    # Another severity is another promise.
    key = f"{incident.public_id}/{incident.severity.review_hours}h{_suffix(step)}"
    yield News(kind, key, to, at, incident=incident)


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
