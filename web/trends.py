"""Two years of figures, and a page for each team."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import Team
from governance import figure_words, goals, reports, trends
from governance.metrics import CATALOGUE
from postmortem.durations import duration_words
from postmortem.models import CauseClass
from remediation import items
from web import charts, columns, counting, item_list, months
from web.columns import Group, Series
from web.exports import csv_response


@login_required
@require_GET
def trend(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    rows = _since_first(trends.of(request.user, now=now))
    teams = dict(Team.objects.values_list("slug", "name"))
    context = {
        "now": now,
        "rows": [
            {
                "row": row,
                "month": f"{row.month:%Y-%m}",
                "rate": "" if row.rate is None else f"{row.rate:.1f} %",
                "ttr": duration_words(row.ttr),
                "p90": duration_words(row.ttr_p90),
            }
            for row in reversed(rows)
        ],
        "course_chart": _course(rows),
        "flow_chart": _flow(rows),
        "gate_chart": _gate(rows),
        "has_gate": any(row.asked for row in rows),
        "recurrence": _recurrence(request.user, now),
        "closure_chart": _line(
            [(row.month, row.rate) for row in rows], "closure", ">=", _("Closure rate by month, %")
        ),
        "ageing": [
            {"slug": slug, "name": teams.get(slug, slug) if slug else _("All"), "ageing": ageing}
            for slug, ageing in trends.ageing(request.user, now=now)
        ],
        "section": "trends",
    }
    return render(request, "reports/trends.html", context)


# A line of fewer months than these says little.
_FEWEST_MONTHS = 6


def _since_first(rows: Sequence[trends.Month]) -> Sequence[trends.Month]:
    """From the first month in which anything was counted: years before the first record say nothing."""
    counted = ("due", "resolved", "agreed", "verified", "asked", "blocked", "waived", "is_frozen")
    first = next((place for place, row in enumerate(rows) if any(getattr(row, one) for one in counted)), 0)
    return rows[min(first, max(len(rows) - _FEWEST_MONTHS, 0)) :]


@login_required
@require_GET
def trend_csv(request: HttpRequest) -> HttpResponseBase:
    header = (
        "month", "due", "in_time", "closure_percent", "resolved", "ttr_median_seconds", "frozen",
        "ttr_p90_seconds", "agreed", "verified", "gate_asked", "gate_not_passed", "gate_waived",
    )  # fmt: skip
    rows = (
        (
            f"{row.month:%Y-%m}", row.due, row.in_time, "" if row.rate is None else f"{row.rate:.1f}",
            row.resolved, "" if row.ttr is None else round(row.ttr.total_seconds()),
            "yes" if row.is_frozen else "no",
            "" if row.ttr_p90 is None else round(row.ttr_p90.total_seconds()), row.agreed, row.verified,
            row.asked, row.blocked, row.waived,
        )
        for row in trends.of(request.user, now=timezone.now())
    )  # fmt: skip
    return csv_response("trends.csv", header, rows)


@login_required
@require_GET
def team(request: HttpRequest, team: str) -> HttpResponse:
    """What a team answers for: its people, its services, what is late, and its figures of the month."""
    now = timezone.now()
    record = get_object_or_404(Team.objects.select_related("manager"), slug=team)
    first = months.this(now)
    open_work = items.visible_to(request.user).filter(team=record, state__in=items.UNFINISHED)
    late = item_list.with_checks(open_work.filter(item_list.late(now) | Q(state="regressed")))
    context = {
        "now": now,
        "team": record,
        "members": list(record.members.order_by("name", "email")),
        "services": list(record.services.order_by("slug")),
        "counts": counting.up_to(
            open=open_work,
            late=open_work.filter(item_list.late(now)),
            regressed=open_work.filter(state="regressed"),
        ),
        "late": item_list.shown(late.order_by("due_at", "pk")[:20], now),
        "month": f"{first:%Y-%m}",
        "month_name": date_format(first, _("F Y")),
        "figures": [
            {
                "key": key,
                "name": figure_words.FIGURES[key].name,
                "shown": figure_words.shown(CATALOGUE[key], figure),
                "made_of": figure_words.made_of(CATALOGUE[key], figure),
            }
            for key, figure in reports.of_team(record, viewer=request.user, now=now).items()
        ],
    }
    return render(request, "reports/team.html", context)


def _line(points: Any, figure: str, comparator: str, label: str) -> Any:
    goal = goals.by_figure().get(figure)
    target = None if goal is None or goal.target is None else float(goal.target)
    baseline = None if goal is None or goal.baseline is None else float(goal.baseline)

    def outcome(value: float | None) -> str:
        if value is None or target is None:
            return "pass" if value is not None else ""
        return "pass" if (value >= target if comparator == ">=" else value <= target) else "fail"

    drawn = [
        charts.Point(timezone.make_aware(datetime(month.year, month.month, 1)), value, outcome(value))  # noqa: DTZ001
        for month, value in points
    ]
    return charts.value_line(drawn, threshold=target, comparator=comparator, baseline=baseline, label=label)


def _course(rows: Sequence[trends.Month]) -> Any:
    """Median and P90 of TTR over the months, with the target of the median."""
    goal = goals.by_figure().get("ttr")
    target = None if goal is None or goal.target is None else float(goal.target)
    moments = [timezone.make_aware(datetime(row.month.year, row.month.month, 1)) for row in rows]  # noqa: DTZ001
    lines = [
        charts.Course(list(zip(moments, [_minutes(value) for value in values], strict=True)))
        for values in ([row.ttr for row in rows], [row.ttr_p90 for row in rows])
    ]
    return charts.courses(
        lines,
        start=moments[0],
        end=moments[-1],
        gap=timedelta(days=32),
        label=_("Time to restore by month, minutes: median and P90"),
        threshold=target,
        comparator="<=",
    )


def _flow(rows: Sequence[trends.Month]) -> Any:
    groups = [Group(f"{row.month:%Y-%m}", [row.agreed, row.verified]) for row in rows]
    return columns.columns(
        groups,
        [Series(_("Agreed"), "info"), Series(_("Verified"), "good")],
        label=_("Items agreed and items verified by month"),
    )


def _gate(rows: Sequence[trends.Month]) -> Any:
    groups = [Group(f"{row.month:%Y-%m}", [row.blocked, row.waived]) for row in rows]
    return columns.columns(
        groups,
        [Series(_("Not passed"), "bad"), Series(_("Waived"), "warn")],
        label=_("Changes that the gate did not pass, and those that were waived, by month"),
    )


def _recurrence(user: Any, now: datetime) -> list[dict[str, Any]]:
    rows = trends.recurrence(user, now=now)
    known = CauseClass.objects.filter(slug__in=[slug for slug, _n, _back in rows])
    names = {one.slug: one.words for one in known}
    most = max((n for _slug, n, _back in rows), default=0)
    return [
        {
            "name": names.get(slug, slug) or _("none"),
            "n": n,
            "repeated": back,
            "bar": charts.shares(
                [charts.Share(_("Came back"), back, "bad"), charts.Share(_("New"), n - back, "mute")],
                label=_("%(back)d of %(n)d came back") % {"back": back, "n": n},
                full=most,
            ),
        }
        for slug, n, back in rows
    ]


def _minutes(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds() / 60


urlpatterns = [
    path("report/trends", trend, name="trends"),
    path("report/trends.csv", trend_csv, name="trends_csv"),
    path("teams/<slug:team>/", team, name="team"),
]
