"""A review from its start to its archive, and the document it leaves."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Team
from postmortem import access, approvals, reviews
from postmortem.errors import DomainError, EditConflict
from remediation import dossier, plan
from web import conflicts, drafts, hints, milestones, step_evidence
from web.asking import ask
from web.composition import free_incidents
from web.forms import show_refusal
from web.forms.reviews import LessonsForm, NewReviewForm
from web.incidents import find_incident, people_of, review_items
from web.review_page import (
    causes_of,
    checklist,
    find_review,
    incidents_of,
    lessons_of,
    may_facilitate,
    review_page,
    review_url,
)


@login_required
@require_GET
def review(request: HttpRequest, public_id: str) -> HttpResponse:
    return review_page(request, find_review(request, public_id))


@login_required
@require_GET
def review_document(request: HttpRequest, public_id: str) -> HttpResponse:
    """The postmortem to read, print and send: no buttons, no forms."""
    record = find_review(request, public_id)
    its_incidents = incidents_of(record, request.user)
    for incident in its_incidents:
        incident.course = milestones.milestones(incident)
        incident.links = incident.service_links.select_related("service").order_by("-part", "service__slug")
    context = {
        "review": record,
        "incidents": its_incidents,
        "steps": list(record.steps.select_related("signed_by")),
        "causes": causes_of(record, request.user),
        "lessons": lessons_of(record),
        "checklist": checklist(record),
        "measurements": step_evidence.measurements(record, its_incidents),
        "change_groups": step_evidence.change_groups(record, its_incidents),
        "change_search": step_evidence.change_search(record),
        "approvals": approvals.of(record, asked=approvals.policy(record)),
        "people": [person for incident in its_incidents for person in people_of(incident)],
        "timeline": dossier.filed_entries(record, viewer=request.user),
        "items": review_items(record, request.user),
        "addenda": list(record.addenda.select_related("added_by")),
        "now": timezone.now(),
    }
    return render(request, "reviews/document.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def review_new(request: HttpRequest, public_id: str) -> HttpResponse:
    incident = find_incident(request, public_id)
    access.need(request.user, "member")
    if incident.review is not None:
        return redirect("web:review", incident.review.public_id)
    facilitates = request.user.is_at_least("facilitator")
    initial = {
        "title": incident.title,
        "owner": request.user.pk,
        "facilitator": request.user.pk if facilitates else None,
        "teams_present": list(Team.objects.filter(services__incidents=incident).distinct()),
    }
    others = free_incidents(request.user).exclude(pk=incident.pk)
    form = NewReviewForm(request.POST if request.method == "POST" else None, initial=initial, others=others)
    if form.is_valid():
        data = dict(form.cleaned_data)
        together = [incident, *data.pop("others")]
        try:
            started = reviews.create(incidents=together, by=request.user, now=timezone.now(), **data)
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(
                request, _("The review is started. It opens when everybody's timeline is filed or excused.")
            )
            return redirect("web:review", started.public_id)
    context = {"form": form, "incident": incident}
    return render(request, "reviews/new.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def review_open(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    return ask(
        request,
        title=_("Open the review %(id)s?") % {"id": record},
        text=_("From then on its four steps can be written and signed, one after the other."),
        submit=_("Open the review"),
        done=_("The review is open."),
        back=review_url(record),
        act=lambda _data: reviews.open(record, by=request.user, now=timezone.now()),
        is_allowed=may_facilitate(request.user, record),
    )


@login_required
@require_http_methods(["GET", "POST"])
def review_archive(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    return ask(
        request,
        title=_("Archive %(id)s?") % {"id": record},
        text=_("It becomes a postmortem: nobody can change it any more, and a hash of its content is kept."),
        submit=_("Archive"),
        done=_("%(id)s is archived.") % {"id": record},
        back=review_url(record),
        act=lambda _data: plan.archive(record, by=request.user, now=timezone.now()),
        is_allowed=may_facilitate(request.user, record),
    )


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def lessons(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    access.need(request.user, "member")
    form = LessonsForm(request.POST if request.method == "POST" else None, review=record)
    conflicts.merge(form)
    if not form.is_conflict and form.is_valid():
        try:
            reviews.write_lessons(record, by=request.user, now=timezone.now(), **form.cleaned_data)
        except EditConflict:
            # `retried` begins again with what is stored by now.
            raise
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            drafts.close(request)
            messages.success(request, hints.also(form, _("Saved.")))
            return redirect(f"{review_url(record)}#lessons")
    drafts.attach(request, form)
    status = 409 if form.is_conflict else 422 if form.errors else 200
    return render(request, "reviews/lessons.html", {"form": form, "review": record}, status=status)


urlpatterns = [
    path("incidents/<slug:public_id>/review", review_new, name="review_new"),
    path("reviews/<slug:public_id>/", review, name="review"),
    path("reviews/<slug:public_id>/document", review_document, name="review_document"),
    path("reviews/<slug:public_id>/open", review_open, name="review_open"),
    path("reviews/<slug:public_id>/archive", review_archive, name="review_archive"),
    path("reviews/<slug:public_id>/lessons", lessons, name="lessons"),
]
