"""Policy rows of the SLA and their working calendars: governors order them, items take the first that fits.

A change holds for what is agreed from then on. Items keep their deadline and the version that gave it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Team, User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.models import Service, Severity
from remediation import sla
from remediation.models import MAX_HOLIDAYS, RemediationItem, SlaPolicy, WorkingCalendar

FACTS = frozenset({"severity", "category", "kind", "service", "team", "days", "calendar"})
CALENDAR_FACTS = frozenset({"name", "time_zone", "week", "holidays"})
# R9: a missing tool has a first version after two weeks, whatever the rows say; later needs a waiver.
TOOL_LIMIT = timedelta(days=14)
WEEKDAYS = 7


class NoFallback(DomainError):
    """Some row must fit every item, so that nothing can be agreed without a deadline."""

    code = "no_fallback"


class InUse(DomainError):
    """Policy rows count in this calendar; details["policies"] are their ids."""

    code = "in_use"


@dataclass(frozen=True)
class Tried:
    """One row and what it misses; a row without misses fits."""

    policy: SlaPolicy
    misses: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """Which row decides about an item, and when the item would be due.

    Attributes:
        tried: the rows in order up to the one that decides; all of them when none fits.
        policy, due_at: None when no row fits.
        is_capped: the row gives longer than a missing tool may take (R9).
    """

    tried: tuple[Tried, ...]
    policy: SlaPolicy | None
    due_at: datetime | None
    is_capped: bool = False

    @property
    def version(self) -> str:
        """What an item keeps of it, such as "sla-3v2"."""
        return str(self.policy) if self.policy is not None else ""


def rows() -> QuerySet[SlaPolicy]:
    """The rows in order, with all that they name."""
    return SlaPolicy.objects.select_related("severity", "service", "team", "calendar")


def explain(
    *,
    severity: Severity,
    category: str,
    now: datetime,
    kind: str = "",
    service: Service | None = None,
    team: Team | None = None,
) -> Explanation:
    """Which row decides about an item agreed at `now`, which rows did not fit and why.

    What is not given is not known: a row that names it does not fit.
    """
    facts = {
        "severity": severity.pk,
        "category": category,
        "kind": kind,
        "service": service.pk if service else None,
        "team": team.pk if team else None,
    }
    tried: list[Tried] = []
    for policy in rows():
        rule = _rule(policy)
        tried.append(Tried(policy, tuple(rule.misses(facts))))
        if not tried[-1].misses:
            due_at = sla.due_at(rule, start=now)
            is_capped = category == RemediationItem.Category.MISSING_TOOL and due_at > now + TOOL_LIMIT
            if is_capped:
                due_at = (now + TOOL_LIMIT).astimezone(UTC)
            return Explanation(tuple(tried), policy, due_at, is_capped)
    return Explanation(tuple(tried), None, None)


def _rule(policy: SlaPolicy) -> sla.Rule:
    named = {
        "severity": policy.severity_id,
        "category": policy.category,
        "kind": policy.kind,
        "service": policy.service_id,
        "team": policy.team_id,
    }
    wants = {name: value for name, value in named.items() if value}
    return sla.Rule(wants, policy.days, _calendar(policy.calendar) if policy.calendar else None)


def _calendar(row: WorkingCalendar) -> sla.Calendar:
    week = {day: sla.read_spans(text) for day, text in enumerate(row.week)}
    return sla.Calendar(row.time_zone, week, frozenset(row.holidays))


def unreached(policies: Sequence[SlaPolicy]) -> set[int]:
    """Positions of rows that never decide: an earlier one fits everything that they fit."""
    found = set()
    for place, policy in enumerate(policies):
        wants = _rule(policy).wants
        earlier = (_rule(one).wants for one in policies[:place])
        if any(all(wants.get(name) == value for name, value in before.items()) for before in earlier):
            found.add(policy.position)
    return found


def add(*, by: User, now: datetime, **facts: Any) -> SlaPolicy:
    """Add a row before the first one that fits everything; the order is a governor's to change.

    Raises:
        Invalid: a value breaks a rule; `field` names it.
        NotAllowed: not a governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("sla_policies.add", by=by):
        present = _locked_rows()
        policy = SlaPolicy(position=_before_fallback(present, facts))
        _fill(policy, facts, now=now)
        # The constraint on positions looks when the act ends.
        SlaPolicy.objects.filter(position__gte=policy.position).update(position=F("position") + 1)
        policy.save(force_insert=True)
    return policy


def _before_fallback(present: Sequence[SlaPolicy], facts: Mapping[str, Any]) -> int:
    last = present[-1].position + 1 if present else 1
    if not any(facts.get(name) for name in sla.CONDITIONS):
        return last
    return next((row.position for row in present if not _rule(row).wants), last)


def edit(policy: SlaPolicy, *, by: User, now: datetime, **facts: Any) -> SlaPolicy:
    """Change a row: a new version, for what is agreed from now on. An edit that changes nothing is none.

    Raises:
        NoFallback: no row would be left that fits everything.
        Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("sla_policies.edit", by=by):
        _locked_rows()
        policy = SlaPolicy.objects.get(pk=policy.pk)
        before = _columns(policy)
        _fill(policy, facts, now=now)
        if _columns(policy) != before:
            policy.version += 1
            policy.save()
            _need_fallback()
    return policy


def remove(policy: SlaPolicy, *, by: User, now: datetime) -> None:
    """Take a row away; items that it gave a deadline keep it.

    Raises:
        NoFallback: it is the last row that fits everything.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("sla_policies.remove", by=by):
        _locked_rows()
        SlaPolicy.objects.filter(pk=policy.pk).delete()
        _need_fallback()


