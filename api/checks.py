"""Verification checks of an item, and their runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.commands import approve_view, command_view
from api.pipelines import CommandFields, PipelineAnswer
from api.resource import Resource, act, checked, creation, detail, listing, one
from api.shapes import Answer, ById, Count, Empty, Figure, Moment, Strict
from postmortem.errors import Invalid
from remediation import catalogue, items, verification
from remediation.checkspec import CheckSpec
from remediation.models import MAX_EXPRESSION, CheckDay, CheckRun, DataSource, VerificationCheck


class SecretEnv(serializers.DictField):
    """Variables of a command, each a reference to a secret of the item's team."""

    child = serializers.CharField(max_length=80)

    def __init__(self, **options: Any) -> None:
        words = (
            'Variables of a command, each a secret of the item\'s team: {"PGPASSWORD": "secret://orders-db"}.'
        )
        super().__init__(**{"help_text": words} | options)


class CheckDefinition(CommandFields):
    """What proves a fix. The rules stand in the domain; here is only the shape."""

    kind = serializers.ChoiceField(VerificationCheck.Kind.choices)
    name = serializers.CharField(max_length=120, allow_blank=True, required=False)
    data_source = ById(
        queryset=DataSource.objects.all(),
        required=False,
        allow_null=True,
        help_text="The id of a data source.",
    )
    promql = serializers.CharField(max_length=MAX_EXPRESSION, allow_blank=True, required=False)
    quantifier = serializers.ChoiceField(VerificationCheck.Quantifier.choices, required=False)
    comparator = serializers.ChoiceField(VerificationCheck.Comparator.choices, required=False)
    threshold = Figure(required=False, allow_null=True)
    no_data_rule = serializers.ChoiceField(VerificationCheck.NoDataRule.choices, required=False)
    nan_rule = serializers.ChoiceField(VerificationCheck.NanRule.choices, required=False)
    no_data_reason = serializers.CharField(max_length=300, allow_blank=True, required=False)
    shell_expectation = serializers.ChoiceField(VerificationCheck.ShellExpectation.choices, required=False)
    pattern = serializers.CharField(max_length=200, allow_blank=True, required=False, trim_whitespace=False)
    network = serializers.ChoiceField(
        VerificationCheck.Network.choices,
        required=False,
        help_text="Of a command: none unless the installation allows another by name.",
    )
    env = SecretEnv(required=False)
    interval_seconds = Count(required=False)
    timeout_seconds = Count(required=False)
    passes_needed = Count(required=False)
    fails_needed = Count(required=False)

    template = serializers.CharField(
        max_length=60,
        allow_blank=True,
        required=False,
        help_text="A template of the catalogue; it makes the rest.",
    )
    parameters = serializers.DictField(
        child=serializers.CharField(max_length=300, allow_blank=True), required=False, help_text="Its values."
    )

    def needs_command(self, attrs: Any) -> bool:
        return attrs.get("kind") == VerificationCheck.Kind.SHELL and not attrs.get("template")


class Pause(Strict):
    is_paused = serializers.BooleanField()
    reason = serializers.CharField(
        max_length=300, allow_blank=True, required=False, help_text="Why; needed for a pause."
    )


class CheckAnswer(PipelineAnswer):
    item = serializers.SlugRelatedField(slug_field="public_id", read_only=True)
    data_source_name = serializers.CharField(source="data_source.name", default=None, allow_null=True)
    streak = serializers.IntegerField(source="standing.streak")
    last_outcome = serializers.ChoiceField(
        VerificationCheck.Outcome.choices, source="standing.last_outcome", allow_blank=True
    )
    last_run_at = Moment(source="standing.last_run_at", allow_null=True)
    last_value = Figure(source="standing.last_value", allow_null=True)
    next_run_at = Moment(
        source="standing.due_next_at", allow_null=True, help_text="None while a run is under way."
    )
    seen_red_at = Moment(source="standing.seen_red_at", allow_null=True)

    class Meta:
        model = VerificationCheck
        fields = (
            "id", "item", "kind", "name", "version", "is_paused", "pause_reason", "created_at",
            "data_source", "data_source_name", "promql", "quantifier", "comparator", "threshold",
            "no_data_rule", "no_data_reason", "nan_rule",
            "command", "pipeline", "reads", "network", "env", "template", "parameters",
            "shell_expectation", "pattern",
            "interval_seconds", "timeout_seconds", "passes_needed", "fails_needed",
            "streak", "last_outcome", "last_run_at", "last_value", "next_run_at", "seen_red_at",
        )  # fmt: skip


class RunAnswer(Answer):
    check = serializers.PrimaryKeyRelatedField(source="verification_check", read_only=True)
    started_at = Moment(allow_null=True, help_text="None while it waits for a worker.")
    finished_at = Moment(allow_null=True, help_text="None until it is stored, with its outcome.")

    class Meta:
        model = CheckRun
        fields = (
            "id", "check", "check_version", "slot", "skipped_slots", "attempt", "queued_at", "started_at",
            "finished_at", "outcome", "value", "series",
            "warnings", "expression", "output", "error_code", "error", "sandbox",
        )  # fmt: skip


class DayAnswer(Answer):
    """The runs of a check on one day, in UTC, that is more than 90 days ago; some of them stay as runs."""

    check = serializers.PrimaryKeyRelatedField(source="verification_check", read_only=True)

    class Meta:
        model = CheckDay
        fields = (
            "check", "day", "passes", "fails", "no_data", "errors", "skipped_slots",
            "value_min", "value_max", "value_last", "last_outcome",
        )  # fmt: skip


