"""Personal timelines and their entries."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User, validate_time_zone
from postmortem.models.freezing import OF_PARTICIPANT, OF_TIMELINE, frozen
from postmortem.models.incidents import Participant
from postmortem.models.trail import MAX_TEXT, recorded
from postmortem.searching import Words

ENTRY_WORDS = Words("text")


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
        triggers = (*recorded(), frozen(OF_PARTICIPANT))

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
        SCREENSHOT = "screenshot", _("Screenshot")
        DECISION = "decision", _("Decision")
        ALERT = "alert", _("Alert")
        CHANGE = "change", _("Change")

    class Marker(models.TextChoices):
        NONE = "", _("None")
        DETECTION = "detection", _("Detection")
        DIAGNOSIS = "diagnosis", _("Diagnosis")
        REPAIR = "repair", _("Repair")

    class Milestone(models.TextChoices):
        """The milestones of an incident, as one person saw them."""

        NONE = "", _("None")
        STARTED = "started", _("Impact started")
        DETECTED = "detected", _("Detected")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        MITIGATED = "mitigated", _("Mitigated")
        RESOLVED = "resolved", _("Resolved")

    timeline = models.ForeignKey(Timeline, models.CASCADE, related_name="entries")
    happened_at = models.DateTimeField(_("moment"))
    zone = models.CharField(_("zone"), max_length=64, validators=[validate_time_zone])
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.NOTE)
    marker = models.CharField(_("marker"), max_length=12, choices=Marker, default=Marker.NONE, blank=True)
    milestone = models.CharField(
        _("milestone"), max_length=12, choices=Milestone, default=Milestone.NONE, blank=True
    )
    is_starred = models.BooleanField(_("starred"), default=False)
    text = models.TextField(_("what happened"), max_length=MAX_TEXT)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("happened_at", "id")
        indexes = (GinIndex(ENTRY_WORDS, name="entry_by_words"),)
        verbose_name_plural = "entries"
        constraints = (
            models.CheckConstraint(condition=~Q(text=""), name="entry_says_something"),
            models.UniqueConstraint(
                fields=["timeline", "milestone"],
                condition=~Q(milestone=""),
                name="timeline_gives_a_milestone_one_moment",
            ),
        )
        triggers = (*recorded(), frozen(OF_TIMELINE))

    def __str__(self) -> str:
        return f"{self.happened_at:%H:%M} {self.text[:40]}"


class Reminder(models.Model):
    """Somebody asked a participant for their timeline."""

    participant = models.ForeignKey(Participant, models.CASCADE, related_name="reminders")
    sent_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ("-sent_at", "-id")
        triggers = (*recorded(), pgtrigger.Protect(name="never_edited", operation=pgtrigger.Update))

    def __str__(self) -> str:
        return f"{self.participant_id} at {self.sent_at:%Y-%m-%d %H:%M}"
