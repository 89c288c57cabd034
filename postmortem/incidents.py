"""Declare an incident, keep its facts, bring it to its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, incident_facts, markup, trail, values
from postmortem.errors import Archived, DomainError, Invalid, NotAllowed
from postmortem.models import Incident, IncidentService, Participant, Review, Service, Severity
from postmortem.sla import Standing, standing

# What a person may state about an incident, besides its services and participants.
FACTS = frozenset(
    {
        "title",
        "summary",
        "severity",
        "environment",
        "phase",
        "is_drill",
        "is_restricted",
        "started_at",
        "detected_at",
        "acknowledged_at",
        "mitigated_at",
        "resolved_at",
        "impact_minutes",
        "failure_percent",
        "loss_amount",
        "loss_currency",
        "loss_is_estimate",
        "capacity_limit",
        "capacity_demand",
        "tags",
    }
)
# Where a declaration came from; fixed from then on.
ORIGIN_FACTS = frozenset({"source", "dedup_key"})


class DuplicateIncident(DomainError):
    """An open incident has the same deduplication key; details name it: `public_id`."""

    code = "duplicate_incident"


class NotClosable(DomainError):
    """The incident cannot be closed; details["reasons"] are codes."""

    code = "not_closable"


class AlreadyClosed(DomainError):
    """The incident is closed or dismissed."""

    code = "already_closed"


def declare(
    *,
    title: str,
    severity: Severity,
    started_at: datetime,
    services: Sequence[tuple[Service, str]],
    participants: Sequence[tuple[User, str]] = (),
    by: User,
    now: datetime,
    summary: str = "",
    **fields: Any,
) -> Incident:
    """Record that something went wrong, with its services and the people who are invited to tell of it.

    Args:
        services: (service, "origin" or "affected"), each service once, at least one the origin.
        participants: (person, role); each is invited to file a personal timeline.
        fields: any of `FACTS` and `ORIGIN_FACTS`.

    Whoever declares a restricted incident without being a participant or a governor becomes an observer, for
    otherwise it would vanish before their eyes.

    Raises:
        Invalid: a value breaks a rule; nothing was written.
        DuplicateIncident: an open incident has this `dedup_key`.
        NotAllowed: a viewer.
    """
    access.need(by, User.Role.MEMBER)
    incident = Incident(declared_by=by, declared_at=now)
    values.fill(
        incident,
        {"title": title, "severity": severity, "started_at": started_at, "summary": summary} | fields,
        allowed=FACTS | ORIGIN_FACTS,
    )
    incident_facts.check_services(services)
    people = list(participants)
    if (
        incident.is_restricted
        and not by.is_at_least(User.Role.GOVERNOR)
        and by not in [who for who, _role in people]
    ):
        people.append((by, Participant.Role.OBSERVER))
    incident_facts.check_people(people)
    values.text(incident.summary, field="summary")
    markup.keep(incident, "summary")
    with trail.act("incidents.declare", by=by):
        incident.public_id = trail.next_public_id("INC", now=now)
        incident_facts.check_facts(incident, now=now)
        _insert(incident, by=by)
        _link(incident, services)
        Participant.objects.bulk_create(
            Participant(incident=incident, user=who, role=role) for who, role in people
        )
    return incident


def _insert(incident: Incident, *, by: User) -> None:
    """Insert, where another open incident with the same deduplication key may come first at any moment.

    Which one it is, is not told to whoever may not see it.
    """
    try:
        with transaction.atomic():
            incident.save(force_insert=True)
    except IntegrityError as error:
        twin = Incident.objects.filter(dedup_key=incident.dedup_key, closed_at=None).first()
        if not incident.dedup_key or twin is None:
            raise
        if not access.is_visible(twin, by):
            words = _("An open incident has the same deduplication key.")
            raise DuplicateIncident(words, field="dedup_key") from error
        raise DuplicateIncident(
            _("%(id)s is open and has the same deduplication key.") % {"id": twin.public_id},
            field="dedup_key",
            details={"public_id": twin.public_id},
        ) from error


def edit(
    incident: Incident,
    *,
    by: User,
    now: datetime,
    services: Sequence[tuple[Service, str]] | None = None,
    version: int | None = None,
    **fields: Any,
) -> Incident:
    """Change facts of an incident; a milestone may be taken back with None.

    Once its postmortem is archived only `is_restricted` may change, for privacy must always be repairable.

    Args:
        version: of the incident as the writer read it; None saves over whatever there is.

    Raises:
        EditConflict: somebody saved meanwhile.
        Invalid, NotAllowed, Archived: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    if services is not None:
        incident_facts.check_services(services)
    with trail.act("incidents.edit", by=by):
        incident = _locked(incident)
        if services is not None or fields.keys() - {"is_restricted"}:
            refuse_archived(incident)
        was_restricted = incident.is_restricted
        _refuse_older(incident, fields, services, version)
        values.fill(incident, fields, allowed=FACTS)
        if incident.review is None or not incident.review.is_archived:
            incident.version += 1
        incident_facts.check_facts(incident, now=now)
        if "summary" in fields:
            markup.keep(incident, "summary")
        incident.save()
        if services is not None:
            incident.service_links.all().delete()
            _link(incident, services)
        if incident.is_restricted and not was_restricted and not access.is_visible(incident, by):
            raise NotAllowed(
                _("Restricting this incident would hide it from you; ask one of its participants.")
            )
    return incident


