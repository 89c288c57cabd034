"""A form that arrives after its session has ended: it waits in the page, and is filled in after a login.

It goes from the page that says so to the login and on into a draft of its writer. Nobody else gets it: the
form says who wrote it, and a login by another person drops it.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _

from postmortem import drafts as kept_drafts
from postmortem.errors import DomainError
from web import drafts, errors, field_words
from web.forms.login import LoginForm

# The field of the login that carries it.
CARRIED = "carried"
_BOOKS = ("draft_reader", "draft_key", "draft_page", "draft_number", "version")


# Parts of the names of fields that are nobody's words, or nobody's business.
_NOT_SHOWN = (
    "csrfmiddlewaretoken", "next", "password", "secret", "token", "draft_", "version", "opened", "_FORMS",
)  # fmt: skip


def answer(request: HttpRequest, to_login: HttpResponse) -> HttpResponse:
    """What they asked for can wait; what they filled in must not be lost.

    Args:
        to_login: the redirect that the view answered with; good enough where nothing was filled in.
    """
    is_part = errors.is_for_htmx(request)
    if request.method in {"GET", "HEAD"} and not is_part:
        return to_login
    said = field_words.said(request.path_info, _shown(request))
    waits = carried(request)
    # Back to the page with the form: its target may be no page at all.
    back = urlsplit(errors.way_back(request))._replace(scheme="", netloc="").geturl() or "/"
    back = drafts.address_of(request.POST["draft_key"]) if waits else back
    login = f"{resolve_url(settings.LOGIN_URL)}?next={quote(back)}"
    if not said and not waits and not is_part:
        return HttpResponseRedirect(login)
    context: dict[str, object] = {"login": login, "said": said}
    if waits and not is_part:
        # What was chosen comes back by itself; words are shown, for who would rather have them at once.
        context["said"] = [one for one in said if not one.is_choice]
        context |= {"carried": waits, "next": back, "form": LoginForm(), "csrf_token": get_token(request)}
    return errors.answer(request, 401, "not_logged_in", "errors/401.html", context, bare=True)


def _shown(request: HttpRequest) -> dict[str, list[str]]:
    return {name: sent for name, sent in request.POST.lists() if not any(word in name for word in _NOT_SHOWN)}


def carried(request: HttpRequest) -> str:
    """All of a form that can be filled in again, as one value of a form; empty for other forms."""
    if "draft_reader" not in request.POST or not drafts.is_autosaved(request.POST.get("draft_key", "")):
        return ""
    books = {name: request.POST.get(name, "") for name in _BOOKS}
    return json.dumps({"books": books, "fields": drafts.fields_of(request)}, ensure_ascii=False)


def restore(request: HttpRequest) -> str | None:
    """After a login, make a draft of the form that waited for it; the address that fills it in, or None."""
    form = _read(request.POST.get(CARRIED, ""))
    if form is None:
        return None
    books, fields = form
    if books["draft_reader"] != str(request.user.pk):
        messages.warning(request, _("Somebody else had filled in a form here. It is not kept."))
        return None
    number = drafts.whole(books["draft_number"]) or 0
    try:
        draft = kept_drafts.save(
            key=books["draft_key"],
            page=books["draft_page"],
            # After whatever the page itself has saved of it.
            number=number + drafts.LEEWAY,
            fields=fields,
            base_version=drafts.whole(books["version"]),
            by=request.user,
            now=timezone.now(),
        )
    except DomainError as refusal:
        messages.warning(request, refusal.message)
        return None
    return drafts.restore_url(draft) if draft is not None else None


def _read(text: str) -> tuple[dict[str, str], dict[str, list[str]]] | None:
    """What `carried` wrote; it has been in a browser, so it may be anything."""
    try:
        form: Any = json.loads(text)
        books = {name: str(form["books"][name]) for name in _BOOKS}
        fields = {str(name): [str(value) for value in sent] for name, sent in form["fields"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (books, fields) if drafts.is_autosaved(books["draft_key"]) else None
