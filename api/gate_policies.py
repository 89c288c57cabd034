"""The gate's policy: rows in order, of which the first that fits a repository decides."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.resource import Resource, act, creation, detail, listing, removal
from api.shapes import VERSION, Answer, Count, Person, Strict
from api.sla import Direction
from governance import gates
from governance.models import LONGEST_PATTERN, GatePolicy
from governance.policy import CODES


def _patterns(says: str, **kwargs: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_PATTERN),
        max_length=gates.MOST_PATTERNS,
        required=False,
        help_text=says,
        **kwargs,
    )


class GatePolicyFacts(Strict):
    name = serializers.CharField(max_length=80)
    repositories = _patterns(
        "Exact paths or patterns, such as shop/*, in either case; empty for the last row alone."
    )
    mode = serializers.ChoiceField(
        GatePolicy.Mode.choices,
        required=False,
        help_text="What CI does with a verdict; it changes none.",
    )
    branches = _patterns(
        "The target branches that it covers, such as main or release/*; empty: all. "
        "Case counts; “refs/heads/” is taken off."
    )
    covered_paths = _patterns("A change of none of these is excused; empty: all are covered.")
    excused_paths = _patterns("A change of nothing but these is excused.")
    covered_labels = _patterns("A change with none of these is excused; empty: all are covered.")
    excused_labels = _patterns("A change with one of these is excused.")
    not_counting = serializers.ListField(
        child=serializers.ChoiceField(CODES),
        max_length=len(CODES),
        required=False,
        help_text="Findings that are shown and do not count.",
    )
    asks_audit = serializers.BooleanField(
        required=False, help_text="Whether findings of the touched services are findings of the change."
    )
    freeze = serializers.ChoiceField(
        GatePolicy.Freeze.choices, required=False, help_text="Whose overdue P0 items block a change."
    )
    most_uses = Count(
        min_value=1,
        max_value=10_000,
        required=False,
        allow_null=True,
        help_text="How many changes may pass by naming one postmortem; null: any number.",
    )
    fails_open = serializers.BooleanField(
        required=False, help_text="What the repository wants of a client that gets no verdict."
    )
    waivers_alone = serializers.BooleanField(
        required=False, help_text="Whether one governor alone may grant a waiver, of which all are told."
    )


class GatePolicyEdit(GatePolicyFacts):
    version = Count(min_value=1, required=False, help_text=VERSION)


class GatePolicyAnswer(Answer):
    id = serializers.IntegerField(source="key", help_text="Of the row, whichever version of it.")
    row = serializers.CharField(source="__str__", help_text="What a decision keeps of it, such as gate-3v2.")
    began_by = Person(allow_null=True)

    class Meta:
        model = GatePolicy
        fields = ("id", "row", "version", "position", *gates.FACTS, "began_at", "began_by", "ended_at")


class GatePolicies(Resource):
    ordering = ("position", "id")
    key = "key"

    def visible(self) -> QuerySet[GatePolicy]:
        return gates.rows()

    def whole(self, rows: QuerySet[GatePolicy]) -> QuerySet[GatePolicy]:
        return rows.select_related("began_by")

    def again(self, record: GatePolicy) -> GatePolicy:
        # An act ends the version that was read and begins the next.
        return self.whole(gates.rows()).get(key=record.key)

    list = listing(
        "The rows in order: the first that fits a repository decides; the last fits all.",
        gives=GatePolicyAnswer,
    )
    retrieve = detail("One row, in its present version.", gives=GatePolicyAnswer)
    versions = listing(
        "All versions of a row, those that are over included.",
        gives=GatePolicyAnswer,
        rows=lambda view, **url: GatePolicy.objects.filter(key=view.find(**url).key),
    )
    create = creation(
        "Add a row before the last; governors only.", gates.add, takes=GatePolicyFacts, gives=GatePolicyAnswer
    )
    edit = act(
        "Change a row: a new version, for what is asked from now on; governors only.",
        gates.edit,
        takes=GatePolicyEdit,
        gives=GatePolicyAnswer,
        partial=True,
    )
    move = act(
        "Exchange a row with its neighbour; governors only. The last stays the last.",
        gates.move,
        takes=Direction,
        gives=GatePolicyAnswer,
    )
    remove = removal(
        "Take a row away; governors only. Decisions keep what they were judged by.", gates.remove
    )
