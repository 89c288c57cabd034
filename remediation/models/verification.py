"""Verification checks: what proves that a fix holds."""

from __future__ import annotations

from datetime import timedelta

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from postmortem.models import Service, recorded
from remediation.models.items import RemediationItem
from remediation.models.sources import DataSource

MAX_EXPRESSION = 10_000


# What an edit is, and the trail records; what the engine writes at every run stands in `CheckStanding`.
EDITED: list[str] = [
    "kind", "name", "data_source_id", "promql", "quantifier", "comparator", "threshold", "no_data_rule",
    "no_data_reason", "pipeline", "reads", "network", "env", "template", "parameters",
    "shell_expectation", "pattern", "interval_seconds", "timeout_seconds",
    "passes_needed", "fails_needed", "version", "is_paused", "pause_reason", "nan_rule",
]  # fmt: skip


class VerificationCheck(models.Model):
    """What proves a fix: a probe, an expectation, a no-data rule and an interval."""

    class Kind(models.TextChoices):
        PROMETHEUS = "prometheus", _("Prometheus query")
        SHELL = "shell", _("Command")
        EXAM = "exam", _("Revised procedure and exam")

    class Outcome(models.TextChoices):
        PASS = "pass", _("Pass")
        FAIL = "fail", _("Fail")
        NO_DATA = "no_data", _("No data")
        ERROR = "error", _("Error")

    class Quantifier(models.TextChoices):
        ALL = "all", _("every series")
        ANY = "any", _("at least one series")
        NONE = "none", _("no series")
        COUNT = "count", _("the number of series")

    class Comparator(models.TextChoices):
        LT = "<", "<"
        LE = "<=", "≤"
        EQ = "==", "="
        NE = "!=", "≠"
        GE = ">=", "≥"
        GT = ">", ">"

    class NoDataRule(models.TextChoices):
        NO_DATA = "no_data", _("is not an answer")
        FAIL = "fail", _("is a fail")
        PASS = "pass", _("is a pass")

    class NanRule(models.TextChoices):
        FAIL = "fail", _("satisfies nothing")
        LEAVE_OUT = "leave_out", _("is left out")

    class ShellExpectation(models.TextChoices):
        SUCCESS = "success", _("exit status 0")
        MATCH = "match", _("exit status 0 and a line that matches")
        NO_MATCH = "no_match", _("exit status 0 and no line that matches")

    class Network(models.TextChoices):
        NONE = "none", _("no network")
        EGRESS = "egress", _("other machines, not this one")
        HOST = "host", _("whatever this machine reaches")

    item = models.ForeignKey(RemediationItem, models.PROTECT, related_name="verification_checks")
    # The item's, copied by a trigger: the audit finds a service's checks without reading all its items.
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", editable=False)
    name = models.CharField(_("name"), max_length=120, blank=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    # Prometheus: the instant query, and which of its series must satisfy `comparator threshold`.
    data_source = models.ForeignKey(
        DataSource,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="verification_checks",
        verbose_name=_("data source"),
    )
    promql = models.TextField(_("PromQL"), blank=True, max_length=MAX_EXPRESSION)
    quantifier = models.CharField(_("which series"), max_length=8, choices=Quantifier, default=Quantifier.ALL)
    comparator = models.CharField(_("comparator"), max_length=2, choices=Comparator, default=Comparator.LT)
    threshold = models.FloatField(_("threshold"), null=True, blank=True)
    # Shell: a list of argument lists; never a shell string.
    pipeline = models.JSONField(_("command"), null=True, blank=True)
    # From a template: its name and the values; what they make stands in the columns around.
    template = models.CharField(_("template"), max_length=60, blank=True)
    parameters = models.JSONField(_("values"), null=True, blank=True)
    reads = models.CharField(_("input"), max_length=300, blank=True)
    network = models.CharField(_("network"), max_length=6, choices=Network, default=Network.NONE)
    # Environment variables by name, each a reference such as "secret://orders-db" and never a secret.
    env = models.JSONField(_("secrets"), default=dict, blank=True)
    shell_expectation = models.CharField(
        _("expectation"), max_length=10, choices=ShellExpectation, default=ShellExpectation.SUCCESS
    )
    pattern = models.CharField(_("pattern"), max_length=200, blank=True)
    no_data_rule = models.CharField(
        _("no data"), max_length=8, choices=NoDataRule, default=NoDataRule.NO_DATA
    )
    nan_rule = models.CharField(_("not a number"), max_length=9, choices=NanRule, default=NanRule.FAIL)
    no_data_reason = models.CharField(_("why no data is a pass"), max_length=300, blank=True)
    interval_seconds = models.PositiveIntegerField(
        _("interval, seconds"), default=300, validators=[MinValueValidator(60), MaxValueValidator(30 * 86400)]
    )
    timeout_seconds = models.PositiveSmallIntegerField(
        _("timeout, seconds"), default=10, validators=[MinValueValidator(1), MaxValueValidator(300)]
    )
    passes_needed = models.PositiveSmallIntegerField(
        _("passes in a row to verify"), default=3, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    fails_needed = models.PositiveSmallIntegerField(
        _("fails in a row to regress"), default=2, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    version = models.PositiveIntegerField(default=1)
    is_paused = models.BooleanField(_("paused"), default=False)
    pause_reason = models.CharField(_("why it is paused"), max_length=300, blank=True)
    created_at = models.DateTimeField()
    # The grid of slots is this far past every multiple of the interval.
    offset_seconds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=~Q(kind="prometheus")
                | Q(data_source__isnull=False, threshold__isnull=False, pipeline=None) & ~Q(promql=""),
                name="prometheus_check_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(kind="shell")
                | Q(pipeline__isnull=False, data_source=None, promql="")
                & (Q(shell_expectation="success") | ~Q(pattern="")),
                name="shell_check_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(kind="exam") | Q(data_source=None, pipeline=None, promql=""),
                name="exam_check_asks_nothing_outside",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["prometheus", "shell", "exam"]), name="check_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(network="none", env={}) | Q(kind="shell", network__in=["none", "egress", "host"]),
                name="only_commands_have_a_network_or_secrets",
            ),
            models.CheckConstraint(
                condition=~Q(no_data_rule="pass") | ~Q(no_data_reason=""),
                name="no_data_passes_only_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(interval_seconds__gte=60, interval_seconds__lte=30 * 86400),
                name="check_interval_is_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(timeout_seconds__gte=1, timeout_seconds__lte=300),
                name="check_timeout_is_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(passes_needed__gte=1, fails_needed__gte=1), name="check_needs_at_least_one"
            ),
        )
        triggers = (
            *recorded(only=EDITED),
            pgtrigger.Trigger(
                name="copies_the_service",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("item_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.Before,
                func="""
                    SELECT service_id INTO NEW.service_id
                    FROM remediation_remediationitem WHERE id = NEW.item_id;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="has_a_standing",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                func="""
                    INSERT INTO remediation_checkstanding (verification_check_id, kind, team_id, service_id,
                        data_source_id, interval_seconds, created_at, is_resting, next_run_at,
                        is_wanted_again, skipped_slots, attempt, streak, last_outcome)
                    SELECT NEW.id, NEW.kind, i.team_id, NEW.service_id, NEW.data_source_id,
                        NEW.interval_seconds, NEW.created_at, NEW.is_paused OR i.state = 'wont_do',
                        NEW.created_at, false, 0, 0, 0, ''
                    FROM remediation_remediationitem i WHERE i.id = NEW.item_id;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="tells_its_standing",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                condition=pgtrigger.AnyChange(
                    "kind",
                    "item_id",
                    "service_id",
                    "data_source_id",
                    "interval_seconds",
                    "created_at",
                    "is_paused",
                ),
                func="""
                    UPDATE remediation_checkstanding s SET
                        kind = NEW.kind, team_id = i.team_id, service_id = NEW.service_id,
                        data_source_id = NEW.data_source_id, interval_seconds = NEW.interval_seconds,
                        created_at = NEW.created_at, is_resting = NEW.is_paused OR i.state = 'wont_do'
                    FROM remediation_remediationitem i
                    WHERE s.verification_check_id = NEW.id AND i.id = NEW.item_id;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="item_keeps_a_check",
                operation=pgtrigger.Delete | pgtrigger.UpdateOf("item_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF EXISTS (SELECT FROM remediation_remediationitem WHERE id = OLD.item_id) AND
                       NOT EXISTS (SELECT FROM remediation_verificationcheck WHERE item_id = OLD.item_id)
                    THEN
                        RAISE EXCEPTION 'item % would have no verification check', OLD.item_id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_has_a_check';
                    END IF;
                    RETURN NULL;
                """,
            ),
        )

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.pk}"

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.interval_seconds)
