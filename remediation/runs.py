"""What waits to be run, and who holds it: the checks that are due, and the runs of checklists.

PostgreSQL is the queue (docs/adr/0004). Checks and checklists wait in tables of their own, each with a
module that knows its table; a worker asks here and gets both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from remediation import checklistqueue, checkqueue
from remediation.checkqueue import ask_now, due_at, unfinished
from remediation.claims import (
    BEGIN_WITHIN_SECONDS,
    CHECKLISTS,
    CHECKS,
    LEASE_MARGIN_SECONDS,
    MAX_ATTEMPTS,
    Claimed,
)
from remediation.models import VerificationCheck

__all__ = [
    "BEGIN_WITHIN_SECONDS",
    "CHECKLISTS",
    "CHECKS",
    "LEASE_MARGIN_SECONDS",
    "MAX_ATTEMPTS",
    "Claimed",
    "ask_now",
    "claim",
    "claim_lost",
    "due_at",
    "give_back",
    "unfinished",
    "waiting_kinds",
]


def claim(
    *, kind: str, limit: int, busy: Sequence[int] = (), waiting_seconds: int = 0, now: datetime | None = None
) -> list[Claimed]:
    """Take about `limit` runs of a kind that wait, for one attempt each: teams in turns, the oldest first.

    So a team with thousands of due checks does not keep another waiting. Checklists come before checks, for
    somebody looks at a page and waits. A run that another worker holds is free again when its lease has run
    out. A run stands for the check as it is now.

    Args:
        busy: ids of data sources to leave alone this time.
        waiting_seconds: only what has waited for so long.
        now: the moment at which checks are due; the database's clock when None.
    """
    found = checklistqueue.claim(kind=kind, limit=limit, busy=busy, waiting_seconds=waiting_seconds)
    if len(found) < limit:
        limit -= len(found)
        found += checkqueue.claim(kind=kind, limit=limit, busy=busy, waiting_seconds=waiting_seconds, now=now)
    return found


def claim_lost(*, limit: int = 500) -> list[Claimed]:
    """Take the runs whose last attempt was cut short, to be recorded as lost: nobody attempts them again."""
    return checklistqueue.claim_lost(limit=limit) + checkqueue.claim_lost(limit=limit)


def give_back(held: Sequence[Claimed]) -> None:
    """Return runs that were not begun; the attempt does not count."""
    if checklists := [one for one in held if one.queue == CHECKLISTS]:
        checklistqueue.give_back(checklists)
    if checks := [one for one in held if one.queue == CHECKS]:
        checkqueue.give_back(checks)


def waiting_kinds(*, now: datetime | None = None) -> list[str]:
    """The kinds of check for which something waits that no worker holds."""
    kinds = checklistqueue.waiting_kinds() | checkqueue.waiting_kinds(now=now)
    return [kind for kind in VerificationCheck.Kind.values if kind in kinds]
