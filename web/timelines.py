"""A personal timeline: write it line by line, file it, excuse somebody who cannot."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_POST

from governance import notices
from postmortem import access, evidence, pasting, reminders, secrets, timelines, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.models import MAX_TEXT, Entry, Incident, Participant, Timeline
from web import drafts, maskwords, version_links
from web.asking import ask
from web.forms import show_refusal
from web.forms.incidents import EntryForm, ReasonForm
from web.forms.timelines import LineForm
from web.incidents import find_incident, may_excuse, record_url
from web.uploads import takes_files


@login_required
@require_http_methods(["GET", "POST"])
@takes_files
def timeline(request: HttpRequest, public_id: str) -> HttpResponse:
    """My own account; a POST adds one line, with a file if there is one."""
    incident = find_incident(request, public_id)
    people = incident.participants.filter(user=request.user).select_related("user", "incident")
    participant = people.annotate(reminded_at=Max("reminders__sent_at")).first()
    if participant is None:
        return render(request, "timelines/not_invited.html", {"incident": incident})
    if request.method != "POST":
        return _page(request, incident, participant, LineForm())
    form = LineForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            _add(request, participant, form.cleaned_data)
        except DomainError as refusal:
            # Moment and text stand in one field here.
            refusal.field = {"happened_at": "line", "text": "line"}.get(refusal.field, refusal.field)
            show_refusal(form, refusal)
        else:
            if not request.htmx:
                return redirect("web:timeline", public_id)
            kind = form.cleaned_data["kind"]
            form = LineForm(initial={"kind": "note" if kind == "screenshot" else kind})
    return _page(request, incident, participant, form)


@login_required
@require_POST
def timeline_reading(request: HttpRequest, public_id: str) -> HttpResponse:
    """How the line would be read; nothing is stored."""
    incident = find_incident(request, public_id)
    participant = get_object_or_404(incident.participants.select_related("incident"), user=request.user)
    # Browsers send CRLF, and what is not typed yet is no fault.
    line = request.POST.get("line", "").replace("\r\n", "\n")
    context: dict[str, Any] = {"incident": incident, "now": timezone.now()}
    if line.strip():
        masked, found = secrets.mask_and_tell(line)
        zone = timezone.get_current_timezone()
        try:
            reading = timelines.read_line(masked, participant=participant, zone=zone, now=context["now"])
        except Invalid as refusal:
            context["refusal"] = refusal
        else:
            # With the leave that saving gives to clocks.
            is_ahead = reading.at > context["now"] + values.CLOCK_SKEW
            context |= {"reading": reading, "is_ahead": is_ahead}
        context["many"] = _count_events(line, incident, zone, context["now"])
        context["masked"] = maskwords.warning(found) if found else ""
    return render(request, "timelines/_reading.html", context)


def _count_events(line: str, incident: Incident, zone: Any, now: datetime) -> int:
    """How many events with a moment a text of several lines would be split into; 0 for one."""
    if "\n" not in line.strip() or len(line) > MAX_TEXT:
        return 0
    pieces = pasting.split(line, zone=zone, now=now, reference=incident.started_at)
    count = sum(piece.at is not None or piece.kind == "command" for piece in pieces)
    return count if count > 1 else 0


@login_required
@require_http_methods(["GET", "POST"])
def entry_edit(request: HttpRequest, pk: int) -> HttpResponse:
    entry = _own_entry(request, pk)
    incident = entry.timeline.participant.incident
    initial = {
        "happened_at": f"{timezone.localtime(entry.happened_at):%Y-%m-%d %H:%M:%S}",
        "kind": entry.kind,
        "marker": entry.marker,
        "milestone": entry.milestone,
        "is_starred": entry.is_starred,
        "text": entry.text,
    }
    form = EntryForm(request.POST if request.method == "POST" else None, initial=initial)

    def edit(data: dict[str, Any]) -> None:
        facts = _facts(data)
        if data["happened_at"] != initial["happened_at"]:
            moment = timelines.parse_moment(
                data["happened_at"],
                reference=entry.happened_at,
                zone=timezone.get_current_timezone(),
                now=timezone.now(),
            )
            facts |= {"happened_at": moment, "zone": timezone.get_current_timezone_name()}
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
        is_autosaved=True,
        template="timelines/entry.html",
        incident=incident,
    )


@login_required
@require_http_methods(["GET", "POST"])
def entry_remove(request: HttpRequest, pk: int) -> HttpResponse:
    entry = _own_entry(request, pk)
    return ask(
        request,
        title=pgettext("of a timeline", "Remove this entry?"),
        text=entry.text[:300],
        submit=_("Remove"),
        done=pgettext("of a timeline", "The entry is removed."),
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
def timeline_remind(request: HttpRequest, public_id: str, pk: int) -> HttpResponse:
    incident = find_incident(request, public_id)
    people = incident.participants.select_related("user", "incident__review")
    participant = get_object_or_404(people, pk=pk)
    return ask(
        request,
        title=_("Remind %(name)s?") % {"name": participant.user},
        text=_("They are asked for their timeline on their first page and in their notices."),
        submit=_("Remind"),
        done=_("%(name)s is reminded.") % {"name": participant.user},
        back=f"{record_url(incident)}#people",
        act=lambda _data: notices.remind(participant, by=request.user, now=timezone.now()),
        is_allowed=reminders.may_remind(participant.incident, request.user),
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


def _page(request: HttpRequest, incident: Incident, participant: Participant, form: LineForm) -> HttpResponse:
    """The whole page, or for htmx the part of it that an added entry changes."""
    mine = Timeline.objects.filter(participant=participant).select_related("excused_by").first()
    entries = list(mine.entries.prefetch_related("evidence")) if mine is not None else []
    version_links.counted(entries)
    is_fixed = incident.review is not None and incident.review.is_archived
    may_write = not is_fixed and (mine is None or mine.filed_at is None)
    if may_write:
        drafts.attach(request, form)
    context = {
        "incident": incident,
        "participant": participant,
        "timeline": mine,
        "entries": entries,
        "form": form,
        "zone": timezone.get_current_timezone_name(),
        "is_fixed": is_fixed,
        "may_write": may_write,
        "now": timezone.now(),
    }
    template = "timelines/_mine.html" if request.htmx else "timelines/detail.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _add(request: HttpRequest, participant: Participant, data: dict[str, Any]) -> None:
    now = timezone.now()
    zone = timezone.get_current_timezone()
    read = timelines.read_line(data["line"], participant=participant, zone=zone, now=now)
    facts = {name: data[name] for name in ("kind", "marker", "milestone", "is_starred")} | {
        "text": read.text,
        "happened_at": read.at,
        "zone": read.zone or timezone.get_current_timezone_name(),
    }
    text, masked = secrets.mask_and_tell(read.text)
    # A refused entry must not leave an empty timeline behind.
    with trail.act("timelines.add", by=request.user):
        mine = timelines.open_for(participant)
        # By the text, for "+5m" would count from that entry now.
        if drafts.is_closed(request) and mine.entries.filter(text=text, kind=data["kind"]).exists():
            return
        drafts.close(request)
        if upload := data["file"]:
            file = evidence.add_entry(
                mine, data=upload.read(), name=upload.name, by=request.user, now=now, **facts
            )[1]
            masked += file.masked
        else:
            timelines.add(mine, **facts, by=request.user, now=now)
    if masked:
        messages.warning(request, maskwords.sentence(masked))


def _facts(data: dict[str, Any]) -> dict[str, Any]:
    """What an entry says, without its moment: one that was not retyped keeps its seconds and its zone."""
    return {name: data[name] for name in ("text", "kind", "marker", "milestone", "is_starred")}


def _announce_secrets(request: HttpRequest, text: str) -> None:
    if found := secrets.mask_and_tell(text)[1]:
        messages.warning(request, maskwords.sentence(found))


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
    path("incidents/<slug:public_id>/timeline/reading", timeline_reading, name="timeline_reading"),
    path("incidents/<slug:public_id>/timeline/file", timeline_file, name="timeline_file"),
    path("incidents/<slug:public_id>/people/<int:pk>/remind", timeline_remind, name="timeline_remind"),
    path("incidents/<slug:public_id>/people/<int:pk>/excuse", timeline_excuse, name="timeline_excuse"),
    path("entries/<int:pk>/edit", entry_edit, name="entry_edit"),
    path("entries/<int:pk>/remove", entry_remove, name="entry_remove"),
]
