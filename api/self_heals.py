"""Self-heal runs: playbooks report them; the time to recover is split into human and self-healed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.deploys import Period
from api.resource import Resource, creation, listing, read_query
from api.shapes import Answer, Moment, Page, Person, Strict, VisibleIncident, service_field
from governance import recoveries, selfheals
from governance.models import SelfHeal
from governance.recoveries import Recovery, Split


class SelfHealFacts(Strict):
    external_id = serializers.CharField(
        max_length=200, help_text="Your own name for the run. Again with other facts it is a correction."
    )
    service = service_field()
    trigger = serializers.CharField(max_length=200, help_text="The alert that set it off.")
    playbook = serializers.CharField(max_length=200)
    started_at = Moment()
    ended_at = Moment()
    outcome = serializers.ChoiceField(SelfHeal.Outcome.choices)
    incident = VisibleIncident(required=False, allow_null=True, help_text="The public id of its incident.")
    fingerprint = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="Of the alert, as Alertmanager sends it: names the incident that it declared.",
    )
    url = serializers.CharField(max_length=500, allow_blank=True, required=False, help_text="http or https.")


class SelfHealAnswer(Answer):
    service = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    incident = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)
    reported_by = Person()

    class Meta:
        model = SelfHeal
        fields = (
            "external_id", "revision", "service", "trigger", "playbook", "started_at", "ended_at", "outcome",
            "incident", "url", "reported_by", "reported_at",
        )  # fmt: skip


class SelfHealQuery(Page):
    service = service_field(required=False)
    outcome = serializers.ChoiceField(SelfHeal.Outcome.choices, required=False)


class SplitAnswer(serializers.Serializer):
    n = serializers.IntegerField()
    mean_seconds = serializers.FloatField(allow_null=True)
    median_seconds = serializers.FloatField(allow_null=True)
    p90_seconds = serializers.FloatField(allow_null=True)


class RecoveryRow(serializers.Serializer):
    name = serializers.CharField(help_text="The incident's public id, or the run's external id.")
    service = serializers.CharField()
    started_at = Moment()
    ended_at = Moment()
    seconds = serializers.SerializerMethodField()
    is_self_healed = serializers.BooleanField()
    playbook = serializers.CharField(allow_blank=True)

    def get_seconds(self, row: Recovery) -> float:
        return row.took.total_seconds()


class RecoveriesAnswer(serializers.Serializer):
    formula = serializers.CharField()
    exclusions = serializers.CharField()
    human = SplitAnswer()
    self_healed = SplitAnswer()
    self_healed_percent = serializers.CharField(
        allow_null=True, help_text='For example "76.0"; null for nothing recovered.'
    )
    rows = RecoveryRow(many=True)


def _found(view: Resource, **asked: Any) -> QuerySet[SelfHeal]:
    return view.visible().filter(**asked)


class SelfHeals(Resource):
    ordering = ("-started_at", "-id")
    key = "pk"

    def visible(self) -> QuerySet[SelfHeal]:
        return selfheals.visible_to(self.request.user)

    def whole(self, rows: QuerySet[SelfHeal]) -> QuerySet[SelfHeal]:
        return rows.select_related("service", "incident", "reported_by")

    list = listing(
        "Self-heal runs as they were last reported, newest first; without those for incidents that you may "
        "not see.",
        gives=SelfHealAnswer,
        takes=SelfHealQuery,
        rows=_found,
    )
    report = creation(
        "Report a run of a playbook; the same report again changes nothing, another one under its id is a "
        "correction.",
        selfheals.report,
        takes=SelfHealFacts,
        gives=SelfHealAnswer,
        is_new=lambda run, now: run.reported_at == now,
    )

    @extend_schema(
        description="The time to recover in a period, split into human and self-healed, with its rows.",
        parameters=[Period],
        responses=RecoveriesAnswer,
    )
    def recovery(self, request: Request) -> Response:
        rows = selfheals.recovered(**read_query(Period, request), viewer=request.user)
        figure = recoveries.recoveries(rows)
        shown = {
            "formula": recoveries.FORMULA,
            "exclusions": "drills, dismissed incidents, severities that do not count in figures, incidents "
            "that you may not see",
            "human": _seconds(figure.human),
            "self_healed": _seconds(figure.self_healed),
            "self_healed_percent": figure.self_healed_percent,
            "rows": rows,
        }
        return Response(RecoveriesAnswer(shown, context=self.get_serializer_context()).data)


def _seconds(split: Split) -> dict[str, Any]:
    def of(duration: timedelta | None) -> float | None:
        return None if duration is None else duration.total_seconds()

    return {
        "n": split.n,
        "mean_seconds": of(split.mean),
        "median_seconds": of(split.median),
        "p90_seconds": of(split.p90),
    }
