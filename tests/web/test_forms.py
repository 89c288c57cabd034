"""What holds for every form of our pages, whichever it is."""

import pkgutil
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module

import pytest
from django import forms
from django.utils import translation

import web

# What a browser's picker takes, whatever the reader's language; it shows an empty field for anything else.
ISO = {
    "date": ("2026-11-27",),
    "time": ("09:05", "09:05:07"),
    "datetime-local": ("2026-11-27T09:05", "2026-11-27T09:05:07"),
}
AT = datetime(2026, 11, 27, 9, 5, 7)


def _below(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def _widgets() -> dict[str, forms.Widget]:
    """Every picker of a day or a moment by its form and name, and those of our own kinds of fields."""
    for module in pkgutil.walk_packages(web.__path__, "web."):
        import_module(module.name)
    declared = {
        f"{form.__module__}.{form.__name__}.{name}": field.widget
        for form in _below(forms.BaseForm)
        for name, field in getattr(form, "base_fields", {}).items()
        if form.__module__.startswith("web.")
    }
    # Fields that a form adds while it is made.
    of_kinds = {
        f"{kind.__module__}.{kind.__name__}": kind().widget
        for kind in _below(forms.Field)
        if kind.__module__.startswith("web.") and getattr(kind.widget, "input_type", "") in ISO
    }
    every = declared | of_kinds
    return {name: widget for name, widget in every.items() if getattr(widget, "input_type", "") in ISO}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_picker_gets_a_value_that_browsers_take(language):
    widgets = _widgets()

    with translation.override(language):
        shown = {name: widget.format_value(AT) for name, widget in widgets.items()}

    assert len(shown) > 10
    assert {name: value for name, value in shown.items() if value not in ISO[widgets[name].input_type]} == {}
