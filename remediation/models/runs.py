"""Runs, which are stored when they are finished; and what is left of those that are long ago."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Team
from postmortem.models import Service, append_only, never_truncated
from remediation.models.items import RemediationItem
from remediation.models.verification import VerificationCheck


class Run(models.Model):
    """One attempt to ask something outside: stored once, never edited afterwards."""

    kind = models.CharField(max_length=12, choices=VerificationCheck.Kind)
    queued_at = models.DateTimeField()
    attempt = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=8, choices=VerificationCheck.Outcome, blank=True)
    value = models.FloatField(null=True)
    series = models.JSONField(null=True, help_text="Up to 20 series as answered: [{labels, value}].")
    warnings = ArrayField(models.CharField(max_length=500), default=list)
    expression = models.TextField(blank=True, help_text="What ran, as it ran.")
    output = models.TextField(blank=True, help_text="Excerpt of what a command printed.")
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    sandbox = models.CharField(max_length=20, blank=True)

    class Meta:
        abstract = True


class CheckRun(Run):
    """One finished run of a check, never edited; one that waits or runs is part of `CheckStanding`."""

    # Its standing keeps a check that has runs, and is locked while one is stored; a key of the database would
    # look up and lock the check again for each run.
    verification_check = models.ForeignKey(
        VerificationCheck, models.PROTECT, related_name="runs", db_index=False, db_constraint=False
    )
    # Copied when stored, so that reports over millions of runs need no join; the check's own keys hold them.
    item = models.ForeignKey(
        RemediationItem, models.PROTECT, related_name="runs", db_index=False, db_constraint=False
    )
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    service = models.ForeignKey(
        Service, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    check_version = models.PositiveIntegerField()
    slot = models.DateTimeField(help_text="The moment of the grid this run stands for.")
    skipped_slots = models.PositiveIntegerField(
        default=0, help_text="Slots missed before it began and while it ran, coalesced into it."
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        ordering = ("-slot", "-id")
        constraints = (
            models.UniqueConstraint(fields=["verification_check", "slot"], name="one_run_per_check_and_slot"),
            models.CheckConstraint(condition=~Q(outcome=""), name="finished_run_has_an_outcome"),
        )
        triggers = (
            pgtrigger.Trigger(
                name="finished_is_final",
                operation=pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.Before,
                func="""
                    -- The one way out: its day was rolled up in this very transaction, and it is not kept.
                    IF TG_OP = 'DELETE' AND EXISTS (
                        SELECT FROM remediation_checkday d
                        WHERE d.verification_check_id = OLD.verification_check_id
                          AND d.day = (OLD.slot AT TIME ZONE 'UTC')::date
                          AND d.written_in = pg_current_xact_id()::text::bigint
                          AND OLD.id <> ALL(d.kept)
                    ) THEN
                        RETURN OLD;
                    END IF;
                    RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;
                """,
            ),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.verification_check_id} @ {self.slot:%Y-%m-%d %H:%M:%S} {self.outcome}"


class CheckDay(models.Model):
    """What is left of one check's runs of one day, in UTC, once that is more than 90 days ago."""

    verification_check = models.ForeignKey(
        VerificationCheck, models.PROTECT, related_name="days", db_index=False
    )
    day = models.DateField()
    passes = models.PositiveIntegerField()
    fails = models.PositiveIntegerField()
    no_data = models.PositiveIntegerField()
    errors = models.PositiveIntegerField()
    skipped_slots = models.PositiveIntegerField()
    value_min = models.FloatField(null=True)
    value_max = models.FloatField(null=True)
    value_last = models.FloatField(null=True)
    last_outcome = models.CharField(max_length=8, choices=VerificationCheck.Outcome)
    # When it passed or failed: of the moments within eight minutes the first and the last. A check is stale
    # after eight minutes at the least, so these answer for any moment whether it was, and since when.
    verdicts_at = ArrayField(models.DateTimeField())
    first_verdict_at = models.DateTimeField(null=True)
    kept = ArrayField(models.BigIntegerField(), help_text="Ids of its runs that stay.")
    written_in = models.BigIntegerField(default=0, help_text="The database's transaction, set by a trigger.")
    rolled_up_at = models.DateTimeField()

    class Meta:
        ordering = ("-day", "-id")
        constraints = (
            models.UniqueConstraint(fields=["verification_check", "day"], name="day_is_rolled_up_once"),
        )
        triggers = (
            pgtrigger.Trigger(
                name="counts_are_true",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("found", "record")],
                func="""
                    IF NEW.day >= (clock_timestamp() AT TIME ZONE 'UTC')::date - 90 THEN
                        RAISE EXCEPTION '% is not long enough ago', NEW.day
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'day_is_long_ago';
                    END IF;
                    SELECT count(*) FILTER (WHERE outcome = 'pass') AS passes,
                        count(*) FILTER (WHERE outcome = 'fail') AS fails,
                        count(*) FILTER (WHERE outcome = 'no_data') AS no_data,
                        count(*) FILTER (WHERE outcome = 'error') AS errors,
                        count(*) FILTER (WHERE finished_at IS NULL) AS unfinished
                    INTO found FROM remediation_checkrun
                    WHERE verification_check_id = NEW.verification_check_id
                      AND slot >= NEW.day::timestamp AT TIME ZONE 'UTC'
                      AND slot < (NEW.day + 1)::timestamp AT TIME ZONE 'UTC';
                    IF (NEW.passes, NEW.fails, NEW.no_data, NEW.errors, 0) <>
                        (found.passes, found.fails, found.no_data, found.errors, found.unfinished)
                    THEN
                        RAISE EXCEPTION 'the runs of % are others', NEW.day
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'day_counts_its_runs';
                    END IF;
                    NEW.written_in := pg_current_xact_id()::text::bigint;
                    RETURN NEW;
                """,
            ),
            *append_only(),
        )

    def __str__(self) -> str:
        return f"{self.verification_check_id} on {self.day}"
