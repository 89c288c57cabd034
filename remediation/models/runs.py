"""Check runs: the queue's rows, then facts."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Team
from postmortem.models import Service, never_truncated
from remediation.models.items import RemediationItem
from remediation.models.verification import VerificationCheck


class CheckRun(models.Model):
    """One attempt at a check: first the queue's row, then, once finished, a fact that is never edited."""

    verification_check = models.ForeignKey(
        VerificationCheck, models.PROTECT, related_name="runs", db_index=False
    )
    # Copied when queued, so that reports over millions of runs need no join.
    item = models.ForeignKey(RemediationItem, models.PROTECT, related_name="runs", db_index=False)
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", db_index=False)
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=12, choices=VerificationCheck.Kind)
    check_version = models.PositiveIntegerField()
    slot = models.DateTimeField(help_text="The moment of the grid this run stands for.")
    skipped_slots = models.PositiveIntegerField(
        default=0, help_text="Slots missed before this one, coalesced into it."
    )
    queued_at = models.DateTimeField()
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, choices=VerificationCheck.Outcome, blank=True)
    value = models.FloatField(null=True)
    series = models.JSONField(null=True, help_text="Up to 20 series as answered: [{labels, value}].")
    warnings = ArrayField(models.CharField(max_length=500), default=list)
    expression = models.TextField(blank=True, help_text="What ran, as it ran.")
    output = models.TextField(blank=True, help_text="Excerpt of what a command printed.")
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    sandbox = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ("-slot", "-id")
        indexes = (
            models.Index(fields=["kind", "slot"], condition=Q(finished_at=None), name="run_waiting"),
            models.Index(fields=["verification_check", "-slot"], name="run_by_check"),
        )
        constraints = (
            models.UniqueConstraint(fields=["verification_check", "slot"], name="one_run_per_check_and_slot"),
            # A slow or dead source must not pile up work: one unfinished run at a time.
            models.UniqueConstraint(
                fields=["verification_check"],
                condition=Q(finished_at=None),
                name="one_unfinished_run_per_check",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None, outcome="")
                | Q(finished_at__isnull=False, started_at__isnull=False) & ~Q(outcome=""),
                name="finished_run_has_an_outcome",
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
        return f"{self.verification_check_id} @ {self.slot:%Y-%m-%d %H:%M:%S} {self.outcome or 'waiting'}"
