import pytest

from postmortem import causes
from postmortem.causes import CauseHasItems
from postmortem.errors import Archived
from postmortem.reviews import NotArchivable
from remediation import plan
from tests import factories
from tests.factories import NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db


def codes(review):
    return [gap.code for gap in plan.gaps(review)]


def test_a_complete_review_has_no_gap_and_is_archived():
    review = factories.complete_review()

    assert plan.gaps(review) == []
    assert plan.archive(review, by=review.facilitator, now=NOW).archived_at == NOW
    with pytest.raises(Archived):
        plan.archive(review, by=review.facilitator, now=NOW)


def test_every_verified_cause_needs_an_item():
    review = factories.complete_review()
    cause = factories.verified_cause(review, "No circuit breaker.", is_primary=False)
    factories.cause(review, "A hypothesis needs none.")
    factories.cause(review, "Nor does what was refuted.", state="refuted", evidence="x")

    with pytest.raises(NotArchivable) as refusal:
        plan.archive(review, by=review.facilitator, now=NOW)

    [gap] = refusal.value.details["gaps"]
    assert (gap["code"], gap["where"]) == ("cause_without_item", f"causes/{cause.pk}")
    assert "No circuit breaker." in gap["message"]


def test_a_declined_item_answers_its_cause():
    review = factories.complete_review()
    cause = factories.verified_cause(review, "No circuit breaker.", is_primary=False)
    factories.item(review=review, causes=[cause], state="wont_do")

    assert plan.gaps(review) == []


def test_an_item_whose_owner_left_is_a_gap_until_it_is_settled():
    review = factories.complete_review()
    item = review.items.get()
    item.owner.is_active = False
    item.owner.save()

    [gap] = plan.gaps(review)
    assert (gap.code, gap.where) == ("item_ownerless", f"items/{item.public_id}")
    assert item.public_id in gap.message

    factories.moved(item, "wont_do", at=NOW)
    assert plan.gaps(review) == []


def test_gaps_begin_with_those_of_the_review():
    review = factories.review()
    factories.verified_cause(review)

    assert codes(review) == ["not_open", *["step_unsigned"] * 4, "checklist_empty", "cause_without_item"]


def test_a_refused_archive_writes_nothing():
    review = factories.complete_review()
    review.checklist.all().delete()

    with pytest.raises(NotArchivable):
        plan.archive(review, by=review.facilitator, now=NOW)

    review.refresh_from_db()
    assert (review.archived_at, review.content_hash) == (None, "")


def test_a_cause_that_items_name_stays():
    review = factories.review(is_open=True)
    named, free = factories.cause(review), factories.cause(review, "Another.")
    item = factories.item(review=review, causes=[named])

    with pytest.raises(CauseHasItems) as refusal:
        plan.remove_cause(named, by=review.owner, now=NOW)
    assert refusal.value.details == {"items": [item.public_id]}

    plan.remove_cause(free, by=review.owner, now=NOW)
    assert list(review.causes.all()) == [named]


@pytest.mark.django_db(transaction=True)
def test_a_cause_recorded_while_the_review_is_archived_comes_before_or_not_at_all():
    review = factories.complete_review()
    review.steps.filter(position=4).update(is_stale=False)
    cause = review.causes.get()

    refusals = at_once(
        lambda: plan.archive(review, by=review.facilitator, now=NOW),
        lambda: causes.settle(cause, state="refuted", evidence="x", by=review.owner, now=NOW),
    )

    # Step 4 is signed, so whoever comes first, the cause stays as signed.
    assert refusals[0] is None
    assert refusals[1].code in {"step_signed", "archived"}
    cause.refresh_from_db()
    assert cause.state == "verified"


@pytest.mark.django_db(transaction=True)
def test_two_who_archive_at_once_give_one_archive():
    review = factories.complete_review()
    other = factories.user(role="facilitator")

    refusals = at_once(
        lambda: plan.archive(review, by=review.facilitator, now=NOW),
        lambda: plan.archive(review, by=other, now=NOW),
    )

    assert sorted(refusal.code for refusal in refusals if refusal) == ["archived"]
