"""The quarterly backlog of technical debt: what was due, what was carried over, how much is done (R9)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from postmortem.errors import Invalid
from remediation.items.locking import SETTLED, UNFINISHED
from remediation.models import ItemTransition, RemediationItem

State = RemediationItem.State
_FORM = re.compile(r"([0-9]{4})-[Qq]([1-4])", re.ASCII)


@dataclass(frozen=True)
class Quarter:
    """Three months of the installation's zone: start <= t < end."""

    year: int
    number: int
    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"


@dataclass(frozen=True)
class Row:
    """One item of the backlog; done is verified by check runs, and still so when the quarter ended."""

    item: RemediationItem
    is_carried: bool
    is_done: bool


@dataclass(frozen=True)
class TeamShare:
    """A team's part of the backlog: how many there are, and of these the most urgent, or all."""

    name: str
    slug: str
    total: int
    done: int
    rows: Sequence[Row]

    @property
    def share(self) -> float | None:
        return self.done / self.total if self.total else None


@dataclass(frozen=True)
class Backlog:
    """The backlog of a quarter by team; what was declined is counted apart and not in it."""

    quarter: Quarter
    teams: Sequence[TeamShare]
    declined: int

    @property
    def total(self) -> int:
        return sum(team.total for team in self.teams)

    @property
    def done(self) -> int:
        return sum(team.done for team in self.teams)

    @property
    def share(self) -> float | None:
        return self.done / self.total if self.total else None


def quarter_of(moment: datetime, *, zone: tzinfo) -> Quarter:
    """The quarter in which a moment lies."""
    local = moment.astimezone(zone)
    return _quarter(local.year, (local.month - 1) // 3 + 1, zone)


def read_quarter(text: str, *, zone: tzinfo) -> Quarter:
    """A quarter by its name, such as 2026-Q4.

    Raises:
        Invalid: no such name; `field` is "quarter".
    """
    match = _FORM.fullmatch(text)
    if match is None or not 2000 <= int(match[1]) < 2100:
        raise Invalid(_("Name a quarter like 2026-Q4."), field="quarter")
    return _quarter(int(match[1]), int(match[2]), zone)


def beside(quarter: Quarter, by: int, *, zone: tzinfo) -> Quarter:
    """The quarter so many before or after."""
    index = quarter.year * 4 + quarter.number - 1 + by
    return _quarter(index // 4, index % 4 + 1, zone)


def _quarter(year: int, number: int, zone: tzinfo) -> Quarter:
    following = (year, 3 * number + 1) if number < 4 else (year + 1, 1)
    return Quarter(
        year, number, datetime(year, 3 * number - 2, 1, tzinfo=zone), datetime(*following, 1, tzinfo=zone)
    )


def of(
    rows: QuerySet[RemediationItem], *, quarter: Quarter, team: str = "", most: int | None = None
) -> Backlog:
    """The backlog of technical debt of a quarter.

    In it is what is due in the quarter, and what was due before and not yet verified when it began. Only
    check runs make an item done: it is verified when the quarter ends, or now, where it goes on.

    Args:
        rows: the items that the reader may see.
        team: a slug; all teams when empty.
        most: how many rows of each team are read; None for all.
    """
    # What was settled when the quarter began, and has not moved since, is settled now.
    moved = ItemTransition.objects.filter(at__gte=quarter.start).values("item")
    unsettled = Q(state__in=UNFINISHED) | Q(pk__in=moved)
    due_before = Q(due_at__lt=quarter.start) & unsettled & ~Q(state_before__in=SETTLED)
    found = rows.annotate(state_before=_state(quarter.start), state_after=_state(quarter.end)).filter(
        Q(due_at__gte=quarter.start) | due_before,
        category=RemediationItem.Category.TECHNICAL_DEBT,
        due_at__lt=quarter.end,
        agreed_at__lt=quarter.end,
    )
    if team:
        found = found.filter(team__slug=team)
    by_team: dict[int, list[tuple[int, str]]] = {}
    declined = 0
    for pk, of_team, state in found.order_by("due_at", "pk").values_list("pk", "team", "state_after"):
        if state == State.WONT_DO:
            declined += 1
        else:
            by_team.setdefault(of_team, []).append((pk, state))
    # What could be seen a moment ago is shown.
    every = RemediationItem.objects.select_related("owner", "team", "service", "severity", "review")
    kept = every.in_bulk([pk for members in by_team.values() for pk, _state in members[:most]])
    shares = [_share(members, kept, most, quarter) for members in by_team.values()]
    return Backlog(quarter, sorted(shares, key=lambda one: one.name.casefold()), declined)


def _share(
    members: Sequence[tuple[int, str]],
    kept: Mapping[int, RemediationItem],
    most: int | None,
    quarter: Quarter,
) -> TeamShare:
    """A team's part, of all its items with their states when the quarter ended."""
    shown = [
        Row(kept[pk], kept[pk].due_at < quarter.start, state == State.VERIFIED)
        for pk, state in members[:most]
    ]
    done = sum(state == State.VERIFIED for _pk, state in members)
    team = kept[members[0][0]].team
    return TeamShare(team.name, team.slug, len(members), done, shown)


def _state(before: datetime) -> Coalesce:
    """The state of an item at a moment, by the moves it had made."""
    moves = ItemTransition.objects.filter(item=OuterRef("pk"), at__lt=before).order_by("-at", "-id")
    return Coalesce(Subquery(moves.values("to_state")[:1]), Value(State.OPEN.value))
