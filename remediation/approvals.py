"""Which commands may run: what exactly, until when, who says so, and whether the switch is on.

The command of a check, or of an entry of a checklist, is pinned by a hash of all that decides what it does.
It runs only while an approval of that hash holds, made by an administrator who did not write it, or by a
template of the catalogue. Approvals are signed with a key that only the web processes and the probe worker
hold, and the worker reckons hash and signature anew before each start: whoever can write to the database
alone makes nothing run (docs/adr/0026).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Team, User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.models import ChecklistEntry, Review
from remediation.models import (
    COMMAND_SECONDS,
    ProbeApproval,
    ProbeRevision,
    ProbeSwitch,
    RemediationItem,
    VerificationCheck,
)

Definition = VerificationCheck | ChecklistEntry
_Defined = TypeVar("_Defined", VerificationCheck, ChecklistEntry)

LASTS = timedelta(days=90)
SHELL = VerificationCheck.Kind.SHELL


class OwnCommand(DomainError):
    """Whoever wrote a command does not approve it."""

    code = "own_command"


class NotWhatWasRead(DomainError):
    """The command changed since it was read; details: `sha`, of what it is now."""

    code = "command_changed"


class NoCommand(DomainError):
    """It runs no command."""

    code = "no_command"


class Owner(NamedTuple):
    """Whose command it is: "verification_check" or "checklist_entry", and its id."""

    kind: str
    pk: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a command may run.

    Attributes:
        code: "approved", "not_approved", "expired" or "forged".
        approval: the one that holds, or that held.
    """

    code: str
    approval: ProbeApproval | None = None


def body_of(
    *,
    pipeline: Sequence[Sequence[str]] | None,
    reads: str,
    expectation: str,
    pattern: str,
    timeout_seconds: int,
    network: str = "none",
    env: Mapping[str, str] | None = None,
) -> str:
    """All that decides what a command does, as canonical JSON; secrets as references."""
    body: dict[str, Any] = {
        "expectation": expectation,
        "form": 1,
        "network": network,
        "pattern": pattern,
        "pipeline": [list(argv) for argv in pipeline or []],
        "reads": reads,
        "timeout_seconds": timeout_seconds,
    }
    if env:
        body["env"] = dict(env)
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def body_of_check(check: VerificationCheck) -> str:
    return body_of(
        pipeline=check.pipeline,
        reads=check.reads,
        expectation=check.shell_expectation,
        pattern=check.pattern,
        timeout_seconds=check.timeout_seconds,
        network=check.network,
        env=check.env,
    )


def body_of_entry(entry: ChecklistEntry) -> str:
    return body_of(
        pipeline=entry.pipeline,
        reads="",
        expectation=entry.expectation,
        pattern=entry.pattern,
        timeout_seconds=COMMAND_SECONDS,
    )


def body_of_definition(definition: Definition) -> str:
    if isinstance(definition, ChecklistEntry):
        return body_of_entry(definition)
    return body_of_check(definition)


def owner_of(definition: Definition) -> Owner:
    if isinstance(definition, ChecklistEntry):
        return Owner("checklist_entry", definition.pk)
    return Owner("verification_check", definition.pk)


def runs_a_command(definition: Definition) -> bool:
    if isinstance(definition, ChecklistEntry):
        return definition.kind == ChecklistEntry.Kind.COMMAND
    return definition.kind == SHELL


def teams_of(definition: Definition) -> set[int]:
    """The teams whose switch stops this command: the item's, or those of the services that were hit."""
    if isinstance(definition, ChecklistEntry):
        services = Review.objects.filter(pk=definition.review_id)
        return set(services.values_list("incidents__services__team", flat=True)) - {None}
    return {definition.item.team_id}


