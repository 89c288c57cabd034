"""Declare an incident: its facts, its services and the people who were there, in one form."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from postmortem import access, incidents
from postmortem.drafts import Made
from postmortem.errors import DomainError
from postmortem.models import Incident
from web import drafts, making
from web.asking import status_of
from web.forms import show_refusal
from web.forms.incidents import IncidentForm, PeopleFormSet, invited
from web.incidents import record_url


@login_required
@require_http_methods(["GET", "POST"])
def incident_new(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    access.need(request.user, User.Role.MEMBER)
    services = access.services(request.user)
    posted = request.POST if request.method == "POST" else None
    start = timezone.localtime(now).replace(second=0, microsecond=0)
    form = IncidentForm(posted, services=services, now=now, initial={"started_at": start})
    people = PeopleFormSet(
        posted, prefix="people", initial=None if posted is not None else [{"user": request.user.pk}]
    )
    # Both are checked, so that every error is shown at once.
    if posted is not None and all([form.is_valid(), people.is_valid()]):
        declared = _declare(request, form, people, now)
        if declared is not None:
            words = _("%(id)s is declared. Everybody invited can write their own timeline now.")
            messages.success(request, words % {"id": declared})
            return redirect("web:incident", declared.public_id)
    drafts.attach(request, form)
    if (restored := drafts.values(form)) is not None:
        people = PeopleFormSet(prefix="people", initial=invited(restored))
    status = 422 if posted is not None and people.total_error_count() > 0 else status_of(form)
    return render(request, "incidents/form.html", {"form": form, "people": people}, status=status)


def _declare(
    request: HttpRequest, form: IncidentForm, people: PeopleFormSet, now: datetime
) -> Incident | None:
    """The act; a refusal is shown in the form and gives None."""

    def declare() -> Incident:
        return incidents.declare(
            services=form.services(),
            participants=people.people(),
            by=request.user,
            now=now,
            **form.facts(),
        )

    try:
        return making.once(request, declare, made=lambda made: Made(record_url(made), f"{made}"))
    except making.MadeAlready as refusal:
        making.show(form, refusal)
    except DomainError as refusal:
        show_refusal(form, refusal)
    return None


urlpatterns = [path("incidents/new", incident_new, name="incident_new")]
