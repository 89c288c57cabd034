"""The page of a review: everything about it that is shown, gathered once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from postmortem import access, approvals, guides, markup, terms
from postmortem.models import ChangeSearch, Incident, Review, ReviewStep, RootCause
from postmortem.sla import Standing
from postmortem.steps import unfit
from postmortem.wording import Term
from remediation import checklists, items, preflight
from web import drafts, proposals, repeats, step_evidence, trails, vague, version_links
from web.checklistwords import asked, expectation
from web.forms.reviews import StepForm
from web.incident_list import review_standing
from web.incidents import people_of, review_items

HISTORY_SHOWN = 30
# What the step that comes next still lacks, by the code of what would refuse its signature.
_TO_DO = {
    "evidence_missing": gettext_lazy("To be written"),
    "vague_wording": gettext_lazy("Vague words to replace"),
    "change_undecided": gettext_lazy("Changes to settle"),
    "changes_found": gettext_lazy("Changes to settle"),
    "cause_unverified": gettext_lazy("Primary cause to verify"),
}


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
    questions: list[str] = field(default_factory=list)
    vague_words: list[vague.Snippet] = field(default_factory=list)


def find_review(request: HttpRequest, public_id: str) -> Review:
    """The review, if this reader may see it; one about a restricted incident does not exist for strangers."""
    visible = access.reviews(request.user).select_related("owner", "facilitator", "archived_by")
    return get_object_or_404(visible, public_id=public_id)


def may_facilitate(user: User, record: Review) -> bool:
    """Open, excuse and archive: facilitators by role, and whoever facilitates this review."""
    return user.is_at_least("facilitator") or (record.facilitator_id == user.pk and user.is_active)


def may_compose(user: User, record: Review) -> bool:
    """Change its title, its people and its incidents: its owner, its facilitator, facilitators by role."""
    is_theirs = user.pk in {record.owner_id, record.facilitator_id} and user.is_at_least("member")
    return is_theirs or user.is_at_least("facilitator")


APPROVERS_SHOWN = 5


def approval_context(record: Review, user: User, steps: list[ReviewStep]) -> dict[str, Any]:
    """What the panel of approvals shows: nothing where none is asked for and none was given."""
    asked = approvals.policy(record)
    given = approvals.of(record, asked=asked)
    is_fresh = any(one.is_valid and one.approval.given_by_id == user.pk for one in given)
    valid = sum(one.is_valid for one in given)
    is_wanted = not record.is_archived and valid < asked.needed
    return {
        "approvals_wanted": is_wanted,
        "approvers": list(approvals.who_may(record, asked=asked)[:APPROVERS_SHOWN]) if is_wanted else [],
        "approval_policy": asked,
        "approver_words": User.Role(asked.role).label,
        "approvals": given,
        "approvals_valid": valid,
        "may_approve": (
            asked.needed > 0
            and not record.is_archived
            and all(step.is_signed for step in steps)
            and user.is_at_least(asked.role)
            and user.pk != record.owner_id
            and not is_fresh
        ),
    }


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
    status: int = 200,
) -> HttpResponse:
    """The whole page of a review.

    Args:
        bound: a refused form of the step `bound_kind`, shown instead of what is stored.
    """
    user, now = request.user, timezone.now()
    its_incidents = incidents_of(record, user)
    steps = _steps(record, wanted=bound_kind or request.GET.get("step", ""))
    guide = guides.of(its_incidents)
    for shown in steps:
        shown.questions = list(guide[shown.step.kind].questions)
        if shown.step.kind == bound_kind and bound is not None:
            bound.hint_terms = shown.form.hint_terms
            shown.form = bound
    before = None if record.is_archived else preflight.of(record, viewer=user)
    due_at, standing = promise(its_incidents, now)
    people = [participant for incident in its_incidents for participant in people_of(incident)]
    changes = step_evidence.change_groups(record, its_incidents)
    search = step_evidence.change_search(record)
    _mark_vague_changes(
        steps[2], changes, search, is_going=before is not None and record.opened_at is not None
    )
    promised = review_items(record, user)
    may_write = user.is_at_least("member") and not record.is_archived and record.opened_at is not None
    if may_write:
        _offer_drafts(request, record, [shown for shown in steps if not shown.step.is_signed])
    context = {
        "review": record,
        "lessons": lessons_of(record),
        "points": list(record.lesson_points.select_related("declined_by").prefetch_related("items")),
        "state": _state(record, before),
        "incidents": its_incidents,
        "steps": steps,
        "starred": step_evidence.starred(its_incidents, user),
        "measurements": step_evidence.measurements(record, its_incidents),
        "change_groups": changes,
        "may_settle_changes": may_write and not steps[2].step.is_signed,
        "nearby": step_evidence.nearby_deploys(
            its_incidents, is_shown=may_write and not steps[2].step.is_signed
        ),
        "all_cleared": all(group.is_cleared for group in changes),
        "change_search": search,
        "people": people,
        "unfiled": [participant for participant in people if participant.settled == "sealed"],
        "causes": causes_of(record, user),
        "checklist": checklist(record),
        "items": promised,
        "unanswered": items.unanswered(record),
        "proposals": proposals.open_ones(record, promised={item.title for item in promised}),
        "teams": list(record.teams_present.all()),
        "may_compose": may_compose(user, record) and not record.is_archived,
        **approval_context(record, user, [shown.step for shown in steps]),
        "preflight": before,
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
        **archive_of(record, user),
    }
    version_links.counted(_with_texts(context))
    return render(request, "reviews/detail.html", context, status=status)


def _with_texts(context: dict[str, Any]) -> list[Any]:
    """The records on the page whose texts have versions."""
    groups, search = context["change_groups"], context["change_search"]
    return [
        context["review"],
        *(shown.step for shown in context["steps"]),
        *context["causes"],
        *context["points"],
        *(row["entry"] for row in context["checklist"]),
        *(row.change for group in groups for row in group.rows),
        *([search] if search is not None else []),
    ]


def archive_of(record: Review, user: User) -> dict[str, Any]:
    """What a page shows of the archive: the revisions, why the last one was ended, and the addenda."""
    kept = list(record.revisions.select_related("archived_by", "reopening__reopened_by").order_by("number"))
    for one in kept:
        one.following = one.number + 1
    return {
        "revisions": kept,
        "reopening": getattr(kept[-1], "reopening", None) if kept else None,
        "addenda": list(record.addenda.select_related("added_by")),
        "may_add": record.is_archived and user.is_at_least("member"),
        # Taking an archive back is no part of facilitating one review.
        "may_reopen": record.is_archived and user.is_at_least("facilitator"),
    }


def causes_of(record: Review, user: User) -> list[RootCause]:
    """The causes of a review with the earlier ones they repeat and the later ones as which they came back."""
    rows = list(record.causes.select_related("cause_class").prefetch_related("items"))
    found = repeats.links(rows, user)
    for row in rows:
        links = found.get(row.pk, {})
        row.repeats, row.came_back = links.get("repeats", []), links.get("came_back", [])
    return rows


def incidents_of(record: Review, user: User) -> list[Incident]:
    """The incidents of a review, the first to begin first."""
    return list(
        access.incidents(user)
        .filter(review=record)
        .select_related("severity", "review")
        .order_by("started_at", "id")
    )


def _steps(record: Review, *, wanted: str) -> list[StepView]:
    rows = list(
        record.steps.select_related("signed_by").prefetch_related("evidence_files").order_by("position")
    )
    is_going = record.opened_at is not None and not record.is_archived
    first_unsigned = next((row.kind for row in rows if not row.is_signed), "")
    current = wanted if wanted in {row.kind for row in rows} else first_unsigned if is_going else ""
    extra = terms.of_review(record) if is_going else []
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
                note=_step_note(row, state, extra, is_open=record.opened_at is not None),
                is_current=row.kind == current,
                is_next=is_next,
                form=StepForm(step=row),
                vague_words=vague.of_step(row, extra) if is_going and not row.is_signed else [],
            )
        )
        shown[-1].form.hint_terms = extra
        is_next = is_next and row.is_signed
    return shown


def _mark_vague_changes(
    shown: StepView, groups: list[step_evidence.ChangeGroup], search: ChangeSearch | None, *, is_going: bool
) -> None:
    """The signature of step 3 covers what is said of changes too: vague words are shown where they stand."""
    if shown.step.is_signed or not is_going:
        return
    extra = shown.form.hint_terms
    for row in (row for group in groups for row in group.rows):
        row.vague = vague.blocking(row.change.reason, extra)
        shown.vague_words += row.vague
    if search is not None:
        search.vague = vague.blocking(search.searched, extra)
        shown.vague_words += search.vague


def _offer_drafts(request: HttpRequest, record: Review, steps: list[StepView]) -> None:
    addresses = {
        reverse("web:step_write", args=[record.public_id, shown.step.kind]): [shown.form] for shown in steps
    }
    drafts.attach_each(request, addresses)


def _step_note(row: ReviewStep, state: str, lists: Sequence[Term], *, is_open: bool) -> str:
    if state == "signed":
        return _("Signed by %(name)s") % {"name": row.signed_by}
    if not is_open:
        return _("After the review opens")
    refusal = unfit(row, lists) if state == "ready" else None
    return str(_TO_DO[refusal.code]) if refusal else ""


def lessons_of(record: Review) -> list[tuple[str, str, str]]:
    """What a review taught: (title, HTML, column) for each of its texts, "" where nothing is written."""
    titles = {
        "went_well": _("What went well"),
        "went_badly": _("What went badly"),
        "luck": _("Where luck played in"),
    }
    if record.notes:
        titles["notes"] = _("Notes")
    return [
        (title, markup.shown(getattr(record, column), getattr(record, f"{column}_html")), column)
        for column, title in titles.items()
    ]


def _state(record: Review, before: preflight.Preflight | None) -> str:
    if before is None:
        return "archived"
    if record.opened_at is None:
        return "preparing"
    return "in_review" if before.todos else "ready"


def promise(its_incidents: list[Incident], now: datetime) -> tuple[datetime | None, Standing | None]:
    """The earliest deadline among the incidents that ask for a postmortem, and how it stands."""
    promised = [incident for incident in its_incidents if review_standing(incident, now) is not None]
    if not promised:
        return None, None
    first = min(promised, key=lambda incident: incident.review_due_at)
    return first.review_due_at, review_standing(first, now)


def checklist(record: Review) -> list[dict[str, Any]]:
    """The entries of a review's checklist, as rows and as lines to copy, each with its last run."""
    entries = list(record.checklist.order_by("position"))
    latest = checklists.latest(entries)
    return [
        {
            "entry": entry,
            "command": asked(entry),
            "expectation": expectation(entry),
            "run": latest.get(entry.pk),
        }
        for entry in entries
    ]
