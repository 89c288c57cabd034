"""Take in a postmortem that was written elsewhere: read it, and file it once a person has confirmed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, incidents, markup, reviews, secrets, timelines, trail, values
from postmortem.causes import MAX_CAUSES, MAX_WHY, MAX_WHY_EVIDENCE
from postmortem.errors import DomainError, Invalid
from postmortem.importing import exported, placing, reader
from postmortem.importing.draft import Action, Cause, Draft, DraftEntry, Moment
from postmortem.importing.lines import normalised
from postmortem.models import (
    EARLIEST,
    MAX_NOTES,
    MAX_SOURCE,
    MAX_TEXT,
    Entry,
    ImportedDocument,
    Incident,
    IncidentService,
    Participant,
    Review,
    RootCause,
    Service,
    Severity,
)

LONGEST_STATEMENT = 4000


class AlreadyAccepted(DomainError):
    """The document became a review before; details name it: `review`."""

    code = "already_accepted"


class NotSure(DomainError):
    """Facts that an acceptance needs are doubtful, and nobody settled them."""

    code = "not_sure"


def decoded(data: bytes) -> str:
    """The text of a file.

    Raises:
        Invalid: too large, not UTF-8, or with NUL characters; `field` is "file".
    """
    if len(data) > MAX_SOURCE:
        raise Invalid(
            _("The document has %(size)d KB; %(most)d KB is the most.")
            % {"size": len(data) // 1024 + 1, "most": MAX_SOURCE // 1024},
            field="file",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            _("The document is not UTF-8: byte %(place)d cannot be read. Save it as UTF-8.")
            % {"place": error.start},
            field="file",
        ) from error
    if "\x00" in text:
        raise Invalid(_("The document holds a NUL character: it is no text."), field="file")
    return text


def add(*, source: str, by: User, now: datetime, file_name: str = "") -> ImportedDocument:
    """Keep a document and the draft that is read from it; secrets in it are masked before.

    Raises:
        Invalid: empty, too long, or with characters no database takes.
        NotAllowed: a viewer.
    """
    access.need(by, User.Role.MEMBER)
    values.text(source, field="source", longest=MAX_SOURCE, is_required=True)
    if len(source.encode()) > MAX_SOURCE:
        raise Invalid(
            _("The document has more than %(most)d KB.") % {"most": MAX_SOURCE // 1024}, field="source"
        )
    file_name = values.text(file_name, field="file_name", longest=200)
    text, masked = secrets.mask(normalised(source))
    draft = read(text, file_name=file_name)
    with trail.act("imports.add", by=by):
        document = ImportedDocument(
            public_id=trail.next_public_id("IMP", now=now),
            file_name=file_name,
            source=text,
            masked_count=masked,
            draft=draft.as_json(),
            imported_by=by,
            imported_at=now,
        )
        document.save(force_insert=True)
    return document


def read(text: str, *, file_name: str = "") -> Draft:
    """The draft of a document: exactly, where it is an export of ours, else as well as it can be read."""
    known = list(Service.objects.values_list("slug", flat=True))
    text = normalised(text)
    return exported.read(text, services=known) or reader.read(text, filename=file_name, services=known)


def discard(document: ImportedDocument, *, by: User, now: datetime) -> None:
    """Throw away a document that became nothing.

    Raises:
        AlreadyAccepted: it became a review.
    """
    with trail.act("imports.discard", by=by):
        _locked(document).delete()


@dataclass(frozen=True)
class Event:
    """An entry of the draft as it will stand on the timeline; `at` None: nobody settled its moment."""

    number: int
    entry: DraftEntry
    at: datetime | None
    zone: str


def events(draft: Draft, *, zone: str, settled: Mapping[int, datetime], now: datetime) -> list[Event]:
    """The entries with their moments: as the document states them surely, or as a person settled them."""
    found = []
    for number, entry in enumerate(draft.entries):
        own = entry.moment.zone or zone
        at = settled.get(number) or moment_at(entry.moment, zone=zone)
        if at is not None and not EARLIEST <= at <= now:
            at = None
        found.append(Event(number, entry, at, own))
    return found


def moment_at(moment: Moment | None, *, zone: str) -> datetime | None:
    """The moment in UTC, when it is sure and the clocks of its zone showed it exactly once.

    Args:
        zone: holds where the document states none; "" when nobody knows.
    """
    name = (moment.zone if moment else "") or zone
    if moment is None or not moment.is_sure or not name:
        return None
    local = datetime.fromisoformat(moment.local)
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    try:
        first, second = (local.replace(tzinfo=ZoneInfo(name), fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:
        return None
    return first if first == second else None


def accept(
    document: ImportedDocument,
    *,
    title: str,
    severity: Severity,
    services: Sequence[tuple[Service, str]],
    started_at: datetime,
    zone: str,
    by: User,
    now: datetime,
    detected_at: datetime | None = None,
    resolved_at: datetime | None = None,
    is_restricted: bool = False,
    settled: Mapping[int, datetime] | None = None,
) -> ImportedDocument:
    """Make of a document an incident, its review, and the importer's own timeline, which is not filed yet.

    Findings, lessons and causes (as hypotheses) stand where their headings say; everything else, proposed
    actions and entries without a settled moment included, stands in the notes of the review.

    Args:
        zone: IANA name; for entries whose zone the document does not state.
        settled: number of an entry in the draft -> the moment a person gave it.

    Raises:
        AlreadyAccepted: nothing was written; nor after any other refusal.
        Invalid: `field` names the fact that is wrong.
        NotAllowed: a viewer, or somebody else's document.
    """
    access.need(by, User.Role.MEMBER)
    _check_zone(zone)
    with trail.act("imports.accept", by=by):
        document = _locked(document)
        draft = Draft.from_json(document.draft)
        happened = events(draft, zone=zone, settled=settled or {}, now=now)
        on_timeline = _that_fit(draft, happened)
        texts = _fitting(draft, {one.number for one in happened} - {one.number for one in on_timeline})
        incident = incidents.declare(
            title=title,
            severity=severity,
            services=services,
            started_at=started_at,
            detected_at=detected_at,
            resolved_at=resolved_at,
            is_restricted=is_restricted,
            summary=texts.summary,
            participants=[(by, Participant.Role.SCRIBE)],
            by=by,
            now=now,
            **_figures(draft),
        )
        _write_timeline(incident, draft, on_timeline, by=by, now=now)
        review = reviews.create(incidents=[incident], title=title, owner=by, facilitator=by, by=by, now=now)
        _write_review(review, texts, now=now)
        document.incident, document.review, document.accepted_at = incident, review, now
        document.save(update_fields=["incident", "review", "accepted_at"])
    return document


def suggested_services(draft: Draft) -> list[tuple[Service, str]]:
    """The services that the document names surely, the first as the origin."""
    names = [said.value for said in draft.services if said.is_sure]
    found = {service.slug: service for service in Service.objects.filter(slug__in=names)}
    parts = draft.extra.get("parts", {})
    origin = next((name for name in names if parts.get(name) == "origin"), names[0] if names else "")
    return [
        (found[name], IncidentService.Part.ORIGIN if name == origin else IncidentService.Part.AFFECTED)
        for name in names
        if name in found
    ]


def overdue_since(started_at: datetime, severity: Severity, *, now: datetime) -> datetime | None:
    """When the review of an incident that is taken in now was due, if that is over; None where it is not.

    Such a review is breached from its first moment on, and the audits of its services fail until it is
    archived.
    """
    if not severity.requires_postmortem:
        return None
    due_at = Incident(started_at=started_at, severity=severity).review_due_at
    return due_at if due_at < now else None


def proposed(review: Review) -> list[Action]:
    """The actions that the documents of a review propose and do not call done, in their order."""
    drafts = review.imported_from.order_by("id").values_list("draft__actions", flat=True)
    return [Action.from_json(action) for actions in drafts for action in actions if not action["is_done"]]


def _locked(document: ImportedDocument) -> ImportedDocument:
    document = (
        ImportedDocument.objects.select_for_update(of=("self",)).select_related("review").get(pk=document.pk)
    )
    if document.review is not None:
        raise AlreadyAccepted(
            _("%(id)s became %(review)s already.") % {"id": document, "review": document.review},
            details={"review": document.review.public_id},
        )
    return document


def _check_zone(zone: str) -> None:
    if not zone:
        raise Invalid(_("Say in which time zone the document was written."), field="zone")
    values.text(zone, field="zone", longest=64)
    if zone not in available_timezones():
        raise Invalid(_("“%(name)s” is not an IANA time zone.") % {"name": zone}, field="zone")


def texts_of(draft: Draft, entries: Sequence[DraftEntry]) -> list[str]:
    """What each entry says where it is shown: an export of ours as it stands, others in plain words."""
    if draft.extra.get("exact"):
        return [entry.text for entry in entries]
    addresses = placing.addresses_of(draft)
    return [placing.entry_text(entry, addresses) for entry in entries]


def _that_fit(draft: Draft, happened: Sequence[Event]) -> list[Event]:
    """The events that a timeline takes; the others stay in the notes."""
    texts = texts_of(draft, [one.entry for one in happened])
    fit = [
        one
        for one, text in zip(happened, texts, strict=True)
        if one.at is not None and 0 < len(text) <= MAX_TEXT
    ]
    return fit[: timelines.MAX_ENTRIES]


def _fitting(draft: Draft, unsettled: set[int]) -> placing.Placed:
    """The texts by field; one that its field would refuse is in the notes instead, in a fence."""
    texts = placing.placed(
        draft,
        unsettled=unsettled,
        heading=_("Entries without a settled time"),
        times_heading=_("Times as written"),
    )
    overflow: list[str] = []

    def kept(text: str) -> str:
        if _is_renderable(text):
            return text
        fence = "`" * max(3, _longest_run(text) + 1)
        overflow.append(f"{fence}\n{text}\n{fence}")
        return ""

    summary = kept(texts.summary)
    findings = {step: kept(text) for step, text in texts.findings.items()}
    evidence = {step: kept(text) for step, text in texts.evidence.items()}
    lessons = {name: kept(text) for name, text in texts.lessons.items()}
    causes = [replace(one, evidence=kept(one.evidence)) for one in texts.causes if _is_fit(one)]
    unfit = [one for one in texts.causes if not _is_fit(one)]
    overflow += [_as_text(one) for one in (*unfit, *causes[MAX_CAUSES:])]
    notes = "\n\n".join([part for part in (texts.notes, *overflow) if part])
    return placing.Placed(summary, findings, lessons, tuple(causes[:MAX_CAUSES]), notes, evidence)


def _is_fit(cause: Cause) -> bool:
    return len(cause.statement) <= LONGEST_STATEMENT and all(
        len(link["why"]) <= MAX_WHY and len(link["evidence"]) <= MAX_WHY_EVIDENCE for link in cause.whys
    )


def _as_text(cause: Cause) -> str:
    whys = [text for link in cause.whys for text in (link["why"], link["evidence"])]
    return "\n\n".join(placing.closed(text) for text in (cause.statement, cause.evidence, *whys) if text)


def _is_renderable(text: str) -> bool:
    try:
        markup.stored(text)
    except Invalid:
        return False
    return len(text) <= MAX_TEXT


def _longest_run(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def _figures(draft: Draft) -> dict[str, Any]:
    """Facts that only an export of ours states."""
    found: dict[str, Any] = dict(draft.extra.get("incident", {}))
    for name in ("acknowledged_at", "mitigated_at"):
        if name in found:
            found[name] = datetime.fromisoformat(found[name])
    for name in ("failure_percent", "loss_amount"):
        if name in found:
            found[name] = Decimal(str(found[name]))
    return found


def _write_timeline(
    incident: Incident, draft: Draft, happened: Sequence[Event], *, by: User, now: datetime
) -> None:
    timeline = timelines.open_for(incident.participants.get(user=by))
    entries = [
        {
            "text": text,
            "happened_at": one.at,
            "zone": one.zone,
            "kind": Entry.Kind.NOTE,
        }
        for one, text in zip(happened, texts_of(draft, [one.entry for one in happened]), strict=True)
    ]
    if entries:
        timelines.add_many(timeline, entries=entries, by=by, now=now)


def _write_review(review: Review, texts: placing.Placed, *, now: datetime) -> None:
    """What the document says about the review; its steps are written although it is not open yet."""
    steps = list(review.steps.all())
    for step in steps:
        step.finding = texts.findings.get(step.kind, "")
        step.evidence = texts.evidence.get(step.kind, "")
        markup.keep(step, "finding", "evidence")
        step.save(update_fields=["finding", "finding_html", "evidence", "evidence_html"])
    for name, text in texts.lessons.items():
        setattr(review, name, text)
    review.notes = values.text(texts.notes, field="notes", longest=MAX_NOTES)
    markup.keep(review, *texts.lessons)
    review.notes_html = markup.stored_if_possible(review.notes)
    review.save(
        update_fields=[*texts.lessons, *(f"{name}_html" for name in texts.lessons), "notes", "notes_html"]
    )
    causes = [
        RootCause(
            review=review,
            part=one.part,
            statement=one.statement,
            evidence=one.evidence,
            whys=list(one.whys),
            created_at=now,
        )
        for one in texts.causes
    ]
    for cause in causes:
        markup.keep(cause, "evidence")
    RootCause.objects.bulk_create(causes)
