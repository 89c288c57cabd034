"""Policies and waivers of the gate for tests, as `tests.factories` makes all else."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.models import User
from governance import gates
from governance.models import LAST, GatePolicy, GateWaiver
from postmortem.models import Service
from tests.factories import DAY, HOUR, NOW, user


def governor() -> User:
    return User.objects.filter(role=User.Role.GOVERNOR).first() or user("Gale", role="governor")


def for_all() -> GatePolicy:
    """The row for all repositories."""
    return gates.rows().get(position=LAST)


def policy(
    *, repositories: Sequence[str] = (), name: str = "", now: datetime = NOW, **facts: Any
) -> GatePolicy:
    """The row for all repositories as a new version; with repositories a row of its own before it."""
    if repositories:
        number = GatePolicy.objects.count()
        named = {"name": name or f"Policy {number}", "repositories": list(repositories)}
        return gates.add(by=governor(), now=now, **named, **facts)
    return gates.edit(for_all(), by=governor(), now=now, **facts)


def waiver(
    *,
    findings: Sequence[str] = ("POSTMORTEM_NOT_NAMED",),
    service: Service | None = None,
    repository: str = "",
    at: datetime = NOW,
    hours: int = 48,
    is_granted: bool = True,
    by: User | None = None,
    **fields: Any,
) -> GateWaiver:
    """Asked for, and granted by somebody else, at one moment; for so many hours from then."""
    answer: dict[str, Any] = {}
    if is_granted:
        answer = {"answer": "granted", "answered_by": user(role="governor"), "answered_at": at}
    said = {"reason": "The sale begins.", "expires_at": at + hours * HOUR}
    return GateWaiver.objects.create(
        service=service,
        repository=repository,
        findings=list(findings),
        asked_by=by or user(),
        asked_at=at,
        **said | answer | fields,
    )


__all__ = ["DAY", "HOUR", "NOW", "for_all", "governor", "policy", "waiver"]
