"""One incident: declare it, edit it, what happened, who was there, what closes it."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Max, Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from governance import regressions
from postmortem import access, incidents, reminders, timelines
from postmortem.errors import DomainError, EditConflict, Invalid
from postmortem.models import Entry, Incident, Participant, Review
from remediation import items
from remediation.models import RemediationItem
from web import (
    closing,
    conflicts,
    drafts,
    incident_list,
    milestones,
    next_action,
    step_evidence,
    trails,
    version_links,
)
from web.asking import ask, status_of
from web.forms import show_refusal
from web.forms.incidents import (
    DismissForm,
    IncidentForm,
    InviteForm,
    MarkForm,
    PrivacyForm,
)

HISTORY_SHOWN = 40


def find_incident(request: HttpRequest, public_id: str) -> Incident:
    """The incident, if this reader may see it; a restricted one does not exist for strangers."""
    visible = access.incidents(request.user).select_related("severity", "review", "declared_by")
    return get_object_or_404(incident_list.knowing_their_review(visible, request.user), public_id=public_id)


def people_of(incident: Incident) -> list[Participant]:
    """Who took part, with their timelines; `settled` says filed, excused or sealed."""
    rows = incident.participants.select_related("user", "timeline", "timeline__excused_by")
    people = list(rows.annotate(reminded_at=Max("reminders__sent_at")))
    for participant in people:
        timeline = getattr(participant, "timeline", None)
        participant.settled = (
            "filed"
            if timeline and timeline.filed_at
            else "excused"
            if timeline and timeline.excused_at
            else "sealed"
        )
    return people


@login_required
@require_GET
def incident(request: HttpRequest, public_id: str) -> HttpResponse:
    now = timezone.now()
    record = find_incident(request, public_id)
    people = people_of(record)
    links = list(record.service_links.select_related("service__team").order_by("-part", "service__slug"))
    user = request.user
    entries = timelines.merged(record, viewer=user)
    following = _next_milestone(record)
    changed = step_evidence.changes_around(record, may_edit=user.is_at_least("member"))
    version_links.counted(_with_changes(record, changed))
    is_over = bool(record.closed_at or record.dismissed_as)
    is_archived = record.review is not None and record.review.is_archived
    context = {
        "incident": record,
        "now": now,
        "standing": incident_list.review_standing(record, now),
        "milestones": milestones.milestones(record),
        "phases": milestones.phases(record, now=now),
        "figures": milestones.figures(record),
        "next_milestone": following,
        "mark_form": MarkForm(initial={"milestone": following}),
        "services": links,
        "people": people,
        "unfiled_count": sum(participant.settled == "sealed" for participant in people),
        "mine": next((participant for participant in people if participant.user_id == user.pk), None),
        "has_entries": bool(entries),
        "events": _events(record, entries),
        "files": list(record.evidence.all()),
        "may_attach": user.is_at_least("member") and not is_archived,
        "items": review_items(record.review, user),
        "next_action": next_action.of(record, people=people, user=user),
        "clock": _clock(record, now),
        "steps": closing.steps(record, people=people, may_edit=user.is_at_least("member")),
        "history": trails.of_incident(record, people=people, links=links, limit=HISTORY_SHOWN),
        "may_edit": user.is_at_least("member"),
        "may_mark": user.is_at_least("member") and not is_over and not is_archived,
        "may_excuse": may_excuse(user, record),
        "may_remind": reminders.may_remind(record, user),
        "is_over": is_over,
        "is_archived": is_archived,
        "twin": _twin(record, user),
        "regressed": _regressed(record, user),
        **changed,
    }
    return render(request, "incidents/detail.html", context)


def _regressed(record: Incident, user: User) -> list[RemediationItem]:
    """The items whose regression declared it."""
    if record.source != Incident.Source.REGRESSION:
        return []
    return list(regressions.items_of(record).filter(pk__in=items.visible_to(user).values("pk")))


def _with_changes(record: Incident, changed: dict[str, Any]) -> list[Model]:
    search = changed["change_search"]
    return [record, *(row.change for row in changed["change_group"].rows), *([search] if search else [])]


@login_required
@require_http_methods(["GET", "POST"])
@conflicts.retried
def incident_edit(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_incident(request, public_id)
    access.need(request.user, User.Role.MEMBER)
    if record.review is not None and record.review.is_archived:
        return _change_privacy(request, record)
    posted = request.POST if request.method == "POST" else None
    form = IncidentForm(posted, incident=record, services=access.services(request.user))
    conflicts.merge(form)
    if not form.is_conflict and form.is_valid():
        facts = form.facts()
        if form.changes_services():
            facts["services"] = form.services()
        try:
            incidents.edit(
                record, version=form.cleaned_data["version"], by=request.user, now=timezone.now(), **facts
            )
        except EditConflict:
            # `retried` begins again with what is stored by now.
            raise
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            drafts.close(request)
            messages.success(request, _("Saved."))
            return redirect("web:incident", public_id)
    drafts.attach(request, form)
    context = {"form": form, "incident": record}
    return render(request, "incidents/form.html", context, status=status_of(form))


@login_required
@require_http_methods(["GET", "POST"])
def incident_mark(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_incident(request, public_id)
    now = timezone.now()
    posted = request.POST if request.method == "POST" else None
    form = MarkForm(posted, initial={"milestone": request.GET.get("milestone") or _next_milestone(record)})

    def mark(data: dict[str, Any]) -> None:
        try:
            incidents.mark(
                record, milestone=data["milestone"], at=data["at"] or now, by=request.user, now=now
            )
        except Invalid as refusal:
            # The act names the milestone; here its moment is one field for all five.
            refusal.field = "at" if refusal.field in Incident.MILESTONES else refusal.field
            raise

    return ask(
        request,
        title=_("Mark a milestone of %(id)s") % {"id": record},
        text=_("Times are in your zone, %(zone)s. Leave the moment empty for now.")
        % {"zone": timezone.get_current_timezone_name()},
        submit=_("Mark"),
        done=_("The milestone is marked."),
        back=record_url(record),
        form=form,
        act=mark,
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def incident_invite(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_incident(request, public_id)
    form = InviteForm(request.POST if request.method == "POST" else None, incident=record)
    now = timezone.now()
    return ask(
        request,
        title=_("Invite somebody to %(id)s") % {"id": record},
        text=_("Everybody invited files a timeline of their own, or is excused, before the review can open."),
        submit=_("Invite"),
        done=_("Invited."),
        back=f"{record_url(record)}#people",
        form=form,
        act=lambda data: incidents.invite(
            record, user=data["user"], role=data["role"], by=request.user, now=now
        ),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def incident_close(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_incident(request, public_id)
    return ask(
        request,
        title=_("Close %(id)s?") % {"id": record},
        text=_(
            "A closed incident is done with: its postmortem is archived and its items go on by themselves."
        ),
        submit=_("Close the incident"),
        done=_("%(id)s is closed.") % {"id": record},
        back=record_url(record),
        act=lambda _data: incidents.close(record, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def incident_dismiss(request: HttpRequest, public_id: str) -> HttpResponse:
    record = find_incident(request, public_id)
    others = access.incidents(request.user)
    form = DismissForm(request.POST if request.method == "POST" else None, visible=others)
    now = timezone.now()
    return ask(
        request,
        title=_("Dismiss %(id)s?") % {"id": record},
        text=_("For what was no incident of its own. It leaves every figure and needs no postmortem."),
        submit=pgettext("an incident", "Dismiss"),
        done=_("%(id)s is dismissed.") % {"id": record},
        back=record_url(record),
        form=form,
        act=lambda data: incidents.dismiss(
            record,
            as_=data["as_"],
            reason=data["reason"],
            duplicate_of=data["duplicate_of"],
            by=request.user,
            now=now,
        ),
        is_allowed=request.user.is_at_least("member"),
        is_danger=True,
    )


def _clock(record: Incident, now: datetime) -> dict[str, Any] | None:
    """The time to the deadline of the review: what is left of it, or by how much it was missed."""
    if incident_list.review_standing(record, now) is None:
        return None
    done_at = record.review.first_archived_at if record.review else None
    left = record.review_due_at - (done_at or now)
    return {"left": left, "is_over": left < timedelta(0), "size": abs(left), "is_running": done_at is None}


def _twin(record: Incident, user: User) -> Incident | None:
    """The incident that a duplicate is one of, where this reader may see it."""
    if record.duplicate_of_id is None:
        return None
    return access.incidents(user).filter(pk=record.duplicate_of_id).first()


def _change_privacy(request: HttpRequest, record: Incident) -> HttpResponse:
    """What an archived postmortem stands on is fixed; only who may see it can still change."""
    form = PrivacyForm(
        request.POST if request.method == "POST" else None, initial={"is_restricted": record.is_restricted}
    )
    return ask(
        request,
        title=_("Who may see %(id)s?") % {"id": record},
        text=_("Its postmortem is archived, so its facts are fixed. Only this can still be changed."),
        submit=_("Save"),
        done=_("Saved."),
        back=record_url(record),
        form=form,
        act=lambda data: incidents.edit(record, **data, by=request.user, now=timezone.now()),
        is_allowed=request.user.is_at_least("member"),
    )


def review_items(review: Review | None, user: User) -> list[RemediationItem]:
    """What a review promised, the most urgent first, as far as this reader may see it."""
    if review is None:
        return []
    return list(
        items.visible_to(user)
        .filter(review=review)
        .select_related("owner", "severity")
        .order_by("due_at", "id")
    )


def may_excuse(user: User, record: Incident) -> bool:
    """Facilitators by role, and whoever facilitates this incident's review."""
    is_ours = record.review is not None and record.review.facilitator_id == user.pk
    return user.is_at_least("facilitator") or (is_ours and user.is_active)


