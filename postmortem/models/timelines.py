"""Personal timelines and their entries."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User, validate_time_zone
from postmortem.models.incidents import Participant
from postmortem.models.trail import MAX_TEXT, recorded


class Timeline(models.Model):
    """One participant's own account, sealed to the others until filed."""

    participant = models.OneToOneField(Participant, models.CASCADE, related_name="timeline")
    filed_at = models.DateTimeField(null=True, blank=True)
    excused_at = models.DateTimeField(null=True, blank=True)
    excused_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    excuse_reason = models.TextField(blank=True, max_length=2000)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(excused_at=None, excused_by=None, excuse_reason="")
                | Q(excused_at__isnull=False, excused_by__isnull=False) & ~Q(excuse_reason=""),
                name="timeline_excuse_has_by_and_reason",
            ),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return f"timeline of {self.participant}"

    @property
    def is_settled(self) -> bool:
        """Filed, or excused with a reason: either lets the review open."""
        return self.filed_at is not None or self.excused_at is not None


class Entry(models.Model):
    """One event on a personal timeline, with the zone in which its moment was written."""

    class Kind(models.TextChoices):
        NOTE = "note", _("Note")
        COMMAND = "command", _("Command")
        LOG = "log", _("Log")
        DECISION = "decision", _("Decision")
        ALERT = "alert", _("Alert")
        CHANGE = "change", _("Change")

    class Marker(models.TextChoices):
        NONE = "", _("None")
        DETECTION = "detection", _("Detection")
        DIAGNOSIS = "diagnosis", _("Diagnosis")
        REPAIR = "repair", _("Repair")

    timeline = models.ForeignKey(Timeline, models.CASCADE, related_name="entries")
    happened_at = models.DateTimeField(_("moment"))
    zone = models.CharField(_("zone"), max_length=64, validators=[validate_time_zone])
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.NOTE)
    marker = models.CharField(_("marker"), max_length=12, choices=Marker, default=Marker.NONE, blank=True)
    is_starred = models.BooleanField(_("starred"), default=False)
    text = models.TextField(_("what happened"), max_length=MAX_TEXT)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("happened_at", "id")
        verbose_name_plural = "entries"
        constraints = (models.CheckConstraint(condition=~Q(text=""), name="entry_says_something"),)
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return f"{self.happened_at:%H:%M} {self.text[:40]}"
