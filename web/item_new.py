"""Agree a remediation item together with its first check: one page, one act."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from postmortem import access
from postmortem.errors import DomainError, Invalid, NotAllowed
from postmortem.models import Review, Severity
from remediation import items
from remediation.models import RemediationItem, SlaPolicy
from web.badges import look
from web.forms import show_refusal
from web.forms.checks import CheckForm
from web.forms.items import ItemForm
from web.trials import Trial, trial_of


@login_required
@require_http_methods(["GET", "POST"])
def item_new(request: HttpRequest) -> HttpResponse:
    """The form; its buttons save, or try the check or show the deadline, which works without scripts too."""
    access.need(request.user, "member")
    now = timezone.now()
    review = _review(request)
    posted = request.POST if request.method == "POST" else None
    form = ItemForm(posted, review=review, user=request.user)
    check_form = CheckForm(posted, prefix="check")
    intent = request.POST.get("intent", "save")
    trial = None
    # Both are checked, so that every error is shown at once.
    if posted is not None and all([form.is_valid(), check_form.is_valid()]):
        trial = trial_of(check_form)
        if not check_form.errors and intent == "save":
            agreed = _agree(request, form, check_form, review, now)
            if agreed is not None:
                _say(request, agreed, trial)
                return redirect("web:item", agreed.public_id)
    severity, category = form["severity"].value(), form["category"].value()
    context = {
        "form": form,
        "check_form": check_form,
        "review": review,
        "trial": trial,
        "due": _due(severity, category, now),
        "policies": _policies(),
        "back": _back(review),
        "has_sources": bool(check_form.fields["data_source"].queryset.exists()),
    }
    is_refused = bool(form.errors or check_form.errors)
    return render(
        request, "items/form.html", context, status=422 if posted is not None and is_refused else 200
    )


@login_required
@require_GET
def item_due(request: HttpRequest) -> HttpResponse:
    """When an item of this severity and category would be due: a part of the form, for htmx."""
    due = _due(request.GET.get("severity"), request.GET.get("category"), timezone.now())
    return render(request, "items/_due.html", {"due": due})


def _agree(
    request: HttpRequest, form: ItemForm, check_form: CheckForm, review: Review | None, now: datetime
) -> RemediationItem | None:
    """The act; a refusal is shown at its field and gives None."""
    values = {
        name: form.cleaned_data[name]
        for name in ("title", "description", "owner", "team", "service", "severity")
    }
    values |= {name: form.cleaned_data[name] for name in ("kind", "category", "tracker_url")}
    try:
        return items.agree(
            **values,
            causes=list(form.cleaned_data.get("causes") or []),
            checks=[check_form.spec()],
            due_at=form.due_at,
            review=review,
            origin="review" if review else "proactive",
            by=request.user,
            now=now,
        )
    except NotAllowed:
        raise
    except Invalid as refusal:
        if refusal.field in form.fields:
            show_refusal(form, refusal)
        else:
            check_form.show_refusal(refusal)
    except DomainError as refusal:
        show_refusal(form, refusal)
    return None


def _say(request: HttpRequest, agreed: RemediationItem, trial: Trial | None) -> None:
    messages.success(request, _("%(id)s is agreed.") % {"id": agreed})
    if trial is not None:
        words = _("Its check was tried once: %(outcome)s, value %(value)s.")
        say = messages.warning if trial.outcome == "error" else messages.info
        say(request, words % {"outcome": look("outcome", trial.outcome).word, "value": trial.value})


def _policies() -> list[tuple[str, str, int]]:
    """The rows of the SLA: severity or "*", category in words or "*", days."""
    words = dict(RemediationItem.Category.choices)
    rows = SlaPolicy.objects.select_related("severity")
    return [
        (row.severity.code if row.severity else "*", str(words.get(row.category, "*")), row.days)
        for row in rows
    ]


def _due(severity: Any, category: Any, now: datetime) -> dict[str, Any] | None:
    """Deadline and policy version, or None while something is not chosen."""
    key = str(severity or "")
    if category not in RemediationItem.Category.values or not (key.isdecimal() and len(key) < 10):
        return None
    row = Severity.objects.filter(pk=key).first()
    if row is None:
        return None
    at, version = items.due_date(severity=row, category=category, now=now)
    return {"at": at, "version": version}


def _review(request: HttpRequest) -> Review | None:
    public_id = request.GET.get("review")
    if not public_id:
        return None
    return get_object_or_404(access.reviews(request.user), public_id=public_id)


def _back(review: Review | None) -> str:
    return reverse("web:review", args=[review.public_id]) if review else reverse("web:items")


urlpatterns = [
    path("items/new", item_new, name="item_new"),
    path("items/new/due", item_due, name="item_due"),
]
