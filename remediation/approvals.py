"""Which commands may run: what exactly, until when, who says so, and whether the switch is on.

A check's command is pinned by a hash of all that decides what it does. It runs only while an approval of
that hash holds, made by an administrator who did not write it, or by a template of the catalogue. Approvals
are signed with a key that only the web processes and the probe worker hold, and the worker reckons hash and
signature anew before each start: whoever can write to the database alone makes nothing run (docs/adr/0026).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Team, User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from remediation.models import ProbeApproval, ProbeRevision, ProbeSwitch, RemediationItem, VerificationCheck

LASTS = timedelta(days=90)
SHELL = VerificationCheck.Kind.SHELL


class OwnCommand(DomainError):
    """Whoever wrote a command does not approve it."""

    code = "own_command"


class NotWhatWasRead(DomainError):
    """The command changed since it was read; details: `sha`, of what it is now."""

    code = "command_changed"


class NoCommand(DomainError):
    """This check runs no command."""

    code = "no_command"


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
) -> str:
    """All that decides what a command does, as canonical JSON."""
    body = {
        "expectation": expectation,
        "form": 1,
        "network": "none",
        "pattern": pattern,
        "pipeline": [list(argv) for argv in pipeline or []],
        "reads": reads,
        "timeout_seconds": timeout_seconds,
    }
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def body_of_check(check: VerificationCheck) -> str:
    return body_of(
        pipeline=check.pipeline,
        reads=check.reads,
        expectation=check.shell_expectation,
        pattern=check.pattern,
        timeout_seconds=check.timeout_seconds,
    )


def sha_of(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def propose(check: VerificationCheck, *, by: User | None, now: datetime) -> ProbeRevision | None:
    """Pin what a check's command is now; call it in the act that changed it. None for no command.

    A command that a template made is approved at once: whoever wrote the template has answered for it.
    """
    if check.kind != SHELL:
        return None
    body = body_of_check(check)
    revision, _is_new = ProbeRevision.objects.get_or_create(
        verification_check=check,
        sha=sha_of(body),
        defaults={"body": body, "author": by, "template": check.template, "created_at": now},
    )
    if check.template and standing(check.pk, body, now=now).code != "approved":
        _sign(revision, approver=None, template=check.template, now=now)
    return revision


def approve(check: VerificationCheck, *, sha: str, by: User, now: datetime) -> ProbeApproval:
    """Let a check's command run for 90 days.

    Args:
        sha: of the command as it was read.

    Raises:
        NotAllowed: not an administrator.
        OwnCommand: `by` wrote it.
        NotWhatWasRead: it is another one by now.
        NoCommand: the check runs none.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act("probes.approve", by=by):
        check = VerificationCheck.objects.select_for_update(of=("self",)).get(pk=check.pk)
        if check.kind != SHELL:
            raise NoCommand(_("This check runs no command."))
        body = body_of_check(check)
        if not isinstance(sha, str) or not hmac.compare_digest(
            sha_of(body).encode(), sha.encode("utf-8", "replace")
        ):
            raise NotWhatWasRead(
                _("The command changed since you read it. Read it again."), details={"sha": sha_of(body)}
            )
        revision, _is_new = ProbeRevision.objects.get_or_create(
            verification_check=check, sha=sha, defaults={"body": body, "author": None, "created_at": now}
        )
        if revision.author_id == by.pk:
            raise OwnCommand(_("You wrote this command: another administrator approves it."))
        return _sign(revision, approver=by, template="", now=now)


def standing(check_id: int, body: str, *, now: datetime) -> Standing:
    """Whether a command may run, by what it is and by what was signed; one query."""
    approvals = ProbeApproval.objects.filter(
        revision__verification_check=check_id, revision__sha=sha_of(body)
    ).select_related("revision", "approver")
    found = "not_approved"
    last = None
    for approval in approvals:
        if not hmac.compare_digest(approval.mac, _mac(approval, sha_of(body))):
            found = "forged" if last is None else found
            continue
        if approval.expires_at > now and approval.approved_at <= now + values.CLOCK_SKEW:
            return Standing("approved", approval)
        found, last = "expired", last or approval
    return Standing(found, last)


def last_approved(check: VerificationCheck) -> ProbeRevision | None:
    """The newest revision of a check that ever was approved, to compare with."""
    approval = (
        ProbeApproval.objects.filter(revision__verification_check=check)
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
        .prefetch_related("revisions__approvals", "revisions__author")
        .order_by("id")
    )
    return [check for check in checks[:1000] if not _is_approved(check, now)]


def _is_approved(check: VerificationCheck, now: datetime) -> bool:
    """As `standing`, over what was read together."""
    sha = sha_of(body_of_check(check))
    return any(
        approval.expires_at > now and hmac.compare_digest(approval.mac, _mac(approval, sha, check.pk))
        for revision in check.revisions.all()
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


def switched_off(team_id: int | None = None) -> ProbeSwitch | None:
    """The turn of the switch that stops a team's commands, if one does; without a team that of all."""
    which = Q(team=None) if team_id is None else Q(team=None) | Q(team=team_id)
    newest = ProbeSwitch.objects.filter(which).order_by("team_id", "-id").distinct("team_id")
    return next((turn for turn in newest if turn.is_off), None)


def refusal(check_id: int, team_id: int, body: str, *, now: datetime) -> tuple[str, str]:
    """Why a command must not start: a code and a sentence, both "" when it may."""
    if (turn := switched_off(team_id)) is not None:
        return "switched_off", f"Commands are stopped: {turn.reason}"
    code = standing(check_id, body, now=now).code
    if code == "approved":
        return "", ""
    words = {
        "not_approved": "Nobody but its author has approved this command yet.",
        "expired": "The approval of this command has expired.",
        "forged": "The approval of this command was not made by Closeloop; it does not count.",
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
    approval.mac = _mac(approval, revision.sha, revision.verification_check_id)
    approval.save(force_insert=True)
    return approval


def _mac(approval: ProbeApproval, sha: str, check_id: int | None = None) -> str:
    return _signed(
        "approval",
        sha,
        check_id if check_id is not None else approval.revision.verification_check_id,
        approval.author_id or 0,
        approval.approver_id or 0,
        approval.template,
        approval.approved_at.timestamp(),
        approval.expires_at.timestamp(),
    )


def _signed(*parts: object) -> str:
    said = json.dumps(parts, ensure_ascii=False).encode()
    return hmac.new(settings.PROBE_SIGNING_KEY.encode(), said, hashlib.sha256).hexdigest()
