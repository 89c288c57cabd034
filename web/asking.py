"""One question before an act: a page that asks on GET and acts on POST, so that it works without scripts."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from postmortem.drafts import Made
from postmortem.errors import DomainError, EditConflict, NotAllowed
from web import conflicts, drafts, making
from web.forms import show_refusal

Words = str | Promise


def ask(
    request: HttpRequest,
    *,
    title: Words,
    submit: Words,
    back: str,
    act: Callable[[dict[str, Any]], object],
    is_allowed: bool,
    text: Words = "",
    done: Words = "",
    form: forms.BaseForm | None = None,
    is_danger: bool = False,
    is_autosaved: bool = False,
    made: Callable[[Any], Made] | None = None,
    template: str = "confirm.html",
    **context: Any,
) -> HttpResponse:
    """Ask on GET, act on POST.

    Args:
        act: gets the form's cleaned data, or {} where there is no form.
        back: where the reader came from and goes to afterwards.
        is_allowed: whether to ask at all; the act itself decides again.
        form: what else must be said, bound to the POST if there is one.
        made: of a form that makes something new each time: what the act's record is; see `making.once`.
        is_autosaved: whether the form leaves a draft; its address is in `drafts.AUTOSAVED` then.

    A refusal is shown with the form, which keeps what was typed; a newer version is merged or stands beside
    it, and a view whose form has a `VersionField` is `conflicts.retried`. Without a form a refusal is left to
    `web.middleware.Refusals`.
    """
    if not is_allowed:
        raise NotAllowed(_("Your role does not allow this."))
    if form is not None:
        conflicts.merge(form)
    is_ready = form is None or (not form.is_conflict and form.is_valid())
    if request.method == "POST" and is_ready and _is_done(request, form, act, made):
        if is_autosaved and made is None:
            drafts.close(request)
        if done:
            messages.success(request, str(done))
        return redirect(back)
    if form is not None and is_autosaved:
        drafts.attach(request, form)
    context |= {
        "title": title,
        "text": text,
        "submit": submit,
        "back": back,
        "form": form,
        "tone": "danger" if is_danger else "",
    }
    return render(request, template, context, status=200 if form is None else status_of(form))


def status_of(form: forms.BaseForm) -> int:
    """Of the page with a form: 409 where something else came first, 422 where it was refused, else 200."""
    if getattr(form, "is_conflict", False) or getattr(form, "made", None):
        return 409
    return 422 if form.errors else 200


def _is_done(
    request: HttpRequest,
    form: forms.BaseForm | None,
    act: Callable[[dict[str, Any]], object],
    made: Callable[[Any], Made] | None,
) -> bool:
    """Run the act; a refusal is shown in the form, where there is one to show it."""
    data = form.cleaned_data if form is not None else {}
    try:
        if made is None:
            act(data)
        else:
            making.once(request, lambda: act(data), made=made)
    except NotAllowed:
        raise
    except making.MadeAlready as refusal:
        making.show(form, refusal)
    except EditConflict as refusal:
        if form is None or "version" not in form.fields or conflicts.is_merged(form):
            raise
        conflicts.show(form, refusal)
    except DomainError as refusal:
        if form is None:
            raise
        show_refusal(form, refusal)
    else:
        return True
    return False
