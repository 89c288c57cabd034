"""A kept content in words: its parts with labels for the reader, whatever format it was written in."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from postmortem import differences
from postmortem.models import (
    Change as IncidentChange,
)
from postmortem.models import (
    ChangeSearch,
    ChecklistEntry,
    Entry,
    EvidenceFile,
    Incident,
    MetricSnapshot,
    Review,
    ReviewStep,
    RootCause,
)
from postmortem.revisions import Difference

_PARTS: dict[str, Promise] = {
    "incidents": gettext_lazy("What happened"),
    "steps": gettext_lazy("Steps"),
    "causes": gettext_lazy("Causes"),
    "lessons": gettext_lazy("Lessons"),
    "checklist": gettext_lazy("Executable checklist"),
    "measurements": gettext_lazy("Measurements"),
    "changes": gettext_lazy("Changes"),
    "change_search": gettext_lazy("Where a change was searched"),
    "lessons_without_item": gettext_lazy("Lessons that need no item"),
}
_LABELS: dict[str, Promise] = {
    "public_id": gettext_lazy("Id"),
    "kind": gettext_lazy("Kind"),
    "facts_version": gettext_lazy("Version of the facts"),
    "teams_present": gettext_lazy("Teams"),
    "services": gettext_lazy("Services"),
    "participants": gettext_lazy("People"),
    "entries": gettext_lazy("Entries of the timelines"),
    "files": gettext_lazy("Files"),
    "signed_at": gettext_lazy("Signed"),
    "signed_by_id": gettext_lazy("Signed by"),
    "declined_because": gettext_lazy("No item, because"),
    "declined_by_id": gettext_lazy("Approved by"),
    "declined_at": gettext_lazy("Approved"),
    "by": gettext_lazy("Person"),
    "is_primary": gettext_lazy("Primary"),
    "pipeline": gettext_lazy("Command"),
    "sha256": gettext_lazy("Fingerprint"),
    "class": gettext_lazy("Class"),
    "incident": gettext_lazy("Incident"),
    "external_key": gettext_lazy("External key"),
    "source": gettext_lazy("Reported by"),
    "judged_at": gettext_lazy("Judged"),
    "judged_by_id": gettext_lazy("Judged by"),
    "stated_at": gettext_lazy("Stated"),
    "stated_by_id": gettext_lazy("Stated by"),
    "added_by_id": gettext_lazy("Added by"),
    "fetched_at": gettext_lazy("Fetched"),
    "step_seconds": gettext_lazy("Seconds between points"),
    "hidden_series": gettext_lazy("Series left out"),
    "warnings": gettext_lazy("Warnings"),
    "series": gettext_lazy("Series"),
}
# A content is kept with its keys in alphabetical order; a reader looks for these first, in this order.
_ORDER = (
    *(
        "public_id",
        "title",
        "kind",
        "verdict",
        "statement",
        "part",
        "is_primary",
        "state",
        "class",
        "why",
        "text",
    ),
    *("owner", "facilitator", "teams_present", "severity", "summary", *Incident.MILESTONES),
    *("impact_minutes", "failure_percent", "loss_amount", "loss_currency", "loss_is_estimate"),
    *("capacity_demand", "capacity_limit", "phase", "environment", "is_drill", "services", "participants"),
    *(
        "entries",
        "happened_at",
        "incident",
        "service",
        "value",
        "unit",
        "source_name",
        "promql",
        "window_start",
    ),
    *(
        "window_end",
        "pipeline",
        "expectation",
        "pattern",
        "finding",
        "evidence",
        "reason",
        "searched",
        "whys",
    ),
    *("went_well", "went_badly", "luck", "notes", "declined_because"),
)
_RANK = {name: number for number, name in enumerate(_ORDER)}
_PEOPLE = {
    "declined_by_id",
    "owner",
    "facilitator",
    "by",
    "signed_by_id",
    "added_by_id",
    "judged_by_id",
    "stated_by_id",
}
_MODELS = (
    *(MetricSnapshot, IncidentChange, ChangeSearch, EvidenceFile),
    *(ChecklistEntry, Entry, RootCause, ReviewStep, Incident, Review),
)
_COLUMNS = {column.name: column for model in _MODELS for column in model._meta.concrete_fields}
# Columns of one name share what their values are called: a kind is a step's, a change's or an entry's.
_CHOICES: dict[str, dict[Any, Any]] = {}
for _model in _MODELS:
    for _column in _model._meta.concrete_fields:
        _CHOICES.setdefault(_column.name, {}).update(_column.flatchoices)
_KINDS = dict(ReviewStep.Kind.choices)


@dataclass
class Part:
    """Some values under one heading: (label, text) pairs."""

    title: str
    values: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Change:
    """One difference as a reader sees it: where, and the text with what is gone and what is new."""

    where: str
    pieces: list[differences.Piece]


class Words:
    """Says the values of some contents in words; the people in them are read at once."""

    def __init__(self, *contents: Any) -> None:
        ids = set(_people(contents))
        self._names = {row.pk: str(row) for row in User.objects.filter(pk__in=ids)} if ids else {}

    def parts(self, content: dict[str, Any]) -> list[tuple[str, list[Part]]]:
        """The content as (title, parts), what a reader looks for first coming first."""
        plain = {key: value for key, value in content.items() if not isinstance(value, dict | list)}
        plain |= {key: content[key] for key in ("teams_present",) if key in content}
        facts = [self._pair(key, value) for key, value in _ranked(plain) if key not in {"format", "title"}]
        found = [(_("Review"), [Part("", facts)])]
        keys = [*_PARTS, *(key for key in content if key not in _PARTS and key not in plain)]
        return found + [
            (str(_PARTS.get(key, key)), list(self._rows(content[key]))) for key in keys if content.get(key)
        ]

    def changes(self, found: Iterable[Difference]) -> list[Change]:
        """Differences in words, each with its two values compared word by word."""
        return [
            Change(
                " › ".join(self._step(key) for key in one.path),
                differences.words(self.text(one.path[-1], one.before), self.text(one.path[-1], one.after)),
            )
            for one in found
        ]

    def text(self, key: str, value: Any) -> str:
        """One value as text."""
        if value is None or value == "":
            return ""
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if key in _PEOPLE and isinstance(value, int):
            return self._names.get(value, f"#{value}")
        if key == "entries" and isinstance(value, list):
            return "\n".join(map(self._entry, value))
        if key == "series" and isinstance(value, list):
            return "\n".join(map(_course, value))
        if isinstance(value, list):
            lines = [self.text(key, one) if not isinstance(one, list) else self._line(one) for one in value]
            return "\n".join(lines)
        if isinstance(value, dict):
            return " · ".join(filter(None, (self.text(name, one) for name, one in _ranked(value))))
        if isinstance(value, str) and key.endswith(("_at", "_start", "_end")):
            moment = parse_datetime(value)
            return date_format(timezone.localtime(moment), _("j M Y, H:i")) if moment else value
        choices = _CHOICES.get(key, {}) | _KINDS
        return str(choices.get(value, value)) if isinstance(value, str) else str(value)

    def _entry(self, entry: Any) -> str:
        """One event on a line of its own: when, who, what, and what else was said about it."""
        if not isinstance(entry, dict):
            return self.text("", entry)
        rest = {key: one for key, one in entry.items() if key not in {"happened_at", "by", "text", "zone"}}
        words = [_label(key) if one is True else self.text(key, one) for key, one in _ranked(rest) if one]
        more = ", ".join(filter(None, words))
        head = [self.text(key, entry.get(key)) for key in ("happened_at", "by")]
        said = f"{' '.join(filter(None, head))}: {self.text('text', entry.get('text'))}"
        return f"{said} ({more})" if more else said

    def _line(self, values: list[Any]) -> str:
        """A row without names: a command, a service and its part, a person with role and excuse."""
        if values and isinstance(values[0], int):
            values = [self._names.get(values[0], f"#{values[0]}"), *values[1:]]
        return " ".join(str(value) for value in values if value not in (None, ""))

    def _rows(self, value: Any) -> Iterable[Part]:
        rows = value if isinstance(value, list) else [value]
        for row in rows:
            if not isinstance(row, dict):
                yield Part("", [("", self.text("", row))])
                continue
            name = next(
                (key for key in ("public_id", "statement", "title", "kind", "text") if row.get(key)), ""
            )
            title = self.text(name, row[name]) if name else ""
            yield Part(
                title,
                [self._pair(key, one) for key, one in _ranked(row) if key != name],
            )

    def _pair(self, key: str, value: Any) -> tuple[str, str]:
        return _label(key), self.text(key, value)

    def _step(self, key: str) -> str:
        return str(_PARTS.get(key) or _KINDS.get(key) or _label(key))


def _ranked(values: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(values.items(), key=lambda pair: (_RANK.get(pair[0], len(_RANK)), pair[0]))


def _course(series: Any) -> str:
    """A measured series in short: its labels, how many points, the lowest and the highest."""
    if not isinstance(series, dict):
        return str(series)
    labels = ", ".join(f"{name}={value}" for name, value in sorted((series.get("labels") or {}).items()))
    points = series.get("points") or []
    values = [float(value) for _at, value in points]
    known = [value for value in values if not math.isnan(value)]
    spread = f"{min(known):g} – {max(known):g}" if known else "–"
    count = ngettext("%(count)d point", "%(count)d points", len(points)) % {"count": len(points)}
    return " · ".join(filter(None, (labels, count, spread)))


def _label(key: str) -> str:
    if key in _LABELS:
        return str(_LABELS[key])
    column = _COLUMNS.get(key)
    return capfirst(str(column.verbose_name)) if column is not None else key


def _people(value: Any, key: str = "") -> Iterable[int]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _people(one, name)
    elif isinstance(value, list | tuple):
        if key == "participants":
            yield from (row[0] for row in value if isinstance(row, list) and row and isinstance(row[0], int))
        for one in value:
            yield from _people(one, key)
    elif key in _PEOPLE and isinstance(value, int) and not isinstance(value, bool):
        yield value
