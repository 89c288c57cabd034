"""How bodies write a command: as argument lists, or as one line that is taken apart; no shell reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.shapes import Answer, Strict
from postmortem import pipelines
from postmortem.errors import Invalid


class PipelineField(serializers.ListField):
    """A list of argument lists: the output of each command is the input of the next."""

    def __init__(self, **kwargs: Any) -> None:
        argument = serializers.CharField(
            allow_blank=True, trim_whitespace=False, max_length=pipelines.MAX_ARGUMENT
        )
        command = serializers.ListField(child=argument, min_length=1, max_length=pipelines.MAX_ARGUMENTS)
        super().__init__(child=command, **{"min_length": 1, "max_length": pipelines.MAX_COMMANDS} | kwargs)


class CommandFields(Strict):
    """`pipeline` or `command`, not both; the values always hold `pipeline`."""

    pipeline = PipelineField(
        required=False, help_text='For example [["kubectl", "get", "pods"], ["grep", "Pending"]].'
    )
    command = serializers.CharField(
        max_length=pipelines.MAX_LINE,
        required=False,
        help_text="The same as one line: kubectl get pods | grep Pending. No other shell syntax.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        line = attrs.pop("command", None)
        if (line is None) == ("pipeline" not in attrs) and self.needs_command(attrs):
            raise serializers.ValidationError(
                {"pipeline": _("Give either “pipeline” or “command”.")}, code="one_of"
            )
        if line is not None:
            try:
                attrs["pipeline"] = pipelines.parse(line)
            except Invalid as refusal:
                raise serializers.ValidationError({"command": refusal.message}, code=refusal.code) from None
        return attrs

    def needs_command(self, attrs: Mapping[str, Any]) -> bool:
        return True


class PipelineAnswer(Answer):
    pipeline = PipelineField(allow_null=True)
    command = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "nullable": True})
    def get_command(self, record: Any) -> str | None:
        """The pipeline as one line."""
        return pipelines.show(record.pipeline) if record.pipeline else None
