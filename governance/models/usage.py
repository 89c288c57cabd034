"""How much each feature is used, week by week; nothing of it says by whom."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models import append_only


class FeatureUse(models.Model):
    """How often a feature was used in a week, all people together."""

    feature = models.CharField(max_length=60)
    # Its Monday, in the installation's time zone.
    week = models.DateField()
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("week", "feature")
        constraints = (
            models.UniqueConstraint(fields=["feature", "week"], name="feature_is_counted_once_a_week"),
            models.CheckConstraint(condition=Q(week__iso_week_day=1), name="use_week_is_a_monday"),
            models.CheckConstraint(condition=~Q(feature=""), name="use_names_a_feature"),
        )

    def __str__(self) -> str:
        return f"{self.feature} {self.week}: {self.count}"


class UsageDecision(models.Model):
    """What the committee decided about a feature in a quarter; added, never edited: the last one holds."""

    class Decision(models.TextChoices):
        KEEP = "keep", _("Keep as it is")
        CHANGE = "change", _("Change it")
        TEACH = "teach", _("Make it known")
        RETIRE = "retire", _("Retire it")

    quarter = models.CharField(max_length=7)
    feature = models.CharField(max_length=60)
    decision = models.CharField(_("decision"), max_length=8, choices=Decision)
    reason = models.CharField(_("reason"), max_length=500)
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ("-decided_at", "-id")
        indexes = (models.Index(fields=["quarter", "feature", "-id"], name="decision_by_quarter"),)
        constraints = (
            models.CheckConstraint(condition=~Q(reason=""), name="usage_decision_has_a_reason"),
            models.CheckConstraint(
                condition=~Q(feature="") & ~Q(quarter=""), name="usage_decision_names_what_it_is_about"
            ),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.quarter} {self.feature}: {self.decision}"
