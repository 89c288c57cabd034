"""A figure and its proof: the formula, the very rows counted, and those left out with the reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Team, User
from governance import figure_words, figures, goals, metrics
from governance.metrics import CATALOGUE, Asked, Counted, Definition, Shape
from governance.models import FigureGoal
from governance.reports import Report
from postmortem import access
from postmortem.durations import duration_words
from postmortem.models import CauseClass
from remediation.models import RemediationItem
from web import months, policy_trails
from web.asking import ask
from web.exports import csv_response

PAGE_SIZE = 100
_HEADER = (
    "figure", "kind", "id", "title", "at", "severity", "service", "team", "category", "counts", "hit",
    "value", "unit", "detail", "linked", "excluded_because", "repository", "since", "until",
)  # fmt: skip
_PAGES = {
    "item": "web:item",
    "incident": "web:incident",
    "review": "web:review",
    "decision": "web:decision",
}


@dataclass(frozen=True)
class Tile:
    """A figure as a tile shows it."""

    key: str
    name: str
    shown: str
    made_of: str
    previous: str
    year_before: str
    target: str
    tone: str
    trend: str
    url: str


def tiles(found: Report) -> list[Tile]:
    """Every figure of a report, in the order of the catalogue."""
    return [_tile(definition, found) for definition in found.catalogue.values()]


def _tile(definition: Definition, found: Report) -> Tile:
    value = found.figures["all"][definition.key]
    is_met, is_better = figures.judged(definition, value)
    return Tile(
        key=definition.key,
        name=str(figure_words.FIGURES[definition.key].name),
        shown=figure_words.shown(definition, value),
        made_of=figure_words.made_of(definition, value),
        previous=figure_words.before(definition, value, "previous"),
        year_before=figure_words.before(definition, value, "year_before"),
        target=figure_words.aim(definition, value, "target") if value.get("target") else "",
        tone={True: "good", False: "bad", None: ""}[is_met],
        trend={True: "better", False: "worse", None: ""}[is_better],
        url=reverse("web:figure", args=[f"{found.month:%Y-%m}", definition.key]),
    )


@login_required
@require_GET
@months.in_own_zone
def figure(request: HttpRequest, month: str, figure: str) -> HttpResponse:
    now = timezone.now()
    definition = _find(figure)
    found = months.build(months.read(month), request, now)
    _need(definition, found)
    chosen = {name: request.GET.get(name, "") for name in definition.dimensions if request.GET.get(name)}
    rows = _chosen(metrics.counted(definition.key, found.rows), chosen)
    counted = [row for row in rows if not row.excluded]
    page = _page(request.GET.get("page", ""), len(counted))
    lines = counted[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    excluded = [row for row in rows if row.excluded][:PAGE_SIZE]
    names = _names(rows, found, shown=[*lines, *excluded])
    value = found.figures["all"][definition.key]
    context = {
        "now": now,
        "report": found,
        "month": month,
        "month_name": date_format(found.month, _("F Y")),
        "definition": definition,
        "told": figure_words.FIGURES[definition.key],
        "tile": _tile(definition, found),
        "value": definition.measure(rows).as_json() if chosen else value,
        "shown": figure_words.shown(definition, definition.measure(rows).as_json() if chosen else value),
        "made_of": figure_words.made_of(definition, definition.measure(rows).as_json() if chosen else value),
        "baseline": figure_words.aim(definition, value, "baseline") if value.get("baseline") else "",
        "moments": [figure_words.MOMENTS[word] for _column, word in definition.moments],
        "chosen": [
            (figure_words.DIMENSIONS[name], names.of(name, choice)) for name, choice in chosen.items()
        ],
        "query": request.GET.urlencode() if chosen else "",
        "groups": _groups(definition, value, names),
        "lines": [_line(definition, row, names) for row in lines],
        "count": len(counted),
        "page": page,
        "pages": max(1, -(-len(counted) // PAGE_SIZE)),
        "excluded": [_line(definition, row, names) for row in excluded],
        "excluded_count": len(rows) - len(counted),
        "is_share": definition.shape is Shape.SHARE,
        "has_value": definition.shape in {Shape.SPREAD, Shape.SUM, Shape.LEVEL},
        "may_edit": request.user.is_at_least("governor"),
    }
    return render(request, "reports/figure.html", context)


@login_required
@require_GET
def figure_csv(request: HttpRequest, month: str, figure: str) -> HttpResponseBase:
    """All rows of a figure, those left out among them."""
    definition = _find(figure)
    found = months.build(months.read(month), request, timezone.now())
    _need(definition, found)
    rows = metrics.counted(definition.key, found.rows)
    return csv_response(f"report-{month}-{figure}.csv", _HEADER, csv_lines(definition, rows, found))


def csv_lines(definition: Definition, rows: Sequence[Counted], found: Report) -> Iterator[tuple[Any, ...]]:
    names = _names(rows, found, shown=rows)
    for row in rows:
        titles = names.people if row.kind == "person" else names.titles
        yield (
            definition.key, row.kind, row.public_id, titles.get(row.public_id, ""),
            months.written(row.at), row.severity,
            row.service, row.team, row.category, "no" if row.excluded else "yes",
            "" if row.is_hit is None else "yes" if row.is_hit else "no",
            "" if row.value is None else f"{row.value:f}",
            "seconds" if definition.shape is Shape.SPREAD else row.unit, row.detail, " ".join(row.linked),
            row.excluded, row.repository, months.written(row.since), months.written(row.until),
        )  # fmt: skip


class GoalForm(forms.Form):
    """Where a figure stood, and where it ought to be."""

    target = forms.DecimalField(
        label=gettext_lazy("target"), required=False, min_value=0, max_digits=14, decimal_places=2
    )
    baseline = forms.DecimalField(
        label=gettext_lazy("baseline"), required=False, min_value=0, max_digits=14, decimal_places=2
    )
    note = forms.CharField(label=gettext_lazy("note"), required=False, max_length=300)


class MoneyGoalForm(GoalForm):
    """The same for money, which is in a currency."""

    currency = forms.CharField(
        label=gettext_lazy("currency"),
        required=False,
        max_length=3,
        help_text=gettext_lazy("Three capital letters, such as CNY."),
    )
    field_order = ("target", "baseline", "currency", "note")


@login_required
@require_GET
def goal_list(request: HttpRequest) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    known = goals.by_figure()
    aims = {key: _aim(aim) for key, aim in goals.of_figures().items()}
    rows = [
        {
            "key": key,
            "name": figure_words.FIGURES[key].name,
            "target": figure_words.aim(definition, aims.get(key, {}), "target"),
            "baseline": figure_words.aim(definition, aims.get(key, {}), "baseline"),
            "goal": known.get(key),
        }
        for key, definition in CATALOGUE.items()
    ]
    context = {
        "rows": rows,
        "history": policy_trails.of(FigureGoal),
        "section": "goals",
        "now": timezone.now(),
    }
    return render(request, "settings/goals.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def goal_edit(request: HttpRequest, figure: str) -> HttpResponse:
    access.need(request.user, User.Role.GOVERNOR)
    definition = _find(figure)
    known = goals.by_figure().get(definition.key)
    is_money = definition.unit is metrics.Unit.MONEY
    form = MoneyGoalForm if is_money else GoalForm
    initial = {name: getattr(known, name) for name in form.base_fields} if known else {}
    unit = figure_words.UNITS[definition.unit]
    name = figure_words.FIGURES[definition.key].name
    return ask(
        request,
        title=_("Goal of “%(name)s”") % {"name": name},
        text=_("In %(unit)s. It holds from now on; published months keep theirs.") % {"unit": unit}
        if unit
        else _("It holds from now on; published months keep theirs."),
        submit=_("Save"),
        done=_("Saved."),
        back=reverse("web:goals"),
        form=form(request.POST if request.method == "POST" else None, initial=initial),
        act=lambda data: goals.write(definition.key, **data, by=request.user, now=timezone.now()),
        is_allowed=True,
    )


@dataclass(frozen=True)
class Names:
    """What slugs and codes of rows are called for the reader, and the records that are shown."""

    teams: dict[str, str]
    people: dict[str, str]
    classes: dict[str, str]
    titles: Mapping[str, str]
    changes: Mapping[str, Asked]

    def of(self, dimension: str, name: str) -> str:
        if not name:
            return _("none")
        if dimension == "team":
            return self.teams.get(name, name)
        if dimension == "category":
            shipped = {choice.value: str(choice.label) for choice in RemediationItem.Category}
            return shipped.get(name) or self.classes.get(name, name)
        return name


def _names(rows: Sequence[Counted], found: Report, *, shown: Sequence[Counted]) -> Names:
    people = {row.public_id for row in rows if row.kind == "person"}
    people |= {name.removeprefix("person:") for row in rows for name in row.linked if ":" in name}
    slugs = {row.category for row in rows if row.kind in {"incident", "review"} and row.category}
    is_gate = any(row.kind == "decision" for row in shown)
    return Names(
        teams=dict(Team.objects.values_list("slug", "name")),
        people={str(one.pk): str(one) for one in User.objects.filter(pk__in=people)} if people else {},
        classes={one.slug: one.words for one in CauseClass.objects.filter(slug__in=slugs)} if slugs else {},
        titles=found.names(name for row in shown for name in (row.public_id, *row.linked)).titles,
        changes={one.last.public_id: one for one in metrics.asked(found.rows.gate)} if is_gate else {},
    )


def _line(definition: Definition, row: Counted, names: Names) -> dict[str, Any]:
    """One row for the page; what its reader may not see was taken out before."""
    titles = names.people if row.kind == "person" else names.titles
    return {
        "row": row,
        "title": titles.get(row.public_id, ""),
        "url": reverse(_PAGES[row.kind], args=[row.public_id]) if row.kind in _PAGES else "",
        "detail": figure_words.detail(row.detail, figure=definition.key),
        "value": _value(definition, row),
        "team": names.of("team", row.team) if row.team else "",
        "category": names.of("category", row.category) if row.category else "",
        "linked": [_link(name, names) for name in row.linked],
        "change": names.changes.get(row.public_id),
        "moments": [
            (figure_words.MOMENTS[word], getattr(row, column)) for column, word in definition.moments
        ],
        "excluded": figure_words.EXCLUSIONS.get(row.excluded, row.excluded),
    }  # fmt: skip


def _value(definition: Definition, row: Counted) -> str:
    if row.value is None:
        return ""
    if definition.unit is metrics.Unit.MONEY:
        return f"{row.unit} {row.value:,.2f}"
    if definition.shape is Shape.LEVEL:
        return f"{row.value} {row.unit}".strip()
    is_minutes = definition.shape is Shape.SUM
    return duration_words(timedelta(seconds=float(row.value) * (60 if is_minutes else 1)))


def _link(name: str, names: Names) -> tuple[str, str, str]:
    """(what it says, where it leads, its title) of a further record that explains a row."""
    if name.startswith("person:"):
        return names.people.get(name.removeprefix("person:"), name), "", ""
    return name, reverse("web:review", args=[name]), names.titles.get(name, "")


def _groups(definition: Definition, value: dict[str, Any], names: Names) -> list[dict[str, Any]]:
    return [
        {
            "dimension": dimension,
            "words": figure_words.DIMENSIONS[dimension],
            "rows": [
                {
                    "name": group["name"],
                    "words": names.of(dimension, group["name"]),
                    "shown": figure_words.shown(definition, group),
                    # In parts, between which a narrow column breaks.
                    "made_of": figure_words.made_of(definition, group).split(" · "),
                    "percent": group.get("percent"),
                }
                for group in value["by"].get(dimension, [])
            ],
        }
        for dimension in definition.dimensions
        if any(group["name"] for group in value["by"].get(dimension, []))
    ]  # fmt: skip


def _chosen(rows: Sequence[Counted], chosen: dict[str, str]) -> list[Counted]:
    return [row for row in rows if all(getattr(row, name) == value for name, value in chosen.items())]


def _find(key: str) -> Definition:
    if key not in CATALOGUE:
        raise Http404
    return CATALOGUE[key]


def _need(definition: Definition, found: Report) -> None:
    """404 where a month was published before its figure was thought of."""
    if definition.key not in found.catalogue:
        raise Http404


def _page(text: str, count: int) -> int:
    last = max(1, -(-count // PAGE_SIZE))
    is_number = text.isascii() and text.isdigit() and len(text) < 9
    return min(max(int(text), 1), last) if is_number else 1


def _aim(aim: goals.Aim) -> dict[str, Any]:
    """What a figure is held against, as the figure carries it."""
    return {
        "target": None if aim.target is None else str(aim.target),
        "baseline": None if aim.baseline is None else str(aim.baseline),
        "goal_currency": aim.currency,
    }


urlpatterns = [
    path("report/<slug:month>/figures/<slug:figure>/", figure, name="figure"),
    path("report/<slug:month>/figures/<slug:figure>/rows.csv", figure_csv, name="figure_csv"),
    path("settings/goals/", goal_list, name="goals"),
    path("settings/goals/<slug:figure>/", goal_edit, name="goal"),
]
