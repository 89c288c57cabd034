"""The four steps of a review: write them, sign them in order, reopen one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, changes, markup, terms, trail, values
from postmortem.causes import StepSigned, open_review
from postmortem.errors import DomainError
from postmortem.models import ChangeSearch, Review, ReviewStep, RootCause
from postmortem.wording import Purpose, Term


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
    """A step says what nobody can check; details["spans"]: {field, start, end, phrase, why, suggestion}.

    `field` is "finding" or "evidence"; in step 3 also "changes.7.reason", for the change with this id, and
    "change_search.searched".
    """

    code = "vague_wording"


class CauseUnverified(DomainError):
    """Step 4 is signed over a verified primary root cause only."""

    code = "cause_unverified"


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
    rendered = {field: markup.stored(text, field=field) for field, text in texts.items()}
    with trail.act("reviews.write", by=by):
        step = _locked_step(step)
        if step.is_signed:
            raise _step_signed(step)
        values.refuse_older(step, texts, version)
        if texts != {"finding": step.finding, "evidence": step.evidence}:
            step.signed_at, step.signed_by, step.is_stale = None, None, False
            step.finding, step.evidence = texts["finding"], texts["evidence"]
            step.finding_html, step.evidence_html = rendered["finding"], rendered["evidence"]
            step.version += 1
            step.save()
    return step


def sign(step: ReviewStep, *, by: User, now: datetime) -> ReviewStep:
    """Accept one step, which opens the next (R2).

    Args:
        step: any of the four; re-read under a lock, a stale instance is fine.

    Raises:
        StepOutOfOrder: an earlier step is unsigned or stale.
        StepSigned: it is signed already.
        EvidenceMissing: it lacks its finding or its evidence: a text, or the typed rows of steps 2 and 3.
        ChangeUndecided: its evidence would be changes, but some are still only suspects.
        ChangesFound: it says that no change was found, but one is not cleared.
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


def unfit(step: ReviewStep, lists: Sequence[Term] | None = None) -> DomainError | None:
    """Why its texts and what they stand on cannot be signed yet, None where they can; writes nothing.

    Args:
        lists: the phrases of the review, as `terms.of_review` reads them, by whoever has them already.
    """
    try:
        _refuse_unfit(step, lists)
    except DomainError as refusal:
        return refusal
    return None


def _refuse_unfit(step: ReviewStep, lists: Sequence[Term] | None = None) -> None:
    empty = [] if step.finding.strip() else ["finding"]
    if not step.evidence.strip() and not _has_typed_evidence(step):
        empty.append("evidence")
    if empty:
        raise EvidenceMissing(
            _("A step is signed with a finding and its evidence."), field=empty[0], details={"fields": empty}
        )
    if step.kind == ReviewStep.Kind.CHANGE_CORRELATION:
        changes.refuse_contradiction(step.review)
    if spans := vague_spans(step, lists):
        phrases = ", ".join(dict.fromkeys(f"“{span['phrase']}”" for span in spans))
        raise VagueWording(
            _("Vague wording blocks the signature: %(phrases)s.") % {"phrases": phrases},
            field=spans[0]["field"],
            details={"spans": spans},
        )
    if step.kind == ReviewStep.Kind.ROOT_CAUSE and not _primary_is_verified(step.review):
        raise CauseUnverified(_("Name a primary root cause and verify it first."))


def _has_typed_evidence(step: ReviewStep) -> bool:
    """Measurements for step 2, changes or the search for them for step 3; a written text suits any step."""
    if step.kind == ReviewStep.Kind.METRIC_ANOMALY:
        return step.snapshots.exists()
    return step.kind == ReviewStep.Kind.CHANGE_CORRELATION and changes.is_evidence(step.review)


def vague_spans(step: ReviewStep, lists: Sequence[Term] | None = None) -> list[dict[str, Any]]:
    """What blocks a signature: {field, start, end, phrase, why, suggestion}; offsets in code points.

    Args:
        lists: as for `unfit`.
    """
    extra = terms.of_review(step.review) if lists is None else list(lists)
    return [
        {
            "field": field,
            "start": vague.start,
            "end": vague.end,
            "phrase": vague.phrase,
            "why": vague.why,
            "suggestion": vague.suggestion,
        }
        for field, text in _signed_texts(step)
        for vague in terms.find(text, purpose=Purpose.STEP, extra=extra)
        if vague.blocks
    ]


def _signed_texts(step: ReviewStep) -> Iterator[tuple[str, str]]:
    """All that a signature says yes to in words, each under a name; in step 3 what is said of changes too."""
    yield "finding", step.finding
    yield "evidence", step.evidence
    if step.kind == ReviewStep.Kind.CHANGE_CORRELATION:
        for change in changes.of(step.review):
            yield f"changes.{change.pk}.reason", change.reason
        for search in ChangeSearch.objects.filter(step=step):
            yield "change_search.searched", search.searched


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


def _primary_is_verified(review: Review) -> bool:
    return review.causes.filter(is_primary=True, state=RootCause.State.VERIFIED).exists()


def _locked_step(step: ReviewStep) -> ReviewStep:
    open_review(step.review)
    return ReviewStep.objects.select_for_update(of=("self",)).select_related("review").get(pk=step.pk)


def _step_signed(step: ReviewStep) -> StepSigned:
    return StepSigned(
        _("Step %(position)d is signed; reopen it first.") % {"position": step.position},
        details={"position": step.position},
    )
