"""What other systems tell us: the systems, the secrets that prove them, and each event as it came."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.encryption import SecretField
from accounts.models import User
from governance.models.decisions import GateDecision
from postmortem.models import Incident, Service, Severity, never_truncated, recorded

# How many secrets of one source may be in force at once: the old and the new one while they are changed over.
MOST_SECRETS = 2
# The database lets no body of an event go before so many days.
LEAST_BODY_DAYS = 7


class EventSource(models.Model):
    """A system that sends us events: where it may send them, in whose name it acts, how it is understood."""

    class Kind(models.TextChoices):
        ALERTMANAGER = "alertmanager", "Alertmanager"
        GITHUB = "github", "GitHub"
        GITLAB = "gitlab", "GitLab"

    class Report(models.TextChoices):
        STATUS = "status", _("Commit status")
        CHECK = "check", _("Check run (GitHub App) or external status check (GitLab)")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    name = models.CharField(_("name"), max_length=80, unique=True)
    # Part of the address; it names the source and proves nothing.
    key = models.CharField(max_length=32, unique=True)
    is_enabled = models.BooleanField(_("in use"), default=True)
    acts_as = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("acts as"))
    created_at = models.DateTimeField()

    # Alertmanager: how an alert's labels are read.
    service_labels = ArrayField(
        models.CharField(max_length=100), default=list, blank=True, verbose_name=_("labels with the service")
    )
    service_names = models.JSONField(_("services by another name"), default=dict, blank=True)
    fallback_service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("otherwise")
    )
    severity_label = models.CharField(_("label with the severity"), max_length=100, blank=True)
    # {value of the label: code of a severity, or "" for an alert that is no incident}
    severities = models.JSONField(_("severities"), default=dict, blank=True)
    fallback_severity = models.ForeignKey(
        Severity, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("otherwise")
    )
    environment = models.CharField(
        _("environment"), max_length=12, choices=Incident.Environment, default=Incident.Environment.PRODUCTION
    )

    # GitHub and GitLab: where and how a verdict is reported.
    api_url = models.CharField(_("address of the API"), max_length=500, blank=True)
    api_token = SecretField(_("token for the API"))
    gate_token = SecretField(_("token for the gate"))
    networks = ArrayField(
        models.CharField(max_length=50), verbose_name=_("networks"), default=list, blank=True
    )
    report_as = models.CharField(_("reported as"), max_length=8, choices=Report, default=Report.STATUS)
    external_check = models.PositiveIntegerField(_("id of the external status check"), null=True, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=["alertmanager", "github", "gitlab"]), name="event_source_kind_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(kind="alertmanager") | Q(api_url="", api_token="", gate_token=""),
                name="alertmanager_source_calls_nobody",
            ),
            models.CheckConstraint(
                condition=Q(kind="alertmanager") | ~Q(api_url="") & ~Q(gate_token=""),
                name="forge_source_knows_its_api_and_the_gate",
            ),
            models.CheckConstraint(
                condition=~Q(kind="gitlab", report_as="check") | Q(external_check__isnull=False),
                name="external_status_check_has_an_id",
            ),
        )
        triggers = (*recorded(hidden=["api_token", "gate_token"]),)

    def __str__(self) -> str:
        return self.name


class EventSecret(models.Model):
    """What proves that an event comes from its source; shown once, when it is made."""

    source = models.ForeignKey(EventSource, models.CASCADE, related_name="secrets")
    # Which of the two places it takes while it is in force.
    place = models.PositiveSmallIntegerField()
    secret = SecretField()
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["source", "place"], condition=Q(retired_at=None), name="secret_has_its_place_alone"
            ),
            models.CheckConstraint(
                condition=Q(place__gte=1, place__lte=MOST_SECRETS), name="at_most_two_secrets_are_in_force"
            ),
            models.CheckConstraint(
                condition=Q(retired_at=None) & ~Q(secret="") | Q(retired_at__isnull=False, secret=""),
                name="retired_secret_is_forgotten",
            ),
        )
        triggers = (*recorded(only=["retired_at", "secret"], hidden=["secret"]),)

    def __str__(self) -> str:
        return f"{self.source_id} {self.place}"


class InboundEvent(models.Model):
    """One event as it came, and what became of it. The row is the queue: who claims it deals with it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Nothing to do")
        FAILED = "failed", _("Failed")

    source = models.ForeignKey(EventSource, models.PROTECT, related_name="events")
    # The sender's own name for it, "" where it gives none.
    delivery_id = models.CharField(max_length=200, blank=True)
    event_type = models.CharField(max_length=80, blank=True)
    sha256 = models.BinaryField(max_length=32)
    # Bytes of the body, known also when the body itself is no longer kept.
    size = models.PositiveIntegerField()
    body = models.BinaryField(null=True)
    body_dropped_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    replays = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    finished_at = models.DateTimeField(null=True)
    # A stable code, such as "declared"; for a failure the reason's.
    outcome = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)
    incident = models.ForeignKey(Incident, models.PROTECT, null=True, related_name="+")
    decision = models.ForeignKey(GateDecision, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-received_at", "-id")
        indexes = (
            models.Index(fields=["-received_at", "-id"], name="event_newest_first"),
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="event_due"),
            models.Index(
                fields=["received_at"], condition=Q(body_dropped_at=None), name="event_with_its_body"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["source", "delivery_id"],
                condition=~Q(delivery_id=""),
                name="event_is_delivered_once",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", finished_at=None)
                | ~Q(state="waiting") & Q(finished_at__isnull=False),
                name="event_that_ended_says_when",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="failed_event_says_why"),
            models.CheckConstraint(
                condition=Q(body__isnull=False, body_dropped_at=None)
                | Q(body=None, body_dropped_at__isnull=False),
                name="event_without_its_body_says_since_when",
            ),
            # Dealing with it needs the body.
            models.CheckConstraint(
                condition=~Q(state="waiting") | Q(body_dropped_at=None), name="waiting_event_has_its_body"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="as_it_came",
                fields=["source", "delivery_id", "event_type", "sha256", "size", "received_at"],
            ),
            # A body goes whole, once, and not while anybody may still ask what came (inbox.forget_bodies).
            pgtrigger.Trigger(
                name="body_goes_late",
                operation=pgtrigger.UpdateOf("body", "body_dropped_at"),  # type: ignore[no-untyped-call]
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange("body", "body_dropped_at"),
                func=f"""
                    IF OLD.body IS NULL OR NEW.body IS NOT NULL
                       OR OLD.received_at > clock_timestamp() - interval '{LEAST_BODY_DAYS} days' THEN
                        RAISE EXCEPTION 'the body of an event stays as it came, {LEAST_BODY_DAYS} days';
                    END IF;
                    RETURN NEW;
                """,
            ),
            never_truncated(),
            *recorded(only=["state"], hidden=["body"]),
        )

    def __str__(self) -> str:
        return f"{self.source_id} {self.pk}"


