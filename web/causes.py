"""Causes of an incident: suppose, settle with evidence, name the primary one."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from postmortem import access, causes
from postmortem.models import Review, RootCause
from remediation import plan
from web.asking import ask
from web.forms.reviews import CauseForm, NewCauseForm, SettleForm
from web.review_page import find_review, review_url


@login_required
@require_http_methods(["GET", "POST"])
def cause_new(request: HttpRequest, public_id: str) -> HttpResponse:
    review = find_review(request, public_id)
    form = NewCauseForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    return ask(
        request,
        title=_("Add a cause to %(id)s") % {"id": review},
        text=_("It begins as a hypothesis; settle it when evidence shows that it held, or did not."),
        submit=_("Add the cause"),
        done=_("The cause is added."),
        back=_causes_url(review),
        form=form,
        act=lambda data: causes.record(review, **data, by=request.user, now=now),
        is_allowed=_may(request),
    )


@login_required
@require_http_methods(["GET", "POST"])
def cause_edit(request: HttpRequest, pk: int) -> HttpResponse:
    cause = _find(request, pk)
    initial = {"statement": cause.statement, "part": cause.part}
    form = CauseForm(request.POST if request.method == "POST" else None, initial=initial)
    now = timezone.now()
    return ask(
        request,
        title=_("Edit a cause"),
        submit=_("Save"),
        done=_("Saved."),
        back=_causes_url(cause.review),
        form=form,
        act=lambda data: causes.edit(cause, **data, by=request.user, now=now),
        is_allowed=_may(request),
    )


@login_required
@require_http_methods(["GET", "POST"])
def cause_settle(request: HttpRequest, pk: int) -> HttpResponse:
    cause = _find(request, pk)
    initial = {"state": cause.state, "evidence": cause.evidence}
    form = SettleForm(request.POST if request.method == "POST" else None, initial=initial)
    now = timezone.now()
    return ask(
        request,
        title=_("Did this cause hold?"),
        text=cause.statement,
        submit=_("Save"),
        done=_("Saved."),
        back=_causes_url(cause.review),
        form=form,
        act=lambda data: causes.settle(cause, **data, by=request.user, now=now),
        is_allowed=_may(request),
    )


@login_required
@require_http_methods(["GET", "POST"])
def cause_primary(request: HttpRequest, pk: int) -> HttpResponse:
    cause = _find(request, pk)
    return ask(
        request,
        title=_("Make this the primary root cause?"),
        text=cause.statement,
        submit=_("Make it primary"),
        done=_("The primary root cause is named."),
        back=_causes_url(cause.review),
        act=lambda _data: causes.make_primary(cause, by=request.user, now=timezone.now()),
        is_allowed=_may(request),
    )


@login_required
@require_http_methods(["GET", "POST"])
def cause_remove(request: HttpRequest, pk: int) -> HttpResponse:
    cause = _find(request, pk)
    return ask(
        request,
        title=_("Remove this cause?"),
        text=cause.statement,
        submit=_("Remove"),
        done=_("The cause is removed."),
        back=_causes_url(cause.review),
        act=lambda _data: plan.remove_cause(cause, by=request.user, now=timezone.now()),
        is_allowed=_may(request),
        is_danger=True,
    )


def _find(request: HttpRequest, pk: int) -> RootCause:
    visible = access.reviews(request.user)
    return get_object_or_404(RootCause.objects.select_related("review"), pk=pk, review__in=visible)


def _may(request: HttpRequest) -> bool:
    return request.user.is_at_least("member")


def _causes_url(review: Review) -> str:
    return f"{review_url(review)}#causes"


urlpatterns = [
    path("reviews/<slug:public_id>/causes/new", cause_new, name="cause_new"),
    path("causes/<int:pk>/edit", cause_edit, name="cause_edit"),
    path("causes/<int:pk>/settle", cause_settle, name="cause_settle"),
    path("causes/<int:pk>/primary", cause_primary, name="cause_primary"),
    path("causes/<int:pk>/remove", cause_remove, name="cause_remove"),
]
