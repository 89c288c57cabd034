"""What the API takes and gives of remediation items."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from api.causes import VisibleCause
from api.checks import CheckAnswer, CheckDefinition
from api.shapes import (
    MOST_NAMES,
    VERSION,
    Answer,
    ByName,
    Count,
    Moment,
    NameOf,
    Page,
    Person,
    Strict,
    person_field,
    person_id,
    service_field,
    service_name,
    severity_field,
    severity_name,
    team_field,
    team_name,
)
from postmortem import access
from postmortem.models import MAX_TEXT, Review
from remediation.items import selecting
from remediation.items.bulk import MOST as MOST_AT_ONCE
from remediation.models import (
    DeadlineMark,
    DeadlineWaiver,
    ItemTransition,
    RemediationItem,
    WontDoRequest,
)

MOST_CHECKS = 20


class VisibleReview(ByName):
    """A review that the caller may see, by its public id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="public_id", queryset=Review.objects.none(), **kwargs)

    def get_queryset(self) -> QuerySet[Review]:
        return access.reviews(self.context["request"].user)


class NameOfReview(NameOf, VisibleReview):
    """The public id of a review that the caller may see, to narrow a list by."""


class ItemFacts(Strict):
    """What can be corrected later without touching the promise."""

    title = serializers.CharField(max_length=200)
    description = serializers.CharField(
        max_length=MAX_TEXT, allow_blank=True, required=False, trim_whitespace=False, help_text="Markdown."
    )
    tracker_url = serializers.URLField(max_length=500, allow_blank=True, required=False)


class ItemCorrection(ItemFacts):
    kind = serializers.ChoiceField(RemediationItem.Kind.choices)
    category = serializers.ChoiceField(
        RemediationItem.Category.choices,
        help_text="Until the fix is claimed; the deadline may become earlier by it, never later.",
    )
    version = Count(required=False, help_text=VERSION)


class _Agreed(ItemFacts):
    """What every item says when it is agreed."""

    owner = person_field(help_text="The id of the one active person who answers for it.")
    service = service_field()
    team = team_field(required=False)
    severity = severity_field()
    kind = serializers.ChoiceField(RemediationItem.Kind.choices)
    category = serializers.ChoiceField(RemediationItem.Category.choices)
    due_at = Moment(
        required=False,
        allow_null=True,
        help_text="By the policy unless given; later than the policy is refused.",
    )
    checks = CheckDefinition(many=True, max_length=MOST_CHECKS, help_text="At least one.")


class Promise(_Agreed):
    review = VisibleReview(
        required=False, allow_null=True, help_text="The public id of the review it comes from."
    )
    causes = serializers.ListField(
        child=VisibleCause(), max_length=MOST_NAMES, required=False, help_text="Ids of causes of that review."
    )


class Proposal(_Agreed):
    """What a program promises before anything happened."""

    external_key = serializers.CharField(
        max_length=200, help_text="Your name for it, such as capacity/order/2026-11-20."
    )


class Claim(Strict):
    fix_url = serializers.URLField(max_length=500, allow_blank=True, required=False)
    never_red_reason = serializers.CharField(
        max_length=2000,
        allow_blank=True,
        required=False,
        help_text="P0 and P1: why no check was ever seen failing.",
    )


class OptionalReason(Strict):
    reason = serializers.CharField(max_length=2000, allow_blank=True, required=False)


class Assignment(Strict):
    to = person_field()


class TeamChange(Strict):
    team = team_field()


class Answered(Strict):
    causes = serializers.ListField(
        child=VisibleCause(), max_length=MOST_NAMES, help_text="Ids: all that it removes from now on."
    )


class ItemReason(Strict):
    reason = serializers.CharField(max_length=2000)


class OptionalComment(Strict):
    comment = serializers.CharField(max_length=2000, allow_blank=True, required=False)


class BulkChange(Strict):
    """The same for several items; all of them change, or none does."""

    items = serializers.ListField(
        child=serializers.CharField(max_length=16), max_length=MOST_AT_ONCE, help_text="Public ids."
    )
    owner = person_field(required=False, allow_null=True)
    team = team_field(required=False, allow_null=True)
    tracker_url = serializers.URLField(
        max_length=500, allow_blank=True, required=False, allow_null=True, help_text="Empty removes it."
    )


