import pytest
from django.db import DataError, IntegrityError, transaction

from postmortem import causes, reviews
from postmortem.causes import CauseHasItems, ReviewNotOpen, StepSigned
from postmortem.errors import Archived, EditConflict, Invalid, NotAllowed
from postmortem.models import CauseClass, RootCause
from tests import factories
from tests.factories import NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def review():
    return factories.review(is_open=True)


@pytest.fixture
def by():
    return factories.user()


def record(review, **changes):
    sound = {"statement": "The pool has no timeout.", "part": "root", "by": review.owner, "now": NOW}
    return causes.record(review, **sound | changes)


def test_a_cause_begins_as_a_hypothesis(review):
    cause = record(review)

    assert (cause.state, cause.is_primary, cause.created_at) == ("hypothesis", False, NOW)


def test_trigger_and_root_cause_stand_apart(review):
    """R24: the wrong Go version set it off; the unpinned runtime had to be so."""
    record(review, statement="go1.19.2 on the host", part="trigger")
    record(review, statement="The runtime is not pinned.", part="root", is_primary=True)

    assert [(cause.part, cause.is_primary) for cause in review.causes.all()] == [
        ("root", True),
        ("trigger", False),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"statement": " "}, "statement"),
        ({"statement": "x" * 4001}, "statement"),
        ({"statement": "a\x00"}, "statement"),
        ({"part": "person"}, "part"),
        ({"part": "trigger", "is_primary": True}, "is_primary"),
    ],
)
def test_record_refuses_bad_values_and_names_the_field(review, changes, field):
    with pytest.raises(Invalid) as refusal:
        record(review, **changes)

    assert refusal.value.field == field
    assert not review.causes.exists()


def test_the_primary_cause_is_one(review):
    first = record(review, is_primary=True)
    second = record(review, statement="No circuit breaker.", is_primary=True)

    first.refresh_from_db()
    assert (first.is_primary, second.is_primary) == (False, True)

    causes.make_primary(first, by=review.owner, now=NOW)
    assert review.causes.get(is_primary=True) == first
    with pytest.raises(Invalid):
        causes.make_primary(record(review, part="contributing"), by=review.owner, now=NOW)


def test_settle_needs_evidence(review):
    cause = record(review)

    for state in ("verified", "refuted"):
        with pytest.raises(Invalid) as refusal:
            causes.settle(cause, state=state, evidence=" ", by=review.owner, now=NOW)
        assert refusal.value.field == "evidence"
    with pytest.raises(Invalid) as refusal:
        causes.settle(cause, state="certain", evidence="x", by=review.owner, now=NOW)
    assert refusal.value.field == "state"

    settled = causes.settle(
        cause, state="verified", evidence="247 clients, limit 200.", by=review.owner, now=NOW
    )
    assert (settled.state, settled.evidence) == ("verified", "247 clients, limit 200.")
    assert (
        causes.settle(cause, state="hypothesis", evidence="", by=review.owner, now=NOW).state == "hypothesis"
    )


def test_a_new_wording_is_a_hypothesis_again(review):
    cause = factories.verified_cause(review)

    reclassified = causes.edit(cause, statement=cause.statement, part="root", by=review.owner, now=NOW)
    assert reclassified.state == "verified"
    reworded = causes.edit(cause, statement="Another.", part="root", by=review.owner, now=NOW)
    assert reworded.state == "hypothesis"
    with pytest.raises(Invalid) as refusal:
        causes.edit(cause, statement="Another.", part="trigger", by=review.owner, now=NOW)
    assert refusal.value.field == "part"


def test_remove_spares_a_cause_that_items_name(review):
    cause = record(review)

    with pytest.raises(CauseHasItems) as refusal:
        causes.remove(cause, items=["RI-2026-0001"], by=review.owner, now=NOW)
    assert refusal.value.details == {"items": ["RI-2026-0001"]}

    causes.remove(cause, items=[], by=review.owner, now=NOW)
    assert not review.causes.exists()


def acts_on(cause, by):
    return (
        lambda: record(cause.review, by=by),
        lambda: causes.edit(cause, statement="x", part="root", by=by, now=NOW),
        lambda: causes.settle(cause, state="refuted", evidence="x", by=by, now=NOW),
        lambda: causes.make_primary(cause, by=by, now=NOW),
        lambda: causes.remove(cause, items=[], by=by, now=NOW),
    )


