"""Secrets of commands: set and forgotten by name; what they hold is answered to nobody."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.resource import Resource, checked, listing, refuse_query, removal
from api.shapes import Answer, Strict, team_field
from remediation import probe_secrets
from remediation.models import ProbeSecret


class NewProbeSecret(Strict):
    team = team_field()
    name = serializers.SlugField(max_length=60, help_text="Checks refer to it as secret://name.")
    value = serializers.CharField(
        max_length=probe_secrets.LENGTHS[1],
        write_only=True,
        trim_whitespace=False,
        help_text="At least 8 characters: kept encrypted, never answered.",
    )
    description = serializers.CharField(max_length=200, allow_blank=True, required=False)


class ProbeSecretAnswer(Answer):
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    set_by = serializers.EmailField(source="set_by.email")

    class Meta:
        model = ProbeSecret
        fields = ("id", "team", "name", "description", "set_by", "set_at")


class ProbeSecrets(Resource):
    ordering = ("id",)
    key = "pk"
    tag = "checks"

    def visible(self) -> QuerySet[ProbeSecret]:
        return probe_secrets.visible_to(self.request.user)

    list = listing("The secrets of commands that you look after, by name alone.", gives=ProbeSecretAnswer)
    remove = removal("Forget a secret that no check refers to.", probe_secrets.remove)

    @extend_schema(
        description="Set a secret of a team, or its new value; administrators and the team's manager.",
        request=NewProbeSecret,
        responses=ProbeSecretAnswer,
    )
    def store(self, request: Request) -> Response:
        refuse_query(request)
        said = checked(NewProbeSecret, request.data)
        row = probe_secrets.put(**said, by=request.user, now=timezone.now())
        return Response(ProbeSecretAnswer(row).data)
