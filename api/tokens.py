"""Tokens and service accounts, for administrators: who runs many pipelines makes their tokens by program."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import service_accounts, tokens
from accounts.models import ApiToken, User
from api.resource import Resource, checked, creation, detail, listing, refuse_query
from api.shapes import Answer, ById, Empty, Moment, Strict, service_name
from postmortem import trail
from postmortem.errors import DomainError


class KeepsTokens(BasePermission):
    """An administrator; a token needs the scope `tokens`, which no other scope includes."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return False
        # A token that may write must not be able to make one that may more.
        if isinstance(request.auth, ApiToken) and ApiToken.Scope.TOKENS not in request.auth.scopes:
            message = _("The token lacks the scope “%(scope)s”.") % {"scope": ApiToken.Scope.TOKENS.value}
            raise PermissionDenied(message, code="scope_missing")
        if not user.is_at_least(User.Role.ADMINISTRATOR):
            raise PermissionDenied(_("This is for administrators."), code="not_allowed")
        return True


# Of a service account's token: the scope `tokens` would be of no use to it.
_SCOPES = [choice for choice in ApiToken.Scope.choices if choice[0] != ApiToken.Scope.TOKENS]


def _texts(help_text: str, child: serializers.Field) -> serializers.ListField:
    return serializers.ListField(
        child=child, max_length=tokens.MOST_LIMITS, required=False, help_text=help_text
    )


class TokenFacts(Strict):
    name = serializers.CharField(max_length=80)
    owner = ById(
        queryset=User.objects.filter(is_service=True, is_active=True),
        help_text="The id of a service account.",
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(_SCOPES), min_length=1, max_length=len(_SCOPES)
    )
    expires_at = Moment(help_text="At most 366 days from now.")
    repositories = _texts(
        "Such as shop/order, or shop/* for a group; for the scopes audit and gate.",
        serializers.CharField(max_length=200),
    )
    services = _texts("Slugs; for the scopes audit and gate.", service_name("A service's slug."))
    networks = _texts("From where it may be used, such as 10.0.0.0/8.", serializers.CharField(max_length=43))


class Rotation(Strict):
    keep_hours = serializers.IntegerField(
        min_value=0, max_value=30 * 24, help_text="How long the old secret stays good."
    )
    expires_at = Moment(help_text="At most 366 days from now.")


class TokenAnswer(Answer):
    owner = serializers.PrimaryKeyRelatedField(read_only=True)
    scopes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ApiToken
        fields = (
            "id", "key_id", "name", "owner", "scopes", "repositories", "services", "networks", "created_at",
            "expires_at", "last_used_at", "rotated_at", "previous_until", "revoked_at",
        )  # fmt: skip


class SecretAnswer(serializers.Serializer):
    """A token with its secret, which is answered this once."""

    token = TokenAnswer()
    secret = serializers.CharField()


class TokenEnded(DomainError):
    """A token that was revoked or has expired gets no new secret."""

    code = "token_ended"


def _named(name: str, act: Callable[[], Any], *, by: User) -> Any:
    """What `act` returns, recorded under its name; the field that it refuses is named."""
    try:
        with trail.act(name, by=by):
            return act()
    except ValueError as problem:
        field = str(problem)
        if field == "token":
            raise TokenEnded(tokens.refusal_words(field)) from None
        raise serializers.ValidationError({field: [tokens.refusal_words(field)]}) from None


class Tokens(Resource):
    permission_classes = (KeepsTokens,)
    key = "pk"

    def visible(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.all()

    list = listing("The tokens of everybody, without their secrets.", gives=TokenAnswer)
    retrieve = detail("One token.", gives=TokenAnswer)

    @extend_schema(
        description="Make a token for a service account. Its secret is in this answer and kept nowhere.",
        request=TokenFacts,
        responses={201: SecretAnswer},
    )
    def create(self, request: Request) -> Response:
        refuse_query(request)
        values = checked(TokenFacts, request.data)
        limits = tokens.Limits(
            **{name: values.pop(name, []) for name in ("repositories", "services", "networks")}
        )
        made, secret = _named(
            "tokens.issue",
            lambda: tokens.issue(**values, limits=limits, now=timezone.now()),
            by=request.user,
        )
        return self.answer(SecretAnswer, {"token": made, "secret": secret}, 201)

    @extend_schema(
        description="Give a token a new secret; the old one stays good for a while. The new one is in this "
        "answer and kept nowhere.",
        request=Rotation,
        responses=SecretAnswer,
    )
    def rotate(self, request: Request, **url: Any) -> Response:
        refuse_query(request)
        record = self.find(**url)
        values = checked(Rotation, request.data)
        keep = timedelta(hours=values["keep_hours"])
        made, secret = _named(
            "tokens.rotate",
            lambda: tokens.rotate(record, keep=keep, expires_at=values["expires_at"], now=timezone.now()),
            by=request.user,
        )
        return self.answer(SecretAnswer, {"token": made, "secret": secret})

    @extend_schema(description="End a token at once.", request=None, responses=TokenAnswer)
    def revoke(self, request: Request, **url: Any) -> Response:
        refuse_query(request)
        record = self.find(**url)
        checked(Empty, request.data)
        with trail.act("tokens.revoke", by=request.user):
            tokens.revoke(record, now=timezone.now())
        return self.answer(TokenAnswer, self.again(record))


class AccountFacts(Strict):
    name = serializers.CharField(max_length=service_accounts.LONGEST_NAME)
    role = serializers.ChoiceField(
        [(role.value, role.label) for role in service_accounts.ROLES],
        required=False,
        help_text="What its tokens may do at most; the gate asks for no role.",
    )


class AccountAnswer(Answer):
    class Meta:
        model = User
        fields = ("id", "name", "role", "is_active", "joined_at")


def _create_account(*, name: str, by: User, now: datetime, role: str = User.Role.VIEWER) -> User:
    made: User = _named(
        "service_accounts.create", lambda: service_accounts.create(name=name, role=role), by=by
    )
    return made


class ServiceAccounts(Resource):
    permission_classes = (KeepsTokens,)
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[User]:
        return User.objects.filter(is_service=True)

    list = listing("The service accounts.", gives=AccountAnswer)
    retrieve = detail("One service account.", gives=AccountAnswer)
    create = creation(
        "Make a service account: it owns tokens and can do nothing else.",
        _create_account,
        takes=AccountFacts,
        gives=AccountAnswer,
    )

    @extend_schema(
        description="Deactivate a service account and revoke its tokens.",
        request=None,
        responses=AccountAnswer,
    )
    def end(self, request: Request, **url: Any) -> Response:
        refuse_query(request)
        record = self.find(**url)
        checked(Empty, request.data)
        with trail.act("service_accounts.end", by=request.user):
            service_accounts.end(record, now=timezone.now())
        return self.answer(AccountAnswer, self.again(record))
