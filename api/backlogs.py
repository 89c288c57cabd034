"""The quarterly backlog of technical debt."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.item_shapes import ItemSummary
from api.resource import Resource, read_query
from api.shapes import Strict, team_name
from remediation import backlog, items
from remediation.models import RemediationItem


class BacklogQuery(Strict):
    team = team_name("A team's slug.")


class BacklogRow(serializers.Serializer):
    item = ItemSummary()
    is_carried = serializers.BooleanField(help_text="Due before the quarter and not verified when it began.")
    is_done = serializers.BooleanField(help_text="Verified by check runs before the quarter ended.")


class BacklogTeam(serializers.Serializer):
    team = serializers.CharField(source="slug")
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    items = BacklogRow(source="rows", many=True)


class BacklogAnswer(serializers.Serializer):
    quarter = serializers.CharField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    declined = serializers.IntegerField(help_text="Items that would be in it and were declined.")
    teams = BacklogTeam(many=True)


class Backlogs(Resource):
    """By quarter."""

    def visible(self) -> QuerySet[RemediationItem]:
        return items.visible_to(self.request.user).select_related("review")

    @extend_schema(
        description="The backlog of technical debt of a quarter such as 2026-Q4, by team: what is due in it, "
        "and what was due before and not verified when it began.",
        parameters=[BacklogQuery],
        responses=BacklogAnswer,
    )
    def retrieve(self, request: Request, quarter: str) -> Response:
        asked: dict[str, Any] = read_query(BacklogQuery, request)
        wanted = backlog.read_quarter(quarter, zone=timezone.get_default_timezone())
        found = backlog.of(self.visible(), quarter=wanted, **asked)
        return Response(BacklogAnswer(found, context=self.get_serializer_context()).data)
