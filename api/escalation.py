"""Steps of escalation: who hears of a deadline, and when; governors edit them."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from api.resource import Resource, act, creation, detail, listing, removal
from api.shapes import Answer, Count, Strict
from governance import escalation
from governance.models import MOST_DAYS, EscalationStep


class EscalationFacts(Strict):
    subject = serializers.ChoiceField(EscalationStep.Subject.choices)
    moment = serializers.ChoiceField(EscalationStep.Moment.choices)
    days = Count(
        max_value=MOST_DAYS, required=False, help_text="Before or after the deadline; 0 for at_risk."
    )
    audience = serializers.ChoiceField(EscalationStep.Audience.choices)


class EscalationAnswer(Answer):
    class Meta:
        model = EscalationStep
        fields = ("id", "subject", "moment", "days", "audience", "valid_from")


class EscalationSteps(Resource):
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[EscalationStep]:
        return EscalationStep.objects.all()

    list = listing("Who hears of a deadline, and when.", gives=EscalationAnswer)
    retrieve = detail("One step.", gives=EscalationAnswer)
    create = creation(
        "Add a step, for what comes due from now on; governors only.",
        escalation.add,
        takes=EscalationFacts,
        gives=EscalationAnswer,
    )
    edit = act(
        "Change a step, for what comes due from now on; governors only.",
        escalation.edit,
        takes=EscalationFacts,
        gives=EscalationAnswer,
        partial=True,
    )
    remove = removal("Take a step away; governors only.", escalation.remove)
