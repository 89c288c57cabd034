"""Reviews: the four steps, their signatures, the lessons, the checklist and the archive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from api.causes import CauseAnswer
from api.checklists import ChecklistAnswer
from api.resource import Resource, act, creation, detail, listing, one
from api.shapes import (
    MOST_NAMES,
    VERSION,
    Answer,
    ByName,
    Count,
    Page,
    Person,
    Strict,
    VisibleIncident,
    person_field,
    team_field,
)
from postmortem import access, composition, reviews, revisions
from postmortem.models import (
    MAX_NOTES,
    MAX_TEXT,
    LessonPoint,
    Review,
    ReviewStep,
)
from remediation import items, plan, preflight
from remediation.models import RemediationItem

STATES = ["preparing", "in_review", "archived"]


def _teams(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(child=team_field(), max_length=MOST_NAMES, **kwargs)


class ReviewStart(Strict):
    title = serializers.CharField(max_length=200)
    incidents = serializers.ListField(child=VisibleIncident(), min_length=1, max_length=MOST_NAMES)
    owner = person_field(required=False, help_text="A person's id; you unless given.")
    facilitator = person_field(required=False, help_text="A person's id; you unless given.")
    teams_present = _teams(required=False)


class ReviewFacts(Strict):
    """What a review is called, who carries it, and which teams were there."""

    title = serializers.CharField(max_length=200)
    owner = person_field()
    facilitator = person_field()
    teams_present = _teams()
    facts_version = Count(source="version", required=False, help_text=VERSION)


class Coverage(Strict):
    incidents = serializers.ListField(child=VisibleIncident(), min_length=1, max_length=MOST_NAMES)


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
    notes = serializers.CharField(
        max_length=MAX_NOTES,
        allow_blank=True,
        required=False,
        trim_whitespace=False,
        help_text="What belongs nowhere else; left as it is unless given.",
    )
    version = Count(
        help_text="The version you edited; an older one than the stored is refused with both texts."
    )


class Reason(Strict):
    reason = serializers.CharField(max_length=2000)


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


class LessonPointAnswer(Answer):
    """A point of what went badly, and what answers it."""

    items = serializers.SlugRelatedField(slug_field="public_id", many=True, read_only=True)
    declined_by = Person(allow_null=True)

    class Meta:
        model = LessonPoint
        fields = ("id", "text", "items", "declined_because", "declined_by", "declined_at")


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
    teams_present = serializers.SlugRelatedField(slug_field="slug", many=True, read_only=True)
    lesson_points = LessonPointAnswer(many=True)

    class Meta:
        model = Review
        fields = (
            *ReviewSummary.Meta.fields,
            "archived_by", "first_archived_at", "content_hash", "teams_present", "steps",
            "causes", "checklist",
            "went_well", "went_badly", "luck", "notes", "lesson_points", "version",
            "facts_version",
        )  # fmt: skip


class GapAnswer(serializers.Serializer):
    """One thing that a review lacks before it can be archived."""

    code = serializers.CharField(source="gap.code")
    message = serializers.CharField(source="gap.message")
    where = serializers.CharField(source="gap.where", allow_blank=True)
    url = serializers.SerializerMethodField(help_text="The page, and on it the field, that mends it.")

    @extend_schema_field(serializers.URLField())
    def get_url(self, todo: preflight.Todo) -> str:
        address: str = self.context["request"].build_absolute_uri(todo.url)
        return address


class RequirementAnswer(serializers.Serializer):
    """One thing that the archive asks of this review."""

    key = serializers.CharField()
    title = serializers.CharField()
    is_done = serializers.BooleanField()


class Gaps(serializers.Serializer):
    """All that a review lacks; archiving is refused until `gaps` is empty."""

    done = serializers.IntegerField(help_text="How many of the requirements are met.")
    total = serializers.IntegerField()
    requirements = RequirementAnswer(many=True)
    gaps = GapAnswer(source="todos", many=True)


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


def _gaps(view: Resource, *, review: str) -> preflight.Preflight:
    return preflight.of(view.find(review=review), viewer=view.request.user)


class Reviews(Resource):
    def visible(self) -> QuerySet[Review]:
        return access.reviews(self.request.user)

    def whole(self, rows: QuerySet[Review]) -> QuerySet[Review]:
        rows = rows.select_related("owner", "facilitator", "archived_by").prefetch_related("incidents")
        return (
            rows
            if self.action == "list"
            else rows.prefetch_related(
                "teams_present",
                "steps__signed_by",
                "causes__cause_class",
                "checklist",
                "lesson_points__items",
                "lesson_points__declined_by",
            )
        )

    list = listing(
        "The reviews you may see, newest first.", gives=ReviewSummary, takes=ReviewQuery, rows=_found
    )
    create = creation(
        "Start the review of one or more incidents.", _create, takes=ReviewStart, gives=ReviewDetail
    )
    retrieve = detail("One review; once archived it is a postmortem.", gives=ReviewDetail)
    edit = act(
        "Change the title of a review, its owner, its facilitator or the teams present.",
        composition.edit,
        takes=ReviewFacts,
        gives=ReviewDetail,
        partial=True,
    )
    cover = act(
        "Say which incidents a review is about; when that changes, its signatures become stale.",
        composition.cover,
        takes=Coverage,
        gives=ReviewDetail,
    )
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
    gaps = detail(
        "What the archive asks of a review, what it still lacks, and where each gap is mended.",
        gives=Gaps,
        of=_gaps,
    )
    archive = act(
        "Archive a review: it becomes a read-only postmortem with a content hash.",
        _archive,
        gives=ReviewDetail,
    )
    reopen = act(
        "Open an archived postmortem for changes again; what was archived stays as a revision.",
        revisions.reopen,
        takes=Reason,
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


class VisibleItem(ByName):
    """A remediation item that the caller may see, by its public id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="public_id", queryset=RemediationItem.objects.none(), **kwargs)

    def get_queryset(self) -> QuerySet[RemediationItem]:
        return items.visible_to(self.context["request"].user)


class LessonAnswer(Strict):
    items = serializers.ListField(child=VisibleItem(), max_length=MOST_NAMES, help_text="All that answer it.")
    reason = serializers.CharField(
        max_length=2000,
        allow_blank=True,
        required=False,
        help_text="Why it needs no item: an approval, for facilitators and above.",
    )


class LessonPoints(Resource):
    tag = "reviews"

    def find(self, **url: Any) -> LessonPoint:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        point: LessonPoint = one(review.lesson_points.all(), pk=url["point"])
        return point

    def whole(self, rows: QuerySet[LessonPoint]) -> QuerySet[LessonPoint]:
        return rows.select_related("declined_by").prefetch_related("items")

    map = act(
        "Say which items answer a point of what went badly, or why it needs none.",
        plan.answer_lesson,
        takes=LessonAnswer,
        gives=LessonPointAnswer,
    )
