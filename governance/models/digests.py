"""How somebody wants their mail, and the digests that gather a day or a week."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class MailChoice(models.Model):
    """How the mail of one person comes; who never chose gets single mails, and governors the overview."""

    class Rhythm(models.TextChoices):
        SINGLE = "single", _("one mail for each notice, at once")
        DAILY = "daily", _("one mail a day, at eight in the morning")
        WEEKLY = "weekly", _("one mail a week, on Monday at eight in the morning")

    user = models.OneToOneField(User, models.CASCADE, related_name="mail_choice")
    rhythm = models.CharField(_("notices come as"), max_length=8, choices=Rhythm, default=Rhythm.SINGLE)
    wants_overview = models.BooleanField(_("weekly overview of open promises"), default=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(rhythm__in=["single", "daily", "weekly"]), name="mail_rhythm_is_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} {self.rhythm}"


class Digest(models.Model):
    """A mail that gathers what one person was told in a period, or how the promises stand for a governor."""

    class Kind(models.TextChoices):
        NOTICES = "notices", _("Notices of a period")
        OVERVIEW = "overview", _("Overview of open promises")

    recipient = models.ForeignKey(User, models.PROTECT, related_name="digests")
    kind = models.CharField(max_length=10, choices=Kind)
    since = models.DateTimeField()
    until = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["recipient", "kind", "until"], name="digest_is_written_once"),
            models.CheckConstraint(condition=Q(since__lt=F("until")), name="digest_has_a_period"),
        )
        triggers = (pgtrigger.Protect(name="kept", operation=pgtrigger.Delete | pgtrigger.Update),)

    def __str__(self) -> str:
        return f"{self.kind} {self.recipient_id} {self.until:%Y-%m-%d}"
