"""Forms check shape; the acts check rules. A refusal of an act is shown beside the field it names."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.forms.models import ModelChoiceIterator
from django.utils.translation import gettext_lazy as _

from postmortem.errors import DomainError
from remediation.models import DataSource

# A year outside these is a slip of the finger, and some moments near the calendar's ends have no UTC.
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100


def show_refusal(form: forms.BaseForm, refusal: DomainError) -> None:
    """Put an act's refusal beside the fields it names, or above the form: what was typed stays.

    Where the act names more than one problem each stands at its own field, unless the face has renamed it.
    One problem may stand at several: its "fields".
    """
    named = refusal.details.get("errors", {})
    if refusal.field not in named:
        places = [name for name in refusal.details.get("fields", ()) if name in form.fields]
        named = dict.fromkeys(places or [refusal.field], (refusal.message,))
    for name, messages in named.items():
        for message in messages:
            form.add_error(name if name in form.fields else None, message)


def focus_refused(form: forms.BaseForm) -> None:
    """Let a page begin at what was refused: at the first such field, or at the words above the form.

    For a form in the middle of a long page; one that is a page of its own begins at its list of errors.
    """
    for name in form.fields:
        if name in form.errors and not form.fields[name].widget.is_hidden:
            form.fields[name].widget.attrs["autofocus"] = True
            return


def zone_names() -> list[str]:
    """The IANA zones to choose from: places, and UTC; not what only files have, such as “Factory”."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


class MomentField(forms.DateTimeField):
    """A moment typed or picked in the reader's zone."""

    widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M:%S", attrs={"type": "datetime-local", "step": "1"})
    default_error_messages = {"absurd": _("The year must lie between 2000 and 2099.")}

    def to_python(self, value: Any) -> datetime | None:
        if (
            isinstance(value, str)
            and value[:4].isdecimal()
            and not EARLIEST_YEAR <= int(value[:4]) < LATEST_YEAR
        ):
            raise forms.ValidationError(self.error_messages["absurd"], code="absurd")
        moment = super().to_python(value)
        if moment is not None and not EARLIEST_YEAR <= moment.year < LATEST_YEAR:
            raise forms.ValidationError(self.error_messages["absurd"], code="absurd")
        return moment


class _WordsOfChoice(ModelChoiceIterator):
    """With words to choose only where there is something to choose."""

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        rows = [self.choice(row) for row in self.queryset]
        if len(rows) > 1:
            yield "", _("Choose…")
        yield from rows


class SourceField(forms.ModelChoiceField):
    """A data source: the only one by itself; of several one must be chosen, none is the first by its name."""

    iterator = _WordsOfChoice

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(DataSource.objects.order_by("name"), label=_("Data source"), **kwargs)


class ProseField(forms.CharField):
    """Text of several lines, kept as it was typed; browsers send CRLF, we store LF."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def to_python(self, value: Any) -> str:
        return super().to_python(value).replace("\r\n", "\n")


class TagsField(forms.CharField):
    """Tags in one line, with commas between them, those of Chinese too."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return [tag.strip() for tag in re.split(r"[,，、;；\n]", super().to_python(value)) if tag.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)
