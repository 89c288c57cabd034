"""What a review is made of: title, people, teams present, incidents."""

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from postmortem import access, composition
from postmortem.models import Incident, Review
from web import conflicts
from web.asking import ask
from web.forms.reviews import CoverageForm, ReviewForm
from web.review_page import find_review, may_compose, review_url

# A page offers so many incidents; older ones are added by the API.
OFFERED = 60


def free_incidents(user: User, *, of: Review | None = None) -> QuerySet[Incident]:
    """The incidents that this reader may see and no review has yet, the newest first; and those `of` one."""
    free = Q(review=None, dismissed_as="")
    newest = access.incidents(user).filter(free).order_by("-started_at").values("pk")[:OFFERED]
    wanted = Q(pk__in=list(newest.values_list("pk", flat=True)))
    return access.incidents(user).filter(wanted | Q(review=of) if of else wanted).order_by("-started_at")


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def review_edit(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    initial = {
        "title": record.title,
        "owner": record.owner_id,
        "facilitator": record.facilitator_id,
        "teams_present": list(record.teams_present.all()),
        "version": record.facts_version,
    }
    form = ReviewForm(request.POST if request.method == "POST" else None, initial=initial)
    return ask(
        request,
        title=_("Title and people of %(id)s") % {"id": record},
        submit=_("Save"),
        done=_("Saved."),
        back=f"{review_url(record)}#people",
        form=form,
        act=lambda data: composition.edit(
            record,
            **data | {"teams_present": list(data["teams_present"])},
            by=request.user,
            now=timezone.now(),
        ),
        is_allowed=may_compose(request.user, record),
    )


@login_required
@require_http_methods(["GET", "POST"])
def review_incidents(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    offered = free_incidents(request.user, of=record)
    initial = {"incidents": [incident.pk for incident in offered if incident.review_id == record.pk]}
    form = CoverageForm(
        request.POST if request.method == "POST" else None, initial=initial, incidents=offered
    )
    return ask(
        request,
        title=_("Which incidents is %(id)s about?") % {"id": record},
        text=_(
            "When this changes, signed steps become stale. One restricted incident hides the whole review"
            " from everybody who may not see that incident."
        ),
        submit=_("Save"),
        done=_("Saved."),
        back=review_url(record),
        form=form,
        act=lambda data: composition.cover(
            record, incidents=list(data["incidents"]), by=request.user, now=timezone.now()
        ),
        is_allowed=may_compose(request.user, record),
    )


urlpatterns = [
    path("reviews/<slug:public_id>/edit", review_edit, name="review_edit"),
    path("reviews/<slug:public_id>/incidents", review_incidents, name="review_incidents"),
]
