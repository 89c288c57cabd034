"""Evidence files: shown and sent to whom they are open, attached, taken off again."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from postmortem import access, evidence, filetypes, vault
from postmortem.models import Entry, EvidenceFile
from web import maskwords
from web.asking import ask
from web.incidents import find_incident, record_url
from web.uploads import FileField, takes_files

# What a file may do in a browser: nothing. It stands in an origin of its own and loads nothing.
POLICY = "sandbox; default-src 'none'"


class FileForm(forms.Form):
    """One file to attach."""

    file = FileField()


@login_required
@require_safe
def evidence_file(request: HttpRequest, pk: int) -> FileResponse:
    return send(get_object_or_404(access.evidence(request.user), pk=pk))


@login_required
@require_safe
def evidence_thumbnail(request: HttpRequest, pk: int) -> FileResponse:
    return send(get_object_or_404(access.evidence(request.user), pk=pk), is_small=True)


def send(file: EvidenceFile, *, is_small: bool = False) -> FileResponse:
    """The bytes of a file, so that no browser runs or guesses anything.

    Args:
        is_small: the thumbnail of a picture; 404 for anything else.
    """
    name = file.thumbnail_stored_as if is_small else file.stored_as
    try:
        data = vault.open_file(name) if name else None
    except FileNotFoundError:
        data = None
    if data is None:
        raise Http404
    content_type, is_shown = filetypes.served(filetypes.THUMBNAIL if is_small else file.media_type)
    response = FileResponse(data, content_type=content_type)
    name = filetypes.save_name(file.label, file.media_type)
    response["Content-Disposition"] = content_disposition_header(not is_shown, name)
    response["Content-Security-Policy"] = POLICY
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@login_required
@require_http_methods(["GET", "POST"])
@takes_files
def entry_attach(request: HttpRequest, pk: int) -> HttpResponse:
    entries = Entry.objects.filter(access.entry_q(request.user), timeline__participant__user=request.user)
    entry = get_object_or_404(entries.select_related("timeline__participant__incident"), pk=pk)
    incident = entry.timeline.participant.incident
    return _attach(
        request,
        entry,
        title=_("Attach a file to this entry"),
        back=f"{reverse('web:timeline', args=[incident.public_id])}#entry-{entry.pk}",
    )


@login_required
@require_http_methods(["GET", "POST"])
@takes_files
def incident_attach(request: HttpRequest, public_id: str) -> HttpResponse:
    incident = find_incident(request, public_id)
    return _attach(
        request,
        incident,
        title=_("Attach a file to %(id)s") % {"id": incident},
        back=f"{record_url(incident)}#files",
    )


@login_required
@require_http_methods(["GET", "POST"])
@takes_files
def step_attach(request: HttpRequest, public_id: str, kind: str) -> HttpResponse:
    review = get_object_or_404(access.reviews(request.user), public_id=public_id)
    step = get_object_or_404(review.steps.select_related("review"), kind=kind)
    return _attach(
        request,
        step,
        title=_("Attach a file to step %(position)d") % {"position": step.position},
        back=f"{reverse('web:review', args=[public_id])}#step-{step.kind}",
    )


@login_required
@require_http_methods(["GET", "POST"])
def evidence_remove(request: HttpRequest, pk: int) -> HttpResponse:
    file = get_object_or_404(
        access.evidence(request.user).select_related(
            "entry__timeline__participant__incident", "incident", "step__review"
        ),
        pk=pk,
    )
    return ask(
        request,
        title=_("Remove this file?"),
        text=file.label,
        submit=_("Remove"),
        done=_("The file is removed."),
        back=_page_of(file),
        act=lambda _data: evidence.remove(file, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


def _attach(request: HttpRequest, target: evidence.Target, *, title: str, back: str) -> HttpResponse:
    posted = request.method == "POST"
    form = FileForm(request.POST, request.FILES) if posted else FileForm()

    def attach(data: dict[str, Any]) -> None:
        upload = data["file"]
        made = evidence.attach(
            target, data=upload.read(), name=upload.name, by=request.user, now=timezone.now()
        )
        if made.masked:
            messages.warning(request, maskwords.sentence(made.masked))

    return ask(
        request,
        title=title,
        text=_(
            "A picture, a text or a PDF. Pictures lose what cameras and phones write into them; in texts, "
            "secrets are masked."
        ),
        submit=_("Attach"),
        done=_("The file is attached."),
        back=back,
        form=form,
        act=attach,
        is_allowed=request.user.is_at_least("member"),
    )


def _page_of(file: EvidenceFile) -> str:
    if file.entry is not None:
        incident = file.entry.timeline.participant.incident
        return reverse("web:timeline", args=[incident.public_id])
    if file.incident is not None:
        return f"{record_url(file.incident)}#files"
    return f"{reverse('web:review', args=[file.step.review.public_id])}#step-{file.step.kind}"


urlpatterns = [
    path("evidence/<int:pk>/", evidence_file, name="evidence"),
    path("evidence/<int:pk>/thumbnail", evidence_thumbnail, name="evidence_thumbnail"),
    path("evidence/<int:pk>/remove", evidence_remove, name="evidence_remove"),
    path("entries/<int:pk>/attach", entry_attach, name="entry_attach"),
    path("incidents/<slug:public_id>/attach", incident_attach, name="incident_attach"),
    path("reviews/<slug:public_id>/steps/<slug:kind>/attach", step_attach, name="step_attach"),
]
