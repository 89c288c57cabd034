"""Document templates of reviews, and what one review asks in each step."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from api.resource import Resource, act, creation, detail, listing, one, removal
from api.shapes import MOST_NAMES, Answer, Strict, severity_field
from postmortem import access, guides
from postmortem.guides import Guide
from postmortem.models import (
    LONGEST_QUESTION,
    MAX_QUESTIONS,
    MAX_SKELETON,
    ReviewStep,
    ReviewTemplate,
)


class TemplateStepFacts(Strict):
    step = serializers.ChoiceField(ReviewStep.Kind.choices)
    questions = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_QUESTION), max_length=MAX_QUESTIONS, required=False
    )
    skeleton = serializers.CharField(
        max_length=MAX_SKELETON,
        allow_blank=True,
        required=False,
        trim_whitespace=False,
        help_text="Markdown that the finding of a new review begins with.",
    )


class TemplateFacts(Strict):
    name = serializers.CharField(max_length=80)
    severities = serializers.ListField(
        child=severity_field(),
        max_length=MOST_NAMES,
        help_text="Whom it is for; none makes it the one for all severities without one of their own.",
    )
    is_active = serializers.BooleanField(default=True)
    steps = TemplateStepFacts(many=True, max_length=len(ReviewStep.Kind.values))


class TemplateStepAnswer(serializers.Serializer):
    step = serializers.ChoiceField(ReviewStep.Kind.choices)
    questions = serializers.ListField(child=serializers.CharField())
    skeleton = serializers.CharField(allow_blank=True)


class TemplateAnswer(Answer):
    severities = serializers.SerializerMethodField()
    steps = serializers.SerializerMethodField()

    class Meta:
        model = ReviewTemplate
        fields = ("id", "name", "severities", "is_active", "steps")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_severities(self, template: ReviewTemplate) -> list[str]:
        return sorted(link.severity.code for link in template.severity_links.all())

    @extend_schema_field(TemplateStepAnswer(many=True))
    def get_steps(self, template: ReviewTemplate) -> list[dict[str, Any]]:
        return _shown(guides.written(template))


class GuideAnswer(serializers.Serializer):
    """What a review asks in each step."""

    steps = TemplateStepAnswer(many=True)


def _shown(asked: dict[str, Guide]) -> list[dict[str, Any]]:
    return [
        {"step": kind, "questions": list(guide.questions), "skeleton": guide.skeleton}
        for kind, guide in asked.items()
    ]


def _save(
    template: ReviewTemplate | None = None, *, steps: Any, by: User, now: datetime, **facts: Any
) -> Any:
    asked = {one["step"]: Guide(one.get("questions", []), one.get("skeleton", "")) for one in steps}
    return guides.save(template, steps=asked, by=by, now=now, **facts)


class ReviewTemplates(Resource):
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[ReviewTemplate]:
        return ReviewTemplate.objects.all()

    def whole(self, rows: QuerySet[ReviewTemplate]) -> QuerySet[ReviewTemplate]:
        return rows.prefetch_related("steps", "severity_links__severity")

    list = listing("The document templates of the house.", gives=TemplateAnswer)
    create = creation(
        "Write a document template; governors only.", _save, takes=TemplateFacts, gives=TemplateAnswer
    )
    edit = act(
        "Write a document template anew; governors only. Reviews that have begun keep their texts.",
        _save,
        takes=TemplateFacts,
        gives=TemplateAnswer,
    )
    remove = removal("Take a document template away; governors only.", guides.remove)


def _guide(view: Resource, *, review: str) -> dict[str, Any]:
    found = one(access.reviews(view.request.user), public_id=review)
    return {"steps": _shown(guides.of(found.incidents.select_related("severity")))}


class Guides(Resource):
    tag = "reviews"

    def visible(self) -> Any:
        return access.reviews(self.request.user)

    retrieve = detail("What a review asks in each step, by its severity.", gives=GuideAnswer, of=_guide)
