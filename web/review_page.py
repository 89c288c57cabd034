"""The page of a review: everything about it that is shown, gathered once."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, markup, pipelines
from postmortem.models import Incident, Review, ReviewStep
from postmortem.sla import Standing
from remediation import plan
from web import mending, trails, vague
from web.forms.reviews import StepForm
from web.incident_list import review_standing
from web.incidents import people_of, review_items

HISTORY_SHOWN = 30


@dataclass
class StepView:
    """One of the four steps as the page shows it."""

    step: ReviewStep
    state: str
    title: str
    url: str
    note: str
    is_current: bool
    # Every step before it is signed and fresh.
    is_next: bool
    form: StepForm
    vague_words: list[vague.Snippet] = field(default_factory=list)
    # A save over somebody else's newer text: what they wrote.
    theirs: dict[str, str] | None = None


def find_review(request: HttpRequest, public_id: str) -> Review:
    """The review, if this reader may see it; one about a restricted incident does not exist for strangers."""
    visible = access.reviews(request.user).select_related("owner", "facilitator", "archived_by")
    return get_object_or_404(visible, public_id=public_id)


def may_facilitate(user: User, record: Review) -> bool:
    """Open, excuse and archive: facilitators by role, and whoever facilitates this review."""
    return user.is_at_least("facilitator") or (
        record.facilitator_id == user.pk and user.is_at_least("member")
    )


def review_url(record: Review, kind: str = "") -> str:
    """The page of a review, with one of its steps unfolded."""
    url = reverse("web:review", args=[record.public_id])
    return f"{url}?step={kind}#step-{kind}" if kind else url


def review_page(
    request: HttpRequest,
    record: Review,
    *,
    bound: StepForm | None = None,
    bound_kind: str = "",
    theirs: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page of a review.

    Args:
        bound: a refused form of the step `bound_kind`, shown instead of what is stored.
        theirs: the newer text that `bound` would have overwritten.
    """
    user, now = request.user, timezone.now()
    its_incidents = incidents_of(record, user)
    steps = _steps(record, wanted=bound_kind or request.GET.get("step", ""))
    for shown in steps:
        if shown.step.kind == bound_kind and bound is not None:
            shown.form, shown.theirs = bound, theirs
    gaps = [] if record.is_archived else mending.mends(plan.gaps(record), record, its_incidents)
    due_at, standing = promise(its_incidents, now)
    people = [participant for incident in its_incidents for participant in people_of(incident)]
    may_write = user.is_at_least("member") and not record.is_archived and record.opened_at is not None
    context = {
        "review": record,
        "lessons": lessons_of(record),
        "state": _state(record, gaps),
        "incidents": its_incidents,
        "steps": steps,
        "people": people,
        "unfiled": [participant for participant in people if participant.settled == "sealed"],
        "causes": list(record.causes.prefetch_related("items")),
        "checklist": checklist(record),
        "items": review_items(record, user),
        "teams": list(record.teams_present.all()),
        "gaps": gaps,
        "due_at": due_at,
        "standing": standing,
        "now": now,
        "history": trails.of_review(record, steps=[shown.step for shown in steps], limit=HISTORY_SHOWN),
        "may_write": may_write,
        # The fourth step is signed over the causes as they are.
        "may_change_causes": may_write and steps[-1].state != "signed",
        # The plan of an archived postmortem may still grow.
        "may_plan": user.is_at_least("member"),
        "may_facilitate": may_facilitate(user, record),
    }
    return render(request, "reviews/detail.html", context, status=status)


def incidents_of(record: Review, user: User) -> list[Incident]:
    """The incidents of a review, the first to begin first."""
    return list(
        access.incidents(user)
        .filter(review=record)
        .select_related("severity", "review")
        .order_by("started_at", "id")
    )


def _steps(record: Review, *, wanted: str) -> list[StepView]:
    rows = list(record.steps.select_related("signed_by").order_by("position"))
    is_going = record.opened_at is not None and not record.is_archived
    first_unsigned = next((row.kind for row in rows if not row.is_signed), "")
    current = wanted if wanted in {row.kind for row in rows} else first_unsigned if is_going else ""
    shown, is_next = [], True
    for row in rows:
        state = "signed" if row.is_signed else "stale" if row.is_stale else "waiting"
        if state == "waiting" and is_next and is_going:
            state = "ready"
        shown.append(
            StepView(
                step=row,
                state=state,
                title=str(row.get_kind_display()),
                url=f"?step={row.kind}#step-{row.kind}",
                note=_step_note(row, state, is_open=record.opened_at is not None),
                is_current=row.kind == current,
                is_next=is_next,
                form=StepForm(step=row),
                vague_words=vague.of_step(row) if is_going and not row.is_signed else [],
            )
        )
        is_next = is_next and row.is_signed
    return shown


def _step_note(row: ReviewStep, state: str, *, is_open: bool) -> str:
    if state == "signed":
        return _("Signed by %(name)s") % {"name": row.signed_by}
    if not is_open:
        return _("After the review opens")
    if state == "ready" and not (row.finding.strip() and row.evidence.strip()):
        return _("To be written")
    return ""


def lessons_of(record: Review) -> list[tuple[str, str]]:
    """What a review taught: (title, HTML) for each of its three texts, "" where nothing is written."""
    texts = (
        (_("What went well"), record.went_well),
        (_("What went badly"), record.went_badly),
        (_("Where luck played in"), record.luck),
    )
    # They were rendered once before they were stored, so this cannot be refused.
    return [(title, markup.render(text) if text.strip() else "") for title, text in texts]


def _state(record: Review, gaps: list[Any]) -> str:
    if record.is_archived:
        return "archived"
    if record.opened_at is None:
        return "preparing"
    return "in_review" if gaps else "ready"


def promise(its_incidents: list[Incident], now: datetime) -> tuple[datetime | None, Standing | None]:
    """The earliest deadline among the incidents that ask for a postmortem, and how it stands."""
    promised = [incident for incident in its_incidents if review_standing(incident, now) is not None]
    if not promised:
        return None, None
    first = min(promised, key=lambda incident: incident.review_due_at)
    return first.review_due_at, review_standing(first, now)


def checklist(record: Review) -> list[dict[str, Any]]:
    """The commands of a review's checklist, as rows and as lines to copy."""
    return [
        {"entry": entry, "command": pipelines.show(entry.pipeline)}
        for entry in record.checklist.order_by("position")
    ]
