"""The one thing that this reader can do next for an incident."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from postmortem import incidents
from postmortem.models import Incident, Participant
from remediation import plan


@dataclass(frozen=True)
class NextAction:
    """What to do, and where; `url` is "" when others must do it."""

    words: str
    url: str
    icon: str


def of(incident: Incident, *, people: Sequence[Participant], user: User) -> NextAction | None:
    """The next thing on the way to a closed incident, as this reader sees it; None where nothing is left.

    Args:
        incident: as `web.incidents.find_incident` gives it.
        people: the participants with `settled`, as `web.incidents.people_of` gives them.
    """
    if incident.closed_at is not None or incident.dismissed_as:
        return None
    may_edit = user.is_at_least(User.Role.MEMBER)
    is_archived = incident.review is not None and incident.review.is_archived
    mine = next((one for one in people if one.user_id == user.pk), None)
    if mine is not None and mine.settled == "sealed" and not is_archived:
        return NextAction(_("File your timeline"), _page("timeline", incident), "edit")
    if incident.resolved_at is None:
        may_mark = may_edit and not is_archived
        url = f"{_page('incident_mark', incident)}?milestone=resolved_at" if may_mark else ""
        return NextAction(_("Mark when the service is restored"), url, "flag")
    if incidents.requires_postmortem(incident) and not is_archived:
        return _on_the_way(incident, people, may_edit=may_edit)
    return NextAction(
        _("Close the incident"), _page("incident_close", incident) if may_edit else "", "archive"
    )


def _on_the_way(incident: Incident, people: Sequence[Participant], *, may_edit: bool) -> NextAction:
    """What the postmortem waits for."""
    if not people:
        url = _page("incident_invite", incident) if may_edit else ""
        return NextAction(_("Invite who was there"), url, "user")
    missing = sum(one.settled == "sealed" for one in people)
    review = incident.review
    if missing and (review is None or review.opened_at is None):
        words = ngettext("%(n)d timeline is missing", "%(n)d timelines are missing", missing)
        return NextAction(words % {"n": missing}, "#people", "clock")
    if review is None:
        return NextAction(
            _("Start the review"), _page("review_new", incident) if may_edit else "", "postmortem"
        )
    # A review that tells of a hidden incident too is named, and leads nowhere.
    here = reverse("web:review", args=[review.public_id]) if incident.shows_review else ""
    if review.opened_at is None:
        return NextAction(_("Open the review"), here and f"{here}#preparing", "postmortem")
    step = next((one for one in review.steps.order_by("position") if not one.is_signed), None)
    if step is not None:
        words = _("Step %(number)d waits for a signature") % {"number": step.position}
        return NextAction(words, here and f"{here}?step={step.kind}#step-{step.kind}", "sign")
    gaps = len(plan.gaps(review))
    words = ngettext("Archive: %(n)d gap", "Archive: %(n)d gaps", gaps) % {"n": gaps}
    return NextAction(words if gaps else _("Archive the postmortem"), here and f"{here}#gaps", "archive")


def _page(name: str, incident: Incident) -> str:
    return reverse(f"web:{name}", args=[incident.public_id])
