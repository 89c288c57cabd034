"""Files that show what is said: screenshots, logs, documents."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models.freezing import OF_EVIDENCE, frozen
from postmortem.models.incidents import Incident
from postmortem.models.reviews import ReviewStep
from postmortem.models.timelines import Entry
from postmortem.models.trail import recorded


class EvidenceFile(models.Model):
    """One stored file, attached to a timeline entry, an incident or a step of a review.

    Its bytes lie in `postmortem.vault` under `stored_as`. The name it came with is a label and nothing else.
    """

    entry = models.ForeignKey(Entry, models.CASCADE, null=True, blank=True, related_name="evidence")
    incident = models.ForeignKey(Incident, models.CASCADE, null=True, blank=True, related_name="evidence")
    step = models.ForeignKey(ReviewStep, models.CASCADE, null=True, blank=True, related_name="evidence_files")
    label = models.CharField(_("name"), max_length=150)
    media_type = models.CharField(max_length=40)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    excerpt = models.TextField(blank=True, help_text="The beginning of a text, with its secrets masked.")
    masked_count = models.PositiveIntegerField(default=0)
    stored_as = models.CharField(max_length=40, unique=True)
    thumbnail_stored_as = models.CharField(max_length=40, blank=True)
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(entry__isnull=False, incident=None, step=None)
                | Q(entry=None, incident__isnull=False, step=None)
                | Q(entry=None, incident=None, step__isnull=False),
                name="evidence_file_belongs_to_one_record",
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="evidence_file_has_a_hash"
            ),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="evidence_file_is_not_empty"),
        )
        triggers = (
            *recorded(),
            pgtrigger.Protect(name="never_edited", operation=pgtrigger.Update),
            frozen(OF_EVIDENCE),
        )

    def __str__(self) -> str:
        return self.label

    @property
    def is_picture(self) -> bool:
        """A picture that was drawn anew, so that a page may show it."""
        return self.thumbnail_stored_as != ""
