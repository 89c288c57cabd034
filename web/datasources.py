"""Data sources: the Prometheus servers that checks may ask; an administrator names them."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from postmortem import access
from postmortem.errors import Invalid
from remediation import sources
from remediation.models import DataSource
from web.forms import show_refusal
from web.forms.profile import DataSourceForm


@login_required
@require_http_methods(["GET", "POST"])
def data_source_list(request: HttpRequest) -> HttpResponse:
    access.need(request.user, "administrator")
    form = DataSourceForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _is_done(
        form, lambda: sources.add(**form.cleaned_data, by=request.user, now=timezone.now())
    ):
        messages.success(request, _("The data source is there; checks can ask it."))
        return redirect("web:data_sources")
    running = Count("verification_checks", filter=Q(verification_checks__is_paused=False))
    context = {
        "form": form,
        "sources": DataSource.objects.annotate(running=running),
        "section": "data_sources",
    }
    return render(request, "settings/data_sources.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def data_source_edit(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, "administrator")
    source = get_object_or_404(DataSource, pk=pk)
    initial = {"name": source.name, "base_url": source.base_url}
    form = DataSourceForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid() and _is_done(
        form, lambda: sources.edit(source, **form.cleaned_data, by=request.user, now=timezone.now())
    ):
        messages.success(request, _("Saved. Checks ask the new address from their next run on."))
        return redirect("web:data_sources")
    context = {"form": form, "name": source.name, "section": "data_sources"}
    return render(request, "settings/data_source.html", context, status=422 if form.errors else 200)


def _is_done(form: DataSourceForm, act: Callable[[], object]) -> bool:
    """Do it; a refused value is shown at its field."""
    try:
        act()
    except Invalid as refusal:
        show_refusal(form, refusal)
        return False
    return True


urlpatterns = [
    path("settings/data-sources/", data_source_list, name="data_sources"),
    path("settings/data-sources/<int:pk>/", data_source_edit, name="data_source_edit"),
]
