"""Correct who took part in an incident, as long as their account is not filed."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, incidents, trail, values
from postmortem.errors import DomainError
from postmortem.models import Incident, Participant


class TimelineTold(DomainError):
    """The person has filed a timeline, or begun one: what they tell belongs to the incident."""

    code = "timeline_told"


def change_role(participant: Participant, *, role: str, by: User, now: datetime) -> Participant:
    """Say that somebody had another part in it.

    Raises:
        TimelineTold: they filed their timeline in the role they had.
        Invalid, NotAllowed, Archived: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    role = values.choice(role, Participant.Role, field="role")
    with trail.act("participants.change_role", by=by):
        participant = _locked(participant)
        timeline = getattr(participant, "timeline", None)
        if timeline is not None and timeline.filed_at is not None:
            raise TimelineTold(_("%(name)s has filed a timeline already.") % {"name": participant.user})
        participant.role = role
        participant.save(update_fields=["role"])
    return participant


def remove(participant: Participant, *, by: User, now: datetime) -> None:
    """Take back an invitation; the trail keeps it.

    Raises:
        TimelineTold: they filed a timeline or wrote in it: nobody takes away what another person wrote.
        NotAllowed, Archived: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("participants.remove", by=by):
        participant = _locked(participant)
        timeline = getattr(participant, "timeline", None)
        if timeline is not None and (timeline.filed_at is not None or timeline.entries.exists()):
            raise TimelineTold(
                _("%(name)s has begun a timeline; excuse them if it cannot be filed.")
                % {"name": participant.user}
            )
        participant.delete()


def _locked(participant: Participant) -> Participant:
    # In the order of every act: incident, review, participant.
    incident = Incident.objects.select_for_update().get(pk=participant.incident_id)
    incidents.refuse_archived(incident)
    return (
        Participant.objects.select_for_update(of=("self",))
        .select_related("user", "timeline")
        .get(pk=participant.pk)
    )
