"""Causes that came back: what looks alike, what a person said of it, and what was promised the last time."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from postmortem import access, recurrences
from postmortem.errors import Invalid
from postmortem.likeness import Likeness
from postmortem.models import Recurrence, Review, RootCause
from postmortem.recurrences import Suggestion
from web.causes import find_cause

# On the page of a review only the strongest are named.
SHOWN_BESIDE = 2


def reasons(likeness: Likeness) -> str:
    """Why it was suggested, in words: “same class, same service (order), shared words: pool, timeout”."""
    found = []
    if likeness.is_same_class:
        found.append(_("same class"))
    elif likeness.shared_class:
        found.append(_("neighbouring class"))
    if likeness.shared_services:
        found.append(
            ngettext("same service", "same services", len(likeness.shared_services))
            + f" ({', '.join(likeness.shared_services)})"
        )
    found.append(_("shared words: %(words)s") % {"words": ", ".join(likeness.shared_words)})
    return _(", ").join(found)


@login_required
@require_GET
def cause_earlier(request: HttpRequest, pk: int) -> HttpResponse:
    """Earlier causes that look like this one, to be confirmed or rejected."""
    cause = find_cause(request, pk)
    wanted = request.GET.get("review", "").strip()[:20].upper()
    context = {
        "cause": cause,
        "review": cause.review,
        "suggestions": [_shown(one) for one in recurrences.suggest(cause, to=request.user)],
        "judged": recurrences.judged(cause, to=request.user),
        "wanted": wanted,
        "named": _causes_of(wanted, cause, request.user) if wanted else [],
        "may_judge": request.user.is_at_least("member") and _is_judgeable(cause),
    }
    return render(request, "causes/earlier.html", context)


@login_required
@require_POST
def cause_judge(request: HttpRequest, pk: int) -> HttpResponse:
    cause = find_cause(request, pk)
    access.need(request.user, "member")
    recurrences.judge(
        cause,
        earlier=_named(request),
        verdict=request.POST.get("verdict", ""),
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, _("Saved."))
    return redirect("web:cause_earlier", pk)


@login_required
@require_GET
def cause_alike(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether earlier causes look like this one: a line for the page of the review, for htmx."""
    cause = find_cause(request, pk)
    found = recurrences.suggest(cause, to=request.user, most=SHOWN_BESIDE)
    return render(request, "causes/_alike.html", {"cause": cause, "found": [_shown(one) for one in found]})


def _shown(one: Suggestion) -> dict[str, object]:
    return {
        "cause": one.earlier,
        "percent": round(one.likeness.score * 100),
        "is_likely": one.likeness.is_likely,
        "reasons": reasons(one.likeness),
    }


def _named(request: HttpRequest) -> RootCause:
    given = request.POST.get("earlier", "")
    rows = RootCause.objects.filter(review__in=access.reviews(request.user))
    found = (
        rows.filter(pk=int(given)).first()
        if given.isascii() and given.isdigit() and len(given) < 19
        else None
    )
    if found is None:
        raise Invalid(_("There is no such cause."), field="earlier")
    return found


def _causes_of(public_id: str, cause: RootCause, user: User) -> list[RootCause]:
    review = access.reviews(user).filter(public_id=public_id).exclude(pk=cause.review_id).first()
    if review is None:
        return []
    said = Recurrence.objects.filter(cause=cause).values("earlier")
    rows = review.causes.exclude(state=RootCause.State.REFUTED).exclude(pk__in=said)
    return list(rows.select_related("review", "cause_class"))


def _is_judgeable(cause: RootCause) -> bool:
    """While the causes may change, and again once the review is archived."""
    review: Review = cause.review
    if review.is_archived:
        return True
    return review.opened_at is not None and not review.steps.get(position=4).is_signed


urlpatterns = [
    path("causes/<int:pk>/earlier", cause_earlier, name="cause_earlier"),
    path("causes/<int:pk>/judge", cause_judge, name="cause_judge"),
    path("causes/<int:pk>/alike", cause_alike, name="cause_alike"),
]
