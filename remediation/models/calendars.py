"""Working calendars: when a promise counted in working days runs."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import validate_time_zone
from postmortem.models import recorded

MAX_HOLIDAYS = 1000


class WorkingCalendar(models.Model):
    """A zone, the hours of each weekday, and the days on which nobody works."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[validate_time_zone])
    # Seven texts, Monday first, each as remediation.sla.write_spans writes it.
    week = ArrayField(models.CharField(max_length=200, blank=True), size=7)
    holidays = ArrayField(models.DateField(), default=list, blank=True, verbose_name=_("holidays"))

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=models.Q(week__len=7), name="calendar_has_seven_weekdays"),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.name
