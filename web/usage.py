"""The usage review: how much each feature is used, and what the committee decided about it (R23)."""

import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from governance import usage
from governance.models import UsageDecision
from postmortem.errors import Invalid
from remediation import backlog
from remediation.backlog import Quarter
from web import columns, feature_words
from web.asking import ask
from web.exports import csv_response

# Counts wait in the process so long, and are then added in one statement; a crash loses as much.
FLUSH_SECONDS = 60
# The frame of pages, and what machines ask for: nobody decides about these.
_NO_FEATURES = {
    "web.login",
    "web.favicon",
    "web.preferences",
    "web.styleguide",
    "web.errors",
    "api.schema",
    "api.errors",
}


class Counting:
    """Middleware: counts which feature answered; never who asked, nor for what."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._counts: Counter[str] = Counter()
        self._flushed_at = time.monotonic()
        self._lock = Lock()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if settings.USAGE_COUNTED and response.status_code < 400:
            feature = feature_of(request)
            if feature:
                self._count(feature)
        return response

    def _count(self, feature: str) -> None:
        with self._lock:
            self._counts[feature] += 1
            if time.monotonic() - self._flushed_at < FLUSH_SECONDS:
                return
            counts, self._counts = self._counts, Counter()
            self._flushed_at = time.monotonic()
        try:
            usage.add(counts, now=timezone.now())
        except DatabaseError:
            # An answer is never lost over its being counted.
            with self._lock:
                self._counts += counts


class DecisionForm(forms.Form):
    """What the committee decided."""

    decision = forms.ChoiceField(
        label=pgettext_lazy("about a feature", "Decision"), choices=UsageDecision.Decision
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


def feature_of(request: HttpRequest) -> str:
    """The feature that answers a request: the module of its view, such as "items" or "api.items"; or ""."""
    match = getattr(request, "resolver_match", None)
    return _name(match.func) if match is not None else ""


@cache
def features() -> frozenset[str]:
    """Every feature of pages and API, read from the resolver."""
    return frozenset(name for view in _views(get_resolver().url_patterns) if (name := _name(view)))


@login_required
@require_GET
def review(request: HttpRequest) -> HttpResponse:
    quarter = _quarter(request)
    zone = timezone.get_default_timezone()
    this = usage.quarter_of(timezone.now())
    context = {
        "quarter": str(quarter),
        "previous": str(backlog.beside(quarter, -1, zone=zone)) if quarter.year > 2000 else "",
        "next": str(backlog.beside(quarter, 1, zone=zone)) if quarter.start < this.start else "",
        "uses": [
            {
                "use": use,
                "name": feature_words.name_of(use.feature),
                "is_by_program": feature_words.is_by_program(use.feature),
                "weeks": columns.small(use.weeks),
            }
            for use in usage.review(quarter, features=features())
        ],
        "may_decide": request.user.is_at_least("governor"),
        "section": "usage",
    }
    return render(request, "reports/usage.html", context)


@login_required
@require_GET
def review_csv(request: HttpRequest) -> HttpResponseBase:
    quarter = _quarter(request)
    header = ("quarter", "feature", "uses", "rarely_used", "decision", "reason", "decided_by", "name")
    rows = (
        (
            str(quarter), use.feature, use.count, "yes" if use.is_rare else "no",
            use.decision.decision if use.decision else "", use.decision.reason if use.decision else "",
            str(use.decision.decided_by) if use.decision else "", _named(use.feature),
        )
        for use in usage.review(quarter, features=features())
    )  # fmt: skip
    return csv_response(f"usage-{quarter}.csv", header, rows)


@login_required
@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, feature: str) -> HttpResponse:
    if feature not in features():
        raise Http404
    quarter = _quarter(request)
    return ask(
        request,
        title=_("Decide about “%(feature)s” in %(quarter)s")
        % {"feature": _named(feature), "quarter": quarter},
        submit=_("Keep the decision"),
        done=_("The decision is kept."),
        back=f"{reverse('web:usage')}?quarter={quarter}",
        form=DecisionForm(request.POST if request.method == "POST" else None),
        act=lambda data: usage.decide(
            quarter, feature, **data, features=features(), by=request.user, now=timezone.now()
        ),
        is_allowed=request.user.is_at_least("governor"),
    )


def _named(feature: str) -> str:
    name = feature_words.name_of(feature)
    return _("%(name)s (API)") % {"name": name} if feature_words.is_by_program(feature) else name


def _quarter(request: HttpRequest) -> Quarter:
    """The quarter that the address asks for; one that makes no sense is as good as the present one."""
    try:
        return backlog.read_quarter(request.GET.get("quarter", ""), zone=timezone.get_default_timezone())
    except Invalid:
        return usage.quarter_of(timezone.now())


def _views(patterns: Any) -> Any:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield pattern.callback


def _name(view: Any) -> str:
    module = getattr(getattr(view, "cls", view), "__module__", "")
    if module in _NO_FEATURES or module.partition(".")[0] not in {"web", "api"}:
        return ""
    return module.removeprefix("web.").replace(".", "-")


urlpatterns = [
    path("report/usage", review, name="usage"),
    path("report/usage.csv", review_csv, name="usage_csv"),
    path("report/usage/<slug:feature>/decide", decide, name="usage_decide"),
]
