"""Approvals of a review: who accepted which content."""

from __future__ import annotations

from django.db import models

from accounts.models import User
from postmortem.models.reviews import Review
from postmortem.models.trail import append_only, recorded


class ReviewApproval(models.Model):
    """One person's approval of a review as it was at that moment; later changes it does not cover."""

    review = models.ForeignKey(Review, models.CASCADE, related_name="approvals")
    given_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    given_at = models.DateTimeField()
    content_hash = models.CharField(max_length=64)
    comment = models.TextField(blank=True, max_length=2000)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["review", "given_by", "content_hash"], name="content_is_approved_once_by_a_person"
            ),
        )
        triggers = (*append_only(), *recorded())

    def __str__(self) -> str:
        return f"{self.review_id} {self.given_by_id}"
