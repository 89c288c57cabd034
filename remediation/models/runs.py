"""Check runs: the queue's rows, then facts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Team
from postmortem.models import Service, never_truncated
from remediation.models.items import RemediationItem
from remediation.models.queueing import Run, finished_has_an_outcome, finished_is_final
from remediation.models.verification import VerificationCheck


class CheckRun(Run):
    """One attempt at a check: first the queue's row, then, once finished, a fact that is never edited."""

    verification_check = models.ForeignKey(
        VerificationCheck, models.PROTECT, related_name="runs", db_index=False
    )
    # Copied when queued, so that reports over millions of runs need no join.
    item = models.ForeignKey(RemediationItem, models.PROTECT, related_name="runs", db_index=False)
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", db_index=False)
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", db_index=False)
    check_version = models.PositiveIntegerField()
    slot = models.DateTimeField(help_text="The moment of the grid this run stands for.")
    skipped_slots = models.PositiveIntegerField(
        default=0, help_text="Slots missed before this one, coalesced into it."
    )

    class Meta:
        ordering = ("-slot", "-id")
        indexes = (
            # By team, for the teams take turns.
            models.Index(fields=["kind", "team", "slot"], condition=Q(finished_at=None), name="run_waiting"),
            models.Index(fields=["verification_check", "-slot"], name="run_by_check"),
        )
        constraints = (
            models.UniqueConstraint(fields=["verification_check", "slot"], name="one_run_per_check_and_slot"),
            # A slow or dead source must not pile up work: one unfinished run at a time.
            models.UniqueConstraint(
                fields=["verification_check"],
                condition=Q(finished_at=None),
                name="one_unfinished_run_per_check",
            ),
            finished_has_an_outcome("finished_run_has_an_outcome"),
        )
        triggers = (
            finished_is_final(),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.verification_check_id} @ {self.slot:%Y-%m-%d %H:%M:%S} {self.outcome or 'waiting'}"