@pytest.mark.parametrize(
    ("review_of", "refusal"),
    [
        (factories.review, ReviewNotOpen),
        (factories.complete_review, StepSigned),
        (factories.archived_review, Archived),
    ],
)
def test_causes_change_only_while_step_4_is_open(review_of, refusal):
    review = review_of()
    cause = review.causes.first() or factories.cause(review)
    before = list(RootCause.objects.values())

    for act in acts_on(cause, review.owner):
        with pytest.raises(refusal):
            act()
    assert list(RootCause.objects.values()) == before


def test_causes_are_not_for_viewers(review):
    for act in acts_on(factories.cause(review), factories.user(role="viewer")):
        with pytest.raises(NotAllowed):
            act()


@pytest.mark.django_db(transaction=True)
def test_two_primary_causes_at_once_leave_one(review):
    first, second = factories.cause(review), factories.cause(review, "No circuit breaker.")

    refusals = at_once(
        lambda: causes.make_primary(first, by=review.owner, now=NOW),
        lambda: causes.make_primary(second, by=review.owner, now=NOW),
    )

    assert refusals == [None, None]
    assert review.causes.filter(is_primary=True).count() == 1


CHAIN = [
    {"why": "Every thread waits for a connection.", "evidence": "The dump of 14:03."},
    {"why": "Nobody set how long.", "evidence": ""},
]


def test_chain_of_whys_is_kept_in_order_and_stands_in_the_content(review, by):
    cause = factories.cause(review, cause_class=CauseClass.objects.get(slug="capacity-pool"))

    causes.explain(cause, whys=CHAIN, version=1, by=by, now=NOW)

    again = RootCause.objects.get(pk=cause.pk)
    assert (again.whys, again.version) == (CHAIN, 2)
    [said] = reviews.content(review)["causes"]
    assert (said["whys"], said["class"]) == (CHAIN, "capacity-pool")


def test_cause_without_chain_and_class_says_what_it_said_before_there_were_any(review):
    factories.cause(review)

    [said] = reviews.content(review)["causes"]

    assert said.keys() == {"part", "is_primary", "state", "statement", "evidence"}


def test_chain_over_a_newer_one_is_a_conflict_that_loses_neither(review, by):
    cause = factories.cause(review)
    causes.explain(cause, whys=CHAIN, version=1, by=by, now=NOW)
    mine = [{"why": "Another reason.", "evidence": ""}]

    with pytest.raises(EditConflict) as refusal:
        causes.explain(cause, whys=mine, version=1, by=by, now=NOW)

    assert refusal.value.details == {"mine": {"whys": mine}, "theirs": {"whys": CHAIN}, "version": 2}
    assert causes.explain(cause, whys=CHAIN, version=1, by=by, now=NOW).version == 2


@pytest.mark.parametrize(
    ("whys", "field"),
    [
        ([{"why": "x"}] * 11, "whys"),
        ([{"why": "x"}, {"why": " "}], "whys.1.why"),
        ([{"why": "x" * 501}], "whys.0.why"),
        ([{"why": "x", "evidence": "y" * 2001}], "whys.0.evidence"),
        ([{"evidence": "y"}], "whys.0.why"),
    ],
)
def test_unfit_chain_is_refused_by_place(review, by, whys, field):
    cause = factories.cause(review)

    with pytest.raises(Invalid) as refusal:
        causes.explain(cause, whys=whys, version=1, by=by, now=NOW)

    assert refusal.value.field == field
    assert RootCause.objects.get(pk=cause.pk).whys == []


@pytest.mark.parametrize("whys", [{"why": "x"}, [{}] * 11])
def test_database_refuses_a_chain_that_is_no_short_list(review, whys):
    cause = factories.cause(review)

    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        RootCause.objects.filter(pk=cause.pk).update(whys=whys)


def test_class_and_chain_wait_for_the_reopening_of_a_signed_step(review, by):
    cause = factories.verified_cause(review)
    for step in review.steps.all():
        factories.signed(step)
    code = CauseClass.objects.get(slug="code")

    with pytest.raises(StepSigned):
        causes.explain(cause, whys=CHAIN, version=1, by=by, now=NOW)
    with pytest.raises(StepSigned):
        causes.edit(cause, statement=cause.statement, part="root", cause_class=code, by=by, now=NOW)


def test_class_is_given_and_taken_and_stays_unless_named(review, by):
    pool = CauseClass.objects.get(slug="capacity-pool")
    cause = causes.record(review, statement="No timeout.", part="root", cause_class=pool, by=by, now=NOW)

    assert causes.edit(cause, statement="None.", part="root", by=by, now=NOW).cause_class == pool
    edited = causes.edit(cause, statement="None.", part="root", cause_class=None, by=by, now=NOW)
    assert edited.cause_class is None
