"""Remediation items: agree, find, assign, start, claim the fix; only check runs bring them further."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from rest_framework import serializers

from accounts.models import User
from api.checks import CheckAnswer, CheckDefinition, sound
from api.resource import Resource, act, creation, detail, listing
from api.shapes import (
    MOST_NAMES,
    Answer,
    ById,
    ByName,
    Count,
    Moment,
    Page,
    Person,
    Strict,
    person_field,
    service_field,
    severity_field,
    team_field,
)
from postmortem import access
from postmortem.models import MAX_TEXT, Review, RootCause
from remediation import items
from remediation.models import ItemTransition, RemediationItem

MOST_CHECKS = 20
# Checks are tried one after the other while the caller waits; a slow source may not hold them longer.
PATIENCE_SECONDS = 15.0


class VisibleReview(ByName):
    """A review that the caller may see, by its public id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="public_id", queryset=Review.objects.none(), **kwargs)

    def get_queryset(self) -> QuerySet[Review]:
        return access.reviews(self.context["request"].user)


class VisibleCause(ById):
    """A root cause of a review that the caller may see, by its id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=RootCause.objects.none(), **kwargs)

    def get_queryset(self) -> QuerySet[RootCause]:
        return RootCause.objects.filter(access.review_q(self.context["request"].user, "review__"))


class ItemFacts(Strict):
    """What can be corrected later without touching the promise."""

    title = serializers.CharField(max_length=200)
    description = serializers.CharField(
        max_length=MAX_TEXT, allow_blank=True, required=False, trim_whitespace=False, help_text="Markdown."
    )
    tracker_url = serializers.URLField(max_length=500, allow_blank=True, required=False)


class Promise(ItemFacts):
    owner = person_field(help_text="The id of the one active person who answers for it.")
    service = service_field()
    team = team_field(required=False)
    severity = severity_field()
    kind = serializers.ChoiceField(RemediationItem.Kind.choices)
    category = serializers.ChoiceField(RemediationItem.Category.choices)
    review = VisibleReview(
        required=False, allow_null=True, help_text="The public id of the review it comes from."
    )
    causes = serializers.ListField(
        child=VisibleCause(), max_length=MOST_NAMES, required=False, help_text="Ids of causes of that review."
    )
    due_at = Moment(
        required=False,
        allow_null=True,
        help_text="By the policy unless given; later than the policy is refused.",
    )
    checks = CheckDefinition(many=True, max_length=MOST_CHECKS, help_text="At least one.")


class Claim(Strict):
    fix_url = serializers.URLField(max_length=500, allow_blank=True, required=False)
    never_red_reason = serializers.CharField(
        max_length=2000,
        allow_blank=True,
        required=False,
        help_text="P0 and P1: why no check was ever seen failing.",
    )


class Decline(Strict):
    reason = serializers.CharField(max_length=2000)


class OptionalReason(Strict):
    reason = serializers.CharField(max_length=2000, allow_blank=True, required=False)


class Assignment(Strict):
    to = person_field()


class TransitionAnswer(Answer):
    by = Person(allow_null=True)

    class Meta:
        model = ItemTransition
        fields = ("at", "from_state", "to_state", "by", "run", "reason")


class ItemSummary(Answer):
    id = serializers.CharField(source="public_id")
    owner = Person()
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    service = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    severity = serializers.SlugRelatedField(slug_field="code", read_only=True)
    review = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)

    class Meta:
        model = RemediationItem
        fields = (
            "id", "title", "state", "owner", "team", "service", "severity", "kind", "category", "origin",
            "review", "agreed_at", "due_at", "policy_version", "fix_claimed_at", "first_verified_at",
        )  # fmt: skip


class ItemDetail(ItemSummary):
    agreed_by = Person()
    fix_claimed_by = Person(allow_null=True)
    wont_do_approved_by = Person(allow_null=True)
    # Plain text, for they may be empty, which no address is.
    tracker_url = serializers.CharField()
    fix_url = serializers.CharField()
    causes = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    checks = CheckAnswer(source="verification_checks", many=True)
    transitions = TransitionAnswer(many=True)

    class Meta:
        model = RemediationItem
        fields = (
            *ItemSummary.Meta.fields,
            "description", "tracker_url", "causes", "agreed_by", "fix_claimed_by", "fix_url",
            "never_red_reason", "wont_do_reason", "wont_do_approved_by", "checks", "transitions",
        )  # fmt: skip


class ItemQuery(Page):
    state = serializers.ChoiceField(RemediationItem.State.choices, required=False)
    owner = Count(required=False, help_text="A person's id.")
    service = serializers.CharField(max_length=80, required=False, help_text="A service's slug.")
    review = serializers.CharField(max_length=16, required=False, help_text="A review's public id.")
    overdue = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Past its deadline, neither verified nor declined.",
    )
    q = serializers.CharField(
        max_length=200, required=False, help_text="Words in the title or the description, or a public id."
    )


def _found(
    view: Resource,
    *,
    state: str = "",
    owner: int | None = None,
    service: str = "",
    review: str = "",
    overdue: bool | None = None,
    q: str = "",
) -> QuerySet[RemediationItem]:
    rows = view.visible()
    if state:
        rows = rows.filter(state=state)
    if owner is not None:
        rows = rows.filter(owner_id=owner)
    if service:
        rows = rows.filter(service__slug=service)
    if review:
        rows = rows.filter(review__public_id=review)
    if overdue is not None:
        late = Q(due_at__lt=timezone.now()) & ~Q(state__in=["verified", "wont_do"])
        rows = rows.filter(late if overdue else ~late)
    if q:
        rows = rows.filter(Q(title__icontains=q) | Q(description__icontains=q) | Q(public_id__iexact=q))
    return rows


def _agree(*, checks: list[dict[str, Any]], by: User, now: datetime, **values: Any) -> RemediationItem:
    review = values.get("review")
    given = {
        "team": values["service"].team,
        "causes": [],
        "origin": RemediationItem.Origin.REVIEW if review else RemediationItem.Origin.PROACTIVE,
    }
    stop_at = time.monotonic() + PATIENCE_SECONDS
    specs = [
        sound(check, place=f"checks.{number}.", is_asked=time.monotonic() < stop_at)
        for number, check in enumerate(checks)
    ]
    return items.agree(checks=specs, by=by, now=now, **given | values)


class Items(Resource):
    ordering = ("due_at", "id")

    def visible(self) -> QuerySet[RemediationItem]:
        return items.visible_to(self.request.user)

    def whole(self, rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
        rows = rows.select_related("owner", "team", "service", "severity", "review")
        if self.action == "list":
            return rows
        return rows.select_related("agreed_by", "fix_claimed_by", "wont_do_approved_by").prefetch_related(
            "causes", "verification_checks__data_source", "transitions__by"
        )

    list = listing(
        "The items you may see, the most urgent first.", gives=ItemSummary, takes=ItemQuery, rows=_found
    )
    create = creation(
        "Agree an item with its owner, deadline and checks. Each Prometheus check is tried once first.",
        _agree,
        takes=Promise,
        gives=ItemDetail,
    )
    retrieve = detail("One item with its checks and the moves it made.", gives=ItemDetail)
    edit = act("Correct the words of an item.", items.edit, takes=ItemFacts, gives=ItemDetail, partial=True)
    assign = act("Give an item to another owner.", items.assign, takes=Assignment, gives=ItemDetail)
    start = act("Start work on an item.", items.start, gives=ItemDetail)
    claim_fix = act(
        "Say that the fix is made. From here on only check runs decide: passes in a row verify it.",
        items.claim_fix,
        takes=Claim,
        gives=ItemDetail,
    )
    withdraw = act("Withdraw the claim.", items.withdraw_claim, takes=OptionalReason, gives=ItemDetail)
    decline = act(
        "Decide that an item will not be done: a governor who does not own it.",
        items.decline,
        takes=Decline,
        gives=ItemDetail,
    )
    reopen = act(
        "Take up a declined or regressed item again.", items.reopen, takes=OptionalReason, gives=ItemDetail
    )
