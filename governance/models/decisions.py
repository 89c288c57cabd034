"""Decisions of the gate: a verdict, its findings and who asked."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiToken
from postmortem.models import Service, append_only


class Verdict(models.TextChoices):
    """PASS, FAIL or UNKNOWN (could not be judged) over all rules; only PASS passes."""

    PASS = "PASS", _("Pass")
    FAIL = "FAIL", _("Fail")
    UNKNOWN = "UNKNOWN", _("Unknown")


class GateDecision(models.Model):
    """A verdict, its findings and who asked; kept for ever."""

    class Kind(models.TextChoices):
        AUDIT = "audit", _("Audit of a service")
        CHANGE = "change", _("Change")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=8, choices=Kind)
    decided_at = models.DateTimeField()
    token = models.ForeignKey(ApiToken, models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=8, choices=Verdict)
    findings = models.JSONField()
    policy_version = models.CharField(max_length=40)
    # Audit: the service and the day. Change: what CI said of the change, as received.
    service = models.ForeignKey(Service, models.PROTECT, null=True, related_name="+")
    date = models.DateField(null=True)
    repository = models.CharField(max_length=200, blank=True)
    change_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=300, blank=True)
    mode = models.CharField(max_length=8, blank=True)
    postmortems = models.JSONField(default=list)
    request = models.JSONField(default=dict)

    class Meta:
        ordering = ("-decided_at", "-id")
        indexes = (models.Index(fields=["-decided_at", "-id"], name="decision_newest_first"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind="audit", service__isnull=False, date__isnull=False)
                | Q(kind="change") & ~Q(repository=""),
                name="decision_says_what_was_judged",
            ),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.kind} {self.verdict}"
