"""The version that a form was opened with, and what each of its fields held then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

# Beside the version, under this name, stand the marks of the fields.
OPENED = "opened"
Sent = str | bool | list[str]


class VersionField(forms.IntegerField):
    """The hidden version of what a form changes; with it goes a mark of what each field held.

    By the marks `conflicts.merge` tells what a writer changed from what was only there. They are hashes, so
    that a form does not carry its texts twice.
    """

    widget = forms.HiddenInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": 2**31 - 1} | kwargs)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundVersion:
        return BoundVersion(form, self, field_name)


class BoundVersion(forms.BoundField):
    """The version of one form; it renders both hidden inputs."""

    def as_widget(self, *args: Any, **kwargs: Any) -> SafeString:
        version = super().as_widget(*args, **kwargs)
        return format_html(
            '{}<input type="hidden" name="{}" value="{}">', version, self.opened_name, self.opened
        )

    @property
    def opened_name(self) -> str:
        return self.form.add_prefix(OPENED)

    @property
    def opened(self) -> str:
        """The marks as the form carries them: those it was sent with, those of its draft, or those of now."""
        if self.form.is_bound:
            return self.form.data.get(self.opened_name, "")
        kept: str | None = getattr(self.form, "opened", None)
        return written(marks(self.form)) if kept is None else kept


def marks(form: forms.BaseForm) -> dict[str, str]:
    """A mark of what is stored, for each field that a reader can change."""
    return {bound.name: mark(bound, stored(bound)) for bound in form if not bound.is_hidden}


def written(found: Mapping[str, str]) -> str:
    return " ".join(f"{name}:{value}" for name, value in found.items())


def read(text: str) -> dict[str, str]:
    """The marks of `written`; what is none is left out."""
    return {name: value for name, colon, value in (part.partition(":") for part in text.split()) if colon}


def mark(bound: forms.BoundField, sent: Sent) -> str:
    """A hash of a value that does not depend on how a browser writes it down."""
    # What is ticked has no order; what is written has.
    value = sorted(sent) if isinstance(sent, list) else _plain(meant(bound, sent))
    text = json.dumps(value, ensure_ascii=False)
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def stored(bound: forms.BoundField) -> Sent:
    """What a browser would send if nobody touched the field."""
    widget, value = bound.field.widget, bound.field.prepare_value(bound.initial)
    if isinstance(widget, forms.CheckboxInput):
        return bool(value)
    shown = widget.format_value(value)
    if isinstance(shown, list) and not widget.allow_multiple_selected:
        shown = shown[0] if shown else ""
    return "" if shown is None else shown


def sent_by(bound: forms.BoundField) -> Sent:
    """What a browser has sent."""
    data = bound.data
    return "" if data is None else data


def meant(bound: forms.BoundField, sent: Sent) -> Any:
    """The value behind what was sent; what is no value is left as it was sent."""
    if isinstance(sent, bool) or isinstance(bound.field, forms.ModelChoiceField):
        return sent
    try:
        return bound.field.to_python(sent)
    except forms.ValidationError:
        return sent


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\r\n", "\n")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, list):
        return [str(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
