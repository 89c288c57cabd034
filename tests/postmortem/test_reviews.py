from datetime import timedelta

import pytest

from postmortem import markup, reviews, timelines, trail
from postmortem.causes import ReviewNotOpen, StepSigned
from postmortem.errors import Archived, EditConflict, Invalid, NotAllowed
from postmortem.models import Review
from postmortem.reviews import (
    AlreadyOpen,
    AlreadyReviewed,
    Gap,
    NotArchivable,
    TimelinesMissing,
)
from postmortem.steps import CauseUnverified, EvidenceMissing, StepNotSigned, StepOutOfOrder, VagueWording
from tests import factories
from tests.factories import NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db

LINE = 'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"'


def write(step, finding="5 % of orders failed.", evidence="`orders_failed_total` rose at 14:03.", **changes):
    arguments = {"version": step.version, "by": step.review.owner, "now": NOW} | changes
    return reviews.write(step, finding=finding, evidence=evidence, **arguments)


def sign(step, by=None):
    return reviews.sign(step, by=by or step.review.owner, now=NOW)


class TestCreate:
    def test_create_gives_four_empty_steps_in_order(self):
        incident, owner, facilitator = factories.incident(), factories.user(), factories.user()

        review = reviews.create(
            incidents=[incident], title="Orders", owner=owner, facilitator=facilitator, by=owner, now=NOW
        )

        incident.refresh_from_db()
        assert (review.public_id, incident.review, review.opened_at) == ("PM-2026-0001", review, None)
        assert [(step.position, step.kind) for step in review.steps.all()] == [
            (1, "phenomenon"),
            (2, "metric_anomaly"),
            (3, "change_correlation"),
            (4, "root_cause"),
        ]

    def test_an_incident_has_one_review(self):
        incident, by = factories.incident(), factories.user()
        review = factories.review(incidents=[incident])

        with pytest.raises(AlreadyReviewed) as refusal:
            reviews.create(incidents=[incident], title="Again", owner=by, facilitator=by, by=by, now=NOW)

        assert refusal.value.details == {"review": review.public_id}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"title": ""}, "title"),
            ({"title": "a\x00"}, "title"),
            ({"incidents": []}, "incidents"),
            ({"owner": None}, "owner"),
            ({"facilitator": None}, "facilitator"),
        ],
    )
    def test_create_refuses_bad_values_and_names_the_field(self, changes, field):
        by = factories.user()
        sound = {
            "incidents": [factories.incident()],
            "title": "X",
            "owner": by,
            "facilitator": by,
            "by": by,
            "now": NOW,
        }

        with pytest.raises(Invalid) as refusal:
            reviews.create(**sound | changes)

        assert refusal.value.field == field
        assert not Review.objects.exists()

    def test_create_refuses_inactive_people_and_dismissed_incidents(self):
        by, gone = factories.user(), factories.user(is_active=False)
        dismissed = factories.incident(dismissed_as="duplicate", dismissed_reason="x")

        for incident, owner, facilitator, field in (
            (factories.incident(), gone, by, "owner"),
            (factories.incident(), by, gone, "facilitator"),
            (dismissed, by, by, "incidents"),
        ):
            with pytest.raises(Invalid) as refusal:
                reviews.create(
                    incidents=[incident], title="X", owner=owner, facilitator=facilitator, by=by, now=NOW
                )
            assert refusal.value.field == field


