"""Forms that make something new are saved once; sent again they say what they made, and ask.

Going back in the browser and pressing the button again is the same form, be its page kept or loaded anew, and
so is a button that was pressed twice. Whoever wants another one says so with a button of its own.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from postmortem import drafts, trail
from postmortem.drafts import Made
from postmortem.errors import DomainError
from web.drafts import fields_of, key_of

Record = TypeVar("Record")

# What a form proposes by the clock: another at each opening, though nobody typed anything else.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?", re.ASCII)


class MadeAlready(DomainError):
    """This form was saved before; nothing was written."""

    code = "made_already"

    def __init__(self, made: Made) -> None:
        super().__init__(_("This form was saved already."))
        self.made = made


def once(request: HttpRequest, act: Callable[[], Record], *, made: Callable[[Record], Made]) -> Record:
    """Run the act that saves the form of this request, unless that form was saved before.

    Args:
        made: where the new record is found, and its name.

    Raises:
        MadeAlready: it was; `show` offers another one.
        DomainError: what the act was refused with; the form can be sent again.
    """
    pages = _pages(request)
    key, content_hash = key_of(request), _content_hash(request)
    is_another = drafts.is_page(request.POST.get("draft_another"))
    with trail.act("drafts.make", by=request.user):
        before = drafts.find_made(
            pages=pages[:1] if is_another else pages,
            key="" if is_another else key,
            content_hash="" if is_another else content_hash,
            by=request.user,
        )
        if before is not None:
            raise MadeAlready(before)
        record = act()
        now = timezone.now()
        for page in pages or [secrets.token_urlsafe(15)]:
            drafts.close(
                page=page,
                by=request.user,
                now=now,
                key=key,
                made=made(record),
                content_hash=content_hash,
            )
    return record


def show(form: forms.BaseForm, refusal: MadeAlready) -> None:
    """Let a form say what it made; `_another.html` beside its button makes another one."""
    form.made = refusal.made
    # A page of its own: pressing that button twice makes one, too.
    form.another = secrets.token_urlsafe(15)


def words(text: str) -> str:
    """The name of a record that has none but its text."""
    return Truncator(" ".join(text.split())).chars(80)


def _pages(request: HttpRequest) -> list[str]:
    """What this form goes by: another one asked for, the page it was opened as, that of its draft."""
    names = ("draft_another", "draft_first", "draft_page")
    return list(dict.fromkeys(filter(drafts.is_page, (request.POST.get(name, "") for name in names))))


def _content_hash(request: HttpRequest) -> str:
    said = {
        name: [value for value in sent if not _MOMENT.fullmatch(value)]
        for name, sent in fields_of(request).items()
        if name != "intent"
    }
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
