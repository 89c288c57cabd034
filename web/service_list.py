"""The list of services: how each stands today, what is open about it; found by name, team and standing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import User
from governance import audit
from governance.models import Verdict
from postmortem import access, searching
from postmortem.models import Service
from remediation import items
from web import item_list
from web.exports import csv_response
from web.forms.filters import ServiceFilters
from web.paging import Key, sorted_page

PAGE_SIZE = 100
_HEADER = (
    "service", "name", "tier", "team", "today", "open_incidents", "active_items", "overdue_items",
    "regressed_items",
)  # fmt: skip


@login_required
@require_GET
def service_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    filters = ServiceFilters(request.GET)
    found = _found(request.user, filters, now).values("pk", "slug")
    page = sorted_page(found, request.GET, (Key("slug", str),), size=PAGE_SIZE)
    slugs = [row["slug"] for row in page.rows]
    context = {
        "now": now,
        "filters": filters,
        "page": page,
        "services": _shown(access.services(request.user).filter(slug__in=slugs), request.user, now, slugs),
        "is_beyond": bool(request.GET.get("after") or request.GET.get("before")),
        "may_add": request.user.is_at_least("administrator"),
    }
    return render(request, "services/list.html", context)


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The list as it is filtered, as a CSV file."""
    now = timezone.now()
    found = _found(request.user, ServiceFilters(request.GET), now)
    return csv_response("services.csv", _HEADER, _lines(_shown(found, request.user, now, None)))


def _found(user: User, filters: ServiceFilters, now: datetime) -> QuerySet[Service]:
    """What the filters leave of the services."""
    rows = access.services(user)
    if words := filters.value("q"):
        patterns = searching.patterns(words)
        like = Q(
            *(searching.Like(F(column), Value(patterns)) for column in ("slug", "name")), _connector=Q.OR
        )
        rows = rows.filter(like) if patterns else rows.none()
    if team := filters.value("team"):
        rows = rows.filter(team__slug=team)
    if today := filters.value("today"):
        # Nobody knows it but who judges, so all are judged.
        verdicts = audit.look_at_all(now)
        rows = rows.filter(slug__in=[slug for slug, verdict in verdicts.items() if verdict == today])
    return rows


def _shown(rows: QuerySet[Service], user: User, now: datetime, slugs: Sequence[str] | None) -> list[Service]:
    """Services by their names, each with its verdict and its counts, of what this person may see.

    Args:
        slugs: of these rows; None: of any number, so that all there are are judged.
    """
    services = list(rows.select_related("team").order_by("slug"))
    if not services:
        return services
    verdicts = audit.look_at_all(now, slugs=slugs)
    keys = None if slugs is None else [service.pk for service in services]
    work, incidents = _work(user, now, keys), _unresolved(user, keys)
    for service in services:
        service.verdict = verdicts.get(service.slug)
        service.work = work.get(service.pk, {})
        service.open_incidents = incidents.get(service.pk, 0)
    return services


def _work(user: User, now: datetime, services: Sequence[int] | None) -> dict[int, dict[str, int]]:
    """Counts of unsettled items by service."""
    rows = items.visible_to(user).filter(state__in=items.UNFINISHED).order_by()
    if services is not None:
        rows = rows.filter(service__in=services)
    counted = rows.values("service").annotate(
        active=Count("pk"),
        overdue=Count("pk", filter=item_list.late(now)),
        regressed=Count("pk", filter=Q(state="regressed")),
    )
    return {row["service"]: row for row in counted}


def _unresolved(user: User, services: Sequence[int] | None) -> dict[int, int]:
    """Counts of incidents that are not over, by service that they came from or hurt."""
    rows = access.incidents(user).filter(resolved_at=None, closed_at=None, dismissed_as="").order_by()
    rows = rows.annotate(of=F("service_links__service"))
    if services is not None:
        rows = rows.filter(of__in=services)
    return {row["of"]: row["count"] for row in rows.values("of").annotate(count=Count("pk"))}


def _lines(services: Sequence[Any]) -> Iterator[tuple[object, ...]]:
    for one in services:
        counts = (one.work.get(name, 0) for name in ("active", "overdue", "regressed"))
        verdict = Verdict(one.verdict).value if one.verdict else ""
        yield (one.slug, one.name, one.tier, one.team.slug, verdict, one.open_incidents, *counts)


urlpatterns = [
    path("services/", service_list, name="services"),
    path("services/export.csv", export, name="services_csv"),
]
