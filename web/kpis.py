"""The board of key figures from outside: baseline, target and actual values."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from governance import kpis
from governance.kpis import Series
from governance.models import Kpi
from web import charts
from web.asking import ask
from web.exports import csv_response

SHOWN_ROWS = 12


class KpiForm(forms.ModelForm):
    """What a key figure is called, and where it ought to be."""

    class Meta:
        model = Kpi
        fields = ("name", "slug", "unit", "is_more_better", "baseline", "target", "note")


class KpiEditForm(forms.ModelForm):
    """The same without its slug, which stays."""

    class Meta:
        model = Kpi
        fields = ("name", "unit", "is_more_better", "baseline", "target", "note", "is_retired")


class ValueForm(forms.Form):
    """What it was on a day."""

    date = forms.DateField(
        label=gettext_lazy("Day"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    value = forms.DecimalField(label=gettext_lazy("Value"), max_digits=18, decimal_places=4)
    source = forms.CharField(label=gettext_lazy("Source"), max_length=200, required=False)


@login_required
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    context = {
        "now": now,
        "cards": [_card(series) for series in kpis.board(now=now)],
        "may_edit": request.user.is_at_least("governor"),
        "may_push": request.user.is_at_least("facilitator"),
        "section": "kpis",
    }
    return render(request, "reports/kpis.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def kpi_new(request: HttpRequest) -> HttpResponse:
    return ask(
        request,
        title=_("A new key figure"),
        submit=_("Add"),
        done=_("The key figure is there. Programs push its values."),
        back=reverse("web:kpis"),
        form=KpiForm(request.POST if request.method == "POST" else None),
        act=lambda data: kpis.add(**data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("governor"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def kpi_edit(request: HttpRequest, slug: str) -> HttpResponse:
    kpi = get_object_or_404(Kpi, slug=slug)
    return ask(
        request,
        title=kpi.name,
        submit=_("Save"),
        done=_("Saved."),
        back=reverse("web:kpis"),
        form=KpiEditForm(request.POST if request.method == "POST" else None, instance=kpi),
        act=lambda data: kpis.edit(Kpi.objects.get(pk=kpi.pk), **data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("governor"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def kpi_value(request: HttpRequest, slug: str) -> HttpResponse:
    kpi = get_object_or_404(Kpi, slug=slug)
    now = timezone.now()
    initial = {"date": timezone.localdate()}
    return ask(
        request,
        title=_("A value of “%(name)s”") % {"name": kpi.name},
        text=_("A later word about the same day replaces the earlier one; both are kept."),
        submit=_("Save"),
        done=_("Saved."),
        back=reverse("web:kpis"),
        form=ValueForm(request.POST if request.method == "POST" else None, initial=initial),
        act=lambda data: kpis.push(kpi, **data, by=request.user, now=now),
        is_allowed=request.user.is_at_least("facilitator"),
    )


@login_required
@require_GET
def kpi_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    kpi = get_object_or_404(Kpi, slug=slug)
    (series,) = kpis.board(now=timezone.now(), only=[kpi])
    header = ("kpi", "date", "value", "unit", "source", "recorded_by")
    rows = (
        (kpi.slug, row.date.isoformat(), f"{row.value.normalize():f}", kpi.unit, row.source, row.recorded_by)
        for row in series.values
    )
    return csv_response(f"kpi-{kpi.slug}.csv", header, rows)


def _card(series: Series) -> dict[str, Any]:
    kpi = series.kpi
    points = [
        charts.Point(_noon(row.date), float(row.value), "pass" if _is_met(kpi, row.value) else "fail")
        for row in series.values
    ]
    return {
        "kpi": kpi,
        "last": series.last,
        "last_words": _words(kpi, series.last.value if series.last else None),
        "baseline": _words(kpi, kpi.baseline),
        "target": _words(kpi, kpi.target),
        "meets_target": series.meets_target,
        "chart": charts.value_line(
            points,
            threshold=None if kpi.target is None else float(kpi.target),
            comparator=">=" if kpi.is_more_better else "<=",
            baseline=None if kpi.baseline is None else float(kpi.baseline),
            label=_("%(name)s over time") % {"name": kpi.name},
        ),
        "rows": [
            (row, _words(kpi, row.value), _is_met(kpi, row.value))
            for row in list(reversed(series.values))[:SHOWN_ROWS]
        ],
        "count": len(series.values),
    }


def _is_met(kpi: Kpi, value: Decimal) -> bool:
    if kpi.target is None:
        return True
    return value >= kpi.target if kpi.is_more_better else value <= kpi.target


def _words(kpi: Kpi, value: Decimal | None) -> str:
    if value is None:
        return "–"
    number = f"{value.normalize():f}"
    return f"{number} {kpi.unit}".strip()


def _noon(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time().replace(hour=12)))


urlpatterns = [
    path("report/kpis", board, name="kpis"),
    path("report/kpis/new", kpi_new, name="kpi_new"),
    path("report/kpis/<slug:slug>/edit", kpi_edit, name="kpi_edit"),
    path("report/kpis/<slug:slug>/value", kpi_value, name="kpi_value"),
    path("report/kpis/<slug:slug>/values.csv", kpi_csv, name="kpi_csv"),
]
