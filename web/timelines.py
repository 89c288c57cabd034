"""A personal timeline: write it line by line, file it, excuse somebody who cannot."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from postmortem import access, secrets, timelines, trail
from postmortem.errors import DomainError
from postmortem.models import Entry, Incident, Participant, Timeline
from web.asking import ask
from web.forms import show_refusal
from web.forms.incidents import EntryForm, ReasonForm
from web.incidents import find_incident, may_excuse, record_url


@login_required
@require_http_methods(["GET", "POST"])
def timeline(request: HttpRequest, public_id: str) -> HttpResponse:
    """My own account; a POST adds one entry."""
    incident = find_incident(request, public_id)
    participant = incident.participants.filter(user=request.user).select_related("user").first()
    if participant is None:
        return render(request, "timelines/not_invited.html", {"incident": incident})
    mine = Timeline.objects.filter(participant=participant).first()
    if request.method != "POST":
        return _page(request, incident, participant, mine, EntryForm())
    form = EntryForm(request.POST)
    if form.is_valid():
        try:
            mine = _add(request, participant, incident, form.cleaned_data)
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            if not request.htmx:
                return redirect("web:timeline", public_id)
            form = EntryForm(initial={"kind": form.cleaned_data["kind"]})
    return _page(request, incident, participant, mine, form)


@login_required
@require_http_methods(["GET", "POST"])
def entry_edit(request: HttpRequest, pk: int) -> HttpResponse:
    entry = _own_entry(request, pk)
    incident = entry.timeline.participant.incident
    initial = {
        "happened_at": f"{timezone.localtime(entry.happened_at):%Y-%m-%d %H:%M:%S}",
        "kind": entry.kind,
        "marker": entry.marker,
        "is_starred": entry.is_starred,
        "text": entry.text,
    }
    form = EntryForm(request.POST if request.method == "POST" else None, initial=initial)

    def edit(data: dict[str, Any]) -> None:
        is_same_moment = data["happened_at"] == initial["happened_at"]
        facts = _fields(data, entry.happened_at) if not is_same_moment else _facts(data)
        timelines.edit(entry, **facts, by=request.user, now=timezone.now())
        _announce_secrets(request, data["text"])

    return ask(
        request,
        title=_("Edit an entry"),
        submit=_("Save"),
        done=_("Saved."),
        back=_timeline_url(incident),
        form=form,
        act=edit,
        is_allowed=True,
        template="timelines/entry.html",
        incident=incident,
    )


@login_required
@require_http_methods(["GET", "POST"])
def entry_remove(request: HttpRequest, pk: int) -> HttpResponse:
    entry = _own_entry(request, pk)
    return ask(
        request,
        title=_("Remove this entry?"),
        text=entry.text[:300],
        submit=_("Remove"),
        done=_("The entry is removed."),
        back=_timeline_url(entry.timeline.participant.incident),
        act=lambda _data: timelines.remove(entry, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def timeline_file(request: HttpRequest, public_id: str) -> HttpResponse:
    incident = find_incident(request, public_id)
    participant = get_object_or_404(incident.participants, user=request.user)

    def file(_data: dict[str, Any]) -> None:
        now = timezone.now()
        # A refusal must take back that the timeline was begun.
        with trail.act("timelines.file", by=request.user):
            timelines.file(timelines.open_for(participant), by=request.user, now=now)

    return ask(
        request,
        title=_("File your timeline?"),
        text=_("Everybody who may see the incident can then read it, and it cannot be changed any more."),
        submit=_("File my timeline"),
        done=_("Your timeline is filed. Thank you."),
        back=record_url(incident),
        act=file,
        is_allowed=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def timeline_excuse(request: HttpRequest, public_id: str, pk: int) -> HttpResponse:
    incident = find_incident(request, public_id)
    participant = get_object_or_404(incident.participants.select_related("user"), pk=pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    return ask(
        request,
        title=_("Excuse %(name)s?") % {"name": participant.user},
        text=_("The review can open without this timeline. The reason is kept and shown."),
        submit=_("Excuse"),
        done=_("%(name)s is excused.") % {"name": participant.user},
        back=f"{record_url(incident)}#people",
        form=form,
        act=lambda data: timelines.excuse(participant, reason=data["reason"], by=request.user, now=now),
        is_allowed=may_excuse(request.user, incident),
    )


def _page(
    request: HttpRequest, incident: Incident, participant: Participant, mine: Timeline | None, form: EntryForm
) -> HttpResponse:
    """The whole page, or for htmx the part of it that an added entry changes."""
    entries = list(mine.entries.all()) if mine is not None else []
    is_fixed = incident.review is not None and incident.review.is_archived
    context = {
        "incident": incident,
        "participant": participant,
        "timeline": mine,
        "entries": entries,
        "form": form,
        "zone": timezone.get_current_timezone_name(),
        "is_fixed": is_fixed,
        "may_write": not is_fixed and (mine is None or mine.filed_at is None),
        "now": timezone.now(),
    }
    if request.htmx:
        # The next line begins where the last one began.
        form.fields["happened_at"].widget.attrs["autofocus"] = True
    template = "timelines/_mine.html" if request.htmx else "timelines/detail.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _add(
    request: HttpRequest, participant: Participant, incident: Incident, data: dict[str, Any]
) -> Timeline:
    now = timezone.now()
    # A refused entry must not leave an empty timeline behind.
    with trail.act("timelines.add", by=request.user):
        mine = timelines.open_for(participant)
        timelines.add(mine, **_fields(data, _reference(incident, mine)), by=request.user, now=now)
    _announce_secrets(request, data["text"])
    return mine


def _fields(data: dict[str, Any], reference: datetime) -> dict[str, Any]:
    """All of an entry, its moment read in the reader's zone."""
    zone = timezone.get_current_timezone()
    moment = timelines.parse_moment(data["happened_at"], reference=reference, zone=zone, now=timezone.now())
    return _facts(data) | {"happened_at": moment, "zone": timezone.get_current_timezone_name()}