class TestOpen:
    def test_three_invited_two_filed_names_the_third(self):
        """R1."""
        incident = factories.incident()
        people = [factories.user(name) for name in ("Ada", "Ben", "Cleo")]
        participants = [factories.participant(incident, person) for person in people]
        for participant in participants[:2]:
            factories.filed_timeline(participant)
        factories.timeline(participants[2])
        review = factories.review(incidents=[incident])

        with pytest.raises(TimelinesMissing) as refusal:
            reviews.open(review, by=review.facilitator, now=NOW)

        assert refusal.value.code == "timelines_missing"
        assert "Cleo" in refusal.value.message
        assert refusal.value.details == {
            "participants": [{"id": participants[2].pk, "name": "Cleo", "incident": incident.public_id}]
        }

        timelines.excuse(participants[2], reason="On leave.", by=factories.user(role="facilitator"), now=NOW)
        assert reviews.open(review, by=review.facilitator, now=NOW).opened_at == NOW

    def test_who_never_began_a_timeline_is_missing_too(self):
        participant = factories.participant()
        review = factories.review(incidents=[participant.incident])

        with pytest.raises(TimelinesMissing):
            reviews.open(review, by=review.facilitator, now=NOW)

    def test_every_incident_of_the_review_counts(self):
        first, second = factories.incident(), factories.incident()
        factories.filed_timeline(factories.participant(first))
        late = factories.participant(second)
        review = factories.review(incidents=[first, second])

        with pytest.raises(TimelinesMissing) as refusal:
            reviews.open(review, by=review.facilitator, now=NOW)

        assert [one["id"] for one in refusal.value.details["participants"]] == [late.pk]

    def test_open_is_for_facilitators_and_this_reviews_facilitator(self):
        member = factories.user()
        mine, other = factories.review(facilitator=member), factories.review()

        assert reviews.open(mine, by=member, now=NOW).opened_at == NOW
        with pytest.raises(NotAllowed):
            reviews.open(other, by=member, now=NOW)
        with pytest.raises(AlreadyOpen):
            reviews.open(mine, by=member, now=NOW)


class TestWrite:
    def test_a_draft_always_saves_even_a_vague_one(self):
        """R3."""
        step = factories.review(is_open=True).steps.get(position=1)

        step = write(step, finding="可能是连接池", evidence="")

        assert (step.finding, step.finding_html, step.version) == (
            "可能是连接池",
            markup.stored("可能是连接池"),
            2,
        )

    def test_a_save_over_a_newer_version_loses_neither_text(self):
        step = factories.review(is_open=True).steps.get(position=1)
        write(step, finding="Theirs.", version=1)

        with pytest.raises(EditConflict) as refusal:
            write(step, finding="Mine.", evidence="E", version=1)

        step.refresh_from_db()
        assert step.finding == "Theirs."
        assert refusal.value.details == {
            "mine": {"finding": "Mine.", "evidence": "E"},
            "theirs": {"finding": "Theirs.", "evidence": step.evidence},
            "version": 2,
        }

    def test_the_same_text_again_is_no_conflict_and_no_version(self):
        step = factories.review(is_open=True).steps.get(position=1)
        write(step, version=1)

        assert write(step, version=1).version == 2

    def test_every_version_is_kept(self):
        step = factories.review(is_open=True).steps.get(position=1)
        write(step, finding="First.")
        step.refresh_from_db()
        write(step, finding="Second.")

        assert [entry.after["finding"] for entry in trail.of(step) if entry.act == "reviews.write"] == [
            "Second.",
            "First.",
        ]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"finding": "[" * 20_000}, "finding"),
            ({"evidence": "x" * 65_537}, "evidence"),
            ({"evidence": "a\x00b"}, "evidence"),
            ({"finding": None}, "finding"),
        ],
    )
    def test_write_refuses_bad_values_and_names_the_field(self, changes, field):
        step = factories.review(is_open=True).steps.get(position=1)

        with pytest.raises(Invalid) as refusal:
            write(step, **changes)

        assert refusal.value.field == field

    def test_write_needs_an_open_review_an_unsigned_step_and_a_member(self):
        with pytest.raises(ReviewNotOpen):
            write(factories.review().steps.get(position=1))
        step = factories.review(is_open=True).steps.get(position=1)
        with pytest.raises(NotAllowed):
            write(step, by=factories.user(role="viewer"))
        factories.signed(step)
        with pytest.raises(StepSigned):
            write(step)

    def test_lessons_are_versioned_like_steps(self):
        review = factories.review(is_open=True)
        texts = {"went_well": "Paging.", "went_badly": "No timeout.", "luck": ""}

        saved = reviews.write_lessons(review, **texts, version=1, by=review.owner, now=NOW)
        assert (saved.went_well, saved.version) == ("Paging.", 2)

        with pytest.raises(EditConflict) as refusal:
            reviews.write_lessons(review, **texts | {"luck": "Night."}, version=1, by=review.owner, now=NOW)
        assert refusal.value.details["mine"] == texts | {"luck": "Night."}
        assert refusal.value.details["theirs"] == texts

        with pytest.raises(Invalid) as refusal:
            reviews.write_lessons(
                review, **texts | {"luck": "[" * 20_000}, version=2, by=review.owner, now=NOW
            )
        assert refusal.value.field == "luck"


