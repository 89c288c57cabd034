"""What every run has in common: first a row of the queue, then, once finished, a fact."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from remediation.models.verification import VerificationCheck


class Run(models.Model):
    """One attempt to ask something outside: claimed under a lease, stored once, never edited afterwards."""

    kind = models.CharField(max_length=12, choices=VerificationCheck.Kind)
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
        abstract = True


def finished_has_an_outcome(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(finished_at=None, outcome="")
        | Q(finished_at__isnull=False, started_at__isnull=False) & ~Q(outcome=""),
        name=name,
    )


def finished_is_final() -> pgtrigger.Trigger:
    return pgtrigger.Protect(
        name="finished_is_final",
        operation=pgtrigger.Update | pgtrigger.Delete,
        condition=pgtrigger.Q(old__finished_at__isnull=False),
    )
