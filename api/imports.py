"""Imported documents: read one into a draft, look at it, accept it as an incident with its review."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.incidents import TouchedService
from api.resource import Resource, act, creation, detail, listing, removal
from api.shapes import MOST_NAMES, Answer, Count, Moment, Person, Strict, severity_field
from postmortem import access, imports
from postmortem.models import MAX_SOURCE, ImportedDocument


class DocumentSource(Strict):
    source = serializers.CharField(
        max_length=MAX_SOURCE, trim_whitespace=False, help_text="Markdown, at most 512 KB in UTF-8."
    )
    file_name = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="May hold a date that helps."
    )


class SettledEntry(Strict):
    number = Count(help_text="Which entry of the draft, from 0.")
    at = Moment()


class Acceptance(Strict):
    """The facts as a person has confirmed them."""

    title = serializers.CharField(max_length=200)
    severity = severity_field()
    services = TouchedService(
        many=True, min_length=1, max_length=MOST_NAMES, help_text="One of them is the origin."
    )
    started_at = Moment(help_text="When the impact started.")
    detected_at = Moment(allow_null=True, required=False)
    resolved_at = Moment(allow_null=True, required=False)
    zone = serializers.CharField(
        max_length=64, help_text="The IANA zone of the times whose zone the document does not state."
    )
    is_restricted = serializers.BooleanField(required=False)
    settled = SettledEntry(
        many=True, required=False, max_length=1000, help_text="Moments of entries that the draft leaves open."
    )

    def validate_services(self, touched: list[dict[str, Any]]) -> list[tuple[Any, str]]:
        return [(one["service"], one["part"]) for one in touched]

    def validate_settled(self, settled: list[dict[str, Any]]) -> dict[int, datetime]:
        return {one["number"]: one["at"] for one in settled}


class ImportSummary(Answer):
    id = serializers.CharField(source="public_id")
    imported_by = Person()
    incident = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)
    review = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)

    class Meta:
        model = ImportedDocument
        fields = (
            "id", "file_name", "imported_by", "imported_at", "accepted_at", "incident", "review",
        )  # fmt: skip


class ImportDetail(ImportSummary):
    draft = serializers.DictField(
        help_text="What was understood: facts with their places in the source and their doubts."
    )

    class Meta:
        model = ImportedDocument
        fields = (*ImportSummary.Meta.fields, "masked_count", "draft", "source")


class Imports(Resource):
    def visible(self) -> QuerySet[ImportedDocument]:
        return access.imports(self.request.user)

    def whole(self, rows: QuerySet[ImportedDocument]) -> QuerySet[ImportedDocument]:
        return rows.select_related("imported_by", "incident", "review")

    list = listing("The documents that you imported.", gives=ImportSummary)
    retrieve = detail("A document that you imported, and what was understood of it.", gives=ImportDetail)
    create = creation(
        "Read a document into a draft. Nothing else is written yet; the draft is yours alone.",
        imports.add,
        takes=DocumentSource,
        gives=ImportDetail,
    )
    accept = act(
        "Make of a draft an incident, its review, and your own timeline, which you then file.",
        imports.accept,
        takes=Acceptance,
        gives=ImportSummary,
    )
    remove = removal("Throw away a draft that became nothing.", imports.discard)
