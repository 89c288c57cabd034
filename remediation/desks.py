"""Desks: where claimed runs lie while they are asked; one for each kind of check that asks something outside.

A desk takes runs, hands them to the crew that asks, and gives back results. It knows what a run of its kind
must not ask, and why; `verification` claims and records.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from django.conf import settings
from django.db.models.functions import Now

from remediation import approvals, circuits, probe_secrets, runs, sources
from remediation.circuits import Doubt, Tally, Trial
from remediation.models import ChecklistRun, DataSource, SourceHealth, VerificationCheck
from remediation.probes import prometheus, shell
from remediation.probes.access import Access
from remediation.probes.crew import Crew
from remediation.probes.prometheus import Key, Query
from remediation.probes.result import Expectation, ProbeResult, failed
from remediation.runs import Claimed
from remediation.shares import Shares

# So many runs are held at once, and results are stored about half as many at a time.
HELD = 512
# So many of one source may wait to be sent before no more of its runs are claimed.
_CROWD = 64
# How often shares are renewed, and how long a source whose shares others hold is left to them.
_RENEW_SECONDS = 3.0
_LEFT_SECONDS = 1.0

Finished = list[tuple[Claimed, ProbeResult | None]]


class Desk(Protocol):
    """What the work needs of a desk, whatever it asks."""

    @property
    def pending(self) -> int:
        """How many runs have no result yet."""

    @property
    def room(self) -> int:
        """How many more runs it could take."""

    @property
    def is_hungry(self) -> bool:
        """Whether it is time to claim more."""

    def busy(self) -> list[int]:
        """The ids of data sources whose runs should stay where they are."""

    def take(self, claims: Sequence[Claimed]) -> list[Claimed]:
        """Begin with these runs; those that it cannot ask now come back."""

    def finished(self) -> Finished:
        """Runs with their results, each once; None as the result of one that was not begun in time."""

    def give_back(self) -> list[Claimed]:
        """Forget what was not sent yet."""


@dataclass(slots=True)
class _Source:
    """A data source as this desk last read it.

    Attributes:
        way: how to ask it, or the result of whoever must not.
        circuit: how it fails to answer, while it is left alone.
        left_until: until when it is left to those who hold its shares, by `time.monotonic`.
    """

    base_url: str
    way: Access | ProbeResult
    circuit: SourceHealth | None
    has_trouble: bool
    queries_at_once: int
    held_since: float = 0.0
    left_until: float = 0.0

    @property
    def key(self) -> Key | None:
        """What the crew takes for this source; None when nobody may ask it."""
        return (self.base_url, self.way) if isinstance(self.way, Access) else None


class PrometheusDesk:
    """Claimed runs as queries for a crew, and the trials of sources that did not answer."""

    def __init__(self) -> None:
        self._crew = Crew[Claimed | Trial | Doubt](
            allow_loopback=settings.PROMETHEUS_ALLOW_LOOPBACK,
            enough=HELD // 2,
            doubt=self._doubt,
            combines=settings.PROMETHEUS_COMBINE_QUERIES,
        )
        self._shares = Shares()
        self._renewed_at = time.monotonic()
        self._sources: dict[int, _Source] = {}
        self._unasked: Finished = []
        # What results said of sources and was not told yet; that of a source in doubt waits for the answer.
        self._tallies: dict[int, Tally] = {}
        self._doubted: set[int] = set()

    def __enter__(self) -> Self:
        self._crew.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._crew.__exit__(kind, error, trace)
        finally:
            # After an error the leases end by themselves: the connection may be what is broken.
            if error is None:
                self._shares.release()

    @property
    def pending(self) -> int:
        return self._crew.pending + len(self._unasked)

    @property
    def room(self) -> int:
        return HELD - self._crew.pending

    @property
    def is_hungry(self) -> bool:
        return self.room >= HELD // 2

    def busy(self) -> list[int]:
        # A slow source may not fill the whole desk: the others' runs must find room.
        crowded, now = set(self._crew.crowded(at=_CROWD)), time.monotonic()
        return [
            source_id
            for source_id, source in self._sources.items()
            if source.key in crowded or source.left_until > now
        ]

    def take(self, claims: Sequence[Claimed]) -> list[Claimed]:
        self._read({held.source_id for held in claims})
        self._share({held.source_id for held in claims})
        left = [held for held in claims if not self._submit(held)]
        self._limit({held.source_id for held in claims})
        for trial, source in circuits.take_trials():
            self._try(trial, source)
        return left

    def finished(self) -> Finished:
        self._renew()
        unasked, self._unasked = self._unasked, []
        done: Finished = []
        for ticket, result in self._crew.finished(within=0.0 if unasked else 0.25):
            if isinstance(ticket, Trial):
                self._judge(ticket, result)
            elif isinstance(ticket, Doubt):
                self._doubted.discard(ticket.source_id)
                if result is not None:
                    self._tally(ticket.source_id).add(result, is_trial=True)
            else:
                done.append((ticket, result))
                if result is not None and result.error_code != circuits.NOT_ASKED:
                    self._tally(ticket.source_id).add(result)
        self._note()
        return unasked + done

    def give_back(self) -> list[Claimed]:
        back = self._crew.give_back()
        circuits.put_off(ticket for ticket in back if isinstance(ticket, Trial))
        self._doubted.difference_update(ticket.source_id for ticket in back if isinstance(ticket, Doubt))
        return [ticket for ticket in back if isinstance(ticket, Claimed)]

    def _read(self, source_ids: Iterable[int]) -> None:
        """Look at these sources as they are now; an administrator or another task may have changed them."""
        found = DataSource.objects.filter(pk__in=list(source_ids)).select_related("health")
        for row in found:
            source = _Source(
                row.base_url, _way(row), row.open_circuit, bool(_trouble(row)), row.queries_at_once
            )
            before = self._sources.get(row.pk)
            if before is not None:
                source.held_since, source.left_until = before.held_since, before.left_until
            self._sources[row.pk] = source
            if source.circuit is not None:
                self._leave_alone(source)

    def _share(self, source_ids: Iterable[int]) -> None:
        """Get the right to ask these sources, and more of it where much waits."""
        now = time.monotonic()
        crowded = set(self._crew.crowded(at=1))
        wanted = []
        for source_id in source_ids:
            source = self._sources[source_id]
            if source.key is None or source.circuit is not None:
                continue
            # At first one share, so that a colleague who was called for help finds the other.
            size = self._size(source_id)
            is_alone = source.key in crowded and now - source.held_since > _LEFT_SECONDS
            if not size or (is_alone and size < source.queries_at_once):
                wanted.append(source_id)
                source.held_since = source.held_since or now
        self._shares.take(wanted)
        for source_id in wanted:
            self._sources[source_id].left_until = 0.0 if self._size(source_id) else now + _LEFT_SECONDS

    def _size(self, source_id: int) -> int:
        return self._shares.size(source_id, self._sources[source_id].queries_at_once)

    def _submit(self, held: Claimed) -> bool:
        """Send it to the crew, or settle it without; False when nobody here may ask its source now."""
        source = self._sources[held.source_id]
        if isinstance(source.way, ProbeResult):
            self._unasked.append((held, source.way._replace(expression=held.promql)))
            return True
        if source.circuit is not None:
            self._unasked.append((held, circuits.not_asked(source.circuit, expression=held.promql)))
            return True
        if not self._size(held.source_id):
            return False
        expectation = Expectation(
            held.quantifier, held.comparator, held.threshold, held.no_data_rule, held.nan_rule
        )
        query = Query(source.base_url, held.promql, expectation, held.timeout_seconds, source.way)
        self._crew.submit(held, query, start_within=runs.BEGIN_WITHIN_SECONDS)
        return True

    def _limit(self, source_ids: Iterable[int]) -> None:
        for source_id in source_ids:
            if (key := self._sources[source_id].key) is not None:
                self._crew.limit(key, self._size(source_id))

    def _renew(self) -> None:
        if time.monotonic() - self._renewed_at < _RENEW_SECONDS:
            return
        self._renewed_at = time.monotonic()
        self._shares.renew()
        self._limit(self._sources)

    def _try(self, trial: Trial, row: DataSource) -> None:
        way = _way(row)
        # One that cannot be asked by anybody stays as it is; its trial is due again when the lease ends.
        if isinstance(way, Access):
            query = prometheus.harmless(row.base_url, way)
            self._crew.submit(trial, query, start_within=query.timeout_seconds, is_trial=True)

    def _doubt(self, ticket: Claimed | Trial | Doubt) -> Doubt:
        self._doubted.add(ticket.source_id)
        return Doubt(ticket.source_id)

    def _judge(self, trial: Trial, result: ProbeResult | None) -> None:
        if result is None:
            circuits.put_off([trial])
        else:
            circuits.judge(trial, result)

    def _tally(self, source_id: int) -> Tally:
        return self._tallies.setdefault(source_id, Tally())

    def _note(self) -> None:
        """Tell all tasks of silence, and of an answer where there was silence; an answer is usual."""
        clear = {
            source_id: tally for source_id, tally in self._tallies.items() if source_id not in self._doubted
        }
        self._tallies = {
            source_id: self._tallies[source_id] for source_id in self._doubted & set(self._tallies)
        }
        told = {
            source_id: tally
            for source_id, tally in clear.items()
            if tally.trouble or self._sources[source_id].has_trouble
        }
        if told:
            circuits.note(told)
            self._read(told)

    def _leave_alone(self, source: _Source) -> None:
        """Nothing more is sent to a source whose circuit is open; what waits ends at once."""
        if source.key is not None and source.circuit is not None:
            for ticket in self._crew.withdraw(source.key):
                if isinstance(ticket, Claimed):
                    result = circuits.not_asked(source.circuit, expression=ticket.promql)
                    self._unasked.append((ticket, result))


def _way(row: DataSource) -> Access | ProbeResult:
    try:
        return sources.access_of(row)
    except sources.SourceUnusable as refusal:
        return failed(refusal.details["reason"], refusal.message)


def _trouble(row: DataSource) -> int:
    health: SourceHealth | None = getattr(row, "health", None)
    return 0 if health is None else health.trouble


class ShellDesk:
    """Claimed runs as commands for the crew; only as many as can start at once are claimed."""

    def __init__(self, crew: shell.Crew[Claimed]) -> None:
        self._crew = crew
        self._unasked: list[tuple[Claimed, ProbeResult | None]] = []

    @property
    def pending(self) -> int:
        return self._crew.pending + len(self._unasked)

    @property
    def room(self) -> int:
        # While the switch is off nothing is claimed: what waits goes on waiting.
        return 0 if approvals.switched_off() else shell.AT_ONCE - self._crew.pending

    def busy(self) -> list[int]:
        return []

    @property
    def is_hungry(self) -> bool:
        return self.room > 0

    def take(self, claims: Sequence[Claimed]) -> list[Claimed]:
        for held in claims:
            command = _command(held)
            if isinstance(command, ProbeResult):
                self._unasked.append((held, command))
            else:
                self._crew.submit(held, command)
        return []

    def finished(self) -> list[tuple[Claimed, ProbeResult | None]]:
        unasked, self._unasked = self._unasked, []
        return [*unasked, *self._crew.finished(within=0.0 if unasked else 0.25)]

    def give_back(self) -> list[Claimed]:
        return []


def _command(held: Claimed) -> shell.Command | ProbeResult:
    """What runs, with its secrets; or the result of a command that must not start.

    Reckoned from what would run, at the last moment.
    """
    body = approvals.body_of(
        pipeline=held.pipeline,
        reads=held.reads,
        expectation=held.shell_expectation,
        pattern=held.pattern,
        timeout_seconds=held.timeout_seconds,
        network=held.network,
        env=held.env,
    )
    owner, teams, now = _facts(held)
    code, words = approvals.refusal(owner, teams, body, now=now)
    if not code and held.network not in {"none", *settings.SHELL_PROBE_NETWORKS}:
        code = "network_off"
        words = f"This worker allows no command the network “{held.network}” (SHELL_PROBE_NETWORKS)."
    if code:
        return failed(code, words)
    env: dict[str, str] = {}
    if held.env:
        used_by = {"check": held.check_id, "run": held.run_id, "sha": approvals.sha_of(body)}
        try:
            # Only checks have secrets, and a check has one item and so one team.
            env = probe_secrets.reveal(held.env, team_id=min(teams), used_by=used_by, now=now)
        except probe_secrets.NoSecret as problem:
            return failed("no_secret", str(problem))
    return shell.Command(
        held.pipeline,
        held.shell_expectation,
        held.pattern,
        held.timeout_seconds,
        held.reads,
        held.network,
        env,
    )


def _facts(held: Claimed) -> tuple[approvals.Owner, set[int], datetime]:
    """Whose command it is, the teams whose switch stops it, and the database's clock."""
    if held.queue == runs.CHECKS:
        owner = approvals.Owner("verification_check", held.check_id)
        check = VerificationCheck.objects.filter(pk=held.check_id)
        found = list(check.values_list("item__team", Now()))
    else:
        run = ChecklistRun.objects.filter(pk=held.run_id)
        owner = approvals.Owner("checklist_entry", run.values_list("entry_id", flat=True).get())
        found = list(run.values_list("review__incidents__services__team", Now()))
    return owner, {team for team, _now in found if team is not None}, found[0][1]
