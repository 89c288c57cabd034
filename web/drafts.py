"""Drafts on the pages: forms keep what is typed, and offer it again to its writer.

A view says `attach` before it renders a form and `close` once the form is saved; `asking.ask` does both.
The rest is static/web/drafts.js, and works without it as far as restoring goes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import Resolver404, path, resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from postmortem import drafts
from postmortem.errors import Invalid
from postmortem.models import Draft
from web import errors
from web.forms.versioned import OPENED

# The forms in which people write, by the addresses they are sent to; no other form leaves a draft.
FORMS = {
    "addendum_new": _("Addendum"),
    "cause_edit": _("Cause"),
    "cause_new": _("Cause"),
    "cause_settle": _("Evidence of a cause"),
    "cause_whys": _("Whys of a cause"),
    "change_edit": _("Change"),
    "change_new": _("Change"),
    "change_search": _("No change was found"),
    "checklist_add": _("Entry of a checklist"),
    "checklist_edit": _("Entry of a checklist"),
    "entry_edit": _("Timeline entry"),
    "incident_edit": _("Incident"),
    "incident_new": _("New incident"),
    "item_edit": _("Item"),
    "item_new": _("New item"),
    "lesson_answer": _("Answer to what went badly"),
    "lessons": _("What was learned"),
    "measurement_state": _("Measurement"),
    "review_reopen": _("Reopening of a postmortem"),
    "step_write": _("Step of a review"),
    "timeline": _("Timeline entry"),
    "timeline_paste": _("Paste into a timeline"),
}
AUTOSAVED = frozenset(FORMS)
OFFERED = 5
_OURS = "draft_"
_NEVER = ("password", "secret", "token")
# What was on its way while a page was rendered may still come in between.
LEEWAY = 100


@dataclass
class Autosave:
    """What a page needs to keep and to offer the draft of one form.

    Attributes:
        key, page, number: as in `Draft`, for the next save.
        first: the page as it was opened; a form that is written on after it was saved has another draft.
        address: of the page with the form.
        is_stored: whether the form shows what is stored, so that going back to it ends the draft.
    """

    key: str
    page: str
    number: int
    address: str
    is_stored: bool
    first: str = ""
    restored: Draft | None = None
    offers: list[Draft] = field(default_factory=list)


def attach(request: HttpRequest, form: forms.BaseForm, *others: forms.BaseForm, key: str = "") -> None:
    """Give a form its `autosave`, and its fields the values of the draft that ?draft= names.

    Args:
        others: further forms that are sent with it.
        key: where it is sent to, unless that is this page.
    """
    attach_each(request, {key or key_of(request): [form, *others]})


def attach_each(request: HttpRequest, by_key: Mapping[str, Sequence[forms.BaseForm]]) -> None:
    """The same for several forms of one page, in one query."""
    found: dict[str, list[Draft]] = {}
    for draft in drafts.of(request.user, now=timezone.now()).filter(key__in=by_key):
        found.setdefault(draft.key, []).append(draft)
    for key, together in by_key.items():
        together[0].autosave = _autosave(request, key, together[0], found.get(key, []))
        if (restored := together[0].autosave.restored) is not None:
            for form in together:
                _restore(form, restored)


def close(request: HttpRequest) -> None:
    """The form that was sent is saved, so its draft is no more."""
    drafts.close(page=request.POST.get("draft_page", ""), by=request.user, now=timezone.now())


def is_closed(request: HttpRequest) -> bool:
    """Whether the form that was sent is saved already: its answer was lost on the way, and it is sent again.

    For use within the act that saves it.
    """
    return drafts.is_closed(page=request.POST.get("draft_page", ""), by=request.user)


def values(form: forms.BaseForm) -> Mapping[str, Sequence[str]] | None:
    """The values of the draft that a form was restored from; None where it was not."""
    restored = form.autosave.restored
    return restored.fields if restored is not None else None


def key_of(request: HttpRequest) -> str:
    """The form of this page; an item of a review is another than one without."""
    review = request.GET.get("review", "")
    return f"{request.path}?{urlencode({'review': review})}" if review else request.path


@login_required
@require_GET
def draft_list(request: HttpRequest) -> HttpResponse:
    """Everything that the reader began and never saved, to go on with or to throw away."""
    rows = [_listed(draft) for draft in drafts.of(request.user, now=timezone.now())]
    return render(request, "drafts/list.html", {"drafts": rows, "kept_days": drafts.KEPT_FOR.days})


def _listed(draft: Draft) -> Draft:
    """A draft with what its form is for, of which record, and the address that restores it."""
    match = resolve(draft.key.partition("?")[0])
    draft.form_words = FORMS[match.url_name]
    draft.about = match.kwargs.get("public_id") or parse_qs(urlsplit(draft.key).query).get("review", [""])[0]
    draft.restore_url = restore_url(draft)
    return draft


@login_required
@require_POST
def draft_save(request: HttpRequest) -> HttpResponse:
    """Keep the fields of a form as they are; the header Draft-State says what became of it."""
    if "draft_reader" not in request.POST:
        raise BadRequest("not the form of a draft")
    if request.POST["draft_reader"] != str(request.user.pk):
        # Somebody else has logged in since the page was opened: these are not their words.
        raise Http404
    key = request.POST.get("draft_key", "")
    number = whole(request.POST.get("draft_number"))
    if not is_autosaved(key) or number is None:
        raise BadRequest("not the form of a draft")
    state = "saved"
    try:
        drafts.save(
            key=key,
            page=request.POST.get("draft_page", ""),
            number=number,
            fields=fields_of(request),
            base_version=whole(request.POST.get("version")),
            by=request.user,
            now=timezone.now(),
        )
    except drafts.DraftClosed:
        state = "closed"
    except drafts.DraftTooLong:
        state = "too-long"
    except Invalid as refusal:
        raise BadRequest("not the fields of a draft") from refusal
    return HttpResponse(status=204, headers={"Draft-State": state}, content_type="text/plain")


@login_required
@require_POST
def draft_discard(request: HttpRequest, page: str) -> HttpResponse:
    draft = _own(request, page)
    return _answer(request, drafts.discard(draft, by=request.user, now=timezone.now()))


@login_required
@require_POST
def draft_take_back(request: HttpRequest, page: str) -> HttpResponse:
    draft = _own(request, page)
    return _answer(request, drafts.take_back(draft, by=request.user, now=timezone.now()))


def _own(request: HttpRequest, page: str) -> Draft:
    return get_object_or_404(drafts.of(request.user, now=timezone.now()), page=page)


def _answer(request: HttpRequest, draft: Draft) -> HttpResponse:
    """The offer as it is now for htmx, or the page it stands on, without what it restored."""
    address = address_of(draft.key)
    if request.htmx:
        draft.restore_url = restore_url(draft)
        return render(request, "_draft_offer.html", {"draft": draft})
    way_back = urlsplit(errors.way_back(request))
    return redirect(address if "draft=" in way_back.query or not way_back.path else way_back.geturl())


def _autosave(request: HttpRequest, key: str, form: forms.BaseForm, rows: list[Draft]) -> Autosave:
    asked = request.POST.get("draft_page", "") if form.is_bound else request.GET.get("draft", "")
    own = next((row for row in rows if row.page == asked), None)
    # A form that came back goes on with its draft, be it stored yet or not.
    page = (
        asked if own is not None or (form.is_bound and drafts.is_page(asked)) else secrets.token_urlsafe(15)
    )
    counted = whole(request.POST.get("draft_number")) if form.is_bound else None
    first = request.POST.get("draft_first", "") if form.is_bound else ""
    known = max(counted or 0, own.number if own is not None else 0)
    made = Autosave(
        key=key,
        page=page,
        number=known + LEEWAY if known else 0,
        address=address_of(key),
        is_stored=own is None and not form.is_bound,
        first=first if drafts.is_page(first) else page,
        restored=own if not form.is_bound else None,
        offers=[row for row in rows if row is not own][:OFFERED],
    )
    for draft in made.offers:
        draft.restore_url = restore_url(draft)
    return made


def _restore(form: forms.BaseForm, draft: Draft) -> None:
    """Let the form begin with what a draft says; saving it then is a save over the draft's version."""
    initial = dict(form.initial)
    for bound in form:
        sent, widget = draft.fields.get(bound.html_name), bound.field.widget
        if bound.is_hidden or bound.field.disabled or isinstance(bound.field, forms.FileField):
            continue
        # A browser sends nothing for what is not ticked.
        if isinstance(widget, forms.CheckboxInput):
            initial[bound.name] = bool(sent)
        elif getattr(widget, "allow_multiple_selected", False):
            initial[bound.name] = sent or []
        elif sent:
            initial[bound.name] = sent[-1]
    if "version" in form.fields and draft.base_version is not None:
        initial["version"] = draft.base_version
        # Against what the writer saw, not against what the draft says.
        form.opened = (draft.fields.get(form.add_prefix(OPENED)) or [""])[-1]
    form.initial = initial


