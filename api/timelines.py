"""Personal timelines: one's own entries until they are filed, excuses, the merged view of what was filed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.models import User, validate_time_zone
from api.resource import Resource, act, creation, detail, one, removal
from api.shapes import Answer, Moment, Person, Strict
from postmortem import access, timelines, trail
from postmortem.models import MAX_TEXT, Entry, Incident, Participant, Timeline


class EntryText(Strict):
    """One event; secrets in the text, such as tokens and passwords, are masked before it is stored."""

    happened_at = Moment()
    text = serializers.CharField(max_length=MAX_TEXT, trim_whitespace=False)
    zone = serializers.CharField(
        max_length=64,
        validators=[validate_time_zone],
        required=False,
        help_text="IANA zone to show the moment in; yours unless given.",
    )
    kind = serializers.ChoiceField(Entry.Kind.choices, required=False)
    marker = serializers.ChoiceField(Entry.Marker.choices, required=False, allow_blank=True)
    is_starred = serializers.BooleanField(required=False)


class Excuse(Strict):
    reason = serializers.CharField(max_length=2000)


class EntryAnswer(Answer):
    class Meta:
        model = Entry
        fields = ("id", "happened_at", "zone", "kind", "marker", "is_starred", "text", "created_at")


class MergedEntry(EntryAnswer):
    author = Person(source="timeline.participant.user")
    is_filed = serializers.SerializerMethodField()

    class Meta:
        model = Entry
        fields = (*EntryAnswer.Meta.fields, "author", "is_filed")

    def get_is_filed(self, entry: Entry) -> bool:
        return entry.timeline.filed_at is not None


class TimelineAnswer(serializers.Serializer):
    user = Person()
    filed_at = Moment(allow_null=True)
    excused_at = Moment(allow_null=True)
    excused_by = Person(allow_null=True)
    excuse_reason = serializers.CharField(allow_blank=True)
    entries = EntryAnswer(many=True)


class ParticipantState(Answer):
    user = Person()
    filed_at = Moment(source="timeline.filed_at", allow_null=True, default=None)
    excused_at = Moment(source="timeline.excused_at", allow_null=True, default=None)
    excuse_reason = serializers.CharField(source="timeline.excuse_reason", default="")

    class Meta:
        model = Participant
        fields = ("id", "user", "role", "filed_at", "excused_at", "excuse_reason")


class MergedTimeline(serializers.Serializer):
    """All entries of filed timelines, and one's own, in time order."""

    entries = MergedEntry(many=True)


def _incident(view: Resource, public_id: str) -> Incident:
    found: Incident = one(access.incidents(view.request.user), public_id=public_id)
    return found


def _merged(view: Resource, *, incident: str) -> dict[str, Any]:
    return {"entries": timelines.merged(_incident(view, incident), viewer=view.request.user)}


def _own(participant: Participant) -> dict[str, Any]:
    """What is shown of a timeline, which need not have been begun: reading writes nothing."""
    timeline = (
        Timeline.objects.select_related("excused_by").filter(participant=participant).first() or Timeline()
    )
    return {
        "user": participant.user,
        "filed_at": timeline.filed_at,
        "excused_at": timeline.excused_at,
        "excused_by": timeline.excused_by,
        "excuse_reason": timeline.excuse_reason,
        "entries": list(timeline.entries.all()) if timeline.pk else [],
    }


def _file(participant: Participant, *, by: User, now: datetime) -> Timeline:
    # The first act of a participant begins their timeline; a refusal must take that back.
    with trail.act("timelines.file", by=by):
        return timelines.file(timelines.open_for(participant), by=by, now=now)


def _add(participant: Participant, *, by: User, now: datetime, **values: Any) -> Entry:
    with trail.act("timelines.add", by=by):
        timeline = timelines.open_for(participant)
        return timelines.add(
            timeline, by=by, now=now, **{"zone": by.time_zone, "kind": Entry.Kind.NOTE} | values
        )


class Timelines(Resource):
    """The timeline of the caller, named by the incident."""

    def find(self, **url: Any) -> Participant:
        participants = _incident(self, url["incident"]).participants.select_related("user")
        participant: Participant = one(participants, user=self.request.user)
        return participant

    def again(self, record: Participant) -> dict[str, Any]:
        return _own(record)

    retrieve = detail("Your own timeline of an incident that you took part in.", gives=TimelineAnswer)
    file = act(
        "File your timeline: the others see it, and it can no longer be edited.", _file, gives=TimelineAnswer
    )
    merged = detail("The merged timeline of an incident.", gives=MergedTimeline, of=_merged)


class TimelineEntries(Resource):
    """Entries of the caller's own timeline."""

    tag = "timelines"

    def find(self, **url: Any) -> Any:
        participant = one(_incident(self, url["incident"]).participants.all(), user=self.request.user)
        if "entry" not in url:
            return participant
        return one(
            Entry.objects.select_related("timeline").filter(timeline__participant=participant),
            pk=url["entry"],
        )

    create = creation("Write an entry into your timeline.", _add, takes=EntryText, gives=EntryAnswer, of=True)
    edit = act(
        "Edit an entry of your timeline.", timelines.edit, takes=EntryText, gives=EntryAnswer, partial=True
    )
    remove = removal("Remove an entry of your timeline.", timelines.remove)


class Participants(Resource):
    """The people asked for a timeline."""

    tag = "timelines"

    def find(self, **url: Any) -> Participant:
        incident = _incident(self, url["incident"])
        participant: Participant = one(incident.participants.all(), pk=url["participant"])
        return participant

    def whole(self, rows: QuerySet[Participant]) -> QuerySet[Participant]:
        return rows.select_related("user", "timeline")

    excuse = act(
        "Excuse a participant from filing a timeline; the reason is kept.",
        timelines.excuse,
        takes=Excuse,
        gives=ParticipantState,
    )
