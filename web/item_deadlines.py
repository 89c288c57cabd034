"""Pages about the deadline of an item: ask for a later one, answer, take it back."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from remediation import waivers
from remediation.models import DeadlineWaiver, RemediationItem
from web.asking import ask
from web.forms.items import CommentForm, DeclineForm, WaiverForm, end_of_day
from web.items import find_item, record_url

_PROPOSED = timedelta(days=14)


@login_required
@require_http_methods(["GET", "POST"])
def item_ask_time(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    return ask(
        request,
        title=_("Ask for more time for %(id)s") % {"id": record},
        text=_("The deadline of %(due)s holds until a governor grants another; unanswered, this lapses.")
        % {"due": _exact(record.due_at)},
        submit=_("Ask"),
        done=_("Asked. A governor has to answer before the deadline."),
        back=record_url(record),
        form=WaiverForm(
            request.POST if request.method == "POST" else None,
            initial={"due_at": timezone.localtime(record.due_at + _PROPOSED).date()},
        ),
        act=lambda data: waivers.ask(
            record,
            reason=data["reason"],
            due_at=end_of_day(data["due_at"]),
            by=request.user,
            now=timezone.now(),
        ),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_grant_time(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    waiver = waivers.find_open(record)
    return ask(
        request,
        title=_("Give %(id)s more time?") % {"id": record},
        text=_("Until %(due)s. Reason: %(reason)s") % {"due": _exact(waiver.due_at), "reason": waiver.reason}
        if waiver
        else "",
        submit=_("Grant"),
        done=_("The item has a new deadline."),
        back=record_url(record),
        form=CommentForm(request.POST if request.method == "POST" else None),
        act=lambda data: waivers.grant(record, **data, by=request.user, now=timezone.now()),
        is_allowed=_may_answer(record, request.user, waiver),
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_refuse_time(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    waiver = waivers.find_open(record)
    return ask(
        request,
        title=_("Refuse %(id)s more time") % {"id": record},
        text=waiver.reason if waiver else "",
        submit=_("Refuse"),
        done=_("Refused. The deadline stays."),
        back=record_url(record),
        form=DeclineForm(request.POST if request.method == "POST" else None),
        act=lambda data: waivers.refuse(record, **data, by=request.user, now=timezone.now()),
        is_allowed=_may_answer(record, request.user, waiver),
    )


@login_required
@require_POST
def item_withdraw_time(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    waiver = waivers.find_open(record)
    if waiver is None or waiver.asked_by_id != request.user.pk:
        raise Http404
    waivers.withdraw(record, by=request.user, now=timezone.now())
    messages.success(request, _("Your request is taken back."))
    return redirect(record_url(record))


def _exact(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), _("j M Y, H:i"))


def _may_answer(record: RemediationItem, user, waiver: DeadlineWaiver | None) -> bool:
    if waiver is None:
        # The act says that nobody asked.
        return user.is_at_least("governor")
    return waivers.may_answer(record, user, waiver)


urlpatterns = [
    path("items/<slug:public_id>/more-time", item_ask_time, name="item_ask_time"),
    path("items/<slug:public_id>/grant-more-time", item_grant_time, name="item_grant_time"),
    path("items/<slug:public_id>/refuse-more-time", item_refuse_time, name="item_refuse_time"),
    path("items/<slug:public_id>/withdraw-more-time", item_withdraw_time, name="item_withdraw_time"),
]
