"""What somebody has typed into a form and not saved yet."""

from __future__ import annotations

import re

from django.db import models
from django.db.models import Q

from accounts.models import User

# A number, a moment or a choice: nobody knows a draft by these.
_CHOSEN = re.compile(r"[\d.:TZ+/ -]*|[a-z0-9_-]+", re.ASCII)
# What the fields held when the page was opened: `web.forms.versioned`.
_BOOKKEEPING = "opened"


class Draft(models.Model):
    """The fields of one form as one person left them; nobody else ever sees them.

    No trail is written: a draft is nobody's word yet, and the trail keeps for ever what it is told.

    Attributes:
        key: which form it is: the path that the form is sent to.
        page: the opened page in which it was typed; two tabs have two drafts, so that neither is lost.
        number: the how-manieth save of that page this is: requests may overtake each other.
        fields: name to values, as a browser would send them.
        base_version: of the text when the page was opened; None where the text carries none.
        closed_at: when the form was saved. From then on the draft is empty, and only keeps what was still on
            its way from making it anew.
        made_url, made_words: what a saved form has made, for a form that makes something new each time.
        content_hash: of what that form was sent with, to know it again where its page is not told.
    """

    owner = models.ForeignKey(User, models.CASCADE, related_name="drafts")
    key = models.CharField(max_length=200)
    page = models.CharField(max_length=32)
    number = models.PositiveBigIntegerField(default=0)
    fields = models.JSONField(default=dict)
    base_version = models.PositiveIntegerField(null=True, blank=True)
    saved_at = models.DateTimeField()
    discarded_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    made_url = models.CharField(max_length=300, blank=True, default="", db_default="")
    made_words = models.CharField(max_length=200, blank=True, default="", db_default="")
    content_hash = models.CharField(max_length=64, blank=True, default="", db_default="")

    class Meta:
        ordering = ("-saved_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=["owner", "page"], name="draft_is_one_of_each_page"),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(fields={}), name="draft_of_a_saved_form_is_empty"
            ),
        )
        indexes = (
            models.Index(fields=["owner", "key"], name="draft_by_form"),
            models.Index(fields=["saved_at"], name="draft_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.owner_id} {self.key}"

    @property
    def typed(self) -> list[str]:
        """The texts in it, as they were typed; what was only chosen is none."""
        written = (found for name, found in self.fields.items() if name != _BOOKKEEPING)
        return [value for found in written for value in found if not _CHOSEN.fullmatch(value)]

    @property
    def excerpt(self) -> str:
        """The beginning of the longest text in it, by which its writer knows it again."""
        longest = max(self.typed, key=len, default="")
        return " ".join(longest.split())[:120]
