"""Causes that come back: suggested by likeness, decided by a person, shown to who may see them."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from postmortem import recurrences, reviews
from postmortem.causes import ReviewNotOpen, StepSigned
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import CauseClass, Incident, Recurrence, RootCause
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db

WORDS = "The connection pool has no timeout, so every request waits."


def cause_of(days_ago: int, words: str = WORDS, *, service=None, slug: str = "", **incident) -> RootCause:
    """A verified cause of an incident that began so long ago, in an open review."""
    told = factories.resolved_incident(
        started_at=NOW - days_ago * DAY, services=[service or factories.service()], **incident
    )
    cause = factories.verified_cause(factories.review(incidents=[told], is_open=True), words)
    # Nothing in common but what a test says.
    RootCause.objects.filter(pk=cause.pk).update(evidence=".")
    if slug:
        RootCause.objects.filter(pk=cause.pk).update(cause_class=CauseClass.objects.get(slug=slug))
    cause.refresh_from_db()
    return cause


@pytest.fixture
def member():
    return factories.user()


def suggested(cause: RootCause, to) -> list[RootCause]:
    return [one.earlier for one in recurrences.suggest(cause, to=to)]


def confirm(cause: RootCause, earlier: RootCause, by, verdict: str = "confirmed") -> Recurrence:
    return recurrences.judge(cause, earlier=earlier, verdict=verdict, by=by, now=NOW)


def test_earlier_cause_is_suggested_with_its_reasons(member):
    service = factories.service("order")
    earlier = cause_of(60, service=service, slug="capacity-pool")
    cause_of(50, "A certificate expired.", service=service)
    cause = cause_of(1, "No timeout on the pool.", service=service, slug="capacity-pool")

    [found] = recurrences.suggest(cause, to=member)

    assert found.earlier == earlier
    assert (found.likeness.shared_class, found.likeness.shared_services) == ("capacity-pool", ("order",))
    assert set(found.likeness.shared_words) == {"pool", "timeout"}


def test_later_own_refuted_and_unopened_causes_are_not_suggested(member):
    cause = cause_of(10)
    cause_of(5)
    factories.cause(cause.review, WORDS)
    refuted = cause_of(20)
    RootCause.objects.filter(pk=refuted.pk).update(state="refuted")
    unopened = factories.review(incidents=[factories.resolved_incident(started_at=NOW - 30 * DAY)])
    factories.cause(unopened, WORDS)

    assert suggested(cause, member) == []
    assert suggested(refuted, member) == []


def test_whys_and_evidence_are_compared_too(member):
    earlier = cause_of(20, "Orders stood still.")
    RootCause.objects.filter(pk=earlier.pk).update(
        whys=[{"why": "The semaphore of the broker was never released.", "evidence": ""}]
    )
    cause = cause_of(1, "A semaphore of the broker leaked, it was not released.")

    assert suggested(cause, member) == [earlier]


def test_judged_ones_are_not_suggested_again(member):
    earlier, other, cause = cause_of(60), cause_of(50), cause_of(1)
    assert suggested(cause, member) == [other, earlier] or suggested(cause, member) == [earlier, other]

    confirm(cause, earlier, member)
    confirm(cause, other, member, "rejected")

    assert suggested(cause, member) == []
    [link] = recurrences.confirmed([cause], to=member)
    assert (link.earlier, link.judged_by, link.judged_at) == (earlier, member, NOW)
    assert [one.cause for one in recurrences.came_back([earlier], to=member)] == [cause]
    assert recurrences.came_back([other], to=member) == []


def test_later_word_replaces_an_earlier_one(member):
    earlier, cause = cause_of(60), cause_of(1)
    confirm(cause, earlier, member)

    confirm(cause, earlier, factories.user("Nia"), "rejected")

    [row] = recurrences.judged(cause, to=member)
    assert (row.verdict, row.judged_by.name) == ("rejected", "Nia")


@pytest.mark.parametrize("what", ["own review", "later", "itself", "refuted"])
def test_what_cannot_have_come_back_is_refused(member, what):
    cause = cause_of(10)
    earlier = {
        "own review": lambda: factories.cause(cause.review, WORDS),
        "later": lambda: cause_of(5),
        "itself": lambda: cause,
        "refuted": lambda: cause_of(20),
    }[what]()
    if what == "refuted":
        RootCause.objects.filter(pk=earlier.pk).update(state="refuted")

    with pytest.raises(Invalid) as refusal:
        confirm(cause, earlier, member)

    assert refusal.value.field == ("verdict" if what == "refuted" else "earlier")
    assert not Recurrence.objects.exists()


def test_viewer_says_nothing():
    with pytest.raises(NotAllowed):
        confirm(cause_of(1), cause_of(20), factories.user(role="viewer"))


def test_signed_step_is_reopened_first_and_the_archive_takes_a_word(member):
    earlier, cause = cause_of(60), cause_of(1)
    for step in cause.review.steps.all():
        factories.signed(step)

    with pytest.raises(StepSigned):
        confirm(cause, earlier, member)
    reviews.reopen(cause.review.steps.get(position=4), reason="Seen before.", by=member, now=NOW)
    confirm(cause, earlier, member)


def test_word_after_the_archive_changes_nothing_in_it(member):
    earlier = cause_of(60)
    review = factories.archived_review(incidents=[factories.resolved_incident(started_at=NOW - DAY)])
    before = reviews.content(review)

    confirm(review.causes.get(), earlier, member)

    review.refresh_from_db()
    assert reviews.content(review) == before


def test_review_must_be_open(member):
    earlier = cause_of(60)
    unopened = factories.review(incidents=[factories.resolved_incident()])

    with pytest.raises(ReviewNotOpen):
        confirm(factories.cause(unopened), earlier, member)


def test_database_refuses_a_second_word_and_a_cause_that_repeats_itself(member):
    earlier, cause = cause_of(60), cause_of(1)
    confirm(cause, earlier, member)
    row = {"verdict": "rejected", "judged_by": member, "judged_at": NOW}

    for pair in ({"cause": cause, "earlier": earlier}, {"cause": cause, "earlier": cause}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Recurrence.objects.create(**pair, **row)


def test_restricted_review_leaks_neither_as_suggestion_nor_as_link(member):
    insider = factories.user("Ina")
    hidden = cause_of(60, is_restricted=True, participants=[insider])
    cause = cause_of(1)

    assert suggested(cause, member) == []
    assert suggested(cause, insider) == [hidden]
    with pytest.raises(Invalid):
        confirm(cause, hidden, member)
    confirm(cause, hidden, insider)
    assert recurrences.confirmed([cause], to=member) == []
    assert list(recurrences.judged(cause, to=member)) == []
    assert len(recurrences.confirmed([cause], to=insider)) == 1

    Incident.objects.update(is_restricted=False)
    Incident.objects.filter(review=cause.review).update(is_restricted=True)
    assert recurrences.came_back([hidden], to=member) == []


def test_candidates_are_bounded_and_the_queries_constant(member, django_assert_num_queries, monkeypatch):
    service = factories.service()
    cause = cause_of(1, service=service, slug="capacity-pool")
    cause_of(40, service=service)
    with django_assert_num_queries(7):
        recurrences.suggest(cause, to=member)
    for days in (50, 60, 70):
        cause_of(days, service=service)

    with django_assert_num_queries(7):
        assert len(recurrences.suggest(cause, to=member)) == 4
    monkeypatch.setattr(recurrences, "CANDIDATES", 1)
    assert len(recurrences.suggest(cause, to=member)) == 1


def test_repeats_are_rows_for_reports(member):
    earlier = cause_of(200)
    cause = cause_of(30)
    drill = cause_of(20, is_drill=True)
    old = cause_of(150)
    for later in (cause, drill, old):
        confirm(later, earlier, member)
    confirm(cause, old, member, "rejected")

    rows = recurrences.repeats(start=NOW - 90 * DAY, end=NOW)

    assert [(row.cause_id, row.earlier_review, row.counts, row.is_primary) for row in rows] == [
        (cause.pk, earlier.review.public_id, True, True),
        (drill.pk, earlier.review.public_id, False, True),
    ]
    assert rows[0].happened_at - rows[0].earlier_at == timedelta(days=170)
