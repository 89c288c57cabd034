"""Waivers of the gate: asked for with a reason, granted by somebody else, over at a moment."""

from __future__ import annotations

from datetime import datetime

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from governance.models.gates import GatePolicy
from postmortem.models import Service, never_truncated, recorded


class GateWaiver(models.Model):
    """Lets the gate pass although some findings hold: they stay in the decision, and do not count until then.

    It is for a service, or for a repository and perhaps one change there.
    """

    class Answer(models.TextChoices):
        GRANTED = "granted", _("Granted")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    class State(models.TextChoices):
        """Where it stands at a moment; computed."""

        ASKED = "asked", _("Asked")
        IN_FORCE = "in_force", _("In force")
        EXPIRED = "expired", _("Expired")
        ENDED = "ended", _("Ended early")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        LAPSED = "lapsed", _("Never answered")

    service = models.ForeignKey(Service, models.PROTECT, null=True, blank=True, related_name="gate_waivers")
    repository = models.CharField(_("repository"), max_length=200, blank=True)
    change_id = models.CharField(_("change"), max_length=200, blank=True)
    findings = ArrayField(models.CharField(max_length=24), verbose_name=_("findings"))
    # Only findings about this object, such as RI-2026-0001; "" for all.
    object = models.CharField(_("only about"), max_length=40, blank=True)
    reason = models.TextField(_("reason"), max_length=2000)
    expires_at = models.DateTimeField(_("expires"))
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answer = models.CharField(max_length=10, choices=Answer, blank=True)
    comment = models.TextField(blank=True, max_length=2000)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    # The version of the policy that let one governor grant it alone; all governors were told.
    alone_by = models.ForeignKey(GatePolicy, models.PROTECT, null=True, related_name="+")
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-asked_at", "-id")
        indexes = (
            models.Index(fields=["-asked_at", "-id"], name="gate_waiver_newest_first"),
            models.Index(fields=["service"], condition=Q(answer="granted"), name="gate_waiver_by_service"),
            models.Index(
                fields=["repository"], condition=Q(answer="granted"), name="gate_waiver_by_repository"
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(service__isnull=False, repository="") | Q(service=None) & ~Q(repository=""),
                name="gate_waiver_is_for_a_service_or_a_repository",
            ),
            models.CheckConstraint(
                condition=Q(change_id="") | ~Q(repository=""),
                name="gate_waiver_for_a_change_names_its_repository",
            ),
            models.CheckConstraint(condition=~Q(findings=[]), name="gate_waiver_names_findings"),
            models.CheckConstraint(condition=~Q(reason=""), name="gate_waiver_has_a_reason"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("asked_at")), name="gate_waiver_expires_after_it_was_asked"
            ),
            models.CheckConstraint(
                condition=Q(answer="", answered_by=None, answered_at=None)
                | ~Q(answer="") & Q(answered_by__isnull=False, answered_at__isnull=False),
                name="gate_waiver_answer_has_at_and_by",
            ),
            models.CheckConstraint(
                condition=~Q(answer__in=["granted", "refused"])
                | ~Q(answered_by=F("asked_by"))
                | Q(alone_by__isnull=False),
                name="gate_waiver_is_answered_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(answer="granted") | Q(answered_at__lt=F("expires_at")),
                name="gate_waiver_is_granted_before_it_expires",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None)
                | Q(answer="granted", ended_at__isnull=False, ended_by__isnull=False),
                name="gate_waiver_that_was_ended_was_granted",
            ),
        )
        triggers = (
            *recorded(),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="asked",
                fields=[
                    "service", "repository", "change_id", "findings", "object", "reason", "expires_at",
                    "asked_by", "asked_at",
                ],
            ),
            pgtrigger.Trigger(
                name="answered_once",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=~pgtrigger.Q(old__answer="")
                & (
                    pgtrigger.Q(old__answer__df=pgtrigger.F("new__answer"))
                    | pgtrigger.Q(old__answered_by__df=pgtrigger.F("new__answered_by"))
                    | pgtrigger.Q(old__answered_at__df=pgtrigger.F("new__answered_at"))
                    | pgtrigger.Q(old__ended_at__isnull=False)
                ),
                func="RAISE EXCEPTION 'a waiver of the gate is answered once, and ended once';",
            ),
            never_truncated(),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"waiver-{self.pk}"

    @property
    def scope(self) -> str:
        """What it is for: a service, or a repository and perhaps a change there."""
        return self.service.slug if self.service else f"{self.repository} {self.change_id}".strip()

    @property
    def is_alone(self) -> bool:
        """Whether who asked granted it."""
        return self.alone_by_id is not None

    def state(self, now: datetime) -> State:
        """Where it stands at a moment."""
        if self.answer == self.Answer.GRANTED:
            if self.ended_at is not None:
                return self.State.ENDED
            return self.State.IN_FORCE if now < self.expires_at else self.State.EXPIRED
        if self.answer:
            return self.State(self.answer)
        return self.State.ASKED if now < self.expires_at else self.State.LAPSED
