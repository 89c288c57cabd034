"""Somebody saved a newer version while a form was being filled in: both texts side by side, nothing lost."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from postmortem import differences
from postmortem.errors import EditConflict


def show(form: forms.BaseForm, refusal: EditConflict, *, fields: Mapping[str, str] | None = None) -> None:
    """Put what was saved meanwhile beside what was typed; sending the form again saves over it.

    Sending it again is a decision: by then the other text has been seen. Templates find `form.is_conflict`,
    and `theirs` and `pieces` on each field that differs (`_field.html` shows them).

    Args:
        fields: the form's name for a name of the act, where they differ.
    """
    form.data = form.data.copy()
    form.data[form.add_prefix("version")] = str(refusal.details["version"])
    beside(form, refusal.details["mine"], refusal.details["theirs"], fields=fields)


def beside(
    form: forms.BaseForm,
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    *,
    fields: Mapping[str, str] | None = None,
) -> None:
    """The same with values instead of a refusal."""
    form.is_conflict = True
    for name, value in theirs.items():
        field = (fields or {}).get(name, name)
        if field in form.fields and value != mine.get(name):
            bound = form[field]
            words = [_words(_label(form.fields[field], one)) for one in (value, mine.get(name))]
            bound.theirs = words[0] or "–"
            bound.pieces = differences.words(*words)


def _label(field: forms.Field, value: Any) -> Any:
    """A choice as its reader knows it."""
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        return next((label for key, label in field.choices if key == value), value)
    return value


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    moment = parse_datetime(value) if isinstance(value, str) and len(value) < 40 and "T" in value else None
    return date_format(timezone.localtime(moment), _("j M Y, H:i")) if moment else str(value)
