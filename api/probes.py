"""Commands that wait for an approval, the templates of the catalogue, and the switch that stops commands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Team, User
from api.checks import SecretEnv
from api.commands import CommandAnswer, said_of
from api.resource import Resource, checked, refuse_query
from api.shapes import ById, Strict
from postmortem import access
from remediation import approvals, catalogue, items
from remediation.models import ProbeSwitch, ProbeTemplate
from remediation.probes.templates import TYPES


class WaitingAnswer(CommandAnswer):
    check = serializers.IntegerField(allow_null=True, help_text="The id of the check, if it is one's.")
    item = serializers.CharField(allow_null=True)
    entry = serializers.IntegerField(allow_null=True, help_text="The id of the checklist's entry otherwise.")
    review = serializers.CharField(allow_null=True)


class ProbeParameter(Strict):
    name = serializers.CharField(max_length=31)
    label = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(TYPES, required=False)
    choices = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=50, required=False
    )
    pattern = serializers.CharField(max_length=200, allow_blank=True, required=False)
    may_begin_with_dash = serializers.BooleanField(required=False)
    default = serializers.CharField(max_length=200, allow_null=True, required=False)
    least = serializers.FloatField(
        allow_null=True, required=False, help_text="Of a number: the least that is allowed."
    )
    most = serializers.FloatField(
        allow_null=True, required=False, help_text="Of a number: the most that is allowed."
    )
    sample = serializers.CharField(
        max_length=200, allow_blank=True, required=False, help_text="For previews and examples."
    )


class ProbeExample(Strict):
    """What the probe filled with the samples would find, and what comes of it."""

    outcome = serializers.ChoiceField(["pass", "fail", "error"])
    prints = serializers.CharField(
        max_length=4000,
        allow_blank=True,
        required=False,
        trim_whitespace=False,
        help_text="What the last command prints; of a query the number it answers.",
    )
    status = serializers.IntegerField(min_value=0, max_value=255, required=False)


class ProbeTemplateFacts(Strict):
    """Values go where {name} stands: into an argument, the pattern, or a quoted matcher."""

    title = serializers.CharField(max_length=80)
    description = serializers.CharField(max_length=400, allow_blank=True)
    kind = serializers.ChoiceField(["shell", "prometheus"])
    parameters = ProbeParameter(many=True, required=False)
    pipeline = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(max_length=1000), max_length=100),
        max_length=10,
        required=False,
    )
    reads = serializers.CharField(max_length=300, allow_blank=True, required=False)
    expectation = serializers.ChoiceField(["success", "match", "no_match"], required=False)
    pattern = serializers.CharField(max_length=200, allow_blank=True, required=False)
    promql = serializers.CharField(max_length=10000, allow_blank=True, required=False)
    comparator = serializers.ChoiceField(["<", "<=", "==", "!=", ">=", ">"], required=False)
    threshold = serializers.CharField(max_length=60, allow_blank=True, required=False)
    timeout_seconds = serializers.IntegerField(min_value=1, max_value=300, required=False)
    network = serializers.ChoiceField(["none", "egress", "host"], required=False)
    env = SecretEnv(required=False)
    examples = ProbeExample(many=True, required=False, max_length=6)


class NewProbeTemplate(ProbeTemplateFacts):
    slug = serializers.SlugField(max_length=60)


class ProbeTemplateAnswer(ProbeTemplateFacts):
    slug = serializers.CharField()
    version = serializers.IntegerField()


class ProbeTurn(Strict):
    is_off = serializers.BooleanField()
    team = ById(queryset=Team.objects.all(), required=False, allow_null=True, help_text="Null for all teams.")
    reason = serializers.CharField(max_length=300, allow_blank=True, required=False)


class ProbeSwitchAnswer(serializers.ModelSerializer):
    by = serializers.CharField(source="by.email")

    class Meta:
        model = ProbeSwitch
        fields = ("team", "is_off", "reason", "by", "at")


class _Whole(serializers.Serializer):
    next = serializers.CharField(allow_null=True, help_text="Always null: this list comes whole.")


class WaitingList(_Whole):
    items = WaitingAnswer(many=True)


class TemplateList(_Whole):
    items = ProbeTemplateAnswer(many=True)


class Probes(Resource):
    """What may run, and what stops it."""

    tag = "checks"
    # Its lists are short and come whole.
    pagination_class = None

    def visible(self) -> QuerySet[Any]:
        return ProbeTemplate.objects.all()

    @extend_schema(description="The commands that wait for an approval.", responses=WaitingList)
    def waiting(self, request: Request) -> Response:
        refuse_query(request)
        now: datetime = timezone.now()
        of_checks = approvals.waiting(items.visible_to(request.user), now=now)[:100]
        of_entries = approvals.waiting_entries(access.reviews(request.user), now=now)[:100]
        said = [
            said_of(check, now)
            | {"check": check.pk, "item": check.item.public_id, "entry": None, "review": None}
            for check in of_checks
        ] + [
            said_of(entry, now)
            | {"check": None, "item": None, "entry": entry.pk, "review": entry.review.public_id}
            for entry in of_entries
        ]
        return self.answer(WaitingList, {"items": said, "next": None})

    @extend_schema(description="The templates that may be used.", responses=TemplateList)
    def templates(self, request: Request) -> Response:
        refuse_query(request)
        said = [template.as_json() for template in catalogue.offered()]
        return self.answer(TemplateList, {"items": said, "next": None})

    @extend_schema(
        description="Add a template, or write one anew; administrators only.",
        request=NewProbeTemplate,
        responses=ProbeTemplateAnswer,
    )
    def write_template(self, request: Request) -> Response:
        refuse_query(request)
        body = checked(NewProbeTemplate, request.data)
        for name in ("parameters", "examples"):
            body[name] = [dict(one) for one in body.get(name, ())]
        slug = body.pop("slug")
        row = catalogue.write(slug=slug, body=body, by=request.user, now=timezone.now())
        return Response(ProbeTemplateAnswer(row.body).data)

    @extend_schema(
        description="Stop commands, of all or of one team, or let them go on; administrators only.",
        request=ProbeTurn,
        responses=ProbeSwitchAnswer,
    )
    def switch(self, request: Request) -> Response:
        refuse_query(request)
        said: dict[str, Any] = {"team": None, "reason": ""} | checked(ProbeTurn, request.data)
        user: User = request.user
        turn = approvals.switch(**said, by=user, now=timezone.now())
        return Response(ProbeSwitchAnswer(turn).data)
