"""The catalogue of cause classes, which governors keep."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from postmortem import access, cause_classes
from postmortem.errors import Invalid
from postmortem.models import CauseClass
from web import policy_trails
from web.asking import ask
from web.forms import show_refusal
from web.forms.causes import ClassForm, EditClassForm, NewClassForm


@login_required
@require_http_methods(["GET", "POST"])
def cause_class_list(request: HttpRequest) -> HttpResponse:
    access.need(request.user, "governor")
    form = NewClassForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _is_done(
        form, lambda: cause_classes.add(**form.cleaned_data, by=request.user, now=timezone.now())
    ):
        messages.success(request, _("The class is added."))
        return redirect("web:cause_classes")
    counts = dict(CauseClass.objects.annotate(n=Count("causes")).values_list("pk", "n"))
    rows = [
        {"node": node, "row": node.cause_class, "causes": counts.get(node.cause_class.pk, 0)}
        for node in cause_classes.tree()
    ]
    history = policy_trails.of(CauseClass)
    context = {"form": form, "rows": rows, "history": history, "section": "cause_classes"}
    return render(request, "settings/cause_classes.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def cause_class_edit(request: HttpRequest, pk: int) -> HttpResponse:
    access.need(request.user, "governor")
    row = get_object_or_404(CauseClass.objects.select_related("parent"), pk=pk)
    form = EditClassForm(request.POST if request.method == "POST" else None, cause_class=row)
    if form.is_valid() and _is_done(
        form, lambda: cause_classes.edit(row, **form.cleaned_data, by=request.user, now=timezone.now())
    ):
        messages.success(request, _("Saved."))
        return redirect("web:cause_classes")
    is_used = row.causes.exists() or row.children.exists()
    context = {"form": form, "row": row, "is_used": is_used, "section": "cause_classes"}
    return render(request, "settings/cause_class.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def cause_class_remove(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(CauseClass, pk=pk)
    return ask(
        request,
        title=_("Remove “%(name)s”?") % {"name": row.words},
        text=_("A class that causes have, or that has others below it, can only be retired."),
        submit=_("Remove"),
        done=_("The class is removed."),
        back=reverse("web:cause_classes"),
        act=lambda _data: cause_classes.remove(row, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("governor"),
        is_danger=True,
    )


def _is_done(form: ClassForm, act: Callable[[], object]) -> bool:
    """Do it; a refused value is shown at its field."""
    try:
        act()
    except Invalid as refusal:
        show_refusal(form, refusal)
        return False
    return True


urlpatterns = [
    path("settings/cause-classes/", cause_class_list, name="cause_classes"),
    path("settings/cause-classes/<int:pk>/", cause_class_edit, name="cause_class_edit"),
    path("settings/cause-classes/<int:pk>/remove", cause_class_remove, name="cause_class_remove"),
]
