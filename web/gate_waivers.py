"""Waivers of the gate: the list and its table, asking for one, and what becomes of it."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from governance import gatewaivers
from governance.models import GateWaiver
from governance.policy import WAIVABLE
from postmortem import access
from postmortem.drafts import Made
from postmortem.errors import DomainError, NotAllowed
from web import findings, making
from web.asking import ask, status_of
from web.exports import csv_response
from web.forms import show_refusal
from web.forms.items import CommentForm, DeclineForm
from web.forms.waivers import WaiverFilters, WaiverForm
from web.paging import page_of

_HEADER = (
    "id", "service", "repository", "change", "findings", "object", "state", "reason", "asked_by", "asked_at",
    "answer", "answered_by", "answered_at", "alone", "comment", "expires_at", "ended_by", "ended_at",
)  # fmt: skip


@login_required
@require_GET
def waiver_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    filters = WaiverFilters(request.GET)
    page = page_of(_chosen(request, filters), request.GET, by="asked_at", is_descending=True)
    for row in page.rows:
        row.stands = row.state(now).value
    context = {
        "now": now,
        "filters": filters,
        "page": page,
        "waivers": page.rows,
        "is_narrowed": filters.is_narrowed,
        "may_ask": request.user.is_at_least("member"),
    }
    return render(request, "gate/waivers.html", context)


@login_required
@require_GET
def waiver_table(request: HttpRequest) -> HttpResponseBase:
    return csv_response("gate-waivers.csv", _HEADER, _lines(_chosen(request, WaiverFilters(request.GET))))


@login_required
@require_http_methods(["GET", "POST"])
def waiver_new(request: HttpRequest) -> HttpResponse:
    access.need(request.user, "member")
    form = WaiverForm(request.POST if request.method == "POST" else None, initial=_proposed(request))
    if form.is_valid():
        try:
            waiver = making.once(
                request,
                lambda: gatewaivers.ask(by=request.user, now=timezone.now(), **form.cleaned_data),
                made=lambda asked: Made(_url(asked), _("Waiver for %(scope)s") % {"scope": asked.scope}),
            )
        except NotAllowed:
            raise
        except making.MadeAlready as refusal:
            making.show(form, refusal)
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("Asked. A governor has to grant it."))
            return redirect("web:gate_waiver", waiver.pk)
    return render(request, "gate/waiver_form.html", {"form": form}, status=status_of(form))


@login_required
@require_GET
def waiver(request: HttpRequest, pk: int) -> HttpResponse:
    now = timezone.now()
    record = _find(request, pk)
    state = record.state(now)
    is_governor = request.user.is_at_least("governor")
    is_own = record.asked_by_id == request.user.pk
    is_open = state == GateWaiver.State.ASKED
    row = gatewaivers.deciding_row(record) if is_open and is_own and is_governor else None
    context = {
        "now": now,
        "waiver": record,
        "state": state.value,
        "rules": [(code, findings.RULES[code].title) for code in record.findings],
        "object_url": findings.urls_of([record.object], viewer=request.user).get(record.object, ""),
        "may_grant": is_open and is_governor and (not is_own or (row is not None and row.waivers_alone)),
        "may_refuse": is_open and is_governor and not is_own,
        "may_withdraw": is_own and not record.answer,
        "may_end": is_governor and state == GateWaiver.State.IN_FORCE,
    }
    return render(request, "gate/waiver.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def waiver_grant(request: HttpRequest, pk: int) -> HttpResponse:
    record = _find(request, pk)
    form = CommentForm(request.POST if request.method == "POST" else None)
    return ask(
        request,
        title=_("Waive the gate for %(scope)s?") % {"scope": record.scope},
        text=_("Reason: %(reason)s") % {"reason": record.reason},
        submit=_("Grant"),
        done=_("Granted. What it waives stays visible in every decision."),
        back=_url(record),
        form=form,
        act=lambda data: gatewaivers.grant(
            record, comment=data["comment"], by=request.user, now=timezone.now()
        ),
        is_allowed=request.user.is_at_least("governor"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def waiver_refuse(request: HttpRequest, pk: int) -> HttpResponse:
    record = _find(request, pk)
    form = DeclineForm(request.POST if request.method == "POST" else None)
    return ask(
        request,
        title=_("Refuse the waiver for %(scope)s?") % {"scope": record.scope},
        submit=_("Refuse"),
        done=_("Refused."),
        back=_url(record),
        form=form,
        act=lambda data: gatewaivers.refuse(
            record, reason=data["reason"], by=request.user, now=timezone.now()
        ),
        is_allowed=request.user.is_at_least("governor"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def waiver_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    # For others than who asked there is nothing to take back.
    record = get_object_or_404(gatewaivers.visible_to(request.user).filter(asked_by=request.user), pk=pk)
    return ask(
        request,
        title=_("Take back what you asked for?"),
        submit=_("Take back"),
        done=_("Taken back."),
        back=_url(record),
        act=lambda _data: gatewaivers.withdraw(record, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def waiver_end(request: HttpRequest, pk: int) -> HttpResponse:
    record = _find(request, pk)
    return ask(
        request,
        title=_("End the waiver for %(scope)s now?") % {"scope": record.scope},
        text=_("What it waived counts again from now on."),
        submit=_("End it"),
        done=_("Ended."),
        back=_url(record),
        act=lambda _data: gatewaivers.end(record, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("governor"),
        is_danger=True,
    )


def _find(request: HttpRequest, pk: int) -> GateWaiver:
    return get_object_or_404(gatewaivers.visible_to(request.user), pk=pk)


def _url(record: GateWaiver) -> str:
    return reverse("web:gate_waiver", args=[record.pk])


def _proposed(request: HttpRequest) -> dict[str, Any]:
    """What a decision's page fills in beforehand; what makes no sense is left out."""
    asked = request.GET
    proposed: dict[str, Any] = {
        "repository": asked.get("repository", "")[:200],
        "change_id": asked.get("change", "")[:200],
        "findings": [code for code in asked.getlist("finding")[:50] if code in WAIVABLE],
    }
    slug = asked.get("service", "")
    if slug and "\x00" not in slug:
        proposed["service"] = access.services(request.user).filter(slug=slug[:80]).first()
    return proposed


