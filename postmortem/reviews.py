"""The four-step review: begin it, open it, write what it taught, archive it. Its steps stand in `steps`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Team, User
from postmortem import (
    access,
    approvals,
    checklists,
    document,
    guides,
    lessons,
    markup,
    revisions,
    steps,
    timelines,
    trail,
    values,
)
from postmortem.causes import open_review
from postmortem.errors import Archived, DomainError, Invalid
from postmortem.models import MAX_NOTES, Incident, Review, ReviewStep, RootCause

content = document.content
write, sign, reopen = steps.write, steps.sign, steps.reopen
add_checklist_entry = checklists.add
remove_checklist_entry = checklists.remove


class AlreadyReviewed(DomainError):
    """An incident has a review already; details name it: `review`."""

    code = "already_reviewed"


class AlreadyOpen(DomainError):
    """The review was opened before."""

    code = "already_open"


class TimelinesMissing(DomainError):
    """Some have neither filed nor been excused; details["participants"]: {id, name, incident}."""

    code = "timelines_missing"


class NotArchivable(DomainError):
    """Something is missing; details["gaps"]: {code, message, where}."""

    code = "not_archivable"


@dataclass(frozen=True)
class Gap:
    """One thing a review lacks before it can be archived.

    Attributes:
        code: stable, for programs.
        message: one translated sentence.
        where: the place to mend it: "people", "timelines/" and the id of a participant, "steps/1" to
            "steps/4", "causes" or "causes/" and the id of one, "checklist", "items/" and the id of one,
            "approvals", "lessons" or "lessons/" and the id of a point.
    """

    code: str
    message: str
    where: str


def create(
    *,
    incidents: Sequence[Incident],
    title: str,
    owner: User,
    facilitator: User,
    by: User,
    now: datetime,
    teams_present: Sequence[Team] = (),
) -> Review:
    """Begin the review of one or more incidents: its four steps. It opens once the timelines are in.

    The steps are empty, or begin with the skeleton of the document template for the severity.

    Raises:
        Invalid: no incident, a dismissed one, or an inactive person.
        AlreadyReviewed, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    check_people(owner=owner, facilitator=facilitator)
    if not incidents:
        raise Invalid(_("Name at least one incident."), field="incidents")
    with trail.act("reviews.create", by=by):
        ids = [incident.pk for incident in incidents]
        reviewed = list(
            Incident.objects.select_for_update(of=("self",))
            .select_related("review", "severity")
            .filter(pk__in=ids)
            .order_by("pk")
        )
        for incident in reviewed:
            refuse_review_of(incident)
        review = Review(title=title, owner=owner, facilitator=facilitator, created_at=now)
        review.public_id = trail.next_public_id("PM", now=now)
        values.check(review)
        review.save(force_insert=True)
        guide = guides.of(reviewed)
        ReviewStep.objects.bulk_create(
            _begun(ReviewStep(review=review, position=position, kind=kind), guide[kind].skeleton)
            for position, kind in enumerate(ReviewStep.Kind.values, start=1)
        )
        Incident.objects.filter(pk__in=ids).update(review=review)
        review.teams_present.set(teams_present)
    return review


def _begun(step: ReviewStep, skeleton: str) -> ReviewStep:
    step.finding = skeleton
    markup.keep(step, "finding")
    return step


def check_people(**people: User) -> None:
    """Refuse who cannot own or facilitate a review; the name of each argument is the field.

    Raises:
        Invalid: no person, inactive, or a viewer.
    """
    for field, person in people.items():
        if not isinstance(person, User):
            raise Invalid(_("This is not a person."), field=field)
        if not person.is_at_least(User.Role.MEMBER):
            raise Invalid(_("%(name)s is inactive or a viewer.") % {"name": person}, field=field)


def refuse_review_of(incident: Incident) -> None:
    """Refuse to review an incident that is reviewed elsewhere, or that was none.

    Raises:
        AlreadyReviewed, Invalid: `field` is "incidents".
    """
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


def write_lessons(
    review: Review,
    *,
    went_well: str,
    went_badly: str,
    luck: str,
    version: int,
    by: User,
    now: datetime,
    notes: str | None = None,
) -> Review:
    """Save what went well, what went badly, where luck played in, and the notes, where they are given.

    Raises:
        EditConflict: somebody saved meanwhile.
        Invalid, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    texts = {"went_well": went_well, "went_badly": went_badly, "luck": luck}
    rendered = {
        f"{field}_html": markup.stored(values.text(text, field=field), field=field)
        for field, text in texts.items()
    }
    if notes is not None:
        texts["notes"] = values.text(notes, field="notes", longest=MAX_NOTES)
        rendered["notes_html"] = markup.stored_if_possible(notes)
    with trail.act("reviews.write_lessons", by=by):
        review = open_review(review)
        values.refuse_older(review, texts, version)
        if any(getattr(review, field) != text for field, text in texts.items()):
            values.fill(review, texts | rendered, allowed=frozenset(texts | rendered))
            review.version += 1
            review.save(update_fields=[*texts, *rendered, "version"])
        lessons.sync(review)
    return review


def gaps(review: Review) -> list[Gap]:
    """What the review itself still lacks before it can be archived; `plan.gaps` adds what its items lack."""
    found: list[Gap] = []
    if review.opened_at is None:
        found.append(Gap("not_open", _("The review is not open."), "steps/1"))
    for participant in timelines.missing(list(review.incidents.all())):
        message = _("The timeline of %(name)s is missing.") % {"name": participant.user}
        found.append(Gap("timelines_missing", message, f"timelines/{participant.pk}"))
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
        message = _("The primary root cause is not verified.")
        found.append(Gap("cause_unverified", message, f"causes/{primary.pk}"))
    if not review.checklist.exists():
        found.append(Gap("checklist_empty", _("The checklist has no entry."), "checklist"))
    return found + _policy_gaps(review)


def _policy_gaps(review: Review) -> list[Gap]:
    """What the severities of the incidents ask for beyond what every review needs."""
    found: list[Gap] = []
    if (
        review.owner_id == review.facilitator_id
        and review.incidents.filter(severity__facilitator_apart=True).exists()
    ):
        message = _("Owner and facilitator must be two people for this severity.")
        found.append(Gap("facilitator_is_owner", message, "people"))
    asked = approvals.policy(review)
    if missing := approvals.missing(review, asked=asked):
        message = ngettext(
            "%(count)d approval is missing (%(role)s).",
            "%(count)d approvals are missing (%(role)s).",
            missing,
        )
        role = User.Role(asked.role).label
        found.append(Gap("approvals_missing", message % {"count": missing, "role": role}, "approvals"))
    return found


def archive(review: Review, *, gaps: Sequence[Gap], by: User, now: datetime) -> Review:
    """Make the review a postmortem: read-only, its content kept as a revision with a hash.

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
        return revisions.keep(review, by=by, now=now)


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
