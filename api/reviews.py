"""Reviews: the four steps, their signatures, the lessons, the checklist and the archive."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers

from accounts.models import User
from api.causes import CauseAnswer
from api.pipelines import CommandFields, PipelineAnswer
from api.resource import Resource, act, creation, detail, listing, one, removal
from api.shapes import MOST_NAMES, Answer, ByName, Count, Page, Person, Strict, person_field
from postmortem import access, reviews
from postmortem.models import MAX_TEXT, ChecklistEntry, Incident, Review, ReviewStep
from remediation import plan

STATES = ["preparing", "in_review", "archived"]


class VisibleIncident(ByName):
    """An incident that the caller may see, by its public id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="public_id", queryset=Incident.objects.none(), **kwargs)

    def get_queryset(self) -> QuerySet[Incident]:
        return access.incidents(self.context["request"].user)


class ReviewStart(Strict):
    title = serializers.CharField(max_length=200)
    incidents = serializers.ListField(child=VisibleIncident(), min_length=1, max_length=MOST_NAMES)
    owner = person_field(required=False, help_text="A person's id; you unless given.")
    facilitator = person_field(required=False, help_text="A person's id; you unless given.")


class StepText(Strict):
    finding = serializers.CharField(
        max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False, help_text="Markdown."
    )
    evidence = serializers.CharField(
        max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False, help_text="Markdown."
    )
    version = Count(
        help_text="The version you edited; an older one than the stored is refused with both texts."
    )


class Lessons(Strict):
    went_well = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False)
    went_badly = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False)
    luck = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, trim_whitespace=False)
    version = Count(
        help_text="The version you edited; an older one than the stored is refused with both texts."
    )


class Reason(Strict):
    reason = serializers.CharField(max_length=2000)


class ChecklistCommand(CommandFields):
    title = serializers.CharField(max_length=200)
    expectation = serializers.ChoiceField(ChecklistEntry.Expectation.choices)


class StepAnswer(Answer):
    step = serializers.ChoiceField(ReviewStep.Kind.choices, source="kind")
    signed_by = Person(allow_null=True)
    is_signed = serializers.BooleanField(help_text="Signed, and no earlier step was reopened since.")

    class Meta:
        model = ReviewStep
        fields = (
            "step",
            "position",
            "finding",
            "evidence",
            "version",
            "signed_at",
            "signed_by",
            "is_signed",
            "is_stale",
            "reopened_because",
        )


class ChecklistAnswer(PipelineAnswer):
    class Meta:
        model = ChecklistEntry
        fields = ("id", "position", "title", "command", "pipeline", "expectation")


class ReviewSummary(Answer):
    id = serializers.CharField(source="public_id")
    state = serializers.SerializerMethodField()
    owner = Person()
    facilitator = Person()
    incidents = serializers.SlugRelatedField(slug_field="public_id", many=True, read_only=True)

    class Meta:
        model = Review
        fields = (
            "id",
            "title",
            "state",
            "owner",
            "facilitator",
            "incidents",
            "created_at",
            "opened_at",
            "archived_at",
        )

    def get_state(self, review: Review) -> str:
        """preparing, in_review or archived."""
        return "archived" if review.is_archived else "in_review" if review.opened_at else "preparing"


class ReviewDetail(ReviewSummary):
    steps = StepAnswer(many=True)
    causes = CauseAnswer(many=True)
    checklist = ChecklistAnswer(many=True)
    archived_by = Person(allow_null=True)

    class Meta:
        model = Review
        fields = (
            *ReviewSummary.Meta.fields,
            "archived_by", "content_hash", "steps", "causes", "checklist",
            "went_well", "went_badly", "luck", "version",
        )  # fmt: skip


class GapAnswer(serializers.Serializer):
    """One thing that a review lacks before it can be archived."""

    code = serializers.CharField()
    message = serializers.CharField()
    where = serializers.CharField(allow_blank=True)


