"""Escalation: who hears of a deadline and when, edited by governors."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from governance import escalation
from governance.models import EscalationStep
from postmortem import access
from postmortem.errors import DomainError, NotAllowed
from web import policy_trails, stepwords
from web.asking import ask
from web.forms import show_refusal
from web.forms.escalation import StepForm

# As time goes by.
_ORDER = {"before": 0, "at_risk": 1, "after": 2}


@login_required
@require_http_methods(["GET", "POST"])
def escalation_steps(request: HttpRequest) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    # What organisations ask for first: a warning some days before.
    initial = {"subject": "item", "moment": "before", "days": 3, "audience": "owner"}
    form = StepForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid() and _is_done(
        form, lambda: escalation.add(**form.cleaned_data, by=request.user, now=timezone.now())
    ):
        messages.success(request, _("Saved. It holds for what comes due from now on."))
        return redirect("web:escalation")
    rows = sorted(EscalationStep.objects.all(), key=_place)
    for row in rows:
        row.words = stepwords.moment(row)
    groups = [
        (label, [row for row in rows if row.subject == value])
        for value, label in EscalationStep.Subject.choices
    ]
    history = policy_trails.of(EscalationStep)
    context = {"form": form, "groups": groups, "history": history, "section": "escalation"}
    return render(request, "settings/escalation.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def escalation_edit(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    step = get_object_or_404(EscalationStep, pk=pk)
    initial = {name: getattr(step, name) for name in StepForm.base_fields}
    form = StepForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid() and _is_done(
        form, lambda: escalation.edit(step, **form.cleaned_data, by=request.user, now=timezone.now())
    ):
        messages.success(request, _("Saved. It holds for what comes due from now on."))
        return redirect("web:escalation")
    context = {"form": form, "title": stepwords.moment(step), "section": "escalation"}
    return render(request, "settings/escalation_step.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def escalation_remove(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    step = get_object_or_404(EscalationStep, pk=pk)
    return ask(
        request,
        title=_("Remove “%(name)s”?") % {"name": stepwords.moment(step)},
        text=_("Nobody is told at this moment any more; what was told stays told."),
        submit=_("Remove"),
        done=_("The step is removed."),
        back=reverse("web:escalation"),
        act=lambda _data: escalation.remove(step, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


def _place(step: EscalationStep) -> tuple[int, int, str]:
    days = -step.days if step.moment == EscalationStep.Moment.BEFORE else step.days
    return (_ORDER[step.moment], days, step.audience)


def _is_done(form: StepForm, act: Callable[[], object]) -> bool:
    try:
        act()
    except NotAllowed:
        raise
    except DomainError as refusal:
        show_refusal(form, refusal)
        return False
    return True


urlpatterns = [
    path("settings/escalation/", escalation_steps, name="escalation"),
    path("settings/escalation/<int:pk>/", escalation_edit, name="escalation_edit"),
    path("settings/escalation/<int:pk>/remove", escalation_remove, name="escalation_remove"),
]
