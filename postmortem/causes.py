"""Record what caused an incident, and settle whether it is proven.

Step 4 of the review is the signature under the causes: once it is signed, they change only after it is
reopened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, cause_classes, markup, trail, values
from postmortem.errors import Archived, DomainError, EditConflict, Invalid
from postmortem.models import CauseClass, Review, ReviewStep, RootCause

MAX_CAUSES = 50
MAX_WHYS = 10
MAX_WHY = 500
MAX_WHY_EVIDENCE = 2000

_AS_IT_IS: Final[Any] = object()


class ReviewNotOpen(DomainError):
    """The review is not open yet: its timelines come first."""

    code = "not_open"


class StepSigned(DomainError):
    """The step is signed; reopen it first. Details: `position`."""

    code = "step_signed"


class CauseHasItems(DomainError):
    """Remediation items name this cause; details list their ids in `items`."""

    code = "cause_has_items"


def record(
    review: Review,
    *,
    statement: str,
    part: str,
    by: User,
    now: datetime,
    is_primary: bool = False,
    cause_class: CauseClass | None = None,
) -> RootCause:
    """Write down a cause, at first as a hypothesis.

    Args:
        part: "root", "trigger" or "contributing".
        cause_class: from the catalogue, not retired; None while nobody knows.
        is_primary: make it the one primary cause; another one steps back. Only a root cause can be it.

    Raises:
        Invalid, NotAllowed, ReviewNotOpen, Archived, StepSigned: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("causes.record", by=by):
        review = changeable(review)
        if review.causes.count() >= MAX_CAUSES:
            raise Invalid(_("%(count)d causes are the most.") % {"count": MAX_CAUSES}, field="statement")
        cause_classes.refuse_unfit(cause_class)
        cause = RootCause(review=review, cause_class=cause_class, created_at=now)
        _state(cause, statement=statement, part=part)
        if is_primary:
            _step_back(cause)
        cause.save(force_insert=True)
    return cause


def edit(
    cause: RootCause,
    *,
    statement: str,
    part: str,
    by: User,
    now: datetime,
    cause_class: CauseClass | None = _AS_IT_IS,
    version: int | None = None,
) -> RootCause:
    """Reword or reclassify a cause. A new wording is a hypothesis again: the evidence was for the old one.

    Args:
        cause_class: as in `record`; it stays as it is unless given.
        version: of the cause as the writer read it; None saves over whatever there is.

    Raises:
        EditConflict: somebody saved meanwhile, be it that they settled it.
        Invalid: also when a primary cause would no longer be a root cause, or a class is retired.
        NotAllowed, ReviewNotOpen, Archived, StepSigned: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("causes.edit", by=by):
        cause = _locked(cause)
        mine: dict[str, Any] = {"statement": statement, "part": part}
        if cause_class is not _AS_IT_IS:
            mine["cause_class"] = cause_class
        values.refuse_older(cause, mine, version)
        if statement != cause.statement:
            cause.state = RootCause.State.HYPOTHESIS
        _state(cause, statement=statement, part=part)
        if cause_class is not _AS_IT_IS and cause_class != cause.cause_class:
            cause_classes.refuse_unfit(cause_class)
            cause.cause_class = cause_class
        if cause.is_primary and cause.part != RootCause.Part.ROOT:
            raise Invalid(
                _("The primary cause is a root cause; name another primary cause first."), field="part"
            )
        cause.version += 1
        cause.save()
    return cause


def settle(
    cause: RootCause, *, state: str, evidence: str, by: User, now: datetime, version: int | None = None
) -> RootCause:
    """Say whether a cause is verified, refuted or a hypothesis, and by what evidence.

    Args:
        version: of the cause as the writer read it; None saves over whatever there is.

    Raises:
        EditConflict: somebody saved meanwhile, be it that they reworded what the evidence is for.
        Invalid: verified or refuted without evidence.
        NotAllowed, ReviewNotOpen, Archived, StepSigned: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    state = values.choice(state, RootCause.State, field="state")
    evidence = values.text(evidence, field="evidence", is_required=state != RootCause.State.HYPOTHESIS)
    html = markup.stored(evidence, field="evidence")
    with trail.act("causes.settle", by=by):
        cause = _locked(cause)
        values.refuse_older(cause, {"state": state, "evidence": evidence}, version)
        cause.state, cause.evidence, cause.evidence_html = state, evidence, html
        cause.version += 1
        cause.save()
    return cause


