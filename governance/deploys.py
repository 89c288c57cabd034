"""Deploys: programs report them, and how many of them failed is a figure with its rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from governance import programreports
from governance.canaries import Deployed
from governance.models import Deploy
from postmortem import values
from postmortem.models import Incident, Service

FACTS = frozenset(
    {
        "external_id", "service", "version", "environment", "deployed_at", "verdict", "success_percent",
        "latency_ms", "url",
    }
)  # fmt: skip


def report(
    *, external_id: str, service: Service, version: str, deployed_at: datetime, verdict: str, by: User,
    now: datetime, **more: Any
) -> Deploy:  # fmt: skip
    """Report that a version went out, and what its canary said.

    Args:
        external_id: the reporter's own name for the deploy. The same report again changes nothing; with
            other facts it is a correction: a further row, and from then on the one that counts.
        verdict: one of `Deploy.Verdict`.
        more: others of `FACTS`.

    Raises:
        Invalid: a value breaks a rule, or the moment lies in the future.
        NotAllowed: nothing was written.

    Source: specification, R15.
    """
    values.past(deployed_at, field="deployed_at", now=now)
    facts = {"external_id": external_id, "service": service, "version": version, "deployed_at": deployed_at}
    facts |= {
        "verdict": verdict,
        "environment": Incident.Environment.PRODUCTION,
        "success_percent": None,
        "latency_ms": None,
        "url": "",
    } | more
    return programreports.keep(Deploy(), facts, allowed=FACTS, act="deploys.report", by=by, now=now)


def as_last_reported(*, as_of: datetime | None = None) -> QuerySet[Deploy]:
    """Every deploy once, as it was last reported (by `as_of`)."""
    return programreports.as_last_reported(Deploy.objects.all(), as_of=as_of)


def of_period(
    *,
    start: datetime,
    end: datetime,
    service: Service | None = None,
    environment: str = Incident.Environment.PRODUCTION,
    as_of: datetime | None = None,
) -> QuerySet[Deploy]:
    """The deploys of start <= t < end, each as it was last reported (by `as_of`)."""
    rows = (
        as_last_reported(as_of=as_of)
        .select_related("service")
        .filter(deployed_at__gte=start, deployed_at__lt=end, environment=environment)
    )
    return rows if service is None else rows.filter(service=service)


def deployed(rows: QuerySet[Deploy]) -> list[Deployed]:
    """The same rows for `canaries.failure_rate`."""
    return [
        Deployed(
            one.external_id, one.service.slug, one.version, one.environment, one.deployed_at, one.verdict,
            one.revision,
        )
        for one in rows
    ]  # fmt: skip
