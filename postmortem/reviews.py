"""The four-step review: open it, write and sign the steps in order, reopen one, archive it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, document, markup, pipelines, timelines, trail, values, wording
from postmortem.causes import StepSigned, open_review
from postmortem.errors import Archived, DomainError, EditConflict, Invalid
from postmortem.models import ChecklistEntry, Incident, Review, ReviewStep, RootCause

MAX_CHECKLIST = 100

content = document.content


class AlreadyReviewed(DomainError):
    """An incident has a review already; details name it: `review`."""

    code = "already_reviewed"


class AlreadyOpen(DomainError):
    """The review was opened before."""

    code = "already_open"


class TimelinesMissing(DomainError):
    """Some have neither filed nor been excused; details["participants"]: {id, name, incident}."""

    code = "timelines_missing"


class StepOutOfOrder(DomainError):
    """An earlier step is unsigned; details["unsigned"] lists positions."""

    code = "step_out_of_order"


class StepNotSigned(DomainError):
    """Only a signed step can be reopened."""

    code = "step_not_signed"


class EvidenceMissing(DomainError):
    """A step lacks its finding or its evidence; details["fields"] names them."""

    code = "evidence_missing"


class VagueWording(DomainError):
    """A step says what nobody can check; details["spans"]: {field, start, end, phrase, why, suggestion}."""

    code = "vague_wording"


class CauseUnverified(DomainError):
    """Step 4 is signed over a verified primary root cause only."""

    code = "cause_unverified"


class NotArchivable(DomainError):
    """Something is missing; details["gaps"]: {code, message, where}."""

    code = "not_archivable"


@dataclass(frozen=True)
class Gap:
    """One thing a review lacks before it can be archived.

    Attributes:
        code: stable, for programs.
        message: one translated sentence.
        where: the place to mend it: "timelines", "steps/1" to "steps/4", "causes", "checklist" or "items".
    """

    code: str
    message: str
    where: str


def create(
    *, incidents: Sequence[Incident], title: str, owner: User, facilitator: User, by: User, now: datetime
) -> Review:
    """Begin the review of one or more incidents: its four empty steps. It opens once the timelines are in.

    Raises:
        Invalid: no incident, a dismissed one, or an inactive person.
        AlreadyReviewed, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    for field, person in (("owner", owner), ("facilitator", facilitator)):
        if not isinstance(person, User):
            raise Invalid(_("This is not a person."), field=field)
        if not person.is_at_least(User.Role.MEMBER):
            raise Invalid(_("%(name)s is inactive or a viewer.") % {"name": person}, field=field)
    if not incidents:
        raise Invalid(_("Name at least one incident."), field="incidents")
    with trail.act("reviews.create", by=by):
        ids = [incident.pk for incident in incidents]
        reviewed = list(
            Incident.objects.select_for_update(of=("self",))
            .select_related("review")
            .filter(pk__in=ids)
            .order_by("pk")
        )
        for incident in reviewed:
            _refuse_review_of(incident)
        review = Review(title=title, owner=owner, facilitator=facilitator, created_at=now)
        review.public_id = trail.next_public_id("PM", now=now)
        values.check(review)
        review.save(force_insert=True)
        ReviewStep.objects.bulk_create(
            ReviewStep(review=review, position=position, kind=kind)
            for position, kind in enumerate(ReviewStep.Kind.values, start=1)
        )
        Incident.objects.filter(pk__in=ids).update(review=review)
    return review


def _refuse_review_of(incident: Incident) -> None:
    if incident.review is not None:
        raise AlreadyReviewed(
            _("%(incident)s is reviewed in %(review)s.")
            % {"incident": incident.public_id, "review": incident.review.public_id},
            field="incidents",
            details={"review": incident.review.public_id},
        )
    if incident.dismissed_as:
        raise Invalid(_("%(incident)s was dismissed.") % {"incident": incident.public_id}, field="incidents")


def open(review: Review, *, by: User, now: datetime) -> Review:  # noqa: A001 (the field's word)
    """Open the review, once every participant has filed a timeline or is excused (R1).

    Raises:
        TimelinesMissing: names who has not.
        AlreadyOpen, Archived, NotAllowed: nothing was written.
    """
    _need_facilitator(review, by)
    with trail.act("reviews.open", by=by):
        review = _locked(review)
        if review.opened_at is not None:
            raise AlreadyOpen(_("%(id)s is open.") % {"id": review.public_id})
        if missing := timelines.missing(list(review.incidents.all())):
            names = ", ".join(str(participant.user) for participant in missing)
            raise TimelinesMissing(
                _("The timelines of these participants are missing: %(names)s.") % {"names": names},
                details={
                    "participants": [
                        {"id": one.pk, "name": one.user.name, "incident": one.incident.public_id}
                        for one in missing
                    ]
                },
            )
        review.opened_at = now
        review.save(update_fields=["opened_at"])
    return review


