"""Services, by the names that CI uses, and the severities."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.resource import Resource, detail, listing
from api.shapes import Answer
from postmortem import access
from postmortem.models import Service, Severity


class ServiceAnswer(Answer):
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = Service
        fields = ("slug", "name", "team", "tier", "repositories", "created_at")


class SeverityAnswer(Answer):
    class Meta:
        model = Severity
        fields = ("code", "name", "rank", "requires_postmortem", "review_hours", "counts_in_figures")


class Services(Resource):
    ordering = ("slug",)
    key = "slug"

    def visible(self) -> QuerySet[Service]:
        return access.services(self.request.user)

    def whole(self, rows: QuerySet[Service]) -> QuerySet[Service]:
        return rows.select_related("team")

    list = listing("The services.", gives=ServiceAnswer)
    retrieve = detail("One service.", gives=ServiceAnswer)


class Severities(Resource):
    ordering = ("rank",)

    def visible(self) -> QuerySet[Any]:
        return Severity.objects.all()

    list = listing("The severities and what each asks for, the worst first.", gives=SeverityAnswer)
