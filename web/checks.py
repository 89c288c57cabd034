"""Verification checks: what one asks, what its runs answered, and what a person may do with it."""

from itertools import pairwise
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from postmortem import access
from postmortem.drafts import Made
from postmortem.errors import DomainError, Invalid, NotAllowed
from remediation import approvals, catalogue, items, runs, verification
from remediation.models import (
    CheckDay,
    CheckRun,
    DataSource,
    ItemTransition,
    RemediationItem,
    VerificationCheck,
)
from web import charts, checkwords, history, making
from web.asking import ask, status_of
from web.forms import show_refusal
from web.forms.checks import CheckForm, PauseForm
from web.forms.template_checks import TemplateCheckForm
from web.items import find_item
from web.paging import page_of
from web.trials import series_rows, trial_of

STRIP_LENGTH = 60
RUNS_A_PAGE = 25
DAYS_SHOWN = 31
ERROR_SHOWN = 160
# So many turns between pass and fail within a strip are a pattern.
FLAPPING = 4
# How long a page asks again whether a run has finished, in seconds between one time and the next.
PATIENCE = (1, 1, 2, 2, 3, 5, 5, 10, 10, 15, 15, 30, 30)


@login_required
@require_GET
def check(request: HttpRequest, pk: int) -> HttpResponse:
    now = timezone.now()
    record = find_check(request, pk)
    recent = list(record.runs.order_by("-slot")[:STRIP_LENGTH])[::-1]
    page = page_of(
        record.runs.select_related("verification_check"),
        request.GET,
        by="slot",
        is_descending=True,
        size=RUNS_A_PAGE,
    )
    for run in page.rows:
        _row(run)
    is_held = bool(approvals.held([record], now=now))
    limit = record.threshold if record.kind == VerificationCheck.Kind.PROMETHEUS else None
    comparator = VerificationCheck.Comparator(record.comparator).label
    context = {
        "now": now,
        "check": checkwords.describe(record),
        "item": record.item,
        "recent": recent,
        "chart": charts.value_line(history.points(recent), threshold=limit, comparator=comparator)
        if recent
        else "",
        "page": page,
        "days": [_day(day) for day in record.days.all()[:DAYS_SHOWN]],
        # A run of a command that may not start is over before anybody has read that it waits.
        "waiting": None if is_held else runs.unfinished(record, now=now),
        "is_held": is_held,
        "is_off": bool(record.pipeline) and not settings.SHELL_PROBES_ENABLED,
        "silent": record.data_source.open_circuit
        if record.data_source and record.data_source.is_enabled
        else None,
        "wait_seconds": PATIENCE[0],
        "is_late": record.standing.is_stale(now),
        "transitions": ItemTransition.objects.filter(run__verification_check=record)
        .select_related("run")
        .order_by("-at", "-id")[:20],
        "may_edit": request.user.is_at_least("member"),
        "command": _standing_of(record) if record.pipeline else None,
        "flaps": flaps([run.outcome for run in recent]),
        "pause_form": PauseForm(auto_id="pause_%s"),
        # What nobody looks at is not verified: an item keeps one active check.
        "may_pause": record.kind != VerificationCheck.Kind.EXAM
        and record.item.verification_checks.filter(is_paused=False).exclude(pk=pk).exists(),
    }
    return render(request, "checks/detail.html", context)


