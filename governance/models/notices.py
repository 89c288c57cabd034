"""What people must be told, and the mails that tell it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from governance.models.channels import TeamChannel
from governance.models.digests import Digest
from governance.models.outgoing import Outgoing
from governance.models.reports import GovernanceReport
from governance.models.waivers import GateWaiver
from postmortem.models import Incident, never_truncated
from remediation.models import RemediationItem

# What a notice is about: one of these.
SUBJECTS = ("incident", "item", "team_channel", "waiver", "report")


def _about_one_thing() -> Q:
    condition = Q()
    for subject in SUBJECTS:
        others = {other: None for other in SUBJECTS if other != subject}
        condition |= Q(**{f"{subject}__isnull": False}, **others)
    return condition


class Notice(models.Model):
    """One thing that one person must be told, once; what it says is worded when it is read.

    The row is the fact that somebody is told. Pages show it; what leaves the house has rows of its own.
    """

    class Kind(models.TextChoices):
        REVIEW_AT_RISK = "review_at_risk", _("A review is at risk")
        REVIEW_BREACHED = "review_breached", _("A review is overdue")
        TIMELINE_REMINDER = "timeline_reminder", _("A timeline is asked for")
        ITEM_AT_RISK = "item_at_risk", _("An item comes near its deadline")
        ITEM_BREACHED = "item_breached", _("An item is overdue")
        ITEM_ESCALATED = "item_escalated", _("An item is overdue for long")
        ITEM_REGRESSED = "item_regressed", _("An item has regressed")
        ITEM_OWNERLESS = "item_ownerless", _("An item has lost its owner")
        CHANNEL_PAUSED = "channel_paused", _("A channel is paused")
        WAIVER_ASKED = "waiver_asked", _("A waiver of the gate is asked for")
        WAIVED_ALONE = "waived_alone", _("A governor waived the gate alone")
        REPORT_PUBLISHED = "report_published", _("A month's report is published")

    recipient = models.ForeignKey(User, models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=32, choices=Kind)
    # What it is about: one of them.
    incident = models.ForeignKey(Incident, models.PROTECT, null=True, related_name="+")
    item = models.ForeignKey(RemediationItem, models.PROTECT, null=True, related_name="+")
    team_channel = models.ForeignKey(TeamChannel, models.PROTECT, null=True, related_name="+")
    waiver = models.ForeignKey(GateWaiver, models.PROTECT, null=True, related_name="+")
    report = models.ForeignKey(GovernanceReport, models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    # What it is about, so that a second look at the same fact tells nobody a second time.
    key = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["recipient", "-created_at", "-id"], name="notice_newest_first"),
            models.Index(fields=["recipient"], condition=Q(read_at=None), name="notice_unread"),
        )
        constraints = (
            models.UniqueConstraint(fields=["recipient", "key"], name="notice_is_told_once"),
            models.CheckConstraint(condition=~Q(key=""), name="notice_is_about_something"),
            models.CheckConstraint(condition=_about_one_thing(), name="notice_is_about_one_thing"),
        )
        triggers = (
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="said", exclude=["read_at"]),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.recipient_id}"


class Delivery(Outgoing):
    """One notice, or a digest of many, on its way to its recipient's mailbox."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        GIVEN_UP = "given_up", _("Given up")
        DROPPED = "dropped", _("Not sent")

    # What it carries: one of the two.
    notice = models.OneToOneField(Notice, models.PROTECT, null=True, related_name="delivery")
    digest = models.OneToOneField(Digest, models.PROTECT, null=True, related_name="delivery")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        indexes = (models.Index(fields=["next_at"], condition=Q(state="waiting"), name="delivery_due"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(state="waiting", finished_at=None)
                | ~Q(state="waiting") & Q(finished_at__isnull=False),
                name="delivery_that_ended_says_when",
            ),
            models.CheckConstraint(
                condition=Q(notice__isnull=False, digest=None) | Q(notice=None, digest__isnull=False),
                name="delivery_carries_a_notice_or_a_digest",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="sent_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state="sent")
            ),
        )

    def __str__(self) -> str:
        return f"{self.notice_id or self.digest_id} {self.state}"

    @property
    def recipient(self) -> User:
        if self.notice is not None:
            return self.notice.recipient
        if self.digest is None:
            raise ValueError("A delivery carries a notice or a digest.")
        return self.digest.recipient

    @property
    def kind_code(self) -> str:
        """The kind of the notice, or "digest_notices", "digest_overview"."""
        return self.notice.kind if self.notice else f"digest_{self.digest.kind if self.digest else ''}"

    @property
    def kind_words(self) -> str:
        carried = self.notice or self.digest
        return carried.get_kind_display() if carried else ""


class Muted(models.Model):
    """A kind of notice that somebody does not want by mail; pages show it all the same."""

    user = models.ForeignKey(User, models.CASCADE, related_name="muted")
    kind = models.CharField(max_length=32, choices=Notice.Kind)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "kind"], name="kind_is_muted_once"),)

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"
