"""Search over incidents, postmortems, items and services: by id or by words, only what the reader may see."""

import re
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from postmortem import access
from postmortem.models import ReviewStep, RootCause
from remediation import items

FOUND_A_KIND = 20
LONGEST = 200

_PUBLIC_ID = re.compile(r"(INC|PM|RI)-\d{4}-\d{4,9}", re.ASCII)


@login_required
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """A whole id of something visible leads straight to it; anything else gives a page of what was found."""
    words = request.GET.get("q", "").strip()[:LONGEST]
    user = request.user
    reviews, incidents, records = access.reviews(user), access.incidents(user), items.visible_to(user)
    if _PUBLIC_ID.fullmatch(words.upper()):
        public_id = words.upper()
        for name, rows in (("incident", incidents), ("review", reviews), ("item", records)):
            if rows.filter(public_id=public_id).exists():
                return redirect(f"web:{name}", public_id)
    context = {"search_query": words, "now": timezone.now()}
    if words:
        named = Q(public_id__icontains=words) | Q(title__icontains=words)
        steps = ReviewStep.objects.filter(Q(finding__icontains=words) | Q(evidence__icontains=words)).values(
            "review"
        )
        causes = RootCause.objects.filter(statement__icontains=words).values("review")
        told = (
            named
            | Q(went_well__icontains=words)
            | Q(went_badly__icontains=words)
            | Q(pk__in=steps)
            | Q(pk__in=causes)
        )
        context |= {
            "incidents": _first(
                incidents.filter(named | Q(summary__icontains=words)).select_related("severity")
            ),
            "reviews": _first(reviews.filter(told)),
            "items": _first(records.filter(named | Q(description__icontains=words)).order_by("-pk")),
            "services": _first(
                access.services(user).filter(Q(slug__icontains=words) | Q(name__icontains=words))
            ),
            "limit": FOUND_A_KIND,
        }
        context["is_nothing"] = not any(
            context[kind] for kind in ("incidents", "reviews", "items", "services")
        )
    return render(request, "search.html", context)


def _first(rows: QuerySet[Any]) -> list[Any]:
    return list(rows[:FOUND_A_KIND])


urlpatterns = [path("search", search, name="search")]
