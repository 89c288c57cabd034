"""Ask a postmortem's checklist again: entries are tried when saved, and run by the same workers as checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, checklists, checkscript
from postmortem.errors import DomainError, Invalid
from postmortem.models import ChecklistEntry, Review
from remediation import approvals, verification
from remediation.checkspec import CheckSpec
from remediation.models import COMMAND_SECONDS, ChecklistRun, DataSource, VerificationCheck
from remediation.probes.result import ProbeResult

QUERY_SECONDS = 10


class ProbesOff(DomainError):
    """Commands are switched off on this installation; export the script and run it elsewhere."""

    code = "probes_off"


class NotApproved(DomainError):
    """Nobody but its author has approved this command yet, or the approval has expired."""

    code = "command_not_approved"


class SourceUnknown(DomainError):
    """The data source that the entry names is not there any more."""

    code = "source_unknown"


def add(
    review: Review, *, title: str, by: User, now: datetime, kind: str = "command", **asked: Any
) -> ChecklistEntry:
    """Add an entry, a query only after it was tried once: see `postmortem.checklists.add`.

    A command is pinned with its author; it runs once an administrator who did not write it has approved it.

    Raises:
        Invalid: also when there is no such data source, or Prometheus calls the expression wrong.
    """
    access.need(by, User.Role.MEMBER)
    trial(kind=kind, **asked)
    with transaction.atomic():
        entry = checklists.add(review, title=title, kind=kind, by=by, now=now, **asked)
        approvals.propose(entry, by=by, now=now)
    return entry


def edit(
    entry: ChecklistEntry,
    *,
    title: str,
    version: int,
    by: User,
    now: datetime,
    kind: str = "command",
    **asked: Any,
) -> ChecklistEntry:
    """Define an entry anew, a query only after it was tried once: see `postmortem.checklists.edit`."""
    access.need(by, User.Role.MEMBER)
    trial(kind=kind, **asked)
    return define(entry, title=title, version=version, kind=kind, by=by, now=now, **asked)


def define(entry: ChecklistEntry, *, by: User, now: datetime, **asked: Any) -> ChecklistEntry:
    """Define an entry anew without trying it, and pin its command with whoever wrote it."""
    with transaction.atomic():
        entry = checklists.edit(entry, by=by, now=now, **asked)
        approvals.propose(entry, by=by, now=now)
    return entry


def trial(*, kind: str, **asked: Any) -> ProbeResult | None:
    """Ask once what a query would find, before it is saved; None for a command, which only a worker runs.

    Raises:
        Invalid: a value breaks a rule, there is no such source, or Prometheus calls the expression wrong.
    """
    columns = checklists.sound(kind=kind, **asked)
    if kind != ChecklistEntry.Kind.PROMQL:
        return None
    source = DataSource.objects.filter(name=columns["source_name"]).first()
    if source is None:
        raise Invalid(_("There is no such data source."), field="source_name")
    spec = CheckSpec(
        data_source_id=source.pk,
        promql=columns["promql"],
        comparator=columns["comparator"],
        threshold=columns["threshold"],
    )
    return verification.trial(spec)


def run_now(entry: ChecklistEntry, *, by: User, now: datetime) -> ChecklistRun:
    """Queue a run of one entry and wake a worker; an unfinished run is returned instead of a second.

    Before the archive and after it: a run is no part of what a postmortem says.

    Raises:
        NotAllowed: `by` is a viewer.
        ProbesOff: it is a command, and those are switched off here.
        NotApproved: it is a command that nobody but its author has approved.
        SourceUnknown: its data source is gone; nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    entry = ChecklistEntry.objects.get(pk=entry.pk)
    columns = _asked(entry, now=now)
    run = ChecklistRun(
        review_id=entry.review_id,
        entry=entry,
        entry_version=entry.version,
        title=entry.title,
        requested_by=by,
        queued_at=now,
        **columns,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        waiting = ChecklistRun.objects.filter(entry=entry, finished_at=None).first()
        if waiting is None:
            raise
        run = waiting
    verification.wake(run.kind)
    return run


def run_all(review: Review, *, by: User, now: datetime) -> list[ChecklistRun]:
    """Queue a run of each entry that can be run here.

    Raises:
        ProbesOff, NotApproved, SourceUnknown: none of them can; nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    queued: list[ChecklistRun] = []
    refusal: DomainError | None = None
    for entry in review.checklist.order_by("position"):
        try:
            queued.append(run_now(entry, by=by, now=now))
        except (ProbesOff, NotApproved, SourceUnknown) as problem:
            refusal = problem
    if refusal is not None and not queued:
        raise refusal
    return queued


def latest(entries: Iterable[ChecklistEntry]) -> dict[int, ChecklistRun]:
    """The newest run of each entry, finished or not, by the entry's id."""
    rows = (
        ChecklistRun.objects.filter(entry__in=[entry.pk for entry in entries])
        .select_related("requested_by")
        .order_by("entry_id", "-id")
        .distinct("entry_id")
    )
    return {row.entry_id: row for row in rows}


def unapproved(entries: Iterable[ChecklistEntry], *, now: datetime) -> list[ChecklistEntry]:
    """Those whose command nobody but its author has approved, or whose approval has expired."""
    command = ChecklistEntry.Kind.COMMAND
    return approvals.unapproved([entry for entry in entries if entry.kind == command], now=now)


def exported(review: Review) -> list[checkscript.Entry]:
    """The checklist as the exports take it."""
    names = [one.name for one in fields(checkscript.Entry)]
    return [checkscript.Entry(**row) for row in review.checklist.order_by("position").values(*names)]


def _asked(entry: ChecklistEntry, *, now: datetime) -> dict[str, Any]:
    if entry.kind == ChecklistEntry.Kind.COMMAND:
        if not settings.SHELL_PROBES_ENABLED:
            raise ProbesOff(_("Commands are switched off on this installation; export the script instead."))
        stands = approvals.standing(approvals.owner_of(entry), approvals.body_of_entry(entry), now=now)
        if stands.code != "approved":
            # The worker reckons it anew; here it is only said early.
            raise NotApproved(
                _("This command waits for an administrator who did not write it."),
                details={"standing": stands.code},
            )
        return {
            "kind": VerificationCheck.Kind.SHELL,
            "pipeline": entry.pipeline,
            "expectation": entry.expectation,
            "pattern": entry.pattern,
            "timeout_seconds": COMMAND_SECONDS,
        }
    source = DataSource.objects.filter(name=entry.source_name).first()
    if source is None:
        raise SourceUnknown(
            _("The data source “%(name)s” is not there any more.") % {"name": entry.source_name},
            details={"source": entry.source_name},
        )
    return {
        "kind": VerificationCheck.Kind.PROMETHEUS,
        "data_source": source,
        "promql": entry.promql,
        "comparator": entry.comparator,
        "threshold": entry.threshold,
        "timeout_seconds": QUERY_SECONDS,
    }
