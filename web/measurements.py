"""Measurements of step 2: fetch a metric, try a query, state a value by hand, take one off again."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from postmortem import access, measurements
from postmortem.drafts import Made
from postmortem.errors import DomainError
from postmortem.models import Incident, MetricSnapshot, Review, ReviewStep
from remediation import snapshots
from remediation.models import DataSource
from web import making, step_evidence
from web.asking import ask
from web.forms import show_refusal
from web.forms.evidence import FetchForm, StateForm
from web.review_page import find_review, incidents_of, review_url

_AROUND = timedelta(minutes=30)


@login_required
@require_http_methods(["GET", "POST"])
def measurement_fetch(request: HttpRequest, public_id: str) -> HttpResponse:
    """Fetch once and keep. The query runs with no transaction open, for at most some seconds."""
    record = find_review(request, public_id)
    access.need(request.user, "member")
    now = timezone.now()
    initial = _window(incidents_of(record, request.user), now)
    form = FetchForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            snapshots.take(record, **form.cleaned_data, by=request.user, now=now)
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("Fetched and kept. It will not be asked again."))
            return redirect(_step_url(record))
    context = {
        "form": form,
        "review": record,
        "has_sources": DataSource.objects.exists(),
        "back": _step_url(record),
    }
    return render(request, "reviews/measurement_fetch.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def measurement_try(request: HttpRequest, public_id: str) -> HttpResponse:
    """What the query would show; a part of the page, for htmx. Nothing is kept."""
    record = find_review(request, public_id)
    measurements.refuse_closed(record, by=request.user)
    form, now = FetchForm(request.POST), timezone.now()
    # The title may still be empty: it is what the query is tried for.
    form.fields["title"].required = False
    shown = None
    if form.is_valid():
        asked = {name: form.cleaned_data[name] for name in ("source", "promql", "window_start", "window_end")}
        try:
            fetched = snapshots.fetch(**asked, now=now)
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            tried = measurements.unsaved(fetched, title=_("What would be kept"))
            shown = step_evidence.measured(tried, incidents_of(record, request.user))
    return render(request, "reviews/_measurement_tried.html", {"shown": shown, "form": form})


@login_required
@require_http_methods(["GET", "POST"])
def measurement_state(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    now = timezone.now()
    initial = _window(incidents_of(record, request.user), now)
    form = StateForm(request.POST if request.method == "POST" else None, initial=initial)
    return ask(
        request,
        title=_("State a value"),
        text=_("For what nobody can fetch any more. It is shown as stated, not fetched."),
        submit=_("State it"),
        done=_("The value is stated."),
        back=_step_url(record),
        form=form,
        act=lambda data: measurements.state(record, **data, by=request.user, now=now),
        made=lambda snapshot: Made(_step_url(record), making.words(snapshot.title)),
        is_allowed=request.user.is_at_least("member"),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def measurement_remove(request: HttpRequest, pk: int) -> HttpResponse:
    snapshot = get_object_or_404(
        MetricSnapshot.objects.select_related("step__review"),
        pk=pk,
        step__review__in=access.reviews(request.user),
    )
    return ask(
        request,
        title=_("Remove this measurement?"),
        text=snapshot.title,
        submit=_("Remove"),
        done=_("The measurement is removed."),
        back=_step_url(snapshot.step.review),
        act=lambda _data: measurements.remove(snapshot, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
        is_danger=True,
    )


def _window(incidents: list[Incident], now: datetime) -> dict[str, Any]:
    """From half an hour before the first impact to half an hour after the last end."""
    if not incidents:
        return {}
    ends = [one.resolved_at or one.mitigated_at or one.started_at for one in incidents]
    start, end = min(one.started_at for one in incidents) - _AROUND, min(max(ends) + _AROUND, now)
    return {
        "window_start": start.replace(second=0, microsecond=0),
        "window_end": end.replace(second=0, microsecond=0),
    }


def _step_url(record: Review) -> str:
    return review_url(record, ReviewStep.Kind.METRIC_ANOMALY)


_OF_REVIEW = "reviews/<slug:public_id>/measurements"

urlpatterns = [
    path(f"{_OF_REVIEW}/fetch", measurement_fetch, name="measurement_fetch"),
    path(f"{_OF_REVIEW}/try", measurement_try, name="measurement_try"),
    path(f"{_OF_REVIEW}/state", measurement_state, name="measurement_state"),
    path("measurements/<int:pk>/remove", measurement_remove, name="measurement_remove"),
]