class Gaps(serializers.Serializer):
    """All that a review lacks; archiving is refused until this is empty."""

    gaps = GapAnswer(many=True)


class ReviewQuery(Page):
    state = serializers.ChoiceField(STATES, required=False)
    q = serializers.CharField(max_length=200, required=False, help_text="Words in the title, or a public id.")


_IN_STATE = {
    "preparing": Q(opened_at=None),
    "in_review": Q(opened_at__isnull=False, archived_at=None),
    "archived": Q(archived_at__isnull=False),
}


def _found(view: Resource, *, state: str = "", q: str = "") -> QuerySet[Review]:
    rows = view.visible()
    if state:
        rows = rows.filter(_IN_STATE[state])
    if q:
        rows = rows.filter(Q(title__icontains=q) | Q(public_id__iexact=q))
    return rows


def _create(*, by: User, **values: Any) -> Review:
    return reviews.create(by=by, **{"owner": by, "facilitator": by} | values)


def _archive(review: Review, *, by: User, now: datetime) -> Review:
    return plan.archive(review, by=by, now=now)


def _gaps(view: Resource, *, review: str) -> dict[str, Any]:
    return {"gaps": [dataclasses.asdict(gap) for gap in plan.gaps(view.find(review=review))]}


class Reviews(Resource):
    def visible(self) -> QuerySet[Review]:
        return access.reviews(self.request.user)

    def whole(self, rows: QuerySet[Review]) -> QuerySet[Review]:
        rows = rows.select_related("owner", "facilitator", "archived_by").prefetch_related("incidents")
        return (
            rows
            if self.action == "list"
            else rows.prefetch_related("steps__signed_by", "causes", "checklist")
        )

    list = listing(
        "The reviews you may see, newest first.", gives=ReviewSummary, takes=ReviewQuery, rows=_found
    )
    create = creation(
        "Start the review of one or more incidents.", _create, takes=ReviewStart, gives=ReviewDetail
    )
    retrieve = detail("One review; once archived it is a postmortem.", gives=ReviewDetail)
    open = act(
        "Open a review, once every participant's timeline is filed or excused.",
        reviews.open,
        gives=ReviewDetail,
    )
    lessons = act(
        "Write what went well, what went badly and where luck played in.",
        reviews.write_lessons,
        takes=Lessons,
        gives=ReviewDetail,
    )
    gaps = detail("What the review still lacks before it can be archived.", gives=Gaps, of=_gaps)
    archive = act(
        "Archive a review: it becomes a read-only postmortem with a content hash.",
        _archive,
        gives=ReviewDetail,
    )


class Steps(Resource):
    tag = "reviews"

    def find(self, **url: Any) -> ReviewStep:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        step: ReviewStep = one(review.steps.all(), kind=url["step"])
        return step

    def whole(self, rows: QuerySet[ReviewStep]) -> QuerySet[ReviewStep]:
        return rows.select_related("signed_by")

    write = act(
        "Write a step's finding and its evidence. Vague wording is stored; only the signature refuses it.",
        reviews.write,
        takes=StepText,
        gives=StepAnswer,
    )
    sign = act(
        "Sign a step, once those before it are signed and its wording is definite.",
        reviews.sign,
        gives=StepAnswer,
    )
    reopen = act(
        "Reopen a signed step; the signatures of later steps become stale.",
        reviews.reopen,
        takes=Reason,
        gives=StepAnswer,
    )


class Checklist(Resource):
    tag = "reviews"

    def find(self, **url: Any) -> Any:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        return one(review.checklist.all(), pk=url["entry"]) if "entry" in url else review

    add = creation(
        "Add a command to the executable checklist.",
        reviews.add_checklist_entry,
        takes=ChecklistCommand,
        gives=ChecklistAnswer,
        of=True,
    )
    remove = removal("Remove a command from the executable checklist.", reviews.remove_checklist_entry)