class TransitionAnswer(Answer):
    by = Person(allow_null=True)

    class Meta:
        model = ItemTransition
        fields = ("at", "from_state", "to_state", "by", "run", "reason")


class RequestAnswer(Answer):
    """A request not to do an item; `answer` is empty while nobody has given one."""

    asked_by = Person()
    answered_by = Person(allow_null=True)
    answer = serializers.CharField()

    class Meta:
        model = WontDoRequest
        fields = ("reason", "asked_by", "asked_at", "answer", "comment", "answered_by", "answered_at")


class WaiverAnswer(Answer):
    asked_by = Person()
    answered_by = Person(allow_null=True)
    answer = serializers.CharField(help_text="granted, refused, withdrawn, or empty.")

    class Meta:
        model = DeadlineWaiver
        fields = (
            "previous_due_at", "due_at", "reason", "asked_by", "asked_at", "answer", "comment",
            "answered_by", "answered_at",
        )  # fmt: skip


class MarkAnswer(Answer):
    class Meta:
        model = DeadlineMark
        fields = ("kind", "due_at", "noticed_at")


class MoreTime(Strict):
    due_at = Moment(help_text="Later than the present deadline.")
    reason = serializers.CharField(max_length=2000)


class ItemSummary(Answer):
    id = serializers.CharField(source="public_id")
    owner = Person()
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    service = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    severity = serializers.SlugRelatedField(slug_field="code", read_only=True)
    review = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)
    is_ownerless = serializers.BooleanField(
        help_text="Its owner was deactivated: somebody must take it over."
    )

    class Meta:
        model = RemediationItem
        fields = (
            "id", "title", "state", "owner", "is_ownerless", "team", "service", "severity", "kind",
            "category", "origin", "review", "agreed_at", "due_at", "policy_version", "fix_claimed_at",
            "first_verified_at",
        )  # fmt: skip


class ItemDetail(ItemSummary):
    agreed_by = Person()
    fix_claimed_by = Person(allow_null=True)
    wont_do_approved_by = Person(allow_null=True)
    # Plain text, for they may be empty, which no address is.
    tracker_url = serializers.CharField()
    fix_url = serializers.CharField()
    causes = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    lessons = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    wont_do_requests = RequestAnswer(many=True)
    deadline_waivers = WaiverAnswer(many=True)
    deadline_marks = MarkAnswer(many=True)
    checks = CheckAnswer(source="verification_checks", many=True)
    transitions = TransitionAnswer(many=True)

    class Meta:
        model = RemediationItem
        fields = (
            *ItemSummary.Meta.fields,
            "description", "tracker_url", "version", "causes", "lessons", "agreed_by", "fix_claimed_by",
            "external_key", "fix_url", "never_red_reason", "wont_do_reason", "wont_do_approved_by",
            "wont_do_requests", "deadline_waivers", "deadline_marks", "checks", "transitions",
        )  # fmt: skip


def _flag(says: str) -> serializers.BooleanField:
    return serializers.BooleanField(required=False, help_text=says)


class ItemQuery(Page):
    state = serializers.ChoiceField(
        [*RemediationItem.State.choices, (selecting.ACTIVE, "neither verified nor declined")], required=False
    )
    owner = person_id("A person's id.")
    team = team_name("A team's slug.")
    service = service_name("A service's slug.")
    severity = severity_name("A severity's code.")
    kind = serializers.ChoiceField(RemediationItem.Kind.choices, required=False)
    category = serializers.ChoiceField(RemediationItem.Category.choices, required=False)
    origin = serializers.ChoiceField(RemediationItem.Origin.choices, required=False)
    review = NameOfReview(required=False, help_text="The public id of a review that you may see.")
    overdue = _flag("Past its deadline, neither verified nor declined.")
    at_risk = _flag("Four fifths of the promised time are used up.")
    ownerless = _flag("Unfinished, and its owner was deactivated.")
    asked = _flag("Somebody asked that it be not done, and nobody has answered.")
    q = serializers.CharField(
        max_length=200,
        required=False,
        help_text="Words of the title or the description, the last one may be a beginning; or a public id.",
    )
