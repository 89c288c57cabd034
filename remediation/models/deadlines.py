"""Deadlines that were moved, and those that were nearly or really missed."""

from __future__ import annotations

from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models import append_only, never_truncated, recorded
from remediation.models.items import RemediationItem


class DeadlineWaiver(models.Model):
    """Somebody asks, with a reason, for a later deadline; somebody else answers while the old one runs.

    An item's deadline becomes later in no other way: its table refuses it without a granted row here.
    """

    class Answer(models.TextChoices):
        GRANTED = "granted", _("Granted")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    item = models.ForeignKey(RemediationItem, models.PROTECT, related_name="deadline_waivers")
    reason = models.TextField(_("reason"), max_length=2000)
    previous_due_at = models.DateTimeField()
    due_at = models.DateTimeField(_("new deadline"))
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
                fields=["item"], condition=Q(answer=""), name="one_open_deadline_waiver_per_item"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="deadline_waiver_has_a_reason"),
            models.CheckConstraint(
                condition=Q(due_at__gt=F("previous_due_at")), name="deadline_waiver_gives_more_time"
            ),
            models.CheckConstraint(
                condition=Q(asked_at__lte=F("previous_due_at")), name="deadline_waiver_is_asked_in_time"
            ),
            models.CheckConstraint(
                condition=Q(answer="", answered_by=None, answered_at=None)
                | ~Q(answer="") & Q(answered_by__isnull=False, answered_at__isnull=False),
                name="deadline_waiver_answer_has_at_and_by",
            ),
            models.CheckConstraint(
                condition=~Q(answer__in=["granted", "refused"]) | ~Q(answered_by=F("asked_by")),
                name="deadline_waiver_is_answered_by_another",
            ),
            models.CheckConstraint(
                # A deadline that has passed is missed, and stays missed.
                condition=~Q(answer="granted") | Q(answered_at__lte=F("previous_due_at")),
                name="deadline_waiver_is_granted_in_time",
            ),
        )
        triggers = (
            *recorded(),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="asked",
                fields=["item", "reason", "previous_due_at", "due_at", "asked_by", "asked_at"],
            ),
            pgtrigger.Protect(
                name="answered_once", operation=pgtrigger.Update, condition=~pgtrigger.Q(old__answer="")
            ),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.item_id}: {self.answer or 'asked'}"

    def has_lapsed(self, now: datetime) -> bool:
        """Whether nobody answered before the old deadline passed."""
        return not self.answer and now > self.previous_due_at


class DeadlineMark(models.Model):
    """That an item came near its deadline, or missed it: a row that no late completion takes away."""

    class Kind(models.TextChoices):
        AT_RISK = "at_risk", _("At risk")
        BREACHED = "breached", _("Breached")

    item = models.ForeignKey(RemediationItem, models.PROTECT, related_name="deadline_marks")
    kind = models.CharField(max_length=10, choices=Kind)
    # The deadline it is about: a waiver gives another one, which can be missed anew.
    due_at = models.DateTimeField()
    noticed_at = models.DateTimeField()

    class Meta:
        ordering = ("due_at", "id")
        constraints = (
            models.UniqueConstraint(fields=["item", "due_at", "kind"], name="deadline_is_marked_once"),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.item_id} {self.kind}"
