"""The typed evidence of step 3."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from postmortem import changes, document, reviews, trail
from postmortem.causes import ReviewNotOpen, StepSigned
from postmortem.changes import ChangesFound, ChangeUndecided
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.models import Change, ChangeSearch
from postmortem.steps import EvidenceMissing, VagueWording
from tests import factories
from tests.factories import DAY, NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def review():
    return factories.review(is_open=True)


@pytest.fixture
def incident(review):
    return review.incidents.get()


def record(incident, **fields):
    sound = {"happened_at": NOW - DAY, "kind": "deploy", "title": "order 1.4.2"}
    return changes.record(incident, **sound | {"by": factories.user(), "now": NOW} | fields)


class TestRecord:
    def test_a_change_is_a_suspect_at_first(self, incident):
        service = incident.services.get()

        change = record(incident, url="https://git.example.org/1", service=service, source="api")

        change.refresh_from_db()
        assert (change.verdict, change.source, change.service, change.url) == (
            "suspect",
            "api",
            service,
            "https://git.example.org/1",
        )

    def test_a_program_may_report_long_before_there_is_a_review(self):
        assert record(factories.incident()).pk

    def test_the_same_key_again_changes_nothing(self, incident):
        first = record(incident, external_key="deploy-17")
        changes.judge(first, verdict="cleared", reason="Another cell.", by=factories.user(), now=NOW)

        again = record(incident, external_key="deploy-17")

        assert (again, again.verdict, Change.objects.count()) == (first, "cleared", 1)
        assert len(trail.of(first)) == 2

    def test_the_same_key_with_other_facts_corrects_them_and_keeps_the_verdict(self, incident):
        first = record(incident, external_key="deploy-17")
        changes.judge(first, verdict="culprit", reason="Reproduced.", by=factories.user(), now=NOW)

        again = record(incident, external_key="deploy-17", title="order 1.4.3")

        assert (again.pk, again.title, again.verdict) == (first.pk, "order 1.4.3", "culprit")

    def test_a_key_is_unique_in_its_incident_only(self, incident):
        record(incident, external_key="deploy-17")
        record(factories.incident(), external_key="deploy-17")
        record(incident), record(incident)

        assert Change.objects.count() == 4
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.change(incident, external_key="deploy-17")

    @pytest.mark.django_db(transaction=True)
    def test_two_reports_of_one_change_at_once_make_one_row(self, incident):
        refusals = at_once(*[lambda: record(incident, external_key="deploy-17")] * 3)

        assert refusals == [None, None, None]
        assert Change.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"title": " "}, "title"),
            ({"title": "a\x00"}, "title"),
            ({"kind": "magic"}, "kind"),
            ({"happened_at": NOW + DAY}, "happened_at"),
            ({"happened_at": None}, "happened_at"),
            ({"url": "javascript:alert(1)"}, "url"),
            ({"url": "ftp://example.org/x"}, "url"),
            ({"url": "http://[::1"}, "url"),
            ({"service": "order"}, "service"),
            ({"external_key": "x" * 201}, "external_key"),
            ({"external_key": "a\x00"}, "external_key"),
        ],
    )
    def test_a_bad_value_is_refused_and_its_field_named(self, incident, fields, field):
        with pytest.raises(Invalid) as refusal:
            record(incident, **fields)

        assert refusal.value.field == field
        assert not Change.objects.exists()

    def test_viewers_record_nothing(self, incident):
        with pytest.raises(NotAllowed):
            record(incident, by=factories.user(role="viewer"))

    def test_a_key_cannot_be_edited_into_one_that_is_taken(self, incident):
        record(incident, external_key="a")
        other = record(incident, external_key="b")

        with pytest.raises(Invalid) as refusal:
            changes.edit(other, external_key="a", by=factories.user(), now=NOW)
        assert refusal.value.field == "external_key"
        assert changes.edit(other, title="Renamed", by=factories.user(), now=NOW).title == "Renamed"


class TestJudge:
    def test_a_verdict_names_its_judge_and_its_reason(self, incident):
        change, by = factories.change(incident), factories.user()

        changes.judge(change, verdict="culprit", reason="Rolled back, errors end.", by=by, now=NOW)

        change.refresh_from_db()
        assert (change.verdict, change.judged_by, change.judged_at) == ("culprit", by, NOW)

    @pytest.mark.parametrize(
        ("verdict", "reason", "field"), [("culprit", " ", "reason"), ("guilty", "x", "verdict")]
    )
    def test_a_verdict_needs_a_reason(self, incident, verdict, reason, field):
        with pytest.raises(Invalid) as refusal:
            changes.judge(
                factories.change(incident), verdict=verdict, reason=reason, by=factories.user(), now=NOW
            )
        assert refusal.value.field == field
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.change(incident, verdict="cleared")

    def test_a_suspect_again_needs_none(self, incident):
        change = factories.change(incident, verdict="cleared", reason="x")

        assert changes.judge(change, verdict="suspect", reason="", by=factories.user(), now=NOW).reason == ""


class TestNoneFound:
    def test_the_statement_says_where_one_was_searched(self, review):
        changes.state_none(review, searched="Deploys of order.", by=review.owner, now=NOW)
        changes.state_none(review, searched="Deploys of order and gateway.", by=review.owner, now=NOW)

        assert ChangeSearch.objects.get().searched == "Deploys of order and gateway."
        with pytest.raises(Invalid) as refusal:
            changes.state_none(review, searched=" ", by=review.owner, now=NOW)
        assert refusal.value.field == "searched"

    def test_it_cannot_be_said_over_a_change_that_is_not_cleared(self, review, incident):
        change = factories.change(incident)

        with pytest.raises(ChangesFound) as refusal:
            changes.state_none(review, searched="All.", by=review.owner, now=NOW)
        assert refusal.value.details == {"changes": [{"id": change.pk, "title": change.title}]}

        changes.judge(change, verdict="cleared", reason="Another cell.", by=review.owner, now=NOW)
        assert changes.state_none(review, searched="All.", by=review.owner, now=NOW).pk

    def test_it_can_be_taken_back(self, review):
        factories.change_search(review)

        changes.withdraw_none(review, by=review.owner, now=NOW)
        changes.withdraw_none(review, by=review.owner, now=NOW)

        assert not ChangeSearch.objects.exists()

    def test_it_needs_an_open_review(self):
        review = factories.review()
        with pytest.raises(ReviewNotOpen):
            changes.state_none(review, searched="All.", by=review.owner, now=NOW)


class TestSign:
    @pytest.fixture
    def third(self, review):
        for step in review.steps.all()[:2]:
            factories.signed(step)
        return factories.written(review.steps.get(position=3), evidence="")

    def sign(self, step):
        return reviews.sign(step, by=step.review.owner, now=NOW)

    def test_without_changes_statement_or_text_evidence_is_missing(self, third):
        with pytest.raises(EvidenceMissing) as refusal:
            self.sign(third)
        assert refusal.value.details == {"fields": ["evidence"]}

    def test_a_change_that_is_only_a_suspect_is_no_evidence(self, third, incident):
        culprit = factories.change(incident, verdict="culprit", reason="Reproduced.")
        suspect = factories.change(incident, "A flag")

        with pytest.raises(ChangeUndecided) as refusal:
            self.sign(third)
        assert refusal.value.code == "change_undecided"
        assert refusal.value.details == {"changes": [{"id": suspect.pk, "title": "A flag"}]}

        changes.judge(suspect, verdict="cleared", reason="Off.", by=culprit.added_by, now=NOW)
        assert self.sign(third).is_signed

    def test_the_statement_that_none_was_found_is_evidence(self, third, review):
        factories.change_search(review)

        assert self.sign(third).is_signed

    def test_a_written_text_goes_on_being_evidence(self, third, incident):
        factories.change(incident)
        factories.written(third)

        assert self.sign(third).is_signed

    def test_none_found_beside_a_culprit_is_a_contradiction(self, third, review, incident):
        factories.change_search(review)
        factories.change(incident, verdict="culprit", reason="Reproduced.")
        factories.written(third)

        with pytest.raises(ChangesFound):
            self.sign(third)


class TestUnderSignature:
    @pytest.fixture
    def change(self, review, incident):
        change = factories.change(incident, verdict="culprit", reason="x", external_key="deploy-17")
        factories.change_search(review)
        for step in review.steps.all()[:3]:
            factories.signed(step)
        return change

    def test_nothing_changes_until_the_step_is_reopened(self, review, incident, change):
        by = review.owner
        for act in (
            lambda: record(incident),
            lambda: record(incident, external_key="deploy-17", title="Other"),
            lambda: changes.edit(change, title="Other", by=by, now=NOW),
            lambda: changes.judge(change, verdict="cleared", reason="x", by=by, now=NOW),
            lambda: changes.remove(change, by=by, now=NOW),
            lambda: changes.state_none(review, searched="All.", by=by, now=NOW),
            lambda: changes.withdraw_none(review, by=by, now=NOW),
        ):
            with pytest.raises(StepSigned) as refusal:
                act()
            assert refusal.value.details == {"position": 3}

        reviews.reopen(review.steps.get(position=3), reason="One was overlooked.", by=by, now=NOW)
        assert record(incident).pk
        changes.remove(change, by=by, now=NOW)
        changes.withdraw_none(review, by=by, now=NOW)

    def test_the_same_report_again_is_no_change_and_not_refused(self, incident, change):
        again = record(incident, external_key="deploy-17", happened_at=change.happened_at)

        assert again == change

    def test_the_database_refuses_raw_statements_too(self, incident, change):
        rows = Change.objects.filter(pk=change.pk)
        for statement in (
            rows.delete,
            lambda: rows.update(title="Other"),
            lambda: factories.change(incident),
            ChangeSearch.objects.all().delete,
            lambda: ChangeSearch.objects.update(searched="Other"),
        ):
            with pytest.raises(DatabaseError, match="belongs to a signed step"), transaction.atomic():
                statement()

    def test_a_change_cannot_be_moved_into_a_signed_review(self, change):
        other = factories.change()
        with pytest.raises(DatabaseError, match="belongs to a signed step"), transaction.atomic():
            Change.objects.filter(pk=other.pk).update(incident=change.incident)

    def test_the_first_change_under_a_stale_signature_takes_it_away(self, review, incident, change):
        reviews.reopen(review.steps.get(position=1), reason="x", by=review.owner, now=NOW)

        record(incident)

        step = review.steps.get(position=3)
        assert (step.signed_at, step.is_stale) == (None, False)

    def test_an_archived_review_covers_them_for_good(self):
        review = factories.archived_review()
        with pytest.raises(Archived):
            record(review.incidents.get())


def test_they_come_in_time_order_over_all_incidents_of_the_review():
    first, second = factories.incident(), factories.incident()
    review = factories.review(incidents=[first, second], is_open=True)
    late = factories.change(first, happened_at=NOW - timedelta(hours=1))
    early = factories.change(second, happened_at=NOW - timedelta(hours=2))
    factories.change()

    assert changes.of(review) == [early, late]


def test_they_belong_to_the_content_that_is_hashed(review, incident):
    before = document.content_hash(review)
    factories.change(incident, verdict="cleared", reason="Another cell.")
    factories.change_search(review)

    content = document.content(review)

    assert [one["verdict"] for one in content["changes"]] == ["cleared"]
    assert content["change_search"][0]["searched"].startswith("The deploys")
    assert document.content_hash(review) != before


class TestWording:
    """R3 for what a signature of step 3 covers besides its two texts."""

    @pytest.fixture
    def step(self, review):
        for earlier in review.steps.filter(position__lt=3):
            factories.signed(earlier)
        return factories.written(review.steps.get(kind="change_correlation"))

    def sign(self, step):
        return reviews.sign(step, by=factories.user(), now=NOW)

    def test_a_vague_reason_blocks_the_signature_and_shows_where(self, incident, step):
        factories.change(incident, "order 1.4.1", verdict="cleared", reason="Rolled back, nothing changed.")
        change = factories.change(incident, verdict="cleared", reason="It was probably another cell.")

        with pytest.raises(VagueWording) as refusal:
            self.sign(step)

        assert refusal.value.field == f"changes.{change.pk}.reason"
        (span,) = refusal.value.details["spans"]
        assert (span["field"], span["start"], span["end"], span["phrase"]) == (
            f"changes.{change.pk}.reason",
            7,
            15,
            "probably",
        )
        changes.judge(change, verdict="cleared", reason="Another cell.", by=factories.user(), now=NOW)
        assert self.sign(step).is_signed

    def test_what_was_searched_is_read_too(self, review, step):
        factories.change_search(review, "可能查了发布记录")

        with pytest.raises(VagueWording) as refusal:
            self.sign(step)

        (span,) = refusal.value.details["spans"]
        assert (span["field"], span["start"], span["end"]) == ("change_search.searched", 0, 2)

    @pytest.mark.parametrize("reason", ["`maybe`", "> probably", "不可能是它"])
    def test_code_quotations_and_what_only_looks_alike_pass(self, incident, step, reason):
        factories.change(incident, verdict="cleared", reason=reason)

        assert self.sign(step).is_signed

    def test_vague_reasons_still_save_and_block_no_other_step(self, incident, review):
        change = record(incident)

        changes.judge(change, verdict="culprit", reason="Maybe.", by=factories.user(), now=NOW)

        assert self.sign(factories.written(review.steps.get(position=1))).is_signed