class AlertGroup(models.Model):
    """One group of alerts of an Alertmanager: what is known of each of its alerts, and its incident.

    `alerts` maps the fingerprint of an alert to its latest episode: {"starts_at", "ends_at" (null while it
    fires), "heard_at"}. It is what makes repeated and late messages harmless (`governance.episodes`).
    """

    source = models.ForeignKey(EventSource, models.PROTECT, related_name="alert_groups")
    group_key = models.TextField()
    key_digest = models.CharField(max_length=64)
    alerts = models.JSONField(default=dict)
    incident = models.ForeignKey(Incident, models.PROTECT, null=True, related_name="+")
    # When the episodes of this incident begin, when they ended as far as we told it, and those before it.
    since = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    previous_ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["source", "key_digest"], name="alert_group_is_kept_once"),
            models.CheckConstraint(
                condition=Q(incident=None, since=None) | Q(incident__isnull=False, since__isnull=False),
                name="alert_group_with_an_incident_says_since_when",
            ),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.group_key[:80]


class ForgeChange(models.Model):
    """A change at a forge: what was judged of it last, and whether the forge has heard the verdict."""

    source = models.ForeignKey(EventSource, models.PROTECT, related_name="changes")
    repository = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    # Of all that the verdict rests on; the same again needs no second verdict.
    digest = models.CharField(max_length=64, blank=True)
    head = models.CharField(max_length=64, blank=True)
    decision = models.ForeignKey(GateDecision, models.PROTECT, null=True, related_name="+")
    reported_at = models.DateTimeField(null=True)
    # Who deals with it has it alone: two verdicts at once could be reported in the wrong order.
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["source", "repository", "number"], name="change_is_kept_once"),
            models.CheckConstraint(
                condition=Q(decision=None, digest="") | Q(decision__isnull=False) & ~Q(digest=""),
                name="judged_change_says_what_was_judged",
            ),
        )
        triggers = (*recorded(only=["decision_id", "reported_at"]),)

    def __str__(self) -> str:
        return f"{self.repository} {self.number}"
