"""Key figures from outside: what they are, and the values that programs push."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers

from accounts.models import ApiToken
from api.resource import Resource, act, creation, detail, listing, removal
from api.shapes import Answer, Moment, Person, Strict
from governance import kpis
from governance.models import Kpi, KpiValue


class Number(serializers.DecimalField):
    """A decimal number as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 18, "decimal_places": 4} | kwargs)


class KpiFacts(Strict):
    slug = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=80)
    unit = serializers.CharField(max_length=20, required=False, allow_blank=True)
    is_more_better = serializers.BooleanField(required=False)
    baseline = Number(required=False, allow_null=True)
    target = Number(required=False, allow_null=True)
    note = serializers.CharField(max_length=300, required=False, allow_blank=True)


class KpiChange(KpiFacts):
    is_retired = serializers.BooleanField(
        required=False, help_text="A retired one keeps its values, takes no more and is shown on no page."
    )


class KpiAnswer(Answer):
    baseline = Number(allow_null=True)
    target = Number(allow_null=True)

    class Meta:
        model = Kpi
        fields = (
            "slug",
            "name",
            "unit",
            "is_more_better",
            "baseline",
            "target",
            "note",
            "is_retired",
            "created_at",
        )


class ValueFacts(Strict):
    date = serializers.DateField(help_text="The day it is about, such as 2026-11-20.")
    value = Number(help_text="In the key figure's unit.")
    source = serializers.CharField(max_length=200, required=False, allow_blank=True)


class ValueAnswer(serializers.Serializer):
    date = serializers.DateField()
    value = Number()
    source = serializers.CharField()
    recorded_by = Person()
    recorded_at = Moment()


class KpiSeries(serializers.Serializer):
    kpi = KpiAnswer()
    meets_target = serializers.BooleanField(allow_null=True)
    values = ValueAnswer(many=True)


def _series(view: Resource, *, kpi: str) -> dict[str, Any]:
    (series,) = kpis.board(now=timezone.now(), only=[view.find(kpi=kpi)])
    return {"kpi": series.kpi, "meets_target": series.meets_target, "values": series.values}


class Kpis(Resource):
    ordering = ("name", "id")
    key = "slug"

    def visible(self) -> QuerySet[Kpi]:
        return Kpi.objects.all()

    list = listing("The key figures.", gives=KpiAnswer)
    retrieve = detail("A key figure with its values of the last two years.", gives=KpiSeries, of=_series)
    create = creation("Add a key figure; governors only.", kpis.add, takes=KpiFacts, gives=KpiAnswer)
    edit = act(
        "Change a key figure; governors only. Its slug stays.",
        kpis.edit,
        takes=KpiChange,
        gives=KpiAnswer,
        partial=True,
    )
    remove = removal("Delete a key figure that has no values; governors only.", kpis.remove)


def _is_new(made: KpiValue, now: Any) -> bool:
    return made.recorded_at == now


class KpiValues(Resource):
    """Facilitators say them, and programs whose token has the scope `kpi`, which does nothing else."""

    narrow_scope = ApiToken.Scope.KPI
    key = "slug"

    def visible(self) -> QuerySet[Kpi]:
        return Kpi.objects.all()

    def whole(self, rows: QuerySet[KpiValue]) -> QuerySet[KpiValue]:
        return rows.select_related("recorded_by")

    push = creation(
        "Say what a key figure was on a day; facilitators, and service accounts that are members. "
        "The same again is answered with 200.",
        kpis.push,
        takes=ValueFacts,
        gives=ValueAnswer,
        of=True,
        is_new=_is_new,
    )
