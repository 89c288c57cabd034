"""What governors promise of a figure."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models import recorded


class FigureGoal(models.Model):
    """Where a figure stood when it was first looked at, and where it ought to be; in the figure's unit."""

    figure = models.CharField(max_length=40, unique=True)
    target = models.DecimalField(_("target"), max_digits=14, decimal_places=2, null=True, blank=True)
    baseline = models.DecimalField(_("baseline"), max_digits=14, decimal_places=2, null=True, blank=True)
    # Of money: what both numbers are in.
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    version = models.PositiveIntegerField(default=1)
    edited_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    edited_at = models.DateTimeField()

    class Meta:
        ordering = ("figure",)
        constraints = (
            models.CheckConstraint(
                condition=Q(target=None) | Q(target__gte=0), name="figure_target_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(baseline=None) | Q(baseline__gte=0), name="figure_baseline_is_not_negative"
            ),
            models.CheckConstraint(condition=~Q(figure=""), name="figure_goal_names_a_figure"),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return f"{self.figure} v{self.version}"
