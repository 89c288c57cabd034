"""Records of judgement: decisions of the gate, frozen reports."""

from __future__ import annotations

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiToken, User
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


class GovernanceReport(models.Model):
    """A month's figures with their rows, frozen when published."""

    month = models.DateField(unique=True, help_text="The first day of the month.")
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    figures = models.JSONField()
    rows = models.JSONField()
    policy_version = models.CharField(max_length=40)
    content_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("-month",)
        constraints = (models.CheckConstraint(condition=Q(month__day=1), name="report_month_is_a_first_day"),)
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class Person(User):
    """Adds to the trail when somebody was deactivated or given another role.

    Answers for a past day need the first: an item whose owner left today had an owner yesterday. The row of a
    person also holds a password hash, so this trigger records two columns and never the row.
    """

    class Meta:
        proxy = True
        triggers = (
            pgtrigger.Trigger(
                name="trail",
                operation=pgtrigger.UpdateOf("is_active", "role"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                condition=pgtrigger.AnyChange("is_active", "role"),
                func="""
                    INSERT INTO postmortem_trailentry
                        (at, actor_id, act, model, object_id, operation, before, after)
                    VALUES (
                        clock_timestamp(),
                        NULLIF(current_setting('closeloop.actor', true), '')::bigint,
                        COALESCE(current_setting('closeloop.act', true), ''),
                        TG_TABLE_NAME,
                        NEW.id,
                        'update',
                        jsonb_build_object('is_active', OLD.is_active, 'role', OLD.role),
                        jsonb_build_object('is_active', NEW.is_active, 'role', NEW.role)
                    );
                    RETURN NULL;
                """,
            ),
        )
