"""Verification checks at work: due ones are queued, workers run them, results decide about items.

This is the module the faces call. `runs` is the queue, `verdicts` stores results and moves items, `probes`
ask the outside world; no transaction is open while they do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem.errors import DomainError, NotAllowed
from remediation import approvals, exams, runs, sources
from remediation.models import ChecklistRun, CheckRun, DataSource, RemediationItem, VerificationCheck
from remediation.probes import prometheus, shell
from remediation.probes.access import Access
from remediation.probes.result import Expectation, ProbeResult, failed
from remediation.runs import Claimed, Lag, claim, enqueue_due, lag
from remediation.trials import last_day, test_source, trial
from remediation.verdicts import Recorded, record

__all__ = [
    "CannotRun",
    "Claimed",
    "Executed",
    "Lag",
    "Recorded",
    "claim",
    "enqueue_due",
    "execute",
    "execute_exam",
    "execute_prometheus",
    "execute_shell",
    "lag",
    "last_day",
    "record",
    "run_now",
    "sweep",
    "test_source",
    "tick",
    "trial",
    "wake",
]

log = logging.getLogger(__name__)

PROMETHEUS = VerificationCheck.Kind.PROMETHEUS.value
SHELL = VerificationCheck.Kind.SHELL.value
EXAM = VerificationCheck.Kind.EXAM.value

# How long one call keeps claiming; then others get their turn and the process may be replaced.
BUDGET_SECONDS = 15.0
# So many runs are held at once, and results are stored about half as many at a time.
_HELD = 512
# So many of one source may wait to be sent before no more of its runs are claimed.
_CROWD = 64
# The probe workers may be switched on where the one that ticks is not: they get this long to take a run.
_PATIENCE_SECONDS = 60
_PORTION = 1000
_EXAMS_AT_ONCE = 50


class CannotRun(DomainError):
    """This check is not to be run: it is paused, or its item was declined."""

    code = "check_at_rest"


@dataclass(frozen=True, slots=True)
class Executed:
    """What one call of `execute` did; `is_work_left` when it stopped before the queue was empty."""

    stored: int = 0
    refused: int = 0
    is_work_left: bool = False


def _nobody() -> None:
    """The help to be had where nobody else works."""


def _ring_nobody(kind: str) -> None:
    """The bell where whoever ticks does the work too."""


def tick(*, now: datetime | None = None, ring: Callable[[str], object] = _ring_nobody) -> list[str]:
    """Queue everything that is due, end what was lost, and ring for each kind of check for which runs wait.

    Any number of callers at any moment is fine.

    Args:
        now: the database's clock when None.
        ring: called with a kind; early when there is much to queue, so that work begins meanwhile.

    Returns:
        The kinds that were rung for at the end.
    """
    is_first = True
    while enqueue_due(now=now, limit=_PORTION).due == _PORTION:
        for kind in runs.waiting_kinds() if is_first else ():
            ring(kind)
        is_first = False
    sweep()
    kinds = runs.waiting_kinds()
    for kind in kinds:
        ring(kind)
    return kinds


def sweep() -> Recorded:
    """End what nobody will finish: runs that killed worker after worker, and commands while those are off."""
    lost = [
        (held, failed("lost", f"The worker ended during each of {held.attempt} attempts."))
        for held in runs.claim_lost()
    ]
    return _recorded([*lost, *_switched_off(waiting_seconds=_PATIENCE_SECONDS)])


def _switched_off(*, waiting_seconds: int = 0) -> list[tuple[Claimed, ProbeResult]]:
    """While commands are switched off here: their waiting runs, each with the error that says so."""
    if settings.SHELL_PROBES_ENABLED:
        return []
    message = "Commands are switched off on this installation (SHELL_PROBES_ENABLED)."
    waiting = claim(kind=SHELL, limit=500, waiting_seconds=waiting_seconds)
    return [(held, failed("probes_off", message)) for held in waiting]


def execute(
    kind: str, *, budget_seconds: float = BUDGET_SECONDS, call_help: Callable[[], object] = _nobody
) -> Executed:
    """Run waiting checks of one kind until none is left or the time is up; see `execute_prometheus`."""
    executor = {PROMETHEUS: execute_prometheus, SHELL: execute_shell, EXAM: execute_exam}[kind]
    return executor(budget_seconds=budget_seconds, call_help=call_help)


def execute_prometheus(
    *, budget_seconds: float = BUDGET_SECONDS, call_help: Callable[[], object] = _nobody
) -> Executed:
    """Run waiting Prometheus checks, 32 at a time, until none is left or the time is up.

    After the time is up nothing new is begun; what is on its way ends within its own time limit.

    Args:
        call_help: called once when the first claim comes back full, for there may be work for two.
    """
    with prometheus.Crew[Claimed](
        allow_loopback=settings.PROMETHEUS_ALLOW_LOOPBACK, enough=_HELD // 2
    ) as crew:
        return _work(PROMETHEUS, _PrometheusDesk(crew), budget_seconds, call_help)


def execute_shell(
    *, budget_seconds: float = BUDGET_SECONDS, call_help: Callable[[], object] = _nobody
) -> Executed:
    """Run waiting commands, four at a time; without SHELL_PROBES_ENABLED each gets an error instead."""
    if not settings.SHELL_PROBES_ENABLED:
        recorded = _recorded(_switched_off())
        return Executed(recorded.stored, recorded.refused)
    with shell.Crew[Claimed](weakest=settings.SHELL_PROBE_SANDBOX) as crew:
        return _work(SHELL, _ShellDesk(crew), budget_seconds, call_help)


def execute_exam(
    *, budget_seconds: float = BUDGET_SECONDS, call_help: Callable[[], object] = _nobody
) -> Executed:
    """Run waiting exam checks: they ask our own records, so nothing outside can hold them up."""
    stop_at = time.monotonic() + budget_seconds
    stored = refused = 0
    while time.monotonic() < stop_at and (claims := claim(kind=EXAM, limit=_EXAMS_AT_ONCE)):
        recorded = _recorded([(held, exams.judge(held.item_id)) for held in claims])
        stored, refused = stored + recorded.stored, refused + recorded.refused
    return Executed(stored, refused, is_work_left=EXAM in runs.waiting_kinds())


def run_now(check: VerificationCheck, *, by: User, now: datetime) -> CheckRun:
    """Queue a run of one check at once and wake a worker; an unfinished run is returned instead of a second.

    Raises:
        NotAllowed: `by` is a viewer.
        CannotRun: the check is paused or its item was declined; nothing was written.
    """
    if not by.is_at_least(User.Role.MEMBER):
        raise NotAllowed(_("Viewers only read."))
    check = VerificationCheck.objects.select_related("item").get(pk=check.pk)
    if check.is_paused:
        raise CannotRun(_("This check is paused."))
    if check.item.state == RemediationItem.State.WONT_DO:
        raise CannotRun(_("This item was declined: its checks rest."))
    run = CheckRun.objects.get(pk=runs.enqueue_now(check.pk, now=now))
    wake(run.kind)
    return run


def wake(kind: str) -> None:
    """Ring for a worker once the transaction is through; without a broker the next tick finds the run."""
    if settings.VERIFICATION_BELL:
        ring: Callable[[str], None] = import_string(settings.VERIFICATION_BELL)
        transaction.on_commit(lambda: ring(kind), robust=True)


class _Desk(Protocol):
    """What `_work` needs of a crew, whatever it asks."""

    @property
    def pending(self) -> int: ...
    @property
    def room(self) -> int: ...
    def busy(self) -> list[str]: ...
    def submit(self, held: Claimed) -> None: ...
    def finished(self) -> list[tuple[Claimed, ProbeResult | None]]: ...
    def give_back(self) -> list[Claimed]: ...


class _PrometheusDesk:
    """Claimed runs as queries for the crew."""

    def __init__(self, crew: prometheus.Crew[Claimed]) -> None:
        self._crew = crew
        self._accesses: dict[int, Access | ProbeResult] = {}
        self._unasked: list[tuple[Claimed, ProbeResult | None]] = []

    @property
    def pending(self) -> int:
        return self._crew.pending + len(self._unasked)

    @property
    def room(self) -> int:
        return _HELD - self._crew.pending

    def busy(self) -> list[str]:
        # A slow source may not fill the whole desk: the others' runs must find room.
        return self._crew.crowded(at=_CROWD)

    def submit(self, held: Claimed) -> None:
        access = self._access(held.source_id)
        if isinstance(access, ProbeResult):
            self._unasked.append((held, replace(access, expression=held.promql)))
            return
        expectation = Expectation(
            held.quantifier, held.comparator, held.threshold, held.no_data_rule, held.nan_rule
        )
        query = prometheus.Query(held.base_url, held.promql, expectation, held.timeout_seconds, access)
        self._crew.submit(held, query, start_within=runs.BEGIN_WITHIN_SECONDS)

    def finished(self) -> list[tuple[Claimed, ProbeResult | None]]:
        unasked, self._unasked = self._unasked, []
        return unasked + self._crew.finished(within=0.0 if unasked else 0.25)

    def give_back(self) -> list[Claimed]:
        return self._crew.give_back()

    def _access(self, source_id: int) -> Access | ProbeResult:
        """How to ask a source, read once; or the result of whoever must not ask it."""
        if source_id not in self._accesses:
            try:
                self._accesses[source_id] = sources.access_of(DataSource.objects.get(pk=source_id))
            except sources.SourceUnusable as refusal:
                self._accesses[source_id] = failed(refusal.details["reason"], refusal.message)
        return self._accesses[source_id]


class _ShellDesk:
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

    def busy(self) -> list[str]:
        return []

    def submit(self, held: Claimed) -> None:
        if refused := _refused(held):
            self._unasked.append((held, refused))
            return
        command = shell.Command(
            held.pipeline, held.shell_expectation, held.pattern, held.timeout_seconds, held.reads
        )
        self._crew.submit(held, command)

    def finished(self) -> list[tuple[Claimed, ProbeResult | None]]:
        unasked, self._unasked = self._unasked, []
        return [*unasked, *self._crew.finished(within=0.0 if unasked else 0.25)]

    def give_back(self) -> list[Claimed]:
        return []


def _refused(held: Claimed) -> ProbeResult | None:
    """The result of a command that must not start: reckoned from what would run, at the last moment."""
    body = approvals.body_of(
        pipeline=held.pipeline,
        reads=held.reads,
        expectation=held.shell_expectation,
        pattern=held.pattern,
        timeout_seconds=held.timeout_seconds,
    )
    if held.queue == runs.CHECKS.name:
        owner = approvals.Owner("verification_check", held.check_id)
        check = VerificationCheck.objects.filter(pk=held.check_id)
        found = list(check.values_list("item__team", Now()))
    else:
        run = ChecklistRun.objects.filter(pk=held.run_id)
        owner = approvals.Owner("checklist_entry", run.values_list("entry_id", flat=True).get())
        found = list(run.values_list("review__incidents__services__team", Now()))
    teams = {team for team, _now in found if team is not None}
    code, words = approvals.refusal(owner, teams, body, now=found[0][1])
    return failed(code, words) if code else None


def _work(kind: str, desk: _Desk, budget_seconds: float, call_help: Callable[[], object]) -> Executed:
    """Claim, run and record in turns; no transaction is open while anything runs."""
    stop_at = time.monotonic() + budget_seconds
    stored = refused = 0
    is_first = True
    while True:
        is_time_up = time.monotonic() >= stop_at
        if is_time_up:
            runs.give_back(desk.give_back())
        elif desk.room >= _HELD // 2 or (kind == SHELL and desk.room):
            claims, room = claim(kind=kind, limit=desk.room, busy=desk.busy()), desk.room
            for held in claims:
                desk.submit(held)
            if is_first and len(claims) == room:
                call_help()
            is_first = False
        if not desk.pending:
            break
        finished = desk.finished()
        recorded = _recorded([(held, result) for held, result in finished if result is not None])
        runs.give_back([held for held, result in finished if result is None])
        stored, refused = stored + recorded.stored, refused + recorded.refused
    return Executed(stored, refused, is_work_left=is_time_up and kind in runs.waiting_kinds())


def _recorded(finished: list[tuple[Claimed, ProbeResult]]) -> Recorded:
    """Record; should one result be such that the database refuses it, the others are stored all the same."""
    try:
        return record(finished)
    except (DataError, IntegrityError) as error:
        if len(finished) == 1:
            held, _result = finished[0]
            log.error("The result of run %s cannot be stored: %s", held.run_id, type(error).__name__)
            return record([(held, failed("not_storable", "The database refused the result."))])
    parts = [_recorded([one]) for one in finished]
    return Recorded(
        stored=sum(part.stored for part in parts),
        refused=sum(part.refused for part in parts),
        moves=tuple(move for part in parts for move in part.moves),
    )
