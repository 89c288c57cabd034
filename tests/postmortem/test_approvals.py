"""Approvals by policy, and the facilitator apart from the owner: what severities ask for."""

import pytest
from django.db import DatabaseError, transaction

from postmortem import approvals, reviews, severities, trail
from postmortem.approvals import AlreadyApproved, StepsUnsigned
from postmortem.causes import ReviewNotOpen
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.models import ReviewApproval, Severity
from remediation import plan
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def ask(code="P1", **fields):
    factories.severity(code)
    Severity.objects.filter(code=code).update(**{"approvals_needed": 1, "approver_role": "governor"} | fields)


def codes(review):
    return [gap.code for gap in reviews.gaps(review)]


@pytest.fixture
def review():
    return factories.complete_review()


@pytest.fixture
def governor():
    return factories.user(role="governor")


def test_without_a_policy_nothing_is_missing(review):
    assert codes(review) == []
    assert approvals.policy(review).needed == 0


def test_a_severity_that_asks_for_one_is_not_archived_without(review, governor):
    ask()

    (gap,) = reviews.gaps(review)
    assert (gap.code, gap.where) == ("approvals_missing", "approvals")
    with pytest.raises(reviews.NotArchivable):
        plan.archive(review, by=review.facilitator, now=NOW)

    approvals.approve(review, comment="Sound.", by=governor, now=NOW)

    assert codes(review) == []
    archived = plan.archive(review, by=review.facilitator, now=NOW)
    assert archived.content_hash == review.approvals.get().content_hash
    assert [given.is_valid for given in approvals.of(archived, asked=approvals.policy(archived))] == [True]


def test_any_later_change_makes_an_approval_stale(review, governor):
    ask()
    approvals.approve(review, by=governor, now=NOW)

    reviews.write_lessons(
        review, went_well="Paging.", went_badly="", luck="", version=1, by=review.owner, now=NOW
    )

    assert codes(review) == ["approvals_missing"]
    approvals.approve(review, by=governor, now=NOW)
    assert codes(review) == []
    assert [given.is_valid for given in approvals.of(review, asked=approvals.policy(review))] == [False, True]


def test_two_are_two_people(review, governor):
    ask(approvals_needed=2)
    approvals.approve(review, by=governor, now=NOW)

    with pytest.raises(AlreadyApproved):
        approvals.approve(review, by=governor, now=NOW)
    assert approvals.missing(review, asked=approvals.policy(review)) == 1

    approvals.approve(review, by=factories.user(role="governor"), now=NOW)
    assert codes(review) == []


def test_the_worst_severity_of_several_incidents_decides():
    ask("P0", approvals_needed=2, approver_role="administrator")
    ask("P2", approvals_needed=1, approver_role="facilitator")
    incidents = [factories.resolved_incident(severity=code) for code in ("P2", "P0")]

    asked = approvals.policy(factories.review(incidents=incidents))

    assert (asked.needed, asked.role) == (2, "administrator")


def test_neither_the_owner_nor_a_lesser_role_approves(review):
    ask()
    review.owner.role = "governor"
    review.owner.save()

    for person in (review.owner, factories.user(role="facilitator"), factories.user(role="viewer")):
        with pytest.raises(NotAllowed):
            approvals.approve(review, by=person, now=NOW)
    assert not ReviewApproval.objects.exists()


def test_an_approver_who_leaves_or_becomes_the_owner_counts_no_more(review, governor):
    ask()
    approvals.approve(review, by=governor, now=NOW)
    governor.is_active = False
    governor.save()
    assert codes(review) == ["approvals_missing"]

    governor.is_active = True
    governor.save()
    review.owner = governor
    review.save()
    assert codes(review) == ["approvals_missing"]


def test_approval_comes_after_the_signatures(governor):
    review = factories.review(is_open=True)
    factories.signed(review.steps.first())

    with pytest.raises(StepsUnsigned) as refusal:
        approvals.approve(review, by=governor, now=NOW)
    assert refusal.value.details == {"unsigned": [2, 3, 4]}
    with pytest.raises(ReviewNotOpen):
        approvals.approve(factories.review(), by=governor, now=NOW)
    with pytest.raises(Archived):
        approvals.approve(factories.archived_review(), by=governor, now=NOW)


def test_an_approval_is_never_edited_and_is_recorded(review, governor):
    given = approvals.approve(review, by=governor, now=NOW)

    assert trail.of(given).get().act == "approvals.approve"
    rows = ReviewApproval.objects.all()
    for statement in (lambda: rows.update(comment="x"), rows.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            statement()


def test_owner_and_facilitator_are_two_people_where_the_severity_says_so(review):
    both = factories.complete_review(owner=review.facilitator, facilitator=review.facilitator)
    assert codes(both) == []

    Severity.objects.filter(code="P1").update(facilitator_apart=True)

    assert codes(both) == ["facilitator_is_owner"]
    assert codes(review) == []


class TestSeverities:
    def test_a_governor_changes_the_policy_and_the_trail_says_who(self, governor):
        severity = factories.severity("P1")

        severities.edit(severity, review_hours=24, approvals_needed=1, by=governor, now=NOW)

        severity.refresh_from_db()
        assert (severity.review_hours, severity.approvals_needed) == (24, 1)
        assert (trail.of(severity).first().act, trail.of(severity).first().actor) == (
            "severities.edit",
            governor,
        )

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"review_hours": 0}, "review_hours"),
            ({"review_hours": 5000}, "review_hours"),
            ({"review_hours": 1.5}, "review_hours"),
            ({"approvals_needed": 6}, "approvals_needed"),
            ({"approver_role": "viewer"}, "approver_role"),
            ({"approver_role": "king"}, "approver_role"),
            ({"name": ""}, "name"),
        ],
    )
    def test_a_bad_value_is_refused_and_its_field_named(self, governor, fields, field):
        with pytest.raises(Invalid) as refusal:
            severities.edit(factories.severity("P1"), by=governor, now=NOW, **fields)
        assert refusal.value.field == field

    def test_others_change_no_policy(self):
        with pytest.raises(NotAllowed):
            severities.edit(
                factories.severity("P1"), review_hours=1, by=factories.user(role="facilitator"), now=NOW
            )

    def test_the_database_refuses_an_approver_that_is_none(self):
        with pytest.raises(DatabaseError), transaction.atomic():
            Severity.objects.filter(code="P1").update(approver_role="viewer")
