"""Agree a remediation item together with its first check: one page, one act."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Team
from postmortem import access
from postmortem.drafts import Made
from postmortem.errors import DomainError, Invalid, NotAllowed
from postmortem.models import Review, Service, Severity
from remediation import items, policies
from remediation.models import RemediationItem, SlaPolicy
from web import drafts, hints, making, proposals, sla_policies
from web.asking import status_of
from web.badges import look
from web.forms import show_refusal
from web.forms.checks import CheckForm
from web.forms.items import ItemForm
from web.items import record_url
from web.trials import Trial, trial_of


@login_required
@require_http_methods(["GET", "POST"])
def item_new(request: HttpRequest) -> HttpResponse:
    """The form; its buttons save, or try the check or show the deadline, which works without scripts too."""
    access.need(request.user, "member")
    now = timezone.now()
    review = _review(request)
    posted = request.POST if request.method == "POST" else None
    form = ItemForm(
        posted,
        review=review,
        user=request.user,
        initial=proposals.asked_for(request, review),
        cause=request.GET.get("cause", ""),
    )
    check_form = CheckForm(posted, prefix="check")
    intent = request.POST.get("intent", "save")
    trial = None
    is_optional = posted is not None and _is_examined(posted)
    # Both are checked, so that every error is shown at once.
    if posted is not None and all([form.is_valid(), is_optional or check_form.is_valid()]):
        trial = None if is_optional else trial_of(check_form)
        if (is_optional or not check_form.errors) and intent == "save":
            agreed = _agree(request, form, None if is_optional else check_form, review, now)
            if agreed is not None:
                _say(request, form, agreed, trial)
                return redirect("web:item", agreed.public_id)
    drafts.attach(request, form, check_form)
    facts = {name: form[name].value() for name in _DECIDING}
    context = {
        "form": form,
        "check_form": check_form,
        "review": review,
        "trial": trial,
        "due": _due(facts, now),
        "policies": _policies(),
        "back": _back(review),
        "has_sources": bool(check_form.fields["data_source"].queryset.exists()),
    }
    is_refused = posted is not None and bool(check_form.errors) and not is_optional
    return render(request, "items/form.html", context, status=422 if is_refused else status_of(form))


@login_required
@require_GET
def item_due(request: HttpRequest) -> HttpResponse:
    """When an item such as the form describes would be due: a part of the form, for htmx."""
    due = _due({name: request.GET.get(name, "") for name in _DECIDING}, timezone.now())
    return render(request, "items/_due.html", {"due": due})


def _agree(
    request: HttpRequest, form: ItemForm, check_form: CheckForm | None, review: Review | None, now: datetime
) -> RemediationItem | None:
    """The act; a refusal is shown at its field and gives None."""
    values = {
        name: form.cleaned_data[name]
        for name in ("title", "description", "owner", "team", "service", "severity")
    }
    values |= {name: form.cleaned_data[name] for name in ("kind", "category", "tracker_url")}

    def agree() -> RemediationItem:
        return items.agree(
            **values,
            causes=list(form.cleaned_data.get("causes") or []),
            checks=[check_form.spec()] if check_form else [],
            due_at=form.due_at,
            review=review,
            origin="review" if review else "proactive",
            by=request.user,
            now=now,
        )

    try:
        return making.once(request, agree, made=lambda item: Made(record_url(item), f"{item}"))
    except NotAllowed:
        raise
    except making.MadeAlready as refusal:
        making.show(form, refusal)
    except Invalid as refusal:
        refusal.field = _FORM_FIELD.get(refusal.field, refusal.field)
        if refusal.field in form.fields or check_form is None:
            show_refusal(form, refusal)
        else:
            check_form.show_refusal(refusal)
    except DomainError as refusal:
        refusal.field = _FORM_FIELD.get(refusal.field, refusal.field)
        show_refusal(form, refusal)
    return None


# The act names a moment, the form asks for a day.
_FORM_FIELD = {"due_at": "due_date"}


def _is_examined(posted: QueryDict) -> bool:
    """Whether an exam proves the item, and nothing else was filled in."""
    written = (posted.get(f"check-{name}", "").strip() for name in ("promql", "command"))
    return posted.get("category") == RemediationItem.Category.PROCESS_DEFECT and not any(written)


def _say(request: HttpRequest, form: ItemForm, agreed: RemediationItem, trial: Trial | None) -> None:
    messages.success(request, hints.also(form, _("%(id)s is agreed.") % {"id": agreed}))
    if trial is None:
        return
    outcome = look("outcome", trial.outcome).word
    if trial.outcome == "error":
        words = _(
            "The query, tried before it was saved, gave no answer (%(error)s). "
            "The first run is still to come."
        )
        messages.warning(request, words % {"error": trial.error or outcome})
    else:
        words = _(
            "The query, tried before it was saved: %(outcome)s, value %(value)s. "
            "The first run is still to come."
        )
        messages.info(request, words % {"outcome": outcome, "value": trial.value})


# What the rows of the SLA look at, in the names of the form.
_DECIDING = ("severity", "category", "kind", "service", "team")
_MODELS: dict[str, Any] = {"severity": Severity, "service": Service, "team": Team}


def _policies() -> list[SlaPolicy]:
    return sla_policies.described(list(policies.rows()))


def _due(facts: dict[str, Any], now: datetime) -> policies.Explanation | None:
    """Which row decides and when it says, or None while severity or category is not chosen."""
    known: dict[str, Any] = {"kind": str(facts["kind"] or ""), "category": str(facts["category"] or "")}
    for name, model in _MODELS.items():
        key = str(facts[name] or "")
        is_key = key.isascii() and key.isdecimal() and len(key) < 10
        known[name] = model.objects.filter(pk=key).first() if is_key else None
    if known["severity"] is None or known["category"] not in RemediationItem.Category.values:
        return None
    found = policies.explain(**known, now=now)
    return found if found.policy is not None else None


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
