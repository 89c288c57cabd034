"""Deploys shortly before an incident: offered to its review as changes. Nothing is added by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from accounts.models import User
from governance import deploys
from governance.models import Deploy
from postmortem import changes, trail
from postmortem.errors import DomainError
from postmortem.models import Change, Incident

LONGEST_TITLE = 200


class NotNearby(DomainError):
    """The deploy is none of those offered for this incident: of another service, or not in the window."""

    code = "not_nearby"


@dataclass(frozen=True, slots=True)
class Offered:
    """A deploy, and how long before the impact it went out."""

    deploy: Deploy
    distance: timedelta


def window() -> timedelta:
    """How long before an incident a deploy may have been to be offered (`DEPLOY_WINDOW_HOURS`)."""
    return timedelta(hours=settings.DEPLOY_WINDOW_HOURS)


def of(incident: Incident) -> QuerySet[Deploy]:
    """What is offered for one incident, as last reported: deploys of its services to its environment, from
    the window before its impact began to that moment, that are not among its changes yet. Newest first.
    """
    return _near([incident])


def of_each(incidents: Iterable[Incident], *, most: int) -> Mapping[int, Sequence[Offered]]:
    """The same for several incidents, by the incident's key, in one query; at most so many of each."""
    by_key = {incident.pk: incident for incident in incidents}
    offered: dict[int, list[Offered]] = {}
    for deploy in _near(by_key.values()).select_related("service"):
        found = offered.setdefault(deploy.incident_key, [])
        if len(found) < most:
            found.append(Offered(deploy, by_key[deploy.incident_key].started_at - deploy.deployed_at))
    return offered


def _near(incidents: Iterable[Incident]) -> QuerySet[Any]:
    """A row for each deploy and incident that it may have to do with: `incident_key` says which."""
    there = "service__incident_links__incident"
    rows = deploys.as_last_reported().annotate(
        incident_key=F(there), began_at=F(f"{there}__started_at"), harmed=F(f"{there}__environment")
    )
    known = Change.objects.filter(incident=OuterRef("incident_key"), external_key=OuterRef("external_id"))
    return rows.filter(
        ~Exists(known),
        incident_key__in=[incident.pk for incident in incidents],
        deployed_at__lte=F("began_at"),
        deployed_at__gte=F("began_at") - window(),
        environment=F("harmed"),
    ).order_by("-deployed_at", "-id")


def add(
    incident: Incident, *, deploy: Deploy, by: User, now: datetime, verdict: str = "suspect", reason: str = ""
) -> Change:
    """Make an offered deploy a change of the incident, with what the review makes of it.

    Adding the same deploy twice leaves one change: it goes by the deploy's external id, as a report of a
    pipeline would. What people made of that change meanwhile stays.

    Args:
        verdict, reason: as for `changes.judge`: all but a suspect need a reason.

    Raises:
        NotNearby: it is none of those that are offered.
        Invalid, StepSigned, Archived, NotAllowed: nothing was written.
    """
    with trail.act("nearby.add", by=by):
        change = changes.find(incident, deploy.external_id)
        if change is None:
            if not of(incident).filter(pk=deploy.pk).exists():
                raise NotNearby(_("This deploy is none of those shortly before this incident."))
            change = _recorded(incident, deploy, by=by, now=now)
        if verdict == Change.Verdict.SUSPECT and not reason:
            return change
        return changes.judge(change, verdict=verdict, reason=reason, by=by, now=now)


def _recorded(incident: Incident, deploy: Deploy, *, by: User, now: datetime) -> Change:
    return changes.record(
        incident,
        happened_at=deploy.deployed_at,
        kind=Change.Kind.DEPLOY,
        title=title_of(deploy),
        url=deploy.url,
        service=deploy.service,
        external_key=deploy.external_id,
        source=Change.Source.API,
        by=by,
        now=now,
    )


def title_of(deploy: Deploy) -> str:
    """What the change is called: "order 1.4.2"."""
    return Truncator(f"{deploy.service.slug} {deploy.version}").chars(LONGEST_TITLE)
