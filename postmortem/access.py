"""The one filter that says which rows a person may see, and who may act at all.

Restricted incidents are visible to their participants, to the manager of the team that owns the service they
came from, and to governors and above; so is everything derived from them. Every exit (pages, API, search,
exports, reports) filters through this module.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem.errors import NotAllowed
from postmortem.models import Incident, IncidentService, Participant, Review, Service


def incident_q(user: User, prefix: str = "") -> Q:
    """Which incidents the person may see, as a condition that can be combined and can look through joins.

    Args:
        prefix: the way from the filtered model to the incident, for example "participant__incident__". For
            a way that leads through a review use `review_q`: one hidden incident hides the whole review.
    """
    if not user.is_active:
        return Q(**{f"{prefix}pk__in": []})
    if _sees_everything(user):
        return Q()
    taken_part = Participant.objects.filter(user=user).values("incident")
    managed = IncidentService.objects.filter(
        part=IncidentService.Part.ORIGIN, service__team__manager=user
    ).values("incident")
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
    if _sees_everything(user):
        return Q()
    hidden = Incident.objects.filter(~incident_q(user), review__isnull=False).values("review")
    return ~Q(**{f"{prefix}pk__in": hidden})


def incidents(user: User) -> QuerySet[Incident]:
    """The incidents this person may see."""
    return Incident.objects.filter(incident_q(user))


def reviews(user: User) -> QuerySet[Review]:
    """The reviews and postmortems this person may see."""
    return Review.objects.filter(review_q(user))


def services(user: User) -> QuerySet[Service]:
    """The services this person may see: all of them; names of services are no secret."""
    return Service.objects.all() if user.is_active else Service.objects.none()


def is_visible(incident: Incident, user: User) -> bool:
    """Whether this person may see this incident."""
    return incidents(user).filter(pk=incident.pk).exists()


def _sees_everything(user: User) -> bool:
    return user.is_active and (user.is_superuser or user.is_at_least(User.Role.GOVERNOR))


def need(user: User, role: str) -> None:
    """Refuse an act to a person below a role.

    Raises:
        NotAllowed: the person is inactive or has a lesser role.
    """
    if not user.is_at_least(role):
        raise NotAllowed(
            _("This needs the role “%(role)s”.") % {"role": User.Role(role).label}, details={"role": role}
        )
