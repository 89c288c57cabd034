"""What every run has in common: how it went, and what it showed."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from remediation.models.verification import VerificationCheck


class Run(models.Model):
    """One attempt to ask something outside: stored once, never edited afterwards."""

    kind = models.CharField(max_length=12, choices=VerificationCheck.Kind)
    queued_at = models.DateTimeField()
    attempt = models.PositiveSmallIntegerField(default=0)
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
