"""Settings of governors: the SLA's policy rows in order, and the working calendars they count in."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from postmortem import access
from postmortem.errors import DomainError, NotAllowed
from remediation import policies
from remediation.models import RemediationItem, SlaPolicy, WorkingCalendar
from web import policy_trails
from web.asking import ask
from web.forms import show_refusal
from web.forms.sla import CalendarForm, PolicyForm, TryForm

_PROPOSED_DAYS = 30
_CONDITION_WORDS = {"category": RemediationItem.Category, "kind": RemediationItem.Kind}


def conditions(policy: SlaPolicy) -> list[str]:
    """What an item must be for this row, in words; nothing when it fits all."""
    words = [policy.severity.code] if policy.severity else []
    for name, choices in _CONDITION_WORDS.items():
        value = getattr(policy, name)
        if value:
            words.append(str(dict(choices.choices).get(value, value)))
    if policy.service:
        words.append(policy.service.slug)
    if policy.team:
        words.append(str(policy.team))
    return words


def described(rows: list[SlaPolicy]) -> list[SlaPolicy]:
    """The rows with `words`, and `is_unreached` where an earlier row fits all that they fit."""
    hidden = policies.unreached(rows)
    for row in rows:
        row.words = conditions(row)
        row.is_unreached = row.position in hidden
    return rows


@login_required
@require_GET
def sla_list(request: HttpRequest) -> HttpResponse:
    """The rows, the calendars, and with a query the row that would decide."""
    access.need(request.user, User.Role.GOVERNOR)
    now = timezone.now()
    form = TryForm(request.GET if "try" in request.GET else None)
    rows = described(list(policies.rows()))
    found = _explained(form, now) if form.is_bound and form.is_valid() else None
    if found is not None:
        misses = {one.policy.pk: one.misses for one in found.tried}
        for row in rows:
            row.is_deciding = found.policy is not None and row.pk == found.policy.pk
            row.missing = [form.fields[name].label for name in misses.get(row.pk, ())]
    context = {
        "rows": rows,
        "last": len(rows),
        "calendars": WorkingCalendar.objects.prefetch_related("policies"),
        "form": form,
        "found": found,
        "history": policy_trails.of(SlaPolicy, WorkingCalendar),
        "now": now,
        "section": "sla",
    }
    return render(request, "settings/sla.html", context)


def _explained(form: TryForm, now: datetime) -> policies.Explanation:
    return policies.explain(**form.cleaned_data, now=now)


@login_required
@require_http_methods(["GET", "POST"])
def sla_new(request: HttpRequest) -> HttpResponse:
    return _edit_policy(request, None)


@login_required
@require_http_methods(["GET", "POST"])
def sla_edit(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    return _edit_policy(request, get_object_or_404(policies.rows(), pk=pk))


def _edit_policy(request: HttpRequest, policy: SlaPolicy | None) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    initial: dict[str, Any] = {"days": _PROPOSED_DAYS}
    if policy is not None:
        initial = {name: getattr(policy, name) for name in sorted(policies.FACTS)}
    form = PolicyForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        now = timezone.now()
        try:
            if policy is None:
                policies.add(by=request.user, now=now, **form.cleaned_data)
            else:
                policies.edit(policy, by=request.user, now=now, **form.cleaned_data)
        except NotAllowed:
            raise
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("Saved. Items that are agreed from now on follow it."))
            return redirect("web:sla")
    title = str(policy) if policy else _("New policy row")
    context = {"form": form, "policy": policy, "title": title, "section": "sla"}
    return render(request, "settings/sla_policy.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def sla_remove(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    policy = get_object_or_404(policies.rows(), pk=pk)
    words = " · ".join(conditions(policy)) or _("all items")
    return ask(
        request,
        title=_("Remove %(id)s (%(words)s)?") % {"id": policy, "words": words},
        text=_("Items that it gave a deadline keep it; new ones take the next row that fits."),
        submit=_("Remove"),
        done=_("The row is removed."),
        back=reverse("web:sla"),
        act=lambda _data: policies.remove(policy, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


@login_required
@require_POST
def sla_move(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    policy = get_object_or_404(SlaPolicy, pk=pk)
    direction = "up" if "up" in request.POST else "down"
    policies.move(policy, direction=direction, by=request.user, now=timezone.now())
    return redirect("web:sla")


@login_required
@require_http_methods(["GET", "POST"])
def calendar_new(request: HttpRequest) -> HttpResponse:
    return _edit_calendar(request, None)


@login_required
@require_http_methods(["GET", "POST"])
def calendar_edit(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    return _edit_calendar(request, get_object_or_404(WorkingCalendar, pk=pk))


def _edit_calendar(request: HttpRequest, calendar: WorkingCalendar | None) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    initial = {} if calendar else {"time_zone": timezone.get_current_timezone_name()}
    form = CalendarForm(
        request.POST if request.method == "POST" else None, calendar=calendar, initial=initial
    )
    if form.is_valid():
        now = timezone.now()
        try:
            if calendar is None:
                policies.add_calendar(by=request.user, now=now, **form.facts())
            else:
                policies.edit_calendar(calendar, by=request.user, now=now, **form.facts())
        except NotAllowed:
            raise
        except DomainError as refusal:
            form.show_refusal(refusal)
        else:
            messages.success(request, _("Saved. Items that are agreed from now on follow it."))
            return redirect("web:sla")
    title = calendar.name if calendar else _("New working calendar")
    context = {"form": form, "calendar": calendar, "title": title, "section": "sla"}
    return render(request, "settings/sla_calendar.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def calendar_remove(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    calendar = get_object_or_404(WorkingCalendar, pk=pk)
    return ask(
        request,
        title=_("Remove “%(name)s”?") % {"name": calendar},
        text=_("Only a calendar in which no policy row counts can be removed."),
        submit=_("Remove"),
        done=_("The calendar is removed."),
        back=reverse("web:sla"),
        act=lambda _data: policies.remove_calendar(calendar, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


urlpatterns = [
    path("settings/sla/", sla_list, name="sla"),
    path("settings/sla/new", sla_new, name="sla_new"),
    path("settings/sla/<int:pk>/", sla_edit, name="sla_edit"),
    path("settings/sla/<int:pk>/remove", sla_remove, name="sla_remove"),
    path("settings/sla/<int:pk>/move", sla_move, name="sla_move"),
    path("settings/calendars/new", calendar_new, name="calendar_new"),
    path("settings/calendars/<int:pk>/", calendar_edit, name="calendar_edit"),
    path("settings/calendars/<int:pk>/remove", calendar_remove, name="calendar_remove"),
]
