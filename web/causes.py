"""Causes of an incident: suppose, ask why, settle with evidence, name the primary one."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from postmortem import access, causes
from postmortem.drafts import Made
from postmortem.errors import DomainError, EditConflict, NotAllowed
from postmortem.models import Review, RootCause
from remediation import plan
from web import conflicts, drafts, hints, making
from web.asking import ask
from web.forms import show_refusal
from web.forms.causes import CauseForm, NewCauseForm, SettleForm, WhysForm
from web.review_page import find_review, review_url


@login_required
@require_http_methods(["GET", "POST"])
def cause_new(request: HttpRequest, public_id: str) -> HttpResponse:
    review = find_review(request, public_id)
    form = NewCauseForm(request.POST if request.method == "POST" else None)
    form.hint_review = review
    now = timezone.now()
    return ask(
        request,
        title=_("Add a cause to %(id)s") % {"id": review},
        text=_("It begins as a hypothesis; settle it when evidence shows that it held, or did not."),
        submit=_("Add the cause"),
        done=hints.also(form, _("The cause is added.")),
        back=causes_url(review),
        form=form,
        act=lambda data: causes.record(review, **data, by=request.user, now=now),
        made=lambda cause: Made(causes_url(review), making.words(cause.statement)),
        is_allowed=_may(request),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def cause_edit(request: HttpRequest, pk: int) -> HttpResponse:
    cause = find_cause(request, pk)
    form = CauseForm(request.POST if request.method == "POST" else None, cause=cause)
    form.hint_review = cause.review
    now = timezone.now()
    return ask(
        request,
        title=_("Edit a cause"),
        submit=_("Save"),
        done=hints.also(form, _("Saved.")),
        back=causes_url(cause.review),
        form=form,
        act=lambda data: causes.edit(cause, **data, by=request.user, now=now),
        is_allowed=_may(request),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def cause_settle(request: HttpRequest, pk: int) -> HttpResponse:
    cause = find_cause(request, pk)
    initial = {"state": cause.state, "evidence": cause.evidence, "version": cause.version}
    form = SettleForm(request.POST if request.method == "POST" else None, initial=initial)
    now = timezone.now()
    return ask(
        request,
        title=_("Did this cause hold?"),
        text=cause.statement,
        submit=_("Save"),
        done=_("Saved."),
        back=causes_url(cause.review),
        form=form,
        act=lambda data: causes.settle(cause, **data, by=request.user, now=now),
        is_allowed=_may(request),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def cause_primary(request: HttpRequest, pk: int) -> HttpResponse:
    cause = find_cause(request, pk)
    return ask(
        request,
        title=_("Make this the primary root cause?"),
        text=cause.statement,
        submit=_("Make it primary"),
        done=_("The primary root cause is named."),
        back=causes_url(cause.review),
        act=lambda _data: causes.make_primary(cause, by=request.user, now=timezone.now()),
        is_allowed=_may(request),
    )


@login_required
@require_http_methods(["GET", "POST"])
def cause_remove(request: HttpRequest, pk: int) -> HttpResponse:
    cause = find_cause(request, pk)
    return ask(
        request,
        title=_("Remove this cause?"),
        text=cause.statement,
        submit=_("Remove"),
        done=_("The cause is removed."),
        back=causes_url(cause.review),
        act=lambda _data: plan.remove_cause(cause, by=request.user, now=timezone.now()),
        is_allowed=_may(request),
        is_danger=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def cause_whys(request: HttpRequest, pk: int) -> HttpResponse:
    """The chain of whys, all of it in one form."""
    cause = find_cause(request, pk)
    if not _may(request):
        raise NotAllowed(_("Your role does not allow this."))
    form = WhysForm(request.POST if request.method == "POST" else None, cause=cause)
    theirs, status = None, 200
    if form.is_bound and form.is_valid():
        data = {"whys": form.chain(), "version": form.cleaned_data["version"]}
        try:
            causes.explain(cause, **data, by=request.user, now=timezone.now())
        except EditConflict as refusal:
            theirs, status = refusal.details["theirs"]["whys"], 409
            # What was typed stays, ready to be saved over the version it did not know.
            form.data = form.data.copy()
            form.data["version"] = str(refusal.details["version"])
        except NotAllowed:
            raise
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            drafts.close(request)
            messages.success(request, _("Saved."))
            return redirect(causes_url(cause.review))
    drafts.attach(request, form)
    context = {"cause": cause, "review": cause.review, "form": form, "theirs": theirs}
    return render(request, "causes/whys.html", context, status=422 if form.errors else status)


def find_cause(request: HttpRequest, pk: int) -> RootCause:
    """The cause, if this reader may see its review."""
    visible = access.reviews(request.user)
    rows = RootCause.objects.select_related("review", "cause_class")
    return get_object_or_404(rows, pk=pk, review__in=visible)


def _may(request: HttpRequest) -> bool:
    return request.user.is_at_least("member")


def causes_url(review: Review) -> str:
    return f"{review_url(review)}#causes"


urlpatterns = [
    path("reviews/<slug:public_id>/causes/new", cause_new, name="cause_new"),
    path("causes/<int:pk>/edit", cause_edit, name="cause_edit"),
    path("causes/<int:pk>/settle", cause_settle, name="cause_settle"),
    path("causes/<int:pk>/whys", cause_whys, name="cause_whys"),
    path("causes/<int:pk>/primary", cause_primary, name="cause_primary"),
    path("causes/<int:pk>/remove", cause_remove, name="cause_remove"),
]
