"""Requests not to do an item."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models import never_truncated, recorded
from remediation.models.items import RemediationItem


class WontDoRequest(models.Model):
    """Somebody asks, with a reason, that an item be not done; somebody else answers.

    The item stays in its state while nobody has answered, so a refusal leaves it where it was.
    """

    class Answer(models.TextChoices):
        GRANTED = "granted", _("Granted")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    item = models.ForeignKey(RemediationItem, models.PROTECT, related_name="wont_do_requests")
    reason = models.TextField(_("reason"), max_length=2000)
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answer = models.CharField(max_length=10, choices=Answer, blank=True)
    comment = models.TextField(blank=True, max_length=2000)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-asked_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["item"], condition=Q(answer=""), name="one_open_wont_do_request_per_item"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="wont_do_request_has_a_reason"),
            models.CheckConstraint(
                condition=Q(answer="", answered_by=None, answered_at=None)
                | ~Q(answer="") & Q(answered_by__isnull=False, answered_at__isnull=False),
                name="wont_do_answer_has_at_and_by",
            ),
            models.CheckConstraint(
                # Never the same person.
                condition=~Q(answer__in=["granted", "refused"]) | ~Q(answered_by=F("asked_by")),
                name="wont_do_is_answered_by_another",
            ),
        )
        triggers = (
            *recorded(),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="asked", fields=["item", "reason", "asked_by", "asked_at"]),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.item_id}: {self.answer or 'asked'}"
