"""The trail of policies in words: who changed a row of severities, the SLA, escalation, the gate or goals."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db.models import DateTimeField, Field, ForeignKey, Model
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import figure_words
from governance.models import EscalationStep, FigureGoal, GatePolicy
from postmortem.models import CauseClass, ReviewTemplate, Severity, TrailEntry
from remediation.models import RemediationItem, SlaPolicy, WorkingCalendar
from web import stepwords
from web.trails import Change, Line, lines_of

SHOWN = 20


def _figure(goal: FigureGoal) -> str:
    # A figure that a later version no longer knows keeps its key.
    told = figure_words.FIGURES.get(goal.figure)
    return str(told.name) if told else goal.figure


# Rows of policy are few and so are their edits; a table that is edited by programs must not be among these.
_CALLED: dict[type[Model], tuple[Promise, Callable[[Any], str]]] = {
    Severity: (gettext_lazy("Severity"), str),
    ReviewTemplate: (gettext_lazy("Template"), str),
    CauseClass: (gettext_lazy("Class"), lambda row: str(row.name)),
    SlaPolicy: (gettext_lazy("Row"), str),
    WorkingCalendar: (gettext_lazy("Working calendar"), str),
    EscalationStep: (gettext_lazy("Step"), stepwords.sentence),
    GatePolicy: (gettext_lazy("Row"), lambda row: f"{row.name} ({row})"),
    FigureGoal: (gettext_lazy("Goal"), _figure),
}
# Of these the name does not say what was promised, so what a person adds or removes is told whole.
_TOLD_WHOLE = {SlaPolicy, FigureGoal}
_LABELS: dict[str, Promise] = {
    "week": gettext_lazy("Hours worked"),
    "regressions_declare_from": gettext_lazy("Regressions declare an incident from"),
}
# Columns whose model knows the codes alone.
_CHOICES = {"category": dict(RemediationItem.Category.choices), "kind": dict(RemediationItem.Kind.choices)}
# Columns that count or date the edit itself, which each line says already.
_UNSHOWN = {
    "id", "version", "edited_by_id", "edited_at", "valid_from", "key", "began_at", "began_by_id", "ended_at",
    "figure",
}  # fmt: skip


def of(*models: type[Model], limit: int = SHOWN) -> list[Line]:
    """What happened to the rows of some tables of policy, newest first; to those that are gone too."""
    tables = {model._meta.db_table: model for model in models}
    # By the index of tables, and not backwards through the whole trail until so many of these rare ones came.
    keys = TrailEntry.objects.filter(model__in=tables).order_by().values_list("pk", flat=True)
    newest = heapq.nlargest(limit, keys)
    entries = list(TrailEntry.objects.filter(pk__in=newest).select_related("actor"))
    words = _Words(entries, tables)
    return lines_of(entries, changes=words.changes)


class _Words:
    """Some entries in words; the rows that they are about and refer to are read at once."""

    def __init__(self, entries: Iterable[TrailEntry], tables: dict[str, type[Model]]) -> None:
        self._tables = tables
        self._rows = {
            table: model._default_manager.in_bulk(
                {entry.object_id for entry in entries if entry.model == table}
            )
            for table, model in tables.items()
        }
        self._versions = (
            {(row.key, row.version): row for row in GatePolicy.objects.all()}
            if GatePolicy in tables.values()
            else {}
        )
        wanted: dict[type[Model], set[int]] = {}
        for entry in entries:
            is_named_only = entry.operation != "update" and not _is_told_whole(entry, tables[entry.model])
            for values in () if is_named_only else (entry.before, entry.after):
                for model, key in _references(tables[entry.model], values or {}):
                    wanted.setdefault(model, set()).add(key)
        self._referred = {model: model._default_manager.in_bulk(keys) for model, keys in wanted.items()}

    def changes(self, entry: TrailEntry) -> list[Change]:
        """What one entry says; for a new version of a row of the gate, what differs from the one before."""
        model = self._tables[entry.model]
        label, called = _CALLED[model]
        before, after = entry.before or {}, entry.after or {}
        if entry.operation == "insert" and model is GatePolicy:
            earlier = self._versions.get((after["key"], after["version"] - 1))
            if earlier is not None:
                stood = {column: getattr(earlier, column) for column in after}
                return self._differences(model, after["name"], stood, after)
        if entry.operation == "update":
            row = self._rows[entry.model].get(entry.object_id)
            return self._differences(model, called(row) if row is not None else "…", before, after)
        name = called(_row(model, after or before))
        if _is_told_whole(entry, model):
            return self._differences(model, name, before, after)
        return [Change(str(label), "", name) if entry.operation == "insert" else Change(str(label), name, "")]

    def _differences(
        self, model: type[Model], name: str, before: dict[str, Any], after: dict[str, Any]
    ) -> list[Change]:
        changes = (
            Change(
                f"{name}: {_label(model, column)}",
                self._show(model, column, before.get(column)),
                self._show(model, column, after.get(column)),
            )
            for column in after or before
            if column not in _UNSHOWN and before.get(column) != after.get(column)
        )
        return [change for change in changes if change.before or change.after]

    def _show(self, model: type[Model], column: str, value: Any) -> str:
        if value is None or value in ("", []):
            return ""
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, list):
            return Truncator(", ".join(map(str, value))).chars(80)
        field = _field(model, column)
        if isinstance(field, ForeignKey):
            return str(self._referred.get(field.related_model, {}).get(value) or f"#{value}")
        if isinstance(field, DateTimeField):
            moment = parse_datetime(str(value))
            return date_format(timezone.localtime(moment), _("j M Y, H:i")) if moment else str(value)
        choices = _CHOICES.get(column) or (dict(field.flatchoices) if field is not None else {})
        return Truncator(str(choices.get(value, value))).chars(80)


def _is_told_whole(entry: TrailEntry, model: type[Model]) -> bool:
    return entry.actor_id is not None and model in _TOLD_WHOLE


def _references(model: type[Model], values: dict[str, Any]) -> Iterator[tuple[type[Model], int]]:
    for column, value in values.items():
        field = _field(model, column)
        if isinstance(field, ForeignKey) and column not in _UNSHOWN and value is not None:
            yield field.related_model, value


def _row(model: type[Model], columns: dict[str, Any]) -> Model:
    """A row as the trail has it, whole; columns that the table no longer has are left out."""
    return model(**{name: value for name, value in columns.items() if _field(model, name) is not None})


def _field(model: type[Model], column: str) -> "Field[Any, Any] | None":
    return next((field for field in model._meta.concrete_fields if field.column == column), None)


def _label(model: type[Model], column: str) -> str:
    if column in _LABELS:
        return str(_LABELS[column])
    field = _field(model, column)
    return capfirst(str(field.verbose_name)) if field is not None else column
