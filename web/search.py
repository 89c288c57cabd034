"""Search over incidents, postmortems, items and services: by id or by words, only what the reader may see."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.db.models import F, Model, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import User
from postmortem import access, searching, selecting
from postmortem.models import Entry, IncidentWords, Review, ReviewStep, RootCause
from postmortem.models.reviews import CAUSE_WORDS, REVIEW_WORDS, STEP_WORDS
from postmortem.models.timelines import ENTRY_WORDS
from remediation import items
from remediation.models import RemediationItem
from remediation.models.items import ITEM_WORDS
from web.asked import Asked, Blank, kept, reader

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
    if _PUBLIC_ID.fullmatch(words.upper()):
        public_id = words.upper()
        visible = (
            ("incident", access.incidents(user)),
            ("review", access.reviews(user)),
            ("item", items.visible_to(user)),
        )
        for name, rows in visible:
            if rows.filter(public_id=public_id).exists():
                return redirect(f"web:{name}", public_id)
    context = {"search_query": words, "now": timezone.now()}
    terms = searching.query(words)
    if terms:
        part = f"%{connection.ops.prep_for_like_query(words)}%"
        filled = {id(_TERMS): terms, id(_PATTERNS): searching.patterns(words), id(_PART): [part]}
        for kind, statement in _STATEMENTS.items():
            is_wide = kept(("wide", kind, terms), partial(_are_many, kind, terms))
            asked = kept((kind, reader(user), is_wide), partial(_put_together, statement, user, is_wide))
            # How to look depends on how many have the words: no plan of it is kept.
            context[kind] = asked.rows(filled)
    context |= {"limit": FOUND_A_KIND, "is_nothing": not any(context.get(kind) for kind in _STATEMENTS)}
    return render(request, "search.html", context)


# Stand in statements for what is looked for: as PostgreSQL's query, as patterns of its words, as one pattern.
_TERMS, _PATTERNS, _PART = Blank("terms"), Blank("patterns"), Blank("part")


_WORDS: dict[str, tuple[type[Model], Any]] = {
    "incidents": (IncidentWords, F("words")),
    "reviews": (Review, REVIEW_WORDS),
    "items": (RemediationItem, ITEM_WORDS),
}


def _are_many(kind: str, terms: str) -> bool:
    """Whether many of a kind have the words; of services, which are few, each is looked at."""
    if kind not in _WORDS:
        return True
    model, words = _WORDS[kind]
    return selecting.are_many(model._default_manager.filter(searching.Matches(words, terms)))


def _put_together(statement: Callable[[User, bool], QuerySet[Any]], user: User, is_wide: bool) -> Asked:
    return Asked.of(statement(user, is_wide))


def _incidents(user: User, is_wide: bool) -> QuerySet[Any]:
    """By their own words and by those of timelines that are filed, sealed ones never."""
    own = _newest("incidents", is_wide)
    told = Entry.objects.filter(searching.Matches(ENTRY_WORDS, _TERMS), timeline__filed_at__isnull=False)
    told = told.order_by("-happened_at").values(found=F("timeline__participant__incident"))[:LOOKED_THROUGH]
    rows = _best(access.incidents(user), own.union(told), "-started_at")
    return rows.values("public_id", "title", "severity__code", "started_at")


def _reviews(user: User, is_wide: bool) -> QuerySet[Any]:
    parts = (
        model._default_manager.filter(searching.Matches(words, _TERMS))
        .order_by("-pk")
        .values(found=F("review"))[:LOOKED_THROUGH]
        for model, words in ((ReviewStep, STEP_WORDS), (RootCause, CAUSE_WORDS))
    )
    found = _newest("reviews", is_wide).union(*parts)
    return _best(access.reviews(user), found, "-pk").values("public_id", "title")


def _items(user: User, is_wide: bool) -> QuerySet[Any]:
    return _best(items.visible_to(user), _newest("items", is_wide), "-pk").values(
        "public_id", "title", "state"
    )


def _services(user: User, _is_wide: bool) -> QuerySet[Any]:
    named = Q(searching.Like(F("slug"), Value(_PART))) | Q(searching.Like(F("name"), Value(_PART)))
    return access.services(user).filter(named).values("slug", "name")[:FOUND_A_KIND]


_STATEMENTS = {"incidents": _incidents, "reviews": _reviews, "items": _items, "services": _services}


def _newest(kind: str, is_wide: bool) -> QuerySet[Any]:
    """Ids of the newest rows that match.

    PostgreSQL would take a rare word for a common one, and look for it in all from the newest back.
    """
    model, words = _WORDS[kind]
    rows = model._default_manager.filter(searching.Matches(words, _TERMS))
    if not is_wide:
        rows = model._default_manager.filter(selecting.any_of(rows.values("pk")))
    return rows.order_by("-pk").values(found=F("pk"))[:LOOKED_THROUGH]


def _best(visible: QuerySet[Any], ids: QuerySet[Any], newest: str) -> QuerySet[Any]:
    """The best of what was found and may be seen: first by the title, then the newest."""
    is_named = searching.Like(F("title"), Value(_PATTERNS))
    return visible.filter(selecting.any_of(ids)).order_by(is_named.desc(), newest)[:FOUND_A_KIND]


urlpatterns = [path("search", search, name="search")]
