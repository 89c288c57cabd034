"""Personal timelines: one's own entries, written one by one or pasted, until they are filed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User, validate_time_zone
from api.evidence import FileAnswer
from api.resource import (
    Resource,
    act,
    checked,
    creation,
    detail,
    named_as,
    one,
    refuse_query,
    removal,
)
from api.shapes import Answer, Moment, Person, Strict
from postmortem import access, pasting, secrets, timelines, trail, values
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
    milestone = serializers.ChoiceField(Entry.Milestone.choices, required=False, allow_blank=True)
    is_starred = serializers.BooleanField(required=False)


class EntryAnswer(Answer):
    evidence = FileAnswer(many=True)

    class Meta:
        model = Entry
        fields = (
            *("id", "happened_at", "zone", "kind", "marker", "milestone", "is_starred", "text", "created_at"),
            "evidence",
        )


class TimelineAnswer(serializers.Serializer):
    user = Person()
    filed_at = Moment(allow_null=True)
    excused_at = Moment(allow_null=True)
    excused_by = Person(allow_null=True)
    excuse_reason = serializers.CharField(allow_blank=True)
    entries = EntryAnswer(many=True)


class LineText(Strict):
    """One event as people type it: “14:03 restarted order-api”, “+5m pool at 247”, “昨天 23:10 收到告警”."""

    line = serializers.CharField(max_length=MAX_TEXT, trim_whitespace=False)
    kind = serializers.ChoiceField(Entry.Kind.choices, required=False)
    marker = serializers.ChoiceField(Entry.Marker.choices, required=False, allow_blank=True)
    milestone = serializers.ChoiceField(Entry.Milestone.choices, required=False, allow_blank=True)
    is_starred = serializers.BooleanField(required=False)


class PastedText(Strict):
    """A shell history, a log or a list of notes."""

    text = serializers.CharField(max_length=MAX_TEXT * 8, trim_whitespace=False)
    zone = serializers.CharField(
        max_length=64,
        validators=[validate_time_zone],
        required=False,
        help_text="IANA zone of times that name none; yours unless given.",
    )


class PieceAnswer(serializers.Serializer):
    """One event of a pasted text; `problem` says why it has no certain moment."""

    line = serializers.IntegerField()
    happened_at = Moment(source="at", allow_null=True)
    zone = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField()
    problem = serializers.CharField()


class Pieces(serializers.Serializer):
    entries = PieceAnswer(many=True)


class ManyEntries(Strict):
    entries = EntryText(many=True, max_length=200, allow_empty=False)


class EntriesAnswer(serializers.Serializer):
    entries = EntryAnswer(many=True)


def visible_incident(view: Resource, public_id: str) -> Incident:
    """The incident, if the caller may see it; else 404."""
    found: Incident = one(access.incidents(view.request.user), public_id=public_id)
    return found


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
        "entries": list(timeline.entries.prefetch_related("evidence")) if timeline.pk else [],
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


def _add_line(participant: Participant, *, line: str, by: User, now: datetime, **values: Any) -> Entry:
    with named_as(happened_at="line", text="line"):
        read = timelines.read_line(line, participant=participant, zone=ZoneInfo(by.time_zone), now=now)
        values |= {"text": read.text, "happened_at": read.at, "zone": read.zone or by.time_zone}
        return _add(participant, by=by, now=now, **values)


def _add_many(participant: Participant, *, entries: list[dict[str, Any]], by: User, now: datetime) -> Any:
    sound = [{"zone": by.time_zone, "kind": Entry.Kind.NOTE} | dict(one) for one in entries]
    with trail.act("timelines.add_many", by=by):
        return timelines.add_many(timelines.open_for(participant), entries=sound, by=by, now=now)


def _split(participant: Participant, *, text: str, by: User, now: datetime, zone: str = "") -> Any:
    """What a pasted text would become; nothing is stored."""
    values.text(text, field="text")
    pieces = pasting.split(
        text, zone=ZoneInfo(zone or by.time_zone), now=now, reference=participant.incident.started_at
    )
    return {
        "entries": [
            replace(piece, text=secrets.mask(piece.text)[0], zone=piece.zone or zone or by.time_zone)
            for piece in pieces
            if piece.text.strip()
        ]
    }


class Timelines(Resource):
    """The timeline of the caller, named by the incident."""

    def find(self, **url: Any) -> Participant:
        invited = visible_incident(self, url["incident"]).participants.select_related("user")
        participant: Participant = one(invited, user=self.request.user)
        return participant

    def again(self, record: Participant) -> dict[str, Any]:
        return _own(record)

    retrieve = detail("Your own timeline of an incident that you took part in.", gives=TimelineAnswer)
    file = act(
        "File your timeline: the others see it, and it can no longer be edited.", _file, gives=TimelineAnswer
    )


class TimelineEntries(Resource):
    """Entries of the caller's own timeline."""

    tag = "timelines"

    def find(self, **url: Any) -> Any:
        people = visible_incident(self, url["incident"]).participants.select_related("incident")
        participant = one(people, user=self.request.user)
        if "entry" not in url:
            return participant
        return one(
            Entry.objects.select_related("timeline").filter(timeline__participant=participant),
            pk=url["entry"],
        )

    create = creation("Write an entry into your timeline.", _add, takes=EntryText, gives=EntryAnswer, of=True)
    line = creation(
        "Write an entry as one line that begins with its moment.",
        _add_line,
        takes=LineText,
        gives=EntryAnswer,
        of=True,
    )
    edit = act(
        "Edit an entry of your timeline.", timelines.edit, takes=EntryText, gives=EntryAnswer, partial=True
    )
    remove = removal("Remove an entry of your timeline.", timelines.remove)


class TimelinePastes(Resource):
    """What is pasted becomes entries: split first, which stores nothing, then stored at once."""

    tag = "timelines"

    def find(self, **url: Any) -> Participant:
        people = visible_incident(self, url["incident"]).participants.select_related("incident")
        participant: Participant = one(people, user=self.request.user)
        return participant

    def again(self, record: Any) -> Any:
        return {"entries": record} if isinstance(record, list) else record

    store = creation(
        "Write several entries at once, all or none.",
        _add_many,
        takes=ManyEntries,
        gives=EntriesAnswer,
        of=True,
    )

    @extend_schema(
        description="Split a history, a log or notes into entries; nothing is stored, secrets are masked.",
        request=PastedText,
        responses=Pieces,
    )
    def split(self, request: Request, **url: Any) -> Response:
        refuse_query(request)
        participant = self.find(**url)
        body = checked(PastedText, request.data)
        return self.answer(Pieces, _split(participant, by=request.user, now=timezone.now(), **body))
