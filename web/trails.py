"""The trail in words: who did what to an incident, a review or a token, with the values before and after."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ApiToken, User
from postmortem.models import (
    Incident,
    IncidentService,
    Participant,
    Review,
    ReviewStep,
    Service,
    Severity,
    TrailEntry,
    WordingTerm,
)

# Rows written this close together by one act of one person are one thing that happened.
_ONE_ACT = timedelta(seconds=2)

_ACTS: dict[str, Promise] = {
    "incidents.declare": gettext_lazy("declared the incident"),
    "incidents.edit": gettext_lazy("edited the incident"),
    "incidents.mark": gettext_lazy("marked a milestone"),
    "incidents.invite": gettext_lazy("invited somebody"),
    "participants.change_role": gettext_lazy("changed a role"),
    "participants.remove": gettext_lazy("took back an invitation"),
    "incidents.close": gettext_lazy("closed the incident"),
    "incidents.dismiss": gettext_lazy("dismissed the incident"),
    "reviews.create": gettext_lazy("started the review"),
    "reviews.open": gettext_lazy("opened the review"),
    "reviews.write": gettext_lazy("wrote a step"),
    "reviews.write_lessons": gettext_lazy("wrote the lessons"),
    "reviews.sign": gettext_lazy("signed a step"),
    "reviews.reopen": gettext_lazy("reopened a step"),
    "reviews.archive": gettext_lazy("archived the review"),
    "terms.add": gettext_lazy("added a phrase"),
    "terms.edit": gettext_lazy("changed a phrase"),
    "terms.remove": gettext_lazy("removed a phrase"),
    "plan.archive": gettext_lazy("archived the review"),
    "plan.answer_lesson": gettext_lazy("answered a lesson"),
    "revisions.reopen": gettext_lazy("reopened the postmortem"),
    "composition.edit": gettext_lazy("changed the title or the people"),
    "composition.cover": gettext_lazy("changed the incidents it is about"),
    "measurements.attach": gettext_lazy("fetched a measurement"),
    "measurements.state": gettext_lazy("stated a measurement"),
    "measurements.remove": gettext_lazy("removed a measurement"),
    "changes.record": gettext_lazy("recorded a change"),
    "changes.edit": gettext_lazy("edited a change"),
    "changes.judge": gettext_lazy("settled a change"),
    "changes.remove": gettext_lazy("removed a change"),
    "changes.state_none": gettext_lazy("stated that no change was found"),
    "changes.withdraw_none": gettext_lazy("took back that no change was found"),
    "approvals.approve": gettext_lazy("approved the review"),
    "tokens.issue": gettext_lazy("made a token"),
    "tokens.rotate": gettext_lazy("gave a token a new secret"),
    "tokens.revoke": gettext_lazy("revoked a token"),
    "service_accounts.create": gettext_lazy("made a service account"),
    "service_accounts.end": gettext_lazy("ended a service account"),
    "severities.edit": gettext_lazy("edited a severity"),
    "guides.save": gettext_lazy("wrote a template"),
    "guides.remove": gettext_lazy("removed a template"),
    "cause_classes.add": gettext_lazy("added a class"),
    "cause_classes.edit": gettext_lazy("edited a class"),
    "cause_classes.remove": gettext_lazy("removed a class"),
    "sla_policies.add": gettext_lazy("added a row"),
    "sla_policies.edit": gettext_lazy("edited a row"),
    "sla_policies.move": gettext_lazy("moved a row"),
    "sla_policies.remove": gettext_lazy("removed a row"),
    "sla_calendars.add": gettext_lazy("added a calendar"),
    "sla_calendars.edit": gettext_lazy("edited a calendar"),
    "sla_calendars.remove": gettext_lazy("removed a calendar"),
    "escalation.add": gettext_lazy("added a step"),
    "escalation.edit": gettext_lazy("edited a step"),
    "escalation.remove": gettext_lazy("removed a step"),
    "gate_policies.add": gettext_lazy("added a row"),
    "gate_policies.edit": gettext_lazy("edited a row"),
    "gate_policies.move": gettext_lazy("moved a row"),
    "gate_policies.remove": gettext_lazy("removed a row"),
    "gate_policies.replace": gettext_lazy("replaced all rows"),
    "goals.write": gettext_lazy("set a goal"),
    "admin.change": gettext_lazy("changed it on the admin site"),
    "admin.delete": gettext_lazy("removed it on the admin site"),
}

# What to call columns whose field has no words of its own.
_LABELS: dict[str, Promise] = {
    "public_id": gettext_lazy("Id"),
    "kind": gettext_lazy("Kind"),
    "review_id": gettext_lazy("Review"),
    "opened_at": gettext_lazy("Opened"),
    "closed_at": gettext_lazy("Closed"),
    "archived_at": gettext_lazy("Archived"),
    "signed_at": gettext_lazy("Signed"),
    "is_stale": gettext_lazy("Stale"),
    "reopened_because": gettext_lazy("Reopened because"),
    "dismissed_as": gettext_lazy("Dismissed as"),
    "dismissed_reason": gettext_lazy("Dismissed because"),
    "revoked_at": gettext_lazy("Revoked"),
    "previous_until": gettext_lazy("Old secret good until"),
    "scopes": gettext_lazy("It may"),
    "repositories": gettext_lazy("Repositories"),
    "services": gettext_lazy("Services"),
    "networks": gettext_lazy("Networks"),
}

# Columns whose values are stored as codes.
_CHOICES = {
    name: dict(Incident._meta.get_field(name).flatchoices) for name in ("environment", "dismissed_as")
}

# Columns that say nothing to a reader, or that are shown in full elsewhere.
_UNSHOWN = {
    "id", "duplicate_of_id", "version", "first_archived_at", "content_hash", "dedup_key",
    "declared_by_id", "archived_by_id", "signed_by_id", "secret_digest", "previous_digest", "rotated_at",
    "password", "facts_version",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One value that changed; "" is no value."""

    label: str
    before: str
    after: str


