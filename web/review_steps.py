"""The four steps: write them, look at them rendered, sign them, reopen them."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from postmortem import access, markup, reviews
from postmortem.errors import DomainError, EditConflict, Invalid
from postmortem.models import Review, ReviewStep
from web import conflicts, drafts
from web.asking import ask
from web.forms import focus_refused, show_refusal
from web.forms.incidents import ReasonForm
from web.forms.reviews import StepForm
from web.review_page import find_review, review_page, review_url


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def step_write(request: HttpRequest, public_id: str, kind: str) -> HttpResponse:
    """Save a draft; drafts always save, however vague."""
    record, step = _find(request, public_id, kind)
    if request.method == "GET":
        # A refused form stands under this address, and is asked for again when the page is reloaded.
        return redirect(review_url(record, kind))
    access.need(request.user, User.Role.MEMBER)
    form = StepForm(request.POST, step=step)
    refused = _save(request, record, step, form)
    if refused is not None:
        return refused
    messages.success(request, _("Saved."))
    return redirect(review_url(record, kind))


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def step_sign(request: HttpRequest, public_id: str, kind: str) -> HttpResponse:
    """Sign what is stored. The button stands in the step's form, so what was typed is saved first."""
    record, step = _find(request, public_id, kind)
    if request.method == "GET":
        return redirect(review_url(record, kind))
    access.need(request.user, User.Role.MEMBER)
    if "version" in request.POST:
        form = StepForm(request.POST, step=step)
        refused = _save(request, record, step, form)
        if refused is not None:
            return refused
        if form.took_theirs:
            # A signature is under what was read.
            messages.warning(
                request,
                _("Somebody changed this step while you had it open: read it again, then sign it."),
            )
            return redirect(review_url(record, kind))
    try:
        reviews.sign(step, by=request.user, now=timezone.now())
    except DomainError as refusal:
        return _refused_signature(request, record, step, refusal)
    messages.success(request, _("Step %(number)d is signed.") % {"number": step.position})
    # On to the next step, which has just become the current one.
    return redirect(f"{review_url(record)}#steps")


@login_required
@require_http_methods(["GET", "POST"])
def step_reopen(request: HttpRequest, public_id: str, kind: str) -> HttpResponse:
    record, step = _find(request, public_id, kind)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    return ask(
        request,
        title=_("Reopen step %(number)d, %(step)s?")
        % {"number": step.position, "step": step.get_kind_display()},
        text=_(
            "Its signature goes, and later steps that were signed become stale: they must be signed again."
        ),
        submit=_("Reopen the step"),
        done=_("The step is open again."),
        back=review_url(record, kind),
        form=form,
        act=lambda data: reviews.reopen(step, reason=data["reason"], by=request.user, now=now),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_POST
def step_preview(request: HttpRequest, public_id: str, kind: str) -> HttpResponse:
    """What the typed text looks like; stores nothing."""
    _record, step = _find(request, public_id, kind)
    form = StepForm(request.POST, step=step)
    form.is_valid()
    texts = {name: form.cleaned_data.get(name, "") for name in ("finding", "evidence")}
    context: dict[str, Any] = {"step": step, "form": form, "problem": ""}
    try:
        context["rendered"] = [
            (form.fields[name].label, markup.render(text, field=name))
            for name, text in texts.items()
            if text.strip()
        ]
    except Invalid as refusal:
        context["problem"] = refusal.message
    return render(request, "reviews/_preview.html", context)


def _find(request: HttpRequest, public_id: str, kind: str) -> tuple[Review, ReviewStep]:
    record = find_review(request, public_id)
    return record, get_object_or_404(record.steps, kind=kind)


def _save(request: HttpRequest, record: Review, step: ReviewStep, form: StepForm) -> HttpResponse | None:
    """Store the typed text; the page with everything typed when that is refused, None when it is stored."""
    conflicts.merge(form)
    if form.is_conflict:
        return review_page(request, record, bound=form, bound_kind=step.kind, status=409)
    if not form.is_valid():
        focus_refused(form)
        return review_page(request, record, bound=form, bound_kind=step.kind, status=422)
    data = form.cleaned_data
    if (data["finding"], data["evidence"], data["version"]) == (step.finding, step.evidence, step.version):
        drafts.close(request)
        return None
    try:
        reviews.write(step, by=request.user, now=timezone.now(), **data)
    except EditConflict:
        # `retried` begins again with what is stored by now.
        raise
    except DomainError as refusal:
        show_refusal(form, refusal)
        focus_refused(form)
        return review_page(request, record, bound=form, bound_kind=step.kind, status=422)
    drafts.close(request)
    return None


def _refused_signature(
    request: HttpRequest, record: Review, step: ReviewStep, refusal: DomainError
) -> HttpResponse:
    """The page with the refusal in the form of its step, over the words that are stored by now."""
    step.refresh_from_db()
    record.refresh_from_db()
    if step.is_signed or record.opened_at is None or record.is_archived:
        # Meanwhile the form has gone.
        messages.error(request, refusal.message)
        return redirect(review_url(record, step.kind))
    stored = {"finding": step.finding, "evidence": step.evidence, "version": step.version}
    form = StepForm(stored, step=step)
    show_refusal(form, refusal)
    focus_refused(form)
    return review_page(request, record, bound=form, bound_kind=step.kind, status=409)


_STEP = "reviews/<slug:public_id>/steps/<slug:kind>"

urlpatterns = [
    path(f"{_STEP}/write", step_write, name="step_write"),
    path(f"{_STEP}/sign", step_sign, name="step_sign"),
    path(f"{_STEP}/reopen", step_reopen, name="step_reopen"),
    path(f"{_STEP}/preview", step_preview, name="step_preview"),
]
