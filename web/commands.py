"""What exactly commands run, who approves them, and the switch that stops them all."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from postmortem import access, pipelines
from remediation import approvals, items
from remediation.probes import commands
from web import checkwords
from web.checklists import find_entry
from web.checklistwords import asked
from web.checks import find_check
from web.forms.checks import SwitchForm


def _shown(definition: approvals.Definition, reader: Any) -> dict[str, Any]:
    """What the page of a command shows: what exactly runs, beside what ran before."""
    if not approvals.runs_a_command(definition):
        raise Http404
    body = approvals.body_of_definition(definition)
    sha = approvals.sha_of(body)
    stands = approvals.standing(approvals.owner_of(definition), body, now=timezone.now())
    revision = approvals.revision_of(definition)
    before = approvals.last_approved(definition)
    is_changed = before is not None and before.sha != sha
    return {
        "sha": sha,
        "lines": _pretty(body),
        "before": _pretty(before.body) if is_changed else [],
        "standing": stands.code,
        "approval": stands.approval,
        "revision": revision,
        "seems_to": commands.classify(pipelines.show(definition.pipeline or [])),
        "is_own": revision is not None and revision.author_id == reader.pk,
        "may_approve": reader.is_at_least("administrator"),
        "stopped": approvals.switched_off(approvals.teams_of(definition)),
    }


def _pretty(body: str) -> list[str]:
    """All that decides what runs, a fact a line, commands as lists so that nothing hides in quotes."""
    said = json.loads(body)
    lines = [
        f"{number}. {json.dumps(argv, ensure_ascii=False)}" for number, argv in enumerate(said["pipeline"], 1)
    ]
    rest = {name: value for name, value in said.items() if name not in {"pipeline", "form"} and value != ""}
    return [*lines, *(f"{name}: {value}" for name, value in sorted(rest.items()))]


@login_required
@require_GET
def check_command(request: HttpRequest, pk: int) -> HttpResponse:
    """What exactly a check runs, and who approved it."""
    record = find_check(request, pk)
    item = record.item
    context = _shown(record, request.user) | {
        "title": checkwords.title(record),
        "about": item.title,
        "crumbs": [
            (reverse("web:item", args=[item.public_id]), item.public_id),
            (reverse("web:check", args=[pk]), checkwords.title(record)),
        ],
        "approve_url": reverse("web:check_approve", args=[pk]),
    }
    return render(request, "checks/command.html", context)


@login_required
@require_POST
def check_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """An administrator who did not write it lets the command of a check run."""
    _approve(request, find_check(request, pk))
    return redirect("web:check_command", pk)


@login_required
@require_GET
def checklist_command(request: HttpRequest, pk: int) -> HttpResponse:
    """What exactly an entry of a checklist runs, and who approved it."""
    entry = find_entry(request, pk)
    review = entry.review
    context = _shown(entry, request.user) | {
        "title": entry.title,
        "about": review.title,
        "crumbs": [
            (reverse("web:review", args=[review.public_id]), review.public_id),
            (reverse("web:checklist", args=[review.public_id]), _("Checklist")),
        ],
        "approve_url": reverse("web:checklist_approve", args=[pk]),
    }
    return render(request, "checks/command.html", context)


@login_required
@require_POST
def checklist_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """An administrator who did not write it lets the command of an entry run."""
    _approve(request, find_entry(request, pk))
    return redirect("web:checklist_command", pk)


def _approve(request: HttpRequest, definition: approvals.Definition) -> None:
    access.need(request.user, "administrator")
    approvals.approve(definition, sha=request.POST.get("sha", ""), by=request.user, now=timezone.now())
    messages.success(request, _("Approved: it runs for 90 days."))


@login_required
@require_GET
def probes(request: HttpRequest) -> HttpResponse:
    """The commands that wait for an approval, and the switch that stops all."""
    now = timezone.now()
    stopped = approvals.switched_off()
    context = {
        "section": "probes",
        "waiting": _waiting(request.user, now)[:100],
        "stopped": stopped,
        "form": SwitchForm(is_stopped=stopped is not None),
        "may_switch": request.user.is_at_least("administrator"),
        "is_enabled": settings.SHELL_PROBES_ENABLED,
    }
    return render(request, "checks/probes.html", context)


def _waiting(reader: Any, now: datetime) -> list[dict[str, str]]:
    """The rows of the table of what waits: of checks first, then of checklists."""
    checks = approvals.waiting(items.visible_to(reader), now=now)
    entries = approvals.waiting_entries(access.reviews(reader), now=now)
    return [
        {
            "url": reverse("web:check_command", args=[check.pk]),
            "title": checkwords.title(check),
            "of": check.item.public_id,
            "command": pipelines.show(check.pipeline or []),
        }
        for check in checks
    ] + [
        {
            "url": reverse("web:checklist_command", args=[entry.pk]),
            "title": entry.title,
            "of": entry.review.public_id,
            "command": asked(entry),
        }
        for entry in entries
    ]


@login_required
@require_POST
def probes_switch(request: HttpRequest) -> HttpResponse:
    """Stop all commands, or let them run again."""
    access.need(request.user, "administrator")
    is_off = request.POST.get("turn") == "off"
    reason = request.POST.get("reason", "")
    approvals.switch(team=None, is_off=is_off, reason=reason, by=request.user, now=timezone.now())
    return redirect("web:probes")


urlpatterns = [
    path("probes/", probes, name="probes"),
    path("probes/switch", probes_switch, name="probes_switch"),
    path("checks/<int:pk>/command", check_command, name="check_command"),
    path("checks/<int:pk>/approve", check_approve, name="check_approve"),
    path("checklist/<int:pk>/command", checklist_command, name="checklist_command"),
    path("checklist/<int:pk>/approve", checklist_approve, name="checklist_approve"),
]
