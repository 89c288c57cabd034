"""The merged timeline of an incident or a review: what was filed and one's own, as JSON, CSV and Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User, zone_of
from api.resource import Resource, one, read_query
from api.shapes import Moment, Person, Strict, person_id
from api.timelines import EntryAnswer, visible_incident
from postmortem import access, merged, merged_export, spreadsheets
from postmortem.models import Entry, Incident


class MergedEntry(EntryAnswer):
    incident = serializers.CharField(source="timeline.participant.incident.public_id")
    author = Person(source="timeline.participant.user")
    is_filed = serializers.SerializerMethodField()

    class Meta:
        model = Entry
        fields = (*EntryAnswer.Meta.fields, "incident", "author", "is_filed")

    def get_is_filed(self, entry: Entry) -> bool:
        return entry.timeline.filed_at is not None


class MergedQuery(Strict):
    """What of the merged timeline is wanted; what is not given narrows nothing."""

    person = person_id("Their id.")
    kind = serializers.ChoiceField(Entry.Kind.choices, required=False)
    marker = serializers.ChoiceField(Entry.Marker.choices[1:], required=False)
    starred = serializers.BooleanField(required=False)


class QuietAnswer(serializers.Serializer):
    """A time in which nothing of what was asked for happened."""

    start = Moment()
    end = Moment()
    seconds = serializers.FloatField()


class ClaimAnswer(serializers.Serializer):
    entry = serializers.IntegerField(source="entry.pk")
    author = Person(source="entry.timeline.participant.user")
    at = Moment(source="entry.happened_at")
    difference_seconds = serializers.SerializerMethodField()

    def get_difference_seconds(self, claim: merged.Claim) -> float | None:
        return claim.difference.total_seconds() if claim.difference is not None else None


class DisagreementAnswer(serializers.Serializer):
    """A milestone for which people, or a person and the record, give different moments."""

    incident = serializers.CharField(source="incident.public_id")
    milestone = serializers.CharField()
    recorded_at = Moment(allow_null=True)
    claims = ClaimAnswer(many=True)


class MergedTimeline(serializers.Serializer):
    """All entries of filed timelines, and one's own, in time order."""

    entries = MergedEntry(many=True)
    gaps = QuietAnswer(many=True)
    disagreements = DisagreementAnswer(many=True)


class ExportQuery(MergedQuery):
    zone = serializers.ChoiceField(
        ["mine", "utc", "written"],
        default="mine",
        help_text="In which zone times are written: yours, UTC, or each in the one it was entered in.",
    )


@dataclass(frozen=True)
class Told:
    """Whose timeline it is: one incident's, or that of all incidents of a review."""

    public_id: str
    title: str
    incidents: list[Incident]


class MergedTimelines(Resource):
    """The merged timeline of an incident."""

    tag = "timelines"

    def find(self, **url: Any) -> Told:
        incident = visible_incident(self, url["incident"])
        return Told(incident.public_id, incident.title, [incident])

    @extend_schema(
        description="The merged timeline: all that was filed, and your own.",
        parameters=[MergedQuery],
        responses=MergedTimeline,
    )
    def retrieve(self, request: Request, **url: Any) -> Response:
        query = read_query(MergedQuery, request)
        told = self.find(**url)
        entries, events = _read(told, request.user, query)
        gaps = [
            {"start": event.at - event.gap, "end": event.at, "seconds": event.gap.total_seconds()}
            for event in events
            if event.gap is not None
        ]
        differ = merged.disagreements(told.incidents, viewer=request.user)
        return self.answer(MergedTimeline, {"entries": entries, "gaps": gaps, "disagreements": differ})

    @extend_schema(
        description="The merged timeline as CSV; no cell is a formula to a spreadsheet.",
        parameters=[ExportQuery],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def table(self, request: Request, **url: Any) -> HttpResponse:
        query = read_query(ExportQuery, request)
        rows = (merged_export.row(one) for one in _shown(self.find(**url), request.user, query))
        text = "".join(spreadsheets.lines(merged_export.COLUMNS, rows))
        return HttpResponse(text, content_type="text/csv; charset=utf-8")

    @extend_schema(
        description="The merged timeline as a Markdown document.",
        parameters=[ExportQuery],
        responses={(200, "text/markdown"): OpenApiTypes.STR},
    )
    def document(self, request: Request, **url: Any) -> HttpResponse:
        query = read_query(ExportQuery, request)
        told = self.find(**url)
        text = merged_export.markdown(
            merged_export.title(told.public_id, told.title),
            told.incidents,
            _shown(told, request.user, query),
            merged.disagreements(told.incidents, viewer=request.user),
        )
        return HttpResponse(text, content_type="text/markdown; charset=utf-8")


class ReviewMergedTimelines(MergedTimelines):
    """The merged timeline of all incidents of a review."""

    def find(self, **url: Any) -> Told:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        return Told(review.public_id, review.title, list(review.incidents.order_by("started_at", "id")))


def _read(told: Told, viewer: User, query: dict[str, Any]) -> tuple[list[Entry], list[merged.Event]]:
    wanted = merged.Wanted(
        person=query.get("person"),
        kind=query.get("kind", ""),
        marker=query.get("marker", ""),
        is_starred=query.get("starred", False),
    )
    entries = list(merged.of(told.incidents, viewer=viewer, wanted=wanted))
    return entries, merged.events(told.incidents, entries)


def _shown(told: Told, viewer: User, query: dict[str, Any]) -> list[merged_export.Shown]:
    zone = {"mine": merged_export.MINE, "utc": merged_export.UTC_ZONE}.get(
        query["zone"], merged_export.WRITTEN
    )
    _entries, events = _read(told, viewer, query)
    return list(merged_export.shown(events, zone=zone, reader_zone=zone_of(viewer.time_zone)))
