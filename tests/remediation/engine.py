"""What tests of the engine share: to let a check run once, with a result the test decides."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from remediation import runs
from remediation.models import CheckRun, CheckStanding, RemediationItem, VerificationCheck
from remediation.probes.result import ProbeResult, failed
from remediation.runs import Claimed
from remediation.verdicts import Recorded, record

_RESULTS = {
    "pass": ProbeResult("pass", value=0.0, expression="pool_waiting"),
    "fail": ProbeResult("fail", value=3.0, expression="pool_waiting"),
    "no_data": ProbeResult("no_data", expression="pool_waiting"),
    "error": failed("unreachable", "No connection."),
}


def result(outcome: str) -> ProbeResult:
    return _RESULTS[outcome]


def begin(check: VerificationCheck, *, now: datetime | None = None) -> Claimed:
    """Ask for and claim a run of this check alone, an interval after the one before."""
    last = CheckRun.objects.filter(verification_check=check.pk).order_by("-slot").first()
    following = max(timezone.now(), last.slot + check.interval) if last else timezone.now()
    runs.ask_now(check.pk, now=now or following)
    claimed = runs.claim(kind=check.kind, limit=1000)
    runs.give_back([one for one in claimed if one.check_id != check.pk])
    [held] = [one for one in claimed if one.check_id == check.pk]
    return held


def run(check: VerificationCheck, outcome: str) -> Recorded:
    """One whole run with this outcome."""
    return record([(begin(check), result(outcome))])


def run_all(check: VerificationCheck, outcomes: Sequence[str]) -> str:
    """Several runs, one after the other; the state of the item afterwards."""
    for outcome in outcomes:
        run(check, outcome)
    return state_of(check.item)


def state_of(item: RemediationItem) -> str:
    return str(RemediationItem.objects.values_list("state", flat=True).get(pk=item.pk))


def expire_lease(run_id: int) -> None:
    """As if the worker had been silent for longer than its lease."""
    held = CheckStanding.objects.filter(run_id=run_id)
    held.update(lease_until=timezone.now() - timedelta(seconds=1))
