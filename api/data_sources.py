"""Data sources: members read their names, administrators change and try them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.resource import Resource, act, checked, creation, detail, listing, refuse_query, removal
from api.shapes import Answer, Empty, Strict
from remediation import sources, verification
from remediation.models import (
    MAX_AT_ONCE,
    MAX_CERTIFICATES,
    MAX_CREDENTIAL,
    CheckStanding,
    DataSource,
    VerificationCheck,
)


class SourceFacts(Strict):
    name = serializers.CharField(max_length=80)
    base_url = serializers.CharField(
        max_length=500, help_text="What stands before /api/v1, without user and password."
    )
    is_enabled = serializers.BooleanField(required=False)
    auth = serializers.ChoiceField(DataSource.Auth.choices, required=False)
    username = serializers.CharField(max_length=200, allow_blank=True, required=False)
    credential = serializers.CharField(
        max_length=MAX_CREDENTIAL,
        allow_blank=True,
        required=False,
        write_only=True,
        trim_whitespace=False,
        help_text="The token or password: kept encrypted, never answered, forgotten when the host changes.",
    )
    is_tls_verified = serializers.BooleanField(required=False)
    ca_certificates = serializers.CharField(
        max_length=MAX_CERTIFICATES, allow_blank=True, required=False, help_text="Certificates to trust, PEM."
    )
    networks = serializers.ListField(
        child=serializers.CharField(max_length=50),
        max_length=sources.MAX_NETWORKS,
        required=False,
        help_text="Where the address may lead, such as 10.0.0.0/8; empty: anywhere not forbidden to all.",
    )
    queries_at_once = serializers.IntegerField(
        min_value=1,
        max_value=MAX_AT_ONCE,
        required=False,
        help_text="How many queries may be on their way to it, over all workers.",
    )


class SourceAnswer(Answer):
    """Everything but the name is shown to administrators alone, the credential to nobody."""

    base_url = serializers.SerializerMethodField()
    has_credential = serializers.SerializerMethodField()
    is_answering = serializers.SerializerMethodField()
    silent_since = serializers.SerializerMethodField()
    silent_reason = serializers.SerializerMethodField()
    next_trial_at = serializers.SerializerMethodField()

    class Meta:
        model = DataSource
        fields = (
            "id", "name", "is_enabled", "base_url", "auth", "username", "has_credential", "is_tls_verified",
            "ca_certificates", "networks", "queries_at_once", "is_answering", "silent_since", "silent_reason",
            "next_trial_at", "created_at",
        )  # fmt: skip

    @property
    def _is_shown(self) -> bool:
        reader: User = self.context["request"].user
        return reader.is_at_least(User.Role.ADMINISTRATOR)

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_base_url(self, source: DataSource) -> str | None:
        """Shown to administrators, null for others."""
        return source.base_url if self._is_shown else None

    @extend_schema_field({"type": "boolean"})
    def get_has_credential(self, source: DataSource) -> bool:
        """Whether a credential is stored; false for who is no administrator."""
        return self._is_shown and bool(source.credential)

    @extend_schema_field({"type": "boolean", "nullable": True})
    def get_is_answering(self, source: DataSource) -> bool | None:
        """False while its checks end as errors at once, because it did not answer several times in a row.

        Null while no check has asked it.
        """
        if source.open_circuit is not None:
            return False
        return True if source.was_asked else None

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_silent_since(self, source: DataSource) -> datetime | None:
        """Since when it does not answer; null while it does."""
        return source.open_circuit.opened_at if source.open_circuit else None

    @extend_schema_field({"type": "string"})
    def get_silent_reason(self, source: DataSource) -> str:
        """What the last query met; for administrators."""
        return source.open_circuit.error if source.open_circuit and self._is_shown else ""

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_next_trial_at(self, source: DataSource) -> datetime | None:
        """When one query tries it again; null while it answers."""
        return source.open_circuit.trial_at if source.open_circuit else None

    def to_representation(self, source: DataSource) -> dict[str, Any]:
        said = super().to_representation(source)
        if not self._is_shown:
            said |= {"username": "", "ca_certificates": "", "networks": [], "auth": "none"}
        return said


class SourceTest(serializers.Serializer):
    """Whether the source answers as a Prometheus does; nothing of what it said."""

    outcome = serializers.ChoiceField(VerificationCheck.Outcome.choices)
    error_code = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)


def _edit(source: DataSource, *, by: User, now: datetime, **facts: Any) -> DataSource:
    return sources.edit(source, by=by, now=now, **facts)


class DataSources(Resource):
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[DataSource]:
        return DataSource.objects.all()

    def whole(self, rows: QuerySet[DataSource]) -> QuerySet[DataSource]:
        asked = CheckStanding.objects.filter(data_source=OuterRef("pk"), last_run_at__isnull=False)
        return rows.select_related("health").annotate(was_asked=Exists(asked))

    list = listing("The Prometheus servers that checks may ask.", gives=SourceAnswer)
    retrieve = detail("One data source.", gives=SourceAnswer)
    create = creation(
        "Name a Prometheus server; administrators only.", sources.add, takes=SourceFacts, gives=SourceAnswer
    )
    edit = act(
        "Change a data source; administrators only.",
        _edit,
        takes=SourceFacts,
        gives=SourceAnswer,
        partial=True,
    )
    remove = removal("Delete a data source that nothing refers to; administrators only.", sources.remove)

    @extend_schema(
        description="Ask a data source one harmless question; administrators only.",
        request=None,
        responses=SourceTest,
    )
    def test(self, request: Request, **url: Any) -> Response:
        refuse_query(request)
        checked(Empty, request.data)
        return Response(SourceTest(verification.test_source(self.find(**url), by=request.user)).data)
