"""Several items at once: what is ticked in the list gets another owner, team or tracker link."""

import re
from types import SimpleNamespace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from postmortem import access
from postmortem.errors import DomainError, NotAllowed
from remediation import items
from remediation.items import BulkRefused
from remediation.items.bulk import MOST
from remediation.models import RemediationItem
from web.forms import show_refusal
from web.forms.items import BulkForm


@login_required
@require_http_methods(["GET", "POST"])
def items_bulk(request: HttpRequest) -> HttpResponse:
    """Ask what is to change, then say exactly what will; only then is anything written."""
    access.need(request.user, "member")
    sent = request.POST if request.method == "POST" else request.GET
    typed = re.split(r"[\s,;，；、]+", sent.get("names", "").upper().strip())
    names = list(dict.fromkeys(name for name in (*sent.getlist("item"), *typed) if name))[: MOST + 1]
    picked = list(
        items.visible_to(request.user)
        .filter(public_id__in=[name for name in names if "\x00" not in name])
        .select_related("owner", "team", "service", "severity")
        .order_by("due_at", "pk")
    )
    form = BulkForm(request.POST if request.method == "POST" else None)
    refusals: dict[str, str] = {}
    is_confirmed = request.POST.get("intent") == "save"
    if request.method == "POST" and form.is_valid() and is_confirmed:
        seen = dict(value.split("=", 1) for value in request.POST.getlist("seen") if "=" in value)
        try:
            changed = items.change_many(
                names, wanted=form.wanted(), seen=seen, by=request.user, now=timezone.now()
            )
        except NotAllowed:
            raise
        except BulkRefused as refusal:
            form.add_error(None, refusal.message)
            refusals = {one["item"]: one["message"] for one in refusal.details["refusals"]}
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            count = len(changed)
            messages.success(
                request, ngettext("%(n)d item is changed.", "%(n)d items are changed.", count) % {"n": count}
            )
            return redirect("web:items")
    is_asked = request.method == "POST" and not form.errors and bool(picked)
    rows = [_row(item, form if is_asked else None, refusals) for item in picked]
    shown = {item.public_id for item in picked}
    context = {
        "form": form,
        "rows": rows,
        "refused": [
            (name, refusals.get(name, _("There is no such item."))) for name in names if name not in shown
        ],
        "is_preview": is_asked or bool(refusals),
        "changing": sum(bool(row.changes) for row in rows),
    }
    return render(request, "items/bulk.html", context, status=422 if form.errors else 200)


def _row(item: RemediationItem, form: BulkForm | None, refusals: dict[str, str]) -> SimpleNamespace:
    """One item, what it is now and what it becomes."""
    changes: list[tuple[str, str, str]] = []
    if form is not None:
        wanted = form.wanted()
        if wanted.owner is not None and wanted.owner != item.owner:
            changes.append((_("Owner"), str(item.owner), str(wanted.owner)))
        if wanted.team is not None and wanted.team != item.team:
            changes.append((_("Team"), str(item.team), str(wanted.team)))
        if wanted.tracker_url is not None and wanted.tracker_url != item.tracker_url:
            changes.append((_("Tracker link"), item.tracker_url or "–", wanted.tracker_url or "–"))
    return SimpleNamespace(
        item=item,
        changes=changes,
        seen=f"{item.public_id}={items.fingerprint(item)}",
        refusal=refusals.get(item.public_id, ""),
    )


urlpatterns = [path("items/bulk", items_bulk, name="items_bulk")]
