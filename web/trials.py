"""Trying a check before it is kept: a person learns at once what Prometheus says of it (R5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from postmortem import access
from postmortem.errors import Invalid
from remediation import verification
from remediation.models import VerificationCheck
from web import charts
from web.charts import figure
from web.forms.checks import CheckForm
from web.forms.template_checks import TemplateCheckForm

# A trial shows what the query answers, not all of it.
SERIES_SHOWN = 6

_ADVICE: dict[str, Promise] = {
    "pass": _(
        "It passes already. A check that passes before the fix proves little: does it ask the right thing?"
    ),
    "fail": _("It fails, as it should before the fix. Once the fix is there, it must pass."),
    "no_data": _("The query answers nothing. Is the metric there, and are the labels right?"),
    "error": _("It could not be asked. You may keep it; until it answers, it proves nothing."),
}


@dataclass(frozen=True)
class Trial:
    """What came of trying a check once; nothing of it is kept."""

    outcome: str
    value: str
    series: list[dict[str, str]]
    hidden_series: int
    warnings: list[str]
    error: str
    advice: str | Promise
    chart: str = ""
    chart_series: int = 0


def trial_of(form: CheckForm | TemplateCheckForm) -> Trial | None:
    """Ask once what a valid form describes; a bad query is shown at its field, and then this is None.

    A command is not tried: it may only run in the sandbox of the probe worker.
    """
    if form.cleaned_data["kind"] != "prometheus":
        return None
    try:
        result = verification.trial(form.spec())
    except Invalid as refusal:
        form.show_refusal(refusal)
        return None
    series = list(result.series or [])
    return Trial(
        outcome=result.outcome,
        value=figure(result.value),
        series=series_rows([{"labels": row.labels, "value": row.value} for row in series[:SERIES_SHOWN]]),
        hidden_series=max(0, len(series) - SERIES_SHOWN),
        warnings=list(result.warnings),
        error=result.error,
        advice=_ADVICE[result.outcome],
        **(_day(form) if result.outcome != "error" else {}),
    )


def _day(form: CheckForm | TemplateCheckForm) -> dict[str, Any]:
    """The last day of the expression beside its threshold, as a picture; nothing where there is none."""
    now, spec = timezone.now(), form.spec()
    found = verification.last_day(spec, now=now)
    if found is None or found.error_code:
        return {}
    lines = [
        charts.Course([(datetime.fromtimestamp(at, UTC), float(value)) for at, value in points])
        for _labels, points in found.series
    ]
    picture = charts.courses(
        lines,
        start=now - timedelta(days=1),
        end=now,
        gap=timedelta(minutes=11),
        label=_("The last day"),
        threshold=spec.threshold,
        comparator=VerificationCheck.Comparator(spec.comparator).label,
    )
    return {"chart": picture, "chart_series": len(lines) + found.hidden_series}


@login_required
@require_POST
def check_try(request: HttpRequest) -> HttpResponse:
    """The answer to “Try it now”: a part of the page, for htmx."""
    access.need(request.user, "member")
    form = CheckForm(request.POST, prefix="check")
    trial = trial_of(form) if form.is_valid() else None
    return render(request, "checks/_trial.html", {"trial": trial, "check_form": form, "is_part": True})


def series_rows(series: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Series as a run keeps them, as rows of a table."""
    return [
        {"labels": _labels(row.get("labels") or {}), "value": str(row.get("value", ""))} for row in series
    ]


def _labels(labels: Mapping[str, str]) -> str:
    """A series as Prometheus writes it: `up{job="order"}`."""
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    return f"{labels.get('__name__', '')}{{{inside}}}"


urlpatterns = [path("checks/try", check_try, name="check_try")]
