"""Self-heal runs: playbooks report them, and the time to recover is split into human and self-healed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from governance import programreports
from governance.models import AlertGroup, SelfHeal
from governance.recoveries import Recovery
from postmortem import access, values
from postmortem.errors import Invalid
from postmortem.models import Incident, IncidentService, Service

FACTS = frozenset(
    {"external_id", "service", "trigger", "playbook", "started_at", "ended_at", "outcome", "incident", "url"}
)


def report(
    *, external_id: str, service: Service, trigger: str, playbook: str, started_at: datetime,
    ended_at: datetime, outcome: str, by: User, now: datetime, incident: Incident | None = None,
    fingerprint: str = "", url: str = ""
) -> SelfHeal:  # fmt: skip
    """Report a run of a playbook that an alert set off.

    Args:
        external_id: the reporter's own name for the run: see `deploys.report`.
        trigger: the alert.
        incident: that the run was for; one that `by` may see.
        fingerprint: of the alert, where the incident is not known by name: the incident that this alert
            belongs to is found by it.

    Raises:
        Invalid: a value breaks a rule, or a moment lies in the future.
        NotAllowed: nothing was written.

    Source: specification, R17.
    """
    values.past(started_at, field="started_at", now=now)
    values.past(ended_at, field="ended_at", now=now)
    if ended_at < started_at:
        raise Invalid(_("The end lies before the start."), field="ended_at")
    if incident is None and fingerprint:
        incident = _incident_of(fingerprint, by=by)
    facts: dict[str, Any] = {
        "external_id": external_id, "service": service, "trigger": trigger, "playbook": playbook,
        "started_at": started_at, "ended_at": ended_at, "outcome": outcome, "incident": incident, "url": url,
    }  # fmt: skip
    return programreports.keep(SelfHeal(), facts, allowed=FACTS, act="self_heals.report", by=by, now=now)


def visible_to(user: User) -> QuerySet[SelfHeal]:
    """The runs, each as last reported, without those for incidents that the person may not see."""
    rows = programreports.as_last_reported(SelfHeal.objects.all())
    # Whoever sees everything has an empty condition, which "or" would drop.
    seen = Q(incident__isnull=False) & access.incident_q(user, "incident__")
    return rows.filter(Q(incident=None) | seen)


def playbooks(incidents: QuerySet[Incident]) -> dict[int, str]:
    """Incident -> playbook of the first run that healed it, of those that one healed."""
    runs = programreports.as_last_reported(SelfHeal.objects.filter(outcome=SelfHeal.Outcome.HEALED))
    found = runs.filter(incident__in=incidents.order_by()).order_by("-started_at", "-id")
    return dict(found.values_list("incident_id", "playbook"))


def without_incident(*, start: datetime, end: datetime) -> QuerySet[SelfHeal]:
    """The runs that healed what never became an incident and ended in start <= t < end; no secret."""
    runs = programreports.as_last_reported(SelfHeal.objects.filter(outcome=SelfHeal.Outcome.HEALED))
    return runs.filter(incident=None, ended_at__gte=start, ended_at__lt=end)


def recovered(
    *, start: datetime, end: datetime, viewer: User, service: Service | None = None
) -> list[Recovery]:
    """What was recovered in start <= t < end, in the order of its end, as far as the viewer may see it.

    Incidents without drills, dismissed ones and severities that do not count; runs that healed and have no
    incident.
    """
    incidents = access.incidents(viewer).filter(
        resolved_at__gte=start,
        resolved_at__lt=end,
        is_drill=False,
        dismissed_as="",
        severity__counts_in_figures=True,
    )
    alone = without_incident(start=start, end=end).select_related("service")
    if service is not None:
        incidents = incidents.filter(
            service_links__service=service, service_links__part=IncidentService.Part.ORIGIN
        )
        alone = alone.filter(service=service)
    healers = playbooks(incidents)
    rows = [
        Recovery(
            name=one.public_id,
            service=_origin(one),
            started_at=one.started_at,
            ended_at=one.resolved_at,
            is_self_healed=one.pk in healers,
            playbook=healers.get(one.pk, ""),
            is_restricted=one.is_restricted,
        )
        for one in incidents.prefetch_related("service_links__service")
        if one.resolved_at is not None
    ]
    rows += [
        Recovery(one.external_id, one.service.slug, one.started_at, one.ended_at, True, one.playbook)
        for one in alone
    ]
    return sorted(rows, key=lambda one: (one.ended_at, one.name))


def _origin(incident: Incident) -> str:
    links = incident.service_links.all()
    return next((link.service.slug for link in links if link.part == IncidentService.Part.ORIGIN), "")


def _incident_of(fingerprint: str, *, by: User) -> Incident | None:
    """The latest incident of an alert, where the person may see it."""
    fingerprint = values.text(fingerprint, field="fingerprint", longest=200)
    groups = AlertGroup.objects.filter(alerts__has_key=fingerprint, incident__isnull=False)
    group = groups.filter(access.incident_q(by, "incident__")).order_by("-since", "-pk").first()
    return group.incident if group else None
