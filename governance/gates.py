"""Policy rows of the gate: governors order them, a change is judged by the first that fits its repository.

Each edit ends one version and begins the next, which holds for what is asked from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from governance.models import LAST, LONGEST_PATTERN, GatePolicy
from governance.policy import CODES, Freeze, GateRules, Mode, names
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid

PATTERNS = ("repositories", "branches", "covered_paths", "excused_paths", "covered_labels", "excused_labels")
# What a governor says of a row, in the order in which it is shown and exported.
FACTS = (
    "name", "repositories", "mode", "branches", "covered_paths", "excused_paths", "covered_labels",
    "excused_labels", "not_counting", "asks_audit", "freeze", "most_uses", "fails_open", "waivers_alone",
)  # fmt: skip
MOST_PATTERNS = 50
MOST_ROWS = 500


class NoFallback(DomainError):
    """One row must be for all repositories, so that no change goes unjudged."""

    code = "no_fallback"


@dataclass(frozen=True)
class Step:
    """What becomes of one row when the rows are replaced.

    Attributes:
        act: "add", "change", "remove" or "keep".
        changes: fact -> (before, after); of an added row before is None.
    """

    act: str
    name: str
    changes: Mapping[str, tuple[Any, Any]]


def rows() -> QuerySet[GatePolicy]:
    """The present rows in order; the last is for all repositories."""
    return GatePolicy.objects.filter(ended_at=None)


def of_key(key: int) -> QuerySet[GatePolicy]:
    """All versions of a row, newest first."""
    return GatePolicy.objects.filter(key=key).select_related("began_by").order_by("-version")


def facts_of(row: GatePolicy) -> dict[str, Any]:
    """What was said of a row, by `FACTS`."""
    return {name: getattr(row, name) for name in FACTS}


def rules_of(row: GatePolicy) -> GateRules:
    """The row as the value that judges."""
    said = facts_of(row)
    said |= {name: tuple(said[name]) for name in PATTERNS}
    said |= {
        "not_counting": frozenset(said["not_counting"]),
        "mode": Mode(row.mode),
        "freeze": Freeze(row.freeze),
    }
    return GateRules(id=row.pk, key=row.key, version=row.version, **said)


def draft(facts: Mapping[str, Any], *, of: GatePolicy | None = None) -> GatePolicy:
    """A row as it would be, checked and not stored.

    Args:
        of: the row that it would be the next version of; None for a new one.

    Raises:
        Invalid: a value breaks a rule; `field` names it.
        NoFallback: the row for all repositories would be for some.
    """
    row = _copy(of) if of is not None else GatePolicy(key=_next_key(), position=_next_position())
    _fill(row, facts, is_last=of is not None and of.is_for_all)
    _refuse_taken_name(row)
    return row


def add(*, by: User, now: datetime, **facts: Any) -> GatePolicy:
    """Add a row after the others, before the one for all repositories.

    Raises:
        Invalid: a value breaks a rule; `field` names it.
        NotAllowed: not a governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("gate_policies.add", by=by):
        if len(_locked()) >= MOST_ROWS:
            raise Invalid(_("%(count)d rows are the most.") % {"count": MOST_ROWS}, field="name")
        return _begin(draft(facts), by=by, now=now)


def edit(
    policy: GatePolicy, *, by: User, now: datetime, version: int | None = None, **facts: Any
) -> GatePolicy:
    """Change a row: a new version, for what is asked from now on. An edit that changes nothing is none.

    Args:
        policy: any version of the row; the present one is read under a lock.
        version: as the governor read it; None from a program that does not ask.

    Raises:
        EditConflict: somebody saved another version meanwhile.
        NoFallback, Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("gate_policies.edit", by=by):
        _locked()
        present = _present(policy)
        row = draft(facts, of=present)
        mine = facts_of(row)
        values.refuse_older(present, mine, version)
        if mine == facts_of(present):
            return present
        _end(present, now=now)
        return _begin(row, by=by, now=now)


def remove(policy: GatePolicy, *, by: User, now: datetime) -> None:
    """Take a row away; decisions keep the version that they were judged by.

    Raises:
        NoFallback: it is the row for all repositories.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("gate_policies.remove", by=by):
        _locked()
        present = _present(policy)
        if present.is_for_all:
            raise NoFallback(
                _("The row for all repositories stays: without it some change would go unjudged.")
            )
        _end(present, now=now)


