"""Runs of a postmortem's checklist: asked by a person, before the archive and after it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models import User
from postmortem.models import ChecklistEntry, Review, never_truncated
from remediation.models.runs import Run
from remediation.models.sources import DataSource

# How long one command of an entry may take.
COMMAND_SECONDS = 30


class ChecklistRun(Run):
    """One attempt at a checklist entry: first the queue's row, then, once finished, a fact.

    It carries what it asks, for the entry may change or go meanwhile.
    """

    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    review = models.ForeignKey(Review, models.PROTECT, related_name="checklist_runs", db_index=False)
    # The run outlives an entry that is taken off the list.
    entry = models.ForeignKey(
        ChecklistEntry, models.DO_NOTHING, db_constraint=False, related_name="runs", db_index=False
    )
    entry_version = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    pipeline = models.JSONField(null=True)
    expectation = models.CharField(max_length=10, blank=True)
    pattern = models.CharField(max_length=200, blank=True)
    data_source = models.ForeignKey(DataSource, models.PROTECT, null=True, related_name="+")
    promql = models.TextField(blank=True)
    comparator = models.CharField(max_length=2, blank=True)
    threshold = models.FloatField(null=True)
    timeout_seconds = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(
                fields=["kind", "queued_at"], condition=Q(finished_at=None), name="checklist_run_waiting"
            ),
            models.Index(fields=["review", "-id"], name="checklist_run_by_review"),
            models.Index(fields=["entry", "-id"], name="checklist_run_by_entry"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["entry"], condition=Q(finished_at=None), name="one_unfinished_run_per_entry"
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None, outcome="")
                | Q(finished_at__isnull=False, started_at__isnull=False) & ~Q(outcome=""),
                name="finished_checklist_run_has_an_outcome",
            ),
        )
        triggers = (
            pgtrigger.Protect(
                name="finished_is_final",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__finished_at__isnull=False),
            ),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.title} @ {self.queued_at:%Y-%m-%d %H:%M:%S} {self.outcome or 'waiting'}"
