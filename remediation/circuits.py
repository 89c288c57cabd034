"""Whether a data source answers, known to all tasks: after failures in a row it is left alone but for trials.

A source's circuit is a row (docs/adr/0031). Closed, its checks are asked. Open, they end as errors at once
and nobody waits for a time limit; one harmless query at a time tries the source, at growing, jittered
distances, and the first answer closes the circuit. All moments are the database's.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models.functions import Now

from postmortem import trail
from remediation.models import DataSource, SourceHealth
from remediation.probes.prometheus import DOWN_AT, weight_of
from remediation.probes.result import ProbeResult, failed

FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 300
# How long a trial counts as under way: then its worker is taken for dead.
TRIAL_LEASE_SECONDS = 20
NOT_ASKED = "source_down"


class Trial(NamedTuple):
    """One harmless query to a source that did not answer."""

    source_id: int


class Doubt(NamedTuple):
    """One harmless query to a source of which a query was not answered in time: is it dead, or only slow?"""

    source_id: int


@dataclass(slots=True)
class Tally:
    """What a batch of results says of one source, in the order in which they came.

    Attributes:
        has_answered: at least one of them was an answer, whatever it said.
        trouble: the weights of the failed connections after the last answer.
        last: the newest failure.
    """

    has_answered: bool = False
    trouble: int = 0
    last: ProbeResult | None = None

    def add(self, result: ProbeResult, *, is_trial: bool = False) -> None:
        """`is_trial`: it is of a query that every server answers at once."""
        if weight := weight_of(result):
            self.trouble += DOWN_AT if is_trial else weight
            self.last = result
        else:
            self.has_answered, self.trouble, self.last = True, 0, None


def wait_seconds(failed_trials: int, *, luck: float) -> float:
    """How long to leave a source alone after so many failed trials: doubling from 5 s to 5 min, ±25 %.

    Args:
        luck: from 0 to 1; spreads the trials of many sources that failed together.
    """
    doubled = FIRST_WAIT_SECONDS * 2.0 ** min(failed_trials, 20)
    return min(doubled, LONGEST_WAIT_SECONDS) * (0.75 + luck / 2)


def not_asked(circuit: SourceHealth, *, expression: str) -> ProbeResult:
    """The result of a check whose source is left alone."""
    since = f"{circuit.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    message = f"Not asked: the data source has not answered since {since}. {circuit.error}"
    return failed(NOT_ASKED, message.strip(), expression=expression)


def note(tallies: Mapping[int, Tally]) -> set[int]:
    """Store what results said of sources, by their ids; the ids of those whose circuit opened by it."""
    return {source_id for source_id in sorted(tallies) if _note(source_id, tallies[source_id])}


def take_trials(*, limit: int = 20) -> list[tuple[Trial, DataSource]]:
    """The trials that are due, each for one caller: until its lease ends nobody else gets it."""
    with connection.prepared() as cursor:  # type: ignore[attr-defined]
        cursor.execute(
            "WITH due AS ("
            "  SELECT h.id FROM remediation_sourcehealth h"
            "  JOIN remediation_datasource s ON s.id = h.source_id"
            "  WHERE h.trial_at <= clock_timestamp() AND s.is_enabled"
            "  ORDER BY h.trial_at LIMIT %s FOR NO KEY UPDATE OF h SKIP LOCKED"
            ") UPDATE remediation_sourcehealth h"
            " SET trial_at = clock_timestamp() + make_interval(secs => %s)"
            " FROM due WHERE h.id = due.id RETURNING h.source_id",
            [limit, TRIAL_LEASE_SECONDS],
        )
        ids = [source_id for (source_id,) in cursor.fetchall()]
    found = DataSource.objects.filter(pk__in=ids).order_by("pk") if ids else ()
    return [(Trial(source.pk), source) for source in found]


def is_trial_due() -> bool:
    """Whether a worker should look although no run waits."""
    return SourceHealth.objects.filter(trial_at__lte=Now(), source__is_enabled=True).exists()


def put_off(trials: Iterable[Trial]) -> None:
    """Trials that were not sent are due again."""
    ids = [trial.source_id for trial in trials]
    if ids:
        SourceHealth.objects.filter(source__in=ids, opened_at__isnull=False).update(trial_at=Now())


def judge(trial: Trial, result: ProbeResult) -> None:
    """What came of a trial: any answer closes the circuit, silence makes the next wait longer."""
    if not weight_of(result):
        answered(trial.source_id)
        return
    with trail.act("circuits.judge", by=None):
        health = _locked(trial.source_id)
        if health is None or health.opened_at is None:
            return
        health.failed_trials += 1
        _keep(health, result)
        health.trial_at = Now() + _wait(health.failed_trials)
        health.save(update_fields=["failed_trials", "error_code", "error", "trial_at"])


def answered(source_id: int) -> None:
    """The source has answered somebody: its circuit is closed from now on."""
    with trail.act("circuits.close", by=None):
        health = _locked(source_id)
        if health is not None:
            _close(health)


def forget(source: DataSource) -> None:
    """Another address or another way in: what was known of the old one says nothing."""
    SourceHealth.objects.filter(source=source).delete()


def _note(source_id: int, tally: Tally) -> bool:
    with trail.act("circuits.note", by=None):
        health = _locked(source_id, is_made=tally.trouble > 0)
        if health is None:
            return False
        if tally.has_answered:
            _close(health)
        if not tally.trouble or health.opened_at is not None:
            return False
        health.trouble += tally.trouble
        _keep(health, tally.last)
        if health.trouble < DOWN_AT:
            health.save(update_fields=["trouble", "error_code", "error"])
            return False
        health.opened_at, health.trial_at, health.failed_trials = Now(), Now() + _wait(0), 0
        health.save()
        return True


def _locked(source_id: int, *, is_made: bool = False) -> SourceHealth | None:
    """The row, locked; None when there is none and none is to be made, or the source is gone."""
    # The source first, as whoever edits it does: then nobody makes a second row either.
    if not DataSource.objects.select_for_update(no_key=True).filter(pk=source_id).exists():
        return None
    health = SourceHealth.objects.select_for_update().filter(source=source_id).first()
    return SourceHealth.objects.create(source_id=source_id) if health is None and is_made else health


def _close(health: SourceHealth) -> None:
    if health.opened_at is not None:
        health.opened_at = health.trial_at = None
        health.trouble, health.failed_trials, health.answered_at = 0, 0, Now()
        health.save()
        health.refresh_from_db()
    elif health.trouble:
        health.trouble = 0
        health.save(update_fields=["trouble"])


def _keep(health: SourceHealth, result: ProbeResult | None) -> None:
    if result is not None:
        health.error_code, health.error = result.error_code, result.error[:300]


def _wait(failed_trials: int) -> timedelta:
    luck = random.random()  # noqa: S311 - it spreads load, and guards nothing
    return timedelta(seconds=wait_seconds(failed_trials, luck=luck))
