"""One question before an act: a page that asks on GET and acts on POST, so that it works without scripts."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from postmortem.errors import DomainError, NotAllowed
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
    template: str = "confirm.html",
    **context: Any,
) -> HttpResponse:
    """Ask on GET, act on POST.

    Args:
        act: gets the form's cleaned data, or {} where there is no form.
        back: where the reader came from and goes to afterwards.
        is_allowed: whether to ask at all; the act itself decides again.
        form: what else must be said, bound to the POST if there is one.

    A refusal is shown with the form, which keeps what was typed; without a form it is left to
    `web.middleware.Refusals`.
    """
    if not is_allowed:
        raise NotAllowed(_("Your role does not allow this."))
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            act(form.cleaned_data if form is not None else {})
        except NotAllowed:
            raise
        except DomainError as refusal:
            if form is None:
                raise
            show_refusal(form, refusal)
        else:
            if done:
                messages.success(request, str(done))
            return redirect(back)
    context |= {
        "title": title,
        "text": text,
        "submit": submit,
        "back": back,
        "form": form,
        "tone": "danger" if is_danger else "",
    }
    return render(request, template, context, status=422 if form is not None and form.errors else 200)
