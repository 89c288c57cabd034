"""The monthly report: figures, the very rows they were counted from, and the freezing of a month."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Team
from governance import (
    corrections,
    figure_words,
    pdf,
    publishing,
    records,
    report_counts,
    report_document,
    report_html,
    reports,
)
from governance.metrics import CATALOGUE, DueItem
from governance.reports import Report
from postmortem.errors import DomainError
from web import figures, months, report_charts
from web.asking import ask
from web.exports import csv_response
from web.findings import RULES

# The page shows so many rows of each list; the page of a figure has them all.
MOST_ROWS = 100


@login_required
@require_GET
@months.in_own_zone
def report(request: HttpRequest, month: str = "") -> HttpResponse:
    now = timezone.now()
    first = months.read(month) if month else months.this(now)
    found = months.build(first, request, now)
    context = {
        "now": now,
        "report": found,
        "name": date_format(first, _("F Y")),
        "month": f"{first:%Y-%m}",
        "previous": months.neighbour(first, -1, now),
        "next": months.neighbour(first, 1, now),
        "tiles": figures.tiles(found),
        "teams": _teams(found, own=set(report_document.managed(request.user))),
        **_drawn(found),
        **_first_rows(found),
        "downloads": _downloads(first),
        "corrections": _corrections(found, request.user),
        "waivers": _waivers(found),
        "progress": publishing.progress(first) if found.published is None else None,
        "may_publish": request.user.is_at_least("governor") and found.is_over and found.published is None,
    }
    return render(request, "reports/detail.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def report_publish(request: HttpRequest, month: str) -> HttpResponse:
    first = months.read(month)
    if not months.has_begun(first, timezone.now()):
        raise Http404
    is_governor = request.user.is_at_least("governor")
    if is_governor and request.method == "GET":
        try:
            publishing.need_publishable(first, now=timezone.now())
        except DomainError as refusal:
            messages.error(request, refusal.message)
            return redirect("web:report", month)
    return ask(
        request,
        title=_("Publish %(month)s?") % {"month": date_format(first, _("F Y"))},
        text=_("Its figures and rows are frozen and get a hash. What changes later does not change them."),
        submit=_("Publish and freeze"),
        done=_("The month is published and frozen."),
        back=reverse("web:report", args=[month]),
        act=lambda _data: publishing.publish(first, by=request.user, now=timezone.now()),
        is_allowed=is_governor,
    )


@login_required
@require_GET
def report_csv(request: HttpRequest, month: str, rows: str) -> HttpResponseBase:
    """One list of the report as a CSV file: due, resolved or overdue."""
    found = months.build(months.read(month), request, timezone.now())
    header, lines = {"due": _due_lines, "resolved": _resolved_lines, "overdue": _overdue_lines}[rows](found)
    return csv_response(f"report-{month}-{rows}.csv", header, lines)


@login_required
@require_GET
def report_download(request: HttpRequest, month: str, kind: str) -> HttpResponse:
    """The report as a file: md, json, html or pdf."""
    found = months.build(months.read(month), request, timezone.now())
    content_type, write = _KINDS[kind]
    response = HttpResponse(write(found, request.user), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="report-{month}.{kind}"'
    return response


def _downloads(first: date) -> list[dict[str, str]]:
    """The files that can be had here; PDF only where it can be written."""
    kinds = ["md", "html", "json", *(["pdf"] if pdf.is_available() else [])]
    labels = {"md": "Markdown", "html": "HTML", "json": "JSON", "pdf": "PDF"}
    return [
        {"url": reverse(f"web:report_{kind}", args=[f"{first:%Y-%m}"]), "label": labels[kind]}
        for kind in kinds
    ]


def _outline(found: Report, user: Any) -> Any:
    return report_document.outline(found, viewer=user)


# HTML is a file like the others: it never stands on a page of ours, whose policy it could not keep.
_KINDS: dict[str, tuple[str, Callable[[Report, Any], str | bytes]]] = {
    "md": (
        "text/markdown; charset=utf-8",
        lambda found, user: report_document.markdown(_outline(found, user)),
    ),
    "json": ("application/json", lambda found, user: reports.document(found)),
    "html": (
        "application/octet-stream",
        lambda found, user: report_html.page(_outline(found, user)),
    ),
    "pdf": (
        "application/pdf",
        lambda found, user: pdf.write(report_html.page(_outline(found, user))),
    ),
}


def _corrections(found: Report, user: Any) -> list[dict[str, Any]]:
    return [
        {
            "line": line,
            "name": figure_words.FIGURES[line.figure].name,
            "was": figure_words.shown(CATALOGUE[line.figure], line.was) if line.was else "",
            "now": figure_words.shown(CATALOGUE[line.figure], line.now) if line.now else "",
        }
        for line in corrections.of(found, viewer=user)
    ]


def _waivers(found: Report) -> list[dict[str, Any]]:
    """The waivers that let changes of the month through, with the words of what they excused."""
    people = records.people(key for row in found.rows.waivers for key in (row.asked_by, row.granted_by))
    return [
        {
            "row": row,
            "number": records.waiver_number(row.public_id),
            "findings": [str(RULES[code].title) if code in RULES else code for code in row.findings],
            "asked_by": people.get(row.asked_by, ""),
            "granted_by": people.get(row.granted_by, ""),
        }
        for row in found.rows.waivers
    ]


# What the section of a team says, figure by figure.
_OF_TEAMS = ("closure", "overdue", "ttr", "impact-minutes", "recurrence", "proactive")


def _short(key: str) -> Any:
    """The name of a figure for the head of a narrow column."""
    return "TTR" if key == "ttr" else figure_words.FIGURES[key].name


def _teams(found: Report, *, own: set[str]) -> dict[str, Any]:
    """A line for each team, with what its manager asks for; the teams that the reader manages come first."""
    by_team = {
        key: {group["name"]: group for group in found.figures["all"][key]["by"].get("team", [])}
        for key in _OF_TEAMS
    }
    names = dict(Team.objects.values_list("slug", "name"))
    slugs = {slug for groups in by_team.values() for slug in groups if slug}
    return {
        "columns": [(key, _short(key)) for key in _OF_TEAMS],
        "rows": [
            {
                "slug": slug,
                "name": names.get(slug, slug),
                "is_own": slug in own,
                "cells": [
                    {
                        "key": key,
                        "name": _short(key),
                        "shown": figure_words.shown(CATALOGUE[key], by_team[key][slug]),
                        "made_of": figure_words.made_of(CATALOGUE[key], by_team[key][slug]),
                    }
                    if slug in by_team[key]
                    else {"key": key, "name": _short(key), "shown": ""}
                    for key in _OF_TEAMS
                ],
            }
            for slug in sorted(slugs, key=lambda slug: (slug not in own, slug))
        ],
    }


def _drawn(found: Report) -> dict[str, Any]:
    """The figures with a section of their own, and their charts."""
    outcomes, ageing = report_charts.outcomes(found), report_charts.ageing(found)
    return {
        "closure": found.figures["closure"],
        "closure_bar": outcomes["bar"],
        "outcomes": outcomes["rows"],
        "times": _times(found),
        "everything": found.figures["times"][0],
        "restoring": report_charts.restoring(found),
        "ageing": found.figures["overdue"],
        "bands": ageing["rows"],
        "ageing_chart": ageing["chart"],
        "gate": report_charts.gate(found),
    }


def _first_rows(found: Report) -> dict[str, Any]:
    """The first rows of each list that has a section of its own, and how many there are."""
    lists = {"due": found.rows.due, "overdue": found.rows.overdue, "resolved": found.rows.resolved}
    shown = {name: rows[:MOST_ROWS] for name, rows in lists.items()}
    names = found.names(row.public_id for rows in shown.values() for row in rows)
    return {
        name: {
            "count": len(lists[name]),
            "lines": [
                {
                    "row": row,
                    "title": names.titles.get(row.public_id, ""),
                    "owner": names.owners.get(row.public_id, ""),
                }
                | (_judged(row) if name == "due" else {})
                for row in rows
            ],
        }
        for name, rows in shown.items()
    }


def _judged(row: DueItem) -> dict[str, str]:
    return {"words": figure_words.detail(row.outcome.value), "tone": report_counts.TONES[row.outcome]}


def _times(found: Report) -> list[dict[str, Any]]:
    """The durations by severity, each with its share of the longest P90 for the bars."""
    rows = found.figures["times"][1:]
    longest = max((row["ttr"]["p90_seconds"] or 0 for row in rows), default=0)
    return [row | {"longest": longest} for row in rows]


Lines = tuple[tuple[str, ...], Iterable[tuple[object, ...]]]


def _due_lines(found: Report) -> Lines:
    header = (
        "id",
        "title",
        "severity",
        "service",
        "team",
        "owner",
        "due_at",
        "first_verified_at",
        "state",
        "outcome",
        "late_by_seconds",
    )
    names = found.names(row.public_id for row in found.rows.due)
    return header, (
        (
            row.public_id, names.titles.get(row.public_id, ""), row.severity, row.service, row.team,
            names.owners.get(row.public_id, ""), months.written(row.due_at),
            months.written(row.first_verified_at), row.state, row.outcome.value, _seconds(row.late_by),
        )
        for row in found.rows.due
    )  # fmt: skip


def _resolved_lines(found: Report) -> Lines:
    moments = ("started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at")
    header = (
        "id",
        "title",
        "severity",
        "service",
        *moments,
        "ttd_seconds",
        "tta_seconds",
        "ttm_seconds",
        "ttr_seconds",
    )

    names = found.names(row.public_id for row in found.rows.resolved)

    def lines() -> Iterator[tuple[object, ...]]:
        for row in found.rows.resolved:
            durations = (_seconds(value) for value in (row.ttd, row.tta, row.ttm, row.ttr))
            written = (months.written(getattr(row, name)) for name in moments)
            yield (
                row.public_id,
                names.titles.get(row.public_id, ""),
                row.severity,
                row.service,
                *written,
                *durations,
            )

    return header, lines()


def _overdue_lines(found: Report) -> Lines:
    header = ("id", "title", "severity", "service", "team", "owner", "due_at", "state", "overdue_days")
    names = found.names(row.public_id for row in found.rows.overdue)
    return header, (
        (
            row.public_id, names.titles.get(row.public_id, ""), row.severity, row.service, row.team,
            names.owners.get(row.public_id, ""), months.written(row.due_at), row.state, row.overdue_days,
        )
        for row in found.rows.overdue
    )  # fmt: skip


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


urlpatterns = [
    path("report/", report, name="report"),
    path("report/<slug:month>/", report, name="report"),
    path("report/<slug:month>/publish", report_publish, name="report_publish"),
    path("report/<slug:month>/report.md", report_download, {"kind": "md"}, name="report_md"),
    path("report/<slug:month>/report.json", report_download, {"kind": "json"}, name="report_json"),
    path("report/<slug:month>/report.html", report_download, {"kind": "html"}, name="report_html"),
    path("report/<slug:month>/report.pdf", report_download, {"kind": "pdf"}, name="report_pdf"),
    path("report/<slug:month>/due.csv", report_csv, {"rows": "due"}, name="report_due_csv"),
    path("report/<slug:month>/resolved.csv", report_csv, {"rows": "resolved"}, name="report_resolved_csv"),
    path("report/<slug:month>/overdue.csv", report_csv, {"rows": "overdue"}, name="report_overdue_csv"),
]
