"""Bring stored HTML up to date in bulk: after the renderer changed, or a statement changed texts alone."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import models

from postmortem import markup, trail
from postmortem.errors import Invalid

_BATCH = 200


def columns() -> dict[type[models.Model], list[str]]:
    """Every Markdown column by model: each `x` with an `x_html` beside it."""
    found = {}
    for model in apps.get_models():
        names = {column.name for column in model._meta.concrete_fields}
        if pairs := sorted(name for name in names if f"{name}_html" in names):
            found[model] = pairs
    return found


def again() -> dict[str, int]:
    """Render what is not current; the number of rows changed, by name of the model.

    Rows of one batch share a transaction. A text that cannot be rendered (a raw statement may have stored it)
    has its HTML emptied, so that it is shown as it stands.
    """
    return {model._meta.model_name or "": _again(model, names) for model, names in columns().items()}


def _again(model: type[models.Model], names: list[str]) -> int:
    changed = 0
    for keys in _batches(model):
        with trail.act("rendering.again", by=None):
            rows = list(model._default_manager.select_for_update().filter(pk__in=keys))
            stale = [row for row in rows if _refresh(row, names)]
            model._default_manager.bulk_update(stale, [f"{name}_html" for name in names])
        changed += len(stale)
    return changed


def _batches(model: type[models.Model]) -> Iterator[list[int]]:
    last = 0
    while keys := list(
        model._default_manager.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_BATCH]
    ):
        yield keys
        last = keys[-1]


def _refresh(row: models.Model, names: list[str]) -> bool:
    """Give a row the HTML it should have; whether that changed anything."""
    is_changed = False
    for name in names:
        text, html = getattr(row, name), getattr(row, f"{name}_html")
        if markup.is_current(text, html):
            continue
        try:
            fresh = markup.stored(text, field=name)
        except Invalid:
            fresh = ""
        if fresh != html:
            setattr(row, f"{name}_html", fresh)
            is_changed = True
    return is_changed
