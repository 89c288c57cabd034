"""Pages that change what an item says, who answers for it, and whether it is done at all."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from remediation import items
from remediation.models import RemediationItem, WontDoRequest
from web import conflicts
from web.asking import ask
from web.forms.items import CausesForm, CommentForm, DeclineForm, ItemEditForm, TeamForm
from web.items import find_item, record_url


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def item_edit(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    form = ItemEditForm(_posted(request), item=record)

    def edit(data: dict) -> None:
        items.edit(record, **data, by=request.user, now=timezone.now())

    return ask(
        request,
        title=_("Edit %(id)s") % {"id": record},
        submit=_("Save"),
        done=_("Saved."),
        back=record_url(record),
        form=form,
        act=edit,
        is_allowed=request.user.is_at_least("member"),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_team(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    return ask(
        request,
        title=_("Give %(id)s to another team") % {"id": record},
        text=_("Its manager hears of it from now on; owner and deadline stay."),
        submit=_("Change the team"),
        done=_("The item has a new team."),
        back=record_url(record),
        form=TeamForm(_posted(request), initial={"team": record.team_id}),
        act=lambda data: items.hand_to_team(record, team=data["team"], by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_POST
def item_take_over(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    items.take_over(record, by=request.user, now=timezone.now())
    messages.success(request, _("%(id)s is yours now.") % {"id": record})
    return redirect(record_url(record))


@login_required
@require_http_methods(["GET", "POST"])
def item_causes(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    if record.review is None:
        raise Http404
    return ask(
        request,
        title=_("Causes that %(id)s removes") % {"id": record},
        submit=_("Save"),
        done=_("Saved."),
        back=record_url(record),
        form=CausesForm(
            _posted(request),
            review=record.review,
            initial={"causes": list(record.causes.values_list("pk", flat=True))},
        ),
        act=lambda data: items.answer_causes(
            record, causes=data["causes"], by=request.user, now=timezone.now()
        ),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_ask_wont_do(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    return ask(
        request,
        title=_("Ask that %(id)s be not done") % {"id": record},
        text=_("It stays where it is until a governor answers. In the closure rate it would not be closed."),
        submit=_("Ask"),
        done=_("Asked. A governor has to answer."),
        back=record_url(record),
        form=DeclineForm(_posted(request)),
        act=lambda data: items.ask_wont_do(record, **data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_grant_wont_do(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    asked = open_request(record)
    return ask(
        request,
        title=_("Grant that %(id)s is not done?") % {"id": record},
        text=asked.reason if asked else "",
        submit=_("Grant"),
        done=_("The item is declined."),
        back=record_url(record),
        form=CommentForm(_posted(request)),
        act=lambda data: items.grant_wont_do(record, **data, by=request.user, now=timezone.now()),
        is_allowed=items.may_decide(record, request.user, asked),
        is_danger=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_refuse_wont_do(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    asked = open_request(record)
    return ask(
        request,
        title=_("Refuse: %(id)s is to be done") % {"id": record},
        text=asked.reason if asked else "",
        submit=_("Refuse"),
        done=_("Refused. The item stays as it was."),
        back=record_url(record),
        form=DeclineForm(_posted(request)),
        act=lambda data: items.refuse_wont_do(record, **data, by=request.user, now=timezone.now()),
        is_allowed=items.may_decide(record, request.user, asked),
    )


@login_required
@require_POST
def item_withdraw_wont_do(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    asked = open_request(record)
    if asked is None or asked.asked_by_id != request.user.pk:
        raise Http404
    items.withdraw_wont_do(record, by=request.user, now=timezone.now())
    messages.success(request, _("Your request is taken back."))
    return redirect(record_url(record))


def open_request(record: RemediationItem) -> WontDoRequest | None:
    return record.wont_do_requests.filter(answer="").select_related("asked_by").first()


def _posted(request: HttpRequest):
    return request.POST if request.method == "POST" else None


urlpatterns = [
    path("items/<slug:public_id>/edit", item_edit, name="item_edit"),
    path("items/<slug:public_id>/team", item_team, name="item_team"),
    path("items/<slug:public_id>/take-over", item_take_over, name="item_take_over"),
    path("items/<slug:public_id>/causes", item_causes, name="item_causes"),
    path("items/<slug:public_id>/wont-do", item_ask_wont_do, name="item_ask_wont_do"),
    path("items/<slug:public_id>/grant-wont-do", item_grant_wont_do, name="item_grant_wont_do"),
    path("items/<slug:public_id>/refuse-wont-do", item_refuse_wont_do, name="item_refuse_wont_do"),
    path("items/<slug:public_id>/withdraw-wont-do", item_withdraw_wont_do, name="item_withdraw_wont_do"),
]
