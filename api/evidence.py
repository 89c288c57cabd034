"""Evidence files: attach one to an entry, an incident or a step, read about it, fetch it, take it off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from accounts.models import User
from api.resource import Resource, creation, detail, listing, one, refuse_query, removal
from api.shapes import Answer, Person, Strict
from postmortem import access, evidence, filetypes, vault
from postmortem.models import Entry, EvidenceFile


class Upload(Strict):
    """A form of several parts with one file; what it is, is told by its bytes."""

    file = serializers.FileField(allow_empty_file=True, max_length=1000)


class MaskedAnswer(serializers.Serializer):
    line = serializers.IntegerField()
    kind = serializers.CharField()


class EvidenceAnswer(Answer):
    incident = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)
    uploaded_by = Person()

    class Meta:
        model = EvidenceFile
        fields = (
            *("id", "entry", "incident", "step", "label", "media_type", "size_bytes", "sha256"),
            *("width", "height", "excerpt", "masked_count", "uploaded_by", "uploaded_at"),
        )


class FileAnswer(Answer):
    """A file, in the answer about what it belongs to."""

    class Meta:
        model = EvidenceFile
        fields = ("id", "label", "media_type", "size_bytes", "sha256", "width", "height", "masked_count")


class AttachedAnswer(EvidenceAnswer):
    """What was kept, and what was masked in it: the line and the kind, never the secret."""

    masked = serializers.SerializerMethodField()

    class Meta(EvidenceAnswer.Meta):
        fields = (*EvidenceAnswer.Meta.fields, "masked")

    @extend_schema_field(MaskedAnswer(many=True))
    def get_masked(self, file: EvidenceFile) -> list[dict[str, Any]]:
        return [{"line": one.line, "kind": one.kind} for one in getattr(file, "masked", ())]


def _attach(target: evidence.Target, *, file: UploadedFile, by: User, now: datetime) -> EvidenceFile:
    return evidence.attach(target, data=file.read(), name=file.name or "", by=by, now=now)


class _Attaching(Resource):
    """What takes files."""

    takes_files = True
    tag = "evidence"
    parser_classes = (MultiPartParser,)

    def visible(self) -> QuerySet[EvidenceFile]:
        return access.evidence(self.request.user)

    def whole(self, rows: QuerySet[EvidenceFile]) -> QuerySet[EvidenceFile]:
        return rows.select_related("uploaded_by", "incident")

    def again(self, record: EvidenceFile) -> EvidenceFile:
        return record

    attach = creation("Attach a file as evidence.", _attach, takes=Upload, gives=AttachedAnswer, of=True)


class IncidentEvidence(_Attaching):
    """Files of an incident, and of the entries of its timelines that the caller may read."""

    def find(self, **url: Any) -> Any:
        return one(access.incidents(self.request.user), public_id=url["incident"])

    def _rows(self, *, incident: str) -> QuerySet[EvidenceFile]:
        found = self.find(incident=incident)
        return self.visible().filter(Q(incident=found) | Q(entry__timeline__participant__incident=found))

    list = listing("The files around an incident.", gives=EvidenceAnswer, rows=_rows)


class EntryEvidence(_Attaching):
    """Files of an entry of the caller's own timeline."""

    def find(self, **url: Any) -> Entry:
        rows = Entry.objects.filter(
            access.entry_q(self.request.user),
            timeline__participant__user=self.request.user,
            timeline__participant__incident__public_id=url["incident"],
        )
        entry: Entry = one(rows.select_related("timeline__participant"), pk=url["entry"])
        return entry


class StepEvidence(_Attaching):
    """Files of a step of a review."""

    def find(self, **url: Any) -> Any:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        return one(review.steps.select_related("review"), kind=url["step"])


class Evidence(Resource):
    """Files by their number."""

    key = "pk"

    def visible(self) -> QuerySet[EvidenceFile]:
        return access.evidence(self.request.user)

    def whole(self, rows: QuerySet[EvidenceFile]) -> QuerySet[EvidenceFile]:
        return rows.select_related("uploaded_by", "incident")

    retrieve = detail("What is known about a file.", gives=EvidenceAnswer)
    remove = removal("Take a file off, as long as nothing stands on it.", evidence.remove)

    @extend_schema(
        description="The bytes of a file, to be saved under the name that comes with them.",
        responses={(200, kind): OpenApiTypes.BINARY for kind in filetypes.all_served()},
    )
    def content(self, request: Request, **url: Any) -> FileResponse:
        refuse_query(request)
        file = self.find(**url)
        try:
            data = vault.open_file(file.stored_as)
        except FileNotFoundError:
            raise Http404 from None
        response = FileResponse(data, content_type=filetypes.served(file.media_type)[0])
        name = filetypes.save_name(file.label, file.media_type)
        response["Content-Disposition"] = content_disposition_header(True, name)
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return response
