"""The demo's reviews hold what a review can hold: measured, correlated, approved."""

import pytest
from django.utils import timezone

from ops.story import people, tell
from postmortem import approvals
from postmortem.models import Change, MetricSnapshot, Review

pytestmark = pytest.mark.django_db


def test_archived_reviews_of_the_demo_are_measured_correlated_and_approved():
    tell.tell(people.gather(password="correct horse battery staple"), now=timezone.now())

    archived = Review.objects.filter(archived_at__isnull=False)
    for review in archived:
        assert approvals.missing(review, asked=approvals.policy(review)) == 0, review.title
    measured = MetricSnapshot.objects.filter(step__review__in=archived)
    assert {snapshot.is_fetched for snapshot in measured} == {True}
    assert {change.verdict for change in Change.objects.all()} == {"culprit", "cleared"}