def _chosen(request: HttpRequest, filters: WaiverFilters) -> QuerySet[GateWaiver]:
    rows = gatewaivers.visible_to(request.user)
    if state := filters.value("state"):
        rows = rows.filter(gatewaivers.state_q(state, now=timezone.now()))
    if code := filters.value("finding"):
        rows = rows.filter(findings__contains=[code])
    if slug := filters.value("service"):
        rows = rows.filter(service__slug=slug)
    if text := filters.value("q"):
        rows = rows.filter(repository__icontains=text)
    return rows


def _lines(rows: QuerySet[GateWaiver]) -> Iterator[tuple[Any, ...]]:
    now = timezone.now()
    for row in rows.iterator(chunk_size=500):
        yield (
            str(row), row.service.slug if row.service else "", row.repository, row.change_id,
            " ".join(row.findings), row.object, row.state(now).value, row.reason, str(row.asked_by),
            _moment(row.asked_at), row.answer, str(row.answered_by or ""), _moment(row.answered_at),
            "yes" if row.is_alone else "no", row.comment, _moment(row.expires_at), str(row.ended_by or ""),
            _moment(row.ended_at),
        )  # fmt: skip


def _moment(value: Any) -> str:
    return value.isoformat(timespec="seconds") if value else ""


urlpatterns = [
    path("gate/waivers/", waiver_list, name="gate_waivers"),
    path("gate/waivers.csv", waiver_table, name="gate_waivers_csv"),
    path("gate/waivers/new", waiver_new, name="gate_waiver_new"),
    path("gate/waivers/<int:pk>/", waiver, name="gate_waiver"),
    path("gate/waivers/<int:pk>/grant", waiver_grant, name="gate_waiver_grant"),
    path("gate/waivers/<int:pk>/refuse", waiver_refuse, name="gate_waiver_refuse"),
    path("gate/waivers/<int:pk>/withdraw", waiver_withdraw, name="gate_waiver_withdraw"),
    path("gate/waivers/<int:pk>/end", waiver_end, name="gate_waiver_end"),
]
