"""The typed evidence of step 2."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from postmortem import document, measurements, reviews, trail
from postmortem.causes import ReviewNotOpen, StepSigned
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.measurements import Fetched, Line
from postmortem.models import MetricSnapshot
from postmortem.steps import EvidenceMissing
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db

WINDOW = {"window_start": NOW - DAY, "window_end": NOW - DAY + timedelta(minutes=10)}


def fetched(**fields):
    sound = {
        "source_name": "Prometheus",
        "promql": "max(threads_connected)",
        "step_seconds": 60,
        "series": [Line({"service": "order"}, [(1_795_000_000.0, "200"), (1_795_000_060.0, "NaN")])],
        "hidden_series": 2,
        "warnings": ["Some store did not answer."],
        "fetched_at": NOW,
    }
    return Fetched(**WINDOW | sound | fields)


def state(review, **changes):
    arguments = WINDOW | {"title": "Threads connected", "value": 200.0, "by": review.owner, "now": NOW}
    return measurements.state(review, **arguments | changes)


@pytest.fixture
def review():
    return factories.review(is_open=True)


def test_what_was_fetched_is_kept_whole(review):
    kept = measurements.attach(
        review, fetched(), title="Threads connected", value=200.0, unit="threads", by=review.owner, now=NOW
    )

    kept.refresh_from_db()
    assert kept.is_fetched
    assert kept.series == [
        {"labels": {"service": "order"}, "points": [[1_795_000_000.0, "200"], [1_795_000_060.0, "NaN"]]}
    ]
    assert (kept.source_name, kept.step_seconds, kept.hidden_series, kept.warnings) == (
        "Prometheus",
        60,
        2,
        ["Some store did not answer."],
    )
    assert (kept.value, kept.unit, kept.added_by, kept.step.position) == (200.0, "threads", review.owner, 2)
    assert trail.of(kept).get().act == "measurements.attach"


def test_a_person_may_state_a_value_that_nobody_can_fetch(review):
    stated = state(review, source_name="Dashboard of order", unit="threads")

    assert (stated.is_fetched, stated.series, stated.value) == (False, None, 200.0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"value": None}, "value"),
        ({"value": float("nan")}, "value"),
        ({"value": True}, "value"),
        ({"unit": "x" * 41}, "unit"),
        ({"window_end": NOW - DAY}, "window_end"),
        ({"window_end": NOW + DAY}, "window_end"),
        ({"window_start": None}, "window_start"),
        ({"window_start": datetime(1999, 1, 1, tzinfo=UTC)}, "window_start"),
        ({"source_name": "x" * 81}, "source_name"),
    ],
)
def test_a_bad_value_is_refused_and_its_field_named(review, changes, field):
    with pytest.raises(Invalid) as refusal:
        state(review, **changes)

    assert refusal.value.field == field
    assert not MetricSnapshot.objects.exists()


def test_a_measurement_is_evidence_enough_for_step_2(review):
    first, second = review.steps.all()[:2]
    factories.signed(first)
    factories.written(second, evidence="")

    with pytest.raises(EvidenceMissing) as refusal:
        reviews.sign(second, by=review.owner, now=NOW)
    assert refusal.value.details == {"fields": ["evidence"]}

    state(review)
    assert reviews.sign(second, by=review.owner, now=NOW).is_signed


def test_measurements_of_another_step_are_no_evidence(review):
    first = review.steps.first()
    factories.written(first, evidence="")
    state(review)

    with pytest.raises(EvidenceMissing):
        reviews.sign(first, by=review.owner, now=NOW)


class TestUnderSignature:
    @pytest.fixture
    def kept(self, review):
        kept = factories.fetched_measurement(review)
        for step in review.steps.all()[:2]:
            factories.signed(step)
        return kept

    def test_nothing_is_added_or_removed_until_the_step_is_reopened(self, review, kept):
        for act in (
            lambda: state(review),
            lambda: measurements.attach(review, fetched(), title="x", by=review.owner, now=NOW),
            lambda: measurements.remove(kept, by=review.owner, now=NOW),
            lambda: measurements.refuse_closed(review, by=review.owner),
        ):
            with pytest.raises(StepSigned) as refusal:
                act()
            assert refusal.value.details == {"position": 2}

        reviews.reopen(review.steps.get(position=2), reason="Wrong query.", by=review.owner, now=NOW)
        measurements.remove(kept, by=review.owner, now=NOW)
        assert not MetricSnapshot.objects.exists()

    def test_the_database_refuses_raw_statements_too(self, review, kept):
        rows = MetricSnapshot.objects.filter(pk=kept.pk)
        for statement in (rows.delete, lambda: factories.measurement(review)):
            with pytest.raises(DatabaseError, match="belongs to a signed step"), transaction.atomic():
                statement()

    def test_the_database_refuses_to_edit_one_at_any_time(self, review):
        kept = factories.measurement(review)

        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            MetricSnapshot.objects.filter(pk=kept.pk).update(value=1)

    def test_the_first_change_under_a_stale_signature_takes_it_away(self, review, kept):
        reviews.reopen(review.steps.get(position=1), reason="Another start.", by=review.owner, now=NOW)

        measurements.remove(kept, by=review.owner, now=NOW)

        step = review.steps.get(position=2)
        assert (step.signed_at, step.signed_by, step.is_stale) == (None, None, False)


def test_the_database_refuses_a_window_without_length_and_half_fetched_rows(review):
    for fields in (
        {"window_end": NOW - DAY},
        {"value": None},
        {"fetched_at": NOW},
        {"title": ""},
        {"series": []},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            factories.measurement(review, **fields)


def test_measurements_need_an_open_review_and_a_member(review):
    with pytest.raises(ReviewNotOpen):
        state(factories.review())
    with pytest.raises(NotAllowed):
        state(review, by=factories.user(role="viewer"))
    with pytest.raises(Archived):
        state(factories.archived_review())


def test_they_belong_to_the_content_that_is_hashed(review):
    before = document.content_hash(review)
    kept = factories.fetched_measurement(review)

    content = document.content(review)
    assert content["measurements"][0]["series"] == kept.series
    assert content["measurements"][0]["promql"] == "max(threads_connected)"
    assert document.content_hash(review) != before
    assert "changes" not in content
