"""Incidents resolved in a period, and those that were and do not count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from accounts.models import Team, User
from governance import selfheals
from governance.cohorts.scope import Scope
from governance.cohorts.then import Then
from governance.metrics import Exclusion, ResolvedIncident
from governance.periods import Window
from postmortem import access
from postmortem.models import Incident, IncidentService, RootCause


def gather(window: Window, then: Then, scope: Scope) -> dict[str, Any]:
    every = _resolved(window, then, scope)
    return {
        "resolved": [row for row in every if not row.excluded],
        "left_out": [row for row in every if row.excluded],
    }


def visible(viewer: User | None) -> QuerySet[Incident]:
    """The incidents that a reader may see; all of them for the installation itself."""
    return Incident.objects.all() if viewer is None else access.incidents(viewer)


def within(scope: Scope) -> QuerySet[Incident]:
    """The incidents of a scope: of a team those that came from a service of it."""
    rows = visible(scope.viewer)
    return rows if scope.team is None else rows.filter(came_from(scope.team))


def came_from(team: Team) -> Exists:
    """Whether an incident came from a service of a team, be it among others."""
    return Exists(
        IncidentService.objects.filter(
            incident=OuterRef("pk"), part=IncidentService.Part.ORIGIN, service__team=team
        )
    )


def excluded(*, is_drill: bool, dismissed_as: str, counts: bool) -> str:
    """Why an incident does not count; "" when it does."""
    if is_drill:
        return Exclusion.DRILL.value
    return dismissed_as or ("" if counts else Exclusion.SEVERITY.value)


def origins(rows: QuerySet[Incident], then: Then) -> dict[int, tuple[str, str]]:
    """Incident -> slugs of the service it came from and of the team that owned it; the first of several."""
    links = (
        IncidentService.objects.filter(incident__in=rows.order_by(), part=IncidentService.Part.ORIGIN)
        .order_by("-id")
        .values_list("incident", "service", "service__slug", "service__team__slug")
    )
    return {incident: (slug, then.team_of_service(service, team)) for incident, service, slug, team in links}


def _resolved(window: Window, then: Then, scope: Scope) -> list[ResolvedIncident]:
    rows = within(scope).filter(resolved_at__gte=window.starts_at, resolved_at__lt=window.as_of)
    origin = origins(rows, then)
    playbooks = selfheals.playbooks(rows)
    primary = RootCause.objects.filter(review=OuterRef("review"), is_primary=True)
    listed: Iterable[dict[str, Any]] = (
        rows.annotate(cause_class=Subquery(primary.values("cause_class__slug")[:1]))
        .order_by("resolved_at", "public_id")
        .values(
            "pk", "public_id", "severity", "severity__code", "severity__counts_in_figures", "is_drill",
            "dismissed_as", "is_restricted", "cause_class", "impact_minutes", "loss_amount", "loss_currency",
            "loss_is_estimate", *Incident.MILESTONES,
        )
    )  # fmt: skip
    found = []
    for row in listed:
        service, team = origin.get(row["pk"], ("", ""))
        found.append(
            ResolvedIncident(
                row["public_id"],
                row["severity__code"],
                service,
                row["started_at"],
                row["detected_at"],
                row["acknowledged_at"],
                row["mitigated_at"],
                row["resolved_at"],
                is_restricted=row["is_restricted"],
                team=team,
                category=row["cause_class"] or "",
                impact_minutes=row["impact_minutes"],
                loss_amount=None if row["loss_amount"] is None else str(row["loss_amount"]),
                loss_currency=row["loss_currency"],
                loss_is_estimate=row["loss_is_estimate"],
                excluded=excluded(
                    is_drill=row["is_drill"],
                    dismissed_as=row["dismissed_as"],
                    counts=then.counts(row["severity"], row["severity__counts_in_figures"]),
                ),
                playbook=playbooks.get(row["pk"], ""),
            )
        )
    return found
