"""Changes around an incident: add, correct, settle, remove; or state that none was found."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from governance import deploys, nearby
from postmortem import access, changes
from postmortem.drafts import Made
from postmortem.models import Change, ChangeSearch, Incident, Review, ReviewStep
from web import making
from web.asking import ask
from web.forms.evidence import ChangeForm, JudgeForm, SearchForm
from web.incidents import find_incident, record_url
from web.review_page import find_review, review_url


@login_required
@require_http_methods(["GET", "POST"])
def change_new(request: HttpRequest, public_id: str) -> HttpResponse:
    incident = find_incident(request, public_id)
    initial = {"happened_at": incident.started_at, "service": _origin(incident)}
    form = ChangeForm(
        request.POST if request.method == "POST" else None,
        services=access.services(request.user),
        initial=initial,
    )
    now = timezone.now()
    return ask(
        request,
        title=_("Add a change around %(id)s") % {"id": incident},
        text=_("It is a suspect until it is cleared or found guilty."),
        submit=_("Add the change"),
        done=_("The change is added."),
        back=_back(incident),
        form=form,
        act=lambda data: changes.record(incident, **data, by=request.user, now=now),
        made=lambda change: Made(_back(incident), making.words(change.title)),
        is_allowed=request.user.is_at_least("member"),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def deploy_add(request: HttpRequest, public_id: str, pk: int) -> HttpResponse:
    """One click for a suspect; the page asks for the reason that everything else needs."""
    incident = find_incident(request, public_id)
    deploy = get_object_or_404(deploys.as_last_reported().select_related("service"), pk=pk)
    asked = request.GET.get("verdict", "")
    initial = {"verdict": asked if asked in Change.Verdict.values else Change.Verdict.SUSPECT}
    form = JudgeForm(request.POST if request.method == "POST" else None, initial=initial)
    form.hint_review = incident.review
    now = timezone.now()
    return ask(
        request,
        title=_("Add this deploy to the changes of %(id)s?") % {"id": incident},
        text=nearby.title_of(deploy),
        submit=_("Add the change"),
        done=_("The change is added."),
        back=_back(incident),
        form=form,
        act=lambda data: nearby.add(incident, deploy=deploy, **data, by=request.user, now=now),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def change_edit(request: HttpRequest, pk: int) -> HttpResponse:
    change = _find(request, pk)
    names = ("title", "kind", "happened_at", "service", "url")
    form = ChangeForm(
        request.POST if request.method == "POST" else None,
        services=access.services(request.user),
        initial={name: getattr(change, name) for name in names},
    )
    now = timezone.now()
    return ask(
        request,
        title=_("Edit a change"),
        submit=_("Save"),
        done=_("Saved."),
        back=_back(change.incident),
        form=form,
        act=lambda data: changes.edit(change, **data, by=request.user, now=now),
        is_allowed=request.user.is_at_least("member"),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def change_judge(request: HttpRequest, pk: int) -> HttpResponse:
    change = _find(request, pk)
    initial = {"verdict": change.verdict, "reason": change.reason}
    form = JudgeForm(request.POST if request.method == "POST" else None, initial=initial)
    form.hint_review = change.incident.review
    now = timezone.now()
    return ask(
        request,
        title=_("What had this change to do with it?"),
        text=change.title,
        submit=_("Save"),
        done=_("Saved."),
        back=_back(change.incident),
        form=form,
        act=lambda data: changes.judge(change, **data, by=request.user, now=now),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def change_remove(request: HttpRequest, pk: int) -> HttpResponse:
    change = _find(request, pk)
    return ask(
        request,
        title=_("Remove this change?"),
        text=change.title,
        submit=_("Remove"),
        done=_("The change is removed."),
        back=_back(change.incident),
        act=lambda _data: changes.remove(change, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
        is_danger=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def change_search(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    stated = ChangeSearch.objects.filter(step__review=record).first()
    initial = {"searched": stated.searched if stated else ""}
    form = SearchForm(request.POST if request.method == "POST" else None, initial=initial)
    form.hint_review = record
    now = timezone.now()
    return ask(
        request,
        title=_("No change was found"),
        text=_("An honest result, once it is said where a change was searched for."),
        submit=_("State it"),
        done=_("It is stated that no change was found."),
        back=_step_url(record),
        form=form,
        act=lambda data: changes.state_none(record, **data, by=request.user, now=now),
        is_allowed=request.user.is_at_least("member"),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def change_search_withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    return ask(
        request,
        title=_("Take back that no change was found?"),
        submit=_("Take it back"),
        done=_("It is taken back."),
        back=_step_url(record),
        act=lambda _data: changes.withdraw_none(record, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


def _find(request: HttpRequest, pk: int) -> Change:
    visible = Change.objects.filter(access.incident_q(request.user, "incident__"))
    return get_object_or_404(visible.select_related("incident__review", "service"), pk=pk)


def _origin(incident: Incident) -> int | None:
    return incident.service_links.filter(part="origin").values_list("service_id", flat=True).first()


def _back(incident: Incident) -> str:
    """To the step that the change belongs to; before there is a review, to the incident."""
    return _step_url(incident.review) if incident.review is not None else record_url(incident)


def _step_url(record: Review) -> str:
    return review_url(record, ReviewStep.Kind.CHANGE_CORRELATION)


urlpatterns = [
    path("incidents/<slug:public_id>/changes/new", change_new, name="change_new"),
    path("incidents/<slug:public_id>/deploys/<int:pk>/add", deploy_add, name="deploy_add"),
    path("changes/<int:pk>/edit", change_edit, name="change_edit"),
    path("changes/<int:pk>/judge", change_judge, name="change_judge"),
    path("changes/<int:pk>/remove", change_remove, name="change_remove"),
    path("reviews/<slug:public_id>/no-change", change_search, name="change_search"),
    path(
        "reviews/<slug:public_id>/no-change/withdraw", change_search_withdraw, name="change_search_withdraw"
    ),
]
