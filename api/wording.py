"""Wording: what a text should be reworded for, and the phrases that teams add or allow."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Team
from api.resource import Resource, act, checked, creation, detail, listing, removal
from api.shapes import Answer, ByName, Page, Strict, team_field
from postmortem import access, terms
from postmortem.models import MAX_TEXT, Review, WordingTerm
from postmortem.wording import Purpose

PURPOSES = [str(purpose) for purpose in Purpose]


class VisibleReview(ByName):
    """A review that the caller may see, by its public id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="public_id", queryset=Review.objects.none(), **kwargs)

    def get_queryset(self) -> QuerySet[Review]:
        return access.reviews(self.context["request"].user)


class WordingQuestion(Strict):
    text = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False)
    purpose = serializers.ChoiceField(
        PURPOSES, help_text="What the text is meant to be; only in a step does anything block."
    )
    review = VisibleReview(required=False, help_text="The lists of its teams hold as well.")
    team = team_field(required=False)


class Span(serializers.Serializer):
    """A phrase to reword."""

    start = serializers.IntegerField(help_text="In code points.")
    end = serializers.IntegerField(help_text="Behind the last one.")
    phrase = serializers.CharField()
    rule = serializers.CharField(help_text="The id of its rule; “term” for a phrase on a list.")
    kind = serializers.ChoiceField(["hedging", "action", "blame", "term"])
    blocks = serializers.BooleanField(help_text="Whether it blocks the signature of a step.")
    why = serializers.CharField()
    suggestion = serializers.CharField(allow_blank=True)


class Spans(serializers.Serializer):
    """What was found, in the order of the text, none overlapping another."""

    spans = Span(many=True)


class TermFacts(Strict):
    phrase = serializers.CharField(max_length=80, help_text="As it is written; no pattern.")
    is_allowed = serializers.BooleanField(help_text="It passes; otherwise it blocks like the shipped words.")
    why = serializers.CharField(max_length=200)
    suggestion = serializers.CharField(max_length=200, required=False, allow_blank=True)


class NewTerm(TermFacts):
    team = team_field(required=False, allow_null=True)


class TermAnswer(Answer):
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)

    class Meta:
        model = WordingTerm
        fields = ("id", "team", "phrase", "is_allowed", "why", "suggestion", "created_at")


class TermQuery(Page):
    team = team_field(required=False)


class Wording(Resource):
    tag = "wording"

    @extend_schema(
        description="What a text should be reworded for; nothing is stored.",
        request=WordingQuestion,
        responses=Spans,
    )
    def check(self, request: Request) -> Response:
        asked = checked(WordingQuestion, request.data, context=self.get_serializer_context())
        extra = terms.of_teams([asked["team"]] if "team" in asked else [])
        if "review" in asked:
            extra += terms.of_review(asked["review"])
        found = terms.find(asked["text"], purpose=Purpose(asked["purpose"]), extra=extra)
        return self.answer(Spans, {"spans": [dataclasses.asdict(one) for one in found]})


def _found(view: Resource, *, team: Team | None = None) -> QuerySet[WordingTerm]:
    return view.visible().filter(team=team) if team else view.visible()


class Terms(Resource):
    tag = "wording"
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[WordingTerm]:
        return WordingTerm.objects.all()

    def whole(self, rows: QuerySet[WordingTerm]) -> QuerySet[WordingTerm]:
        return rows.select_related("team")

    list = listing(
        "The phrases that teams added to the rules or allow.", gives=TermAnswer, takes=TermQuery, rows=_found
    )
    retrieve = detail("One phrase of a list.", gives=TermAnswer)
    create = creation(
        "Add a phrase to the list of a team, or to everybody's: facilitators, and the team's manager.",
        terms.add,
        takes=NewTerm,
        gives=TermAnswer,
    )
    edit = act("Change a phrase of a list.", terms.edit, takes=TermFacts, gives=TermAnswer, partial=True)
    remove = removal("Take a phrase off its list.", terms.remove)
