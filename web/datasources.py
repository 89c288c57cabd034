"""Data sources: the Prometheus servers that checks may ask; an administrator names them."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from postmortem import access
from postmortem.errors import DomainError, NotAllowed
from remediation import sources, verification
from remediation.models import DataSource
from web.asking import ask
from web.forms import show_refusal
from web.forms.sources import DataSourceDetailsForm, DataSourceForm


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
        "sources": DataSource.objects.select_related("health").annotate(running=running),
        "section": "data_sources",
        "now": timezone.now(),
    }
    return render(request, "settings/data_sources.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def data_source_edit(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, "administrator")
    source = get_object_or_404(DataSource.objects.select_related("health"), pk=pk)
    shown = [name for name in DataSourceDetailsForm.base_fields if name != "credential"]
    initial = {name: getattr(source, name) for name in shown}
    form = DataSourceDetailsForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid() and _is_done(
        form, lambda: sources.edit(source, **form.cleaned_data, by=request.user, now=timezone.now())
    ):
        had, source = bool(source.credential), DataSource.objects.get(pk=pk)
        if had and not source.credential:
            messages.warning(request, _("Saved. The credential is forgotten: it could now go elsewhere."))
        else:
            messages.success(request, _("Saved. Checks ask it as it is now from their next run on."))
        return redirect("web:data_source_edit", pk)
    context = {
        "form": form,
        "name": source.name,
        "source": source,
        "circuit": source.open_circuit if source.is_enabled else None,
        "section": "data_sources",
        "now": timezone.now(),
    }
    return render(request, "settings/data_source.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def data_source_test(request: HttpRequest, pk: int) -> HttpResponse:
    source = get_object_or_404(DataSource, pk=pk)
    result = verification.test_source(source, by=request.user)
    if result.outcome == "pass":
        messages.success(request, _("“%(source)s” answers as a Prometheus does.") % {"source": source})
    else:
        words = {"source": source, "problem": result.error or result.error_code or result.outcome}
        messages.error(request, _("“%(source)s” cannot be asked: %(problem)s") % words)
    return redirect("web:data_source_edit", pk)


@login_required
@require_http_methods(["GET", "POST"])
def data_source_delete(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, "administrator")
    source = get_object_or_404(DataSource, pk=pk)
    return ask(
        request,
        title=_("Delete “%(source)s”?") % {"source": source},
        text=_("Only what no check and no run refers to can be deleted; anything else can be switched off."),
        submit=_("Delete the data source"),
        done=_("The data source is deleted."),
        back=reverse("web:data_sources"),
        act=lambda _data: sources.remove(source, by=request.user, now=timezone.now()),
        is_allowed=True,
    )


def _is_done(form: DataSourceForm, act: Callable[[], object]) -> bool:
    """Do it; a refused value is shown at its field."""
    try:
        act()
    except NotAllowed:
        raise
    except DomainError as refusal:
        show_refusal(form, refusal)
        return False
    return True


urlpatterns = [
    path("settings/data-sources/", data_source_list, name="data_sources"),
    path("settings/data-sources/<int:pk>/", data_source_edit, name="data_source_edit"),
    path("settings/data-sources/<int:pk>/test", data_source_test, name="data_source_test"),
    path("settings/data-sources/<int:pk>/delete", data_source_delete, name="data_source_delete"),
]
