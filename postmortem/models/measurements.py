"""The typed evidence of step 2: what a metric showed over a window, frozen when it was taken."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models.reviews import ReviewStep
from postmortem.models.signatures import under_signature
from postmortem.models.trail import recorded

MAX_PROMQL = 10_000


class MetricSnapshot(models.Model):
    """One metric over one window: fetched once from a data source, or stated by a person; never edited.

    `series` is what was answered: [{"labels": {...}, "points": [[seconds since 1970, "value"], ...]}], the
    values as texts, for JSON knows no NaN.
    """

    step = models.ForeignKey(ReviewStep, models.CASCADE, related_name="snapshots")
    title = models.CharField(_("what it shows"), max_length=200)
    value = models.FloatField(_("value"), null=True, blank=True)
    unit = models.CharField(_("unit"), max_length=40, blank=True)
    # The name as it was: a data source may be renamed, and what was asked stays what it was.
    source_name = models.CharField(_("data source"), max_length=80, blank=True)
    promql = models.TextField(_("PromQL"), max_length=MAX_PROMQL, blank=True)
    window_start = models.DateTimeField(_("from"))
    window_end = models.DateTimeField(_("to"))
    step_seconds = models.PositiveIntegerField(null=True, blank=True)
    series = models.JSONField(null=True, blank=True)
    hidden_series = models.PositiveIntegerField(default=0, help_text="Answered, but more than are kept.")
    warnings = models.JSONField(default=list, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True, help_text="None: stated, not fetched.")
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(window_end__gt=F("window_start")), name="snapshot_window_has_a_length"
            ),
            models.CheckConstraint(
                condition=Q(fetched_at=None, series=None, step_seconds=None, value__isnull=False)
                | Q(fetched_at__isnull=False, series__isnull=False, step_seconds__isnull=False)
                & ~Q(promql="")
                & ~Q(source_name=""),
                name="snapshot_is_fetched_whole_or_stated_with_a_value",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="snapshot_says_what_it_shows"),
        )
        triggers = (
            pgtrigger.Protect(name="frozen", operation=pgtrigger.Update),
            under_signature("SELECT {row}.step_id"),
            *recorded(),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def is_fetched(self) -> bool:
        return self.fetched_at is not None
