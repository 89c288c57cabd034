"""Approve a review as it stands."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from postmortem import approvals
from web.asking import ask
from web.forms.reviews import ApprovalForm
from web.review_page import find_review, review_url


@login_required
@require_http_methods(["GET", "POST"])
def review_approve(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    form = ApprovalForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    return ask(
        request,
        title=_("Approve %(id)s as it stands?") % {"id": record},
        text=_("Your approval covers this very content: whatever is changed afterwards makes it stale."),
        submit=_("Approve"),
        done=_("You approved it."),
        back=f"{review_url(record)}#approvals",
        form=form,
        act=lambda data: approvals.approve(record, **data, by=request.user, now=now),
        is_allowed=request.user.is_at_least(approvals.policy(record).role),
    )


urlpatterns = [path("reviews/<slug:public_id>/approve", review_approve, name="review_approve")]
