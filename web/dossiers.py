"""A postmortem to take away: as Markdown, which can be imported again, and as JSON."""

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_GET

from postmortem.importing import exporting
from remediation import dossier
from web.review_page import find_review


@login_required
@require_GET
def review_markdown(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    text = exporting.write(dossier.of(record, viewer=request.user))
    return _download(text, f"{record.public_id}.md", "text/markdown; charset=utf-8")


@login_required
@require_GET
def review_json(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    text = json.dumps(dossier.of(record, viewer=request.user), ensure_ascii=False, indent=2)
    return _download(text, f"{record.public_id}.json", "application/json")


def _download(text: str, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(text, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


urlpatterns = [
    path("reviews/<slug:public_id>/export.md", review_markdown, name="review_markdown"),
    path("reviews/<slug:public_id>/export.json", review_json, name="review_json"),
]
