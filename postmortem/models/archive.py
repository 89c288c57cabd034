"""What is kept of an archived review: its revisions, their reopenings, and what was added afterwards."""

from __future__ import annotations

import json
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models.freezing import agrees_with_its_review, in_order, lacks_nothing
from postmortem.models.reviews import Review
from postmortem.models.trail import MAX_TEXT, append_only, never_truncated


class Revision(models.Model):
    """What a review said when it was archived; the first is number 1. Never edited, always readable."""

    review = models.ForeignKey(Review, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    # Text, not JSON: the hash is of these very characters, and PostgreSQL would write numbers anew.
    content_json = models.TextField()
    content_hash = models.CharField(max_length=64)
    archived_at = models.DateTimeField()
    archived_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ("review", "number")
        constraints = (
            models.UniqueConstraint(fields=["review", "number"], name="revision_number_is_unique"),
            models.CheckConstraint(condition=~Q(content_hash=""), name="revision_has_a_hash"),
        )
        indexes = (models.Index(fields=["review", "archived_at"], name="revision_by_moment"),)
        triggers = (
            *append_only(),
            in_order(),
            lacks_nothing(),
            agrees_with_its_review("NEW.review_id"),
        )

    def __str__(self) -> str:
        return f"{self.review} r{self.number}"

    @property
    def content(self) -> dict[str, Any]:
        """What it says, in the shape its `format` had then."""
        found: dict[str, Any] = json.loads(self.content_json)
        return found


class Reopening(models.Model):
    """The end of a revision: who opened the postmortem for changes again, and why."""

    revision = models.OneToOneField(Revision, models.PROTECT, related_name="reopening")
    reason = models.TextField(_("reason"), max_length=2000)
    reopened_at = models.DateTimeField()
    reopened_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ("id",)
        constraints = (models.CheckConstraint(condition=~Q(reason=""), name="reopening_has_a_reason"),)
        triggers = (
            *append_only(),
            agrees_with_its_review("(SELECT review_id FROM postmortem_revision WHERE id = NEW.revision_id)"),
        )

    def __str__(self) -> str:
        return f"reopening of {self.revision}"


class Addendum(models.Model):
    """What was learnt after the archive, said below the postmortem; no part of any revision."""

    review = models.ForeignKey(Review, models.PROTECT, related_name="addenda")
    text = models.TextField(_("text"), max_length=MAX_TEXT)
    text_html = models.TextField(blank=True, default="", editable=False)
    content_hash = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "addenda"
        constraints = (models.CheckConstraint(condition=~Q(text=""), name="addendum_says_something"),)
        triggers = (
            # HTML may be rendered anew; what was said stays.
            pgtrigger.ReadOnly(name="never_edited", exclude=["text_html"]),
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"addendum {self.pk} to {self.review}"
