"""Data sources: the servers that checks ask."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.encryption import SecretField
from postmortem.models import recorded

MAX_CREDENTIAL = 4000
MAX_CERTIFICATES = 64 * 1024
MAX_AT_ONCE = 64


class DataSource(models.Model):
    """A Prometheus server that checks may query; an administrator names it, items refer to it by id."""

    class Auth(models.TextChoices):
        NONE = "none", _("none")
        BEARER = "bearer", _("bearer token")
        BASIC = "basic", _("user and password")

    name = models.CharField(_("name"), max_length=80, unique=True)
    # Not a URLField: its validator refuses hosts without a dot, such as http://prometheus:9090.
    base_url = models.CharField(_("address"), max_length=500)
    is_enabled = models.BooleanField(_("in use"), default=True)
    auth = models.CharField(_("sign in with"), max_length=8, choices=Auth, default=Auth.NONE)
    username = models.CharField(_("user"), max_length=200, blank=True)
    credential = SecretField(_("token or password"))
    is_tls_verified = models.BooleanField(_("check the server's certificate"), default=True)
    ca_certificates = models.TextField(_("certificates to trust"), blank=True, max_length=MAX_CERTIFICATES)
    # Where its name may lead; empty: anywhere that is not forbidden to all.
    networks = ArrayField(
        models.CharField(max_length=50), verbose_name=_("networks"), default=list, blank=True
    )
    # Prometheus itself answers 20 queries at a time; people who look at dashboards want some of them.
    queries_at_once = models.PositiveSmallIntegerField(
        _("queries at once"),
        default=16,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_AT_ONCE)],
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(auth="none", credential="", username="")
                | Q(auth="bearer", username="") & ~Q(credential="")
                | Q(auth="basic") & ~Q(credential="") & ~Q(username=""),
                name="source_signs_in_with_what_it_needs",
            ),
            models.CheckConstraint(
                condition=Q(auth__in=["none", "bearer", "basic"]), name="source_auth_is_known"
            ),
            models.CheckConstraint(
                condition=Q(queries_at_once__gte=1, queries_at_once__lte=MAX_AT_ONCE),
                name="source_is_asked_a_bounded_number_at_once",
            ),
        )
        triggers = (*recorded(hidden=["credential"]),)

    def __str__(self) -> str:
        return self.name

    @property
    def open_circuit(self) -> SourceHealth | None:
        """How it fails to answer while nothing but trials is sent to it; None while it is asked."""
        health: SourceHealth | None = getattr(self, "health", None)
        return health if health is not None and health.opened_at is not None else None


class SourceHealth(models.Model):
    """How a data source answers, once it has failed to: the circuit of docs/adr/0031, kept by the engine."""

    source = models.OneToOneField(DataSource, models.CASCADE, related_name="health")
    # The weights of failed connections in a row; an answer takes them back.
    trouble = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=300, blank=True)
    # Since when its checks are not asked; meanwhile one trial at a time is.
    opened_at = models.DateTimeField(null=True)
    trial_at = models.DateTimeField(null=True, help_text="When the next trial may begin.")
    failed_trials = models.PositiveIntegerField(default=0)
    answered_at = models.DateTimeField(null=True, help_text="When it last came back.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(opened_at=None, trial_at=None)
                | Q(opened_at__isnull=False, trial_at__isnull=False),
                name="open_circuit_has_a_next_trial",
            ),
        )
        # Only that it opens and closes: the counting in between is no event.
        triggers = (*recorded(only=["opened_at"]),)

    def __str__(self) -> str:
        return f"{self.source_id}: {'open' if self.opened_at else 'closed'}"


class SourceShare(models.Model):
    """The right to send part of a data source's queries, held by one task until its lease ends.

    A source has two shares, so that all tasks together keep to `queries_at_once`.
    """

    source = models.ForeignKey(DataSource, models.CASCADE, related_name="shares", db_index=False)
    number = models.PositiveSmallIntegerField()
    holder = models.UUIDField()
    until = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["source", "number"], name="share_has_one_holder"),
            models.CheckConstraint(condition=Q(number__in=[0, 1]), name="source_has_two_shares"),
        )

    def __str__(self) -> str:
        return f"{self.source_id}/{self.number}"
