"""Incidents, the services they touched and the people who took part."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models.catalogue import Service, Severity
from postmortem.models.freezing import OF_INCIDENT, OF_REVIEW, frozen
from postmortem.models.reviews import Review
from postmortem.models.trail import MAX_TEXT, recorded

# Who may see it must always be repairable, and closing comes after the archive.
_FREE = ["is_restricted", "closed_at"]


def _words_kept() -> list[pgtrigger.Trigger]:
    """Triggers that keep an incident's words beside it: in it, the trail would copy them with every row."""
    keep = """
        INSERT INTO postmortem_incidentwords (incident_id, words)
        VALUES (NEW.id, closeloop_words(NEW.public_id, NEW.title, NEW.summary))
        ON CONFLICT (incident_id) DO UPDATE SET words = excluded.words;
        RETURN NULL;
    """
    return [
        pgtrigger.Trigger(name="words_added", operation=pgtrigger.Insert, when=pgtrigger.After, func=keep),
        pgtrigger.Trigger(
            name="words_changed",
            operation=pgtrigger.UpdateOf("public_id", "title", "summary"),  # type: ignore[no-untyped-call]
            when=pgtrigger.After,
            func=keep,
        ),
    ]


class Lasted(models.Func):
    """How long an incident lasted; what has no end yet is behind everything that has one."""

    # Written out, not sent as values: the index is used for this very text.
    template = "COALESCE(%(expressions)s, INTERVAL '36500 days')"
    arg_joiner = " - "
    output_field = models.DurationField()

    def __init__(self) -> None:
        super().__init__(F("resolved_at"), F("started_at"))


