"""Data sources: members read their names, administrators change them."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from api.resource import Resource, act, creation, detail, listing
from api.shapes import Answer, Strict
from remediation import sources
from remediation.models import DataSource


class SourceFacts(Strict):
    name = serializers.CharField(max_length=80)
    base_url = serializers.CharField(
        max_length=500, help_text="What stands before /api/v1, without user and password."
    )


class SourceAnswer(Answer):
    base_url = serializers.SerializerMethodField()

    class Meta:
        model = DataSource
        fields = ("id", "name", "base_url", "created_at")

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_base_url(self, source: DataSource) -> str | None:
        """Shown to administrators, null for others."""
        reader: User = self.context["request"].user
        return source.base_url if reader.is_at_least(User.Role.ADMINISTRATOR) else None


class DataSources(Resource):
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[DataSource]:
        return DataSource.objects.all()

    list = listing("The Prometheus servers that checks may ask.", gives=SourceAnswer)
    retrieve = detail("One data source.", gives=SourceAnswer)
    create = creation(
        "Name a Prometheus server; administrators only.", sources.add, takes=SourceFacts, gives=SourceAnswer
    )
    edit = act(
        "Change a data source; administrators only.",
        sources.edit,
        takes=SourceFacts,
        gives=SourceAnswer,
        partial=True,
    )
