"""Reports of a month, frozen when published."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from postmortem.models import append_only


class GovernanceReport(models.Model):
    """A month's figures with their rows, frozen when published."""

    month = models.DateField(unique=True, help_text="The first day of the month.")
    published_at = models.DateTimeField()
    # Nobody: the installation itself, on the first working day.
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    figures = models.JSONField()
    rows = models.JSONField()
    policy_version = models.CharField(max_length=40)
    content_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("-month",)
        constraints = (models.CheckConstraint(condition=Q(month__day=1), name="report_month_is_a_first_day"),)
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class ReportCorrection(models.Model):
    """That a figure of a frozen month would come out differently by now: a line added, never edited.

    The report itself keeps its bytes. `rows` holds ids: {"added", "removed", "changed"}, against the report.
    """

    report = models.ForeignKey(GovernanceReport, models.PROTECT, related_name="corrections")
    figure = models.CharField(max_length=40)
    noticed_at = models.DateTimeField()
    was = models.JSONField(help_text="The figure as published.")
    now = models.JSONField(help_text="The figure as it came out when this was noticed.")
    rows = models.JSONField()
    # Of the rows as they were counted when this was noticed: the same again is no news.
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ("noticed_at", "id")
        indexes = (models.Index(fields=["report", "figure", "-id"], name="correction_by_figure"),)
        constraints = (
            models.CheckConstraint(condition=~Q(figure=""), name="correction_names_a_figure"),
            models.CheckConstraint(condition=~Q(digest=""), name="correction_has_a_digest"),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.report_id} {self.figure}"


class ReportBuild(models.Model):
    """A month on its way to its report: gathered part by part, so that a crash loses one part at most."""

    month = models.DateField(unique=True)
    asked_at = models.DateTimeField()
    # Nobody: the schedule.
    asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    parts = models.PositiveSmallIntegerField()
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)

    class Meta:
        ordering = ("-month",)
        constraints = (
            models.CheckConstraint(condition=Q(month__day=1), name="build_month_is_a_first_day"),
            models.CheckConstraint(condition=Q(parts__gte=1), name="build_has_a_part"),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class ReportPart(models.Model):
    """The rows of one part of a build, kept until the report is published."""

    build = models.ForeignKey(ReportBuild, models.CASCADE, related_name="gathered")
    name = models.CharField(max_length=20)
    rows = models.JSONField()
    gathered_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["build", "name"], name="part_is_gathered_once"),
            models.CheckConstraint(condition=~Q(name=""), name="part_has_a_name"),
        )

    def __str__(self) -> str:
        return f"{self.build_id} {self.name}"
