"""Pure: facts about a service, or about the postmortems a change names, in; verdict and findings out.

Every rule stands here and nowhere else. What a rule may know as of a moment is gathered by `facts`.
Sentences are English on purpose: an answer is kept and compared, so it must not depend on who reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Changes whenever a rule below changes what it finds; it stands in every decision.
POLICY_VERSION = "2026-11-1"

# States in which somebody says that the fix is there: from then on a silent check is a finding. Before
# that, silence is normal: the metric that will show the fix may not exist yet.
RESTS_ON_CHECKS = frozenset({"fix_claimed", "verifying", "verified"})
# States in which a promise is no longer owed.
SETTLED = frozenset({"verified", "wont_do"})
# A check is stale after this many of its intervals and the margin without a pass or a fail.
STALE_INTERVALS = 3
STALE_MARGIN = timedelta(minutes=5)


class Verdict(StrEnum):
    """Over all rules; only PASS passes. UNKNOWN: it could not be judged."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


class Rule(StrEnum):
    """The rules, in the order in which findings are listed."""

    REVIEW_OVERDUE = "REVIEW_OVERDUE"
    POSTMORTEM_MISSING = "POSTMORTEM_MISSING"
    ITEM_OVERDUE = "ITEM_OVERDUE"
    ITEM_REGRESSED = "ITEM_REGRESSED"
    ITEM_OWNERLESS = "ITEM_OWNERLESS"
    CHECK_STALE = "CHECK_STALE"


_ORDER = {rule: position for position, rule in enumerate(Rule)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of one rule.

    Attributes:
        object: the public id of what breaks it, never a title: titles of restricted incidents stay inside.
        since: the moment from which the finding holds.
    """

    code: str
    object: str
    since: datetime
    detail: str


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
    """All that a judgement of one service may know."""

    incidents: Sequence[IncidentFacts] = ()
    items: Sequence[ItemFacts] = ()
    checks: Sequence[CheckFacts] = ()


def evaluate(facts: ServiceFacts, *, as_of: datetime) -> tuple[Verdict, list[Finding]]:
    """Judge a service as of a moment.

    FAIL when a rule about reviews or items is broken; UNKNOWN when none is but a check is stale, for then
    nobody knows whether a fix holds; PASS otherwise. Findings come in the order of `Rule`, the oldest first.

    Source: specification, section 5.
    """
    findings = [
        *_reviews(facts.incidents, as_of),
        *(finding for item in facts.items for finding in _item(item, as_of)),
        *_checks(facts.checks, as_of),
    ]
    findings.sort(key=lambda finding: (_ORDER[Rule(finding.code)], finding.since, finding.object))
    if any(finding.code != Rule.CHECK_STALE for finding in findings):
        return Verdict.FAIL, findings
    return (Verdict.UNKNOWN if findings else Verdict.PASS), findings


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
            text = f"Nobody has begun its review, which was due at {_text(incident.review_due_at)}."
            findings.append(Finding(Rule.POSTMORTEM_MISSING, incident.id, incident.review_due_at, text))
    for review, due_at in overdue.items():
        text = f"The review was due at {_text(due_at)} and is not archived."
        since = due_at
        if review in reopened:
            text = f"The postmortem was reopened at {_text(reopened[review])} and is not archived again."
            since = max(due_at, reopened[review])
        findings.append(Finding(Rule.REVIEW_OVERDUE, review, since, text))
    return findings


def _item(item: ItemFacts, as_of: datetime) -> list[Finding]:
    if item.state in SETTLED:
        return []
    findings = []
    is_kept = item.first_verified_at is not None and item.first_verified_at <= item.due_at
    if as_of > item.due_at and not is_kept:
        text = f"Due at {_text(item.due_at)}; no check has verified it."
        if item.first_verified_at is not None:
            text = f"Due at {_text(item.due_at)}; verified late, and it does not hold now."
        findings.append(Finding(Rule.ITEM_OVERDUE, item.id, item.due_at, text))
    if item.regressed_at is not None:
        # Moving it on by hand heals nothing: only a check that verifies it again does.
        text = f"Its check fails again since {_text(item.regressed_at)}."
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


class ChangeRule(StrEnum):
    """The rules for a change, in the order in which findings are listed."""

    POSTMORTEM_NOT_NAMED = "POSTMORTEM_NOT_NAMED"
    PM_UNKNOWN = "PM_UNKNOWN"
    PM_NOT_ARCHIVED = "PM_NOT_ARCHIVED"
    PM_NOT_APPLICABLE = "PM_NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class PostmortemFacts:
    """A review that a change names.

    Attributes:
        services: the slugs of the services that its incidents touched, wherever they came from.
        is_restricted: one of its incidents is; the answer says no more of it than its id.
    """

    id: str
    archived_at: datetime | None
    services: frozenset[str]
    is_restricted: bool


@dataclass(frozen=True, slots=True)
class ChangeFinding:
    """Why a change is blocked; `object` is the id that was named, as written, or ""."""

    code: str
    object: str
    detail: str


def evaluate_change(
    named: Sequence[str], known: Iterable[PostmortemFacts], *, services: frozenset[str]
) -> tuple[Verdict, list[ChangeFinding]]:
    """Judge a change by the postmortems it names: PASS only when it names one and none is unfit.

    Args:
        named: the ids, as found in the change.
        known: what is known of those that exist.
        services: the slugs of the services that the change touches; when empty nobody can say whether a
            postmortem applies, and that rule is skipped.

    Source: specification, R14 and section 5.
    """
    if not named:
        text = (
            "Name the postmortem that this change follows from, by a line “Postmortem: PM-…” in the last"
            " paragraph of a commit message or in the description."
        )
        return Verdict.FAIL, [ChangeFinding(ChangeRule.POSTMORTEM_NOT_NAMED, "", text)]
    by_id = {postmortem.id: postmortem for postmortem in known}
    findings = []
    for name in named:
        postmortem = by_id.get(name)
        if postmortem is None:
            text = "There is no postmortem with this id."
            findings.append(ChangeFinding(ChangeRule.PM_UNKNOWN, name, text))
            continue
        if postmortem.archived_at is None:
            text = "Its review is not archived yet."
            findings.append(ChangeFinding(ChangeRule.PM_NOT_ARCHIVED, name, text))
        if services and not services & postmortem.services:
            touched = ", ".join(sorted(services))
            text = f"Its incidents touched none of the services of this change: {touched}."
            findings.append(ChangeFinding(ChangeRule.PM_NOT_APPLICABLE, name, text))
    return (Verdict.FAIL if findings else Verdict.PASS), findings


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