def record_url(record: Incident) -> str:
    return reverse("web:incident", args=[record.public_id])


def _next_milestone(record: Incident) -> str:
    """The first one after the last that is known: what probably comes next."""
    known = [index for index, name in enumerate(Incident.MILESTONES) if getattr(record, name) is not None]
    following = Incident.MILESTONES[max(known) + 1 :]
    return following[0] if following else ""


def _events(record: Incident, entries: list[Entry]) -> list[dict[str, Any]]:
    """Entries and milestones in one order of time; at the same moment the milestone comes first."""
    events: list[dict[str, Any]] = [
        {"at": milestone.at, "milestone": milestone}
        for milestone in milestones.milestones(record)
        if milestone.at
    ]
    events += [{"at": entry.happened_at, "entry": entry} for entry in entries]
    events.sort(key=_moment_of)
    day = None
    for event in events:
        local = timezone.localtime(event["at"]).date()
        event["is_new_day"], day = local != day, local
    return events


def _moment_of(event: dict[str, Any]) -> tuple[datetime, bool]:
    return event["at"], "entry" in event


urlpatterns = [
    path("incidents/", incident_list.incident_list, name="incidents"),
    path("incidents/export.csv", incident_list.export, name="incidents_csv"),
    path("incidents/<slug:public_id>/", incident, name="incident"),
    path("incidents/<slug:public_id>/edit", incident_edit, name="incident_edit"),
    path("incidents/<slug:public_id>/mark", incident_mark, name="incident_mark"),
    path("incidents/<slug:public_id>/invite", incident_invite, name="incident_invite"),
    path("incidents/<slug:public_id>/close", incident_close, name="incident_close"),
    path("incidents/<slug:public_id>/dismiss", incident_dismiss, name="incident_dismiss"),
]
