"""The SLA: policy rows in order, working calendars, and what an item would be promised."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.resource import Resource, act, checked, creation, detail, listing, refuse_query, removal
from api.shapes import Answer, ById, Count, Moment, Strict, service_field, severity_field, team_field
from remediation import policies
from remediation.models import MAX_DAYS, MAX_HOLIDAYS, RemediationItem, SlaPolicy, WorkingCalendar


class PolicyFacts(Strict):
    severity = severity_field(required=False, allow_null=True)
    category = serializers.ChoiceField(RemediationItem.Category.choices, required=False, allow_blank=True)
    kind = serializers.ChoiceField(RemediationItem.Kind.choices, required=False, allow_blank=True)
    service = service_field(required=False, allow_null=True)
    team = team_field(required=False, allow_null=True)
    days = Count(min_value=1, max_value=MAX_DAYS)
    calendar = ById(
        queryset=WorkingCalendar.objects.all(),
        required=False,
        allow_null=True,
        help_text="The id of a working calendar, whose working days these are; null for days of 24 hours.",
    )


class PolicyAnswer(Answer):
    severity = serializers.SlugRelatedField(slug_field="code", read_only=True, allow_null=True)
    service = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    name = serializers.CharField(source="__str__", help_text="What an item keeps of it, such as sla-3v2.")

    class Meta:
        model = SlaPolicy
        fields = (
            "id", "name", "position", "severity", "category", "kind", "service", "team", "days", "calendar",
            "version",
        )  # fmt: skip


class Direction(Strict):
    direction = serializers.ChoiceField(["up", "down"])


class CalendarFacts(Strict):
    name = serializers.CharField(max_length=80)
    time_zone = serializers.CharField(max_length=64, help_text="An IANA name.")
    week = serializers.ListField(
        child=serializers.CharField(max_length=200, allow_blank=True),
        min_length=7,
        max_length=7,
        help_text="The hours of each weekday, Monday first, such as 09:00-12:30, 13:30-18:00; empty is free.",
    )
    holidays = serializers.ListField(child=serializers.DateField(), max_length=MAX_HOLIDAYS, required=False)


class CalendarAnswer(Answer):
    class Meta:
        model = WorkingCalendar
        fields = ("id", "name", "time_zone", "week", "holidays")


class DueQuestion(Strict):
    """What an item would be about; nothing is stored."""

    severity = severity_field()
    category = serializers.ChoiceField(RemediationItem.Category.choices)
    kind = serializers.ChoiceField(RemediationItem.Kind.choices, required=False)
    service = service_field(required=False)
    team = team_field(required=False)


class TriedAnswer(serializers.Serializer):
    policy = serializers.CharField()
    misses = serializers.ListField(child=serializers.CharField(), help_text="The conditions that do not fit.")


class DueAnswer(serializers.Serializer):
    """Which row decides, and when an item agreed now is due; null when no row fits."""

    due_at = Moment(allow_null=True)
    policy = serializers.CharField(allow_null=True)
    is_capped = serializers.BooleanField(help_text="The row gives longer than a missing tool may take.")
    tried = TriedAnswer(many=True)


class SlaPolicies(Resource):
    ordering = ("position",)
    key = "pk"

    def visible(self) -> QuerySet[SlaPolicy]:
        return SlaPolicy.objects.all()

    def whole(self, rows: QuerySet[SlaPolicy]) -> QuerySet[SlaPolicy]:
        return rows.select_related("severity", "service", "team")

    list = listing("The policy rows in order: the first that fits an item decides.", gives=PolicyAnswer)
    retrieve = detail("One policy row.", gives=PolicyAnswer)
    create = creation(
        "Add a policy row; governors only.", policies.add, takes=PolicyFacts, gives=PolicyAnswer
    )
    edit = act(
        "Change a policy row: a new version, for items agreed from now on; governors only.",
        policies.edit,
        takes=PolicyFacts,
        gives=PolicyAnswer,
        partial=True,
    )
    move = act(
        "Exchange a row with its neighbour; governors only.",
        policies.move,
        takes=Direction,
        gives=PolicyAnswer,
    )
    remove = removal("Take a policy row away; governors only. Deadlines stay.", policies.remove)

    @extend_schema(
        operation_id="sla_policies_explain",
        description="When an item agreed now would be due, which row decides, and why not the ones before.",
        request=DueQuestion,
        responses=DueAnswer,
    )
    def explain(self, request: Request) -> Response:
        refuse_query(request)
        facts: dict[str, Any] = checked(
            DueQuestion, request.data, context={**self.get_serializer_context(), "record": None}
        )
        found = policies.explain(**facts, now=timezone.now())
        answer = {
            "due_at": found.due_at,
            "policy": found.version or None,
            "is_capped": found.is_capped,
            "tried": [{"policy": str(one.policy), "misses": one.misses} for one in found.tried],
        }
        return Response(DueAnswer(answer).data)


class WorkingCalendars(Resource):
    ordering = ("name", "id")
    key = "pk"

    def visible(self) -> QuerySet[WorkingCalendar]:
        return WorkingCalendar.objects.all()

    list = listing("The working calendars.", gives=CalendarAnswer)
    retrieve = detail("One working calendar.", gives=CalendarAnswer)
    create = creation(
        "Add a working calendar; governors only.",
        policies.add_calendar,
        takes=CalendarFacts,
        gives=CalendarAnswer,
    )
    edit = act(
        "Change a working calendar; governors only. Deadlines stay.",
        policies.edit_calendar,
        takes=CalendarFacts,
        gives=CalendarAnswer,
        partial=True,
    )
    remove = removal(
        "Take a working calendar away in which no row counts; governors only.", policies.remove_calendar
    )
