"""What exactly a command runs, and its approval: of checks and of entries of checklists."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.resource import checked, refuse_query
from api.shapes import Strict
from postmortem import pipelines
from remediation import approvals
from remediation.probes import commands


class Sha(Strict):
    sha = serializers.CharField(max_length=64, help_text="Of the command as you read it.")


class CommandAnswer(serializers.Serializer):
    """What exactly runs, and whether it may."""

    sha = serializers.CharField()
    body = serializers.JSONField(
        help_text="All that decides what it does; the hash is over its canonical form."
    )
    standing = serializers.ChoiceField(["approved", "not_approved", "expired", "forged"])
    seems_to = serializers.ChoiceField(commands.KINDS, help_text="Told by its words: advice, no guard.")
    author = serializers.CharField(allow_null=True)
    approved_by = serializers.CharField(allow_null=True)
    template = serializers.CharField(allow_blank=True)
    approved_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


def command_view(description: str) -> Callable[..., Response]:
    """A view of a `Resource` whose rows run commands."""

    @extend_schema(description=description, responses=CommandAnswer)
    def command(self: Any, request: Request, **url: Any) -> Response:
        refuse_query(request)
        return _answer(self.find(**url), timezone.now())

    return command


def approve_view(description: str) -> Callable[..., Response]:
    """The view that approves what `command_view` shows."""

    @extend_schema(description=description, request=Sha, responses=CommandAnswer)
    def approve(self: Any, request: Request, **url: Any) -> Response:
        refuse_query(request)
        found, now = self.find(**url), timezone.now()
        approvals.approve(found, **checked(Sha, request.data), by=request.user, now=now)
        return _answer(self.find(**url), now)

    return approve


def said_of(definition: approvals.Definition, now: datetime) -> dict[str, Any]:
    """What `CommandAnswer` says of a command.

    Raises:
        NoCommand: there is none.
    """
    if not approvals.runs_a_command(definition):
        raise approvals.NoCommand(_("This runs no command."))
    body = approvals.body_of_definition(definition)
    stands = approvals.standing(approvals.owner_of(definition), body, now=now)
    revision, approval = approvals.revision_of(definition), stands.approval
    return {
        "sha": approvals.sha_of(body),
        "body": json.loads(body),
        "standing": stands.code,
        "seems_to": commands.classify(pipelines.show(definition.pipeline or [])),
        "author": revision.author.email if revision and revision.author else None,
        "approved_by": approval.approver.email if approval and approval.approver else None,
        "template": approval.template if approval else getattr(definition, "template", ""),
        "approved_at": approval.approved_at if approval else None,
        "expires_at": approval.expires_at if approval else None,
    }


def _answer(definition: approvals.Definition, now: datetime) -> Response:
    return Response(CommandAnswer(said_of(definition, now)).data)
