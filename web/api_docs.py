"""The documentation of the API, to read and to try."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe


@login_required
@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI over /api/v1/schema, with the session or with a token of the reader's."""
    return render(request, "api_docs.html")


urlpatterns = [path("api/docs/", api_docs, name="api_docs")]
