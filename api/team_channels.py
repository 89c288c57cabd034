"""Channels of teams: their managers and administrators connect and try them; nobody reads an address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.resource import Resource, act, checked, detail, listing, one, refuse_query, removal
from api.shapes import Answer, Empty, Strict, team_field
from governance import messages, team_channels
from governance.models import MAX_ADDRESS, MAX_SECRET, ChannelMessage, TeamChannel

_KINDS = [kind.value for kind in team_channels.TOLD_TO_CHANNELS]


class ChannelFacts(Strict):
    name = serializers.CharField(max_length=80)
    address = serializers.CharField(
        max_length=MAX_ADDRESS,
        write_only=True,
        help_text="As the product gave it out: kept encrypted, never answered.",
    )
    secret = serializers.CharField(
        max_length=MAX_SECRET,
        allow_blank=True,
        required=False,
        write_only=True,
        help_text="What signs: optional for Feishu and DingTalk; a webhook without one gets a new one.",
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(_KINDS),
        max_length=len(_KINDS),
        required=False,
        help_text="The notices that go there; all of them unless given.",
    )
    language = serializers.ChoiceField(["en", "zh-hans"], required=False)
    is_enabled = serializers.BooleanField(required=False)


class NewChannel(ChannelFacts):
    team = team_field()
    kind = serializers.ChoiceField(TeamChannel.Kind.choices)


class ChannelAnswer(Answer):
    team = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    has_secret = serializers.SerializerMethodField()
    host = serializers.CharField(help_text="All of the address that is shown.")

    class Meta:
        model = TeamChannel
        fields = (
            "id", "team", "kind", "name", "host", "has_secret", "kinds", "language", "is_enabled",
            "paused_at", "paused_as", "failed_in_row", "created_at",
        )  # fmt: skip

    def get_has_secret(self, channel: TeamChannel) -> bool:
        return bool(channel.secret)


class ConnectedAnswer(ChannelAnswer):
    new_secret = serializers.SerializerMethodField()

    class Meta(ChannelAnswer.Meta):
        fields = (*ChannelAnswer.Meta.fields, "new_secret")

    def get_new_secret(self, channel: TeamChannel) -> str:
        """The secret that was made for a webhook, in this answer only; else empty."""
        return str(self.context.get("new_secret", ""))


class MessageAnswer(Answer):
    said = serializers.CharField(help_text="What the other side answered, without anything secret.")

    class Meta:
        model = ChannelMessage
        fields = (
            "id",
            "kind",
            "state",
            "attempts",
            "said",
            "happened_at",
            "created_at",
            "next_at",
            "finished_at",
        )


def _edit(channel: TeamChannel, *, by: User, now: datetime, **facts: Any) -> TeamChannel:
    return team_channels.edit(channel, by=by, now=now, **facts)


def _log(view: Resource, **url: Any) -> QuerySet[ChannelMessage]:
    user: User = view.request.user
    return messages.log(view.find(**url), by=user)


class TeamChannels(Resource):
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[TeamChannel]:
        return team_channels.of(self.request.user)

    list = listing("The channels of the teams you look after.", gives=ChannelAnswer)
    retrieve = detail("One channel.", gives=ChannelAnswer)
    edit = act(
        "Change a channel; what is left out stays.",
        _edit,
        takes=ChannelFacts,
        gives=ChannelAnswer,
        partial=True,
    )
    remove = removal("Disconnect a channel: its address is forgotten.", team_channels.disconnect)
    resume = act("Let a paused channel hear again.", team_channels.resume, gives=ChannelAnswer)

    @extend_schema(
        description="Connect a channel to a team; its manager and administrators only.",
        request=NewChannel,
        responses={201: ConnectedAnswer},
    )
    def create(self, request: Request) -> Response:
        refuse_query(request)
        facts = checked(NewChannel, request.data, context=self.get_serializer_context())
        channel, made = team_channels.connect(**facts, by=request.user, now=timezone.now())
        context = self.get_serializer_context() | {"new_secret": made}
        return Response(ConnectedAnswer(self.again(channel), context=context).data, 201)

    @extend_schema(
        description="Send a test message at once; `state` says whether it arrived.",
        request=None,
        responses=MessageAnswer,
    )
    def test(self, request: Request, **url: Any) -> Response:
        refuse_query(request)
        channel = self.find(**url)
        checked(Empty, request.data)
        return Response(MessageAnswer(messages.test(channel, by=request.user, now=timezone.now())).data)


class ChannelMessages(Resource):
    """What went into a channel."""

    ordering = ("-id",)
    key = "pk"

    def visible(self) -> QuerySet[TeamChannel]:
        return team_channels.of(self.request.user)

    def find(self, *, channel: Any, message: Any = None) -> Any:
        found = one(self.visible(), pk=channel)
        if message is None:
            return found
        return one(ChannelMessage.objects.filter(channel=found).select_related("channel__team"), pk=message)

    list = listing(
        "What went into a channel, newest first; what it was about is not part of it.",
        gives=MessageAnswer,
        rows=_log,
    )
    send_again = act(
        "Send once more what was sent, refused or given up, under the same id.",
        messages.send_again,
        gives=MessageAnswer,
    )