def move(policy: SlaPolicy, *, direction: str, by: User, now: datetime) -> SlaPolicy:
    """Exchange a row with the one before ("up") or after it ("down"); at the end of the list it stays.

    Raises:
        Invalid: another direction.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    if direction not in {"up", "down"}:
        raise Invalid(_("Choose one of: %(choices)s.") % {"choices": "up, down"}, field="direction")
    with trail.act("sla_policies.move", by=by):
        present = _locked_rows()
        place = [row.pk for row in present].index(policy.pk)
        other = place - 1 if direction == "up" else place + 1
        policy = present[place]
        if 0 <= other < len(present):
            neighbour = present[other]
            policy.position, neighbour.position = neighbour.position, policy.position
            policy.save(update_fields=["position"])
            neighbour.save(update_fields=["position"])
    return policy


def _locked_rows() -> list[SlaPolicy]:
    """All rows in order, locked: two governors who sort at once would lose one of the orders."""
    return list(SlaPolicy.objects.select_for_update().order_by("position"))


def _columns(policy: SlaPolicy) -> tuple[object, ...]:
    return (
        policy.severity_id, policy.category, policy.kind, policy.service_id, policy.team_id, policy.days,
        policy.calendar_id,
    )  # fmt: skip


def _fill(policy: SlaPolicy, facts: dict[str, Any], *, now: datetime) -> None:
    values.fill(policy, facts, allowed=FACTS)
    values.check(policy)
    for name, choices in (("category", RemediationItem.Category), ("kind", RemediationItem.Kind)):
        if getattr(policy, name):
            values.choice(getattr(policy, name), choices, field=name)
    try:
        sla.due_at(_rule(policy), start=now)
    except sla.NoWorkingTime:
        raise Invalid(_("Nobody works in this calendar."), field="calendar") from None


def _need_fallback() -> None:
    if not SlaPolicy.objects.filter(severity=None, service=None, team=None, category="", kind="").exists():
        raise NoFallback(
            _("Keep one row without conditions: without it some items could not be agreed at all.")
        )


def add_calendar(*, by: User, now: datetime, **facts: Any) -> WorkingCalendar:
    """Add a working calendar.

    Args:
        facts: name; time_zone, an IANA name; week, seven texts such as "09:00-18:00", Monday first; holidays.

    Raises:
        Invalid: a value breaks a rule, or the name is taken; `field` names it.
        NotAllowed: not a governor; nothing was written.
    """
    return _store_calendar(WorkingCalendar(), facts, act="sla_calendars.add", by=by)


def edit_calendar(calendar: WorkingCalendar, *, by: User, now: datetime, **facts: Any) -> WorkingCalendar:
    """Change a calendar: each row that counts in it becomes a new version. Deadlines stay.

    Raises:
        Invalid, NotAllowed: as in `add_calendar`.
    """
    return _store_calendar(calendar, facts, act="sla_calendars.edit", by=by)


def remove_calendar(calendar: WorkingCalendar, *, by: User, now: datetime) -> None:
    """Take a calendar away.

    Raises:
        InUse: policy rows count in it.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("sla_calendars.remove", by=by):
        calendar = WorkingCalendar.objects.select_for_update().get(pk=calendar.pk)
        if using := list(calendar.policies.order_by("position").values_list("pk", flat=True)):
            raise InUse(_("Policy rows count in this calendar."), details={"policies": using})
        calendar.delete()


def _store_calendar(row: WorkingCalendar, facts: dict[str, Any], *, act: str, by: User) -> WorkingCalendar:
    access.need(by, User.Role.GOVERNOR)
    with trail.act(act, by=by):
        if row.pk:
            row = WorkingCalendar.objects.select_for_update().get(pk=row.pk)
        before = (row.time_zone, list(row.week or []), list(row.holidays))
        values.fill(row, facts, allowed=CALENDAR_FACTS)
        row.name = values.text(row.name, field="name", longest=80, is_required=True).strip()
        row.week, row.holidays = _week(row.week), _holidays(row.holidays)
        values.check(row)
        if WorkingCalendar.objects.exclude(pk=row.pk).filter(name=row.name).exists():
            raise Invalid(_("There is a calendar of this name already."), field="name")
        row.save()
        if before != (row.time_zone, row.week, row.holidays):
            row.policies.update(version=F("version") + 1)
    return row


def _week(week: object) -> list[str]:
    if not isinstance(week, (list, tuple)) or len(week) != WEEKDAYS:
        raise Invalid(_("Give the hours of seven weekdays."), field="week")
    written = [_hours(text) for text in week]
    if not any(written):
        raise Invalid(_("Nobody works in this calendar."), field="week")
    return written


def _hours(text: object) -> str:
    try:
        return sla.write_spans(sla.read_spans(values.text(text, field="week", longest=200)))
    except ValueError:
        raise Invalid(
            _("Write hours like 09:00-12:30, 13:30-18:00; “%(text)s” is none.") % {"text": str(text)[:40]},
            field="week",
        ) from None


def _holidays(holidays: object) -> list[date]:
    if not isinstance(holidays, (list, tuple)) or not all(isinstance(day, date) for day in holidays):
        raise Invalid(_("Holidays are days, such as 2026-10-01."), field="holidays")
    if len(holidays) > MAX_HOLIDAYS:
        raise Invalid(_("%(count)d holidays are the most.") % {"count": MAX_HOLIDAYS}, field="holidays")
    return sorted(set(holidays))
