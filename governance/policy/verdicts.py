"""Verdicts, rules and findings: the words that every judgement shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# Changes whenever a rule changes what it finds; it stands in every decision, before the gate's policy.
POLICY_VERSION = "2026-11-3"


class Verdict(StrEnum):
    """Over all rules; only PASS passes. UNKNOWN: it could not be judged."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


class ChangeRule(StrEnum):
    """The rules for a change, in the order in which findings are listed."""

    POSTMORTEM_NOT_NAMED = "POSTMORTEM_NOT_NAMED"
    PM_UNKNOWN = "PM_UNKNOWN"
    PM_NOT_ARCHIVED = "PM_NOT_ARCHIVED"
    PM_NOT_APPLICABLE = "PM_NOT_APPLICABLE"
    PM_OVERUSED = "PM_OVERUSED"
    SERVICES_UNKNOWN = "SERVICES_UNKNOWN"
    FROZEN = "FROZEN"


class Rule(StrEnum):
    """The rules for a service, in the order in which findings are listed."""

    REVIEW_OVERDUE = "REVIEW_OVERDUE"
    POSTMORTEM_MISSING = "POSTMORTEM_MISSING"
    ITEM_OVERDUE = "ITEM_OVERDUE"
    ITEM_REGRESSED = "ITEM_REGRESSED"
    ITEM_OWNERLESS = "ITEM_OWNERLESS"
    CHECK_STALE = "CHECK_STALE"
    WAIVER_EXPIRED = "WAIVER_EXPIRED"


_NOBODY_KNOWS = {Rule.CHECK_STALE, ChangeRule.SERVICES_UNKNOWN}
# Every code that a finding may have.
CODES: tuple[str, ...] = (*map(str, ChangeRule), *map(str, Rule))
# An expired waiver is answered by another one for what it waived, never by one for itself.
WAIVABLE: tuple[str, ...] = tuple(code for code in CODES if code != Rule.WAIVER_EXPIRED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of one rule.

    Attributes:
        object: the public id of what breaks it, or what a change named, never a title: titles of restricted
            incidents stay inside.
        since: the moment from which the finding holds; None for a rule about what a change names.
        service: the slug of the service it is about, where a change is judged; else "".
        counts: whether the policy lets it count; it is shown all the same.
        waived_by: the waiver in force that excuses it, or "".
    """

    code: str
    object: str
    since: datetime | None
    detail: str
    service: str = ""
    counts: bool = True
    waived_by: str = ""

    @property
    def stands(self) -> bool:
        """Whether it decides about the verdict."""
        return self.counts and not self.waived_by


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """FAIL when a finding stands; UNKNOWN when only such do that say that nobody knows; else PASS."""
    codes = {finding.code for finding in findings if finding.stands}
    if codes - _NOBODY_KNOWS:
        return Verdict.FAIL
    return Verdict.UNKNOWN if codes else Verdict.PASS


def waivers_of(findings: Sequence[Finding]) -> list[str]:
    """The waivers by which findings are excused, each once."""
    return list(dict.fromkeys(finding.waived_by for finding in findings if finding.waived_by))


def text_of(moment: datetime) -> str:
    """A moment in the sentence of a finding."""
    return moment.strftime("%Y-%m-%d %H:%M UTC")
