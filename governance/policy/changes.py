"""Judge a change by the postmortems it names, and by what its repository's policy asks beyond that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from governance.policy import services as of_services
from governance.policy.gates import Excuse, Freeze, GateRules, excuse_of
from governance.policy.services import ServiceFacts
from governance.policy.verdicts import CODES, ChangeRule, Finding, Verdict, text_of, verdict_of, waivers_of
from governance.policy.waivers import WaiverFacts, waive

_ORDER = {code: position for position, code in enumerate(CODES)}


@dataclass(frozen=True, slots=True)
class PostmortemFacts:
    """A review that a change names.

    Attributes:
        services: the slugs of the services that its incidents touched, wherever they came from.
        is_restricted: one of its incidents is; the answer says no more of it than its id.
        uses: how many other changes passed by naming it.
    """

    id: str
    archived_at: datetime | None
    services: frozenset[str]
    is_restricted: bool
    uses: int = 0


@dataclass(frozen=True, slots=True)
class OverdueFacts:
    """An overdue item of severity P0."""

    id: str
    service: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """All that a judgement of one change may know.

    Attributes:
        named: the ids, as found in the change.
        labels: None when CI sent no list of them.
        services: the slugs of the services that the change touches; when empty nobody can say which.
        postmortems: what is known of those named that exist.
        of_services: what may break a rule about each of the services.
        overdue: items of severity P0, of any service, oldest deadline first.
        waivers: those of its repository, and of its services.
    """

    repository: str
    change_id: str = ""
    branch: str = ""
    named: Sequence[str] = ()
    paths: Sequence[str] = ()
    labels: Sequence[str] | None = None
    services: frozenset[str] = frozenset()
    postmortems: Sequence[PostmortemFacts] = ()
    of_services: Mapping[str, ServiceFacts] = field(default_factory=dict)
    overdue: Sequence[OverdueFacts] = ()
    waivers: Sequence[WaiverFacts] = ()


@dataclass(frozen=True, slots=True)
class ChangeJudgement:
    """A verdict about a change.

    Attributes:
        rules: the policy by which it was judged.
        excuse: why that policy asks nothing of this change; there are no findings then.
        skipped: (code, reason) of each rule that could not be applied.
    """

    verdict: Verdict
    findings: Sequence[Finding]
    rules: GateRules
    excuse: Excuse | None = None
    skipped: Sequence[tuple[str, str]] = ()

    @property
    def waivers(self) -> list[str]:
        return waivers_of(self.findings)


def evaluate_change(change: ChangeFacts, rules: GateRules, *, as_of: datetime) -> ChangeJudgement:
    """Judge a change by its repository's policy.

    PASS when it names a postmortem and nothing that counts is found, or when the policy excuses it, by name.
    UNKNOWN when nothing is broken, but nobody knows which services it touches, or how one of them stands.
    A waived finding stays among the findings and does not count.

    Source: specification, R14 and section 5.
    """
    excuse = excuse_of(rules, branch=change.branch, paths=change.paths, labels=change.labels)
    if excuse is not None:
        return ChangeJudgement(Verdict.PASS, (), rules, excuse)
    skipped = _skipped(change, rules)
    findings = [*_named(change, rules), *_unjudged(change, rules, skipped), *_frozen(change, rules, as_of)]
    if rules.asks_audit:
        findings += _of_services(change, as_of)
    findings = waive(
        findings,
        change.waivers,
        not_counting=rules.not_counting,
        covers=lambda waiver, one: _covers(waiver, one, change),
        as_of=as_of,
    )
    # Findings about one postmortem stay together, in the order in which the change names them.
    findings.sort(key=_in_order(change.named))
    return ChangeJudgement(verdict_of(findings), findings, rules, skipped=skipped)


def _in_order(named: Sequence[str]) -> Callable[[Finding], tuple[object, ...]]:
    places = {name: place for place, name in enumerate(named)}

    def key(finding: Finding) -> tuple[object, ...]:
        is_of_service = finding.code not in ChangeRule.__members__
        place = 0 if is_of_service else places.get(finding.object, len(places))
        since = finding.since.timestamp() if finding.since else 0
        return is_of_service, place, _ORDER[finding.code], since, finding.object

    return key


def _named(change: ChangeFacts, rules: GateRules) -> Iterable[Finding]:
    if not change.named:
        yield _finding(
            ChangeRule.POSTMORTEM_NOT_NAMED,
            "",
            "Name the postmortem that this change follows from, by a line “Postmortem: PM-…” in the last"
            " paragraph of a commit message or in the description.",
        )
    by_id = {postmortem.id: postmortem for postmortem in change.postmortems}
    for name in change.named:
        postmortem = by_id.get(name)
        if postmortem is None:
            yield _finding(ChangeRule.PM_UNKNOWN, name, "There is no postmortem with this id.")
            continue
        if postmortem.archived_at is None:
            yield _finding(ChangeRule.PM_NOT_ARCHIVED, name, "Its review is not archived yet.")
        if change.services and not change.services & postmortem.services:
            touched = ", ".join(sorted(change.services))
            text = f"Its incidents touched none of the services of this change: {touched}."
            yield _finding(ChangeRule.PM_NOT_APPLICABLE, name, text)
        if rules.most_uses is not None and postmortem.uses >= rules.most_uses:
            text = f"{postmortem.uses} other changes passed by naming it; {rules.most_uses} are the most."
            yield _finding(ChangeRule.PM_OVERUSED, name, text)


def _unjudged(change: ChangeFacts, rules: GateRules, skipped: Sequence[tuple[str, str]]) -> Iterable[Finding]:
    """That rules which count could not be applied: what nobody judged must not pass."""
    codes = {code for code, _reason in skipped} - rules.not_counting
    if not change.postmortems:
        # There is none of which to ask what it is about.
        codes.discard(ChangeRule.PM_NOT_APPLICABLE)
    if codes:
        yield _finding(
            ChangeRule.SERVICES_UNKNOWN,
            "",
            "Nobody knows which services this change touches, so not every rule could be applied.",
        )


def _finding(code: ChangeRule, object_: str, text: str) -> Finding:
    return Finding(code, object_, None, text)


def _frozen(change: ChangeFacts, rules: GateRules, as_of: datetime) -> Iterable[Finding]:
    if rules.freeze == Freeze.NEVER:
        return
    overdue = [one for one in change.overdue if one.due_at < as_of]
    if rules.freeze == Freeze.SERVICES:
        overdue = [one for one in overdue if one.service in change.services]
    if overdue:
        first = min(overdue, key=lambda one: (one.due_at, one.id))
        number = "An item" if len(overdue) == 1 else f"{len(overdue)} items"
        text = f"{number} of severity P0 overdue, the oldest since {text_of(first.due_at)}: changes wait."
        yield Finding(ChangeRule.FROZEN, first.id, first.due_at, text, service=first.service)


def _of_services(change: ChangeFacts, as_of: datetime) -> Iterable[Finding]:
    for slug in sorted(change.services & change.of_services.keys()):
        for finding in of_services.found(change.of_services[slug], as_of=as_of):
            yield replace(finding, service=slug)


def _covers(waiver: WaiverFacts, finding: Finding, change: ChangeFacts) -> bool:
    if not waiver.names(finding):
        return False
    if waiver.repository:
        return waiver.repository == change.repository and waiver.change_id in {"", change.change_id}
    # What a change lacks is waived by a service's waiver when it touches no other service.
    return waiver.service == finding.service if finding.service else change.services == {waiver.service}


def _skipped(change: ChangeFacts, rules: GateRules) -> list[tuple[str, str]]:
    if change.services:
        return []
    reason = "The change names no services, and no service of this repository is known."
    codes = [ChangeRule.PM_NOT_APPLICABLE.value]
    if rules.freeze == Freeze.SERVICES:
        codes.append(ChangeRule.FROZEN.value)
    if rules.asks_audit:
        codes += map(str, of_services.RULES)
    return [(code, reason) for code in codes]
