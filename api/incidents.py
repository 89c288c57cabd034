"""Incidents: declare, find, edit, mark their milestones, invite people, close or dismiss them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from api.resource import Resource, act, creation, detail, listing, named_as
from api.shapes import (
    MOST_NAMES,
    VERSION,
    Answer,
    Count,
    Moment,
    Page,
    Person,
    Strict,
    VisibleIncident,
    person_field,
    person_id,
    service_field,
    service_name,
    severity_field,
    severity_name,
    team_name,
)
from postmortem import access, incidents, selecting
from postmortem.models import MAX_TEXT, Incident, IncidentService, Participant
from postmortem.sla import Standing

STATES = list(selecting.STATES)


class TouchedService(Strict):
    service = service_field()
    part = serializers.ChoiceField(IncidentService.Part.choices, default=IncidentService.Part.AFFECTED)


class Invitation(Strict):
    user = person_field()
    role = serializers.ChoiceField(Participant.Role.choices, default=Participant.Role.RESPONDER)


class IncidentFacts(Strict):
    """What may be said of an incident at its declaration and corrected later."""

    title = serializers.CharField(max_length=200)
    severity = severity_field()
    services = TouchedService(
        many=True, min_length=1, max_length=MOST_NAMES, help_text="One of them is the origin."
    )
    started_at = Moment(help_text="When the impact started.")
    detected_at = Moment(allow_null=True, required=False)
    acknowledged_at = Moment(allow_null=True, required=False)
    mitigated_at = Moment(allow_null=True, required=False)
    resolved_at = Moment(allow_null=True, required=False)
    summary = serializers.CharField(
        max_length=MAX_TEXT, allow_blank=True, required=False, trim_whitespace=False, help_text="Markdown."
    )
    environment = serializers.ChoiceField(Incident.Environment.choices, required=False)
    phase = serializers.CharField(max_length=120, allow_blank=True, required=False)
    is_drill = serializers.BooleanField(required=False)
    is_restricted = serializers.BooleanField(required=False)
    impact_minutes = Count(allow_null=True, required=False)
    failure_percent = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=0, max_value=100, allow_null=True, required=False
    )
    loss_amount = serializers.DecimalField(
        max_digits=16, decimal_places=2, min_value=0, allow_null=True, required=False
    )
    loss_currency = serializers.RegexField(
        r"^[A-Z]{3}$", allow_blank=True, required=False, help_text="Three capital letters, such as CNY."
    )
    loss_is_estimate = serializers.BooleanField(required=False)
    capacity_limit = Count(allow_null=True, required=False)
    capacity_demand = Count(allow_null=True, required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40),
        max_length=20,
        required=False,
        help_text="Stored in small letters, with hyphens for spaces.",
    )

    def validate_services(self, touched: list[dict[str, Any]]) -> list[tuple[Any, str]]:
        return [(one["service"], one["part"]) for one in touched]


class IncidentCorrection(IncidentFacts):
    version = Count(required=False, help_text=VERSION)


class IncidentDeclaration(IncidentFacts):
    participants = Invitation(many=True, max_length=MOST_NAMES, required=False)
    dedup_key = serializers.CharField(
        max_length=200,
        required=False,
        help_text="While an incident with this key is open, a second declaration is refused.",
    )

    def validate_participants(self, invited: list[dict[str, Any]]) -> list[tuple[User, str]]:
        return [(one["user"], one["role"]) for one in invited]


class Milestone(Strict):
    milestone = serializers.ChoiceField([name.removesuffix("_at") for name in Incident.MILESTONES])
    at = Moment()


class Dismissal(Strict):
    as_ = serializers.ChoiceField(["duplicate", "false_alarm"], source="as_")
    reason = serializers.CharField(max_length=2000)
    duplicate_of = VisibleIncident(required=False, help_text="The incident that tells of the same harm.")

    def get_fields(self) -> dict[str, serializers.Field]:
        # In a class body "as" is a word of Python's own.
        fields = super().get_fields()
        return {"as": fields.pop("as_"), **fields}


class ServiceLink(Answer):
    service = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = IncidentService
        fields = ("service", "part")


class ParticipantAnswer(Answer):
    user = Person()
    timeline = serializers.SerializerMethodField()

    class Meta:
        model = Participant
        fields = ("id", "user", "role", "timeline")

    def get_timeline(self, participant: Participant) -> str:
        """sealed, filed or excused."""
        timeline = getattr(participant, "timeline", None)
        if timeline is None or not timeline.is_settled:
            return "sealed"
        return "filed" if timeline.filed_at else "excused"


class IncidentSummary(Answer):
    id = serializers.CharField(source="public_id")
    severity = serializers.SlugRelatedField(slug_field="code", read_only=True)
    state = serializers.ChoiceField(STATES)
    services = ServiceLink(source="service_links", many=True)
    review = serializers.SlugRelatedField(slug_field="public_id", read_only=True, allow_null=True)
    review_due_at = Moment()
    review_standing = serializers.SerializerMethodField(
        help_text="How the promise of a review stands now; null where none was made."
    )
    is_late_entry = serializers.BooleanField(help_text="Declared more than a day after it started.")

    class Meta:
        model = Incident
        fields = (
            "id", "title", "severity", "state", "environment", "is_drill", "is_restricted", "services",
            *Incident.MILESTONES, "closed_at", "review", "review_due_at", "review_standing",
            "tags", "is_late_entry",
        )  # fmt: skip

    @extend_schema_field(serializers.ChoiceField([one.value for one in Standing], allow_null=True))
    def get_review_standing(self, incident: Incident) -> str | None:
        return incidents.review_standing(incident, as_of=timezone.now())


class IncidentDetail(IncidentSummary):
    participants = ParticipantAnswer(many=True)
    declared_by = Person()
    duplicate_of = serializers.SerializerMethodField()

    class Meta:
        model = Incident
        fields = (
            *IncidentSummary.Meta.fields,
            "summary", "phase", "dismissed_as", "dismissed_reason", "impact_minutes", "failure_percent",
            "loss_amount", "loss_currency", "loss_is_estimate", "capacity_limit", "capacity_demand", "source",
            "dedup_key", "duplicate_of", "participants", "declared_by", "declared_at", "version",
        )  # fmt: skip

    @extend_schema_field({"type": "string", "nullable": True})
    def get_duplicate_of(self, incident: Incident) -> str | None:
        """The other incident of a duplicate; null where there is none that you may see."""
        twin = incident.duplicate_of
        return twin.public_id if twin and access.is_visible(twin, self.context["request"].user) else None


class IncidentQuery(Page):
    severity = severity_name("A severity's code.")
    service = service_name("A service's slug, be it origin or affected.")
    team = team_name("A team's slug: incidents that its services began.")
    environment = serializers.ChoiceField(Incident.Environment.choices, required=False)
    person = person_id("The id of somebody who took part.")
    tag = serializers.CharField(max_length=40, required=False)
    state = serializers.ChoiceField(STATES, required=False)
    review = serializers.ChoiceField(selecting.REVIEWS, required=False)
    drills = serializers.ChoiceField(["no", "only"], required=False)
    q = serializers.CharField(
        max_length=200,
        required=False,
        help_text="Words of the title or the summary, the last one may be a beginning; or a public id.",
    )
    since = Moment(required=False, help_text="Impact started at this moment or later.")
    until = Moment(required=False, help_text="Impact started before this moment.")


def _found(view: Resource, **filters: Any) -> QuerySet[Incident]:
    return selecting.narrowed(view.visible(), now=timezone.now(), **filters)


def _declare(**values: Any) -> Incident:
    return incidents.declare(source=Incident.Source.API, **values)


def _mark(incident: Incident, *, milestone: str, at: datetime, by: User, now: datetime) -> Incident:
    with named_as(**{f"{milestone}_at": "at"}):
        return incidents.mark(incident, milestone=f"{milestone}_at", at=at, by=by, now=now)


class Incidents(Resource):
    ordering = ("-started_at", "-id")

    def visible(self) -> QuerySet[Incident]:
        return access.incidents(self.request.user)

    def whole(self, rows: QuerySet[Incident]) -> QuerySet[Incident]:
        links = IncidentService.objects.select_related("service").order_by("pk")
        rows = rows.select_related("severity", "review").prefetch_related(Prefetch("service_links", links))
        if self.action == "list":
            return rows
        people = Participant.objects.select_related("user", "timeline")
        return rows.select_related("declared_by", "duplicate_of").prefetch_related(
            Prefetch("participants", people)
        )

    list = listing(
        "The incidents you may see, newest first.", gives=IncidentSummary, takes=IncidentQuery, rows=_found
    )
    create = creation("Declare an incident.", _declare, takes=IncidentDeclaration, gives=IncidentDetail)
    retrieve = detail("One incident.", gives=IncidentDetail)
    edit = act(
        "Correct what is said of an incident.",
        incidents.edit,
        takes=IncidentCorrection,
        gives=IncidentDetail,
        partial=True,
    )
    mark = act("Set a milestone.", _mark, takes=Milestone, gives=IncidentDetail)
    close = act(
        "Close an incident; one that requires a postmortem closes only with an archived one.",
        incidents.close,
        gives=IncidentDetail,
    )
    dismiss = act(
        "Dismiss an incident as a duplicate or a false alarm.",
        incidents.dismiss,
        takes=Dismissal,
        gives=IncidentDetail,
    )
    invite = act(
        "Invite a participant, who is then asked for a timeline.",
        incidents.invite,
        takes=Invitation,
        gives=IncidentDetail,
    )
