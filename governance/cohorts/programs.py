"""What programs reported of a period: deploys (R15), runs that healed (R17) and idle resources (R16).

Facts, as they are known now: a report that comes late, or a correction, counts until the month is published.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.models import Team
from governance import deploys, selfheals
from governance.cohorts.scope import Scope
from governance.cohorts.then import Then
from governance.metrics import IDLE, HealedRun, Stated, WentOut
from governance.models import KpiValue
from governance.periods import Window
from postmortem.models import Incident


def gather(window: Window, then: Then, scope: Scope) -> dict[str, Any]:
    found: dict[str, Any] = {
        "deploys": _deploys(window, then, scope.team),
        "healed": _healed(window, then, scope.team),
    }
    if scope.team is None:
        found["idle"] = _idle(window)
    return found


def _deploys(window: Window, then: Then, team: Team | None) -> list[WentOut]:
    rows = (
        deploys.as_last_reported()
        .filter(
            deployed_at__gte=window.starts_at,
            deployed_at__lt=window.as_of,
            environment=Incident.Environment.PRODUCTION,
            **_of(team),
        )
        .order_by("deployed_at", "external_id")
        .values_list(
            "external_id",
            "service",
            "service__slug",
            "service__team__slug",
            "version",
            "deployed_at",
            "verdict",
        )
    )
    return [
        WentOut(external_id, slug, then.team_of_service(service, team), version, deployed_at, verdict)
        for external_id, service, slug, team, version, deployed_at, verdict in rows
    ]


def _healed(window: Window, then: Then, team: Team | None) -> list[HealedRun]:
    rows = (
        selfheals.without_incident(start=window.starts_at, end=window.as_of)
        .filter(**_of(team))
        .order_by("ended_at", "external_id")
    )
    return [
        HealedRun(external_id, slug, then.team_of_service(service, team), playbook, started_at, ended_at)
        for external_id, service, slug, team, playbook, started_at, ended_at in rows.values_list(
            "external_id",
            "service",
            "service__slug",
            "service__team__slug",
            "playbook",
            "started_at",
            "ended_at",
        )
    ]


def _of(team: Team | None) -> dict[str, Team]:
    return {} if team is None else {"service__team": team}


def _idle(window: Window) -> list[Stated]:
    zone = ZoneInfo(settings.TIME_ZONE)
    first, last = (moment.astimezone(zone).date() for moment in (window.starts_at, window.as_of))
    rows = KpiValue.objects.filter(kpi__slug=IDLE, date__gte=first, date__lte=last).order_by("date", "id")
    of_day: dict[datetime, Stated] = {}
    # The last word about a day comes last, and stays.
    for date, value, unit, source in rows.values_list("date", "value", "kpi__unit", "source"):
        begins_at = datetime.combine(date, time.min, zone).astimezone(UTC)
        if window.starts_at <= begins_at < window.as_of:
            noon = datetime.combine(date, time(12), zone).astimezone(UTC)
            of_day[noon] = Stated(IDLE, noon, f"{value.normalize():f}", unit, source)
    return list(of_day.values())
