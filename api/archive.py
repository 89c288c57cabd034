"""The archive: revisions, what changed between them, reopenings and addenda."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.resource import Resource, creation, detail, listing, one
from api.shapes import Answer, Person, Strict
from postmortem import access, revisions
from postmortem.models import MAX_TEXT, Addendum, Reopening, Review, Revision


class AddendumText(Strict):
    text = serializers.CharField(max_length=MAX_TEXT, trim_whitespace=False, help_text="Markdown.")


class AddendumAnswer(Answer):
    added_by = Person()

    class Meta:
        model = Addendum
        fields = ("id", "text", "content_hash", "added_at", "added_by")


class ReopeningAnswer(Answer):
    """Who opened the postmortem again, when and why."""

    reopened_by = Person()

    class Meta:
        model = Reopening
        fields = ("reason", "reopened_at", "reopened_by")


class RevisionSummary(Answer):
    archived_by = Person()
    reopening = serializers.SerializerMethodField(help_text="What ended it; null while it stands.")

    class Meta:
        model = Revision
        fields = ("number", "content_hash", "archived_at", "archived_by", "reopening")

    @extend_schema_field(ReopeningAnswer(allow_null=True))
    def get_reopening(self, revision: Revision) -> Any:
        found = getattr(revision, "reopening", None)
        return ReopeningAnswer(found, context=self.context).data if found is not None else None


class DifferenceAnswer(serializers.Serializer):
    """One place at which this revision differs from the one before."""

    path = serializers.ListField(child=serializers.CharField())
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class RevisionDetail(RevisionSummary):
    content = serializers.SerializerMethodField(help_text="What was archived, in the shape of its `format`.")
    changes = serializers.SerializerMethodField(help_text="Against the revision before; [] for the first.")

    class Meta:
        model = Revision
        fields = (*RevisionSummary.Meta.fields, "content", "changes")

    @extend_schema_field(serializers.DictField())
    def get_content(self, revision: Revision) -> Any:
        return revision.content

    @extend_schema_field(DifferenceAnswer(many=True))
    def get_changes(self, revision: Revision) -> Any:
        before = revision.review.revisions.filter(number=revision.number - 1).first()
        if before is None:
            return []
        found = revisions.differences(before.content, revision.content)
        return [{"path": list(each.path), "before": each.before, "after": each.after} for each in found]


class Revisions(Resource):
    tag = "reviews"
    ordering = ("number",)
    key = "number"

    def review(self) -> Review:
        found: Review = one(access.reviews(self.request.user), public_id=self.kwargs["review"])
        return found

    def visible(self) -> QuerySet[Revision]:
        return self.review().revisions.all()

    def find(self, **url: Any) -> Revision:
        found: Revision = one(self.visible(), number=url["revision"])
        return found

    def whole(self, rows: QuerySet[Revision]) -> QuerySet[Revision]:
        return rows.select_related("review", "archived_by", "reopening__reopened_by")

    list = listing("What was archived of a review, the first revision first.", gives=RevisionSummary)
    retrieve = detail("One revision, with what changed since the one before.", gives=RevisionDetail)


class Addenda(Resource):
    tag = "reviews"
    ordering = ("id",)

    def visible(self) -> QuerySet[Addendum]:
        review = one(access.reviews(self.request.user), public_id=self.kwargs["review"])
        return review.addenda.all()

    def find(self, **url: Any) -> Review:
        found: Review = one(access.reviews(self.request.user), public_id=url["review"])
        return found

    def whole(self, rows: QuerySet[Addendum]) -> QuerySet[Addendum]:
        return rows.select_related("added_by")

    list = listing("What was added below a postmortem, the first first.", gives=AddendumAnswer)
    create = creation(
        "Add below an archived postmortem what was learnt since; it is never edited.",
        revisions.add_addendum,
        takes=AddendumText,
        gives=AddendumAnswer,
        of=True,
    )