def write(
    step: ReviewStep, *, finding: str, evidence: str, version: int, by: User, now: datetime
) -> ReviewStep:
    """Save the texts of a step; a draft may say anything.

    Args:
        version: of the step as the writer read it.

    A step that became stale loses its old signature with the first change: nobody signed the new text.

    Raises:
        EditConflict: somebody saved meanwhile.
        StepSigned: reopen it first.
        Invalid, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    texts = {
        "finding": values.text(finding, field="finding"),
        "evidence": values.text(evidence, field="evidence"),
    }
    rendered = {field: markup.render(text, field=field) for field, text in texts.items()}
    with trail.act("reviews.write", by=by):
        step = _locked_step(step)
        if step.is_signed:
            raise _step_signed(step)
        _refuse_older(step, texts, version)
        if texts != {"finding": step.finding, "evidence": step.evidence}:
            step.signed_at, step.signed_by, step.is_stale = None, None, False
            step.finding, step.evidence = texts["finding"], texts["evidence"]
            step.finding_html, step.evidence_html = rendered["finding"], rendered["evidence"]
            step.version += 1
            step.save()
    return step


def write_lessons(
    review: Review, *, went_well: str, went_badly: str, luck: str, version: int, by: User, now: datetime
) -> Review:
    """Save what went well, what went badly and where luck played in.

    Raises:
        EditConflict: somebody saved meanwhile.
        Invalid, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    texts = {"went_well": went_well, "went_badly": went_badly, "luck": luck}
    for field, text in texts.items():
        # Pages render these when shown, so what cannot be rendered must not be stored.
        markup.render(values.text(text, field=field), field=field)
    with trail.act("reviews.write_lessons", by=by):
        review = open_review(review)
        _refuse_older(review, texts, version)
        if any(getattr(review, field) != text for field, text in texts.items()):
            values.fill(review, texts, allowed=frozenset(texts))
            review.version += 1
            review.save(update_fields=[*texts, "version"])
    return review


def sign(step: ReviewStep, *, by: User, now: datetime) -> ReviewStep:
    """Accept one step, which opens the next (R2).

    Args:
        step: any of the four; re-read under a lock, a stale instance is fine.

    Raises:
        StepOutOfOrder: an earlier step is unsigned or stale.
        StepSigned: it is signed already.
        EvidenceMissing: it lacks its finding or its evidence.
        VagueWording: it says "probably" and the like (R3); details show where.
        CauseUnverified: step 4 without a verified primary root cause.
        ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("reviews.sign", by=by):
        # Two people may press the button at once: the review's lock lets the second see the first.
        step = _locked_step(step)
        if step.is_signed:
            raise _step_signed(step)
        earlier = ReviewStep.objects.filter(review=step.review, position__lt=step.position)
        if unsigned := [one.position for one in earlier if not one.is_signed]:
            raise StepOutOfOrder(
                _("Sign step %(positions)s first.") % {"positions": ", ".join(map(str, unsigned))},
                details={"unsigned": unsigned},
            )
        _refuse_unfit(step)
        step.signed_at, step.signed_by, step.is_stale = now, by, False
        step.save(update_fields=["signed_at", "signed_by", "is_stale"])
    return step


def _refuse_unfit(step: ReviewStep) -> None:
    texts = {"finding": step.finding, "evidence": step.evidence}
    if empty := [field for field, text in texts.items() if not text.strip()]:
        raise EvidenceMissing(
            _("A step is signed with a finding and its evidence."), field=empty[0], details={"fields": empty}
        )
    if spans := vague_spans(step):
        phrases = ", ".join(dict.fromkeys(f"“{span['phrase']}”" for span in spans))
        raise VagueWording(
            _("Vague wording blocks the signature: %(phrases)s.") % {"phrases": phrases},
            field=spans[0]["field"],
            details={"spans": spans},
        )
    if step.kind == ReviewStep.Kind.ROOT_CAUSE and not _primary_is_verified(step.review):
        raise CauseUnverified(_("Name a primary root cause and verify it first."))


def vague_spans(step: ReviewStep) -> list[dict[str, Any]]:
    """Where a step is vague: {field, start, end, phrase, why, suggestion}; offsets in code points."""
    return [
        {
            "field": field,
            "start": vague.start,
            "end": vague.end,
            "phrase": vague.phrase,
            "why": _(vague.why),
            "suggestion": _(vague.suggestion),
        }
        for field in ("finding", "evidence")
        for vague in wording.find(getattr(step, field))
    ]


def reopen(step: ReviewStep, *, reason: str, by: User, now: datetime) -> ReviewStep:
    """Take a signature back, so that the step can change; later signatures become stale (R2).

    Raises:
        Invalid: no reason.
        StepNotSigned, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("reviews.reopen", by=by):
        step = _locked_step(step)
        if step.signed_at is None:
            raise StepNotSigned(_("Step %(position)d is not signed.") % {"position": step.position})
        step.signed_at, step.signed_by, step.is_stale, step.reopened_because = None, None, False, reason
        step.save(update_fields=["signed_at", "signed_by", "is_stale", "reopened_because"])
        ReviewStep.objects.filter(
            review=step.review, position__gt=step.position, signed_at__isnull=False
        ).update(is_stale=True)
    return step


