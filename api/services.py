"""Services, by the names that CI uses, and the severities."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.resource import Resource, act, detail, listing
from api.shapes import Answer, Count, Strict
from postmortem import access, severities
from postmortem.models import Service, Severity


class ServiceAnswer(Answer):
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = Service
        fields = ("slug", "name", "team", "tier", "repositories", "created_at")


class SeverityAnswer(Answer):
    class Meta:
        model = Severity
        fields = (
            "code", "name", "rank", "requires_postmortem", "review_hours", "counts_in_figures",
            "facilitator_apart", "approvals_needed", "approver_role", "declares_regressions",
        )  # fmt: skip


class SeverityFacts(Strict):
    """What is promised for a severity."""

    name = serializers.CharField(max_length=80)
    requires_postmortem = serializers.BooleanField()
    review_hours = Count(min_value=1, help_text="From the start of the impact to the archived review.")
    counts_in_figures = serializers.BooleanField()
    facilitator_apart = serializers.BooleanField(help_text="The facilitator must not be the owner.")
    approvals_needed = Count(max_value=5)
    approver_role = serializers.ChoiceField([(role.value, role.label) for role in severities.APPROVERS])
    declares_regressions = serializers.BooleanField(
        help_text="Whether an item that regresses declares an incident."
    )


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
    key = "code"

    def visible(self) -> QuerySet[Any]:
        return Severity.objects.all()

    list = listing("The severities and what each asks for, the worst first.", gives=SeverityAnswer)
    edit = act(
        "Change what is promised for a severity; governors only.",
        severities.edit,
        takes=SeverityFacts,
        gives=SeverityAnswer,
        partial=True,
    )