def mark(incident: Incident, *, milestone: str, at: datetime, by: User, now: datetime) -> Incident:
    """Set one milestone, for example `milestone="mitigated_at"`.

    Raises:
        Invalid: no such milestone, out of order (`field` names the milestone), or in the future.
        NotAllowed, Archived: nothing was written.
    """
    if milestone not in Incident.MILESTONES:
        raise Invalid(
            _("Choose one of: %(choices)s.") % {"choices": ", ".join(Incident.MILESTONES)}, field="milestone"
        )
    access.need(by, User.Role.MEMBER)
    with trail.act("incidents.mark", by=by):
        incident = _locked(incident)
        refuse_archived(incident)
        setattr(incident, milestone, at)
        incident_facts.check_milestones(incident, now=now)
        incident.version += 1
        incident.save(update_fields=[milestone, "version"])
    return incident


def invite(incident: Incident, *, user: User, role: str, by: User, now: datetime) -> Participant:
    """Invite a person to file a personal timeline.

    Raises:
        Invalid: already invited, inactive, or a viewer, who could not write one.
        NotAllowed, Archived: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    incident_facts.check_people([(user, role)], person_field="user", role_field="role")
    with trail.act("incidents.invite", by=by):
        incident = _locked(incident)
        refuse_archived(incident)
        participants = incident.participants.all()
        if participants.filter(user=user).exists():
            raise Invalid(_("%(name)s is a participant already.") % {"name": user}, field="user")
        if participants.count() >= incident_facts.MAX_PARTICIPANTS:
            raise Invalid(
                _("%(count)d people are the most.") % {"count": incident_facts.MAX_PARTICIPANTS}, field="user"
            )
        return Participant.objects.create(incident=incident, user=user, role=role)


def close(incident: Incident, *, by: User, now: datetime) -> Incident:
    """End an incident that is resolved and, where its severity asks for one, has an archived postmortem.

    Raises:
        NotClosable: details["reasons"] lists "not_resolved" and "postmortem_missing".
        AlreadyClosed, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("incidents.close", by=by):
        incident = _locked(incident)
        _refuse_closed(incident)
        if reasons := obstacles(incident):
            raise NotClosable(" ".join(reasons.values()), details={"reasons": list(reasons)})
        incident.closed_at = now
        incident.save(update_fields=["closed_at"])
    return incident


def obstacles(incident: Incident) -> dict[str, str]:
    """Why an open incident cannot be closed yet: code -> sentence; empty when it can."""
    reasons: dict[str, str] = {}
    if incident.resolved_at is None:
        reasons["not_resolved"] = _("The incident is not resolved.")
    if requires_postmortem(incident) and (incident.review is None or not incident.review.is_archived):
        reasons["postmortem_missing"] = _("Its severity asks for an archived postmortem.")
    return reasons


def requires_postmortem(incident: Incident) -> bool:
    """Whether its severity asks for a postmortem; a drill and a dismissed incident need none."""
    return incident.severity.requires_postmortem and not incident.is_drill and not incident.dismissed_as


