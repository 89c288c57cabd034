"""Search over incidents, postmortems, items and services: by id or by words, only what the reader may see."""

import re
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import BooleanField, ExpressionWrapper, F, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from postmortem import access, searching, selecting
from postmortem.models import Entry, Incident, Review, ReviewStep, RootCause
from postmortem.models.reviews import CAUSE_WORDS, REVIEW_WORDS, STEP_WORDS
from postmortem.models.timelines import ENTRY_WORDS
from postmortem.searching import Words
from remediation import items
from remediation.models import RemediationItem
from remediation.models.items import ITEM_WORDS

FOUND_A_KIND = 20
# Of each kind the newest matches; ranking all of a common word would read most of what there is.
LOOKED_THROUGH = 500
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
    terms = searching.query(words)
    if terms:
        context |= {
            "incidents": _ranked(
                incidents.select_related("severity"), _of_incidents(words), words, "-started_at"
            ),
            "reviews": _ranked(reviews, _of_reviews(terms), words, "-pk"),
            "items": _ranked(records, [_newest(RemediationItem, ITEM_WORDS, terms)], words, "-pk"),
            "services": list(
                access.services(user).filter(Q(slug__icontains=words) | Q(name__icontains=words))[
                    :FOUND_A_KIND
                ]
            ),
            "limit": FOUND_A_KIND,
        }
    context["is_nothing"] = not any(
        context.get(kind) for kind in ("incidents", "reviews", "items", "services")
    )
    return render(request, "search.html", context)


def _of_incidents(words: str) -> list[QuerySet[Any]]:
    """Ids of incidents by their own words and by those of timelines that are filed, sealed ones never."""
    own = selecting.narrowed(Incident.objects.all(), now=timezone.now(), q=words)
    own = own.order_by("-started_at", "-pk")
    told = Entry.objects.filter(
        searching.Matches(ENTRY_WORDS, searching.query(words)), timeline__filed_at__isnull=False
    ).order_by("-happened_at")
    return [
        own.values("pk")[:LOOKED_THROUGH],
        told.values(pk=F("timeline__participant__incident"))[:LOOKED_THROUGH],
    ]


def _of_reviews(terms: str) -> list[QuerySet[Any]]:
    return [
        _newest(Review, REVIEW_WORDS, terms),
        _newest(ReviewStep, STEP_WORDS, terms, of="review"),
        _newest(RootCause, CAUSE_WORDS, terms, of="review"),
    ]


def _newest(model: type[Model], columns: Words, terms: str, *, of: str = "pk") -> QuerySet[Any]:
    """Ids of the newest rows that match."""
    rows = model._default_manager.filter(searching.Matches(columns, terms)).order_by("-pk")
    return rows.values(found=F(of))[:LOOKED_THROUGH]


def _ranked(visible: QuerySet[Any], found: Sequence[QuerySet[Any]], words: str, newest: str) -> list[Any]:
    """The best of what was found and may be seen: first by the title, then the newest."""
    ids = found[0].union(*found[1:]) if found[1:] else found[0]
    is_named = ExpressionWrapper(searching.named(words), output_field=BooleanField())
    return list(
        visible.filter(selecting.any_of(ids))
        .annotate(is_named=is_named)
        .order_by("-is_named", newest)[:FOUND_A_KIND]
    )


urlpatterns = [path("search", search, name="search")]
