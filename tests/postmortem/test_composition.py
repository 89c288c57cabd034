"""Who and what a review is made of, changed after it began."""

import pytest

from postmortem import composition, reviews, trail
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.models import PresentTeam
from postmortem.reviews import AlreadyReviewed
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def review():
    return factories.review(is_open=True)


class TestEdit:
    def test_title_people_and_teams_change_and_are_recorded(self, review):
        owner, facilitator, team = factories.user(), factories.user(), factories.team()

        composition.edit(
            review,
            title="Another title",
            owner=owner,
            facilitator=facilitator,
            teams_present=[team],
            by=review.owner,
            now=NOW,
        )

        review.refresh_from_db()
        assert (review.title, review.owner, review.facilitator) == ("Another title", owner, facilitator)
        assert list(review.teams_present.all()) == [team]
        assert trail.of(review).first().act == "composition.edit"
        assert trail.of(PresentTeam.objects.get()).get().after["team_id"] == team.pk

    def test_what_is_not_named_stays(self, review):
        review.teams_present.add(factories.team())

        composition.edit(review, title="Another title", by=review.owner, now=NOW)

        assert review.teams_present.count() == 1

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"title": " "}, "title"),
            ({"title": "x" * 201}, "title"),
            ({"owner": None}, "owner"),
            ({"facilitator": "Ada"}, "facilitator"),
            ({"teams_present": ["orders"]}, "teams_present"),
        ],
    )
    def test_a_bad_value_is_refused_and_its_field_named(self, review, fields, field):
        with pytest.raises(Invalid) as refusal:
            composition.edit(review, by=review.owner, now=NOW, **fields)
        assert refusal.value.field == field

    def test_inactive_people_and_viewers_carry_no_review(self, review):
        for person in (factories.user(is_active=False), factories.user(role="viewer")):
            with pytest.raises(Invalid):
                composition.edit(review, owner=person, by=review.owner, now=NOW)

    def test_its_people_and_facilitators_decide_others_do_not(self, review):
        for person in (review.owner, review.facilitator, factories.user(role="facilitator")):
            assert composition.edit(review, title=f"By {person}", by=person, now=NOW).title == f"By {person}"
        for person in (factories.user(), factories.user(role="viewer")):
            with pytest.raises(NotAllowed):
                composition.edit(review, title="x", by=person, now=NOW)

    def test_an_archived_review_stays_as_it_is(self):
        review = factories.archived_review()
        with pytest.raises(Archived):
            composition.edit(review, title="x", by=review.owner, now=NOW)
        with pytest.raises(Archived):
            composition.cover(review, incidents=[factories.incident()], by=review.owner, now=NOW)


class TestCover:
    def test_incidents_come_and_go_and_signatures_become_stale(self, review):
        first, second = review.incidents.get(), factories.incident()
        factories.signed(review.steps.first())

        composition.cover(review, incidents=[first, second], by=review.owner, now=NOW)
        assert set(review.incidents.all()) == {first, second}
        assert review.steps.first().is_stale
        composition.cover(review, incidents=[second], by=review.owner, now=NOW)

        first.refresh_from_db()
        assert (first.review, list(review.incidents.all())) == (None, [second])

    def test_the_same_incidents_again_change_nothing(self, review):
        factories.signed(review.steps.first())

        composition.cover(review, incidents=[review.incidents.get()], by=review.owner, now=NOW)

        assert review.steps.first().is_signed

    def test_none_left_is_refused(self, review):
        with pytest.raises(Invalid) as refusal:
            composition.cover(review, incidents=[], by=review.owner, now=NOW)
        assert refusal.value.field == "incidents"

    def test_one_of_another_review_or_a_dismissed_one_is_refused_and_nothing_written(self, review):
        mine, free = review.incidents.get(), factories.incident()
        taken = factories.review().incidents.get()
        dismissed = factories.incident(dismissed_as="duplicate", dismissed_reason="x")

        with pytest.raises(AlreadyReviewed):
            composition.cover(review, incidents=[mine, free, taken], by=review.owner, now=NOW)
        with pytest.raises(Invalid):
            composition.cover(review, incidents=[mine, free, dismissed], by=review.owner, now=NOW)

        free.refresh_from_db()
        assert free.review is None

    def test_a_new_incident_brings_its_open_timelines_as_a_gap(self, review):
        late = factories.participant()

        composition.cover(review, incidents=[review.incidents.get(), late.incident], by=review.owner, now=NOW)

        assert "timelines_missing" in {gap.code for gap in reviews.gaps(review)}


def test_a_review_begins_with_several_incidents_and_the_teams_present():
    incidents, team, by = [factories.incident(), factories.incident()], factories.team(), factories.user()

    review = reviews.create(
        incidents=incidents, title="Both", owner=by, facilitator=by, teams_present=[team], by=by, now=NOW
    )

    assert set(review.incidents.all()) == set(incidents)
    assert list(review.teams_present.all()) == [team]
