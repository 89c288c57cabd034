"""Judge a service by its incidents, items and checks.

Every rule stands here and nowhere else. What a rule may know as of a moment is gathered by `facts`.
Sentences are English on purpose: an answer is kept and compared, so it must not depend on who reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.policy.gates import BUILT_IN, GateRules
from governance.policy.verdicts import Finding, Rule, Verdict, text_of, verdict_of
from governance.policy.waivers import WaiverFacts, waive

# States in which somebody says that the fix is there: from then on a silent check is a finding. Before
# that, silence is normal: the metric that will show the fix may not exist yet.
RESTS_ON_CHECKS = frozenset({"fix_claimed", "verifying", "verified"})
# States in which a promise is no longer owed.
SETTLED = frozenset({"verified", "wont_do"})
# A check is stale after this many of its intervals and the margin without a pass or a fail.
STALE_INTERVALS = 3
STALE_MARGIN = timedelta(minutes=5)

# The rules about a service; that a waiver of it is over is found with them.
RULES: tuple[Rule, ...] = tuple(rule for rule in Rule if rule != Rule.WAIVER_EXPIRED)
_ORDER = {rule: position for position, rule in enumerate(Rule)}


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """One incident that came from the service.

    Attributes:
        review: the public id of its review, or "" when nobody created one.
        archived_at: when that review became a postmortem; None while it is reopened.
        reopened_at: when it was last opened for changes again; None when it never was.
    """

    id: str
    review_due_at: datetime
    review: str = ""
    archived_at: datetime | None = None
    reopened_at: datetime | None = None
    requires_postmortem: bool = True
    is_drill: bool = False
    is_dismissed: bool = False


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One remediation item of the service.

    Attributes:
        first_verified_at: when check runs first verified it.
        regressed_at: when it last regressed.
        owner_left_at: when its owner was deactivated; None while the owner is active.
    """

    id: str
    state: str
    due_at: datetime
    first_verified_at: datetime | None = None
    regressed_at: datetime | None = None
    owner_left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """One verification check of an item of the service.

    Attributes:
        item, item_state: the public id and the state of the item it proves.
        answered_at: when it last passed or failed; when it never did, when it was created.
    """

    item: str
    item_state: str
    answered_at: datetime
    interval: timedelta
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """All that a judgement of one service may know; `waivers` are those of the service."""

    incidents: Sequence[IncidentFacts] = ()
    items: Sequence[ItemFacts] = ()
    checks: Sequence[CheckFacts] = ()
    waivers: Sequence[WaiverFacts] = ()


def evaluate(
    facts: ServiceFacts, *, as_of: datetime, rules: GateRules = BUILT_IN
) -> tuple[Verdict, list[Finding]]:
    """Judge a service as of a moment.

    FAIL when a rule about reviews or items is broken; UNKNOWN when none is but a check is stale, for then
    nobody knows whether a fix holds; PASS otherwise. What the policy does not count and what a waiver covers
    is found all the same. Findings come in the order of `Rule`, the oldest first.

    Args:
        rules: of them only what counts is asked.

    Source: specification, section 5.
    """
    broken = found(facts, as_of=as_of)
    if not broken:
        return Verdict.PASS, []
    findings = waive(
        broken,
        facts.waivers,
        not_counting=rules.not_counting,
        covers=lambda waiver, finding: waiver.names(finding),
        as_of=as_of,
    )
    findings.sort(key=in_order)
    return verdict_of(findings), findings


def found(facts: ServiceFacts, *, as_of: datetime) -> list[Finding]:
    """What breaks a rule about a service, waived or not; in no order."""
    return [
        *_reviews(facts.incidents, as_of),
        *(finding for item in facts.items for finding in _item(item, as_of)),
        *_checks(facts.checks, as_of),
    ]


def in_order(finding: Finding) -> tuple[int, float, str]:
    """Where a finding about a service stands in its list."""
    return _ORDER[Rule(finding.code)], finding.since.timestamp() if finding.since else 0, finding.object


def stale_at(check: CheckFacts) -> datetime:
    """The last moment at which its latest answer still counts."""
    return check.answered_at + STALE_INTERVALS * check.interval + STALE_MARGIN


def _reviews(incidents: Iterable[IncidentFacts], as_of: datetime) -> list[Finding]:
    overdue: dict[str, datetime] = {}
    reopened: dict[str, datetime] = {}
    findings = []
    for incident in incidents:
        if incident.is_drill or incident.is_dismissed or not incident.requires_postmortem:
            continue
        if as_of <= incident.review_due_at or incident.archived_at is not None:
            continue
        if incident.review:
            # A review of several incidents is one promise: the earliest of its deadlines counts.
            due_at = min(overdue.get(incident.review, incident.review_due_at), incident.review_due_at)
            overdue[incident.review] = due_at
            if incident.reopened_at is not None:
                reopened[incident.review] = incident.reopened_at
        else:
            text = f"Nobody has begun its review, which was due at {text_of(incident.review_due_at)}."
            findings.append(Finding(Rule.POSTMORTEM_MISSING, incident.id, incident.review_due_at, text))
    for review, due_at in overdue.items():
        text = f"The review was due at {text_of(due_at)} and is not archived."
        since = due_at
        if review in reopened:
            text = f"The postmortem was reopened at {text_of(reopened[review])} and is not archived again."
            since = max(due_at, reopened[review])
        findings.append(Finding(Rule.REVIEW_OVERDUE, review, since, text))
    return findings


def _item(item: ItemFacts, as_of: datetime) -> list[Finding]:
    if item.state in SETTLED:
        return []
    findings = []
    is_kept = item.first_verified_at is not None and item.first_verified_at <= item.due_at
    if as_of > item.due_at and not is_kept:
        text = f"Due at {text_of(item.due_at)}; no check has verified it."
        if item.first_verified_at is not None:
            text = f"Due at {text_of(item.due_at)}; verified late, and it does not hold now."
        findings.append(Finding(Rule.ITEM_OVERDUE, item.id, item.due_at, text))
    if item.regressed_at is not None:
        # Moving it on by hand heals nothing: only a check that verifies it again does.
        text = f"Its check fails again since {text_of(item.regressed_at)}."
        findings.append(Finding(Rule.ITEM_REGRESSED, item.id, item.regressed_at, text))
    if item.owner_left_at is not None:
        text = "Its owner is no longer active: somebody must take it over."
        findings.append(Finding(Rule.ITEM_OWNERLESS, item.id, item.owner_left_at, text))
    return findings


def _checks(checks: Iterable[CheckFacts], as_of: datetime) -> list[Finding]:
    stale: dict[str, list[datetime]] = {}
    for check in checks:
        if check.item_state in RESTS_ON_CHECKS and not check.is_paused and as_of > stale_at(check):
            stale.setdefault(check.item, []).append(stale_at(check))
    findings = []
    for item, moments in stale.items():
        number = "A check has" if len(moments) == 1 else f"{len(moments)} checks have"
        text = f"{number} given no answer for more than three intervals: nobody knows whether the fix holds."
        findings.append(Finding(Rule.CHECK_STALE, item, min(moments), text))
    return findings
