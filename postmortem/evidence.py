"""Attach files to an entry, an incident or a step; hash them; take one off again before it counts."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, evidence_steps, filetypes, timelines, trail, values, vault
from postmortem.errors import DomainError, Invalid, NotAllowed, TooLarge
from postmortem.incidents import refuse_archived
from postmortem.models import Entry, EvidenceFile, Incident, ReviewStep, Timeline

Target = Entry | Incident | ReviewStep

# So many files hang on one record.
MAX_FILES = 50
# Characters that turn the direction of a text or cannot be seen: a label must read as it is.
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


class QuotaReached(DomainError):
    """The files of an incident, or of a review, take all the room they may; details: used, most (bytes)."""

    code = "evidence_quota"


def attach(target: Target, *, data: bytes, name: str, by: User, now: datetime) -> EvidenceFile:
    """Keep a file as evidence; what it is, is told by its bytes (see `filetypes.keep`).

    Args:
        target: an entry of one's own unfiled timeline, an incident, or an unsigned step of an open review.
        name: what the file was called; a label, never a path.

    Raises:
        Invalid: `field` is "file": empty, too large, damaged, of a type that is not kept.
        QuotaReached, NotStored: nothing was kept.
        NotAllowed, TimelineFiled, StepSigned, ReviewNotOpen, Archived: nothing was kept.
    """
    label = _label(name)
    _refuse_large(data)
    # Before the picture is drawn anew, which takes a moment, and again under the lock.
    with transaction.atomic():
        _lock(target, by=by)
    kept = _keep(data)
    with trail.act("evidence.attach", by=by):
        return _attach(target, kept, label=label, by=by, now=now)


def add_entry(
    timeline: Timeline, *, data: bytes, name: str, by: User, now: datetime, **facts: Any
) -> tuple[Entry, EvidenceFile]:
    """Write an entry on one's own timeline with a file to it, both or neither.

    Args:
        facts: as for `timelines.add`.

    Raises:
        As for `timelines.add` and `attach`.
    """
    label = _label(name)
    _refuse_large(data)
    with transaction.atomic():
        timelines.own_unfiled(timeline, by=by)
    kept = _keep(data)
    with trail.act("evidence.add_entry", by=by):
        _lock_incident(timeline.participant.incident_id)
        entry = timelines.add(timeline, **facts, by=by, now=now)
        return entry, _attach(entry, kept, label=label, by=by, now=now)


def remove(file: EvidenceFile, *, by: User, now: datetime) -> None:
    """Take a file away, as long as nothing stands on it: a filed timeline or a signed step keeps its files.

    Raises:
        NotAllowed: somebody else's file of an incident, unless one is a facilitator.
        TimelineFiled, StepSigned, ReviewNotOpen, Archived: nothing was removed.
    """
    with trail.act("evidence.remove", by=by):
        target = file.entry or file.incident or file.step
        if target is None:  # pragma: no cover - the database refuses such a row
            raise LookupError("evidence of nothing")
        _lock(target, by=by)
        if isinstance(target, Incident) and file.uploaded_by_id != by.pk:
            access.need(by, User.Role.FACILITATOR)
        _unsign_stale(target)
        EvidenceFile.objects.filter(pk=file.pk).delete()
        stored = [name for name in (file.stored_as, file.thumbnail_stored_as) if name]
        # A crash between the two leaves a file without a row, which the sweep finds; never the reverse.
        transaction.on_commit(lambda: vault.discard(stored))


def sweep(*, before: datetime) -> tuple[list[str], list[EvidenceFile]]:
    """Remove stored files that no row names, and list the rows whose file is gone.

    Args:
        before: only files written earlier are judged; younger ones may belong to an act that still runs.
    """
    stored, old = set(vault.names()), set(vault.names(before=before))
    rows = list(EvidenceFile.objects.all())
    named = {name for row in rows for name in (row.stored_as, row.thumbnail_stored_as) if name}
    orphans = sorted(old - named)
    vault.discard(orphans)
    # A file may be younger than its row: one that was restored from a copy is.
    lost = [row for row in rows if row.uploaded_at < before and row.stored_as not in stored]
    return orphans, lost


def _column(target: Target) -> str:
    return {Entry: "entry", Incident: "incident", ReviewStep: "step"}[type(target)]


def _attach(target: Target, kept: filetypes.Kept, *, label: str, by: User, now: datetime) -> EvidenceFile:
    _lock(target, by=by)
    _refuse_more(target, len(kept.data))
    _unsign_stale(target)
    with _stored(kept.data, kept.thumbnail) as (stored_as, thumbnail_stored_as):
        file = EvidenceFile(
            **{_column(target): target},
            label=label or _("File"),
            media_type=kept.media_type,
            size_bytes=len(kept.data),
            sha256=hashlib.sha256(kept.data).hexdigest(),
            width=kept.width,
            height=kept.height,
            excerpt=kept.excerpt,
            masked_count=len(kept.masked),
            stored_as=stored_as,
            thumbnail_stored_as=thumbnail_stored_as,
            uploaded_by=by,
            uploaded_at=now,
        )
        values.check(file)
        file.save(force_insert=True)
    # What was masked is said once; the row keeps how many there were.
    file.masked = kept.masked  # type: ignore[attr-defined]
    return file


def _keep(data: bytes) -> filetypes.Kept:
    kept = filetypes.keep(data, max_pixels=settings.EVIDENCE_MAX_PIXELS)
    # A picture may grow when it is drawn anew.
    _refuse_large(kept.data)
    return kept


def _lock_incident(incident_id: int) -> Incident:
    """One upload at a time for an incident, so that all keep to its quota; before any other lock."""
    return Incident.objects.select_for_update(of=("self",), no_key=True).get(pk=incident_id)


def _lock(target: Target, *, by: User) -> None:
    """Lock what the file would belong to; refuse whoever may not change it."""
    if isinstance(target, ReviewStep):
        access.need(by, User.Role.MEMBER)
        evidence_steps.look(target.review, target.kind)
        return
    incident_id = target.pk if isinstance(target, Incident) else target.timeline.participant.incident_id
    incident = _lock_incident(incident_id)
    if isinstance(target, Entry):
        timelines.own_unfiled(target.timeline, by=by)
        return
    access.need(by, User.Role.MEMBER)
    if not access.is_visible(incident, by):
        raise NotAllowed(_("Your role does not allow this."))
    refuse_archived(incident)


def _unsign_stale(target: Target) -> None:
    """Nobody signed a step with the evidence as it will be."""
    if isinstance(target, ReviewStep):
        evidence_steps.writable(target.review, target.kind)


def _refuse_more(target: Target, size: int) -> None:
    if isinstance(target, ReviewStep):
        around = Q(step__review=target.review_id)
    else:
        incident = target.pk if isinstance(target, Incident) else target.timeline.participant.incident_id
        around = Q(incident=incident) | Q(entry__timeline__participant__incident=incident)
    if EvidenceFile.objects.filter(**{_column(target): target}).count() >= MAX_FILES:
        raise Invalid(_("%(count)d files are the most.") % {"count": MAX_FILES}, field="file")
    used = EvidenceFile.objects.filter(around).aggregate(sum=Sum("size_bytes"))["sum"] or 0
    most = settings.EVIDENCE_QUOTA_BYTES
    if used + size > most:
        raise QuotaReached(
            _("The files here take %(used)d of %(most)d MB; this one is too much.")
            % {"used": used // 1_000_000, "most": most // 1_000_000},
            field="file",
            details={"used": used, "most": most},
        )


@contextmanager
def _stored(*parts: bytes) -> Iterator[list[str]]:
    """Store parts (an empty one gets no name) and take them back when what follows fails."""
    names: list[str] = []
    try:
        # Not at once: what was stored before a part that fails must be known.
        for part in parts:
            names += [vault.put(part)] if part else [""]
        yield names
    except BaseException:
        vault.discard(filter(None, names))
        raise


def _label(name: str) -> str:
    """The last part of a name, as far as it can be seen.

    Raises:
        Invalid: the name holds a NUL, which no honest file has.
    """
    if "\x00" in name:
        raise Invalid(_("The file's name holds a NUL character."), field="file")
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(letter for letter in last if unicodedata.category(letter) not in _UNSEEN)
    return seen.strip(" .")[:150]


def _refuse_large(data: bytes) -> None:
    if len(data) > settings.EVIDENCE_MAX_BYTES:
        raise TooLarge(
            _("The file is too large: %(most)d MB are the most.")
            % {"most": settings.EVIDENCE_MAX_BYTES // 1_000_000},
            field="file",
        )
