"""Hints on the wording of a text, under its field: as it was saved, and anew while somebody writes.

They come from the same function as the refusal of a signature, and never keep anybody from saving.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.forms import BaseForm, BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from postmortem import access, terms
from postmortem.models import MAX_TEXT, Service
from postmortem.wording import Purpose, Term
from web import vague

# More than these nobody reads while writing.
SHOWN = 8
PHRASES_SAID = 3


@login_required
@require_POST
def wording_hints(request: HttpRequest) -> HttpResponse:
    """What the text in one field should be reworded for: a part of its form, for htmx; stores nothing."""
    if request.GET.get("purpose") not in list(Purpose):
        raise BadRequest("purpose")
    text = request.POST.get(request.GET.get("field", ""), "")[:MAX_TEXT].replace("\r\n", "\n")
    if public_id := request.GET.get("review"):
        extra = terms.of_review(get_object_or_404(access.reviews(request.user), public_id=public_id))
    else:
        extra = terms.of_teams(teams_chosen(request.POST))
    context = _found(text, Purpose(request.GET["purpose"]), extra)
    return render(request, "_wording_found.html", context | {"target": request.GET.get("target", "")})


def of_field(field: BoundField) -> dict[str, Any]:
    """What shows the hints of a field and asks for them again; {} where there are none to have."""
    purpose = getattr(field.form, "hints", {}).get(field.name)
    if purpose is None:
        return {}
    review = getattr(field.form, "hint_review", None)
    asked = {"field": field.html_name, "purpose": purpose, "target": field.id_for_label}
    if review is not None:
        asked["review"] = review.public_id
    text = _text_of(field)
    found = _found(text, Purpose(purpose), _lists_of(field.form)) if text.strip() else _found("", purpose, [])
    url = f"{reverse('web:wording_hints')}?{urlencode(asked)}"
    return {"field": field, "target": field.id_for_label, "url": url} | found


def also(form: BaseForm, said: str) -> str:
    """What is said once a form is saved, with the phrases to look at; for those without scripts."""
    fields = [form[name] for name in getattr(form, "hints", {}) if name in form.fields]
    extra = _lists_of(form)
    phrases = [
        found.phrase
        for field in fields
        for found in vague.snippets(_text_of(field), purpose=Purpose(form.hints[field.name]), extra=extra)
    ]
    if not phrases:
        return said
    shown = ", ".join(f"“{phrase}”" for phrase in list(dict.fromkeys(phrases))[:PHRASES_SAID])
    return said + " " + _("Worth another look: %(phrases)s.") % {"phrases": shown}


def teams_chosen(values: Mapping[str, Any]) -> list[int]:
    """The teams that a form of an item names: its own, and the one that owns its service."""
    team, service = (str(values.get(name) or "") for name in ("team", "service"))
    found = [int(team)] if _is_key(team) else []
    if _is_key(service):
        found += Service.objects.filter(pk=int(service)).values_list("team", flat=True)
    return found


def _is_key(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) < 10


def _lists_of(form: BaseForm) -> Iterable[Term]:
    if getattr(form, "hint_terms", None) is None:
        if form.hint_review is not None:
            form.hint_terms = terms.of_review(form.hint_review)
        else:
            named = {name: form[name].value() for name in ("team", "service") if name in form.fields}
            form.hint_terms = terms.of_teams(teams_chosen(named))
    return form.hint_terms


def _text_of(field: BoundField) -> str:
    return str(field.value() or "")[:MAX_TEXT].replace("\r\n", "\n")


def _found(text: str, purpose: Purpose | str, extra: Iterable[Term]) -> dict[str, Any]:
    found = vague.snippets(text, purpose=Purpose(purpose), extra=list(extra)) if text.strip() else []
    more = len(found) - SHOWN
    groups: dict[tuple[bool, str, str], list[vague.Snippet]] = {}
    for one in found[:SHOWN]:
        groups.setdefault((not one.blocks, one.why, one.suggestion), []).append(one)
    return {
        "found": found[:SHOWN],
        "count": len(found),
        "groups": [
            {"blocks": not is_hint, "why": why, "suggestion": suggestion, "found": together}
            for (is_hint, why, suggestion), together in sorted(groups.items(), key=lambda item: item[0][0])
        ],
        "more": ngettext("%(count)d more", "%(count)d more", more) % {"count": more} if more > 0 else "",
    }


urlpatterns = [path("wording/hints", wording_hints, name="wording_hints")]
