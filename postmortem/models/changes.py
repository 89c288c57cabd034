"""The typed evidence of step 3: what changed before the impact, or that nothing did."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models.catalogue import Service
from postmortem.models.incidents import Incident
from postmortem.models.reviews import ReviewStep
from postmortem.models.signatures import under_signature
from postmortem.models.trail import recorded


class Change(models.Model):
    """Something that was changed around an incident, and what the review makes of it."""

    class Kind(models.TextChoices):
        DEPLOY = "deploy", _("Deploy")
        CONFIG = "config", _("Configuration")
        FLAG = "flag", _("Feature flag")
        SCHEMA = "schema", _("Schema")
        INFRASTRUCTURE = "infrastructure", _("Infrastructure")
        OTHER = "other", _("Other")

    class Verdict(models.TextChoices):
        SUSPECT = "suspect", _("Suspect")
        CULPRIT = "culprit", _("Culprit")
        CLEARED = "cleared", _("Cleared")

    class Source(models.TextChoices):
        PERSON = "person", _("Person")
        API = "api", _("API")

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="changes")
    happened_at = models.DateTimeField(_("moment"))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    title = models.CharField(_("what changed"), max_length=200)
    url = models.URLField(_("link"), max_length=500, blank=True)
    service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("service")
    )
    external_key = models.CharField(_("external key"), max_length=200, blank=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.PERSON)
    verdict = models.CharField(_("verdict"), max_length=8, choices=Verdict, default=Verdict.SUSPECT)
    reason = models.TextField(_("reason"), blank=True, max_length=4000)
    judged_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    judged_at = models.DateTimeField(null=True, blank=True)
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ("happened_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["incident", "external_key"],
                condition=~Q(external_key=""),
                name="change_key_is_unique_in_its_incident",
            ),
            models.CheckConstraint(
                condition=Q(verdict="suspect") | ~Q(reason=""), name="settled_change_has_a_reason"
            ),
            models.CheckConstraint(condition=~Q(title=""), name="change_says_what_changed"),
        )
        triggers = (
            under_signature(
                "SELECT t.id FROM postmortem_reviewstep t JOIN postmortem_incident i"
                " ON i.review_id = t.review_id"
                " WHERE t.kind = 'change_correlation' AND i.id = {row}.incident_id"
            ),
            *recorded(),
        )

    def __str__(self) -> str:
        return self.title


class ChangeSearch(models.Model):
    """The statement that no change explains an incident, with what was searched for one."""

    step = models.OneToOneField(ReviewStep, models.CASCADE, related_name="change_search")
    searched = models.TextField(_("what was searched"), max_length=4000)
    stated_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    stated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "change searches"
        constraints = (models.CheckConstraint(condition=~Q(searched=""), name="search_says_where_it_looked"),)
        triggers = (under_signature("SELECT {row}.step_id"), *recorded())

    def __str__(self) -> str:
        return self.searched[:80]
