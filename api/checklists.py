"""The executable checklist of a review: its entries, their runs, and what to take elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.commands import approve_view, command_view
from api.pipelines import CommandFields, PipelineAnswer
from api.resource import Resource, act, checked, creation, detail, listing, one, removal
from api.shapes import Count, Empty, Figure, Person, Strict
from postmortem import access, checkscript
from postmortem import checklists as entries
from postmortem.models import ChecklistEntry, Review
from remediation import checklists
from remediation.models import ChecklistRun


class EntryFields(CommandFields):
    """A command with its expectation, or a query with what every series of its answer must satisfy."""

    title = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(
        ChecklistEntry.Kind.choices, required=False, help_text="“command” unless given."
    )
    expectation = serializers.ChoiceField(
        ChecklistEntry.Expectation.choices, required=False, help_text="Of a command."
    )
    pattern = serializers.CharField(
        max_length=200,
        allow_blank=True,
        required=False,
        trim_whitespace=False,
        help_text="Of a command: looked for as grep -E does; empty: whatever the last command lets through.",
    )
    source_name = serializers.CharField(
        max_length=80, required=False, help_text="Of a query: the name of a data source."
    )
    promql = serializers.CharField(max_length=entries.MAX_PROMQL, required=False)
    comparator = serializers.ChoiceField(ChecklistEntry.Comparator.choices, required=False)
    threshold = Figure(required=False)

    def needs_command(self, attrs: Mapping[str, Any]) -> bool:
        return attrs.get("kind", "command") == ChecklistEntry.Kind.COMMAND


class EntryEdit(EntryFields):
    version = Count(help_text="The version you edited; an older one is refused with both definitions.")


class Place(Strict):
    position = Count(min_value=1, help_text="From 1; beyond the last means last.")


class ChecklistAnswer(PipelineAnswer):
    class Meta:
        model = ChecklistEntry
        fields = (
            "id", "position", "title", "kind", "command", "pipeline", "expectation", "pattern", "source_name",
            "promql", "comparator", "threshold", "version",
        )  # fmt: skip


class ChecklistRunAnswer(PipelineAnswer):
    entry = serializers.IntegerField(source="entry_id", help_text="It may be off the list by now.")
    requested_by = Person()

    class Meta:
        model = ChecklistRun
        fields = (
            "id", "entry", "entry_version", "title", "kind", "requested_by", "queued_at", "attempt",
            "started_at", "finished_at", "outcome", "value", "series", "warnings", "command", "pipeline",
            "expectation", "pattern", "promql", "comparator", "threshold", "expression", "output",
            "error_code", "error", "sandbox",
        )  # fmt: skip


class ChecklistExport(serializers.Serializer):
    """The checklist to take elsewhere."""

    script = serializers.CharField(help_text="For any POSIX shell; exit 0 holds, 1 fails, 2 cannot be told.")
    markdown = serializers.CharField(help_text="A task list.")
    entries = serializers.ListField(child=serializers.DictField())


class QueuedRuns(serializers.Serializer):
    """The runs that wait for a worker now."""

    runs = ChecklistRunAnswer(many=True)


def _export(view: Resource, *, review: str) -> dict[str, Any]:
    found: Review = view.find(review=review)
    name, rows = f"{found.public_id}: {found.title}", checklists.exported(found)
    return {
        "script": checkscript.script(name, rows),
        "markdown": checkscript.markdown(name, rows),
        "entries": [checkscript.data(row) for row in rows],
    }


def _add(review: Review, *, by: User, now: datetime, **asked: Any) -> ChecklistEntry:
    return checklists.add(review, by=by, now=now, **asked)


def _edit(entry: ChecklistEntry, *, by: User, now: datetime, **asked: Any) -> ChecklistEntry:
    return checklists.edit(entry, by=by, now=now, **asked)


def _of(review: Review, url: Mapping[str, Any]) -> Any:
    """The entry that the URL names, or the review whose checklist it is."""
    return one(review.checklist.all(), pk=url["checklist_entry"]) if "checklist_entry" in url else review


class Checklist(Resource):
    tag = "reviews"

    def find(self, **url: Any) -> Any:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        return _of(review, url)

    add = creation(
        "Add an entry to the executable checklist; a query is tried once first.",
        _add,
        takes=EntryFields,
        gives=ChecklistAnswer,
        of=True,
    )
    edit = act("Define an entry anew.", _edit, takes=EntryEdit, gives=ChecklistAnswer)
    move = act("Put an entry at another place.", entries.move, takes=Place, gives=ChecklistAnswer)
    remove = removal("Remove an entry from the executable checklist.", entries.remove)
    command = command_view("What exactly an entry runs, and whether it may.")
    approve = approve_view("Approve the command of an entry for 90 days: an administrator, never its author.")
    export = detail(
        "The checklist as a shell script, as Markdown and as data.", gives=ChecklistExport, of=_export
    )


def _runs(view: Resource, *, review: str) -> QuerySet[ChecklistRun]:
    return ChecklistRun.objects.filter(review=view.find(review=review))


class ChecklistRuns(Resource):
    """The runs of a checklist."""

    tag = "reviews"
    ordering = ("-id",)

    def find(self, **url: Any) -> Any:
        review = one(access.reviews(self.request.user), public_id=url["review"])
        return _of(review, url)

    def whole(self, rows: QuerySet[ChecklistRun]) -> QuerySet[ChecklistRun]:
        return rows.select_related("requested_by")

    list = listing("The runs of a review's checklist, newest first.", gives=ChecklistRunAnswer, rows=_runs)
    create = creation(
        "Run an entry as soon as a worker is free; a run that waits already stands for this one.",
        checklists.run_now,
        takes=Empty,
        gives=ChecklistRunAnswer,
        of=True,
    )

    @extend_schema(
        description="Run every entry that can be run here.", request=None, responses={201: QueuedRuns}
    )
    def create_all(self, request: Request, review: str) -> Response:
        found = self.find(review=review)
        checked(Empty, request.data)
        queued = checklists.run_all(found, by=request.user, now=timezone.now())
        return self.answer(QueuedRuns, {"runs": queued}, 201)
