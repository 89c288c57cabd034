"""What programs report of their work: deploys with the verdict of their canary, and runs that healed."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models import Incident, Service, append_only


class ProgramReport(models.Model):
    """A report under the reporter's own id; a correction is a further row with a higher revision."""

    external_id = models.CharField(max_length=200)
    revision = models.PositiveIntegerField(default=1)
    service = models.ForeignKey(Service, models.PROTECT, related_name="+")
    reported_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.external_id} ({self.revision})"


class Deploy(ProgramReport):
    """A version of a service that went out, and what its canary said."""

    class Verdict(models.TextChoices):
        PASS = "pass", _("Pass")
        FAIL = "fail", _("Fail")
        NONE = "none", _("No canary ran")

    version = models.CharField(max_length=200)
    environment = models.CharField(
        max_length=12, choices=Incident.Environment, default=Incident.Environment.PRODUCTION
    )
    deployed_at = models.DateTimeField()
    verdict = models.CharField(max_length=4, choices=Verdict)
    success_percent = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    latency_ms = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])
    url = models.URLField(max_length=500, blank=True)

    class Meta:
        ordering = ("-deployed_at", "-id")
        indexes = (
            models.Index(fields=["-deployed_at", "-id"], name="deploy_newest_first"),
            models.Index(fields=["service", "-deployed_at"], name="deploy_of_service"),
        )
        constraints = (
            models.UniqueConstraint(fields=["external_id", "revision"], name="deploy_is_reported_once"),
            models.CheckConstraint(
                condition=Q(verdict__in=["pass", "fail", "none"]), name="deploy_verdict_is_known"
            ),
            models.CheckConstraint(
                condition=Q(success_percent=None) | Q(success_percent__gte=0, success_percent__lte=100),
                name="deploy_success_is_a_percentage",
            ),
            models.CheckConstraint(condition=~Q(external_id="") & ~Q(version=""), name="deploy_is_named"),
        )
        triggers = (*append_only(),)


class SelfHeal(ProgramReport):
    """A run of a playbook that an alert set off."""

    class Outcome(models.TextChoices):
        HEALED = "healed", _("Healed")
        FAILED = "failed", _("Failed")

    trigger = models.CharField(max_length=200)
    playbook = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome)
    incident = models.ForeignKey(Incident, models.PROTECT, null=True, blank=True, related_name="self_heals")
    url = models.URLField(max_length=500, blank=True)

    class Meta:
        ordering = ("-started_at", "-id")
        indexes = (
            models.Index(fields=["-started_at", "-id"], name="self_heal_newest_first"),
            models.Index(fields=["ended_at"], name="self_heal_by_end"),
        )
        constraints = (
            models.UniqueConstraint(fields=["external_id", "revision"], name="self_heal_is_reported_once"),
            models.CheckConstraint(
                condition=Q(ended_at__gte=F("started_at")), name="self_heal_ends_after_its_start"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["healed", "failed"]), name="self_heal_outcome_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(external_id="") & ~Q(trigger="") & ~Q(playbook=""), name="self_heal_is_named"
            ),
        )
        triggers = (*append_only(),)
