"""Remediation items: the list, the page of one, and the acts a person may do with it."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from governance import regressions
from postmortem import access
from postmortem.models import Incident
from remediation import approvals, items, waivers
from remediation.models import DeadlineWaiver, RemediationItem, VerificationCheck
from web import charts, checkwords, deadlinewords, history, item_list, nextsteps, version_links
from web.asking import ask
from web.badges import look
from web.forms.items import AssignForm, ClaimForm, DeclineForm, NoteForm

State = RemediationItem.State
# As many marks as a phone's width shows.
RUNS_DRAWN = 40


@login_required
@require_GET
def item(request: HttpRequest, public_id: str) -> HttpResponse:
    now = timezone.now()
    record = find_item(request, public_id)
    checks = _checks(record, now)
    moves = list(record.transitions.select_related("by", "run__verification_check"))
    for move in moves:
        move.look = look("item_state", move.to_state)
        move.check_title = checkwords.title(move.run.verification_check) if move.run else ""
    asked = record.wont_do_requests.filter(answer="").select_related("asked_by").first()
    steps = nextsteps.of(record, request.user, is_asked=asked is not None)
    version_links.counted([record])
    context = {
        "now": now,
        "item": record,
        "standing": item_list.standing(record, now),
        "checks": checks,
        "stages": nextsteps.stages(record, moves, checks, now=now),
        "next_steps": [
            (step, reverse(f"web:item_{step.name}", args=[record.public_id]))
            for step in steps
            if not step.refusal
        ],
        "refusal": next((step.refusal for step in steps if step.refusal), ""),
        "moves": moves[::-1],
        "causes": list(record.causes.all()),
        "incidents": _incidents(request, record),
        "is_never_red": needs_reason(record),
        "may_edit": request.user.is_at_least("member"),
        "may_hand_over": record.state != State.WONT_DO and request.user.is_at_least("member"),
        "may_take_over": items.may_take_over(record, request.user),
        "asked": asked,
        **_deadline(record, request.user, now),
        "may_decide": asked is not None and items.may_decide(record, request.user, asked),
        "unanswered": items.unanswered(record.review) if record.review else None,
        "declared": regressions.incident_of(record, for_user=request.user)
        if any(move.to_state == State.REGRESSED for move in moves)
        else None,
    }
    return render(request, "items/detail.html", context)


def _deadline(record: RemediationItem, user: User, now: datetime) -> dict[str, Any]:
    """What happened to the deadline, and what this person may do about it."""
    rows = deadlinewords.shown(record, now)
    waiver = next((row for row in rows if isinstance(row, DeadlineWaiver) and not row.answer), None)
    runs = record.state in items.UNFINISHED and now <= record.due_at
    return {
        "deadline": rows,
        "may_ask_time": runs and waiver is None and user.is_at_least("member"),
        "may_answer_time": waiver is not None and runs and waivers.may_answer(record, user, waiver),
    }


def _checks(record: RemediationItem, now: datetime) -> list[VerificationCheck]:
    """The item's checks with their last runs and in words."""
    checks = list(
        history.with_recent(
            record.verification_checks.select_related("data_source", "standing"), size=RUNS_DRAWN
        )
    )
    for check in checks:
        checkwords.describe(check)
        check.marks = history.marks(check)
        check.is_late = check.standing.is_stale(now)
        check.line = charts.sparkline(history.points(check.marks), threshold=check.threshold)
    return checks


def _incidents(request: HttpRequest, record: RemediationItem) -> list[Incident]:
    if record.review_id is None:
        return []
    return list(access.incidents(request.user).filter(review=record.review_id).select_related("severity"))


def needs_reason(record: RemediationItem) -> bool:
    """Whether claiming the fix asks for a reason: grave, and a check that was never seen failing."""
    never_red = record.verification_checks.filter(standing__seen_red_at=None)
    return record.severity.rank <= items.RED_FIRST_RANK and never_red.exists()


