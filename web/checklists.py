"""The executable checklist of a review: what it asks, what came of it, and how to take it elsewhere (R6)."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from postmortem import access, checkscript
from postmortem import checklists as postmortem_checklists
from postmortem.drafts import Made
from postmortem.errors import DomainError, EditConflict, NotAllowed
from postmortem.models import ChecklistEntry, Review
from remediation import checklists
from remediation.models import ChecklistRun
from web import charts, checkwords, conflicts, drafts, making
from web.asking import ask, status_of
from web.checklistwords import asked, expectation
from web.checks import PATIENCE
from web.forms import show_refusal
from web.forms.checklists import ChecklistForm
from web.paging import page_of
from web.review_page import find_review
from web.trials import series_rows

RUNS_A_PAGE = 25


@login_required
@require_GET
def checklist(request: HttpRequest, public_id: str) -> HttpResponse:
    """Its entries with their last outcome, and the history of runs."""
    review = find_review(request, public_id)
    entries = list(review.checklist.order_by("position"))
    latest = checklists.latest(entries)
    unapproved = {entry.pk for entry in checklists.unapproved(entries, now=timezone.now())}
    finished = ChecklistRun.objects.filter(review=review, finished_at__isnull=False)
    page = page_of(
        finished.select_related("requested_by"), request.GET, by="id", is_descending=True, size=RUNS_A_PAGE
    )
    for run in page.rows:
        show_run(run)
    is_member = request.user.is_at_least("member")
    context = {
        "review": review,
        "rows": [_row(entry, latest.get(entry.pk), entry.pk not in unapproved) for entry in entries],
        "page": page,
        "waiting": _waiting(review),
        "wait_seconds": PATIENCE[0],
        "may_write": is_member and review.opened_at is not None and not review.is_archived,
        "may_run": is_member,
        "may_run_all": is_member and any(_can_run(entry) and entry.pk not in unapproved for entry in entries),
        "is_off": not settings.SHELL_PROBES_ENABLED and any(entry.kind == "command" for entry in entries),
    }
    return render(request, "checklists/detail.html", context)


@login_required
@require_GET
def checklist_waiting(request: HttpRequest, public_id: str) -> HttpResponse:
    """How many runs wait, for htmx: asks ever more rarely, and gives up."""
    review = find_review(request, public_id)
    waiting = _waiting(review)
    if not waiting:
        response = HttpResponse()
        response["HX-Refresh"] = "true"
        return response
    asked = request.GET.get("asked", "0")
    times = min(int(asked), len(PATIENCE)) + 1 if asked.isdecimal() and len(asked) < 4 else 1
    context = {
        "review": review,
        "waiting": waiting,
        "asked": times,
        "wait_seconds": PATIENCE[times] if times < len(PATIENCE) else 0,
    }
    return render(request, "checklists/_waiting.html", context)


@login_required
@require_POST
def checklist_run_all(request: HttpRequest, public_id: str) -> HttpResponse:
    review = find_review(request, public_id)
    queued = checklists.run_all(review, by=request.user, now=timezone.now())
    count = len(queued)
    messages.success(
        request,
        ngettext("%(count)d run waits for a worker.", "%(count)d runs wait for a worker.", count)
        % {"count": count},
    )
    return redirect("web:checklist", public_id)


@login_required
@require_POST
def checklist_run(request: HttpRequest, pk: int) -> HttpResponse:
    entry = find_entry(request, pk)
    checklists.run_now(entry, by=request.user, now=timezone.now())
    return redirect("web:checklist", entry.review.public_id)


@login_required
@require_http_methods(["GET", "POST"])
def checklist_add(request: HttpRequest, public_id: str) -> HttpResponse:
    review = find_review(request, public_id)
    form = ChecklistForm(request.POST if request.method == "POST" else None)
    return _define(
        request,
        form,
        review,
        save=lambda now: making.once(
            request,
            lambda: checklists.add(review, **form.asked(), by=request.user, now=now),
            made=lambda entry: Made(reverse("web:checklist", args=[review.public_id]), entry.title),
        ),
        done=_("The entry is added."),
    )


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def checklist_edit(request: HttpRequest, pk: int) -> HttpResponse:
    entry = find_entry(request, pk)
    form = ChecklistForm(request.POST if request.method == "POST" else None, entry=entry)

    def save(now: Any) -> ChecklistEntry:
        version = form.cleaned_data.get("version") or 0
        return checklists.edit(entry, **form.asked(), version=version, by=request.user, now=now)

    return _define(request, form, entry.review, save=save, done=_("Saved."), entry=entry)


def _define(
    request: HttpRequest,
    form: ChecklistForm,
    review: Review,
    *,
    save: Any,
    done: str,
    entry: ChecklistEntry | None = None,
) -> HttpResponse:
    """The page on which an entry is written; a query is tried once before it is saved, as checks are."""
    access.need(request.user, "member")
    conflicts.merge(form)
    if not form.is_conflict and form.is_valid():
        try:
            save(timezone.now())
        except (NotAllowed, EditConflict):
            raise
        except making.MadeAlready as refusal:
            making.show(form, refusal)
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            drafts.close(request)
            messages.success(request, done)
            return redirect("web:checklist", review.public_id)
    drafts.attach(request, form)
    context = {
        "form": form,
        "review": review,
        "entry": entry,
        "back": reverse("web:checklist", args=[review.public_id]),
    }
    return render(request, "checklists/form.html", context, status=status_of(form))


@login_required
@require_POST
def checklist_move(request: HttpRequest, pk: int) -> HttpResponse:
    entry = find_entry(request, pk)
    by = -1 if request.POST.get("direction") == "up" else 1
    position = max(1, entry.position + by)
    postmortem_checklists.move(entry, position=position, by=request.user, now=timezone.now())
    return redirect("web:checklist", entry.review.public_id)


@login_required
@require_http_methods(["GET", "POST"])
def checklist_remove(request: HttpRequest, pk: int) -> HttpResponse:
    entry = find_entry(request, pk)
    return ask(
        request,
        title=pgettext("of a checklist", "Remove this entry?"),
        text=f"{entry.title}: {asked(entry)}",
        submit=_("Remove"),
        done=pgettext("of a checklist", "The entry is removed."),
        back=reverse("web:checklist", args=[entry.review.public_id]),
        act=lambda _data: postmortem_checklists.remove(entry, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
        is_danger=True,
    )


@login_required
@require_GET
def checklist_script(request: HttpRequest, public_id: str) -> HttpResponse:
    review = find_review(request, public_id)
    text = checkscript.script(f"{review.public_id}: {review.title}", checklists.exported(review))
    return _download(review, text, "sh", "text/x-shellscript")


@login_required
@require_GET
def checklist_markdown(request: HttpRequest, public_id: str) -> HttpResponse:
    review = find_review(request, public_id)
    text = checkscript.markdown(f"{review.public_id}: {review.title}", checklists.exported(review))
    return _download(review, text, "md", "text/markdown")


@login_required
@require_GET
def checklist_json(request: HttpRequest, public_id: str) -> HttpResponse:
    review = find_review(request, public_id)
    found = {
        "review": review.public_id,
        "title": review.title,
        "checklist": [checkscript.data(one) for one in checklists.exported(review)],
    }
    return _download(
        review, json.dumps(found, ensure_ascii=False, indent=2) + "\n", "json", "application/json"
    )


def show_run(run: ChecklistRun) -> ChecklistRun:
    """Give a run what its row of the table shows."""
    run.value_words = charts.figure(run.value)
    run.error_words = checkwords.error(run)
    run.series_rows = series_rows(run.series or [])
    run.has_more = bool(run.output or run.error_code or run.expression)
    return run


def _row(entry: ChecklistEntry, run: ChecklistRun | None, is_approved: bool = True) -> dict[str, Any]:
    return {
        "entry": entry,
        "command": asked(entry),
        "expectation": expectation(entry),
        "run": show_run(run) if run is not None else None,
        "can_run": _can_run(entry),
        "is_approved": is_approved,
        "is_command": entry.kind == ChecklistEntry.Kind.COMMAND,
        "is_stale": run is not None and run.entry_version != entry.version,
    }


def _can_run(entry: ChecklistEntry) -> bool:
    return entry.kind == ChecklistEntry.Kind.PROMQL or settings.SHELL_PROBES_ENABLED


def _waiting(review: Review) -> int:
    return ChecklistRun.objects.filter(review=review, finished_at=None).count()


def find_entry(request: HttpRequest, pk: int) -> ChecklistEntry:
    """The entry, if this reader may see its review."""
    rows = ChecklistEntry.objects.select_related("review")
    return get_object_or_404(rows, pk=pk, review__in=access.reviews(request.user))


def _download(review: Review, text: str, ending: str, content_type: str) -> HttpResponse:
    response = HttpResponse(text, content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{review.public_id}-checklist.{ending}"'
    return response


urlpatterns = [
    path("reviews/<slug:public_id>/checklist/", checklist, name="checklist"),
    path("reviews/<slug:public_id>/checklist/add", checklist_add, name="checklist_add"),
    path("reviews/<slug:public_id>/checklist/run", checklist_run_all, name="checklist_run_all"),
    path("reviews/<slug:public_id>/checklist/waiting", checklist_waiting, name="checklist_waiting"),
    path("reviews/<slug:public_id>/checklist/script", checklist_script, name="checklist_script"),
    path("reviews/<slug:public_id>/checklist/markdown", checklist_markdown, name="checklist_markdown"),
    path("reviews/<slug:public_id>/checklist/json", checklist_json, name="checklist_json"),
    path("checklist/<int:pk>/edit", checklist_edit, name="checklist_edit"),
    path("checklist/<int:pk>/move", checklist_move, name="checklist_move"),
    path("checklist/<int:pk>/run", checklist_run, name="checklist_run"),
    path("checklist/<int:pk>/remove", checklist_remove, name="checklist_remove"),
]
