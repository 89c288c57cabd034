"""Waivers of the gate: asked for with a reason, granted by a governor, over at a moment."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers

from api.resource import Resource, act, creation, detail, listing
from api.shapes import Answer, Moment, Page, Person, Strict, service_field
from governance import gatewaivers
from governance.models import GateWaiver
from governance.policy import WAIVABLE


class GateWaiverFacts(Strict):
    service = service_field(required=False, allow_null=True)
    repository = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Either this or a service."
    )
    change_id = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Only this change of the repository."
    )
    findings = serializers.ListField(
        child=serializers.ChoiceField(WAIVABLE), min_length=1, max_length=len(WAIVABLE)
    )
    object = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text="Only findings about this, such as RI-2026-0001.",
    )
    reason = serializers.CharField(max_length=2000)
    expires_at = Moment(help_text="At most 30 days from now.")


class GateWaiverComment(Strict):
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class GateWaiverRefusal(Strict):
    reason = serializers.CharField(max_length=2000)


class GateWaiverAnswer(Answer):
    name = serializers.CharField(source="__str__", help_text="What a finding names, such as waiver-12.")
    service = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    state = serializers.SerializerMethodField()
    is_alone = serializers.BooleanField(help_text="Who asked granted it, as the policy lets one governor.")
    asked_by = Person()
    answered_by = Person(allow_null=True)
    ended_by = Person(allow_null=True)

    class Meta:
        model = GateWaiver
        fields = (
            "id", "name", "service", "repository", "change_id", "findings", "object", "reason", "state",
            "expires_at", "asked_at", "asked_by", "answer", "comment", "answered_at", "answered_by",
            "is_alone", "ended_at", "ended_by",
        )  # fmt: skip

    def get_state(self, waiver: GateWaiver) -> str:
        return waiver.state(timezone.now()).value


class GateWaiverQuery(Page):
    state = serializers.ChoiceField(GateWaiver.State.choices, required=False)
    service = service_field(required=False)
    repository = serializers.CharField(max_length=200, required=False)


def _found(view: Resource, *, state: str = "", **scope: Any) -> QuerySet[GateWaiver]:
    rows: QuerySet[GateWaiver] = view.visible().filter(**scope)
    return rows.filter(gatewaivers.state_q(state, now=timezone.now())) if state else rows


class GateWaivers(Resource):
    ordering = ("-asked_at", "-id")
    key = "pk"

    def visible(self) -> QuerySet[GateWaiver]:
        return gatewaivers.visible_to(self.request.user)

    def whole(self, rows: QuerySet[GateWaiver]) -> QuerySet[GateWaiver]:
        return rows.select_related("service", "asked_by", "answered_by", "ended_by")

    list = listing(
        "The waivers of the gate, newest first.", gives=GateWaiverAnswer, takes=GateWaiverQuery, rows=_found
    )
    retrieve = detail("One waiver.", gives=GateWaiverAnswer)
    create = creation(
        "Ask for a waiver; a governor has to grant it.",
        gatewaivers.ask,
        takes=GateWaiverFacts,
        gives=GateWaiverAnswer,
    )
    grant = act(
        "Grant a waiver; governors only, and never one's own, unless the policy lets one governor alone.",
        gatewaivers.grant,
        takes=GateWaiverComment,
        gives=GateWaiverAnswer,
    )
    refuse = act(
        "Refuse a waiver; governors only.",
        gatewaivers.refuse,
        takes=GateWaiverRefusal,
        gives=GateWaiverAnswer,
    )
    withdraw = act("Take back what one asked oneself.", gatewaivers.withdraw, gives=GateWaiverAnswer)
    end = act("End a waiver before it expires; governors only.", gatewaivers.end, gives=GateWaiverAnswer)