def _facts(data: dict[str, Any]) -> dict[str, Any]:
    """What an entry says, without its moment: one that was not retyped keeps its seconds and its zone."""
    return {name: data[name] for name in ("text", "kind", "marker", "is_starred")}


def _reference(incident: Incident, mine: Timeline | None) -> datetime:
    """What “14:03” and “+5m” are counted from: my last entry, or the start of the incident."""
    last = mine.entries.last() if mine is not None else None
    return last.happened_at if last is not None else incident.started_at


def _announce_secrets(request: HttpRequest, text: str) -> None:
    _masked, count = secrets.mask(text)
    if count:
        words = ngettext(
            "%(count)d secret was found in the text and masked before it was stored.",
            "%(count)d secrets were found in the text and masked before it was stored.",
            count,
        )
        messages.warning(request, words % {"count": count})


def _own_entry(request: HttpRequest, pk: int) -> Entry:
    """My own entry of an incident I may still see; anybody else's does not exist for me."""
    rows = Entry.objects.select_related("timeline__participant__incident", "timeline__participant__user")
    visible = access.incidents(request.user)
    return get_object_or_404(
        rows, pk=pk, timeline__participant__user=request.user, timeline__participant__incident__in=visible
    )


def _timeline_url(incident: Incident) -> str:
    return reverse("web:timeline", args=[incident.public_id])


urlpatterns = [
    path("incidents/<slug:public_id>/timeline/", timeline, name="timeline"),
    path("incidents/<slug:public_id>/timeline/file", timeline_file, name="timeline_file"),
    path("incidents/<slug:public_id>/people/<int:pk>/excuse", timeline_excuse, name="timeline_excuse"),
    path("entries/<int:pk>/edit", entry_edit, name="entry_edit"),
    path("entries/<int:pk>/remove", entry_remove, name="entry_remove"),
]
