"""The executable checklist of a review: commands, each with what makes it pass (R6)."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from postmortem import access, pipelines, reviews
from postmortem.models import ChecklistEntry, Review
from web.asking import ask
from web.forms.reviews import ChecklistForm
from web.review_page import find_review, review_url


@login_required
@require_http_methods(["GET", "POST"])
def checklist_add(request: HttpRequest, public_id: str) -> HttpResponse:
    review = find_review(request, public_id)
    form = ChecklistForm(request.POST if request.method == "POST" else None)

    def add(data: dict[str, Any]) -> None:
        pipeline = pipelines.parse(data.pop("pipeline"))
        reviews.add_checklist_entry(review, pipeline=pipeline, **data, by=request.user, now=timezone.now())

    return ask(
        request,
        title=_("Add a command to the checklist"),
        text=_("Something anybody can run later to see whether this has come back."),
        submit=_("Add the command"),
        done=_("The command is added."),
        back=_checklist_url(review),
        form=form,
        act=add,
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def checklist_remove(request: HttpRequest, pk: int) -> HttpResponse:
    rows = ChecklistEntry.objects.select_related("review")
    entry = get_object_or_404(rows, pk=pk, review__in=access.reviews(request.user))
    return ask(
        request,
        title=_("Remove this command?"),
        text=pipelines.show(entry.pipeline),
        submit=_("Remove"),
        done=_("The command is removed."),
        back=_checklist_url(entry.review),
        act=lambda _data: reviews.remove_checklist_entry(entry, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
        is_danger=True,
    )


def _checklist_url(review: Review) -> str:
    return f"{review_url(review)}#checklist"


urlpatterns = [
    path("reviews/<slug:public_id>/checklist/add", checklist_add, name="checklist_add"),
    path("checklist/<int:pk>/remove", checklist_remove, name="checklist_remove"),
]
