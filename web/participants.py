"""Correct who took part in an incident: another role, or an invitation taken back."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from postmortem import participants
from postmortem.models import Incident, Participant
from web.asking import ask
from web.forms.incidents import RoleForm
from web.incidents import find_incident, record_url


@login_required
@require_http_methods(["GET", "POST"])
def participant_role(request: HttpRequest, public_id: str, pk: int) -> HttpResponse:
    incident, participant = _find(request, public_id, pk)
    form = RoleForm(request.POST if request.method == "POST" else None, initial={"role": participant.role})
    return ask(
        request,
        title=_("Which part had %(name)s?") % {"name": participant.user},
        submit=_("Save"),
        done=_("Saved."),
        back=f"{record_url(incident)}#people",
        form=form,
        act=lambda data: participants.change_role(
            participant, role=data["role"], by=request.user, now=timezone.now()
        ),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def participant_remove(request: HttpRequest, public_id: str, pk: int) -> HttpResponse:
    incident, participant = _find(request, public_id, pk)
    return ask(
        request,
        title=_("Take back the invitation of %(name)s?") % {"name": participant.user},
        text=_("For somebody who was not there. Whoever has begun a timeline stays."),
        submit=_("Take it back"),
        done=_("%(name)s is not asked any more.") % {"name": participant.user},
        back=f"{record_url(incident)}#people",
        act=lambda _data: participants.remove(participant, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
        is_danger=True,
    )


def _find(request: HttpRequest, public_id: str, pk: int) -> tuple[Incident, Participant]:
    incident = find_incident(request, public_id)
    return incident, get_object_or_404(incident.participants.select_related("user"), pk=pk)


urlpatterns = [
    path("incidents/<slug:public_id>/people/<int:pk>/role", participant_role, name="participant_role"),
    path("incidents/<slug:public_id>/people/<int:pk>/remove", participant_remove, name="participant_remove"),
]
