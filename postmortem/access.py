"""The one filter that says which rows a person may see, and who may act at all.

Restricted incidents are visible to their participants, to the manager of the team that owns the service they
came from, and to governors and above; so is everything derived from them. Every exit (pages, API, search,
exports, reports) filters through this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, Model, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KT
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem.errors import NotAllowed
from postmortem.models import (
    Entry,
    EvidenceFile,
    ImportedDocument,
    Incident,
    IncidentService,
    Participant,
    Review,
    Service,
    Timeline,
    TrailEntry,
)

# Written out, for an index that holds these alone: a plan that is kept for any value could not use it.
_ORIGIN = RawSQL("'origin'", (), output_field=CharField())


def incident_q(user: User, prefix: str = "") -> Q:
    """Which incidents the person may see, as a condition that can be combined and can look through joins.

    Args:
        prefix: the way from the filtered model to the incident, for example "participant__incident__". For
            a way that leads through a review use `review_q`: one hidden incident hides the whole review.
    """
    if not user.is_active:
        return Q(**{f"{prefix}pk__in": []})
    if sees_everything(user):
        return Q()
    taken_part = Participant.objects.filter(user=user).values("incident")
    managed = IncidentService.objects.filter(part=_ORIGIN, service__team__manager=user).values("incident")
    return (
        Q(**{f"{prefix}is_restricted": False})
        | Q(**{f"{prefix}pk__in": taken_part})
        | Q(**{f"{prefix}pk__in": managed})
    )


def review_q(user: User, prefix: str = "") -> Q:
    """Which reviews the person may see: those of whose incidents none is hidden from them.

    Args:
        prefix: the way from the filtered model to the review, for example "review__". Rows without a review
            (where the way may be empty) pass.
    """
    if not user.is_active:
        return Q(**{f"{prefix}pk__in": []})
    if sees_everything(user):
        return Q()
    hidden = Incident.objects.filter(~incident_q(user), review__isnull=False).values("review")
    return ~Q(**{f"{prefix}pk__in": hidden})


def entry_q(user: User, prefix: str = "") -> Q:
    """Which timeline entries the person may read: their own, and those of filed timelines.

    Unfiled entries are sealed to everybody else, administrators included.

    Args:
        prefix: the way from the filtered model to the entry, for example "entry__".
    """
    unsealed = Q(**{f"{prefix}timeline__filed_at__isnull": False}) | Q(
        **{f"{prefix}timeline__participant__user": user}
    )
    return incident_q(user, f"{prefix}timeline__participant__incident__") & unsealed


@dataclass(frozen=True)
class Opening:
    """The moment from which others could read a record, and the row of the trail that says so."""

    trail_id: int
    at: datetime


def opening(record: Model, user: User) -> Opening | None:
    """Where the history of a record begins for somebody who may read it; None: they may read all of it.

    What an author typed on a sealed timeline and changed before it was filed stays the author's: for others
    the history begins with the text that was filed.
    """
    if not isinstance(record, Entry) or record.timeline.participant.user_id == user.pk:
        return None
    filings = TrailEntry.objects.filter(model=Timeline._meta.db_table, object_id=record.timeline_id)
    filings = filings.annotate(filed=KT("after__filed_at")).filter(filed__isnull=False)
    # Where nobody knows when it was filed, nothing is read but what stands now.
    trail_id, at = filings.values_list("pk", "filed").first() or (_LAST_ID, "")
    return Opening(trail_id, parse_datetime(at) or record.timeline.filed_at or record.created_at)


_LAST_ID = 2**63 - 1


def evidence(user: User) -> QuerySet[EvidenceFile]:
    """The evidence files this person may open: as sealed and as restricted as what they belong to."""
    return EvidenceFile.objects.filter(
        Q(entry__isnull=False) & entry_q(user, "entry__")
        | Q(incident__isnull=False) & incident_q(user, "incident__")
        | Q(step__isnull=False) & review_q(user, "step__review__")
    )


def incidents(user: User) -> QuerySet[Incident]:
    """The incidents this person may see."""
    return Incident.objects.filter(incident_q(user))


def reviews(user: User) -> QuerySet[Review]:
    """The reviews and postmortems this person may see."""
    return Review.objects.filter(review_q(user))


def imports(user: User) -> QuerySet[ImportedDocument]:
    """The documents this person imported: like a timeline that is not filed, they are nobody else's."""
    if not user.is_active:
        return ImportedDocument.objects.none()
    return ImportedDocument.objects.filter(imported_by=user)


def services(user: User) -> QuerySet[Service]:
    """The services this person may see: all of them; names of services are no secret."""
    return Service.objects.all() if user.is_active else Service.objects.none()


def is_visible(incident: Incident, user: User) -> bool:
    """Whether this person may see this incident."""
    return incidents(user).filter(pk=incident.pk).exists()


def sees_everything(user: User) -> bool:
    return user.is_active and (user.is_superuser or user.is_at_least(User.Role.GOVERNOR))


def is_open_to_all(*, incident: Incident | None = None, review_id: int | None = None) -> bool:
    """Whether everybody may see what belongs to this incident or this review, for readers whom nobody knows.

    A chat is such a reader: whoever is in it reads what is written there. One restricted incident restricts
    the whole review. What belongs to neither is open.
    """
    if incident is not None:
        # As it stands now, not as whoever calls has read it.
        return Incident.objects.filter(pk=incident.pk, is_restricted=False).exists()
    return not Incident.objects.filter(review=review_id, review__isnull=False, is_restricted=True).exists()


def need(user: User, role: str) -> None:
    """Refuse an act to a person below a role.

    Raises:
        NotAllowed: the person is inactive or has a lesser role.
    """
    if not user.is_at_least(role):
        raise NotAllowed(
            _("This needs the role “%(role)s”.") % {"role": User.Role(role).label}, details={"role": role}
        )
