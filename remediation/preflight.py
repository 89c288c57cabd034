"""What stands between a review and its archive: how much of it is done, and where the rest is mended."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem.models import Incident, LessonPoint, Participant, Review, ReviewStep, RootCause
from postmortem.reviews import Gap
from remediation import plan
from remediation.models import RemediationItem


@dataclass(frozen=True)
class Todo:
    """One gap, and the address of the field that mends it, relative to the site."""

    gap: Gap
    url: str


@dataclass(frozen=True)
class Requirement:
    """One thing that the archive asks for.

    Attributes:
        key: stable, for programs.
        todos: what is missing; [] also where something earlier must be done first.
    """

    key: str
    title: str
    is_done: bool
    todos: tuple[Todo, ...]


@dataclass(frozen=True)
class Preflight:
    """All that the archive asks of one review, in the order of the work."""

    requirements: tuple[Requirement, ...]

    @property
    def todos(self) -> list[Todo]:
        return [todo for one in self.requirements for todo in one.todos]

    @property
    def done(self) -> int:
        return sum(one.is_done for one in self.requirements)

    @property
    def total(self) -> int:
        return len(self.requirements)

    @property
    def missing(self) -> list[Requirement]:
        """What is not done yet, also where something earlier must be done first."""
        return [one for one in self.requirements if not one.is_done]


# The requirement that each gap belongs to; an unsigned step is one of its own.
_KEYS = {
    "timelines_missing": "timelines",
    "not_open": "opened",
    "primary_cause_missing": "primary_cause",
    "cause_unverified": "primary_cause",
    "lesson_without_item": "lessons_answered",
    "cause_without_item": "causes_answered",
    "item_ownerless": "owners",
    "checklist_empty": "checklist",
    "facilitator_is_owner": "people_apart",
    "approvals_missing": "approvals",
}


def of(review: Review, *, viewer: User) -> Preflight:
    """What the archive asks of a review, with the gaps of `plan.gaps` as they are now.

    Args:
        viewer: whoever follows the addresses; a timeline of their own is mended where they write it.
    """
    found: dict[str, list[Gap]] = defaultdict(list)
    for gap in plan.gaps(review):
        found[_key_of(gap)].append(gap)
    places = _Places(review, viewer)
    return Preflight(
        tuple(
            Requirement(
                key,
                title,
                is_done=is_possible and not found[key],
                todos=tuple(Todo(gap, places.of(gap)) for gap in found[key]),
            )
            for key, title, is_asked, is_possible in _asked(review)
            if is_asked or found[key]
        )
    )


def _key_of(gap: Gap) -> str:
    return f"step_{gap.where.partition('/')[2]}" if gap.code == "step_unsigned" else _KEYS[gap.code]


def _asked(review: Review) -> list[tuple[str, str, bool, bool]]:
    """(key, title, is it asked of this review, can it be done yet), in the order of the work."""
    inside = {"review": OuterRef("pk")}
    facts = Review.objects.filter(pk=review.pk).values(
        has_points=Exists(LessonPoint.objects.filter(**inside)),
        has_items=Exists(RemediationItem.objects.filter(**inside)),
        has_verified=Exists(RootCause.objects.filter(state=RootCause.State.VERIFIED, **inside)),
        is_apart=Exists(Incident.objects.filter(severity__facilitator_apart=True, **inside)),
        is_approved=Exists(Incident.objects.filter(severity__approvals_needed__gt=0, **inside)),
    )[0]
    step = _("Step %(position)d is signed")
    steps = [(f"step_{n}", step % {"position": n}, True, True) for n in (1, 2, 3, 4)]
    return [
        ("timelines", _("Every timeline is filed or excused"), True, True),
        ("opened", _("The review is open"), True, True),
        *steps[:3],
        ("primary_cause", _("The primary root cause is verified"), True, True),
        steps[3],
        ("lessons_answered", _("Every point of what went badly is answered"), facts["has_points"], True),
        ("causes_answered", _("An item answers every verified cause"), True, facts["has_verified"]),
        ("owners", _("Every item has an active owner"), facts["has_items"], True),
        ("checklist", _("The checklist has an entry"), True, True),
        ("people_apart", _("Owner and facilitator are two people"), facts["is_apart"], True),
        ("approvals", _("The approvals are given"), facts["is_approved"], True),
    ]


# Nothing of these can be written before the review is open.
_AFTER_OPENING = {"step_unsigned", "primary_cause_missing", "checklist_empty"}


class _Places:
    """The address of what mends a gap: a page, unfolded where it folds, and the field on it."""

    def __init__(self, review: Review, viewer: User) -> None:
        self._review, self._viewer = review, viewer
        self._here = reverse("web:review", args=[review.public_id])

    def of(self, gap: Gap) -> str:
        review, (place, _slash, key) = self._review.public_id, gap.where.partition("/")
        if gap.code == "not_open" or (self._review.opened_at is None and gap.code in _AFTER_OPENING):
            return f"{self._here}#preparing"
        match gap.code:
            case "step_unsigned":
                return self._step(int(key))
            case "timelines_missing":
                return self._timeline(int(key))
            case "primary_cause_missing":
                return self._cause()
            case "cause_unverified":
                return f"{reverse('web:cause_settle', args=[key])}#id_state"
            case "cause_without_item":
                return f"{reverse('web:item_new')}?review={review}&cause={key}#id_title"
            case "lesson_without_item" if key:
                return f"{reverse('web:lesson_answer', args=[key])}#id_items"
            case "lesson_without_item":
                return f"{reverse('web:lessons', args=[review])}#id_went_badly"
            case "item_ownerless":
                return f"{reverse('web:item_assign', args=[key])}#id_to"
            case "checklist_empty":
                return f"{reverse('web:checklist_add', args=[review])}#id_title"
            case "facilitator_is_owner":
                return f"{reverse('web:review_edit', args=[review])}#id_facilitator"
        return f"{self._here}#{place}"

    @cached_property
    def _steps(self) -> list[ReviewStep]:
        return sorted(self._review.steps.all(), key=lambda step: step.position)

    @cached_property
    def _people(self) -> dict[int, Participant]:
        rows = Participant.objects.filter(incident__review=self._review).select_related("incident")
        return {row.pk: row for row in rows}

    def _step(self, position: int) -> str:
        """The first text that is empty, else the signature, else (it waits for another step) the step."""
        rows = self._steps
        step = rows[position - 1]
        has_own = step.kind in {ReviewStep.Kind.METRIC_ANOMALY, ReviewStep.Kind.CHANGE_CORRELATION}
        if not step.finding.strip():
            field = f"id_{step.kind}_finding"
        elif not step.evidence.strip() and not has_own:
            field = f"id_{step.kind}_evidence"
        elif all(earlier.is_signed for earlier in rows[: position - 1]):
            field = f"sign-{step.kind}"
        else:
            field = f"step-{step.kind}"
        return f"{self._here}?step={step.kind}#{field}"

    def _timeline(self, participant_id: int) -> str:
        participant = self._people[participant_id]
        incident = participant.incident.public_id
        if participant.user_id == self._viewer.pk:
            return f"{reverse('web:timeline', args=[incident])}#id_line"
        page = reverse("web:incident", args=[incident]) if self._review.opened_at else self._here
        return f"{page}#person-{participant.pk}"

    def _cause(self) -> str:
        """One that can be made primary, or the form for the first one."""
        roots = self._review.causes.filter(part=RootCause.Part.ROOT).exclude(state=RootCause.State.REFUTED)
        first = roots.order_by("id").first()
        if first is not None:
            return f"{self._here}#cause-{first.pk}"
        return f"{reverse('web:cause_new', args=[self._review.public_id])}#id_statement"
