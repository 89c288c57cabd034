"""The gate: its decisions, and one decision."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from governance.models import GateDecision
from postmortem.models import Service
from web import findings
from web.forms.filters import DecisionFilters
from web.paging import page_of


@login_required
@require_GET
def decision_list(request: HttpRequest) -> HttpResponse:
    filters = DecisionFilters(request.GET)
    rows = _chosen(filters).select_related("service", "token__owner").defer("request")
    page = page_of(rows, request.GET, by="decided_at", is_descending=True)
    context = {
        "now": timezone.now(),
        "filters": filters,
        "page": page,
        "decisions": page.rows,
        "is_narrowed": filters.is_narrowed,
    }
    return render(request, "gate/list.html", context)


@login_required
@require_GET
def decision(request: HttpRequest, pk: UUID) -> HttpResponse:
    record = get_object_or_404(GateDecision.objects.select_related("service", "token__owner"), pk=pk)
    named = [str(name) for name in _texts(record.postmortems)]
    urls = findings.urls_of(named, viewer=request.user)
    context = {
        "now": timezone.now(),
        "decision": record,
        "findings": findings.shown(record.findings, viewer=request.user),
        "postmortems": [(name, urls.get(name, "")) for name in named],
        "commits": _commits(record.request),
        "services": _texts(record.request.get("services")) if isinstance(record.request, dict) else [],
    }
    return render(request, "gate/decision.html", context)


def _chosen(filters: DecisionFilters) -> QuerySet[GateDecision]:
    rows = GateDecision.objects.all()
    if verdict := filters.value("verdict"):
        rows = rows.filter(verdict=verdict)
    if kind := filters.value("kind"):
        rows = rows.filter(kind=kind)
    if text := filters.value("q"):
        rows = rows.filter(repository__icontains=text)
    if slug := filters.value("service"):
        rows = rows.filter(
            Q(service__in=Service.objects.filter(slug=slug))
            | Q(kind="change", request__services__contains=[slug])
        )
    return rows


def _texts(value: Any) -> list[Any]:
    """The rows of a stored list; [] for anything else, for what CI sent may be anything."""
    return list(value) if isinstance(value, list) else []


def _commits(request: Any) -> list[dict[str, str]]:
    rows = _texts(request.get("commits")) if isinstance(request, dict) else []
    return [
        {"sha": str(row.get("sha") or "")[:12], "message": str(row.get("message") or "")}
        for row in rows
        if isinstance(row, dict)
    ]


urlpatterns = [
    path("gate/", decision_list, name="gate"),
    path("gate/<uuid:pk>/", decision, name="decision"),
]
