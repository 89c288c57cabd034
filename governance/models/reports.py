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
