"""What the facts of an incident must keep to: tags, milestones, services, people. Nothing is written here."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
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
        Invalid: `field` names the first that breaks a rule; `problems` has all of them.
    """
    incident.tags = normalised_tags(incident.tags)
    values.check(incident)
    facts = {name: getattr(incident, name) for name in (*Incident.MILESTONES, "loss_amount", "loss_currency")}
    _refuse_first(problems(facts, now=now))
    _refuse_unresolved(incident)


def problems(facts: Mapping[str, Any], *, now: datetime) -> list[Invalid]:
    """What does not fit together in the facts that are given, all at once: a page shows every one.

    Args:
        facts: some columns of an incident; one that is missing is not judged.
    """
    found = [*_column_problems(facts), *_milestone_problems(facts, now=now)]
    if facts.get("loss_amount") is not None and facts.get("loss_currency") == "":
        found.append(Invalid(_("A loss needs its currency."), field="loss_currency"))
    return found


def _column_problems(facts: Mapping[str, Any]) -> list[Invalid]:
    found: list[Invalid] = []
    for column in Incident._meta.concrete_fields:
        value = facts.get(column.name)
        if column.is_relation or value in column.empty_values:
            continue
        try:
            column.run_validators(value)
        except ValidationError as error:
            found.append(Invalid(" ".join(error.messages), field=column.name))
    return found


def _milestone_problems(facts: Mapping[str, Any], *, now: datetime) -> list[Invalid]:
    found: list[Invalid] = []
    latest: tuple[datetime, str] | None = None
    for name in Incident.MILESTONES:
        # Without a beginning the act is refused; a form that lacks it says so itself.
        moment = facts.get(name)
        if moment is None and (name != "started_at" or name not in facts):
            continue
        try:
            values.past(moment, field=name, now=now)
        except Invalid as refusal:
            found.append(refusal)
        if not isinstance(moment, datetime):
            continue
        if latest is not None and moment < latest[0]:
            label = _LABELS[latest[1]]
            words = _("This lies before “%(milestone)s”.") % {"milestone": label}
            found.append(Invalid(words, field=name))
        else:
            latest = (moment, name)
    return found


def check_milestones(incident: Incident, *, now: datetime) -> None:
    """Refuse milestones that lie in the future or before an earlier one.

    Raises:
        Invalid: `field` is the milestone's.
    """
    moments = {name: getattr(incident, name) for name in Incident.MILESTONES}
    _refuse_first(_milestone_problems(moments, now=now))
    _refuse_unresolved(incident)


def _refuse_first(found: Sequence[Invalid]) -> None:
    if found:
        raise found[0]


def _refuse_unresolved(incident: Incident) -> None:
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