class TestSign:
    def test_signing_step_3_while_2_is_unsigned_is_refused(self):
        """R2."""
        review = factories.review(is_open=True)
        first, second, third, _fourth = review.steps.all()
        factories.signed(first)
        factories.written(second)
        factories.written(third)

        with pytest.raises(StepOutOfOrder) as refusal:
            sign(third)
        assert refusal.value.code == "step_out_of_order"
        assert refusal.value.details == {"unsigned": [2]}

        sign(second)
        signed = sign(third)
        assert (signed.signed_at, signed.signed_by, signed.is_signed) == (NOW, review.owner, True)

    def test_reopening_step_2_makes_3_and_4_stale(self):
        """R2."""
        review = factories.review(is_open=True)
        factories.verified_cause(review)
        for step in review.steps.all():
            factories.signed(step)

        with pytest.raises(Invalid) as refusal:
            reviews.reopen(review.steps.get(position=2), reason=" ", by=review.owner, now=NOW)
        assert refusal.value.field == "reason"
        reviews.reopen(review.steps.get(position=2), reason="Wrong metric.", by=review.owner, now=NOW)

        first, second, third, fourth = review.steps.all()
        assert [step.is_signed for step in (first, second, third, fourth)] == [True, False, False, False]
        assert [step.is_stale for step in (first, second, third, fourth)] == [False, False, True, True]
        assert second.reopened_because == "Wrong metric."

        with pytest.raises(StepOutOfOrder):
            sign(third)
        sign(second)
        assert sign(third).is_signed
        assert sign(fourth).is_signed

    def test_a_stale_step_loses_its_signature_with_the_first_change(self):
        review = factories.review(is_open=True)
        first, second = review.steps.all()[:2]
        factories.signed(first)
        factories.signed(second)
        reviews.reopen(first, reason="Wrong.", by=review.owner, now=NOW)
        second.refresh_from_db()

        second = write(second, finding="Another finding.")

        assert (second.signed_at, second.signed_by, second.is_stale) == (None, None, False)

    @pytest.mark.parametrize(
        ("finding", "evidence", "missing"),
        [("", "", ["finding", "evidence"]), ("It failed.", " \n", ["evidence"]), ("", "Log.", ["finding"])],
    )
    def test_a_step_is_signed_with_finding_and_evidence(self, finding, evidence, missing):
        step = factories.review(is_open=True).steps.get(position=1)
        factories.written(step, finding=finding, evidence=evidence)

        with pytest.raises(EvidenceMissing) as refusal:
            sign(step)

        assert refusal.value.details == {"fields": missing}
        assert refusal.value.field == missing[0]

    def test_vague_wording_blocks_the_signature_and_shows_the_span(self):
        """R3."""
        step = factories.review(is_open=True).steps.get(position=1)
        factories.written(step, finding="可能是连接池", evidence="It was maybe the pool.")

        with pytest.raises(VagueWording) as refusal:
            sign(step)

        assert refusal.value.code == "vague_wording"
        assert refusal.value.field == "finding"
        spans = [
            (span["field"], span["start"], span["end"], span["phrase"])
            for span in refusal.value.details["spans"]
        ]
        assert spans == [("finding", 0, 2, "可能"), ("evidence", 7, 12, "maybe")]

    @pytest.mark.parametrize(
        "text", ["不可能复现", "见可能性评估表", "`maybe`", "```\nERROR maybe\n```", "> probably"]
    )
    def test_sound_wording_code_and_quoted_logs_pass(self, text):
        """R3."""
        step = factories.review(is_open=True).steps.get(position=1)
        factories.written(step, finding=text, evidence=text)

        assert sign(step).is_signed

    def test_step_4_needs_a_verified_primary_root_cause(self):
        review = factories.review(is_open=True)
        *earlier, last = review.steps.all()
        for step in earlier:
            factories.signed(step)
        factories.written(last)
        cause = factories.cause(review, is_primary=True)
        factories.cause(review, "Another.", state="verified", evidence="x")

        with pytest.raises(CauseUnverified):
            sign(last)

        cause.state, cause.evidence = "verified", "Reproduced."
        cause.save()
        assert sign(last).is_signed

    def test_sign_needs_an_open_review_and_a_member(self):
        with pytest.raises(ReviewNotOpen):
            sign(factories.written(factories.review().steps.get(position=1)))
        step = factories.written(factories.review(is_open=True).steps.get(position=1))
        for person in (factories.user(role="viewer"), factories.user(is_active=False)):
            with pytest.raises(NotAllowed):
                sign(step, by=person)
        sign(step)
        with pytest.raises(StepSigned):
            sign(step)

    def test_only_a_signed_step_can_be_reopened(self):
        step = factories.review(is_open=True).steps.get(position=1)

        with pytest.raises(StepNotSigned):
            reviews.reopen(step, reason="x", by=step.review.owner, now=NOW)

    @pytest.mark.django_db(transaction=True)
    def test_two_who_sign_at_once_give_one_signature(self):
        step = factories.written(factories.review(is_open=True).steps.get(position=1))
        people = [factories.user(), factories.user()]

        refusals = at_once(*[lambda person=person: sign(step, by=person) for person in people])

        assert sorted(refusal.code for refusal in refusals if refusal) == ["step_signed"]
        step.refresh_from_db()
        assert step.signed_by == people[refusals.index(None)]

    @pytest.mark.django_db(transaction=True)
    def test_two_who_save_at_once_give_one_text_and_one_conflict(self):
        step = factories.review(is_open=True).steps.get(position=1)

        refusals = at_once(lambda: write(step, finding="A"), lambda: write(step, finding="B"))

        assert sorted(refusal.code for refusal in refusals if refusal) == ["edit_conflict"]


