"""Events of other systems, for administrators: the systems, what they sent, what became of it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from governance import eventsources, inbox
from governance.models import MOST_SECRETS, EventSecret, EventSource, InboundEvent
from postmortem import access
from postmortem.errors import DomainError, Invalid, NotAllowed
from web.asking import ask
from web.forms import show_refusal
from web.forms.events import FORMS, EventFilters, SecretForm
from web.paging import page_of

_SECRET_FIELDS = {"api_token", "gate_token"}


@login_required
@require_GET
def source_list(request: HttpRequest) -> HttpResponse:
    access.need(request.user, "administrator")
    failed = Count("events", filter=Q(events__state=InboundEvent.State.FAILED))
    rows = EventSource.objects.select_related("acts_as").annotate(failed=failed)
    context = {"sources": rows, "kinds": EventSource.Kind.choices, "section": "events"}
    return render(request, "settings/event_sources.html", context)


@sensitive_variables("secret")
@login_required
@require_http_methods(["GET", "POST"])
def source_new(request: HttpRequest) -> HttpResponse:
    """Name a system; its secret is in this one answer only."""
    access.need(request.user, "administrator")
    data = request.POST if request.method == "POST" else None
    kind = (data or request.GET).get("kind", "alertmanager")
    if kind not in FORMS:
        raise Http404
    form = FORMS[kind](data, initial=_suggested(kind, request))
    form.ask_for_all()
    if form.is_valid():
        try:
            source, secret = eventsources.add(
                kind=kind, **form.cleaned_data, by=request.user, now=timezone.now()
            )
        except NotAllowed:
            raise
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            return _page(request, source, form=_form_of(source), secret=secret)
    context = {"form": form, "kind": kind, "kind_name": EventSource.Kind(kind).label, "section": "events"}
    return render(request, "settings/event_source_new.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def source_edit(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, "administrator")
    source = get_object_or_404(EventSource, pk=pk)
    form = _form_of(source, request.POST if request.method == "POST" else None)
    if form.is_valid():
        is_enabled = request.POST.get("is_enabled") == "on"
        try:
            eventsources.edit(
                source, **form.cleaned_data, is_enabled=is_enabled, by=request.user, now=timezone.now()
            )
        except NotAllowed:
            raise
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("Saved. Events are understood so from now on."))
            return redirect("web:event_source", pk)
    return _page(request, source, form=form)


@sensitive_variables("secret")
@login_required
@require_POST
def secret_issue(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a further secret in force; a new one is in this one answer only."""
    source = get_object_or_404(EventSource, pk=pk)
    form = SecretForm(request.POST, auto_id="secret_%s")
    typed = form.cleaned_data["secret"] if form.is_valid() else ""
    try:
        _made, secret = eventsources.issue(source, text=typed, by=request.user, now=timezone.now())
    except Invalid as refusal:
        show_refusal(form, refusal)
        return _page(request, source, form=_form_of(source), secret_form=form)
    if typed:
        messages.success(request, _("The secret is in force beside the older one."))
        return redirect("web:event_source", pk)
    return _page(request, source, form=_form_of(source), secret=secret)


@login_required
@require_http_methods(["GET", "POST"])
def secret_retire(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, "administrator")
    secret = get_object_or_404(EventSecret.objects.select_related("source"), pk=pk)
    return ask(
        request,
        title=_("Retire a secret of “%(source)s”?") % {"source": secret.source},
        text=_("What is proved by it is refused from now on, and it is forgotten."),
        submit=_("Retire the secret"),
        done=_("The secret is retired."),
        back=reverse("web:event_source", args=[secret.source_id]),
        act=lambda _data: eventsources.retire(secret, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


@login_required
@require_GET
def event_list(request: HttpRequest) -> HttpResponse:
    filters = EventFilters(request.GET)
    rows = _chosen(inbox.log(request.user), filters)
    page = page_of(rows, request.GET, by="received_at", is_descending=True)
    context = {
        "page": page,
        "filters": filters,
        "is_narrowed": filters.is_narrowed,
        "now": timezone.now(),
        "section": "events",
    }
    return render(request, "settings/events.html", context)


@login_required
@require_GET
def event(request: HttpRequest, pk: int) -> HttpResponse:
    record = get_object_or_404(inbox.log(request.user).select_related("decision"), pk=pk)
    context = {
        "event": record,
        "shown": inbox.shown(record),
        "digest": bytes(record.sha256).hex(),
        "now": timezone.now(),
        "section": "events",
    }
    return render(request, "settings/event.html", context)


@login_required
@require_POST
def event_replay(request: HttpRequest, pk: int) -> HttpResponse:
    record = get_object_or_404(inbox.log(request.user), pk=pk)
    inbox.replay(record, by=request.user, now=timezone.now())
    messages.success(request, _("It is dealt with again within seconds."))
    return redirect("web:event", pk)


def _page(
    request: HttpRequest, source: EventSource, *, form: Any, secret: str = "", secret_form: Any = None
) -> HttpResponse:
    in_force = list(source.secrets.filter(retired_at=None))
    context = {
        "form": form,
        "source": source,
        "secret": secret,
        "secrets": in_force,
        "may_issue": len(in_force) < MOST_SECRETS,
        "may_retire": len(in_force) > 1,
        "secret_form": secret_form or SecretForm(auto_id="secret_%s"),
        "address": f"{settings.PUBLIC_URL}{reverse('receive_event', args=[source.key])}",
        "now": timezone.now(),
        "section": "events",
    }
    is_refused = form.errors or context["secret_form"].errors
    return render(request, "settings/event_source.html", context, status=422 if is_refused else 200)


def _form_of(source: EventSource, data: Any = None) -> Any:
    form = FORMS[source.kind]
    shown = [name for name in form.base_fields if name not in _SECRET_FIELDS]
    initial = {name: getattr(source, name) for name in shown}
    for name in ("acts_as", "fallback_service", "fallback_severity"):
        if name in initial:
            initial[name] = getattr(source, f"{name}_id")
    return form(data, initial=initial)


def _suggested(kind: str, request: HttpRequest) -> dict[str, Any]:
    return {"acts_as": request.user.pk} | eventsources.suggested(kind)


def _chosen(rows: QuerySet[InboundEvent], filters: EventFilters) -> QuerySet[InboundEvent]:
    if source := filters.value("source"):
        rows = rows.filter(source_id=int(source))
    if state := filters.value("state"):
        rows = rows.filter(state=state)
    if text := filters.value("q"):
        rows = rows.filter(
            Q(outcome__icontains=text) | Q(error__icontains=text) | Q(event_type__icontains=text)
        )
    return rows


urlpatterns = [
    path("settings/events/", event_list, name="events"),
    path("settings/events/<int:pk>/", event, name="event"),
    path("settings/events/<int:pk>/replay", event_replay, name="event_replay"),
    path("settings/event-sources/", source_list, name="event_sources"),
    path("settings/event-sources/new", source_new, name="event_source_new"),
    path("settings/event-sources/<int:pk>/", source_edit, name="event_source"),
    path("settings/event-sources/<int:pk>/secrets", secret_issue, name="event_secret_issue"),
    path("settings/event-secrets/<int:pk>/retire", secret_retire, name="event_secret_retire"),
]
