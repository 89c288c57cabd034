"""Key figures that come from outside: what they are, and their values day by day."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models import append_only, recorded


class Kpi(models.Model):
    """A number that the committee watches, with where it stood and where it ought to be."""

    slug = models.SlugField(
        _("slug"),
        max_length=40,
        unique=True,
        help_text=_("The name programs use, for example “idle-resources”; it stays."),
    )
    name = models.CharField(_("name"), max_length=80)
    unit = models.CharField(_("unit"), max_length=20, blank=True, help_text=_("For example “%”."))
    is_more_better = models.BooleanField(_("more is better"), default=False)
    baseline = models.DecimalField(_("baseline"), max_digits=18, decimal_places=4, null=True, blank=True)
    target = models.DecimalField(_("target"), max_digits=18, decimal_places=4, null=True, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    is_retired = models.BooleanField(
        _("retired"), default=False, help_text=_("It keeps its values, takes no more and is shown no more.")
    )
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("name", "id")
        constraints = (models.CheckConstraint(condition=~Q(name="") & ~Q(slug=""), name="kpi_has_a_name"),)
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.name


class KpiValue(models.Model):
    """What a key figure was on a day, as a program or a person said; of several words the last one holds."""

    kpi = models.ForeignKey(Kpi, models.PROTECT, related_name="values", db_index=False)
    date = models.DateField()
    value = models.DecimalField(max_digits=18, decimal_places=4)
    source = models.CharField(max_length=200, blank=True)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ("date", "id")
        indexes = (models.Index(fields=["kpi", "date", "-id"], name="kpi_value_by_day"),)
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.kpi_id} {self.date}: {self.value}"
