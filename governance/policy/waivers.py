"""What a waiver does to findings: they stay and no longer count, until it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from governance.policy.verdicts import Finding, Rule, text_of


@dataclass(frozen=True, slots=True)
class WaiverFacts:
    """A waiver that was granted: of a service, or of a repository and perhaps one change there.

    Attributes:
        findings: the codes that it waives.
        object: the only object whose findings it waives, or "" for all.
        ended_at: when somebody ended it before it expired; None when nobody did.
    """

    id: str
    findings: frozenset[str]
    granted_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    service: str = ""
    repository: str = ""
    change_id: str = ""
    object: str = ""

    def is_in_force(self, as_of: datetime) -> bool:
        return self.granted_at <= as_of < self.expires_at and not self._was_ended(as_of)

    def has_expired(self, as_of: datetime) -> bool:
        """Whether its time ran out; one that somebody ended earlier has not."""
        return as_of >= self.expires_at and not self._was_ended(as_of)

    def names(self, finding: Finding) -> bool:
        """Whether it is for findings like this one, wherever they come from."""
        return finding.code in self.findings and self.object in {"", finding.object}

    def _was_ended(self, as_of: datetime) -> bool:
        return self.ended_at is not None and self.ended_at <= as_of


def waive(
    findings: Iterable[Finding],
    waivers: Sequence[WaiverFacts],
    *,
    not_counting: Set[str],
    covers: Callable[[WaiverFacts, Finding], bool],
    as_of: datetime,
) -> list[Finding]:
    """The findings, those that a waiver covers with its name, and one for each waiver that is missed now.

    A waiver that is over is missed while something that it waived holds, counts, and no other waiver covers.

    Args:
        not_counting: codes that the policy does not count; their findings say so.
    """
    judged = []
    for finding in findings:
        by = next((one for one in waivers if one.is_in_force(as_of) and covers(one, finding)), None)
        counts = finding.code not in not_counting
        judged.append(replace(finding, counts=counts, waived_by=by.id if by is not None else ""))
    missed = []
    for waiver in waivers:
        if waiver.has_expired(as_of):
            bare = [one for one in judged if one.stands and covers(waiver, one) and _was_put_off(one, waiver)]
            if bare:
                codes = ", ".join(sorted({str(finding.code) for finding in bare}))
                text = f"It ended at {text_of(waiver.expires_at)}, and what it put off still holds: {codes}."
                counts = Rule.WAIVER_EXPIRED not in not_counting
                missed.append(Finding(Rule.WAIVER_EXPIRED, waiver.id, waiver.expires_at, text, counts=counts))
    return judged + missed


def _was_put_off(finding: Finding, waiver: WaiverFacts) -> bool:
    """Whether it held before the waiver was over: a waiver of long ago is not missed by what came later."""
    # What a change lacks holds from its first question on, so only the change itself can miss its waiver.
    return bool(waiver.change_id) if finding.since is None else finding.since < waiver.expires_at
