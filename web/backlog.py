"""The quarterly backlog of technical debt: a page, a table and a document."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import Team
from postmortem.errors import Invalid
from remediation import backlog, items
from remediation.backlog import Backlog
from web.badges import look
from web.exports import csv_response

# Of each team; the table and the document have the rest.
SHOWN = 100
_HEADER = (
    "quarter", "team", "id", "title", "owner", "service", "severity", "due_at", "state", "carried_over",
    "done", "first_verified_at", "tracker_url",
)  # fmt: skip


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    found, team = _asked(request, most=SHOWN)
    zone = timezone.get_default_timezone()
    teams = Team.objects.order_by("name").values_list("slug", "name")
    context = {
        "backlog": found,
        "percent": _percent(found.share),
        "teams": [
            {
                "name": one.name,
                "slug": one.slug,
                "rows": one.rows,
                "total": one.total,
                "done": one.done,
                "percent": _percent(one.share),
            }
            for one in found.teams
        ],
        "previous": backlog.beside(found.quarter, -1, zone=zone) if found.quarter.year > 2000 else None,
        "next": backlog.beside(found.quarter, 1, zone=zone) if found.quarter.year < 2099 else None,
        "team": team,
        "choices": list(teams),
        "now": timezone.now(),
    }
    return render(request, "items/backlog.html", context)


@login_required
@require_GET
def table(request: HttpRequest) -> HttpResponseBase:
    found, _team = _asked(request)
    return csv_response(f"backlog-{found.quarter}.csv", _HEADER, _lines(found))


@login_required
@require_GET
def document(request: HttpRequest) -> HttpResponse:
    found, _team = _asked(request)
    response = HttpResponse(markdown(found), content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="backlog-{found.quarter}.md"'
    return response


def _asked(request: HttpRequest, *, most: int | None = None) -> tuple[Backlog, str]:
    """The backlog that the address asks for; a quarter that makes no sense is as good as the present one."""
    zone = timezone.get_default_timezone()
    try:
        quarter = backlog.read_quarter(request.GET.get("quarter", ""), zone=zone)
    except Invalid:
        quarter = backlog.quarter_of(timezone.now(), zone=zone)
    team = request.GET.get("team", "")
    if "\x00" in team or not Team.objects.filter(slug=team[:80]).exists():
        team = ""
    return backlog.of(items.visible_to(request.user), quarter=quarter, team=team, most=most), team


def _percent(share: float | None) -> int | None:
    return None if share is None else round(100 * share)


def _lines(found: Backlog) -> Iterator[tuple[Any, ...]]:
    for team in found.teams:
        for row in team.rows:
            item = row.item
            yield (
                str(found.quarter), team.slug, item.public_id, item.title, str(item.owner), item.service.slug,
                item.severity.code, timezone.localtime(item.due_at).isoformat(timespec="seconds"), item.state,
                "yes" if row.is_carried else "no", "yes" if row.is_done else "no",
                timezone.localtime(item.first_verified_at).isoformat(timespec="seconds")
                if item.first_verified_at else "",
                item.tracker_url,
            )  # fmt: skip


def markdown(found: Backlog) -> str:
    """The backlog as a document to paste into a plan: a heading and a table for each team."""
    title = _("Technical debt, %(quarter)s") % {"quarter": found.quarter}
    lines = [f"# {title}", "", _summary(found), ""]
    for team in found.teams:
        words = {"done": team.done, "total": team.total}
        lines += [f"## {_cell(team.name)}", "", _("%(done)d of %(total)d done.") % words, ""]
        lines += [
            "| " + " | ".join([_("Item"), _("Owner"), _("Due"), _("State"), _("Done")]) + " |",
            "| --- | --- | --- | --- | --- |",
        ]
        for row in team.rows:
            item = row.item
            due = f"{timezone.localtime(item.due_at):%Y-%m-%d}"
            cells = [
                f"{item.public_id} {_cell(item.title)}",
                _cell(str(item.owner)),
                f"{due} ({_('carried over')})" if row.is_carried else due,
                str(look("item_state", item.state).word),
                _("yes") if row.is_done else _("no"),
            ]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _summary(found: Backlog) -> str:
    if found.share is None:
        return _("Nothing was due.")
    words = {"done": found.done, "total": found.total, "percent": round(100 * found.share)}
    return _("%(done)d of %(total)d done: %(percent)d %%.") % words


def _cell(text: str) -> str:
    """A text inside a table of Markdown."""
    plain = " ".join(text.split())
    return "".join(f"\\{one}" if one in r"\`*_[]<>|#" else one for one in plain)


urlpatterns = [
    path("items/backlog", page, name="backlog"),
    path("items/backlog.csv", table, name="backlog_csv"),
    path("items/backlog.md", document, name="backlog_md"),
]
