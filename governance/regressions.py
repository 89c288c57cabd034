"""An item that regresses may declare an incident, where its severity says so (R11); off by default."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, incidents, trail
from postmortem.incidents import DuplicateIncident
from postmortem.models import Incident, IncidentService
from remediation.models import ItemTransition, RegressionIncident, RemediationItem

# An older regression is history: nobody needs an incident of it when a worker was down for long.
DECLARED_WITHIN = timedelta(days=1)
_LONGEST_TITLE = 200


def declare_due(*, now: datetime) -> int:
    """Declare an incident for each regression that asks for one; how many.

    Once for each regression. While the incident of an earlier one of the same item is open, it stands for
    this one as well. Safe to run late, twice or in two places at once.
    """
    return sum(_declare(move.pk, now=now) for move in _asking(now))


def incident_of(item: RemediationItem, *, for_user: User) -> Incident | None:
    """The incident that the last regression of an item declared, as far as this person may see it."""
    found = Incident.objects.filter(access.incident_q(for_user), regressions__transition__item=item)
    return found.order_by("-regressions__pk").first()


def items_of(incident: Incident) -> QuerySet[RemediationItem]:
    """The items whose regression an incident stands for; filter them by who looks."""
    return RemediationItem.objects.filter(transitions__regression__incident=incident).distinct()


def _asking(now: datetime) -> QuerySet[ItemTransition]:
    """Regressions under a policy that was there before them, of which no incident tells yet."""
    return ItemTransition.objects.filter(
        to_state=RemediationItem.State.REGRESSED,
        at__gt=now - DECLARED_WITHIN,
        at__gte=F("item__severity__regressions_declare_from"),
        regression=None,
    ).order_by("pk")


def _declare(move_id: int, *, now: datetime) -> bool:
    with trail.act("regressions.declare", by=None):
        # Two beats may look at once: whoever waited for the lock must see what the first has written.
        move = (
            ItemTransition.objects.select_for_update(of=("self",))
            .select_related("item__owner", "item__team__manager", "item__service", "item__severity")
            .get(pk=move_id)
        )
        by = _declarer(move.item)
        if by is None or RegressionIncident.objects.filter(transition=move).exists():
            return False
        item = move.item
        key = f"regression/{item.public_id}"
        title = _("%(id)s has regressed: %(title)s") % {"id": item.public_id, "title": item.title}
        try:
            incident = incidents.declare(
                title=title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…",
                severity=item.severity,
                started_at=move.at,
                detected_at=move.at,
                services=[(item.service, IncidentService.Part.ORIGIN)],
                summary=_("A check of %(id)s fails again after the fix was verified.")
                % {"id": item.public_id},
                is_restricted=not access.is_open_to_all(review_id=item.review_id),
                source=Incident.Source.REGRESSION,
                dedup_key=key,
                by=by,
                now=now,
            )
            is_new = True
        except DuplicateIncident:
            incident = Incident.objects.get(dedup_key=key, closed_at=None)
            is_new = False
        RegressionIncident.objects.create(transition=move, incident=incident)
        return is_new


def _declarer(item: RemediationItem) -> User | None:
    """In whose name: the owner, else the manager of the team, else a governor; whoever may declare at all."""
    for person in (item.owner, item.team.manager):
        if person is not None and person.is_at_least(User.Role.MEMBER):
            return person
    return User.objects.filter(role=User.Role.GOVERNOR, is_active=True).order_by("pk").first()