@dataclass
class Line:
    """One act of one person."""

    at: datetime
    actor: User | None
    act: str
    words: str | Promise
    changes: list[Change] = field(default_factory=list)


def of_incident(
    incident: Incident, *, people: Iterable[Participant], links: Iterable[IncidentService], limit: int
) -> list[Line]:
    """What happened to an incident, its people and its services, newest first; never to sealed timelines."""
    return _lines(_entries([incident, *people, *links], limit))


def of_review(review: Review, *, steps: Iterable[ReviewStep], limit: int) -> list[Line]:
    """What happened to a review and its steps, newest first."""
    return _lines(_entries([review, *steps], limit))


def of_terms(*, limit: int) -> list[Line]:
    """What happened to the lists of wording, newest first; phrases that are gone too."""
    entries = TrailEntry.objects.filter(model=WordingTerm._meta.db_table).select_related("actor")
    return _lines(list(entries[:limit]))


def of_tokens(tokens: QuerySet[ApiToken], *, limit: int) -> list[Line]:
    """What happened to some tokens, newest first; of a secret only that it is another one."""
    return _lines(_of_rows(tokens, limit))


def of_accounts(accounts: QuerySet[User], *, limit: int) -> list[Line]:
    """What happened to some service accounts, newest first."""
    return _lines(_of_rows(accounts, limit))


def _of_rows(rows: QuerySet[Any], limit: int) -> list[TrailEntry]:
    keys = list(rows.order_by().values_list("pk", flat=True))
    entries = TrailEntry.objects.filter(model=rows.model._meta.db_table, object_id__in=keys)
    return list(entries.select_related("actor")[:limit])


def _entries(records: Iterable[Model], limit: int) -> list[TrailEntry]:
    keys: dict[str, list[int]] = {}
    for record in records:
        keys.setdefault(record._meta.db_table, []).append(record.pk)
    # Keys, not subqueries: only so does PostgreSQL combine look-ups in the index of this, the longest table.
    condition = Q()
    for table, found in keys.items():
        condition |= Q(model=table, object_id__in=found)
    return list(TrailEntry.objects.filter(condition).select_related("actor")[:limit])


def _lines(entries: Sequence[TrailEntry]) -> list[Line]:
    names = _Names(entries)
    return lines_of(entries, changes=lambda entry: _changes(entry, names))


def lines_of(entries: Iterable[TrailEntry], *, changes: Callable[[TrailEntry], list[Change]]) -> list[Line]:
    """Entries, newest first, as one line for each act of one person."""
    lines: list[Line] = []
    for entry in entries:
        if _is_rendering(entry):
            continue
        last = lines[-1] if lines else None
        is_same = (
            last is not None
            and (last.act, last.actor) == (entry.act, entry.actor)
            and last.at - entry.at <= _ONE_ACT
        )
        if last is None or not is_same:
            last = Line(entry.at, entry.actor, entry.act, _ACTS.get(entry.act, entry.act or _("changed")))
            lines.append(last)
        for change in changes(entry):
            _put(change, last.changes)
    return lines


def _is_rendering(entry: TrailEntry) -> bool:
    """Whether only HTML was made anew: nobody said anything else."""
    return entry.operation == "update" and all(column.endswith("_html") for column in entry.after or {})


def _put(change: Change, changes: list[Change]) -> None:
    """Add a change; what arrived beside others of its kind is named in one row with them."""
    twin = next((other for other in changes if other.label == change.label and not other.before), None)
    if twin is None or change.before or not change.after:
        changes.append(change)
    else:
        changes[changes.index(twin)] = replace(twin, after=f"{change.after}, {twin.after}")


