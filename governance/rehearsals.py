"""Earlier changes judged again by another policy, so that a governor sees what it would do; nothing is kept.

What a change said, and the waivers of its moment, are as they were then; postmortems and the standing of
services are as they are now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.fields.json import KeyTransform

from governance import facts, gates, policy
from governance.models import GateDecision, GatePolicy, GateWaiver
from governance.policy import (
    ChangeFacts,
    ChangeJudgement,
    Freeze,
    GateRules,
    Mode,
    PostmortemFacts,
    Verdict,
    WaiverFacts,
)
from postmortem.models import IncidentService, Review, Service

MOST = 120
# Keys of what CI said that a judgement reads; the rest may be large.
_SAID = ("target_branch", "paths", "labels", "services")


@dataclass(frozen=True, slots=True)
class Replayed:
    """One earlier change, judged again.

    Attributes:
        decision: its row, as `values`: pk, repository, change_id, title, decided_at, verdict.
        present: by the rows that hold now.
        wanted: by the rows that are tried.
    """

    decision: Mapping[str, Any]
    present: ChangeJudgement
    wanted: ChangeJudgement

    @property
    def is_blocked(self) -> bool:
        return _blocks(self.wanted)

    @property
    def was_blocked(self) -> bool:
        return _blocks(self.present)

    @property
    def differs(self) -> bool:
        """Whether the tried rows say something else than the present ones, to CI or to people."""
        before, after = self.present, self.wanted
        return (before.verdict, _blocks(before), before.excuse is None) != (
            after.verdict,
            _blocks(after),
            after.excuse is None,
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The latest changes by the rows that are tried, newest first."""

    rows: Sequence[Replayed]

    @property
    def blocked(self) -> int:
        return sum(row.is_blocked for row in self.rows)

    @property
    def blocked_now(self) -> int:
        return sum(row.was_blocked for row in self.rows)

    @property
    def failed(self) -> int:
        """Those that do not pass, whatever CI does then."""
        return sum(row.wanted.verdict != Verdict.PASS for row in self.rows)

    @property
    def notable(self) -> list[Replayed]:
        """Those that would be blocked, or that come out otherwise than now."""
        return [row for row in self.rows if row.is_blocked or row.differs]


def rehearse(wanted: Sequence[GatePolicy], *, now: datetime, most: int = MOST) -> Rehearsal:
    """The latest changes, judged by some rows and by the present ones.

    Args:
        wanted: all rows in their order, stored or not (`with_draft`).
    """
    present = [gates.rules_of(row) for row in gates.rows()]
    tried = [gates.rules_of(row) for row in wanted]
    decisions = list(_values(GateDecision.objects.filter(kind=GateDecision.Kind.CHANGE))[:most])
    world = _World(decisions, [*present, *tried], now)
    return Rehearsal(
        [
            Replayed(decision, world.judged(decision, present), world.judged(decision, tried))
            for decision in decisions
        ]
    )


def replay(decision: GateDecision, *, now: datetime) -> ChangeJudgement:
    """One earlier change by the rows that hold now."""
    present = [gates.rules_of(row) for row in gates.rows()]
    values = _values(GateDecision.objects.filter(pk=decision.pk)).get()
    return _World([values], present, now).judged(values, present)


def with_draft(draft: GatePolicy) -> list[GatePolicy]:
    """The present rows, a draft in the place of the row that it is of, or before the last when it is new."""
    present = list(gates.rows())
    if any(row.key == draft.key for row in present):
        return [draft if row.key == draft.key else row for row in present]
    return [*present[:-1], draft, *present[-1:]]


def _blocks(judgement: ChangeJudgement) -> bool:
    return judgement.verdict != Verdict.PASS and judgement.rules.mode == Mode.STRICT


def _values(rows: QuerySet[GateDecision]) -> QuerySet[GateDecision, dict[str, Any]]:
    said = {f"said_{name}": KeyTransform(name, "request") for name in _SAID}
    columns = (
        "pk", "repository", "change_id", "title", "decided_at", "verdict", "named", "postmortems", "findings",
    )  # fmt: skip
    found: QuerySet[GateDecision, dict[str, Any]]
    found = rows.annotate(**said).order_by("-decided_at", "-pk").values(*columns, *said)
    return found


def _named(decision: Mapping[str, Any]) -> list[str]:
    """The ids that the change names; decisions from before these were kept still say most of them."""
    if decision["named"]:
        return list(decision["named"])
    unfit = [
        str(one.get("object") or "")
        for one in decision["findings"]
        if isinstance(one, dict) and str(one.get("code")).startswith("PM_")
    ]
    return [name for name in dict.fromkeys([*decision["postmortems"], *unfit]) if name]