@login_required
@require_GET
def check_waiting(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the run that waits has finished, for htmx: asks ever more rarely, and gives up."""
    record = find_check(request, pk)
    run = runs.unfinished(record, now=timezone.now())
    if run is None:
        response = HttpResponse()
        response["HX-Refresh"] = "true"
        return response
    asked = request.GET.get("asked", "0")
    times = min(int(asked), len(PATIENCE)) + 1 if asked.isdecimal() and len(asked) < 4 else 1
    context = {
        "check": record,
        "waiting": run,
        "asked": times,
        "wait_seconds": PATIENCE[times] if times < len(PATIENCE) else 0,
    }
    return render(request, "checks/_waiting.html", context)


@login_required
@require_POST
def check_run(request: HttpRequest, pk: int) -> HttpResponse:
    record = find_check(request, pk)
    verification.run_now(record, by=request.user, now=timezone.now())
    return redirect("web:check", pk)


@login_required
@require_http_methods(["GET", "POST"])
def check_pause(request: HttpRequest, pk: int) -> HttpResponse:
    record = find_check(request, pk)
    return ask(
        request,
        title=_("Pause “%(check)s”?") % {"check": checkwords.title(record)},
        text=_("A paused check does not run and proves nothing; its item is judged by its other checks."),
        submit=_("Pause the check"),
        done=_("The check is paused."),
        back=check_url(record),
        form=PauseForm(request.POST if request.method == "POST" else None),
        act=lambda data: items.pause(record, is_paused=True, **data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_POST
def check_resume(request: HttpRequest, pk: int) -> HttpResponse:
    record = find_check(request, pk)
    items.pause(record, is_paused=False, by=request.user, now=timezone.now())
    messages.success(request, _("The check runs again."))
    return redirect("web:check", pk)


@login_required
@require_http_methods(["GET", "POST"])
def check_edit(request: HttpRequest, pk: int) -> HttpResponse:
    record = find_check(request, pk)
    if record.kind == VerificationCheck.Kind.EXAM:
        # What it asks is written there.
        return redirect("web:process", record.item.public_id)
    data = request.POST if request.method == "POST" else None
    template = catalogue.find(record.template) if record.template else None
    form: CheckForm | TemplateCheckForm
    if template is not None:
        form = TemplateCheckForm(data, template=template, check=record)
    else:
        form = CheckForm(data, prefix="check", check=record)
    back = check_url(record)

    def save(now: Any) -> VerificationCheck:
        return items.edit_check(record, spec=form.spec(), by=request.user, now=now)

    said = _("Saved. If the definition changed, the count of passes and fails begins anew.")
    return _define(
        request, form, save, back=back, said=said, item=record.item, check=checkwords.describe(record)
    )


@login_required
@require_http_methods(["GET", "POST"])
def check_new(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_item(request, public_id)
    form = CheckForm(request.POST if request.method == "POST" else None, prefix="check")
    back = reverse("web:item", args=[record.public_id])

    def save(now: Any) -> VerificationCheck:
        return _add(request, record, form, now)

    return _define(request, form, save, back=back, item=record)


@login_required
@require_http_methods(["GET", "POST"])
def check_from_template(request: HttpRequest, public_id: str, slug: str) -> HttpResponse:
    """A check made of a template: only its values are asked, and its command needs no second person."""
    record = find_item(request, public_id)
    template = catalogue.find(slug)
    if template is None:
        raise Http404
    form = TemplateCheckForm(request.POST if request.method == "POST" else None, template=template)

    def save(now: Any) -> VerificationCheck:
        return _add(request, record, form, now)

    back = reverse("web:check_new", args=[record.public_id])
    return _define(request, form, save, back=back, item=record)


def _add(request: HttpRequest, record: RemediationItem, form: Any, now: Any) -> VerificationCheck:
    return making.once(
        request,
        lambda: items.add_check(record, spec=form.spec(), by=request.user, now=now),
        made=lambda check: Made(check_url(check), checkwords.title(check)),
    )


def _define(
    request: HttpRequest,
    form: CheckForm | TemplateCheckForm,
    save: Any,
    *,
    back: str,
    item: RemediationItem,
    said: str = "",
    check: Any = None,
) -> HttpResponse:
    """The page on which a check is written; it is tried once before it is saved (R5).

    Args:
        said: what is said once it is saved; "" for a new check, of which it is said whether it runs.
    """
    access.need(request.user, "member")
    trial = None
    if form.is_bound and form.is_valid():
        trial = trial_of(form)
        if not form.errors and request.POST.get("intent", "save") == "save":
            try:
                saved = save(timezone.now())
            except NotAllowed:
                raise
            except making.MadeAlready as refusal:
                making.show(form, refusal)
            except Invalid as refusal:
                form.show_refusal(refusal)
            except DomainError as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, said or _added(saved))
                return redirect(check_url(saved))
    context = {
        "check_form": form,
        "trial": trial,
        "item": item,
        "check": check,
        "back": back,
        "has_sources": DataSource.objects.exists(),
        "templates": catalogue.offered() if check is None else [],
    }
    return render(request, "checks/form.html", context, status=status_of(form))


def _added(check: VerificationCheck) -> str:
    if approvals.held([check], now=timezone.now()):
        return _("The check is added. Its command does not run yet: this page says what it waits for.")
    return _("The check is added; it runs from now on.")


def flaps(outcomes: list[str]) -> int:
    """How often the last runs turned between pass and fail; 0 where that is no pattern yet."""
    told = [outcome for outcome in outcomes if outcome in {"pass", "fail"}]
    turns = sum(before != after for before, after in pairwise(told))
    return turns if turns >= FLAPPING else 0


def find_check(request: HttpRequest, pk: int) -> VerificationCheck:
    """The check, if this reader may see its item."""
    visible = VerificationCheck.objects.filter(item__in=items.visible_to(request.user))
    return get_object_or_404(
        visible.select_related(
            "standing", "item__owner", "item__service", "item__severity", "data_source__health"
        ),
        pk=pk,
    )


def check_url(record: VerificationCheck) -> str:
    return reverse("web:check", args=[record.pk])


def _row(run: CheckRun) -> CheckRun:
    """Give a run what its row of the table shows."""
    run.value_words = charts.figure(run.value)
    run.lateness = max(0.0, (run.started_at - run.slot).total_seconds()) if run.started_at else None
    run.error_words = checkwords.error(run)
    run.is_error_long = len(run.error) > ERROR_SHOWN
    run.series_rows = series_rows(run.series or [])
    is_older = run.check_version != run.verification_check.version
    run.has_more = bool(run.output or run.error_code or run.series_rows or is_older)
    return run


def _day(day: CheckDay) -> CheckDay:
    """Give a day of old runs its values as the table shows them."""
    day.least, day.greatest = charts.figure(day.value_min), charts.figure(day.value_max)
    return day


def _standing_of(record: VerificationCheck) -> dict[str, Any]:
    """Whether its command may run."""
    body = approvals.body_of_check(record)
    stands = approvals.standing(approvals.owner_of(record), body, now=timezone.now())
    return {"standing": stands.code, "stopped": approvals.switched_off(approvals.teams_of(record))}


urlpatterns = [
    path("items/<slug:public_id>/checks/new", check_new, name="check_new"),
    path(
        "items/<slug:public_id>/checks/templates/<slug:slug>", check_from_template, name="check_from_template"
    ),
    path("checks/<int:pk>/", check, name="check"),
    path("checks/<int:pk>/waiting", check_waiting, name="check_waiting"),
    path("checks/<int:pk>/run", check_run, name="check_run"),
    path("checks/<int:pk>/pause", check_pause, name="check_pause"),
    path("checks/<int:pk>/resume", check_resume, name="check_resume"),
    path("checks/<int:pk>/edit", check_edit, name="check_edit"),
]
