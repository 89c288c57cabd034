"""Documents that were written elsewhere, and what became of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT

from accounts.models import User
from postmortem.models.incidents import Incident
from postmortem.models.reviews import Review
from postmortem.models.trail import recorded

# 512 KiB of UTF-8 have no more characters.
MAX_SOURCE = 512 * 1024


class ImportedDocumentQuerySet(models.QuerySet["ImportedDocument"]):
    def with_titles(self) -> ImportedDocumentQuerySet:
        """For lists: `title` is the one that was read, None where there is none; the texts stay behind."""
        return self.annotate(title=KT("draft__title__value")).defer("source", "draft")


class ImportedDocument(models.Model):
    """A document as it came, the draft that was read from it, and the review it became."""

    public_id = models.CharField(max_length=16, unique=True)
    file_name = models.CharField(max_length=200, blank=True)
    # Normalised newlines; secrets are masked. The draft's places count in this text.
    source = models.TextField(max_length=MAX_SOURCE)
    masked_count = models.PositiveIntegerField(default=0)
    draft = models.JSONField()
    imported_by = models.ForeignKey(User, models.PROTECT, related_name="imported_documents")
    imported_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    incident = models.ForeignKey(
        Incident, models.PROTECT, null=True, blank=True, related_name="imported_from"
    )
    review = models.ForeignKey(Review, models.PROTECT, null=True, blank=True, related_name="imported_from")

    objects = ImportedDocumentQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(accepted_at=None, incident=None, review=None)
                | Q(accepted_at__isnull=False, incident__isnull=False, review__isnull=False),
                name="imported_document_accepted_at_incident_and_review_go_together",
            ),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.public_id
