"""A pasted history, log or list of notes becomes entries: first shown, then stored."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from postmortem import moments, pasting, secrets, timelines, trail
from postmortem.errors import DomainError, Invalid
from postmortem.models import Entry, Incident, Participant
from postmortem.secrets import Masked
from web import drafts, maskwords
from web.forms.timelines import MOST_ROWS, PasteForm, Row, rows_of, rows_posted
from web.incidents import find_incident


@login_required
@require_http_methods(["GET", "POST"])
def timeline_paste(request: HttpRequest, public_id: str) -> HttpResponse:
    """Asks for the text, shows what it makes of it, and with `rows` stores what is ticked."""
    incident = find_incident(request, public_id)
    participant = get_object_or_404(
        incident.participants.select_related("user", "incident"), user=request.user
    )
    if request.method != "POST":
        day = timezone.localtime(incident.started_at).date()
        return _ask(request, incident, PasteForm(initial={"day": day}))
    if "rows" in request.POST:
        return _store(request, incident, participant)
    # The line above the button may hold the text as well.
    data = request.POST.copy()
    data.setdefault("text", data.get("line", ""))
    form = PasteForm(data)
    if not form.is_valid():
        return _ask(request, incident, form)
    zone = ZoneInfo(form.cleaned_data["zone"])
    reference = _reference(incident, form.cleaned_data["day"], zone)
    pieces = pasting.split(form.cleaned_data["text"], zone=zone, now=timezone.now(), reference=reference)
    rows = rows_of(pieces, zone)
    if len(rows) > MOST_ROWS:
        words = _("This makes %(count)d entries; %(most)d are the most at once. Paste less of it.")
        form.add_error("text", words % {"count": len(rows), "most": MOST_ROWS})
        return _ask(request, incident, form)
    return _show(request, incident, rows, zone.key)


def _reference(incident: Incident, day: Any, zone: ZoneInfo) -> datetime:
    if day is None or not 2000 <= day.year < 2100 or day == incident.started_at.astimezone(zone).date():
        return incident.started_at
    return datetime.combine(day, time(12), tzinfo=zone)


def _store(request: HttpRequest, incident: Incident, participant: Participant) -> HttpResponse:
    form = PasteForm(request.POST)
    form.is_valid()
    zone = ZoneInfo(form.cleaned_data.get("zone") or timezone.get_current_timezone_name())
    rows = rows_posted(request.POST)
    now = timezone.now()
    kept = [row for row in rows if row.is_kept]
    facts = [_facts(row, incident, zone, now) for row in kept]
    if not kept:
        return _show(request, incident, rows, zone.key, error=_("Tick what is to be stored."))
    if any(row.error for row in kept):
        return _show(request, incident, rows, zone.key)
    try:
        # A refusal must not leave an empty timeline behind.
        with trail.act("timelines.add_many", by=request.user):
            timelines.add_many(timelines.open_for(participant), entries=facts, by=request.user, now=now)
    except Invalid as refusal:
        row = refusal.details.get("row")
        if row is None:
            return _show(request, incident, rows, zone.key, error=refusal.message)
        kept[row].error = refusal.message
        return _show(request, incident, rows, zone.key)
    except DomainError as refusal:
        return _show(request, incident, rows, zone.key, error=refusal.message)
    drafts.close(request)
    words = ngettext("%(count)d entry is stored.", "%(count)d entries are stored.", len(kept))
    messages.success(request, words % {"count": len(kept)})
    if masked := [one for row in kept for one in secrets.mask_and_tell(row.text)[1]]:
        messages.warning(request, maskwords.count(masked))
    return redirect("web:timeline", incident.public_id)


def _facts(row: Row, incident: Incident, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """What a row says; one whose moment cannot be read gets an error."""
    facts = {"text": row.text, "kind": row.kind, "zone": zone.key}
    try:
        found = moments.read(row.at.strip(), reference=incident.started_at, zone=zone, now=now)
        if found is None or row.at.strip()[found.end :].strip():
            row.error = _("Write the moment, such as 2026-11-20 14:03, or leave this line out.")
            return facts
    except Invalid as refusal:
        row.error = refusal.message
        return facts
    return facts | {"happened_at": found.at, "zone": found.zone or zone.key}


def _ask(request: HttpRequest, incident: Incident, form: PasteForm) -> HttpResponse:
    drafts.attach(request, form)
    context = {"incident": incident, "form": form}
    return render(request, "timelines/paste.html", context, status=422 if form.errors else 200)


def _show(
    request: HttpRequest, incident: Incident, rows: list[Row], zone: str, *, error: str = ""
) -> HttpResponse:
    masked: list[Masked] = []
    for row in rows:
        row.masked = secrets.mask_and_tell(row.text)[1]
        masked += row.masked
    is_refused = bool(error) or any(row.error for row in rows)
    context = {
        "incident": incident,
        "rows": rows,
        "zone": zone,
        "error": error,
        "kinds": Entry.Kind.choices,
        "unclear_count": sum(not row.at for row in rows),
        "masked_count": len(masked),
        # What is stored here ends the draft of the text.
        "draft_page": request.POST.get("draft_page", ""),
    }
    return render(request, "timelines/preview.html", context, status=422 if is_refused else 200)


urlpatterns = [
    path("incidents/<slug:public_id>/timeline/paste", timeline_paste, name="timeline_paste"),
]
