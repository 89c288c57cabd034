"""Root causes, triggers and contributing factors of a review."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.resource import Resource, act, creation, one, removal
from api.shapes import Answer, Strict
from postmortem import access, causes
from postmortem.models import MAX_TEXT, RootCause
from remediation import plan


class CauseText(Strict):
    statement = serializers.CharField(max_length=4000, help_text="What had to be so; never a person.")
    part = serializers.ChoiceField(RootCause.Part.choices)


class NewCause(CauseText):
    is_primary = serializers.BooleanField(required=False)


class Settlement(Strict):
    state = serializers.ChoiceField(RootCause.State.choices)
    evidence = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False)


class CauseAnswer(Answer):
    class Meta:
        model = RootCause
        fields = ("id", "part", "is_primary", "state", "statement", "evidence", "created_at")


class Causes(Resource):
    tag = "reviews"

    def find(self, **url: Any) -> Any:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        return one(review.causes.all(), pk=url["cause"]) if "cause" in url else review

    record = creation(
        "Record a cause, as a hypothesis.", causes.record, takes=NewCause, gives=CauseAnswer, of=True
    )
    edit = act(
        "Reword or reclassify a cause; a new wording is a hypothesis again.",
        causes.edit,
        takes=CauseText,
        gives=CauseAnswer,
    )
    settle = act(
        "Say that a cause is verified or refuted, by which evidence.",
        causes.settle,
        takes=Settlement,
        gives=CauseAnswer,
    )
    make_primary = act("Make a cause the one primary root cause.", causes.make_primary, gives=CauseAnswer)
    remove = removal("Remove a cause that no remediation item names.", plan.remove_cause)