def review_standing(incident: Incident, *, as_of: datetime) -> Standing | None:
    """How the promise to have the review archived in time stands; None where none was made (R8)."""
    if not requires_postmortem(incident):
        return None
    return standing(
        promised_at=incident.started_at,
        due_at=incident.review_due_at,
        # Kept by the first archive: a reopening breaks no promise.
        met_at=incident.review.first_archived_at if incident.review else None,
        as_of=as_of,
    )


def dismiss(
    incident: Incident,
    *,
    as_: str,
    reason: str,
    by: User,
    now: datetime,
    duplicate_of: Incident | None = None,
) -> Incident:
    """End an incident that was none: a duplicate or a false alarm. It leaves every figure.

    Args:
        duplicate_of: for a duplicate, the incident that tells of the same harm.

    Raises:
        Invalid: no such dismissal, no reason, or another incident that cannot stand for this one.
        AlreadyClosed, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    kinds = dict(Incident._meta.get_field("dismissed_as").flatchoices)
    if as_ not in kinds:
        raise Invalid(_("Choose one of: %(choices)s.") % {"choices": ", ".join(kinds)}, field="as_")
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("incidents.dismiss", by=by):
        incident = _locked(incident)
        _refuse_closed(incident)
        refuse_archived(incident)
        if duplicate_of is not None:
            _check_twin(incident, duplicate_of, as_=as_, by=by)
        incident.dismissed_as, incident.dismissed_reason, incident.closed_at = as_, reason, now
        incident.duplicate_of = duplicate_of
        incident.save(update_fields=["dismissed_as", "dismissed_reason", "closed_at", "duplicate_of"])
    return incident


def _check_twin(incident: Incident, twin: Incident, *, as_: str, by: User) -> None:
    if as_ != "duplicate":
        raise Invalid(_("Only a duplicate is one of another incident."), field="duplicate_of")
    if twin.pk == incident.pk:
        raise Invalid(_("An incident is no duplicate of itself."), field="duplicate_of")
    if not access.is_visible(twin, by):
        raise Invalid(_("There is no such incident."), field="duplicate_of")
    # Read anew: two people may dismiss each as a duplicate of the other at once.
    if Incident.objects.select_for_update().get(pk=twin.pk).dismissed_as:
        raise Invalid(_("%(id)s is dismissed itself.") % {"id": twin.public_id}, field="duplicate_of")


def refuse_archived(incident: Incident) -> None:
    """Refuse a change to what an archived postmortem stands on; until the transaction ends none is archived.

    Raises:
        Archived: its review is archived.
    """
    if incident.review_id is None:
        return
    review = Review.objects.select_for_update().get(pk=incident.review_id)
    if review.is_archived:
        raise Archived(
            _("%(id)s is archived, and with it the facts it stands on.") % {"id": review.public_id}
        )


def _locked(incident: Incident) -> Incident:
    return (
        Incident.objects.select_for_update(of=("self",))
        .select_related("severity", "review")
        .get(pk=incident.pk)
    )


def _refuse_older(
    incident: Incident,
    fields: dict[str, Any],
    services: Sequence[tuple[Service, str]] | None,
    version: int | None,
) -> None:
    # Compared as they would be stored: the same tags in other letters are no conflict.
    mine = fields | ({"tags": incident_facts.normalised_tags(fields["tags"])} if "tags" in fields else {})
    theirs = {name: getattr(incident, name) for name in fields}
    if services is not None:
        links = incident.service_links.select_related("service")
        mine["services"] = sorted(f"{service.slug} ({part})" for service, part in services)
        theirs["services"] = sorted(f"{link.service.slug} ({link.part})" for link in links)
    if version is not None and version != incident.version and mine != theirs:
        raise values.newer(mine, theirs, version=incident.version)


def _refuse_closed(incident: Incident) -> None:
    if incident.closed_at is not None:
        raise AlreadyClosed(_("%(id)s is closed.") % {"id": incident.public_id})


def _link(incident: Incident, services: Iterable[tuple[Service, str]]) -> None:
    IncidentService.objects.bulk_create(
        IncidentService(incident=incident, service=service, part=part) for service, part in services
    )
