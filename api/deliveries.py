"""Notices by mail: how the caller wants them, and for administrators what went out."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.resource import Resource, act, checked, listing, refuse_query
from api.shapes import Answer, Page, Person, Strict
from governance import deliveries
from governance.models import Delivery, MailChoice, Notice


class MailFacts(Strict):
    muted = serializers.ListField(
        child=serializers.ChoiceField(Notice.Kind.choices),
        max_length=len(Notice.Kind),
        required=False,
        help_text="The kinds that come by no mail; all others do.",
    )
    rhythm = serializers.ChoiceField(MailChoice.Rhythm.choices, required=False)
    wants_overview = serializers.BooleanField(
        required=False, help_text="The weekly overview of open promises; for governors."
    )


class MailAnswer(serializers.Serializer):
    muted = serializers.ListField(child=serializers.ChoiceField(Notice.Kind.choices))
    rhythm = serializers.ChoiceField(MailChoice.Rhythm.choices)
    wants_overview = serializers.BooleanField()


class NoticeSettings(Resource):
    """Of the caller alone."""

    def visible(self) -> QuerySet[MailChoice]:
        return MailChoice.objects.filter(user=self.request.user)

    @extend_schema(description="How notices come to you by mail.", responses=MailAnswer)
    def retrieve(self, request: Request) -> Response:
        refuse_query(request)
        return Response(MailAnswer(deliveries.wishes(request.user)).data)

    @extend_schema(
        description="Change how notices come to you by mail; what is left out stays.",
        request=MailFacts,
        responses=MailAnswer,
    )
    def edit(self, request: Request) -> Response:
        refuse_query(request)
        facts = checked(MailFacts, request.data)
        deliveries.wish(**facts, by=request.user, now=timezone.now())
        return Response(MailAnswer(deliveries.wishes(request.user)).data)


class DeliveryAnswer(Answer):
    to = Person(source="recipient")
    kind = serializers.CharField(
        source="kind_code", help_text="The kind of the notice, or digest_notices, digest_overview."
    )

    class Meta:
        model = Delivery
        fields = ("id", "to", "kind", "state", "attempts", "error", "created_at", "next_at", "finished_at")


class DeliveryQuery(Page):
    state = serializers.ChoiceField(Delivery.State.choices, required=False)


def _found(view: Resource, *, state: str | None = None) -> QuerySet[Delivery]:
    rows = view.visible()
    return rows.filter(state=state) if state else rows


class Deliveries(Resource):
    ordering = ("-id",)
    key = "pk"

    def visible(self) -> QuerySet[Delivery]:
        user: User = self.request.user
        return deliveries.log(user)

    def again(self, record: Any) -> Any:
        return deliveries.log(self.request.user).get(pk=record.pk)

    list = listing(
        "What mail went out, newest first; what it was about is not part of it. Administrators only.",
        gives=DeliveryAnswer,
        takes=DeliveryQuery,
        rows=_found,
    )
    send_again = act(
        "Try once more what was given up; administrators only.", deliveries.send_again, gives=DeliveryAnswer
    )
