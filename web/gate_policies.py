"""Settings of governors: the gate's policy, row by row, and what a change of it would have done."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from governance import gates, rehearsals
from governance.models import GatePolicy
from postmortem import access
from postmortem.errors import DomainError, EditConflict, NotAllowed
from web import conflicts, gatewords, policy_trails
from web.asking import ask
from web.forms import show_refusal
from web.forms.gates import GatePolicyForm

# Rows of a rehearsal that a page shows.
SHOWN = 50


@login_required
@require_GET
def policy_list(request: HttpRequest) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    rows = list(gates.rows())
    for row in rows:
        row.words = gatewords.sentences(row)
    context = {
        "rows": rows,
        "last_some": len(rows) - 1,
        "history": policy_trails.of(GatePolicy),
        "section": "gate",
    }
    return render(request, "settings/gate.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def policy_new(request: HttpRequest) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    return _edit(request, None)


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def policy_edit(request: HttpRequest, key: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    return _edit(request, get_object_or_404(gates.rows(), key=key))


def _edit(request: HttpRequest, policy: GatePolicy | None) -> HttpResponse:
    form = GatePolicyForm(request.POST if request.method == "POST" else None, policy=policy)
    conflicts.merge(form)
    draft = rehearsal = None
    now = timezone.now()
    if not form.is_conflict and form.is_valid():
        try:
            if "try" in request.POST:
                draft = gates.draft(form.facts(), of=policy)
                rehearsal = rehearsals.rehearse(rehearsals.with_draft(draft), now=now)
            else:
                _save(form, policy, by=request.user, now=now)
        except (NotAllowed, EditConflict):
            raise
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            if rehearsal is None:
                messages.success(request, _("Saved. What is asked from now on follows it."))
                return redirect("web:gate_policies")
    context = {
        "form": form,
        "policy": policy,
        "title": policy.name if policy else _("New policy row"),
        "words": gatewords.sentences(draft or policy) if draft or policy else [],
        "is_draft": draft is not None,
        "rehearsal": rehearsal,
        "notable": rehearsal.notable[:SHOWN] if rehearsal else [],
        "versions": gates.of_key(policy.key)[:20] if policy else [],
        "now": now,
        "section": "gate",
    }
    status = 409 if form.is_conflict else 422 if form.errors else 200
    return render(request, "settings/gate_policy.html", context, status=status)


def _save(form: GatePolicyForm, policy: GatePolicy | None, *, by: User, now: datetime) -> None:
    if policy is None:
        gates.add(by=by, now=now, **form.facts())
    else:
        gates.edit(policy, by=by, now=now, version=form.cleaned_data["version"], **form.facts())


@login_required
@require_http_methods(["GET", "POST"])
def policy_remove(request: HttpRequest, key: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    policy = get_object_or_404(gates.rows(), key=key)
    return ask(
        request,
        title=_("Remove “%(name)s”?") % {"name": policy.name},
        text=_(
            "Its repositories are judged by the next row that fits; decisions keep what they were judged by."
        ),
        submit=_("Remove"),
        done=_("The row is removed."),
        back=reverse("web:gate_policies"),
        act=lambda _data: gates.remove(policy, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


@login_required
@require_POST
def policy_move(request: HttpRequest, key: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    policy = get_object_or_404(gates.rows(), key=key)
    direction = "up" if "up" in request.POST else "down"
    gates.move(policy, direction=direction, by=request.user, now=timezone.now())
    return redirect("web:gate_policies")


urlpatterns = [
    path("settings/gate-policies/", policy_list, name="gate_policies"),
    path("settings/gate-policies/new", policy_new, name="gate_policy_new"),
    path("settings/gate-policies/<int:key>/", policy_edit, name="gate_policy_edit"),
    path("settings/gate-policies/<int:key>/remove", policy_remove, name="gate_policy_remove"),
    path("settings/gate-policies/<int:key>/move", policy_move, name="gate_policy_move"),
]
