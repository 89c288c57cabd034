"""Judge a change by the postmortems it names and its repository's policy, and keep the decision."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts import tokens
from accounts.models import ApiToken
from governance import answers, decisions, facts, policy, trailers
from governance.models import GateDecision
from governance.policy import ChangeFacts, ChangeJudgement, PostmortemFacts, names
from postmortem.errors import Invalid

# More than anybody names in earnest; it bounds the work that one request may ask for.
MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class Change:
    """What CI says of a change.

    Attributes:
        messages: the commit messages, oldest first.
        services: the slugs of the services it touches, as far as CI knows them.
        labels: None when CI sent no list of them.
        request: all that CI said, as JSON; it is kept with the decision.
    """

    repository: str
    change_id: str
    title: str
    description: str
    messages: Sequence[str]
    services: Sequence[str]
    request: Mapping[str, Any]
    target_branch: str = ""
    paths: Sequence[str] = ()
    labels: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A kept decision about a change.

    Attributes:
        postmortems: those that it names and that exist.
        services: the services by which it was judged whether they apply; empty when nobody knows any.
    """

    decision: uuid.UUID
    judgement: ChangeJudgement
    postmortems: Sequence[PostmortemFacts]
    services: frozenset[str]

    @property
    def skipped(self) -> list[dict[str, str]]:
        """The rules that could not be applied, each with the reason."""
        return [{"code": code, "reason": reason} for code, reason in self.judgement.skipped]


def named_in(change: Change) -> list[str]:
    """The postmortem ids that a change names: in the trailers of its commits, then in its description."""
    found = [name for message in change.messages for name in trailers.of_commit(message)]
    return list(dict.fromkeys([*found, *trailers.of_description(change.description)]))


def judge(
    change: Change, *, presented: tokens.Presented, now: datetime, most_skew: timedelta | None = None
) -> Judged:
    """Judge a change and keep the decision with its input; the same question again is a new decision.

    Args:
        presented: the token, which needs the scope `gate`.
        most_skew: how far `now` may be from the database's clock; None: however far.

    Raises:
        facts.TokenNotValid, facts.ScopeMissing, facts.ClockSkewed, Invalid: nothing was kept. Invalid names
            the field "services" when one does not exist, for a misspelt service must not pass as "not
            applicable"; and the field of a name that is not written in its one way (`policy.names`).

    Source: specification, R14 and section 5.
    """
    refuse_other_spellings(change)
    named = named_in(change)
    if len(named) > MOST_NAMED:
        raise Invalid(f"The change names more than {MOST_NAMED} postmortems.", field="commits")
    asker, known = facts.ask_of_change(
        named,
        services=list(change.services),
        repository=change.repository,
        change=change.change_id or change.title,
        presented=presented,
        scope=ApiToken.Scope.GATE.value,
        now=now,
    )
    facts.refuse_skew(asker, most_skew)
    if asker.is_use_unnoted:
        tokens.note_use(asker.token_id, now=now)
    if known.unknown_services:
        unknown = ", ".join(known.unknown_services)
        raise Invalid(f"There is no service of this name: {unknown}.", field="services")
    rules = policy.deciding(change.repository, known.policies)
    judgement = policy.evaluate_change(_facts(change, named, known), rules, as_of=now)
    order = {name: position for position, name in enumerate(named)}
    postmortems = sorted(known.postmortems, key=lambda postmortem: order[postmortem.id])
    decision = GateDecision(
        kind=GateDecision.Kind.CHANGE,
        decided_at=now,
        token_id=asker.token_id,
        verdict=judgement.verdict.value,
        findings=answers.of_change(judgement.findings),
        policy_version=rules.version_text,
        gate_id=rules.id,
        excuse=excuse_json(judgement),
        waivers=judgement.waivers,
        repository=change.repository,
        change_id=change.change_id,
        title=change.title,
        mode=rules.mode.value,
        named=named,
        postmortems=[one.id for one in postmortems],
        request=dict(change.request),
    )
    decisions.keep(decision)
    return Judged(decision.id, judgement, postmortems, known.services)


def refuse_other_spellings(change: Change) -> None:
    """Refuse names by which a policy would take the change for another one.

    Raises:
        Invalid: `field` is that of the first, such as "labels.0".
    """
    given = [("repository", change.repository, names.fault_of_repository)]
    if change.target_branch:
        given.append(("target_branch", change.target_branch, names.fault_of_branch))
    given += [(f"labels.{place}", one, names.fault_of_label) for place, one in enumerate(change.labels or ())]
    given += [(f"paths.{place}", one, names.fault_of_path) for place, one in enumerate(change.paths)]
    for field, text, fault_of in given:
        if fault := fault_of(text):
            raise Invalid(fault, field=field)


def _facts(change: Change, named: Sequence[str], known: facts.Change) -> ChangeFacts:
    return ChangeFacts(
        repository=change.repository,
        change_id=change.change_id,
        branch=change.target_branch,
        named=named,
        paths=change.paths,
        labels=change.labels,
        services=known.services,
        postmortems=known.postmortems,
        of_services=known.of_services,
        overdue=known.overdue,
        waivers=known.waivers,
    )


def excuse_json(judgement: ChangeJudgement) -> dict[str, str] | None:
    """Why the policy asks nothing of the change, as it is kept and answered."""
    excuse = judgement.excuse
    return None if excuse is None else {"rule": excuse.rule, "detail": excuse.detail}


def postmortems_json(postmortems: Sequence[PostmortemFacts]) -> list[dict[str, str | None]]:
    """The named postmortems as they are answered: of a restricted one no more than its id."""
    return [
        {"id": one.id}
        if one.is_restricted
        else {"id": one.id, "archived_at": answers.moment_text(one.archived_at) if one.archived_at else None}
        for one in postmortems
    ]