class _World:
    """What is known now of all that some changes name, gathered in a constant number of statements."""

    def __init__(
        self, decisions: Sequence[Mapping[str, Any]], rules: Sequence[GateRules], now: datetime
    ) -> None:
        self.now = now
        self.named = {decision["pk"]: _named(decision) for decision in decisions}
        names = {name for named in self.named.values() for name in named}
        self.services = {row.slug: row.repositories for row in Service.objects.only("slug", "repositories")}
        self.postmortems = _postmortems(names)
        self.waivers = [_waiver(row) for row in _granted(decisions)]
        asks = any(one.asks_audit for one in rules)
        self.standing = (
            {slug: one.facts for slug, one in facts.of_every_service(now=now).items()} if asks else {}
        )
        freezes = any(one.freeze != Freeze.NEVER for one in rules)
        self.overdue = facts.overdue(now=now) if freezes else ()
        counts = any(one.most_uses is not None for one in rules)
        self.uses = _uses(names) if counts else {}

    def judged(self, decision: Mapping[str, Any], rows: Sequence[GateRules]) -> ChangeJudgement:
        rules = policy.deciding(decision["repository"], rows)
        return policy.evaluate_change(self._change(decision), rules, as_of=self.now)

    def _change(self, decision: Mapping[str, Any]) -> ChangeFacts:
        named = self.named[decision["pk"]]
        repository = decision["repository"]
        said = _texts(decision["said_services"])
        services = frozenset(said) & self.services.keys() or frozenset(
            slug for slug, repositories in self.services.items() if repository in repositories
        )
        at = decision["decided_at"]
        return ChangeFacts(
            repository=repository,
            change_id=decision["change_id"],
            branch=decision["said_target_branch"] or "",
            named=named,
            paths=_texts(decision["said_paths"]),
            labels=None if decision["said_labels"] is None else _texts(decision["said_labels"]),
            services=services,
            postmortems=[
                replace(self.postmortems[name], uses=self._uses_before(name, decision))
                for name in named
                if name in self.postmortems
            ],
            of_services=self.standing,
            overdue=self.overdue,
            # In force then: now they may be over, which the policy has no part in.
            waivers=[
                replace(one, expires_at=self.now + timedelta(days=1), ended_at=None)
                for one in self.waivers
                if one.is_in_force(at)
            ],
        )

    def _uses_before(self, name: str, decision: Mapping[str, Any]) -> int:
        own = _key(decision)
        first_at = self.uses.get(name, {})
        return sum(key != own and at < decision["decided_at"] for key, at in first_at.items())


def _key(decision: Mapping[str, Any]) -> tuple[str, str]:
    return decision["repository"], decision["change_id"] or decision["title"]


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _postmortems(names: set[str]) -> dict[str, PostmortemFacts]:
    touched: dict[str, set[str]] = {}
    restricted: set[str] = set()
    links = IncidentService.objects.filter(incident__review__public_id__in=names)
    for name, slug, is_restricted in links.values_list(
        "incident__review__public_id", "service__slug", "incident__is_restricted"
    ):
        touched.setdefault(name, set()).add(slug)
        if is_restricted:
            restricted.add(name)
    return {
        name: PostmortemFacts(name, archived_at, frozenset(touched.get(name, ())), name in restricted)
        for name, archived_at in Review.objects.filter(public_id__in=names).values_list(
            "public_id", "archived_at"
        )
    }


def _granted(decisions: Sequence[Mapping[str, Any]]) -> QuerySet[GateWaiver]:
    if not decisions:
        return GateWaiver.objects.none()
    # A waiver that was over before the oldest of them excuses none.
    oldest = min(decision["decided_at"] for decision in decisions)
    rows = GateWaiver.objects.filter(answer=GateWaiver.Answer.GRANTED, expires_at__gt=oldest)
    return rows.annotate(slug=F("service__slug")).order_by("pk")


def _waiver(row: GateWaiver) -> WaiverFacts:
    assert row.answered_at is not None  # noqa: S101 - the table says so
    return WaiverFacts(
        id=str(row),
        findings=frozenset(row.findings),
        granted_at=row.answered_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        service=getattr(row, "slug", None) or "",
        repository=row.repository,
        change_id=row.change_id,
        object=row.object,
    )


def _uses(names: set[str]) -> dict[str, dict[tuple[str, str], datetime]]:
    """By postmortem: which changes passed by naming it, and when each did first."""
    found: dict[str, dict[tuple[str, str], datetime]] = {}
    passed = GateDecision.objects.filter(
        kind=GateDecision.Kind.CHANGE,
        verdict="PASS",
        excuse__isnull=True,
        postmortems__has_any_keys=sorted(names),
    )
    for row in passed.order_by("decided_at").values(
        "postmortems", "repository", "change_id", "title", "decided_at"
    ):
        for name in row["postmortems"]:
            found.setdefault(name, {}).setdefault(_key(row), row["decided_at"])
    return found