class Incident(models.Model):
    """Unplanned harm to a service, from first impact to restored service."""

    class Source(models.TextChoices):
        PERSON = "person", _("Person")
        API = "api", _("API")
        ALERTMANAGER = "alertmanager", _("Alertmanager")
        REGRESSION = "regression", _("An item that regressed")

    class Environment(models.TextChoices):
        PRODUCTION = "production", _("Production")
        STAGING = "staging", _("Staging")
        TEST = "test", _("Test")

    MILESTONES: ClassVar[list[str]] = [
        "started_at",
        "detected_at",
        "acknowledged_at",
        "mitigated_at",
        "resolved_at",
    ]

    # Declared this long after the start, an incident is a late entry.
    LATE_AFTER: ClassVar[timedelta] = timedelta(days=1)

    public_id = models.CharField(max_length=16, unique=True)
    title = models.CharField(_("title"), max_length=200)
    summary = models.TextField(_("summary"), blank=True, max_length=MAX_TEXT)
    summary_html = models.TextField(blank=True, default="", editable=False)
    severity = models.ForeignKey(
        Severity, models.PROTECT, related_name="incidents", verbose_name=_("severity"), db_index=False
    )
    environment = models.CharField(
        _("environment"), max_length=12, choices=Environment, default=Environment.PRODUCTION
    )
    phase = models.CharField(
        _("phase"), max_length=120, blank=True, help_text=_("For example “load test before a sale”.")
    )
    is_drill = models.BooleanField(_("drill"), default=False)
    is_restricted = models.BooleanField(
        _("restricted"),
        default=False,
        help_text=_("Visible to participants, the owning team's manager and governors only."),
    )
    started_at = models.DateTimeField(_("impact started"))
    detected_at = models.DateTimeField(_("detected"), null=True, blank=True)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    mitigated_at = models.DateTimeField(_("mitigated"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    dismissed_as = models.CharField(
        max_length=12, blank=True, choices=[("duplicate", _("Duplicate")), ("false_alarm", _("False alarm"))]
    )
    dismissed_reason = models.TextField(blank=True, max_length=2000)
    duplicate_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="duplicates",
        verbose_name=_("duplicate of"),
    )
    impact_minutes = models.PositiveIntegerField(_("minutes of impact"), null=True, blank=True)
    failure_percent = models.DecimalField(
        _("failure rate, %"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    loss_amount = models.DecimalField(
        _("loss"), max_digits=16, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    loss_currency = models.CharField(
        _("currency"),
        max_length=3,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{3}$", _("Three capital letters, such as CNY."))],
    )
    loss_is_estimate = models.BooleanField(_("the loss is an estimate"), default=False)
    capacity_limit = models.PositiveIntegerField(
        _("capacity limit"), null=True, blank=True, help_text=_("For example the size of a connection pool.")
    )
    capacity_demand = models.PositiveIntegerField(_("demand at the peak"), null=True, blank=True)
    tags = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        verbose_name=_("tags"),
        help_text=_("Words to find it by, with commas between them."),
    )
    source = models.CharField(max_length=12, choices=Source, default=Source.PERSON)
    dedup_key = models.CharField(max_length=200, blank=True)
    review = models.ForeignKey(Review, models.PROTECT, null=True, blank=True, related_name="incidents")
    version = models.PositiveIntegerField(default=1)
    declared_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()
    services: models.ManyToManyField[Service, IncidentService] = models.ManyToManyField(
        Service, through="IncidentService", related_name="incidents"
    )
    people: models.ManyToManyField[User, Participant] = models.ManyToManyField(
        User, through="Participant", related_name="incidents"
    )

    class Meta:
        ordering = ("-started_at", "-id")
        indexes = (
            models.Index(fields=["-started_at", "-id"], name="incident_newest_first"),
            # Lists look at many and show few: what they choose and sort by is read without its row.
            models.Index(
                fields=["severity", "-started_at", "-id"],
                include=["is_restricted"],
                name="incident_by_severity",
            ),
            models.Index(
                fields=["id"],
                include=["started_at", "is_restricted", "severity", "is_drill", "dismissed_as"],
                name="incident_for_lists",
            ),
            models.Index(Lasted(), "id", name="incident_by_duration"),
            models.Index(fields=["resolved_at"], name="incident_by_resolution"),
            # Whoever may not see everything asks for these with each page of reviews and of items.
            models.Index(fields=["review"], condition=Q(is_restricted=True), name="incident_restricted"),
            GinIndex(fields=["tags"], name="incident_by_tag"),
        )
        constraints = (
            models.CheckConstraint(
                # NULL milestones pass: a comparison with NULL is not false.
                condition=(Q(detected_at=None) | Q(detected_at__gte=F("started_at")))
                & (Q(acknowledged_at=None) | Q(acknowledged_at__gte=F("started_at")))
                & (Q(acknowledged_at=None) | Q(detected_at=None) | Q(acknowledged_at__gte=F("detected_at")))
                & (Q(mitigated_at=None) | Q(mitigated_at__gte=F("started_at")))
                & (Q(mitigated_at=None) | Q(acknowledged_at=None) | Q(mitigated_at__gte=F("acknowledged_at")))
                & (Q(mitigated_at=None) | Q(detected_at=None) | Q(mitigated_at__gte=F("detected_at")))
                & (Q(resolved_at=None) | Q(resolved_at__gte=F("started_at")))
                & (Q(resolved_at=None) | Q(detected_at=None) | Q(resolved_at__gte=F("detected_at")))
                & (Q(resolved_at=None) | Q(acknowledged_at=None) | Q(resolved_at__gte=F("acknowledged_at")))
                & (Q(resolved_at=None) | Q(mitigated_at=None) | Q(resolved_at__gte=F("mitigated_at"))),
                name="incident_milestones_are_chronological",
            ),
            models.CheckConstraint(
                condition=Q(loss_amount=None) | ~Q(loss_currency=""), name="incident_loss_has_a_currency"
            ),
            models.CheckConstraint(
                condition=Q(dismissed_as="") | ~Q(dismissed_reason=""), name="incident_dismissal_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(duplicate_of=None) | Q(dismissed_as="duplicate") & ~Q(duplicate_of=F("id")),
                name="incident_only_a_duplicate_is_one_of_another",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None) | ~Q(dismissed_as="") | Q(resolved_at__isnull=False),
                name="incident_closed_only_when_resolved_or_dismissed",
            ),
            models.CheckConstraint(
                condition=Q(failure_percent=None) | Q(failure_percent__gte=0, failure_percent__lte=100),
                name="incident_failure_percent_is_a_percentage",
            ),
            models.UniqueConstraint(
                fields=["dedup_key"],
                condition=Q(closed_at=None) & ~Q(dedup_key=""),
                name="incident_dedup_key_is_unique_while_open",
            ),
        )
        triggers = (*recorded(), *_words_kept(), frozen(OF_REVIEW, free=_FREE))

    def __str__(self) -> str:
        return self.public_id

    @property
    def review_due_at(self) -> datetime:
        """When the review must be archived: the severity's hours after the impact started (R8)."""
        return self.started_at + timedelta(hours=self.severity.review_hours)

    @property
    def is_late_entry(self) -> bool:
        """Whether it was declared so long after its start that nobody looked on while it went on."""
        return self.declared_at - self.started_at > self.LATE_AFTER

    @property
    def state(self) -> str:
        """dismissed, closed, resolved, mitigated or open: the furthest that happened."""
        if self.dismissed_as:
            return "dismissed"
        for state in ("closed", "resolved", "mitigated"):
            if getattr(self, f"{state}_at") is not None:
                return state
        return "open"


class IncidentWords(models.Model):
    """The words by which an incident is found; written by a trigger alone, see `postmortem.searching`."""

    incident = models.OneToOneField(Incident, models.CASCADE, primary_key=True, related_name="kept_words")
    words = SearchVectorField()

    class Meta:
        indexes = (GinIndex(fields=["words"], name="incident_by_words"),)

    def __str__(self) -> str:
        return f"words of {self.incident_id}"


class IncidentService(models.Model):
    """A service an incident touched: where it came from, or what it hurt."""

    class Part(models.TextChoices):
        ORIGIN = "origin", _("Origin")
        AFFECTED = "affected", _("Affected")

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="service_links", db_index=False)
    service = models.ForeignKey(Service, models.PROTECT, related_name="incident_links", db_index=False)
    part = models.CharField(max_length=8, choices=Part, default=Part.AFFECTED)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["incident", "service"], name="incident_names_a_service_once"),
        )
        indexes = (models.Index(fields=["service", "incident"], name="incidents_of_a_service"),)
        triggers = (*recorded(), frozen(OF_INCIDENT))

    def __str__(self) -> str:
        return f"{self.incident_id} {self.part} {self.service_id}"


class Participant(models.Model):
    """A person who took part in an incident and is invited to file a personal timeline."""

    class Role(models.TextChoices):
        COMMANDER = "commander", _("Commander")
        RESPONDER = "responder", _("Responder")
        SCRIBE = "scribe", _("Scribe")
        OBSERVER = "observer", _("Observer")

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="participants")
    user = models.ForeignKey(User, models.PROTECT, related_name="participations")
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.RESPONDER)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["incident", "user"], name="participant_is_invited_once"),
        )
        triggers = (*recorded(), frozen(OF_INCIDENT))

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"
