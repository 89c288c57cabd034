"""Verification checks at work: workers run those that are due, results decide about items.

This is the module the faces call. `runs` is the queue, `verdicts` stores results and moves items, `probes`
ask the outside world; no transaction is open while they do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from postmortem.errors import DomainError, NotAllowed
from remediation import circuits, desks, exams, runs
from remediation.models import CheckRun, RemediationItem, VerificationCheck
from remediation.probes import shell
from remediation.probes.result import ProbeResult, failed
from remediation.runs import Claimed, claim
from remediation.trials import last_day, test_source, trial
from remediation.verdicts import Recorded, record
from remediation.workload import Lag, lag

__all__ = [
    "CannotRun",
    "Claimed",
    "Executed",
    "Lag",
    "Recorded",
    "claim",
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
    "waiting_run",
    "wake",
]

log = logging.getLogger(__name__)

PROMETHEUS = VerificationCheck.Kind.PROMETHEUS.value
SHELL = VerificationCheck.Kind.SHELL.value
EXAM = VerificationCheck.Kind.EXAM.value

# How long one call keeps claiming; then others get their turn and the process may be replaced.
BUDGET_SECONDS = 15.0
# The probe workers may be switched on where the one that ticks is not: they get this long to take a run.
_PATIENCE_SECONDS = 60
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
    """End what was lost, and ring for each kind of check of which one is due.

    Any number of callers at any moment is fine.

    Args:
        now: the moment at which checks are due; the database's clock when None.
        ring: called with a kind.

    Returns:
        The kinds that were rung for: those that wait, and Prometheus for trials of sources.
    """
    sweep()
    kinds = runs.waiting_kinds(now=now)
    if PROMETHEUS not in kinds and circuits.is_trial_due():
        kinds.append(PROMETHEUS)
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
    message = gettext_noop("Commands are switched off on this installation (SHELL_PROBES_ENABLED).")
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
    """Run waiting Prometheus checks, many at a time, until none is left or the time is up.

    After the time is up nothing new is begun; what is on its way ends within its own time limit. Sources
    that do not answer are tried on the way, as `circuits` says.

    Args:
        call_help: called once when the first claim comes back full, for there may be work for two.
    """
    with desks.PrometheusDesk() as desk:
        return _work(PROMETHEUS, desk, budget_seconds, call_help)


def execute_shell(
    *, budget_seconds: float = BUDGET_SECONDS, call_help: Callable[[], object] = _nobody
) -> Executed:
    """Run waiting commands, four at a time; without SHELL_PROBES_ENABLED each gets an error instead."""
    if not settings.SHELL_PROBES_ENABLED:
        recorded = _recorded(_switched_off())
        return Executed(recorded.stored, recorded.refused)
    with shell.Crew[Claimed](weakest=settings.SHELL_PROBE_SANDBOX) as crew:
        return _work(SHELL, desks.ShellDesk(crew), budget_seconds, call_help)


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
    """Ask for a run of one check and wake a worker; one that waits or runs is returned instead of a second.

    The run is stored when it is finished, under the id that it has here.

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
    run_id = runs.ask_now(check.pk, now=now)
    run = waiting_run(VerificationCheck.objects.all(), run_id, now=now)
    run = run or CheckRun.objects.filter(pk=run_id).first()
    if run is None:
        raise CannotRun(_("This check is paused."))
    wake(check.kind)
    return run


def waiting_run(checks: QuerySet[VerificationCheck], run_id: int, *, now: datetime) -> CheckRun | None:
    """The run with this id that waits or that a worker holds, of one of these checks: not stored yet."""
    check = checks.filter(standing__asked_run_id=run_id).select_related("standing").first()
    return runs.unfinished(check, now=now) if check is not None else None


def wake(kind: str) -> None:
    """Ring for a worker once the transaction is through; without a broker the next tick finds it."""
    if settings.VERIFICATION_BELL:
        ring: Callable[[str], None] = import_string(settings.VERIFICATION_BELL)
        transaction.on_commit(lambda: ring(kind), robust=True)


def _work(kind: str, desk: desks.Desk, budget_seconds: float, call_help: Callable[[], object]) -> Executed:
    """Claim, run and record in turns; no transaction is open while anything runs."""
    stop_at = time.monotonic() + budget_seconds
    stored = refused = 0
    is_first = True
    while True:
        is_time_up = time.monotonic() >= stop_at
        if is_time_up:
            runs.give_back(desk.give_back())
        elif desk.is_hungry:
            claims, room = claim(kind=kind, limit=desk.room, busy=desk.busy()), desk.room
            runs.give_back(desk.take(claims))
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
