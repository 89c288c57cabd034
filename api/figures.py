"""Figures of a month, each with the rows it counted, and the goals that governors set."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.resource import Resource, checked, detail, listing, refuse_query
from api.shapes import Answer, Moment, Person, Strict
from governance import goals, metrics, reports
from governance.models import FigureGoal


class GroupAnswer(serializers.Serializer):
    """A figure over the rows of one group, such as a service; parts it lacks are left out."""

    name = serializers.CharField(help_text="A slug or code; empty for rows that have none.")
    n = serializers.IntegerField()
    numerator = serializers.IntegerField(required=False)
    percent = serializers.CharField(required=False)
    median_seconds = serializers.IntegerField(required=False)
    p90_seconds = serializers.IntegerField(required=False)
    sums = serializers.DictField(child=serializers.CharField(), required=False)
    streak = serializers.IntegerField(required=False)
    excluded = serializers.DictField(child=serializers.IntegerField(), required=False)
    number = serializers.CharField(required=False)


class FigureValue(serializers.Serializer):
    n = serializers.IntegerField(help_text="Rows counted; of a share the denominator.")
    numerator = serializers.IntegerField(allow_null=True)
    percent = serializers.CharField(allow_null=True, help_text='For example "92.0"; null for no rows.')
    median_seconds = serializers.IntegerField(allow_null=True)
    p90_seconds = serializers.IntegerField(allow_null=True)
    sums = serializers.DictField(child=serializers.CharField(), help_text="Of a sum: by unit.")
    streak = serializers.IntegerField(allow_null=True)
    excluded = serializers.DictField(
        child=serializers.IntegerField(), help_text="Why rows that lie in the month do not count: how many."
    )
    number = serializers.CharField(
        allow_null=True, help_text="The one number that is compared, in the figure's unit."
    )
    previous = serializers.CharField(allow_null=True, help_text="That number of the month before.")
    year_before = serializers.CharField(allow_null=True, help_text="And of the same month a year before.")
    previous_seconds = serializers.IntegerField(
        required=False, allow_null=True, help_text="Of a spread: the median of the month before."
    )
    year_before_seconds = serializers.IntegerField(
        required=False, allow_null=True, help_text="And of the same month a year before."
    )
    previous_sums = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="Of money: the amounts of the month before, by currency.",
    )
    year_before_sums = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="And of the same month a year before."
    )
    target = serializers.CharField(allow_null=True)
    baseline = serializers.CharField(allow_null=True)
    goal_currency = serializers.CharField(
        required=False, help_text="Of money: what target and baseline are in."
    )
    by = serializers.DictField(
        child=GroupAnswer(many=True),
        help_text="By service, team, category and severity; of the gate by repository.",
    )


class CountedRow(serializers.Serializer):
    kind = serializers.CharField(
        help_text="item, incident, review, decision, quarter, person, deploy, run or value."
    )
    id = serializers.CharField(source="public_id")
    title = serializers.CharField()
    at = Moment(allow_null=True, help_text="What puts it into the month.")
    severity = serializers.CharField()
    service = serializers.CharField()
    team = serializers.CharField()
    category = serializers.CharField()
    is_hit = serializers.BooleanField(allow_null=True, help_text="Of a share: it is in the numerator.")
    value = serializers.CharField(allow_null=True, help_text="Seconds of a duration; or an amount.")
    unit = serializers.CharField()
    detail = serializers.CharField()
    linked = serializers.ListField(child=serializers.CharField())
    excluded = serializers.CharField(help_text="Why it does not count; empty when it does.")
    repository = serializers.CharField(help_text="Of a change about which CI asked.")
    since = Moment(allow_null=True, help_text="Where a duration begins.")
    until = Moment(
        allow_null=True, help_text="Where it ends, or the moment that decides, where that is not `at`."
    )


class FigureAnswer(serializers.Serializer):
    """A figure with exactly the rows it was computed from, and those left out with the reason."""

    figure = serializers.CharField()
    month = serializers.CharField()
    shape = serializers.CharField(help_text="share, spread, sum, streak or level.")
    unit = serializers.CharField()
    formula = serializers.CharField()
    as_of = Moment()
    is_published = serializers.BooleanField()
    is_partial = serializers.BooleanField()
    value = FigureValue()
    rows = CountedRow(many=True)


class GoalFacts(Strict):
    target = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=Decimal(0), allow_null=True)
    baseline = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal(0), allow_null=True
    )
    note = serializers.CharField(max_length=300, required=False, allow_blank=True)
    currency = serializers.CharField(
        max_length=3, required=False, allow_blank=True, help_text="Of money only, such as CNY."
    )


class GoalAnswer(Answer):
    edited_by = Person()

    class Meta:
        model = FigureGoal
        fields = ("figure", "target", "baseline", "currency", "note", "version", "edited_by", "edited_at")


def first_day(month: str) -> date:
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Http404 from None


def _formula(definition: metrics.Definition) -> str:
    """What is counted, as the docstring says it; where the rule stands is for whoever reads the code."""
    says, _source, _where = (definition.rows.__doc__ or "").partition("Source:")
    return " ".join(says.split())


def _figure(view: Resource, *, month: str, figure: str) -> dict[str, Any]:
    definition = metrics.CATALOGUE.get(figure)
    if definition is None:
        raise Http404
    report = reports.build(first_day(month), viewer=view.request.user, now=timezone.now())
    if figure not in report.catalogue:
        # The month was published before this figure was thought of.
        raise Http404
    rows = definition.rows(report.rows)
    titles = report.names(row.public_id for row in rows).titles
    return {
        "figure": figure,
        "month": month,
        "shape": definition.shape.value,
        "unit": definition.unit.value,
        "formula": _formula(definition),
        "as_of": report.as_of,
        "is_published": report.published is not None,
        "is_partial": report.is_partial,
        "value": report.figures["all"][figure],
        "rows": [
            row._asdict()
            | {
                "title": titles.get(row.public_id, ""),
                "value": None if row.value is None else f"{row.value:f}",
            }
            for row in rows
        ],
    }


class Figures(Resource):
    key = "figure"

    def visible(self) -> QuerySet[FigureGoal]:
        return FigureGoal.objects.none()

    retrieve = detail("A figure of a month with the rows it counted.", gives=FigureAnswer, of=_figure)


class Goals(Resource):
    ordering = ("figure", "id")
    key = "figure"

    def visible(self) -> QuerySet[FigureGoal]:
        return FigureGoal.objects.all()

    def whole(self, rows: QuerySet[FigureGoal]) -> QuerySet[FigureGoal]:
        return rows.select_related("edited_by")

    list = listing("The goals of figures that have one.", gives=GoalAnswer)

    @extend_schema(
        description="Set the target and the baseline of a figure; governors only.",
        request=GoalFacts,
        responses=GoalAnswer,
    )
    def write(self, request: Request, figure: str) -> Response:
        refuse_query(request)
        if figure not in metrics.CATALOGUE:
            raise Http404
        facts = checked(GoalFacts, request.data, context=self.get_serializer_context())
        row = goals.write(figure, **facts, by=request.user, now=timezone.now())
        return self.answer(GoalAnswer, self.again(row))
