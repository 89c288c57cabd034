"""Whatever people do in whatever order, a review is archived only when it lacks nothing."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from postmortem import approvals, causes, composition, reviews, revisions, timelines
from postmortem.errors import DomainError
from postmortem.models import Review, Severity
from remediation import items, plan
from remediation.checkspec import CheckSpec
from tests import factories
from tests.factories import NOW
from tests.postmortem import by_hand

TEXTS = st.sampled_from(["", "The pool was full: 247 of 200.", "可能是连接池", "It was probably the pool."])
POSITIONS = st.integers(1, 4)


class Reviewing(RuleBasedStateMachine):
    """Any member presses any button; refusals are fine, a wrong archive is not."""

    @initialize(asks_for_approval=st.booleans())
    def begin(self, asks_for_approval):
        self.kept = {}
        self.facilitator = factories.user(role="facilitator")
        self.governor = factories.user(role="governor")
        self.member = factories.user()
        self.team = factories.team()
        factories.severity("P1")
        Severity.objects.filter(code="P1").update(
            approvals_needed=int(asks_for_approval), facilitator_apart=asks_for_approval
        )
        self.incident = factories.resolved_incident(participants=[factories.user(), factories.user()])
        self.source = factories.data_source()
        self.review = reviews.create(
            incidents=[self.incident],
            title="X",
            owner=self.member,
            facilitator=self.facilitator,
            by=self.member,
            now=NOW,
        )

    def press(self, act, *arguments, **named):
        try:
            act(*arguments, **named)
        except DomainError:
            return False
        return True

    def step(self, position):
        return self.review.steps.get(position=position)

    @rule(number=st.integers(0, 1), how=st.sampled_from(["file", "write", "excuse"]))
    def settle_a_timeline(self, number, how):
        participant = self.incident.participants.all()[number]
        if how == "excuse":
            self.press(timelines.excuse, participant, reason="x", by=self.facilitator, now=NOW)
            return
        timeline = timelines.open_for(participant)
        if how == "write":
            self.press(
                timelines.add,
                timeline,
                text="x",
                happened_at=NOW,
                zone="UTC",
                kind="note",
                by=participant.user,
                now=NOW,
            )
        self.press(timelines.file, timeline, by=participant.user, now=NOW)

    @rule()
    def open(self):
        self.press(reviews.open, self.review, by=self.facilitator, now=NOW)

    @rule(position=POSITIONS, finding=TEXTS, evidence=TEXTS)
    def write(self, position, finding, evidence):
        step = self.step(position)
        self.press(
            reviews.write,
            step,
            finding=finding,
            evidence=evidence,
            version=step.version,
            by=self.member,
            now=NOW,
        )

    @rule(position=POSITIONS)
    def sign(self, position):
        earlier = [step.is_signed for step in self.review.steps.filter(position__lt=position)]
        if self.press(reviews.sign, self.step(position), by=self.member, now=NOW):
            assert all(earlier)

    @rule(position=POSITIONS)
    def reopen(self, position):
        if self.press(reviews.reopen, self.step(position), reason="x", by=self.member, now=NOW):
            assert not any(step.is_signed for step in self.review.steps.filter(position__gte=position))

    @rule(is_primary=st.booleans(), state=st.sampled_from(["hypothesis", "verified", "refuted"]))
    def find_a_cause(self, is_primary, state):
        try:
            cause = causes.record(
                self.review, statement="x", part="root", is_primary=is_primary, by=self.member, now=NOW
            )
        except DomainError:
            return
        self.press(causes.settle, cause, state=state, evidence="x", by=self.member, now=NOW)

    @rule()
    def answer_every_cause(self):
        found = list(self.review.causes.all())
        spec = CheckSpec(kind="prometheus", data_source_id=self.source.pk, promql="up", threshold=1.0)
        self.press(
            items.agree,
            title="x",
            owner=self.member,
            team=factories.team(),
            service=factories.service(),
            severity=self.incident.severity,
            kind="prevent",
            category="technical_debt",
            causes=found,
            checks=[spec],
            review=self.review,
            by=self.member,
            now=NOW,
        )

    @rule()
    def add_to_the_checklist(self):
        self.press(
            reviews.add_checklist_entry,
            self.review,
            title="x",
            pipeline="ls",
            expectation="success",
            by=self.member,
            now=NOW,
        )

    @precondition(lambda self: self.review.checklist.exists())
    @rule()
    def remove_from_the_checklist(self):
        self.press(reviews.remove_checklist_entry, self.review.checklist.first(), by=self.member, now=NOW)

    @rule(text=st.sampled_from(["", "- Nobody knew the limit.\n- The page was silent.", "Nobody looked."]))
    def write_lessons(self, text):
        self.review.refresh_from_db()
        self.press(
            reviews.write_lessons,
            self.review,
            went_well="",
            went_badly=text,
            luck="",
            version=self.review.version,
            by=self.member,
            now=NOW,
        )

    @rule(reason=st.sampled_from(["", "The service ends."]), is_approved=st.booleans())
    def answer_the_lessons(self, reason, is_approved):
        by = self.facilitator if is_approved else self.member
        for point in self.review.lesson_points.all():
            found = list(self.review.items.all()[:1])
            self.press(plan.answer_lesson, point, items=found, reason=reason, by=by, now=NOW)

    @rule()
    def archive(self):
        self.press(plan.archive, self.review, by=self.facilitator, now=NOW)

    @rule(reason=st.sampled_from(["", "New logs."]), is_member=st.booleans())
    def reopen_the_postmortem(self, reason, is_member):
        by = self.member if is_member else self.facilitator
        if self.press(revisions.reopen, self.review, reason=reason, by=by, now=NOW):
            assert reason
            assert not is_member

    @rule(statement=st.sampled_from(by_hand.STATEMENTS))
    def try_it_by_hand(self, statement):
        """Raw SQL, to which no act has a say; what the database lets through is held to the same rules."""
        by_hand.run([statement], self.review, self.facilitator)

    @rule()
    def archive_it_by_hand(self):
        if by_hand.archives(self.review, self.facilitator):
            assert plan.gaps(Review.objects.get(pk=self.review.pk)) == []

    @rule()
    def approve(self):
        self.press(approvals.approve, self.review, by=self.governor, now=NOW)

    @rule(is_there=st.booleans())
    def say_who_was_there(self, is_there):
        teams = [self.team] if is_there else []
        self.press(composition.edit, self.review, teams_present=teams, by=self.member, now=NOW)

    @rule()
    def do_all_that_is_missing(self):
        """So that some sequences do reach the archive."""
        self.settle_a_timeline(0, "excuse")
        self.settle_a_timeline(1, "write")
        self.open()
        self.find_a_cause(True, "verified")
        self.add_to_the_checklist()
        for position in (1, 2, 3, 4):
            self.write(position, "The pool was full: 247 of 200.", "`pool_in_use` stood at 200.")
            self.sign(position)
        self.answer_every_cause()
        self.answer_the_lessons("", False)
        self.approve()

    @invariant()
    def the_archive_is_lawful(self):
        by_hand.assert_lawful(self.review)

    @invariant()
    def what_was_archived_stays_readable_as_it_was(self):
        for revision in self.review.revisions.all():
            assert self.kept.setdefault(revision.number, revision.content_json) == revision.content_json


@pytest.mark.django_db
def test_no_sequence_of_acts_archives_an_incomplete_review():
    # Each sequence brings its own records, so that one may follow the other in one transaction.
    run_state_machine_as_test(
        Reviewing,
        settings=settings(
            max_examples=15,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
