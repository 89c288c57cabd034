"""Somebody saved a newer version while a form was being filled in: merge what can be, ask about the rest."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from postmortem import differences
from postmortem.errors import EditConflict
from web.forms import versioned

# So often somebody else may save between the reading of a record and the saving of a form over it.
ATTEMPTS = 3

View = Callable[..., HttpResponse]


def merge(form: forms.BaseForm) -> None:
    """Bring a form that was sent over an older version up to the one that is stored.

    A field that its writer left alone becomes what is stored; one that only its writer changed stays. What
    both changed, and differently, is a decision: `form.is_conflict`, with `theirs` and `pieces` on each such
    field (`_field.html` shows them). Sending the form again saves over it: by then theirs has been seen.
    `form.took_theirs` says that something stored is in it that its writer has not read.

    Call it before the form is validated, and save with the version it then has: the act checks that under
    its lock, and `retried` begins again where somebody was faster.

    Args:
        form: bound or not; its `initial` is what is stored now. Without a `VersionField` nothing happens.
    """
    form.is_conflict = form.took_theirs = False
    if not form.is_bound or not is_merged(form):
        return
    bound = form["version"]
    is_newer = str(form.initial.get("version") or "") != (bound.data or "").strip()
    if bound.html_name not in form.data or not is_newer:
        return
    opened = versioned.read(bound.opened)
    form.data = form.data.copy()
    for field in form:
        if not field.is_hidden:
            _merge_field(form, field, opened.get(field.name))
    form.data[bound.html_name] = str(form.initial.get("version") or "")
    form.data[bound.opened_name] = versioned.written(versioned.marks(form))


def _merge_field(form: forms.BaseForm, field: forms.BoundField, base: str | None) -> None:
    if field.field.disabled or field.field.widget.value_omitted_from_data(
        form.data, form.files, field.html_name
    ):
        # A form that does not show a field changes nothing about it.
        return
    sent, stored = versioned.sent_by(field), versioned.stored(field)
    mine, theirs = versioned.mark(field, sent), versioned.mark(field, stored)
    if theirs in {mine, base}:
        return
    form.took_theirs = True
    if mine == base:
        _put(form.data, field.html_name, stored)
    else:
        form.is_conflict = True
        field.theirs = _told(field, stored) or "–"
        field.pieces = differences.words(_told(field, stored), _told(field, sent))


def _put(data: QueryDict, name: str, value: versioned.Sent) -> None:
    if value is True:
        value = "on"
    if value is False or value == []:
        # A browser sends nothing for what is not ticked.
        data.pop(name, None)
    else:
        data.setlist(name, value if isinstance(value, list) else [value])


def retried(view: View) -> View:
    """Let a view that merges begin again with what is stored by now, where somebody saved between the two."""

    @wraps(view)
    def attempts(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        for _attempt in range(ATTEMPTS - 1):
            try:
                return view(request, *args, **kwargs)
            except EditConflict:
                continue
        return view(request, *args, **kwargs)

    return attempts


def is_merged(form: forms.BaseForm) -> bool:
    """Whether `merge` deals with this form."""
    return isinstance(form.fields.get("version"), versioned.VersionField)


def show(form: forms.BaseForm, refusal: EditConflict) -> None:
    """Put what was saved meanwhile beside what was typed, for a form whose whole is one decision.

    Nothing is merged: such a form is sent again, with both texts seen. Templates as for `merge`.
    """
    form.data = form.data.copy()
    form.data[form.add_prefix("version")] = str(refusal.details["version"])
    form.is_conflict = True
    mine, theirs = refusal.details["mine"], refusal.details["theirs"]
    for name, value in theirs.items():
        if name in form.fields and value != mine.get(name):
            bound = form[name]
            words = [_words(_label(bound.field, one)) for one in (value, mine.get(name))]
            bound.theirs = words[0] or "–"
            bound.pieces = differences.words(*words)


def _told(field: forms.BoundField, sent: versioned.Sent) -> str:
    """What was sent or stored, as its reader knows it: the words of a choice, a moment in their zone."""
    if isinstance(sent, bool):
        return _yes_or_no(sent)
    if isinstance(field.field, forms.ChoiceField):
        chosen = [one for one in (sent if isinstance(sent, list) else [sent]) if one != ""]
        labels = {str(key): str(label).strip() for key, label in field.field.choices} if chosen else {}
        return "\n".join(labels.get(str(one), str(one)) for one in chosen)
    meant = versioned.meant(field, sent)
    return _moment(meant) if hasattr(meant, "astimezone") else str(sent)


def _label(field: forms.Field, value: Any) -> Any:
    """A choice as its reader knows it."""
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        return next((label for key, label in field.choices if key == value), value)
    return value


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _yes_or_no(value)
    moment = parse_datetime(value) if isinstance(value, str) and len(value) < 40 and "T" in value else None
    return _moment(moment) if moment else str(value)


def _yes_or_no(value: bool) -> str:
    return _("yes") if value else _("no")


def _moment(moment: Any) -> str:
    # To the second: two people may well have taken the same minute.
    return date_format(timezone.localtime(moment), _("j M Y, H:i:s"))
