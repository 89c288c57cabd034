"""Notices: what the caller was told, and that it was read."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.models import User
from api.resource import Resource, act, detail, listing
from api.shapes import Answer, Page, Person
from governance import notices
from governance.models import Notice


class NoticeAnswer(Answer):
    incident = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)
    item = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)
    team_channel = serializers.PrimaryKeyRelatedField(
        read_only=True, allow_null=True, help_text="Of a notice that a channel is paused."
    )
    waiver = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True)
    report = serializers.CharField(
        allow_null=True, help_text="Of a notice that a month is published: that month, such as 2026-10."
    )
    by = Person(allow_null=True)

    class Meta:
        model = Notice
        fields = (
            "id",
            "kind",
            "incident",
            "item",
            "team_channel",
            "waiver",
            "report",
            "by",
            "created_at",
            "read_at",
        )


class NoticeQuery(Page):
    is_unread = serializers.BooleanField(required=False, help_text="Only unread ones, or only read ones.")


def _found(view: Resource, *, is_unread: bool | None = None) -> QuerySet[Notice]:
    rows = view.visible()
    return rows if is_unread is None else rows.filter(read_at__isnull=is_unread)


class Notices(Resource):
    ordering = ("-created_at", "-id")
    key = "pk"

    def visible(self) -> QuerySet[Notice]:
        user: User = self.request.user
        return notices.of(user)

    def again(self, record: Any) -> Any:
        return notices.of(self.request.user).get(pk=record.pk)

    list = listing("What you were told, newest first.", gives=NoticeAnswer, takes=NoticeQuery, rows=_found)
    retrieve = detail("One notice.", gives=NoticeAnswer)
    mark_read = act("Mark a notice as read.", notices.mark_read, gives=NoticeAnswer)
