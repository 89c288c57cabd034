"""Documents from elsewhere: take them in, see what was understood, confirm it."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from postmortem import access, imports
from postmortem.errors import DomainError
from postmortem.importing.draft import Draft, Moment
from postmortem.models import ImportedDocument
from web.asking import ask
from web.forms import show_refusal
from web.forms.imports import AcceptanceForm, DocumentForm
from web.paging import page_of
from web.uploads import takes_files

MOST_FILES = 20

DOUBTS: dict[str, str | Promise] = {
    "no_time": gettext_lazy("no time is given"),
    "no_day": gettext_lazy("no day is given"),
    "no_year": gettext_lazy("no year is given"),
    "no_such_day": gettext_lazy("there is no such day"),
    "year_guessed": gettext_lazy("the year is not stated"),
    "day_or_month": gettext_lazy("day and month may be swapped"),
    "day_of_file": gettext_lazy("the day is that of the file, not stated for the incident"),
    "day_unsure": gettext_lazy("the time goes back, so the day is unclear"),
    "days_disagree": gettext_lazy("the document names several days"),
    "goes_back": gettext_lazy("it lies before the entry above"),
    "half_of_day": gettext_lazy("morning or afternoon is unclear"),
    "far_from_document": gettext_lazy("it is far from the dates of the document"),
    "contradicted": gettext_lazy("the document contradicts it"),
    "first_entry": gettext_lazy("only the first entry of the timeline"),
    "last_entry": gettext_lazy("only the last entry of the timeline"),
    "several_ends": gettext_lazy("several entries tell of an end"),
    "several_incidents": gettext_lazy("the document tells of several incidents"),
    "trouble_after": gettext_lazy("later entries tell of trouble again"),
    "zone_ambiguous": gettext_lazy("the abbreviation has several meanings"),
    "zone_unknown": gettext_lazy("the zone is not known"),
    "zone_not_in_force": gettext_lazy("summer and winter time do not fit the date"),
    "several_zones": gettext_lazy("several zones are used"),
    "several_durations": gettext_lazy("several durations are given"),
    "approximate": gettext_lazy("approximate"),
    "named_in_prose": gettext_lazy("only named in passing"),
}


@dataclass(frozen=True)
class Piece:
    """A stretch of the source: `kind` "" is what was not placed."""

    text: str
    kind: str
    label: str


@login_required
@require_http_methods(["GET", "POST"])
@takes_files
def import_list(request: HttpRequest) -> HttpResponse:
    access.need(request.user, "member")
    form = DocumentForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and (added := _add_all(request, form)):
        if len(added) == 1:
            return redirect("web:import", added[0].public_id)
        messages.success(request, _("%(count)d documents were read.") % {"count": len(added)})
        return redirect("web:imports")
    rows = access.imports(request.user).select_related("incident", "review").with_titles()
    page = page_of(rows, request.GET, by="imported_at", is_descending=True)
    context = {"form": form, "page": page}
    return render(request, "imports/list.html", context, status=422 if form.errors else 200)


def _add_all(request: HttpRequest, form: DocumentForm) -> list[ImportedDocument]:
    """Each file and the pasted text; those that are refused are named, and the others are kept."""
    added: list[ImportedDocument] = []
    files = request.FILES.getlist("files")
    if len(files) > MOST_FILES:
        form.add_error("files", _("%(count)d files at a time are the most.") % {"count": MOST_FILES})
        return []
    for file in files:
        name = (file.name or "")[-200:]
        try:
            text = imports.decoded(file.read())
            added.append(imports.add(source=text, file_name=name, by=request.user, now=timezone.now()))
        except DomainError as refusal:
            form.add_error("files", f"{name}: {refusal.message}")
    if form.cleaned_data["source"].strip():
        try:
            added.append(imports.add(source=form.cleaned_data["source"], by=request.user, now=timezone.now()))
        except DomainError as refusal:
            show_refusal(form, refusal)
    elif not files:
        form.add_error("source", _("Choose a file or paste a text."))
    if added and form.errors:
        for problems in form.errors.values():
            for problem in problems:
                messages.error(request, problem)
    return added


@login_required
@require_http_methods(["GET", "POST"])
def import_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    document = _find(request, public_id)
    if document.review is not None:
        return redirect("web:review", document.review.public_id)
    now = timezone.now()
    form = AcceptanceForm(request.POST if request.method == "POST" else None, document=document, now=now)
    if form.is_valid():
        try:
            done = imports.accept(document, **form.facts(), by=request.user, now=now)
        except DomainError as refusal:
            field = "origin" if refusal.field == "services" else refusal.field
            form.add_error(field if field in form.fields else None, refusal.message)
        else:
            messages.success(
                request, _("Taken in. Your timeline is not filed yet: look it over, then file it.")
            )
            return redirect("web:review", done.review.public_id)
    draft = form.draft
    texts = imports.texts_of(draft, [entry for _number, entry in form.unsettled])
    context = {
        "document": document,
        "heading": draft.title.value if draft.title else document.file_name or document.public_id,
        "draft": draft,
        "form": form,
        "pieces": _pieces(document.source, draft),
        "sure_entries": sum(entry.moment.is_sure for entry in draft.entries),
        "doubtful": [
            (entry, text, _reasons(entry.moment), form[f"entry_{number}"])
            for (number, entry), text in zip(form.unsettled, texts, strict=True)
        ],
        "hints": _hints(draft),
    }
    return render(request, "imports/detail.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def import_discard(request: HttpRequest, public_id: str) -> HttpResponse:
    document = _find(request, public_id)
    return ask(
        request,
        title=_("Throw %(id)s away?") % {"id": document},
        text=_("The document and what was read from it are deleted. Nothing was made of it yet."),
        submit=_("Throw away"),
        done=_("Thrown away."),
        back=reverse("web:imports"),
        act=lambda _data: imports.discard(document, by=request.user, now=timezone.now()),
        is_allowed=True,
    )


def _find(request: HttpRequest, public_id: str) -> ImportedDocument:
    return get_object_or_404(access.imports(request.user).select_related("review"), public_id=public_id)


def _reasons(moment: Moment) -> str:
    return ", ".join(str(DOUBTS.get(code, code)) for code in moment.doubts)


def _hints(draft: Draft) -> dict[str, str]:
    """Beside each fact that is not filled in: what the document suggests, and why it is not sure."""
    found: dict[str, str] = {}
    moments = {"started_at": draft.started, "detected_at": draft.detected, "resolved_at": draft.ended}
    for name, moment in moments.items():
        if moment and moment.local and not moment.is_sure:
            found[name] = _("The document suggests %(moment)s: %(why)s.") % {
                "moment": moment.local.replace("T", " "),
                "why": _reasons(moment),
            }
    if draft.zone and draft.zone.doubts:
        why = ", ".join(str(DOUBTS.get(code, code)) for code in draft.zone.doubts)
        found["zone"] = _("The document suggests %(moment)s: %(why)s.") % {
            "moment": draft.zone.value or "?",
            "why": why,
        }
    if draft.severity:
        found["severity"] = _("The document says: %(said)s") % {"said": draft.severity.value}
    if named := [said.value for said in draft.services if not said.is_sure]:
        found["origin"] = _("Named in passing: %(names)s") % {"names": ", ".join(named)}
    return found


_TARGETS: dict[str, str | Promise] = {
    "summary": gettext_lazy("Summary"),
    "phenomenon": gettext_lazy("Phenomenon"),
    "metric_anomaly": gettext_lazy("Metric anomaly"),
    "change_correlation": gettext_lazy("Change correlation"),
    "root_cause": gettext_lazy("Root-cause verification"),
    "went_well": gettext_lazy("What went well"),
    "went_badly": gettext_lazy("What went badly"),
    "luck": gettext_lazy("Where luck played in"),
}


def _pieces(source: str, draft: Draft) -> list[Piece]:
    """The source in order, with what each stretch was understood as."""
    spans: list[tuple[int, int, str, str]] = []
    for entry in draft.entries:
        kind = "entry" if entry.moment.is_sure else "doubt"
        label = entry.moment.local.replace("T", " ") if entry.moment.is_sure else _reasons(entry.moment)
        spans.append((entry.start, entry.end, kind, label))
    spans += [(one.start, one.end, "action", _("Proposed action")) for one in draft.actions]
    spans += [
        (one.start, one.end, "field", str(_TARGETS.get(one.target, one.target))) for one in draft.sections
    ]
    if draft.title:
        spans.append((draft.title.start, draft.title.end, "field", _("Title")))
    pieces: list[Piece] = []
    at = 0
    for start, end, kind, label in sorted(spans):
        if start < at or end <= start:
            continue
        if source[at:start]:
            pieces.append(Piece(source[at:start], "", ""))
        pieces.append(Piece(source[start:end], kind, label))
        at = end
    return [*pieces, Piece(source[at:], "", "")]


urlpatterns = [
    path("imports/", import_list, name="imports"),
    path("imports/<slug:public_id>/", import_detail, name="import"),
    path("imports/<slug:public_id>/discard", import_discard, name="import_discard"),
]
