"""What the facts of an incident must keep to: tags, milestones, services, people. Nothing is written here."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import values
from postmortem.errors import Invalid
from postmortem.models import Incident, IncidentService, Participant, Service

MAX_SERVICES = 50
MAX_PARTICIPANTS = 100
MAX_TAGS = 20

_LABELS = {column.name: column.verbose_name for column in Incident._meta.concrete_fields}


def normalised_tags(value: object) -> list[str]:
    """Tags as they are stored: small letters, hyphens for spaces, no "#", each once in its order.

    Raises:
        Invalid: no list of texts, too many, or one that is too long or holds nothing.
    """
    if not isinstance(value, (list, tuple)):
        raise Invalid(_("This must be a list."), field="tags")
    found: dict[str, None] = {}
    for one in value:
        text = unicodedata.normalize("NFKC", values.text(one, field="tags", longest=200)).strip().lstrip("#")
        tag = "-".join(text.casefold().split())
        if not tag:
            raise Invalid(_("A tag needs at least one character."), field="tags")
        if len(tag) > 40 or "," in tag:
            raise Invalid(_("A tag has at most 40 characters and no comma."), field="tags")
        found[tag] = None
    if len(found) > MAX_TAGS:
        raise Invalid(_("%(count)d tags are the most.") % {"count": MAX_TAGS}, field="tags")
    return list(found)


def check_facts(incident: Incident, *, now: datetime) -> None:
    """Refuse facts of one incident that do not fit each other; its tags become what is stored.

    Raises:
        Invalid: `field` names the first that breaks a rule.
    """
    incident.tags = normalised_tags(incident.tags)
    values.check(incident)
    check_milestones(incident, now=now)
    if incident.loss_amount is not None and not incident.loss_currency:
        raise Invalid(_("A loss needs its currency."), field="loss_currency")


def check_milestones(incident: Incident, *, now: datetime) -> None:
    """Refuse milestones that lie in the future or before an earlier one.

    Raises:
        Invalid: `field` is the milestone's.
    """
    values.past(incident.started_at, field="started_at", now=now)
    latest, latest_name = incident.started_at, "started_at"
    for name in Incident.MILESTONES[1:]:
        moment = getattr(incident, name)
        if moment is None:
            continue
        values.past(moment, field=name, now=now)
        if moment < latest:
            label = _LABELS[latest_name]
            raise Invalid(_("This lies before “%(milestone)s”.") % {"milestone": label}, field=name)
        latest, latest_name = moment, name
    if incident.closed_at is not None and incident.resolved_at is None and not incident.dismissed_as:
        raise Invalid(_("A closed incident stays resolved."), field="resolved_at")


def check_services(services: Sequence[tuple[Service, str]]) -> None:
    """Refuse services (each with "origin" or "affected") of which none is the origin, or one is named twice.

    Raises:
        Invalid: `field` is "services".
    """
    if not services:
        raise Invalid(_("Name at least one service."), field="services")
    if len(services) > MAX_SERVICES:
        raise Invalid(_("%(count)d services are the most.") % {"count": MAX_SERVICES}, field="services")
    for service, part in services:
        if not isinstance(service, Service):
            raise Invalid(_("This is not a service."), field="services")
        values.choice(part, IncidentService.Part, field="services")
    if len({service.pk for service, _part in services}) < len(services):
        raise Invalid(_("A service is named twice."), field="services")
    if all(part != IncidentService.Part.ORIGIN for _service, part in services):
        raise Invalid(_("Say in which service it began: one must be the origin."), field="services")


def check_people(
    people: Sequence[tuple[User, str]],
    *,
    person_field: str = "participants",
    role_field: str = "participants",
) -> None:
    """Refuse people, each with a role, who could not take part.

    Raises:
        Invalid: `field` is one of the two given.
    """
    if len(people) > MAX_PARTICIPANTS:
        raise Invalid(_("%(count)d people are the most.") % {"count": MAX_PARTICIPANTS}, field=person_field)
    for person, role in people:
        if not isinstance(person, User) or person.is_service:
            raise Invalid(_("This is not a person."), field=person_field)
        values.choice(role, Participant.Role, field=role_field)
        if not person.is_active:
            raise Invalid(_("%(name)s is not active.") % {"name": person}, field=person_field)
        if not person.is_at_least(User.Role.MEMBER):
            raise Invalid(
                _("%(name)s is a viewer and could not file a timeline.") % {"name": person},
                field=person_field,
            )
    if len({person.pk for person, _role in people}) < len(people):
        raise Invalid(_("A person is named twice."), field=person_field)
