"""The gate: its decisions with their filters, and one decision, judged again on demand."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from governance import audit, records, rehearsals
from governance.models import GateDecision
from postmortem.models import Service
from web import findings
from web.exports import csv_response
from web.forms.filters import DecisionFilters
from web.paging import page_of

_HEADER = (
    "id", "decided_at", "kind", "verdict", "mode", "service", "date", "repository", "change", "title",
    "findings", "waivers", "excused_by", "postmortems", "policy", "token",
)  # fmt: skip


@login_required
@require_GET
def decision_list(request: HttpRequest) -> HttpResponse:
    filters = DecisionFilters(request.GET)
    rows = _chosen(filters).select_related("service", "token__owner", "gate").defer("request")
    page = page_of(rows, request.GET, by="decided_at", is_descending=True)
    for row in page.rows:
        row.codes = _codes(row.findings)
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
def decision_table(request: HttpRequest) -> HttpResponseBase:
    """The same rows as a table to download."""
    rows = _chosen(DecisionFilters(request.GET)).select_related("service", "token").defer("request")
    return csv_response("gate-decisions.csv", _HEADER, _lines(rows))


@login_required
@require_GET
def decision(request: HttpRequest, pk: UUID) -> HttpResponse:
    rows = GateDecision.objects.select_related("service", "token__owner", "gate")
    record = get_object_or_404(rows, pk=pk)
    named = [str(name) for name in _texts(record.named) or _texts(record.postmortems)]
    urls = findings.urls_of(named, viewer=request.user)
    now = timezone.now()
    again = _again(record, now) if request.GET.get("replay") == "today" else None
    context = {
        "now": now,
        "decision": record,
        "findings": findings.shown(record.findings, viewer=request.user),
        "postmortems": [(name, urls.get(name, "")) for name in named],
        "commits": _commits(record.request),
        "services": _texts(record.request.get("services")) if isinstance(record.request, dict) else [],
        "waivers": [
            number for name in _texts(record.waivers) if (number := records.waiver_number(str(name)))
        ],
        "again": again,
        "findings_again": findings.shown(again.findings, viewer=request.user) if again else [],
        "may_edit": request.user.is_at_least("governor"),
        "may_ask": request.user.is_at_least("member"),
    }
    return render(request, "gate/decision.html", context)


def _again(record: GateDecision, now: datetime) -> Any:
    """The same question today: a change by the policy of now, a service as of its day; nothing is kept."""
    if record.kind == GateDecision.Kind.CHANGE:
        return rehearsals.replay(record, now=now)
    assert record.service is not None  # noqa: S101 - the table says so
    return audit.look(record.service.slug, date=record.date, now=now)


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
    if code := filters.value("finding"):
        rows = rows.filter(findings__contains=[{"code": code}])
    if filters.value("waived"):
        rows = rows.exclude(waivers=[])
    if (since := filters.day("since")) is not None:
        rows = rows.filter(decided_at__gte=_midnight(since))
    if (until := filters.day("until")) is not None:
        rows = rows.filter(decided_at__lt=_midnight(until + timedelta(days=1)))
    return rows


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _codes(found: Any) -> list[str]:
    codes = [str(row.get("code") or "") for row in _texts(found) if isinstance(row, dict)]
    return list(dict.fromkeys(code for code in codes if code))


def _lines(rows: QuerySet[GateDecision]) -> Iterator[tuple[Any, ...]]:
    for row in rows.iterator(chunk_size=500):
        yield (
            row.pk, row.decided_at.isoformat(timespec="seconds"), row.kind, row.verdict, row.mode,
            row.service.slug if row.service else "", row.date or "", row.repository, row.change_id, row.title,
            " ".join(_codes(row.findings)), " ".join(map(str, _texts(row.waivers))),
            row.excuse.get("rule", "") if isinstance(row.excuse, dict) else "",
            " ".join(map(str, _texts(row.postmortems))), row.policy_version, row.token.name,
        )  # fmt: skip


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
    path("gate/decisions.csv", decision_table, name="gate_csv"),
    path("gate/<uuid:pk>/", decision, name="decision"),
]
