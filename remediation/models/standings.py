"""How verification checks stand: when their turn comes, who runs them, and what their runs have shown."""

from __future__ import annotations

from datetime import datetime, timedelta

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models import Team
from postmortem.models import Service, never_truncated
from remediation.models.sources import DataSource
from remediation.models.verification import VerificationCheck


class CheckStanding(models.Model):
    """One row for each check, made with it: its place in the queue, and what its runs have shown so far.

    Apart from the check because the engine writes it twice for every run: the row is narrow and has few
    indexes. What claims and audits find it by is copied from the check and its item, by triggers
    (docs/adr/0043).
    """

    verification_check = models.OneToOneField(
        VerificationCheck, models.CASCADE, primary_key=True, related_name="standing"
    )
    kind = models.CharField(max_length=12, choices=VerificationCheck.Kind)
    team = models.ForeignKey(Team, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    service = models.ForeignKey(
        Service, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    data_source = models.ForeignKey(
        DataSource, models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    interval_seconds = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    is_resting = models.BooleanField(help_text="It is paused, or its item was declined.")

    # When its turn came or comes; it stays while a worker holds it, so that no index changes with a claim.
    next_run_at = models.DateTimeField()
    is_wanted_again = models.BooleanField(
        default=False, help_text="Asked for while a run was under way: due at once when that ends."
    )
    # A run that somebody asked for, with the id it will have; the grid's own get theirs when claimed.
    asked_run_id = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField(null=True)
    # The run that a worker holds; it is stored when it is finished. `slot` is that of one asked for, too.
    run_id = models.BigIntegerField(null=True)
    slot = models.DateTimeField(null=True)
    skipped_slots = models.PositiveIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    check_version = models.PositiveIntegerField(null=True)

    # Passes in a row as a positive number, fails in a row as a negative one.
    streak = models.IntegerField(default=0)
    # The slot of the grid in which the last one that counted lies: one slot counts once (docs/adr/0023).
    counted_slot = models.DateTimeField(null=True)
    last_outcome = models.CharField(max_length=8, choices=VerificationCheck.Outcome, blank=True)
    last_run_at = models.DateTimeField(null=True)
    last_value = models.FloatField(null=True)
    last_verdict_at = models.DateTimeField(null=True, help_text="When it last passed or failed.")
    seen_red_at = models.DateTimeField(null=True, help_text="When it first failed.")

    class Meta:
        ordering = ("verification_check",)
        indexes = (
            # By team, for the teams take turns.
            models.Index(
                fields=["kind", "team", "next_run_at"], condition=Q(is_resting=False), name="check_due"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["asked_run_id"],
                condition=Q(asked_run_id__isnull=False),
                name="one_check_for_a_run_asked_for",
            ),
            models.CheckConstraint(
                condition=Q(asked_run_id=None, asked_at=None)
                | Q(asked_run_id__isnull=False, asked_at__isnull=False, slot__isnull=False),
                name="run_asked_for_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(lease_token=None, lease_until=None)
                | Q(
                    lease_token__isnull=False,
                    lease_until__isnull=False,
                    run_id__isnull=False,
                    slot__isnull=False,
                    started_at__isnull=False,
                    check_version__isnull=False,
                ),
                name="claimed_run_is_complete",
            ),
        )
        triggers = (
            pgtrigger.Trigger(
                name="rests_and_wakes",
                operation=pgtrigger.UpdateOf("is_resting"),  # type: ignore[no-untyped-call]
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange("is_resting"),
                func="""
                    IF NOT NEW.is_resting THEN
                        -- What it missed while it rested is not late.
                        NEW.next_run_at := GREATEST(NEW.next_run_at, statement_timestamp());
                    ELSIF NEW.lease_token IS NULL THEN
                        -- Nobody will run what was asked for.
                        NEW.asked_run_id := NULL; NEW.asked_at := NULL; NEW.run_id := NULL;
                        NEW.slot := NULL;
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="stays_while_there_are_runs",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                # Whoever stores a run has locked this row: when it can be deleted, their run is seen here.
                func="""
                    IF EXISTS (
                        SELECT FROM remediation_checkrun
                        WHERE verification_check_id = OLD.verification_check_id
                    ) THEN
                        RAISE EXCEPTION 'check % has runs', OLD.verification_check_id
                            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'runs_have_a_check';
                    END IF;
                    RETURN OLD;
                """,
            ),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.verification_check_id}: {self.last_outcome or 'never run'}, {self.streak}"

    def is_held(self, now: datetime) -> bool:
        """A worker holds it."""
        return self.lease_until is not None and self.lease_until > now

    @property
    def due_next_at(self) -> datetime | None:
        """When its turn comes next; None while a run is under way."""
        return self.next_run_at if self.lease_token is None else None

    def is_stale(self, now: datetime) -> bool:
        """No pass and no fail for three intervals and a margin: nobody knows whether the fix holds."""
        reference = self.last_verdict_at or self.created_at
        allowed = 3 * timedelta(seconds=self.interval_seconds) + timedelta(minutes=5)
        return not self.is_resting and now - reference > allowed