def add_checklist_entry(
    review: Review, *, title: str, pipeline: object, expectation: str, by: User, now: datetime
) -> ChecklistEntry:
    """Add a command that anybody can run to see whether the ground still holds (R6).

    Args:
        pipeline: a list of argument lists, or the line as people write it (see `pipelines.parse`).
        expectation: "match", "no_match" or "success".

    Raises:
        Invalid, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    commands = pipelines.parse(pipeline) if isinstance(pipeline, str) else pipelines.check(pipeline)
    with trail.act("reviews.add_checklist_entry", by=by):
        review = open_review(review)
        positions = list(review.checklist.values_list("position", flat=True))
        if len(positions) >= MAX_CHECKLIST:
            raise Invalid(_("%(count)d entries are the most.") % {"count": MAX_CHECKLIST}, field="pipeline")
        entry = ChecklistEntry(review=review, title=title, pipeline=commands, expectation=expectation)
        entry.position = max(positions, default=0) + 1
        values.check(entry)
        entry.save(force_insert=True)
    return entry


def remove_checklist_entry(entry: ChecklistEntry, *, by: User, now: datetime) -> None:
    """Take an entry off the checklist; the trail keeps it.

    Raises:
        ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("reviews.remove_checklist_entry", by=by):
        open_review(entry.review)
        ChecklistEntry.objects.filter(pk=entry.pk).delete()


def gaps(review: Review) -> list[Gap]:
    """What the review itself still lacks before it can be archived; `plan.gaps` adds what its items lack."""
    found: list[Gap] = []
    if review.opened_at is None:
        found.append(Gap("not_open", _("The review is not open."), "steps/1"))
    for participant in timelines.missing(list(review.incidents.all())):
        message = _("The timeline of %(name)s is missing.") % {"name": participant.user}
        found.append(Gap("timelines_missing", message, "timelines"))
    for step in review.steps.all():
        if not step.is_signed:
            template = (
                _("Step %(position)d is stale.") if step.is_stale else _("Step %(position)d is not signed.")
            )
            found.append(
                Gap("step_unsigned", template % {"position": step.position}, f"steps/{step.position}")
            )
    primary = review.causes.filter(is_primary=True).first()
    if primary is None:
        found.append(Gap("primary_cause_missing", _("No primary root cause is named."), "causes"))
    elif primary.state != RootCause.State.VERIFIED:
        found.append(Gap("cause_unverified", _("The primary root cause is not verified."), "causes"))
    if not review.checklist.exists():
        found.append(Gap("checklist_empty", _("The checklist has no entry."), "checklist"))
    return found


def archive(review: Review, *, gaps: Sequence[Gap], by: User, now: datetime) -> Review:
    """Make the review a postmortem: read-only, with a hash of its content.

    Args:
        gaps: what the plan still lacks, from `plan.gaps`; the review's own are looked up again here.

    Raises:
        NotArchivable: details["gaps"] lists all that is missing.
        Archived, NotAllowed: nothing was written.
    """
    _need_facilitator(review, by)
    with trail.act("reviews.archive", by=by):
        review = _locked(review)
        if missing := list(dict.fromkeys([*_gaps(review), *gaps])):
            raise NotArchivable(
                " ".join(gap.message for gap in missing), details={"gaps": [asdict(gap) for gap in missing]}
            )
        review.archived_at, review.archived_by, review.content_hash = now, by, document.content_hash(review)
        review.save(update_fields=["archived_at", "archived_by", "content_hash"])
    return review


# `archive` has a parameter of the same name.
_gaps = gaps


def _need_facilitator(review: Review, by: User) -> None:
    if review.facilitator_id != by.pk or not by.is_active:
        access.need(by, User.Role.FACILITATOR)


def _locked(review: Review) -> Review:
    review = Review.objects.select_for_update().get(pk=review.pk)
    if review.is_archived:
        raise Archived(_("%(id)s is archived and can no longer change.") % {"id": review.public_id})
    return review


def _locked_step(step: ReviewStep) -> ReviewStep:
    open_review(step.review)
    return ReviewStep.objects.select_for_update(of=("self",)).select_related("review").get(pk=step.pk)


def _step_signed(step: ReviewStep) -> StepSigned:
    return StepSigned(
        _("Step %(position)d is signed; reopen it first.") % {"position": step.position},
        details={"position": step.position},
    )


def _refuse_older(record: ReviewStep | Review, mine: dict[str, str], version: int) -> None:
    theirs = {field: getattr(record, field) for field in mine}
    if version != record.version and mine != theirs:
        raise EditConflict(
            _("Somebody saved a newer version meanwhile."),
            details={"mine": mine, "theirs": theirs, "version": record.version},
        )


def _primary_is_verified(review: Review) -> bool:
    return review.causes.filter(is_primary=True, state=RootCause.State.VERIFIED).exists()