class TestChecklist:
    def test_a_line_becomes_a_pipeline_with_its_expectation(self):
        """R6."""
        review = factories.review(is_open=True)

        entry = reviews.add_checklist_entry(
            review, title="No pod hangs", pipeline=LINE, expectation="no_match", by=review.owner, now=NOW
        )
        second = reviews.add_checklist_entry(
            review, title="Host is up", pipeline=[["uptime"]], expectation="success", by=review.owner, now=NOW
        )

        entry.refresh_from_db()
        assert entry.pipeline == [
            ["kubectl", "get", "pods", "-n", "order"],
            ["grep", "-E", "(Pending|CrashLoopBackOff)"],
        ]
        assert (entry.expectation, entry.position, second.position) == ("no_match", 1, 2)

        reviews.remove_checklist_entry(entry, by=review.owner, now=NOW)
        assert list(review.checklist.all()) == [second]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"pipeline": "a; b"}, "pipeline"),
            ({"pipeline": ""}, "pipeline"),
            ({"pipeline": None}, "pipeline"),
            ({"pipeline": [["a", 1]]}, "pipeline"),
            ({"title": ""}, "title"),
            ({"title": "a\x00"}, "title"),
            ({"expectation": ""}, "expectation"),
            ({"expectation": "luck"}, "expectation"),
        ],
    )
    def test_bad_values_are_refused_by_name(self, changes, field):
        review = factories.review(is_open=True)
        sound = {"title": "X", "pipeline": LINE, "expectation": "no_match", "by": review.owner, "now": NOW}

        with pytest.raises(Invalid) as refusal:
            reviews.add_checklist_entry(review, **sound | changes)

        assert refusal.value.field == field
        assert not review.checklist.exists()


