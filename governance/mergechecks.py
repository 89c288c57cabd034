"""Changes at a forge are judged by the gate, and the forge hears the verdict.

An event only says that something happened: what is judged is the change as the forge has it now, so an event
that comes late or twice leads to the same verdict on the same commit, or to none.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db.models import Q

from accounts import tokens
from governance import changes, forges, github, gitlab
from governance.forges import Api, Change, Connection, Named, Report
from governance.models import EventSource, ForgeChange, GateDecision, GatePolicy, InboundEvent
from postmortem import trail
from postmortem.errors import DomainError

# Longer than both conversations with a forge may take.
LEASE = timedelta(minutes=1)
_LINES = 30


class ForgeRefused(DomainError):
    """The forge refuses what it is asked: a token that may not, a change that is gone."""

    code = "forge_refused"


class Forge(Protocol):
    """What `github` and `gitlab` are."""

    MOST_COMMITS: int

    def named_in(self, event_type: str, body: bytes, /) -> Named | None: ...

    def change(self, forge: Connection, named: Named) -> Awaitable[Change]: ...

    def report(self, forge: Connection, change: Change, verdict: Report) -> Awaitable[None]: ...


FORGES: dict[str, Forge] = {EventSource.Kind.GITHUB: github, EventSource.Kind.GITLAB: gitlab}


@dataclass(frozen=True, slots=True)
class Judged:
    """What an event came to.

    Attributes:
        outcome: passed, failed, unknown; unchanged, not_open, not_asked.
    """

    outcome: str
    decision: GateDecision | None = None
    note: str = ""


class Busy(Exception):
    """Another worker deals with the same change at this moment."""


def take(event: InboundEvent, *, now: datetime) -> Judged:
    """Judge the change that an event is about and report the verdict, unless it stands there already.

    Raises:
        payloads.Unreadable: the event is not what its schema says.
        forges.NoAnswer, Busy: try again later; nothing is lost by it.
        ForgeRefused, DomainError: it cannot be judged, or the forge does not take the verdict.
    """
    source = event.source
    forge = FORGES[source.kind]
    named = forge.named_in(event.event_type, bytes(event.body or b""))
    if named is None:
        return Judged("not_asked")
    api = _api(source)
    with _held(source, named, now=now) as kept:
        try:
            change = forges.ask(api, lambda connection: forge.change(connection, named))
            if not change.is_open:
                return Judged("not_open")
            is_news = named.is_asked or event.replays > 0 or kept.digest != _digest(change)
            if not is_news and kept.reported_at is not None:
                return Judged("unchanged", kept.decision)
            if is_news or kept.decision is None:
                _judge(kept, change, source, event, now=now)
            decision = kept.decision
            assert decision is not None  # noqa: S101 # just judged
            verdict = report_of(decision)
            forges.ask(api, lambda connection: forge.report(connection, change, verdict))
        except forges.Refused as refusal:
            raise ForgeRefused(str(refusal)) from None
        _store(kept, reported_at=now)
    is_cut = len(change.commits) >= forge.MOST_COMMITS
    note = f"Only the first {forge.MOST_COMMITS} commits were read." if is_cut else ""
    return Judged(_OUTCOMES[decision.verdict], decision, note)


def report_of(decision: GateDecision) -> Report:
    """A kept decision as a forge is told it: findings by code and id, and no title of a postmortem."""
    findings = [one for one in decision.findings if isinstance(one, dict)]
    lines = [
        f"- `{one.get('code', '')}` {one.get('object', '')}: {one.get('detail', '')}" for one in findings
    ]
    if len(lines) > _LINES:
        lines[_LINES:] = [f"- and {len(findings) - _LINES} more"]
    is_binding = decision.mode not in _MERE_ADVICE
    title = _TITLES[decision.verdict] if is_binding else f"({decision.mode}) {_TITLES[decision.verdict]}"
    if findings:
        codes = list(dict.fromkeys(str(one.get("code", "")) for one in findings))
        title += f" {', '.join(codes)}"
    return Report(
        verdict=decision.verdict,
        is_binding=is_binding,
        title=title,
        summary="\n".join(lines) or "No findings.",
        details_url=f"{settings.PUBLIC_URL}/gate/{decision.pk}/",
        decision=str(decision.pk),
    )


_MERE_ADVICE = {GatePolicy.Mode.OFF, GatePolicy.Mode.WARN, GatePolicy.Mode.DRY_RUN}
_OUTCOMES = {"PASS": "passed", "FAIL": "failed", "UNKNOWN": "unknown"}
_TITLES = {"PASS": "Passed.", "FAIL": "Failed:", "UNKNOWN": "Could not be judged:"}


def _api(source: EventSource) -> Api:
    return Api(
        url=source.api_url,
        token=source.api_token.reveal() if source.api_token else "",
        networks=tuple(source.networks),
        reports_check=source.report_as == EventSource.Report.CHECK,
        external_check=source.external_check,
    )


def _judge(
    kept: ForgeChange, change: Change, source: EventSource, event: InboundEvent, *, now: datetime
) -> None:
    """Ask the gate and remember its answer before anybody hears it, so that it is asked once."""
    presented = tokens.read_header(f"Bearer {source.gate_token.reveal()}")
    if presented is None:
        raise ForgeRefused("The token for the gate is none.")
    commits = [dict(one) for one in change.commits]
    asked = changes.Change(
        repository=change.repository,
        change_id=str(change.number),
        title=change.title[:300],
        description=change.description,
        messages=[one["message"] for one in commits],
        services=[],
        target_branch=change.target_branch,
        paths=change.paths,
        # At a forge no two labels differ by the white space around them.
        labels=[label.strip() for label in change.labels],
        request={
            "repository": change.repository,
            "target_branch": change.target_branch,
            "change_id": str(change.number),
            "title": change.title,
            "description": change.description,
            "commits": commits,
            "paths": list(change.paths),
            "labels": list(change.labels),
            "head": change.head,
            "url": change.url,
            "event": event.pk,
        },
    )
    judged = changes.judge(asked, presented=presented, now=now)
    kept.decision = GateDecision.objects.get(pk=judged.decision)
    _store(kept, decision=kept.decision, digest=_digest(change), head=change.head, reported_at=None)


def _digest(change: Change) -> str:
    """Of all that a verdict rests on."""
    rests_on: Sequence[object] = (
        change.head, change.target_branch, change.title, change.description, sorted(change.labels),
        [dict(one) for one in change.commits], sorted(change.paths),
    )  # fmt: skip
    return hashlib.sha256(json.dumps(rests_on, sort_keys=True).encode()).hexdigest()


@contextmanager
def _held(source: EventSource, named: Named, *, now: datetime) -> Iterator[ForgeChange]:
    """The change's row, for this worker alone until it is done with it.

    Raises:
        Busy: another worker has it.
    """
    which = {"source": source, "repository": named.repository, "number": named.number}
    ForgeChange.objects.bulk_create([ForgeChange(**which)], ignore_conflicts=True)
    free = ForgeChange.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now), **which)
    mine = uuid.uuid4()
    if not free.update(lease_until=now + LEASE, lease_token=mine):
        raise Busy
    try:
        yield ForgeChange.objects.select_related("decision").get(**which)
    finally:
        ForgeChange.objects.filter(lease_token=mine, **which).update(lease_until=None, lease_token=None)


def _store(kept: ForgeChange, **columns: object) -> None:
    with trail.act("mergechecks.take", by=None):
        ForgeChange.objects.filter(pk=kept.pk, lease_token=kept.lease_token).update(**columns)