def move(policy: GatePolicy, *, direction: str, by: User, now: datetime) -> GatePolicy:
    """Exchange a row with the one before ("up") or after it ("down"); both become new versions.

    The row for all repositories stays the last; at the end of the others a row stays where it is.

    Raises:
        Invalid: another direction.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    if direction not in {"up", "down"}:
        raise Invalid(_("Choose one of: %(choices)s.") % {"choices": "up, down"}, field="direction")
    with trail.act("gate_policies.move", by=by):
        some = [row for row in _locked() if not row.is_for_all]
        present = _present(policy)
        place = next((place for place, row in enumerate(some) if row.key == present.key), None)
        if place is None:
            return present
        other = place - 1 if direction == "up" else place + 1
        if not 0 <= other < len(some):
            return present
        pair = (some[place], some[other])
        for row in pair:
            _end(row, now=now)
        moved, neighbour = _copy(pair[0]), _copy(pair[1])
        moved.position, neighbour.position = neighbour.position, moved.position
        _begin(neighbour, by=by, now=now)
        return _begin(moved, by=by, now=now)


def plan(wanted: Sequence[Mapping[str, Any]]) -> list[Step]:
    """What `replace` would do, without doing it.

    Raises:
        Invalid, NoFallback: as in `replace`.
    """
    return [step for step, _before, _after in _planned(wanted, list(rows()))]


def replace(wanted: Sequence[Mapping[str, Any]], *, by: User, now: datetime) -> list[Step]:
    """Make the rows what is wanted, in that order; rows are recognised by their name.

    Args:
        wanted: of each row its facts; what is not said is as in a new row. The last is for all repositories.

    Raises:
        Invalid: a value breaks a rule; details["row"] is its place in `wanted`, `field` the fact.
        NoFallback: the last row is not for all repositories.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("gate_policies.replace", by=by):
        planned = _planned(wanted, _locked())
        changed = [one for one in planned if one[0].act != "keep"]
        for _step, before, _after in changed:
            if before is not None:
                _end(before, now=now)
        for _step, _before, after in changed:
            if after is not None:
                if not after.key:
                    after.key = _next_key()
                _begin(after, by=by, now=now)
        return [step for step, _before, _after in planned]


def _planned(
    wanted: Sequence[Mapping[str, Any]], present: Sequence[GatePolicy]
) -> list[tuple[Step, GatePolicy | None, GatePolicy | None]]:
    by_name = {row.name: row for row in present}
    if not wanted or wanted[-1].get("repositories"):
        raise NoFallback(_("The last row must be for all repositories: it names none."))
    if len(wanted) > MOST_ROWS:
        raise Invalid(_("%(count)d rows are the most.") % {"count": MOST_ROWS}, details={"row": MOST_ROWS})
    found: list[tuple[Step, GatePolicy | None, GatePolicy | None]] = []
    named: set[str] = set()
    position = 0
    for place, said in enumerate(wanted):
        is_last = place == len(wanted) - 1
        before = by_name.get(str(said.get("name", "")).strip())
        after = _as_wanted(said, before, place=place, is_last=is_last)
        if after.name in named:
            raise Invalid(_("There is a row of this name already."), field="name", details={"row": place})
        named.add(after.name)
        # A row keeps its number while the order allows it: a new number would be a new version.
        if not is_last:
            kept = before.position if before is not None and not before.is_for_all else 0
            position = after.position = kept if kept > position else position + 1
        found.append((_step(before, after), before, after))
    gone = [row for row in present if row.name not in named]
    return found + [(Step("remove", row.name, {}), row, None) for row in gone]


def _as_wanted(
    said: Mapping[str, Any], before: GatePolicy | None, *, place: int, is_last: bool
) -> GatePolicy:
    after = GatePolicy(key=before.key if before else 0, position=LAST if is_last else 1)
    after.version = before.version + 1 if before else 1
    try:
        _fill(after, said, is_last=is_last)
    except DomainError as refusal:
        refusal.details["row"] = place
        raise
    return after


def _step(before: GatePolicy | None, after: GatePolicy) -> Step:
    if before is None:
        return Step("add", after.name, {name: (None, value) for name, value in facts_of(after).items()})
    old, new = facts_of(before), facts_of(after)
    changes = {name: (old[name], new[name]) for name in FACTS if old[name] != new[name]}
    if before.position != after.position:
        changes["position"] = (before.position, after.position)
    return Step("change" if changes else "keep", after.name, changes)


