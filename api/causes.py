"""Root causes, triggers and contributing factors of a review."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.resource import Resource, act, creation, detail, listing, one, removal
from api.shapes import VERSION, Answer, ById, ByName, Count, Figure, Person, Strict
from postmortem import access, cause_classes, causes, recurrences
from postmortem.models import MAX_TEXT, CauseClass, Recurrence, RootCause
from remediation import plan


def class_field(**kwargs: Any) -> ByName:
    return ByName(slug_field="slug", queryset=CauseClass.objects.all(), **kwargs)


class CauseText(Strict):
    statement = serializers.CharField(max_length=4000, help_text="What had to be so; never a person.")
    part = serializers.ChoiceField(RootCause.Part.choices)
    cause_class = class_field(
        required=False, allow_null=True, help_text="The slug of a class that is not retired."
    )


class CauseCorrection(CauseText):
    version = Count(required=False, help_text=VERSION)


class NewCause(CauseText):
    is_primary = serializers.BooleanField(required=False)


class Settlement(Strict):
    state = serializers.ChoiceField(RootCause.State.choices)
    evidence = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False)
    version = Count(required=False, help_text=VERSION)


class Why(Strict):
    why = serializers.CharField(max_length=causes.MAX_WHY)
    evidence = serializers.CharField(max_length=causes.MAX_WHY_EVIDENCE, required=False, allow_blank=True)


class WhyChain(Strict):
    whys = Why(many=True, max_length=causes.MAX_WHYS, help_text="Each answers the one before it.")
    version = Count(help_text="The cause's version you edited; an older one is refused with both chains.")


class WhyAnswer(serializers.Serializer):
    why = serializers.CharField()
    evidence = serializers.CharField(allow_blank=True)


class CauseAnswer(Answer):
    cause_class = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    whys = WhyAnswer(many=True)

    class Meta:
        model = RootCause
        fields = (
            "id", "part", "is_primary", "state", "statement", "evidence", "cause_class", "whys", "version",
            "created_at",
        )  # fmt: skip


class EarlierCause(Answer):
    """A cause of another review, as far as it helps to tell whether it is the same."""

    review = serializers.SlugRelatedField(slug_field="public_id", read_only=True)
    cause_class = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)

    class Meta:
        model = RootCause
        fields = ("id", "review", "part", "state", "statement", "cause_class")


class SuggestionAnswer(serializers.Serializer):
    """An earlier cause that looks alike, and why."""

    cause = EarlierCause(source="earlier")
    score = Figure(source="likeness.score", help_text="0 to 1.")
    is_likely = serializers.BooleanField(source="likeness.is_likely")
    shared_class = serializers.CharField(source="likeness.shared_class", allow_blank=True)
    shared_services = serializers.ListField(source="likeness.shared_services", child=serializers.CharField())
    shared_words = serializers.ListField(source="likeness.shared_words", child=serializers.CharField())


class Suggestions(serializers.Serializer):
    suggestions = SuggestionAnswer(many=True)


class VisibleCause(ById):
    """A cause whose review the caller may see, by its number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=RootCause.objects.none(), **kwargs)

    def get_queryset(self) -> QuerySet[RootCause]:
        return RootCause.objects.filter(access.review_q(self.context["request"].user, "review__"))


class RecurrenceVerdict(Strict):
    earlier = VisibleCause(help_text="The id of a cause of an earlier incident.")
    verdict = serializers.ChoiceField(Recurrence.Verdict.choices)
    reason = serializers.CharField(max_length=500, allow_blank=True, required=False)


class RecurrenceAnswer(Answer):
    earlier = EarlierCause()
    judged_by = Person()

    class Meta:
        model = Recurrence
        fields = ("id", "earlier", "verdict", "reason", "judged_by", "judged_at")


class Causes(Resource):
    tag = "reviews"

    def find(self, **url: Any) -> Any:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        return one(review.causes.all(), pk=url["cause"]) if "cause" in url else review

    def whole(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.select_related("cause_class")

    record = creation(
        "Record a cause, as a hypothesis.", causes.record, takes=NewCause, gives=CauseAnswer, of=True
    )
    edit = act(
        "Reword or reclassify a cause; a new wording is a hypothesis again.",
        causes.edit,
        takes=CauseCorrection,
        gives=CauseAnswer,
    )
    settle = act(
        "Say that a cause is verified or refuted, by which evidence.",
        causes.settle,
        takes=Settlement,
        gives=CauseAnswer,
    )
    explain = act(
        "Write the chain of whys of a cause; its order is that of the list.",
        causes.explain,
        takes=WhyChain,
        gives=CauseAnswer,
    )
    make_primary = act("Make a cause the one primary root cause.", causes.make_primary, gives=CauseAnswer)
    remove = removal("Remove a cause that no remediation item names.", plan.remove_cause)


def _suggestions(view: Resource, *, review: str, cause: int) -> dict[str, Any]:
    found = view.find(review=review, cause=cause)
    return {"suggestions": recurrences.suggest(found, to=view.request.user)}


def _judged(view: Resource, *, review: str, cause: int) -> QuerySet[Recurrence]:
    return recurrences.judged(view.find(review=review, cause=cause), to=view.request.user)


class Recurrences(Resource):
    """What is said about a cause and earlier ones; of reviews that the caller may see."""

    tag = "reviews"
    ordering = ("-judged_at", "-id")

    def find(self, **url: Any) -> RootCause:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        cause: RootCause = one(review.causes.all(), pk=url["cause"])
        return cause

    def whole(self, rows: QuerySet[Recurrence]) -> QuerySet[Recurrence]:
        return rows.select_related("earlier__review", "earlier__cause_class", "judged_by")

    suggest = detail(
        "Earlier causes that look like this one, the most alike first; those judged already are left out.",
        gives=Suggestions,
        of=_suggestions,
    )
    list = listing("What was said about this cause and earlier ones.", gives=RecurrenceAnswer, rows=_judged)
    judge = creation(
        "Confirm or reject that this cause is an earlier one come back; a later word replaces an earlier.",
        recurrences.judge,
        takes=RecurrenceVerdict,
        gives=RecurrenceAnswer,
        of=True,
    )


class NewClass(Strict):
    slug = serializers.SlugField(max_length=60)
    name = serializers.CharField(max_length=80)
    description = serializers.CharField(max_length=300, allow_blank=True, required=False)
    parent = class_field(required=False, allow_null=True)


class ClassEdit(Strict):
    name = serializers.CharField(max_length=80)
    description = serializers.CharField(max_length=300, allow_blank=True)
    parent = class_field(allow_null=True)
    is_retired = serializers.BooleanField()


class ClassAnswer(Answer):
    parent = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)

    class Meta:
        model = CauseClass
        fields = ("slug", "name", "description", "parent", "is_retired")


class CauseClasses(Resource):
    ordering = ("id",)
    key = "slug"

    def visible(self) -> QuerySet[CauseClass]:
        return CauseClass.objects.all()

    def whole(self, rows: QuerySet[CauseClass]) -> QuerySet[CauseClass]:
        return rows.select_related("parent")

    list = listing("The classes of causes, a tree by their parents.", gives=ClassAnswer)
    retrieve = detail("One class.", gives=ClassAnswer)
    create = creation("Add a class; governors only.", cause_classes.add, takes=NewClass, gives=ClassAnswer)
    edit = act(
        "Rename, describe, move or retire a class.",
        cause_classes.edit,
        takes=ClassEdit,
        gives=ClassAnswer,
        partial=True,
    )
    remove = removal("Delete a class that is not in use.", cause_classes.remove)