def sha_of(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def propose(definition: Definition, *, by: User | None, now: datetime) -> ProbeRevision | None:
    """Pin what a command is now; call it in the act that changed it. None for no command.

    A command that a template made is approved at once: whoever wrote the template has answered for it.
    """
    if not runs_a_command(definition):
        return None
    owner, body = owner_of(definition), body_of_definition(definition)
    template = "" if isinstance(definition, ChecklistEntry) else definition.template
    revision, _is_new = ProbeRevision.objects.get_or_create(
        **{f"{owner.kind}_id": owner.pk},
        sha=sha_of(body),
        defaults={"body": body, "author": by, "template": template, "created_at": now},
    )
    if template and standing(owner, body, now=now).code != "approved":
        _sign(revision, approver=None, template=template, now=now)
    return revision


def approve(definition: Definition, *, sha: str, by: User, now: datetime) -> ProbeApproval:
    """Let the command of a check or of a checklist's entry run for 90 days.

    Args:
        sha: of the command as it was read.

    Raises:
        NotAllowed: not an administrator.
        OwnCommand: `by` wrote it.
        NotWhatWasRead: it is another one by now.
        NoCommand: there is none.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act("probes.approve", by=by):
        rows = type(definition)._default_manager.select_for_update(of=("self",))
        definition = rows.get(pk=definition.pk)
        if not runs_a_command(definition):
            raise NoCommand(_("This runs no command."))
        owner, body = owner_of(definition), body_of_definition(definition)
        if not isinstance(sha, str) or not hmac.compare_digest(
            sha_of(body).encode(), sha.encode("utf-8", "replace")
        ):
            raise NotWhatWasRead(
                _("The command changed since you read it. Read it again."), details={"sha": sha_of(body)}
            )
        revision, _is_new = ProbeRevision.objects.get_or_create(
            **{f"{owner.kind}_id": owner.pk},
            sha=sha,
            defaults={"body": body, "author": None, "created_at": now},
        )
        if revision.author_id == by.pk:
            raise OwnCommand(_("You wrote this command: another administrator approves it."))
        return _sign(revision, approver=by, template="", now=now)


def standing(owner: Owner, body: str, *, now: datetime) -> Standing:
    """Whether a command may run, by what it is and by what was signed; one query."""
    approvals = ProbeApproval.objects.filter(
        **{f"revision__{owner.kind}": owner.pk}, revision__sha=sha_of(body)
    ).select_related("revision")
    found = "not_approved"
    last = None
    for approval in approvals:
        if not hmac.compare_digest(approval.mac, _mac(approval, sha_of(body), owner)):
            found = "forged" if last is None else found
            continue
        if approval.expires_at > now and approval.approved_at <= now + values.CLOCK_SKEW:
            return Standing("approved", approval)
        found, last = "expired", last or approval
    return Standing(found, last)


def revision_of(definition: Definition) -> ProbeRevision | None:
    """What is pinned of a command as it is now, with its author."""
    revisions = definition.revisions.filter(sha=sha_of(body_of_definition(definition)))
    return revisions.select_related("author").first()


def last_approved(definition: Definition) -> ProbeRevision | None:
    """The newest revision of a command that ever was approved, to compare with."""
    owner = owner_of(definition)
    approval = (
        ProbeApproval.objects.filter(**{f"revision__{owner.kind}": owner.pk})
        .select_related("revision")
        .order_by("-id")
        .first()
    )
    return approval.revision if approval else None


def waiting(of: QuerySet[RemediationItem], *, now: datetime) -> list[VerificationCheck]:
    """The commands of these items that wait for an approval, the oldest first."""
    checks: QuerySet[VerificationCheck] = (
        VerificationCheck.objects.filter(kind=SHELL, is_paused=False)
        .exclude(item__state=RemediationItem.State.WONT_DO)
        .filter(item__in=of)
        .select_related("item__team", "item__service")
        .order_by("id")
    )
    return unapproved(checks[:1000], now=now)


def waiting_entries(of: QuerySet[Review], *, now: datetime) -> list[ChecklistEntry]:
    """The commands in the checklists of these reviews that wait for an approval, the oldest first."""
    entries: QuerySet[ChecklistEntry] = (
        ChecklistEntry.objects.filter(kind=ChecklistEntry.Kind.COMMAND, review__in=of)
        .select_related("review")
        .order_by("id")
    )
    return unapproved(entries[:1000], now=now)


def unapproved(definitions: Iterable[_Defined], *, now: datetime) -> list[_Defined]:
    """Those whose command may not run, in their order; two queries for all."""
    rows = list(definitions)
    prefetch_related_objects(rows, "revisions__approvals", "revisions__author")
    return [row for row in rows if not _is_approved(row, now)]


def held(checks: Iterable[VerificationCheck], *, now: datetime) -> list[VerificationCheck]:
    """Those of some checks whose command would not start now: not approved, stopped, or switched off here."""
    commands = [check for check in checks if check.pipeline]
    if not settings.SHELL_PROBES_ENABLED:
        return commands
    waiting = {check.pk for check in unapproved(commands, now=now)}
    return [check for check in commands if check.pk in waiting or switched_off(teams_of(check)) is not None]


def _is_approved(definition: Definition, now: datetime) -> bool:
    """As `standing`, over what was read together."""
    owner, sha = owner_of(definition), sha_of(body_of_definition(definition))
    return any(
        approval.expires_at > now and hmac.compare_digest(approval.mac, _mac(approval, sha, owner))
        for revision in definition.revisions.all()
        if revision.sha == sha
        for approval in revision.approvals.all()
    )


def switch(*, team: Team | None, is_off: bool, reason: str, by: User, now: datetime) -> ProbeSwitch:
    """Stop all commands, or those of one team; or let them go on.

    Raises:
        NotAllowed: neither an administrator nor, for the own team and to stop, its manager.
        Invalid: they are stopped without a reason.
    """
    if not (is_off and team is not None and team.manager_id == by.pk):
        access.need(by, User.Role.ADMINISTRATOR)
    reason = values.text(reason, field="reason", longest=300, is_required=is_off).strip()
    if not isinstance(is_off, bool):
        raise Invalid(_("This must be yes or no."), field="is_off")
    with trail.act("probes.switch", by=by):
        return ProbeSwitch.objects.create(team=team, is_off=is_off, reason=reason, by=by, at=now)


def switched_off(team_ids: Collection[int] = ()) -> ProbeSwitch | None:
    """The turn of the switch that stops the commands of one of these teams; without a team that of all."""
    which = Q(team=None) | Q(team__in=team_ids)
    newest = ProbeSwitch.objects.filter(which).order_by("team_id", "-id").distinct("team_id")
    return next((turn for turn in newest if turn.is_off), None)


def refusal(owner: Owner, team_ids: Collection[int], body: str, *, now: datetime) -> tuple[str, str]:
    """Why a command must not start: a code and a sentence in English, both "" when it may.

    It is stored with the run, for readers of any language: `web.checkwords.error` says it in theirs.
    """
    if (turn := switched_off(team_ids)) is not None:
        return "switched_off", f"Commands are stopped: {turn.reason}"
    code = standing(owner, body, now=now).code
    if code == "approved":
        return "", ""
    words = {
        "not_approved": gettext_noop("Nobody but its author has approved this command yet."),
        "expired": gettext_noop("The approval of this command has expired."),
        "forged": gettext_noop("The approval of this command was not made by Closeloop; it does not count."),
    }
    return code, words[code]


def sign_template(slug: str, body: Any) -> str:
    """The signature of a template that an administrator wrote."""
    said = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _signed("template", slug, said)


def _sign(revision: ProbeRevision, *, approver: User | None, template: str, now: datetime) -> ProbeApproval:
    approval = ProbeApproval(
        revision=revision,
        author=revision.author,
        approver=approver,
        template=template,
        approved_at=now,
        expires_at=now + LASTS,
    )
    if revision.verification_check_id is not None:
        owner = Owner("verification_check", revision.verification_check_id)
    else:
        owner = Owner("checklist_entry", revision.checklist_entry_id or 0)
    approval.mac = _mac(approval, revision.sha, owner)
    approval.save(force_insert=True)
    return approval


def _mac(approval: ProbeApproval, sha: str, owner: Owner) -> str:
    return _signed(
        "approval" if owner.kind == "verification_check" else f"approval of {owner.kind}",
        sha,
        owner.pk,
        approval.author_id or 0,
        approval.approver_id or 0,
        approval.template,
        approval.approved_at.timestamp(),
        approval.expires_at.timestamp(),
    )


def _signed(*parts: object) -> str:
    said = json.dumps(parts, ensure_ascii=False).encode()
    return hmac.new(settings.PROBE_SIGNING_KEY.encode(), said, hashlib.sha256).hexdigest()
