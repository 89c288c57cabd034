"""Deploys with the verdict of their canary: programs report them; the failed ones are a figure."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.resource import Resource, checked, creation, listing, one, read_query, refuse_query
from api.shapes import Answer, Figure, Moment, Page, Person, Strict, service_field
from api.step_evidence import ChangeAnswer
from governance import canaries, deploys, nearby
from governance.models import Deploy
from postmortem import access
from postmortem.models import Change, Incident

MOST_ROWS = 20_000


class DeployFacts(Strict):
    external_id = serializers.CharField(
        max_length=200, help_text="Your own name for the deploy. Again with other facts it is a correction."
    )
    service = service_field()
    version = serializers.CharField(max_length=200)
    environment = serializers.ChoiceField(
        Incident.Environment.choices, required=False, help_text="Production unless given."
    )
    deployed_at = Moment()
    verdict = serializers.ChoiceField(Deploy.Verdict.choices, help_text="What the canary said.")
    success_percent = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=0, max_value=100, required=False, allow_null=True
    )
    latency_ms = Figure(min_value=0, required=False, allow_null=True)
    url = serializers.CharField(max_length=500, allow_blank=True, required=False, help_text="http or https.")


class DeployAnswer(Answer):
    service = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    url = serializers.CharField(allow_blank=True)
    reported_by = Person()

    class Meta:
        model = Deploy
        fields = (
            "external_id", "revision", "service", "version", "environment", "deployed_at", "verdict",
            "success_percent", "latency_ms", "url", "reported_by", "reported_at",
        )  # fmt: skip


class NearbyDeploy(DeployAnswer):
    seconds_before = serializers.SerializerMethodField()

    class Meta(DeployAnswer.Meta):
        fields = ("id", *DeployAnswer.Meta.fields, "seconds_before")

    @extend_schema_field({"type": "number"})
    def get_seconds_before(self, deploy: Deploy) -> float:
        """How long before the impact of the incident it went out."""
        incident: Incident = self.context["view"].incident
        return (incident.started_at - deploy.deployed_at).total_seconds()


class Adding(Strict):
    verdict = serializers.ChoiceField(Change.Verdict.choices, required=False, default="suspect")
    reason = serializers.CharField(
        max_length=4000, allow_blank=True, required=False, default="", help_text="Only a suspect needs none."
    )


class Period(Strict):
    """The query of a figure over a period, start <= t < end."""

    start = Moment()
    end = Moment()
    service = service_field(required=False)

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["end"] <= asked["start"]:
            raise ValidationError({"end": ["The period ends before it starts."]}, code="invalid")
        return asked


class DeployPeriod(Period):
    environment = serializers.ChoiceField(Incident.Environment.choices, required=False)


class DeployQuery(Page):
    start = Moment(required=False)
    end = Moment(required=False)
    service = service_field(required=False)
    environment = serializers.ChoiceField(Incident.Environment.choices, required=False)
    verdict = serializers.ChoiceField(Deploy.Verdict.choices, required=False)


class DeployFailureRate(serializers.Serializer):
    formula = serializers.CharField()
    n = serializers.IntegerField(help_text="All deploys of the period.")
    failed = serializers.IntegerField()
    without_canary = serializers.IntegerField(help_text="They count among all, and not as failed.")
    corrected = serializers.IntegerField(help_text="Whose report was corrected; the last one counts.")
    rate_percent = serializers.CharField(
        allow_null=True, help_text='For example "0.02"; null for no deploys.'
    )
    rows = DeployAnswer(many=True, help_text="The failed ones; the list of deploys has them all.")


def _found(view: Resource, **asked: Any) -> QuerySet[Deploy]:
    rows = view.visible()
    bounds = {"start": "deployed_at__gte", "end": "deployed_at__lt"}
    return rows.filter(**{bounds.get(name, name): value for name, value in asked.items()})


class Deploys(Resource):
    ordering = ("-deployed_at", "-id")
    key = "pk"

    def visible(self) -> QuerySet[Deploy]:
        return deploys.as_last_reported()

    def whole(self, rows: QuerySet[Deploy]) -> QuerySet[Deploy]:
        return rows.select_related("service", "reported_by")

    list = listing(
        "Deploys as they were last reported, newest first.",
        gives=DeployAnswer,
        takes=DeployQuery,
        rows=_found,
    )
    report = creation(
        "Report a deploy; the same report again changes nothing, another one under its id is a correction.",
        deploys.report,
        takes=DeployFacts,
        gives=DeployAnswer,
        is_new=lambda deploy, now: deploy.reported_at == now,
    )

    @extend_schema(
        description="Failed deploys of all deploys of a period, in %, with the failed ones.",
        parameters=[DeployPeriod],
        responses=DeployFailureRate,
    )
    def failure_rate(self, request: Request) -> Response:
        rows = deploys.of_period(**read_query(DeployPeriod, request))
        figure = canaries.failure_rate(deploys.deployed(rows))
        failed = self.whole(rows.filter(verdict=Deploy.Verdict.FAIL))[:MOST_ROWS]
        shown = {name: getattr(figure, name) for name in figure.__slots__} | {
            "formula": canaries.FORMULA,
            "rows": failed,
        }
        return Response(DeployFailureRate(shown, context=self.get_serializer_context()).data)


class IncidentDeploys(Resource):
    """The deploys that are offered as changes of an incident."""

    tag = "changes"
    ordering = ("-deployed_at", "-id")
    incident: Incident

    def visible(self) -> QuerySet[Deploy]:
        return nearby.of(self.incident)

    def whole(self, rows: QuerySet[Deploy]) -> QuerySet[Deploy]:
        return rows.select_related("service", "reported_by")

    def of_incident(self, *, incident: str) -> QuerySet[Deploy]:
        self.incident = one(access.incidents(self.request.user), public_id=incident)
        return self.visible()

    list = listing(
        "Deploys of an incident's services shortly before its impact began, newest first, that are not among "
        "its changes.",
        gives=NearbyDeploy,
        rows=of_incident,
    )

    @extend_schema(
        description="Make a deploy a change of the incident; added again it stays one.",
        request=Adding,
        responses={201: ChangeAnswer, 200: ChangeAnswer},
    )
    def add(self, request: Request, *, incident: str, deploy: int) -> Response:
        refuse_query(request)
        self.of_incident(incident=incident)
        found = one(deploys.as_last_reported().select_related("service"), pk=deploy)
        values = checked(Adding, request.data)
        now = timezone.now()
        change = nearby.add(self.incident, deploy=found, **values, by=request.user, now=now)
        rows = Change.objects.select_related("incident", "service", "judged_by", "added_by")
        return self.answer(ChangeAnswer, rows.get(pk=change.pk), 201 if change.added_at == now else 200)
