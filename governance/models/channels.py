"""Where a team hears of notices together, and what was sent there."""

from __future__ import annotations

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.encryption import SecretField
from accounts.models import Team, User
from governance.models.outgoing import Outgoing
from postmortem.models import Incident, never_truncated, recorded
from remediation.models import RemediationItem

MAX_ADDRESS = 2000
MAX_SECRET = 200


# What people say about a channel; the rest counts attempts.
_SAID = [
    "name", "address", "secret", "host", "kinds", "language", "is_enabled", "paused_at", "disconnected_at"
]  # fmt: skip


class TeamChannel(models.Model):
    """A chat or a program that a team's notices go to. Whoever knows its address can write there."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", _("Webhook")
        SLACK = "slack", "Slack"
        FEISHU = "feishu", _("Feishu")
        DINGTALK = "dingtalk", _("DingTalk")
        WECOM = "wecom", _("WeCom")

    class Pause(models.TextChoices):
        FAILING = "failing", _("too many messages in a row could not be sent")
        GONE = "gone", _("there is nobody at its address any more")

    team = models.ForeignKey(Team, models.PROTECT, related_name="channels", verbose_name=_("team"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    name = models.CharField(_("name"), max_length=80)
    address = SecretField(_("address"))
    secret = SecretField(_("secret"))
    # All of the address that is shown.
    host = models.CharField(max_length=255)
    kinds = ArrayField(models.CharField(max_length=32), verbose_name=_("notices"), default=list)
    language = models.CharField(
        _("language"), max_length=8, default="en", choices=[("en", "English"), ("zh-hans", "简体中文")]
    )
    is_enabled = models.BooleanField(_("in use"), default=True)
    # What happened before is not told here.
    listens_from = models.DateTimeField()
    failed_in_row = models.PositiveSmallIntegerField(default=0)
    # The other side asked to be left alone until then.
    quiet_until = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_as = models.CharField(max_length=10, choices=Pause, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    disconnected_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("team__name", "name", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["team", "name"],
                condition=Q(disconnected_at=None),
                name="channel_name_is_unique_in_its_team",
            ),
            models.CheckConstraint(
                condition=Q(disconnected_at=None) & ~Q(address="")
                | Q(disconnected_at__isnull=False, address="", secret=""),
                name="channel_that_ended_forgot_its_address",
            ),
            models.CheckConstraint(
                condition=Q(paused_at=None, paused_as="") | Q(paused_at__isnull=False) & ~Q(paused_as=""),
                name="channel_that_is_paused_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(kind="webhook", secret="", disconnected_at=None), name="webhook_signs"
            ),
        )
        triggers = (
            *recorded(only=_SAID, hidden=["address", "secret"]),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            never_truncated(),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_listening(self) -> bool:
        return self.is_enabled and self.paused_at is None and self.disconnected_at is None


class ChannelMessage(Outgoing):
    """One notice on its way into one channel; it is worded when it is sent."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        REFUSED = "refused", _("Refused")
        GIVEN_UP = "given_up", _("Given up")
        DROPPED = "dropped", _("Not sent")

    TEST = "test"

    channel = models.ForeignKey(TeamChannel, models.PROTECT, related_name="messages")
    # What receivers know it by; the same for each attempt.
    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    # One of `Notice.Kind`, or a test.
    kind = models.CharField(max_length=32)
    incident = models.ForeignKey(Incident, models.PROTECT, null=True, related_name="+")
    item = models.ForeignKey(RemediationItem, models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    key = models.CharField(max_length=200)
    happened_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # What the other side answered to the last attempt, without anything secret.
    said = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="channel_message_due"),
            models.Index(fields=["channel", "-id"], name="channel_message_newest_first"),
        )
        constraints = (
            models.UniqueConstraint(fields=["channel", "key"], name="channel_is_told_once"),
            models.CheckConstraint(
                condition=Q(kind="test", incident=None, item=None)
                | ~Q(kind="test") & Q(incident__isnull=False, item=None)
                | ~Q(kind="test") & Q(incident=None, item__isnull=False),
                name="channel_message_is_about_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", finished_at=None)
                | ~Q(state="waiting") & Q(finished_at__isnull=False),
                name="channel_message_that_ended_says_when",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="about", fields=["channel", "uid", "kind", "incident", "item", "key", "happened_at"]
            ),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.channel_id} {self.kind} {self.state}"
