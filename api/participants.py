"""The people asked for a timeline: remind, excuse, change their role, take the invitation back."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, QuerySet
from rest_framework import serializers

from api.resource import Resource, act, one, removal
from api.shapes import Answer, Moment, Person, Strict
from api.timelines import visible_incident
from governance import notices
from postmortem import participants, timelines
from postmortem.models import Participant


class Excuse(Strict):
    reason = serializers.CharField(max_length=2000)


class NewRole(Strict):
    role = serializers.ChoiceField(Participant.Role.choices)


class ParticipantState(Answer):
    user = Person()
    filed_at = Moment(source="timeline.filed_at", allow_null=True, default=None)
    excused_at = Moment(source="timeline.excused_at", allow_null=True, default=None)
    excuse_reason = serializers.CharField(source="timeline.excuse_reason", default="")
    reminded_at = Moment(allow_null=True)

    class Meta:
        model = Participant
        fields = ("id", "user", "role", "filed_at", "excused_at", "excuse_reason", "reminded_at")


class Participants(Resource):
    """The people asked for a timeline."""

    tag = "timelines"

    def find(self, **url: Any) -> Participant:
        incident = visible_incident(self, url["incident"])
        people = incident.participants.select_related("user", "incident__review")
        participant: Participant = one(people, pk=url["participant"])
        return participant

    def whole(self, rows: QuerySet[Participant]) -> QuerySet[Participant]:
        return rows.select_related("user", "timeline").annotate(reminded_at=Max("reminders__sent_at"))

    remind = act(
        "Ask a participant for their timeline; not more often than the installation allows.",
        notices.remind,
        gives=ParticipantState,
    )
    excuse = act(
        "Excuse a participant from filing a timeline; the reason is kept.",
        timelines.excuse,
        takes=Excuse,
        gives=ParticipantState,
    )
    change_role = act(
        "Say that a participant had another role, as long as their timeline is not filed.",
        participants.change_role,
        takes=NewRole,
        gives=ParticipantState,
    )
    remove = removal("Take back an invitation, as long as nothing was written.", participants.remove)