def fields_of(request: HttpRequest) -> dict[str, list[str]]:
    """What a form was sent with, but for secrets and for what only keeps its books."""
    if "draft_empty" in request.POST:
        return {}
    return {
        name: sent
        for name, sent in request.POST.lists()
        if not name.startswith(_OURS)
        and name not in {"csrfmiddlewaretoken", "version"}
        and not any(word in name.lower() for word in _NEVER)
    }


def is_autosaved(key: str) -> bool:
    """Whether a form that is sent to this address leaves a draft."""
    try:
        match = resolve(key.partition("?")[0])
    except Resolver404:
        return False
    return match.namespace == "web" and match.url_name in AUTOSAVED


def address_of(key: str) -> str:
    """The page with the form: mostly where it is sent to as well."""
    match = resolve(key.partition("?")[0])
    if match.url_name != "step_write":
        return key
    kind = match.kwargs["kind"]
    review = reverse("web:review", args=[match.kwargs["public_id"]])
    return f"{review}?step={kind}#step-{kind}"


def restore_url(draft: Draft) -> str:
    """The page with the form, filled in as a draft says."""
    parts = urlsplit(address_of(draft.key))
    asked = "&".join(filter(None, [parts.query, urlencode({"draft": draft.page})]))
    return parts._replace(query=asked).geturl()


def whole(value: str | None) -> int | None:
    """A count as forms send it; None where it is none."""
    is_count = value is not None and value.isascii() and value.isdecimal() and len(value) < 16
    return min(int(value), 2**31 - 1) if is_count else None


urlpatterns = [
    path("drafts/", draft_list, name="drafts"),
    path("drafts", draft_save, name="draft_save"),
    path("drafts/<slug:page>/discard", draft_discard, name="draft_discard"),
    path("drafts/<slug:page>/take-back", draft_take_back, name="draft_take_back"),
]
