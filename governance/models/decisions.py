"""Decisions of the gate: a verdict, its findings and who asked."""

from __future__ import annotations

import uuid

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiToken
from governance.models.gates import GatePolicy
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
    # The version of the gate's policy that decided; None where there was none, as in decisions of before.
    gate = models.ForeignKey(GatePolicy, models.PROTECT, null=True, related_name="decisions")
    # Why that policy asked nothing of the change: {"rule", "detail"}.
    excuse = models.JSONField(null=True)
    # The waivers that excused findings.
    waivers = models.JSONField(default=list)
    # The ids that the change names, as written; of them `postmortems` exist.
    named = models.JSONField(default=list)
    postmortems = models.JSONField(default=list)
    request = models.JSONField(default=dict)

    class Meta:
        ordering = ("-decided_at", "-id")
        indexes = (
            models.Index(fields=["-decided_at", "-id"], name="decision_newest_first"),
            # How often a postmortem was used is asked in the gate's one statement.
            GinIndex(
                fields=["postmortems"],
                opclasses=["jsonb_path_ops"],
                condition=Q(kind="change", verdict="PASS"),
                name="decision_passed_by_naming",
            ),
        )
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
