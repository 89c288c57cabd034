"""Pages of process defects: the revised procedure, the exam to write and to sit, and who passed."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from postmortem.errors import DomainError, EditConflict, Invalid, NotAllowed
from remediation import exams
from remediation.models import Exam, ExamAttempt, RemediationItem, RosterEntry, SopRevision
from web import conflicts
from web.asking import ask
from web.forms import show_refusal
from web.forms.exams import ExamForm, RevisionForm, SittingForm
from web.items import find_item


@login_required
@require_GET
def process(request: HttpRequest, public_id: str) -> HttpResponse:
    """Everything about a changed process; the questions only for who writes them."""
    item = find_item(request, public_id)
    found = exams.progress(item)
    may_write = exams.may_write(item, request.user)
    mine = next((place for place in found.places if place.entry.person_id == request.user.pk), None)
    attempts = ExamAttempt.objects.none()
    if found.exam is not None:
        attempts = found.exam.attempts.select_related("person")
        attempts = attempts if may_write else attempts.filter(person=request.user)
    revisions = SopRevision.objects.filter(item=item).select_related("recorded_by")
    has_exam_check = item.verification_checks.filter(kind="exam").exists()
    is_process = item.category == RemediationItem.Category.PROCESS_DEFECT
    context = {
        "item": item,
        # Where the category was changed later, what was recorded before is still shown.
        "is_none": not (is_process or has_exam_check or found.exam or revisions),
        "may_edit": request.user.is_at_least("member"),
        "progress": found,
        "percent": round(100 * found.share) if found.share is not None else None,
        "revisions": revisions,
        "left": _left(found.exam),
        "attempts": attempts[:50],
        "mine": mine,
        "may_sit": mine is not None and not mine.is_passed and _has_attempts(found.exam, mine),
        "may_write": may_write,
        "may_record": request.user.is_at_least("member"),
        "now": timezone.now(),
    }
    return render(request, "exams/detail.html", context)


def _left(exam: Exam | None) -> list[RosterEntry]:
    if exam is None:
        return []
    return list(exam.roster.filter(left_at__isnull=False).select_related("person").order_by("-left_at")[:20])


def _has_attempts(exam: Exam | None, place: exams.Place) -> bool:
    if exam is None:
        return False
    allowed = exams.attempts_for(exam, place.entry)
    return not allowed or place.attempts < allowed


@login_required
@require_http_methods(["GET", "POST"])
def sop_revision(request: HttpRequest, public_id: str) -> HttpResponse:
    item = find_item(request, public_id)
    return ask(
        request,
        title=_("Record a revision of the procedure"),
        text=_("Say where the revised procedure is and what its revision is called. It stays on record."),
        submit=_("Record"),
        done=_("The revision is recorded."),
        back=url_of(item),
        form=RevisionForm(request.POST if request.method == "POST" else None),
        act=lambda data: exams.record_revision(item, **data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def exam_write(request: HttpRequest, public_id: str) -> HttpResponse:
    item = find_item(request, public_id)
    if not exams.may_write(item, request.user):
        raise NotAllowed(_("The exam is written by the owner, the team's manager or a facilitator."))
    known = exams.find_exam(item)
    form = ExamForm(request.POST if request.method == "POST" else None, exam=known, item=item)

    def write(data: dict[str, Any]) -> None:
        try:
            exams.write(item, **data, by=request.user, now=timezone.now())
        except Invalid as refusal:
            refusal.field = "questions" if refusal.field.startswith("questions") else refusal.field
            raise

    return ask(
        request,
        title=_("The exam of %(id)s") % {"id": item},
        text=_(
            "Other questions or another mark make it another exam, which everybody on the roster has to pass."
        ),
        submit=_("Save the exam"),
        done=_("Saved."),
        back=url_of(item),
        form=form,
        act=write,
        is_allowed=True,
    )


@login_required
@require_http_methods(["GET", "POST"])
def exam_sit(request: HttpRequest, public_id: str) -> HttpResponse:
    """The questions, and after they are answered how many were right."""
    item = find_item(request, public_id)
    exam = exams.find_exam(item)
    if exam is None or not _is_on_roster(exam, request):
        raise Http404
    form = SittingForm(request.POST if request.method == "POST" else None, exam=exam)
    status = 200
    if form.is_valid():
        try:
            attempt = exams.sit(
                exam,
                answers=form.answers(),
                version=form.cleaned_data["version"],
                by=request.user,
                now=timezone.now(),
            )
        except EditConflict as refusal:
            messages.warning(request, refusal.message)
            return redirect("web:exam_sit", public_id)
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            words = {"right": attempt.right, "total": attempt.total}
            if attempt.is_passed:
                messages.success(request, _("Passed: %(right)d of %(total)d right.") % words)
            else:
                messages.warning(request, _("Not passed: %(right)d of %(total)d right.") % words)
            return redirect(url_of(item))
    if form.is_bound and form.errors:
        status = 422
    return render(request, "exams/sit.html", {"item": item, "exam": exam, "form": form}, status=status)


def _is_on_roster(exam: Exam, request: HttpRequest) -> bool:
    return exam.roster.filter(person=request.user, left_at=None).exists()


@login_required
@require_POST
def exam_grant(request: HttpRequest, pk: int) -> HttpResponse:
    entry = get_object_or_404(RosterEntry.objects.select_related("exam__item", "person"), pk=pk)
    item = find_item(request, entry.exam.item.public_id)
    exams.grant_attempt(entry.exam, person=entry.person, by=request.user, now=timezone.now())
    messages.success(request, _("%(name)s has one more attempt.") % {"name": entry.person})
    return redirect(url_of(item))


def url_of(item: RemediationItem) -> str:
    return reverse("web:process", args=[item.public_id])


urlpatterns = [
    path("items/<slug:public_id>/process", process, name="process"),
    path("items/<slug:public_id>/sop-revision", sop_revision, name="sop_revision"),
    path("items/<slug:public_id>/exam", exam_write, name="exam_write"),
    path("items/<slug:public_id>/sit", exam_sit, name="exam_sit"),
    path("roster/<int:pk>/grant", exam_grant, name="exam_grant"),
]