def _changes(entry: TrailEntry, names: "_Names") -> list[Change]:
    model = _MODELS[entry.model]
    is_kept_whole = model in {WordingTerm, ApiToken, User}
    if model in {Participant, IncidentService} or (is_kept_whole and entry.operation != "update"):
        return _arrival(entry, names)
    if entry.operation != "update":
        return []
    before, after = entry.before or {}, entry.after or {}
    step = _step_name(entry, names)
    return [
        Change(
            step + _label(model, column),
            names.show(column, before.get(column)),
            names.show(column, after.get(column)),
        )
        for column in after
        if column not in _UNSHOWN and not column.endswith("_html")
    ]


def _arrival(entry: TrailEntry, names: "_Names") -> list[Change]:
    """Somebody or something that joined or left."""
    row = entry.after or entry.before or {}
    if "phrase" in row:
        return [_come_or_gone(entry, _("Phrase"), row["phrase"])]
    if "scopes" in row:
        return [_come_or_gone(entry, _("Token"), f"{row['name']} ({', '.join(row['scopes'])})")]
    if "email" in row:
        return [_come_or_gone(entry, _("Service account"), row["name"])]
    label = _("Person") if "user_id" in row else _("Service")
    name = names.show(
        "user_id" if "user_id" in row else "service_id", row.get("user_id") or row.get("service_id")
    )
    if entry.operation == "insert":
        return [Change(label, "", name)]
    return [Change(label, name, "")] if entry.operation == "delete" else []


def _come_or_gone(entry: TrailEntry, label: str, name: str) -> Change:
    return Change(label, "", name) if entry.operation == "insert" else Change(label, name, "")


def _step_name(entry: TrailEntry, names: "_Names") -> str:
    if entry.model in names.records:
        return f"{names.records[entry.model].get(entry.object_id, '…')}: "
    kind = names.steps.get(entry.object_id) if entry.model == ReviewStep._meta.db_table else None
    return f"{ReviewStep.Kind(kind).label}: " if kind else ""


def _label(model: type[Model], column: str) -> str:
    if column in _LABELS:
        return str(_LABELS[column])
    for candidate in model._meta.concrete_fields:
        if candidate.column == column:
            return capfirst(str(candidate.verbose_name))
    return column


class _Names:
    """The names behind the ids in some entries, read at once."""

    def __init__(self, entries: Iterable[TrailEntry]) -> None:
        rows = [row for entry in entries for row in (entry.before, entry.after) if row]
        self._of: dict[str, dict[int, str]] = {
            "user_id": _by_id(
                User.objects.filter(pk__in=_keys(rows, "user_id", "owner_id", "facilitator_id"))
            ),
            "severity_id": _by_id(Severity.objects.filter(pk__in=_keys(rows, "severity_id"))),
            "review_id": _by_id(Review.objects.filter(pk__in=_keys(rows, "review_id"))),
            "service_id": _by_id(Service.objects.filter(pk__in=_keys(rows, "service_id"))),
        }
        self._of["owner_id"] = self._of["facilitator_id"] = self._of["user_id"]
        self.records: dict[str, dict[int, str]] = {}
        # Of these one page shows many, so each change says whose it is.
        for model in (WordingTerm, ApiToken, User):
            keys = {entry.object_id for entry in entries if entry.model == model._meta.db_table}
            if keys:
                self.records[model._meta.db_table] = _by_id(model._default_manager.filter(pk__in=keys))
        step_keys = {entry.object_id for entry in entries if entry.model == ReviewStep._meta.db_table}
        self.steps: dict[int, str] = (
            dict(ReviewStep.objects.filter(pk__in=step_keys).values_list("pk", "kind")) if step_keys else {}
        )

    def show(self, column: str, value: Any) -> str:
        if value is None or value == "":
            return ""
        if column in self._of:
            return self._of[column].get(value, f"#{value}")
        if column in _CHOICES:
            return str(_CHOICES[column].get(value, value))
        if isinstance(value, list):
            return ", ".join(map(str, value))
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        moment = (
            parse_datetime(value) if column.endswith(("_at", "_until")) and isinstance(value, str) else None
        )
        if moment is not None:
            return date_format(timezone.localtime(moment), _("j M Y, H:i"))
        return Truncator(str(value)).chars(80)


def _keys(rows: Iterable[dict[str, Any]], *columns: str) -> set[int]:
    return {row[column] for row in rows for column in columns if isinstance(row.get(column), int)}


def _by_id(rows: Any) -> dict[int, str]:
    return {row.pk: str(row) for row in rows}


_MODELS: dict[str, type[Model]] = {
    model._meta.db_table: model
    for model in (Incident, Participant, IncidentService, Review, ReviewStep, WordingTerm, ApiToken, User)
}
