"""People and teams; accounts are made by administrators, not here."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Team, User
from api.resource import Resource, detail, listing
from api.shapes import Answer, Page, Person


class UserAnswer(Person):
    email = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "name", "email", "role", "is_active")

    @extend_schema_field({"type": "string", "format": "email", "nullable": True})
    def get_email(self, user: User) -> str | None:
        """Shown to members; null for a viewer who asks about somebody else."""
        reader: User = self.context["request"].user
        return user.email if reader == user or reader.is_at_least(User.Role.MEMBER) else None


class TeamAnswer(Answer):
    manager = Person(allow_null=True)
    members = Person(many=True)

    class Meta:
        model = Team
        fields = ("slug", "name", "manager", "members")


class UserQuery(Page):
    q = serializers.CharField(max_length=200, required=False, help_text="Part of the name.")


def _found(view: Resource, *, q: str = "") -> QuerySet[User]:
    return view.visible().filter(Q(name__icontains=q))


def _me(view: Resource) -> Any:
    return view.request.user


class Users(Resource):
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[User]:
        return User.objects.filter(is_service=False)

    list = listing("The people of the organisation.", gives=UserAnswer, takes=UserQuery, rows=_found)
    retrieve = detail("One person.", gives=UserAnswer)
    me = detail("You: the owner of the token or of the session.", gives=UserAnswer, of=_me)


class Teams(Resource):
    ordering = ("slug",)
    key = "slug"

    def visible(self) -> QuerySet[Team]:
        return Team.objects.all()

    def whole(self, rows: QuerySet[Team]) -> QuerySet[Team]:
        return rows.select_related("manager").prefetch_related("members")

    list = listing("The teams.", gives=TeamAnswer)
    retrieve = detail("One team with its members.", gives=TeamAnswer)
