"""What a review is made of: its title, its people, the teams present and the incidents that it covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Team, User
from postmortem import access, reviews, trail, values
from postmortem.errors import Archived, Invalid
from postmortem.models import Incident, Review, ReviewStep

FACTS = frozenset({"title", "owner", "facilitator", "teams_present"})
MAX_TEAMS = 50


def edit(review: Review, *, by: User, now: datetime, version: int | None = None, **fields: Any) -> Review:
    """Change the title of a review, its owner, its facilitator or the teams present.

    Args:
        fields: any of `FACTS`; `teams_present` is a list of teams.
        version: the `facts_version` of the review as the writer read it; None saves over whatever there is.

    Raises:
        EditConflict: somebody saved meanwhile.
        Invalid: a value breaks a rule, or the person is inactive.
        Archived, NotAllowed: nothing was written.
    """
    _need_say(review, by)
    if unknown := sorted(fields.keys() - FACTS):
        raise TypeError(f"unknown fields: {', '.join(unknown)}")
    teams = fields.pop("teams_present", None)
    if teams is not None:
        check_teams(teams)
    reviews.check_people(**{name: fields[name] for name in ("owner", "facilitator") if name in fields})
    with trail.act("composition.edit", by=by):
        review = _locked(review)
        _refuse_older(review, fields, teams, version)
        values.fill(review, fields, allowed=FACTS)
        values.check(review)
        review.facts_version += 1
        review.save(update_fields=[*fields, "facts_version"])
        if teams is not None:
            review.teams_present.set(teams)
    return review


def check_teams(teams: Sequence[Team]) -> None:
    """Refuse what is no list of teams, each named once.

    Raises:
        Invalid: `field` is "teams_present".
    """
    if not all(isinstance(team, Team) for team in teams):
        raise Invalid(_("This is not a team."), field="teams_present")
    if len(teams) > MAX_TEAMS:
        raise Invalid(_("%(count)d teams are the most.") % {"count": MAX_TEAMS}, field="teams_present")


def cover(review: Review, *, incidents: Sequence[Incident], by: User, now: datetime) -> Review:
    """Say which incidents a review is about. When that changes, its signatures become stale.

    A restricted incident hides the review from everybody who may not see it.

    Args:
        incidents: all of them; those that are not named leave the review.

    Raises:
        Invalid: none is left, or one was dismissed.
        AlreadyReviewed: one belongs to another review.
        Archived, NotAllowed: nothing was written.
    """
    _need_say(review, by)
    if not incidents:
        raise Invalid(_("Name at least one incident."), field="incidents")
    wanted = {incident.pk for incident in incidents}
    with trail.act("composition.cover", by=by):
        # Incidents before the review: everybody takes these locks in this order.
        touched = list(
            Incident.objects.select_for_update(of=("self",))
            .select_related("review")
            .filter(pk__in=wanted | set(review.incidents.values_list("pk", flat=True)))
            .order_by("pk")
        )
        review = _locked(review)
        present = {incident.pk for incident in touched if incident.review_id == review.pk}
        for incident in touched:
            if incident.pk in wanted - present:
                reviews.refuse_review_of(incident)
        if wanted == present:
            return review
        Incident.objects.filter(pk__in=wanted - present).update(review=review)
        Incident.objects.filter(pk__in=present - wanted).update(review=None)
        # What was signed was signed about other incidents.
        ReviewStep.objects.filter(review=review, signed_at__isnull=False).update(is_stale=True)
    return review


def _refuse_older(
    review: Review, fields: dict[str, Any], teams: Sequence[Team] | None, version: int | None
) -> None:
    """Refuse a save over facts that its writer has not read; people and teams are told by their names."""
    if version is None or version == review.facts_version:
        return
    mine, theirs = dict(fields), {name: getattr(review, name) for name in fields}
    if teams is not None:
        mine["teams_present"] = _names(teams)
        theirs["teams_present"] = _names(review.teams_present.all())
    if mine != theirs:
        raise values.newer(mine, theirs, version=review.facts_version)


def _names(teams: Iterable[Team]) -> str:
    return ", ".join(sorted(team.name for team in teams))


def _need_say(review: Review, by: User) -> None:
    """Its owner and its facilitator decide about a review, and facilitators by role."""
    is_theirs = by.pk in {review.owner_id, review.facilitator_id} and by.is_at_least(User.Role.MEMBER)
    if not is_theirs:
        access.need(by, User.Role.FACILITATOR)


def _locked(review: Review) -> Review:
    review = Review.objects.select_for_update().get(pk=review.pk)
    if review.is_archived:
        raise Archived(_("%(id)s is archived and can no longer change.") % {"id": review.public_id})
    return review