def explain(
    cause: RootCause, *, whys: Sequence[Mapping[str, str]], version: int, by: User, now: datetime
) -> RootCause:
    """Save the chain of whys of a cause: each answers the one before, the first the statement itself.

    Args:
        whys: at most ten of {"why": a sentence, "evidence": what shows it, may be left out}.
        version: of the cause as the writer read it.

    Raises:
        EditConflict: somebody saved meanwhile; details hold both chains as `whys`.
        Invalid: `field` names the place, such as "whys.2.why".
        NotAllowed, ReviewNotOpen, Archived, StepSigned: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    chain = _chain(whys)
    with trail.act("causes.explain", by=by):
        cause = _locked(cause)
        if version != cause.version and chain != cause.whys:
            raise EditConflict(
                _("Somebody saved a newer version meanwhile."),
                details={"mine": {"whys": chain}, "theirs": {"whys": cause.whys}, "version": cause.version},
            )
        if chain != cause.whys:
            cause.whys = chain
            cause.version += 1
            cause.save()
    return cause


def _chain(whys: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    if len(whys) > MAX_WHYS:
        raise Invalid(_("%(count)d whys are the most.") % {"count": MAX_WHYS}, field="whys")
    return [
        {
            "why": values.text(
                link.get("why"), field=f"whys.{number}.why", longest=MAX_WHY, is_required=True
            ).strip(),
            "evidence": values.text(
                link.get("evidence", ""), field=f"whys.{number}.evidence", longest=MAX_WHY_EVIDENCE
            ).strip(),
        }
        for number, link in enumerate(whys)
    ]


def make_primary(cause: RootCause, *, by: User, now: datetime) -> RootCause:
    """Make this the one primary cause of its review.

    Raises:
        Invalid: it is no root cause.
        NotAllowed, ReviewNotOpen, Archived, StepSigned: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("causes.make_primary", by=by):
        cause = _locked(cause)
        _step_back(cause)
        cause.save()
    return cause


def remove(cause: RootCause, *, items: Collection[str], by: User, now: datetime) -> None:
    """Take a cause back; the trail keeps it.

    Args:
        items: public ids of the remediation items that name it (`plan.remove_cause` knows them).

    Raises:
        CauseHasItems, NotAllowed, ReviewNotOpen, Archived, StepSigned: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("causes.remove", by=by):
        cause = _locked(cause)
        if items:
            raise CauseHasItems(
                _("%(items)s name this cause.") % {"items": ", ".join(items)}, details={"items": list(items)}
            )
        cause.delete()


def open_review(record: Review | Model) -> Review:
    """Lock a review for a change to it.

    Raises:
        Archived: it is archived and read-only.
        ReviewNotOpen: it was not opened yet.
    """
    review = Review.objects.select_for_update().get(pk=record.pk)
    if review.is_archived:
        raise Archived(_("%(id)s is archived and can no longer change.") % {"id": review.public_id})
    if review.opened_at is None:
        raise ReviewNotOpen(_("%(id)s is not open yet.") % {"id": review.public_id})
    return review


def changeable(review: Review) -> Review:
    """Lock a review for a change to its causes.

    Raises:
        Archived, ReviewNotOpen: as `open_review`.
        StepSigned: its fourth step is signed over the causes as they are.
    """
    review = open_review(review)
    last = review.steps.get(kind=ReviewStep.Kind.ROOT_CAUSE)
    if last.is_signed:
        raise StepSigned(
            _("Step %(position)d is signed; reopen it to change the causes.") % {"position": last.position},
            details={"position": last.position},
        )
    return review


def _locked(cause: RootCause) -> RootCause:
    changeable(cause.review)
    return RootCause.objects.select_for_update(of=("self",)).select_related("review").get(pk=cause.pk)


def _state(cause: RootCause, *, statement: str, part: str) -> None:
    cause.statement, cause.part = statement, part
    values.check(cause)


def _step_back(cause: RootCause) -> None:
    if cause.part != RootCause.Part.ROOT:
        raise Invalid(_("Only a root cause can be the primary cause."), field="is_primary")
    for other in RootCause.objects.filter(review=cause.review, is_primary=True).exclude(pk=cause.pk):
        other.is_primary = False
        other.save(update_fields=["is_primary"])
    cause.is_primary = True
