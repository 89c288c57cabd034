"""The systems that send events, their secrets, and what they sent: for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.resource import Resource, act, checked, detail, listing, one, refuse_query
from api.shapes import MOST, Answer, Empty, Page, Person, Strict, person_field, service_field, severity_field
from governance import eventsources, inbox
from governance.models import EventSecret, EventSource, InboundEvent
from postmortem import access
from postmortem.errors import Invalid
from postmortem.models import Incident


def _names(longest: int, help_text: str, **more: Any) -> serializers.DictField:
    child = serializers.CharField(max_length=longest, **more)
    return serializers.DictField(child=child, required=False, help_text=help_text)


def _token(help_text: str) -> serializers.CharField:
    return serializers.CharField(
        max_length=eventsources.MAX_SECRET,
        allow_blank=True,
        required=False,
        write_only=True,
        help_text=help_text,
    )


class SourceChange(Strict):
    name = serializers.CharField(max_length=80)
    is_enabled = serializers.BooleanField(required=False)
    acts_as = person_field(help_text="The id of whom its events act as: an active member.")
    service_labels = serializers.ListField(
        child=serializers.CharField(max_length=100),
        max_length=50,
        required=False,
        help_text="Alertmanager: the first of these labels that an alert has names its service.",
    )
    service_names = _names(80, "Alertmanager: value of the label to slug, where they differ.")
    fallback_service = service_field(required=False, allow_null=True)
    severity_label = serializers.CharField(max_length=100, allow_blank=True, required=False)
    severities = _names(
        80,
        "Alertmanager: value of the label to code of a severity; an empty code: no incident.",
        allow_blank=True,
    )
    fallback_severity = severity_field(required=False)
    environment = serializers.ChoiceField(Incident.Environment.choices, required=False)
    api_url = serializers.CharField(max_length=500, required=False, help_text="GitHub and GitLab.")
    api_token = _token("Of the forge: kept encrypted, never answered, forgotten when the address changes.")
    gate_token = _token("Of this installation, with the scope gate: kept encrypted, never answered.")
    networks = serializers.ListField(
        child=serializers.CharField(max_length=50),
        max_length=50,
        required=False,
        help_text="Where the address may lead, such as 10.0.0.0/8; empty: anywhere public.",
    )
    report_as = serializers.ChoiceField(EventSource.Report.choices, required=False)
    external_check = serializers.IntegerField(
        min_value=1, max_value=MOST, allow_null=True, required=False, help_text="GitLab: id of the check."
    )


class NewSource(SourceChange):
    kind = serializers.ChoiceField(EventSource.Kind.choices, help_text="It never changes.")


class NewSecret(Strict):
    secret = serializers.CharField(
        max_length=eventsources.MAX_SECRET,
        required=False,
        write_only=True,
        trim_whitespace=False,
        help_text="One that the sender made; a new one is made unless given.",
    )


class EventSecretAnswer(Answer):
    class Meta:
        model = EventSecret
        fields = ("id", "created_at", "last_used_at")


class EventSourceAnswer(Answer):
    address = serializers.SerializerMethodField()
    acts_as = Person()
    service_names = serializers.DictField(child=serializers.CharField())
    fallback_service = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    severities = serializers.DictField(child=serializers.CharField())
    fallback_severity = serializers.SlugRelatedField(slug_field="code", read_only=True, allow_null=True)
    has_api_token = serializers.SerializerMethodField()
    has_gate_token = serializers.SerializerMethodField()
    secrets = serializers.SerializerMethodField()

    class Meta:
        model = EventSource
        fields = (
            "id", "kind", "name", "address", "is_enabled", "acts_as", "created_at", "service_labels",
            "service_names", "fallback_service", "severity_label", "severities", "fallback_severity",
            "environment", "api_url", "has_api_token", "has_gate_token", "networks", "report_as",
            "external_check", "secrets",
        )  # fmt: skip

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_address(self, source: EventSource) -> str:
        """Where it sends its events."""
        return f"{settings.PUBLIC_URL}{reverse('receive_event', args=[source.key])}"

    def get_has_api_token(self, source: EventSource) -> bool:
        return bool(source.api_token)

    def get_has_gate_token(self, source: EventSource) -> bool:
        return bool(source.gate_token)

    @extend_schema_field(EventSecretAnswer(many=True))
    def get_secrets(self, source: EventSource) -> Any:
        """Those in force, without what they are."""
        in_force = [secret for secret in source.secrets.all() if secret.retired_at is None]
        return EventSecretAnswer(in_force, many=True, context=self.context).data


class SourceSecretAnswer(serializers.Serializer):
    """A source with a new secret, which is answered this once; empty for one that the sender made."""

    source = EventSourceAnswer()
    secret = serializers.CharField()


def _only_of_its_kind(kind: str, facts: dict[str, Any]) -> None:
    if others := sorted(facts.keys() - eventsources.fields_of(kind)):
        raise Invalid(_("A source of this kind has no such field."), field=others[0])


def _edit(source: EventSource, *, by: User, now: datetime, **facts: Any) -> EventSource:
    _only_of_its_kind(source.kind, facts)
    return eventsources.edit(source, by=by, now=now, **facts)


class EventSources(Resource):
    ordering = ("id",)
    key = "pk"

    def visible(self) -> QuerySet[EventSource]:
        access.need(self.request.user, User.Role.ADMINISTRATOR)
        return EventSource.objects.all()

    def whole(self, rows: QuerySet[EventSource]) -> QuerySet[EventSource]:
        return rows.select_related("acts_as", "fallback_service", "fallback_severity").prefetch_related(
            "secrets"
        )

    list = listing("The systems that send events; administrators only.", gives=EventSourceAnswer)
    retrieve = detail("One system that sends events.", gives=EventSourceAnswer)
    edit = act(
        "Change how a source is understood, or switch it off; what is left out stays. Events that come from "
        "now on are understood so, and those that are replayed.",
        _edit,
        takes=SourceChange,
        gives=EventSourceAnswer,
        partial=True,
    )

    @extend_schema(
        description="Name a system that sends events. Its first secret is in this answer only.",
        request=NewSource,
        responses={201: SourceSecretAnswer},
    )
    def create(self, request: Request) -> Response:
        refuse_query(request)
        # Before the body is looked at: who may not do this learns nothing of its fields.
        access.need(request.user, User.Role.ADMINISTRATOR)
        facts = checked(NewSource, request.data, context=self.get_serializer_context())
        kind = facts.pop("kind")
        _only_of_its_kind(kind, facts)
        made, secret = eventsources.add(kind=kind, **facts, by=request.user, now=timezone.now())
        return self.answer(SourceSecretAnswer, {"source": self.again(made), "secret": secret}, 201)

    @extend_schema(
        description="Put a second secret in force beside the first; retire the older once the sender uses "
        "it. A new one is in this answer only.",
        request=NewSecret,
        responses={201: SourceSecretAnswer},
    )
    def issue(self, request: Request, **url: Any) -> Response:
        refuse_query(request)
        source = self.find(**url)
        typed = checked(NewSecret, request.data).get("secret", "")
        _made, secret = eventsources.issue(source, text=typed, by=request.user, now=timezone.now())
        answer = {"source": self.again(source), "secret": "" if typed else secret}
        return self.answer(SourceSecretAnswer, answer, 201)

    @extend_schema(
        description="End a secret at once and forget it; the last one in force stays.",
        request=None,
        responses=EventSourceAnswer,
    )
    def retire(self, request: Request, *, event_source: int, event_secret: int) -> Response:
        refuse_query(request)
        source = self.find(event_source=event_source)
        secret = one(source.secrets, pk=event_secret)
        checked(Empty, request.data)
        eventsources.retire(secret, by=request.user, now=timezone.now())
        return self.answer(EventSourceAnswer, self.again(source))


class SourceEventAnswer(Answer):
    event_source = serializers.PrimaryKeyRelatedField(source="source", read_only=True)
    sha256 = serializers.SerializerMethodField()
    outcome = serializers.CharField(help_text="What came of it, as a code; of a failure the reason.")
    incident = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)
    decision = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True)

    class Meta:
        model = InboundEvent
        fields = (
            "id", "event_source", "delivery_id", "event_type", "sha256", "size", "body_dropped_at",
            "received_at", "state", "outcome", "error", "attempts", "replays", "next_at", "finished_at",
            "incident", "decision",
        )  # fmt: skip

    def get_sha256(self, event: InboundEvent) -> str:
        """Of the body as it came."""
        return bytes(event.sha256).hex()


class BodyAnswer(serializers.Serializer):
    text = serializers.CharField(help_text="JSON over several lines; without its secrets.")
    masked = serializers.IntegerField(help_text="How many secrets were masked.")
    is_cut = serializers.BooleanField(help_text="Only the beginning is answered.")


class WholeEventAnswer(SourceEventAnswer):
    body = serializers.SerializerMethodField()

    class Meta(SourceEventAnswer.Meta):
        fields = (*SourceEventAnswer.Meta.fields, "body")

    @extend_schema_field(BodyAnswer(allow_null=True))
    def get_body(self, event: InboundEvent) -> Any:
        """What came; null once it is no longer kept."""
        if event.body_dropped_at is not None:
            return None
        return BodyAnswer(inbox.shown(event)).data


class EventQuery(Page):
    state = serializers.ChoiceField(InboundEvent.State.choices, required=False)


def _found(view: SourceEvents, *, state: str | None = None, **url: Any) -> QuerySet[InboundEvent]:
    rows = view.of_source(**url)
    return rows.filter(state=state) if state else rows


class SourceEvents(Resource):
    """What a source sent, and what became of it."""

    ordering = ("-received_at", "-id")
    key = "pk"

    def visible(self) -> QuerySet[InboundEvent]:
        return inbox.log(self.request.user)

    def of_source(self, *, event_source: int) -> QuerySet[InboundEvent]:
        rows = self.visible()
        return rows.filter(source=one(EventSource.objects.all(), pk=event_source))

    def find(self, *, event_source: int, event: int) -> InboundEvent:  # type: ignore[override]
        found: InboundEvent = one(self.of_source(event_source=event_source), pk=event)
        return found

    def again(self, record: InboundEvent) -> InboundEvent:
        return inbox.log(self.request.user).get(pk=record.pk)

    list = listing(
        "What a source sent, newest first, without the bodies; administrators only.",
        gives=SourceEventAnswer,
        takes=EventQuery,
        rows=_found,
    )
    retrieve = detail(
        "One event with its body, secrets masked; administrators only.",
        gives=WholeEventAnswer,
        of=lambda view, **url: view.find(**url),
    )
    replay = act(
        "Deal with an event once more, as of when it came; administrators only.",
        inbox.replay,
        gives=SourceEventAnswer,
    )
