"""What becomes of a review after its archive: revisions, what changed between them, addenda, reopening."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from postmortem import access, document, revisions
from postmortem.drafts import Made
from postmortem.models import LessonPoint
from remediation import items, plan
from web import making
from web.asking import ask
from web.forms.incidents import ReasonForm
from web.forms.reviews import AddendumForm, AnswerForm
from web.review_page import find_review, review_url
from web.revision_words import Words


@login_required
@require_GET
def revision(request: HttpRequest, public_id: str, number: int) -> HttpResponse:
    """What a review said when it was archived."""
    record = find_review(request, public_id)
    rows = record.revisions.select_related("archived_by", "reopening__reopened_by")
    kept = get_object_or_404(rows, number=number)
    content = kept.content
    context = {
        "review": record,
        "revision": kept,
        "title": content.get("title", ""),
        "parts": Words(content).parts(content),
        "is_unchanged": document.hash_of(kept.content_json) == kept.content_hash,
        "is_last": not record.revisions.filter(number__gt=number).exists(),
    }
    return render(request, "reviews/revision.html", context)


@login_required
@require_GET
def revision_changes(request: HttpRequest, public_id: str, number: int) -> HttpResponse:
    """What a revision changed against the one before; one more than the last stands for the open review."""
    record = find_review(request, public_id)
    before = get_object_or_404(record.revisions, number=number - 1)
    kept = record.revisions.filter(number=number).first()
    after = kept.content if kept is not None else document.plain(document.content(record))
    found = revisions.differences(before.content, after)
    context = {
        "review": record,
        "before": before,
        "after": kept,
        "reopening": getattr(before, "reopening", None),
        "changes": Words(before.content, after).changes(
            one for one in found if one.path[-1] not in {"format", "signed_at", "signed_by_id"}
        ),
        "signatures": sum(one.path[-1] == "signed_at" for one in found),
    }
    return render(request, "reviews/revision_changes.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def review_reopen(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    return ask(
        request,
        title=_("Reopen the postmortem %(id)s?") % {"id": record},
        text=_(
            "It can be changed again, and changes that name it are blocked until it is archived anew."
            " What was archived stays readable as a revision; signatures stay until a step is reopened."
        ),
        submit=_("Reopen the postmortem"),
        done=_("%(id)s is open again.") % {"id": record},
        back=review_url(record),
        form=form,
        act=lambda data: revisions.reopen(record, reason=data["reason"], by=request.user, now=now),
        is_allowed=request.user.is_at_least("facilitator"),
        is_autosaved=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def lesson_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Map a point of what went badly to items, or say why it needs none."""
    rows = LessonPoint.objects.select_related("review").filter(review__in=access.reviews(request.user))
    point = get_object_or_404(rows, pk=pk)
    choices = items.visible_to(request.user).filter(review=point.review).order_by("id")
    initial = {"items": list(point.items.all()), "reason": point.declined_because}
    form = AnswerForm(
        request.POST if request.method == "POST" else None,
        items=choices,
        may_decline=request.user.is_at_least("facilitator"),
        initial=initial,
    )
    now = timezone.now()
    return ask(
        request,
        title=_("What answers this?"),
        text=point.text,
        submit=_("Save"),
        done=_("Saved."),
        back=f"{review_url(point.review)}#lessons",
        form=form,
        act=lambda data: plan.answer_lesson(
            point, items=list(data["items"]), reason=data["reason"], by=request.user, now=now
        ),
        is_allowed=request.user.is_at_least("member"),
        is_autosaved=True,
        template="reviews/lesson_answer.html",
        point=point,
        has_choices=choices.exists(),
    )


@login_required
@require_http_methods(["GET", "POST"])
def addendum_new(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_review(request, public_id)
    form = AddendumForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    return ask(
        request,
        title=_("Add to %(id)s") % {"id": record},
        text=_(
            "It stands below the postmortem with your name and is never changed."
            " The postmortem stays as it is."
        ),
        submit=_("Add it"),
        done=_("The addendum is added."),
        back=f"{review_url(record)}#addenda",
        form=form,
        act=lambda data: revisions.add_addendum(record, text=data["text"], by=request.user, now=now),
        made=lambda addendum: Made(f"{review_url(record)}#addenda", making.words(addendum.text)),
        is_allowed=request.user.is_at_least("member"),
        is_autosaved=True,
    )


_REVIEW = "reviews/<slug:public_id>"

urlpatterns = [
    path(f"{_REVIEW}/reopen", review_reopen, name="review_reopen"),
    path(f"{_REVIEW}/revisions/<int:number>/", revision, name="revision"),
    path(f"{_REVIEW}/revisions/<int:number>/changes", revision_changes, name="revision_changes"),
    path("lessons/<int:pk>/answer", lesson_answer, name="lesson_answer"),
    path(f"{_REVIEW}/addenda/new", addendum_new, name="addendum_new"),
]
