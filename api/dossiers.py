"""A review as one document, to keep or to move: JSON, or Markdown that can be imported again."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from api.resource import Resource, detail, refuse_query
from postmortem import access
from postmortem.importing import exporting
from postmortem.models import Review
from remediation import dossier


class Dossier(serializers.Serializer):
    """A postmortem with everything it stands on."""

    format = serializers.IntegerField(help_text="Raised when the shape changes.")
    id = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(["preparing", "in_review", "archived"])
    owner = serializers.CharField()
    facilitator = serializers.CharField()
    created_at = serializers.CharField()
    opened_at = serializers.CharField(allow_null=True)
    archived_at = serializers.CharField(allow_null=True)
    content_hash = serializers.CharField()
    incidents = serializers.ListField(child=serializers.DictField())
    timeline = serializers.ListField(child=serializers.DictField())
    teams_present = serializers.ListField(child=serializers.CharField())
    approvals = serializers.ListField(child=serializers.DictField())
    steps = serializers.ListField(child=serializers.DictField())
    measurements = serializers.ListField(child=serializers.DictField())
    changes = serializers.ListField(child=serializers.DictField())
    change_searches = serializers.ListField(child=serializers.DictField())
    causes = serializers.ListField(child=serializers.DictField())
    lessons = serializers.DictField()
    lessons_without_item = serializers.ListField(child=serializers.DictField())
    notes = serializers.CharField()
    checklist = serializers.ListField(child=serializers.DictField())
    items = serializers.ListField(child=serializers.DictField())
    addenda = serializers.ListField(child=serializers.DictField())


def _dossier(view: Resource, **url: Any) -> dict[str, Any]:
    return dossier.of(view.find(**url), viewer=view.request.user)


class Dossiers(Resource):
    def visible(self) -> QuerySet[Review]:
        return access.reviews(self.request.user)

    export = detail(
        "All of a review as one JSON document, to keep or to move; of timelines only what was filed.",
        gives=Dossier,
        of=_dossier,
    )

    @extend_schema(
        description="The same as Markdown, which can be imported again.",
        responses={(200, "text/markdown"): OpenApiTypes.STR},
    )
    def markdown(self, request: Request, **url: Any) -> HttpResponse:
        refuse_query(request)
        text = exporting.write(_dossier(self, **url))
        return HttpResponse(text, content_type="text/markdown; charset=utf-8")
