"""Monthly reports: the figures, with exactly the rows they were computed from."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.figures import FigureValue, first_day
from api.resource import Resource, checked, detail, listing, refuse_query
from api.shapes import Answer, Empty, Moment, Person
from governance import corrections, publishing, reports, tasks
from governance.models import GovernanceReport


class MonthField(serializers.CharField):
    """The month of a date, such as 2026-11."""

    def to_representation(self, value: date) -> str:
        return f"{value:%Y-%m}"


class SpreadAnswer(serializers.Serializer):
    n = serializers.IntegerField()
    median_seconds = serializers.IntegerField(allow_null=True)
    p90_seconds = serializers.IntegerField(allow_null=True)


class TimesAnswer(serializers.Serializer):
    severity = serializers.CharField(help_text="Empty: over all severities.")
    ttr = SpreadAnswer(help_text="Resolved - started.")
    ttd = SpreadAnswer(help_text="Detected - started.")
    tta = SpreadAnswer(help_text="Acknowledged - detected.")
    ttm = SpreadAnswer(help_text="Mitigated - started.")


class ClosureAnswer(serializers.Serializer):
    """Items first verified by a check within their SLA / items due in the month."""

    due = serializers.IntegerField()
    in_time = serializers.IntegerField()
    late = serializers.IntegerField()
    by_hand = serializers.IntegerField()
    open = serializers.IntegerField()
    rate_percent = serializers.CharField(
        allow_null=True, help_text='For example "92.0"; null when nothing was due.'
    )
    late_by_median_seconds = serializers.IntegerField(allow_null=True)


class AgeingAnswer(serializers.Serializer):
    n = serializers.IntegerField()
    up_to_7_days = serializers.IntegerField()
    up_to_30_days = serializers.IntegerField()
    up_to_90_days = serializers.IntegerField()
    longer = serializers.IntegerField()
    oldest_days = serializers.IntegerField(allow_null=True)


class FiguresAnswer(serializers.Serializer):
    closure = ClosureAnswer()
    times = TimesAnswer(many=True)
    overdue = AgeingAnswer()
    all = serializers.DictField(child=FigureValue(), help_text="Every figure by its key.")


class ItemRow(serializers.Serializer):
    id = serializers.CharField(source="public_id")
    title = serializers.CharField()
    owner = serializers.CharField()
    severity = serializers.CharField()
    service = serializers.CharField()
    team = serializers.CharField()
    due_at = Moment()
    state = serializers.CharField(help_text="At the moment the report was judged.")


class DueRow(ItemRow):
    first_verified_at = Moment(allow_null=True)


class OverdueRow(ItemRow):
    overdue_days = serializers.IntegerField()


class ResolvedRow(serializers.Serializer):
    id = serializers.CharField(source="public_id")
    title = serializers.CharField()
    severity = serializers.CharField()
    service = serializers.CharField()
    started_at = Moment()
    detected_at = Moment(allow_null=True)
    acknowledged_at = Moment(allow_null=True)
    mitigated_at = Moment(allow_null=True)
    resolved_at = Moment()


class WaiverRow(serializers.Serializer):
    """A waiver of the gate that let changes of the month through."""

    id = serializers.CharField(source="public_id")
    scope = serializers.CharField(help_text="A service, or a repository and perhaps a change there.")
    findings = serializers.ListField(child=serializers.CharField())
    object = serializers.CharField(help_text="What the findings must be about; empty for anything.")
    reason = serializers.CharField()
    asked_by = Person(allow_null=True)
    granted_by = Person(allow_null=True)
    granted_at = Moment()
    expires_at = Moment()
    is_alone = serializers.BooleanField(help_text="Whoever asked granted it.")
    changes = serializers.IntegerField(help_text="How many changes of the month it let through.")


class RowsAnswer(serializers.Serializer):
    due = DueRow(many=True)
    resolved = ResolvedRow(many=True)
    overdue = OverdueRow(many=True)
    waivers = WaiverRow(many=True)


class PublishedReport(Answer):
    month = MonthField()
    published_by = Person(allow_null=True, help_text="Null: by schedule.")

    class Meta:
        model = GovernanceReport
        fields = ("month", "published_at", "published_by", "policy_version", "content_hash")


class BuildAnswer(serializers.Serializer):
    """A report being gathered, part by part."""

    asked_at = Moment()
    asked_by = Person(allow_null=True, help_text="Null: the schedule.")
    parts = serializers.IntegerField()
    done = serializers.IntegerField(help_text="The parts that are there; 0 again once it is published.")
    finished_at = Moment(allow_null=True)


class PublishingAnswer(serializers.Serializer):
    month = MonthField()
    is_over = serializers.BooleanField(help_text="A month is published once it is over.")
    build = BuildAnswer(allow_null=True, help_text="Null: nobody asked for it, or a hand published it.")
    published = PublishedReport(allow_null=True)


class CorrectedValue(serializers.Serializer):
    n = serializers.IntegerField()
    numerator = serializers.IntegerField(allow_null=True)
    percent = serializers.CharField(allow_null=True)
    median_seconds = serializers.IntegerField(allow_null=True)
    p90_seconds = serializers.IntegerField(allow_null=True)
    sums = serializers.DictField(child=serializers.CharField())
    streak = serializers.IntegerField(allow_null=True)
    excluded = serializers.DictField(child=serializers.IntegerField())
    number = serializers.CharField(allow_null=True)


class CorrectionAnswer(serializers.Serializer):
    """That a figure of a published month would come out differently by now; the rows that differ, by id."""

    figure = serializers.CharField()
    noticed_at = Moment()
    was = CorrectedValue(allow_null=True, help_text="Null for whoever may not see everything, as is `now`.")
    now = CorrectedValue(allow_null=True)
    added = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    changed = serializers.ListField(child=serializers.CharField())


class CorrectionsAnswer(serializers.Serializer):
    month = MonthField()
    corrections = CorrectionAnswer(many=True, help_text="Oldest first; none for a month not published.")


class ReportAnswer(serializers.Serializer):
    month = MonthField()
    starts_at = Moment()
    ends_at = Moment()
    as_of = Moment(help_text="The moment judged: the end of the month, or now while the month runs.")
    is_over = serializers.BooleanField()
    hidden = serializers.IntegerField(
        help_text="Rows of the published report that are kept from you; its own figures count them."
    )
    is_partial = serializers.BooleanField(
        help_text="You may not see everything, so restricted rows are neither shown nor counted."
    )
    published = PublishedReport(allow_null=True)
    figures = FiguresAnswer()
    rows = RowsAnswer()


def _report(view: Resource, *, month: str) -> dict[str, Any]:
    report = reports.build(first_day(month), viewer=view.request.user, now=timezone.now())
    names = {"due": report.rows.due, "resolved": report.rows.resolved, "overdue": report.rows.overdue}
    known = report.names(row.public_id for found in names.values() for row in found)
    rows = {
        name: [
            row._asdict()
            | {"title": known.titles.get(row.public_id, ""), "owner": known.owners.get(row.public_id, "")}
            for row in found
        ]
        for name, found in names.items()
    }
    used = report.rows.waivers
    people = User.objects.in_bulk({key for row in used for key in (row.asked_by, row.granted_by)})
    rows["waivers"] = [
        row._asdict() | {"asked_by": people.get(row.asked_by), "granted_by": people.get(row.granted_by)}
        for row in used
    ]
    columns = (
        "month",
        "starts_at",
        "ends_at",
        "as_of",
        "is_over",
        "is_partial",
        "hidden",
        "published",
        "figures",
    )
    return {name: getattr(report, name) for name in columns} | {"rows": rows}


def _publishing(view: Resource, *, month: str) -> dict[str, Any]:
    first = first_day(month)
    _starts_at, ends_at = reports.period(first)
    return {
        "month": first,
        "is_over": timezone.now() >= ends_at,
        "build": publishing.build_of(first),
        "published": reports.find(first),
    }


def _corrections(view: Resource, *, month: str) -> dict[str, Any]:
    first, viewer = first_day(month), view.request.user
    if _publishing(view, month=month)["published"] is None:
        # To compute a draft would be a lot of work for nothing.
        return {"month": first, "corrections": []}
    report = reports.build(first, viewer=viewer, now=timezone.now())
    return {"month": first, "corrections": corrections.of(report, viewer=viewer)}


class Reports(Resource):
    ordering = ("-month",)

    def visible(self) -> QuerySet[GovernanceReport]:
        return GovernanceReport.objects.all()

    def whole(self, rows: QuerySet[GovernanceReport]) -> QuerySet[GovernanceReport]:
        return rows.select_related("published_by")

    list = listing("The published reports, newest first.", gives=PublishedReport)
    retrieve = detail(
        "The report of a month: as published, else computed now over what you may see.",
        gives=ReportAnswer,
        of=_report,
    )
    progress = detail(
        "Whether a month is published, and how far its build is.", gives=PublishingAnswer, of=_publishing
    )
    corrections = detail(
        "What would come out differently by now in a published month, as far as you may see it.",
        gives=CorrectionsAnswer,
        of=_corrections,
    )

    @extend_schema(
        description="Have a month that is over built and published in the background; governors only. Asking "
        "again while it is built changes nothing. `GET` of the same address says how far it is.",
        request=None,
        responses={202: PublishingAnswer},
    )
    def publish(self, request: Request, month: str) -> Response:
        refuse_query(request)
        checked(Empty, request.data)
        publishing.ask(first_day(month), by=request.user, now=timezone.now())
        transaction.on_commit(tasks.ring_for_reports)
        return self.answer(PublishingAnswer, _publishing(self, month=month), 202)
