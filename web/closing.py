"""What still stands between an incident and its closing, in the order in which it is usually done."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from postmortem import incidents
from postmortem.models import Incident, Participant


@dataclass(frozen=True)
class Step:
    """One thing on the way to a closed incident; `state` is done, now (the next thing to do) or later."""

    title: str
    note: str
    url: str
    is_done: bool
    state: str


def steps(incident: Incident, *, people: Sequence[Participant], may_edit: bool) -> list[Step]:
    """The way to the closing; [] for a dismissed incident, which has none.

    Args:
        incident: as `web.incidents.find_incident` gives it.
        people: the participants with `settled`, as `web.incidents.people_of` gives them.
        may_edit: whether the reader may do what leads on, or only see how far it is.
    """
    if incident.dismissed_as:
        return []
    rows = [_resolved(incident, may_edit)]
    if incidents.requires_postmortem(incident):
        rows += [_timelines(people), _review(incident, may_edit), _signed(incident), _archived(incident)]
    rows.append((_("The incident is closed"), "", "", incident.closed_at is not None))
    is_first = True
    found = []
    for title, note, url, is_done in rows:
        state = "done" if is_done else "now" if is_first else "later"
        is_first = is_first and is_done
        found.append(Step(title, note, url, is_done, state))
    return found


_Row = tuple[str, str, str, bool]


def _resolved(incident: Incident, may_edit: bool) -> _Row:
    url = (
        reverse("web:incident_mark", args=[incident.public_id]) + "?milestone=resolved_at" if may_edit else ""
    )
    return _("The service is restored"), "", url, incident.resolved_at is not None


def _timelines(people: Sequence[Participant]) -> _Row:
    missing = [str(person.user) for person in people if person.settled == "sealed"]
    note = _("missing: %(names)s") % {"names": ", ".join(missing)} if missing else ""
    if not people:
        note = _("nobody is invited yet")
    return _("Everybody filed a timeline or is excused"), note, "#people", not missing and bool(people)


def _review(incident: Incident, may_edit: bool) -> _Row:
    title = _("The review is open")
    if incident.review is not None:
        return title, "", _review_url(incident), incident.review.opened_at is not None
    url = reverse("web:review_new", args=[incident.public_id]) if may_edit else ""
    return title, _("not started"), url, False


def _signed(incident: Incident) -> _Row:
    done = sum(step.is_signed for step in incident.review.steps.all()) if incident.review else 0
    note = _("%(done)s of 4") % {"done": done}
    return _("Its four steps are signed"), note, _review_url(incident), done == 4


def _archived(incident: Incident) -> _Row:
    is_archived = incident.review is not None and incident.review.is_archived
    url = f"{_review_url(incident)}#gaps" if incident.shows_review else ""
    return _("The postmortem is archived"), "", url, is_archived


def _review_url(incident: Incident) -> str:
    """Where its review is, "" where there is none that the reader may see."""
    return reverse("web:review", args=[incident.review.public_id]) if incident.shows_review else ""