def _locked() -> list[GatePolicy]:
    """The present rows in order, locked: two governors who sort at once would lose one of the orders."""
    return list(rows().select_for_update().order_by("position"))


def _present(policy: GatePolicy) -> GatePolicy:
    present = rows().filter(key=policy.key).first()
    if present is None:
        raise Invalid(_("This row was removed meanwhile."))
    return present


def _next_key() -> int:
    return int(GatePolicy.objects.aggregate(last=Max("key"))["last"] or 0) + 1


def _next_position() -> int:
    return int(rows().exclude(position=LAST).aggregate(last=Max("position"))["last"] or 0) + 1


def _copy(row: GatePolicy) -> GatePolicy:
    """The next version of a row, not stored yet."""
    return GatePolicy(key=row.key, version=row.version + 1, position=row.position, **facts_of(row))


def _end(row: GatePolicy, *, now: datetime) -> None:
    # The clocks of two machines may differ by a little.
    row.ended_at = max(now, row.began_at)
    row.save(update_fields=["ended_at"])


def _begin(row: GatePolicy, *, by: User, now: datetime) -> GatePolicy:
    row.began_at, row.began_by = now, by
    row.save(force_insert=True)
    return row


def _refuse_taken_name(row: GatePolicy) -> None:
    if rows().exclude(key=row.key).filter(name=row.name).exists():
        raise Invalid(_("There is a row of this name already."), field="name")


def _fill(row: GatePolicy, facts: Mapping[str, Any], *, is_last: bool) -> None:
    values.fill(row, dict(facts), allowed=frozenset(FACTS))
    row.name = values.text(row.name, field="name", longest=80, is_required=True).strip()
    for name in PATTERNS:
        setattr(row, name, _patterns(getattr(row, name), field=name))
    if is_last and row.repositories:
        raise NoFallback(
            _("This row is for all repositories; add another one for some of them."), field="repositories"
        )
    if not is_last and not row.repositories:
        raise Invalid(_("Name a repository: the last row is for all others."), field="repositories")
    values.choice(row.mode, GatePolicy.Mode, field="mode")
    values.choice(row.freeze, GatePolicy.Freeze, field="freeze")
    row.not_counting = _codes(row.not_counting)
    for name in ("asks_audit", "fails_open", "waivers_alone"):
        if not isinstance(getattr(row, name), bool):
            raise Invalid(_("This must be true or false."), field=name)
    _check_uses(row)


def _check_uses(row: GatePolicy) -> None:
    if row.most_uses is None:
        return
    if (
        not isinstance(row.most_uses, int)
        or isinstance(row.most_uses, bool)
        or not 1 <= row.most_uses <= 10_000
    ):
        raise Invalid(_("This must be a whole number from 1 to 10000, or nothing."), field="most_uses")


def _patterns(given: object, *, field: str) -> list[str]:
    if not isinstance(given, (list, tuple)):
        raise Invalid(_("Give a list."), field=field)
    found = [
        values.text(pattern, field=field, longest=LONGEST_PATTERN, is_required=True).strip()
        for pattern in given
    ]
    if len(found) > MOST_PATTERNS:
        raise Invalid(_("%(count)d patterns are the most.") % {"count": MOST_PATTERNS}, field=field)
    if field == "branches":
        found = [names.branch(pattern) for pattern in found]
    for pattern in found:
        if fault := _fault_of(pattern, field):
            raise Invalid(f"{pattern}: {_(fault)}", field=field)
    return list(dict.fromkeys(found))


def _fault_of(pattern: str, field: str) -> str:
    """A pattern that no name can ever fit would be a rule that never holds."""
    if field == "branches":
        return names.fault_of_branch(pattern, is_pattern=True)
    if field == "repositories":
        return names.fault_of_repository(pattern)
    return names.fault_of_label(pattern) if field.endswith("labels") else names.fault_of_path(pattern)


def _codes(given: object) -> list[str]:
    if not isinstance(given, (list, tuple)):
        raise Invalid(_("Give a list."), field="not_counting")
    if unknown := [str(code)[:40] for code in given if code not in CODES]:
        raise Invalid(
            _("There is no such finding: %(code)s.") % {"code": ", ".join(unknown[:5])}, field="not_counting"
        )
    return [code for code in CODES if code in given]
