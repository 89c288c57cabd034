"""Approvals of a review."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import User
from api.resource import Resource, creation, detail, one
from api.shapes import Answer, Person, Strict
from postmortem import access, approvals
from postmortem.models import Review, ReviewApproval


class Approval(Strict):
    comment = serializers.CharField(max_length=2000, allow_blank=True, required=False)


class ApprovalAnswer(Answer):
    given_by = Person()

    class Meta:
        model = ReviewApproval
        fields = ("id", "given_by", "given_at", "content_hash", "comment")


class GivenAnswer(serializers.Serializer):
    approval = ApprovalAnswer()
    is_valid = serializers.BooleanField(help_text="Nothing changed since, and its giver may still approve.")


class Standing(serializers.Serializer):
    """What the severities ask for, and what was given."""

    needed = serializers.IntegerField()
    role = serializers.ChoiceField(User.Role.choices, help_text="The least role that may approve.")
    missing = serializers.IntegerField()
    given = GivenAnswer(many=True)


def _standing(view: Resource, *, review: str) -> dict[str, Any]:
    found = view.find(review=review)
    asked = approvals.policy(found)
    given = approvals.of(found, asked=asked)
    missing = max(0, asked.needed - sum(one.is_valid for one in given))
    return {"needed": asked.needed, "role": asked.role, "missing": missing, "given": given}


class Approvals(Resource):
    tag = "reviews"

    def find(self, **url: Any) -> Review:
        found: Review = one(access.reviews(self.request.user), public_id=url["review"])
        return found

    def whole(self, rows: Any) -> Any:
        return rows.select_related("given_by")

    retrieve = detail("Which approvals a review needs, and which it has.", gives=Standing, of=_standing)
    approve = creation(
        "Approve a review as it stands, once its steps are signed; whatever changes later makes this stale.",
        approvals.approve,
        takes=Approval,
        gives=ApprovalAnswer,
        of=True,
    )