class TestArchive:
    def test_gaps_of_a_new_review_are_all_of_them(self):
        incident = factories.incident(participants=[factories.user("Ada")])
        review = factories.review(incidents=[incident])

        gaps = reviews.gaps(review)

        assert [(gap.code, gap.where) for gap in gaps] == [
            ("not_open", "steps/1"),
            ("timelines_missing", f"timelines/{incident.participants.get().pk}"),
            ("step_unsigned", "steps/1"),
            ("step_unsigned", "steps/2"),
            ("step_unsigned", "steps/3"),
            ("step_unsigned", "steps/4"),
            ("primary_cause_missing", "causes"),
            ("checklist_empty", "checklist"),
        ]
        assert "Ada" in gaps[1].message

    def test_a_postmortem_without_a_checklist_is_not_archived(self):
        """R6."""
        review = factories.complete_review()
        review.checklist.all().delete()

        with pytest.raises(NotArchivable) as refusal:
            reviews.archive(review, gaps=[], by=review.facilitator, now=NOW)

        assert [gap["code"] for gap in refusal.value.details["gaps"]] == ["checklist_empty"]

    @pytest.mark.parametrize(
        ("break_it", "code"),
        [
            (lambda review: review.steps.filter(position=3).update(is_stale=True), "step_unsigned"),
            (
                lambda review: review.steps.filter(position=4).update(signed_at=None, signed_by=None),
                "step_unsigned",
            ),
            (lambda review: review.causes.update(is_primary=False), "primary_cause_missing"),
            (lambda review: review.causes.update(state="hypothesis"), "cause_unverified"),
            (lambda review: factories.participant(review.incidents.get()), "timelines_missing"),
        ],
    )
    def test_each_thing_missing_alone_blocks_the_archive(self, break_it, code):
        review = factories.complete_review()
        break_it(review)

        with pytest.raises(NotArchivable) as refusal:
            reviews.archive(review, gaps=[], by=review.facilitator, now=NOW)

        assert [gap["code"] for gap in refusal.value.details["gaps"]] == [code]

    def test_gaps_from_downstream_block_too(self):
        review = factories.complete_review()

        with pytest.raises(NotArchivable) as refusal:
            reviews.archive(
                review, gaps=[Gap("cause_without_item", "x", "items")], by=review.facilitator, now=NOW
            )

        assert refusal.value.details == {
            "gaps": [{"code": "cause_without_item", "message": "x", "where": "items"}]
        }

    def test_archive_makes_it_read_only_with_a_hash_of_its_content(self):
        review = factories.complete_review()

        archived = reviews.archive(review, gaps=[], by=review.facilitator, now=NOW)

        assert (archived.archived_at, archived.archived_by) == (NOW, review.facilitator)
        assert archived.content_hash == reviews.document.content_hash(Review.objects.get(pk=review.pk))
        step, by = review.steps.first(), review.facilitator
        entry = review.checklist.get()
        for act in (
            lambda: write(step),
            lambda: sign(step),
            lambda: reviews.reopen(step, reason="x", by=by, now=NOW),
            lambda: reviews.write_lessons(
                review, went_well="", went_badly="", luck="", version=1, by=by, now=NOW
            ),
            lambda: reviews.add_checklist_entry(
                review, title="x", pipeline="ls", expectation="match", by=by, now=NOW
            ),
            lambda: reviews.remove_checklist_entry(entry, by=by, now=NOW),
            lambda: reviews.open(review, by=by, now=NOW),
            lambda: reviews.archive(review, gaps=[], by=by, now=NOW),
        ):
            with pytest.raises(Archived) as refusal:
                act()
            assert refusal.value.code == "archived"

    def test_the_hash_changes_with_any_word_and_with_nothing_else(self):
        review = factories.complete_review()
        before = reviews.document.content_hash(review)

        factories.user()
        assert reviews.document.content_hash(Review.objects.get(pk=review.pk)) == before

        review.steps.filter(position=2).update(evidence="Another graph.")
        assert reviews.document.content_hash(review) != before

    def test_the_content_leaves_unfiled_entries_out(self):
        incident = factories.resolved_incident()
        factories.entry(factories.timeline(factories.participant(incident)), "sealed")
        factories.filed_timeline(factories.participant(incident), text="told")
        review = factories.review(incidents=[incident])

        entries = reviews.content(review)["incidents"][0]["entries"]

        assert [entry["text"] for entry in entries] == ["told"]

    def test_archive_is_for_facilitators_and_this_reviews_facilitator(self):
        member = factories.user()
        mine = factories.complete_review(facilitator=member)
        other = factories.complete_review()

        with pytest.raises(NotAllowed):
            reviews.archive(other, gaps=[], by=member, now=NOW)
        assert reviews.archive(mine, gaps=[], by=member, now=NOW + timedelta(hours=1)).is_archived