class SeriesAnswer(serializers.Serializer):
    labels = serializers.DictField(child=serializers.CharField())
    value = serializers.CharField(help_text="As answered: 0.5, NaN, +Inf.")


class TrialAnswer(serializers.Serializer):
    """What came of trying a definition once; nothing was kept."""

    outcome = serializers.ChoiceField(VerificationCheck.Outcome.choices)
    value = Figure(allow_null=True)
    series = SeriesAnswer(many=True, allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())
    error_code = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)


def sound(definition: dict[str, Any], *, place: str = "", is_asked: bool = True) -> CheckSpec:
    """The definition as the domain takes it, once it makes sense and its server has taken the query.

    Args:
        place: what to put before the name of a refused field, such as "checks.0.".
        is_asked: whether the server is asked at all.
    """
    source = definition.pop("data_source", None)
    spec = CheckSpec(**definition, data_source_id=source.pk if source else None)
    try:
        spec = catalogue.fill(spec)
        spec.validate()
        if is_asked:
            verification.trial(spec)
    except Invalid as refusal:
        raise _at(place, refusal) from None
    return spec


def _at(place: str, refusal: Invalid) -> Invalid:
    field = "data_source" if refusal.field == "data_source_id" else refusal.field
    return Invalid(refusal.message, field=f"{place}{field}", details=refusal.details)


def _edit(check: VerificationCheck, *, by: User, now: datetime, **definition: Any) -> Any:
    return items.edit_check(check, spec=sound(definition), by=by, now=now)


def _add(item: Any, *, by: User, now: datetime, **definition: Any) -> Any:
    return items.add_check(item, spec=sound(definition), by=by, now=now)


class ItemChecks(Resource):
    """The checks of one item."""

    tag = "checks"

    def visible(self) -> QuerySet[Any]:
        return items.visible_to(self.request.user)

    def whole(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.select_related("item", "data_source", "standing")

    add = creation(
        "Add a check to an item; it is tried once first.",
        _add,
        takes=CheckDefinition,
        gives=CheckAnswer,
        of=True,
    )


def _runs(view: Resource, *, check: int) -> QuerySet[CheckRun]:
    return CheckRun.objects.filter(verification_check=view.find(check=check))


class Checks(Resource):
    key = "pk"

    def visible(self) -> QuerySet[VerificationCheck]:
        return VerificationCheck.objects.filter(item__in=items.visible_to(self.request.user))

    def whole(self, rows: QuerySet[VerificationCheck]) -> QuerySet[VerificationCheck]:
        return rows.select_related("item", "data_source", "standing")

    retrieve = detail("One check.", gives=CheckAnswer)
    edit = act(
        "Define a check anew; its count of passes starts again.",
        _edit,
        takes=CheckDefinition,
        gives=CheckAnswer,
    )

    command = command_view("What exactly a check runs, and whether it may.")
    approve = approve_view("Approve the command of a check for 90 days: an administrator, never its author.")

    pause = act("Pause a check, or let it go on.", items.pause, takes=Pause, gives=CheckAnswer)

    @extend_schema(
        description="Try the definition of a Prometheus check once, without keeping anything.",
        request=CheckDefinition,
        responses=TrialAnswer,
    )
    def trial(self, request: Request) -> Response:
        spec = sound(checked(CheckDefinition, request.data), is_asked=False)
        try:
            result = verification.trial(spec)
        except Invalid as refusal:
            raise _at("", refusal) from None
        return Response(TrialAnswer(result).data)


class CheckRuns(Resource):
    """The runs of one check."""

    tag = "checks"
    ordering = ("-slot", "-id")

    def again(self, record: CheckRun) -> CheckRun:
        """A run that waits for a worker is shown as it is: it is stored when it is finished."""
        return record

    def find(self, **url: Any) -> VerificationCheck:
        rows = VerificationCheck.objects.filter(item__in=items.visible_to(self.request.user))
        check: VerificationCheck = one(rows, pk=url["check"])
        return check

    list = listing("The finished runs of a check, newest first.", gives=RunAnswer, rows=_runs)
    create = creation(
        "Run a check as soon as a worker is free; a run that waits already stands for this one. "
        "What came of it is at /runs/{id}.",
        verification.run_now,
        takes=Empty,
        gives=RunAnswer,
        of=True,
    )


def _days(view: Resource, *, check: int) -> QuerySet[CheckDay]:
    return CheckDay.objects.filter(verification_check=view.find(check=check))


class CheckDays(CheckRuns):
    """What is left of the runs of one check that are long ago."""

    ordering = ("-id",)

    list = listing(
        "The days of a check whose runs were rolled up, newest first.", gives=DayAnswer, rows=_days
    )


def _run(view: Resource, *, run: int) -> CheckRun:
    visible = items.visible_to(view.request.user)
    # The one that waits first: should it be stored in between, it is found then.
    checks = VerificationCheck.objects.filter(item__in=visible)
    waiting = verification.waiting_run(checks, run, now=timezone.now())
    return waiting or one(CheckRun.objects.filter(item__in=visible), pk=run)


class Runs(Resource):
    tag = "checks"

    retrieve = detail("One run, finished or not.", gives=RunAnswer, of=_run)