@login_required
@require_POST
def item_start(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    items.start(record, by=request.user, now=timezone.now())
    messages.success(request, _("Work on %(id)s has begun.") % {"id": record})
    return redirect(record_url(record))


@login_required
@require_http_methods(["GET", "POST"])
def item_claim(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    posted = request.POST if request.method == "POST" else None
    return ask(
        request,
        title=_("Claim the fix of %(id)s") % {"id": record},
        text=_(
            "You say that it is done. From now on the checks count passes; only they can verify the item."
        ),
        submit=_("Claim the fix"),
        done=_claimed(record),
        back=record_url(record),
        form=ClaimForm(posted, needs_reason=needs_reason(record), initial={"fix_url": record.fix_url}),
        act=lambda data: items.claim_fix(record, **data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


def _claimed(record: RemediationItem) -> str:
    """What is said after a claim: whether its checks run now."""
    active = list(record.verification_checks.filter(is_paused=False).select_related("item"))
    held = len(approvals.held(active, now=timezone.now()))
    if held == len(active):
        return _("The fix is claimed. Its checks cannot run yet: each of their pages says what it waits for.")
    if held:
        words = ngettext(
            "The fix is claimed. The checks run now and count from here, but for %(n)d that cannot run yet.",
            "The fix is claimed. The checks run now and count from here, but for %(n)d that cannot run yet.",
            held,
        )
        return words % {"n": held}
    return _("The fix is claimed. The checks run now and count from here.")


@login_required
@require_http_methods(["GET", "POST"])
def item_withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    return ask(
        request,
        title=_("Withdraw the claim on %(id)s?") % {"id": record},
        text=_("The item goes back to “in progress”, and the passes counted so far are forgotten."),
        submit=_("Withdraw the claim"),
        done=_("The claim is withdrawn."),
        back=record_url(record),
        form=NoteForm(request.POST if request.method == "POST" else None),
        act=lambda data: items.withdraw_claim(record, **data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_decline(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    posted = request.POST if request.method == "POST" else None
    return ask(
        request,
        title=_("Decline %(id)s?") % {"id": record},
        text=_(
            "It will not be done. In the closure rate it is not closed; reason and approver stay on record."
        ),
        submit=_("Decline the item"),
        done=_("The item is declined."),
        back=record_url(record),
        form=DeclineForm(posted),
        act=lambda data: items.decline(record, **data, by=request.user, now=timezone.now()),
        is_allowed=items.may_decide(record, request.user),
        is_danger=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_reopen(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    return ask(
        request,
        title=_("Reopen %(id)s?") % {"id": record},
        text=_("Work on it begins again; its deadline stays as it was agreed."),
        submit=_("Reopen"),
        done=_("The item is open again."),
        back=record_url(record),
        form=NoteForm(request.POST if request.method == "POST" else None),
        act=lambda data: items.reopen(record, **data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def item_assign(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    posted = request.POST if request.method == "POST" else None
    return ask(
        request,
        title=_("Hand over %(id)s") % {"id": record},
        text=_("The new owner answers for it from now on; the deadline stays."),
        submit=_("Hand over"),
        done=_("The item has a new owner."),
        back=record_url(record),
        form=AssignForm(posted, initial={"to": record.owner_id}),
        act=lambda data: items.assign(record, to=data["to"], by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


def record_url(record: RemediationItem) -> str:
    return reverse("web:item", args=[record.public_id])


def find_item(request: HttpRequest, public_id: str) -> RemediationItem:
    """The item, if this reader may see it; one of a restricted incident does not exist for strangers."""
    visible = items.visible_to(request.user).select_related(
        "owner",
        "team__manager",
        "service",
        "severity",
        "review",
        "fix_claimed_by",
        "wont_do_approved_by",
        "agreed_by",
    )
    return get_object_or_404(visible, public_id=public_id)


urlpatterns = [
    path("items/", item_list.item_list, name="items"),
    path("items/export.csv", item_list.export, name="items_csv"),
    path("items/<slug:public_id>/", item, name="item"),
    path("items/<slug:public_id>/start", item_start, name="item_start"),
    path("items/<slug:public_id>/claim", item_claim, name="item_claim"),
    path("items/<slug:public_id>/withdraw", item_withdraw, name="item_withdraw"),
    path("items/<slug:public_id>/decline", item_decline, name="item_decline"),
    path("items/<slug:public_id>/reopen", item_reopen, name="item_reopen"),
    path("items/<slug:public_id>/assign", item_assign, name="item_assign"),
]
