"""What a person was told: the list behind the bell."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from governance import notices, wordings
from governance.models import Notice
from web.paging import page_of

_ICONS = {
    Notice.Kind.REVIEW_AT_RISK: ("warning", "warn"),
    Notice.Kind.REVIEW_BREACHED: ("alarm", "bad"),
    Notice.Kind.TIMELINE_REMINDER: ("edit", "info"),
    Notice.Kind.ITEM_AT_RISK: ("warning", "warn"),
    Notice.Kind.ITEM_BREACHED: ("alarm", "bad"),
    Notice.Kind.ITEM_ESCALATED: ("alarm", "bad"),
    Notice.Kind.ITEM_REGRESSED: ("reopened", "bad"),
    Notice.Kind.ITEM_OWNERLESS: ("user", "warn"),
    Notice.Kind.CHANNEL_PAUSED: ("slash", "warn"),
    Notice.Kind.WAIVER_ASKED: ("gate", "info"),
    Notice.Kind.WAIVED_ALONE: ("alarm", "bad"),
    Notice.Kind.REPORT_PUBLISHED: ("report", "info"),
}


@login_required
@require_GET
def notice_list(request: HttpRequest) -> HttpResponse:
    rows = notices.of(request.user)
    is_unread_only = request.GET.get("show") == "unread"
    if is_unread_only:
        rows = rows.filter(read_at=None)
    page = page_of(rows, request.GET, by="created_at", is_descending=True)
    for row in page.rows:
        row.words, row.url = wordings.words(row), wordings.path(row)
        row.subject = row.item or row.incident
        row.title = wordings.title(row)
        row.icon, row.tone = _ICONS.get(row.kind, ("bell", "mute"))
    context: dict[str, Any] = {
        "page": page,
        "is_unread_only": is_unread_only,
        "has_unread": any(row.read_at is None for row in page.rows),
        "now": timezone.now(),
    }
    return render(request, "notices/list.html", context)


@login_required
@require_POST
def notice_read(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one as read; with `go` the button led to what it is about."""
    notice = get_object_or_404(notices.of(request.user), pk=pk)
    notices.mark_read(notice, by=request.user, now=timezone.now())
    return redirect(wordings.path(notice) if "go" in request.POST else reverse("web:notices"))


@login_required
@require_POST
def notices_read(request: HttpRequest) -> HttpResponse:
    notices.mark_all_read(by=request.user, now=timezone.now())
    messages.success(request, _("All notices are marked as read."))
    return redirect("web:notices")


urlpatterns = [
    path("notices/", notice_list, name="notices"),
    path("notices/read", notices_read, name="notices_read"),
    path("notices/<int:pk>/read", notice_read, name="notice_read"),
]
