"""What commands may run: revisions that never change, approvals of them, templates, and the switch."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.encryption import SecretField
from accounts.models import Team, User
from postmortem.models import ChecklistEntry, append_only, recorded
from remediation.models.verification import VerificationCheck


class ProbeRevision(models.Model):
    """All that decides what a command does, as canonical JSON and its hash; written once.

    It belongs to a check or to an entry of a checklist, and outlives an entry that is taken off its list.
    """

    verification_check = models.ForeignKey(
        VerificationCheck, models.PROTECT, null=True, related_name="revisions"
    )
    checklist_entry = models.ForeignKey(
        ChecklistEntry, models.DO_NOTHING, null=True, db_constraint=False, related_name="revisions"
    )
    body = models.TextField()
    sha = models.CharField(max_length=64)
    author = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    template = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["verification_check", "sha"], name="one_revision_per_content"),
            models.UniqueConstraint(
                fields=["checklist_entry", "sha"], name="one_revision_per_content_of_an_entry"
            ),
            models.CheckConstraint(
                condition=Q(verification_check__isnull=False, checklist_entry=None)
                | Q(verification_check=None, checklist_entry__isnull=False),
                name="probe_revision_is_of_a_check_or_an_entry",
            ),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return self.sha[:12]


class ProbeApproval(models.Model):
    """A revision may run until a moment: signed by another person, or rendered from the catalogue.

    `mac` is made with a key that only the web processes and the probe worker hold: a row that somebody
    writes past them lets nothing run.
    """

    revision = models.ForeignKey(ProbeRevision, models.PROTECT, related_name="approvals")
    author = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    approver = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    template = models.CharField(max_length=60, blank=True)
    approved_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    mac = models.CharField(max_length=64)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(approver__isnull=False, template="") & (Q(author=None) | ~Q(author=F("approver")))
                | Q(approver=None) & ~Q(template=""),
                name="probe_is_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("approved_at")), name="probe_approval_ends_after_it_begins"
            ),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.revision} until {self.expires_at:%Y-%m-%d}"


class ProbeTemplate(models.Model):
    """A template that an administrator wrote; those that Closeloop brings stand in the code."""

    slug = models.SlugField(_("name in addresses"), max_length=60, unique=True)
    body = models.JSONField()
    is_enabled = models.BooleanField(_("in use"), default=True)
    mac = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("slug",)
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.slug


class ProbeSecret(models.Model):
    """A secret that commands of one team are given as an environment variable; nobody reads it again here."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="probe_secrets", verbose_name=_("team"))
    name = models.SlugField(_("name"), max_length=60)
    value = SecretField(keys="PROBE_SECRET_KEYS")
    description = models.CharField(_("what it opens"), max_length=200, blank=True)
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        ordering = ("team__name", "name")
        constraints = (
            models.UniqueConstraint(fields=["team", "name"], name="probe_secret_has_one_name_in_its_team"),
            models.CheckConstraint(condition=~Q(value=""), name="probe_secret_holds_something"),
        )
        triggers = (*recorded(hidden=["value"]),)

    def __str__(self) -> str:
        return f"secret://{self.name}"


class ProbeSwitch(models.Model):
    """One turn of the switch: commands of all, or of one team, are stopped or let go on."""

    team = models.ForeignKey(Team, models.PROTECT, null=True, related_name="+")
    is_off = models.BooleanField()
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.team or 'all'} {'off' if self.is_off else 'on'}"
