"""Views of the list of incidents that a person keeps: save one, rename it, begin with it, forget it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from postmortem import saved_views
from postmortem.errors import Invalid
from postmortem.models import SavedView
from web.asking import ask
from web.forms.incident_filters import IncidentFilters


class NameForm(forms.Form):
    """What a view is called."""

    name = forms.CharField(label=gettext_lazy("Name of the view"), max_length=60)


@login_required
@require_http_methods(["GET", "POST"])
def views(request: HttpRequest) -> HttpResponse:
    """The reader's own views; a POST keeps what the list shows under a name."""
    if request.method == "POST":
        query = _kept(request.POST.get("query", ""))
        try:
            view = saved_views.save(
                name=request.POST.get("name", ""), query=query, by=request.user, now=timezone.now()
            )
        except Invalid as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, _("“%(name)s” is kept.") % {"name": view.name})
        return redirect(f"{reverse('web:incidents')}?{query or 'all=1'}")
    return render(request, "incidents/views.html", {"views": SavedView.objects.filter(user=request.user)})


@login_required
@require_http_methods(["GET", "POST"])
def view_rename(request: HttpRequest, pk: int) -> HttpResponse:
    view = _find(request, pk)
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": view.name})
    return ask(
        request,
        title=_("Rename “%(name)s”") % {"name": view.name},
        submit=_("Save"),
        done=_("Saved."),
        back=reverse("web:incident_views"),
        form=form,
        act=lambda data: saved_views.rename(view, name=data["name"], by=request.user, now=timezone.now()),
        is_allowed=True,
    )


@login_required
@require_POST
def view_default(request: HttpRequest, pk: int) -> HttpResponse:
    view = _find(request, pk)
    saved_views.make_default(view, is_default=not view.is_default, by=request.user, now=timezone.now())
    return redirect("web:incident_views")


@login_required
@require_http_methods(["GET", "POST"])
def view_remove(request: HttpRequest, pk: int) -> HttpResponse:
    view = _find(request, pk)
    return ask(
        request,
        title=_("Forget “%(name)s”?") % {"name": view.name},
        text=_("Links to what it shows go on working."),
        submit=_("Forget it"),
        back=reverse("web:incident_views"),
        act=lambda _data: saved_views.remove(view, by=request.user, now=timezone.now()),
        is_allowed=True,
        is_danger=True,
    )


def _kept(query: str) -> str:
    """Only filters and an order are kept of an address, so that a view leads nowhere else."""
    query = query.strip().rpartition("?")[2]
    try:
        asked: Any = QueryDict(query[:2000])
    except ValueError:
        return ""
    names = {*IncidentFilters.base_fields, "sort"}
    return urlencode({name: value for name, value in sorted(asked.items()) if name in names and value})[:1000]


def _find(request: HttpRequest, pk: int) -> SavedView:
    return get_object_or_404(SavedView, pk=pk, user=request.user)


urlpatterns = [
    path("incidents/views", views, name="incident_views"),
    path("incidents/views/<int:pk>/rename", view_rename, name="incident_view_rename"),
    path("incidents/views/<int:pk>/default", view_default, name="incident_view_default"),
    path("incidents/views/<int:pk>/remove", view_remove, name="incident_view_remove"),
]
