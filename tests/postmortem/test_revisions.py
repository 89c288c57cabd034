"""What was archived stays as it was: by acts, by raw SQL, and after a reopening."""

import re
from datetime import timedelta
from importlib import import_module

import pgtrigger
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from postmortem import document, reviews, revisions, timelines
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.models import Reopening, Review, Revision
from postmortem.revisions import NotArchived
from remediation import plan
from tests import factories
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def run(statement, *parameters):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        count = cursor.rowcount
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        return count


def refused(constraint, statement, *parameters):
    with pytest.raises(IntegrityError) as refusal:
        run(statement, *parameters)
    assert refusal.value.__cause__.diag.constraint_name == constraint


def reopen(review, **changes):
    values = {"reason": "New logs were found.", "by": factories.user(role="facilitator"), "now": NOW}
    return revisions.reopen(review, **values | changes)


def restep(review, *, finding, position=2):
    """Change a step of an open review and sign all again."""
    by = review.facilitator
    step = reviews.reopen(review.steps.get(position=position), reason="It was wrong.", by=by, now=NOW)
    reviews.write(step, finding=finding, evidence=step.evidence, version=step.version, by=by, now=NOW)
    for one in review.steps.filter(position__gte=position):
        reviews.sign(one, by=by, now=NOW)


@pytest.fixture
def archived():
    """A postmortem with something in every table that it says."""
    incident = factories.resolved_incident()
    factories.filed_timeline(factories.participant(incident), text="Restarted it.")
    review = factories.complete_review(incidents=[incident])
    return plan.archive(review, by=review.facilitator, now=NOW - HOUR)


class TestKeep:
    def test_archiving_keeps_the_content_with_its_hash(self, archived):
        revision = archived.revisions.get()

        assert (revision.number, revision.archived_at, revision.archived_by) == (
            1,
            NOW - HOUR,
            archived.facilitator,
        )
        assert revision.content == document.plain(document.content(archived))
        assert revision.content_hash == document.hash_of(revision.content_json) == archived.content_hash
        assert archived.first_archived_at == NOW - HOUR
        assert str(revision) == f"{archived.public_id} r1"

    def test_revisions_are_never_changed(self, archived):
        for statement in (
            "UPDATE postmortem_revision SET content_json = '{}'",
            "UPDATE postmortem_revision SET number = 7",
            "DELETE FROM postmortem_revision",
        ):
            with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
                run(statement)

    def test_an_archive_without_its_revision_is_refused(self):
        review = factories.complete_review()

        refused(
            "archived_by_a_revision",
            "UPDATE postmortem_review SET archived_at = now(), archived_by_id = facilitator_id,"
            " content_hash = repeat('0', 64), first_archived_at = now() WHERE id = %s",
            review.pk,
        )

    def test_a_revision_without_its_archive_is_refused(self):
        review = factories.complete_review()

        refused("archived_by_a_revision", _INSERT, review.pk, 1, review.owner_id)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda review: Review.objects.filter(pk=review.pk).update(opened_at=None),
            lambda review: review.steps.filter(position=3).update(is_stale=True),
            lambda review: review.steps.filter(position=1).update(signed_at=None, signed_by=None),
            lambda review: factories.participant(review.incidents.get()),
            lambda review: factories.timeline(factories.participant(review.incidents.get())),
            lambda review: review.causes.update(state="hypothesis"),
            lambda review: review.causes.update(is_primary=False),
            lambda review: review.checklist.all().delete(),
            lambda review: factories.verified_cause(review, "Another.", is_primary=False),
            lambda review: (
                type(review.owner).objects.filter(pk=review.items.get().owner_id).update(is_active=False)
            ),
        ],
    )
    def test_a_revision_of_what_lacks_something_is_refused_by_the_database(self, spoil):
        review = factories.complete_review()
        spoil(review)

        refused("archived_complete", _INSERT, review.pk, 1, review.owner_id)

    def test_revisions_are_in_order(self, archived):
        refused("revisions_are_in_order", _INSERT, archived.pk, 2, archived.owner_id)
        reopen(archived)
        refused("revisions_are_in_order", _INSERT, archived.pk, 3, archived.owner_id)


_INSERT = (
    "INSERT INTO postmortem_revision"
    " (review_id, number, content_json, content_hash, archived_at, archived_by_id)"
    " VALUES (%s, %s, '{}', 'x', now(), %s)"
)


class TestFrozen:
    """An archived review refuses every statement about what it says."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE postmortem_reviewstep SET finding = 'x'",
            "UPDATE postmortem_reviewstep SET signed_at = now()",
            "DELETE FROM postmortem_reviewstep WHERE position = 4",
            "UPDATE postmortem_rootcause SET statement = 'x'",
            (
                "INSERT INTO postmortem_rootcause (review_id, part, is_primary, state, statement, evidence,"
                " created_at) SELECT id, 'root', false, 'hypothesis', 'x', '', now() FROM postmortem_review"
            ),
            "DELETE FROM remediation_remediationitem_causes; DELETE FROM postmortem_rootcause",
            "UPDATE postmortem_checklistentry SET title = 'x'",
            "DELETE FROM postmortem_checklistentry",
            "UPDATE postmortem_review SET title = 'x'",
            "UPDATE postmortem_review SET went_badly = 'x', version = version + 1",
            "UPDATE postmortem_review SET owner_id = facilitator_id",
            "UPDATE postmortem_incident SET title = 'x'",
            "UPDATE postmortem_incident SET started_at = started_at - interval '1 minute'",
            "UPDATE postmortem_incident SET review_id = NULL",
            (
                "UPDATE postmortem_incident SET dismissed_as = 'duplicate', dismissed_reason = 'x',"
                " closed_at = now()"
            ),
            "UPDATE postmortem_incidentservice SET part = 'affected'",
            "DELETE FROM postmortem_incidentservice",
            "UPDATE postmortem_participant SET role = 'scribe'",
            "UPDATE postmortem_timeline SET filed_at = NULL",
            "UPDATE postmortem_entry SET text = 'x'",
            "DELETE FROM postmortem_entry",
            (
                "INSERT INTO postmortem_entry (timeline_id, happened_at, zone, kind, marker, is_starred,"
                " text, created_at)"
                " SELECT id, now(), 'UTC', 'note', '', false, 'x', now() FROM postmortem_timeline"
            ),
        ],
    )
    def test_statement_is_refused(self, archived, statement):
        before = document.content_hash(archived)

        refused("archived_is_read_only", statement)

        assert document.content_hash(Review.objects.get()) == before == archived.content_hash

    def test_the_archive_is_not_taken_back_by_hand(self, archived):
        refused(
            "archived_by_a_revision",
            "UPDATE postmortem_review SET archived_at = NULL, archived_by_id = NULL, content_hash = ''",
        )
        refused("archived_by_a_revision", "UPDATE postmortem_review SET content_hash = repeat('0', 64)")
        refused("archived_by_a_revision", "UPDATE postmortem_review SET first_archived_at = now()")

    def test_a_postmortem_is_not_deleted(self, archived):
        with pytest.raises(IntegrityError), transaction.atomic():
            run("DELETE FROM postmortem_review")

    def test_what_must_stay_repairable_may_change(self, archived):
        assert run("UPDATE postmortem_incident SET is_restricted = true") == 1
        assert run("UPDATE postmortem_incident SET closed_at = now()") == 1

    def test_html_may_be_made_anew(self, archived):
        assert run("UPDATE postmortem_reviewstep SET finding_html = '', evidence_html = ''") == 4
        assert run("UPDATE postmortem_review SET luck_html = 'x'") == 1
        assert run("UPDATE postmortem_incident SET summary_html = 'x'") == 1

    def test_the_same_statements_pass_before_the_archive(self):
        factories.complete_review()

        assert run("UPDATE postmortem_reviewstep SET finding = 'x'") == 4
        assert run("UPDATE postmortem_incident SET title = 'x'") == 1
        assert run("DELETE FROM postmortem_checklistentry") == 1

    def test_an_act_on_what_is_archived_is_refused_in_words(self, archived):
        factories_person = archived.facilitator
        participant = archived.incidents.get().participants.get()
        participant.timeline = None

        with pytest.raises(Archived):
            timelines.excuse(participant, reason="x", by=factories_person, now=NOW)


class TestReopen:
    def test_reopening_keeps_the_revision_and_opens_the_review(self, archived):
        by = factories.user(role="facilitator")

        review = reopen(archived, by=by, reason="New logs.", now=NOW)

        assert (review.archived_at, review.archived_by, review.content_hash) == (None, None, "")
        assert review.first_archived_at == NOW - HOUR
        reopening = Reopening.objects.get()
        assert (reopening.revision.number, reopening.reason) == (1, "New logs.")
        assert (reopening.reopened_by, reopening.reopened_at) == (by, NOW)
        assert revisions.last_reopening(review) == reopening
        assert all(step.is_signed for step in review.steps.all())
        assert plan.gaps(review) == []

    def test_a_closed_incident_stays_closed(self, archived):
        run("UPDATE postmortem_incident SET closed_at = now()")

        reopen(archived)

        assert archived.incidents.get().closed_at is not None

    def test_it_is_archived_anew_as_the_next_revision(self, archived):
        review = reopen(archived)
        restep(review, finding="7 % of orders failed.")

        again = plan.archive(review, by=review.facilitator, now=NOW + HOUR)

        first, second = again.revisions.order_by("number")
        assert (second.number, second.archived_at, again.archived_at) == (2, NOW + HOUR, NOW + HOUR)
        assert again.first_archived_at == NOW - HOUR
        assert revisions.standing(again) == second
        assert revisions.last_reopening(again) is None
        found = revisions.differences(first.content, second.content)
        changed = {one.path: (one.before, one.after) for one in found}
        assert changed.pop(("steps", "metric_anomaly", "finding")) == (
            "5 % of orders failed.",
            "7 % of orders failed.",
        )
        assert {path[-1] for path in changed} == {"signed_at"}

    def test_reopening_needs_a_reason_and_a_facilitator(self, archived):
        with pytest.raises(Invalid) as refusal:
            reopen(archived, reason=" ")
        assert refusal.value.field == "reason"
        with pytest.raises(NotAllowed):
            reopen(archived, by=factories.user())
        assert Review.objects.get().is_archived

    def test_the_facilitator_of_one_review_alone_may_not(self, archived):
        """Archiving one's own review is work; taking it back is governance."""
        type(archived.facilitator).objects.filter(pk=archived.facilitator_id).update(role="member")
        archived.facilitator.refresh_from_db()

        with pytest.raises(NotAllowed):
            reopen(archived, by=archived.facilitator)

    def test_only_what_is_archived_is_reopened(self, archived):
        reopen(archived)

        with pytest.raises(NotArchived):
            reopen(archived)

    def test_a_reopening_by_hand_must_open_the_review(self, archived):
        refused(
            "archived_by_a_revision",
            "INSERT INTO postmortem_reopening (revision_id, reason, reopened_at, reopened_by_id)"
            " SELECT id, 'x', now(), archived_by_id FROM postmortem_revision",
        )


class TestDifferences:
    def test_equal_contents_do_not_differ(self):
        assert revisions.differences({"a": [1]}, {"a": [1]}) == []

    def test_rows_are_matched_by_what_names_them(self):
        a, b = ({"statement": name, "state": "verified"} for name in "AB")
        before = {"causes": [a, b]}
        after = {"causes": [b | {"state": "refuted"}, a | {"statement": "C"}]}

        found = {one.path: (one.before, one.after) for one in revisions.differences(before, after)}

        assert found == {
            ("causes", "A"): (a, None),
            ("causes", "B", "state"): ("verified", "refuted"),
            ("causes", "C"): (None, a | {"statement": "C"}),
        }

    def test_rows_without_a_name_or_with_one_twice_are_matched_by_place(self):
        before = {"checklist": [{"title": "A", "n": 1}, {"title": "A", "n": 2}]}
        after = {"checklist": [{"title": "A", "n": 1}, {"title": "A", "n": 3}]}

        assert [(one.path, one.before, one.after) for one in revisions.differences(before, after)] == [
            (("checklist", "2", "n"), 2, 3)
        ]


class TestVerify:
    def test_nothing_is_wrong_with_what_nobody_touched(self, archived, capsys):
        reopen(archived)
        plan.archive(archived, by=archived.facilitator, now=NOW + HOUR)

        assert list(revisions.verify()) == []
        call_command("verify_archives")
        assert "2 revisions are as they were archived." in capsys.readouterr().out

    def test_a_change_behind_the_triggers_is_named(self, archived, capsys):
        with pgtrigger.ignore("postmortem.ReviewStep:frozen", "postmortem.Entry:frozen"):
            archived.steps.filter(position=4).update(evidence="Another.")

        assert [(fault.subject, fault.what) for fault in revisions.verify()] == [
            (f"{archived.public_id} r1", "steps.root_cause.evidence")
        ]
        with pytest.raises(CommandError, match="1 differences"):
            call_command("verify_archives")
        assert f"{archived.public_id} r1: steps.root_cause.evidence" in capsys.readouterr().out

    def test_a_revision_that_does_not_give_its_hash_is_named(self, archived):
        with pgtrigger.ignore("postmortem.Revision:append_only"):
            Revision.objects.update(content_json="{}")

        assert [fault.what for fault in revisions.verify()] == ["stored content"]

    def test_a_revision_of_an_earlier_format_is_held_to_its_own_hash(self, archived):
        text = document.canonical({"format": 0, "title": "As they were then"})
        with pgtrigger.ignore("postmortem.Revision:append_only", "postmortem.Review:archived_by_a_revision"):
            Revision.objects.update(content_json=text, content_hash=document.hash_of(text))
            Review.objects.update(content_hash=document.hash_of(text))

        assert list(revisions.verify()) == []


def test_an_archive_from_before_there_were_revisions_gets_its_first_one():
    migration = import_module("postmortem.migrations.0009_revisions_of_earlier_archives")
    incident = factories.resolved_incident(loss_amount="12.50", loss_currency="CNY")
    factories.filed_timeline(factories.participant(incident))
    factories.timeline(
        factories.participant(incident), excused_at=NOW, excused_by=factories.user(), excuse_reason="Away."
    )
    review = factories.complete_review(incidents=[incident])
    review.teams_present.add(factories.team())
    open_one = factories.complete_review()
    with pgtrigger.ignore("postmortem.Review:archived_by_a_revision"):
        Review.objects.filter(pk=review.pk).update(
            archived_at=NOW, archived_by=review.facilitator, content_hash="0" * 64
        )
        migration.add(apps, None)

    revision = Revision.objects.get()
    review.refresh_from_db()
    assert (revision.review, revision.number, revision.archived_at) == (review, 1, NOW)
    assert review.content_hash == revision.content_hash == document.hash_of(revision.content_json)
    assert review.first_archived_at == NOW
    assert re.fullmatch("[0-9a-f]{64}", revision.content_hash)
    assert revision.content["format"] == 1
    assert revision.content["incidents"][0]["entries"][0]["text"] == "Restarted the order service."
    assert revision.content["incidents"][0]["loss_amount"] == "12.50"
    open_one.refresh_from_db()
    assert open_one.first_archived_at is None


class TestAddendum:
    def test_it_is_kept_with_a_hash_of_its_own(self, archived):
        before = archived.content_hash

        addendum = factories.addendum(archived, "It came *back*.")

        assert addendum.text_html.endswith("<p>It came <em>back</em>.</p>")
        assert addendum.content_hash == revisions.addendum_hash(addendum)
        assert document.content_hash(Review.objects.get()) == before
        assert list(revisions.verify()) == []

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE postmortem_addendum SET text = 'x'",
            "UPDATE postmortem_addendum SET added_at = now()",
            "DELETE FROM postmortem_addendum",
        ],
    )
    def test_it_is_never_changed(self, archived, statement):
        factories.addendum(archived)

        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            run(statement)

    def test_one_that_was_changed_behind_the_triggers_is_named(self, archived):
        addendum = factories.addendum(archived)
        with pgtrigger.ignore("postmortem.Addendum:never_edited"):
            type(addendum).objects.update(text="Another.")

        assert [(fault.subject, fault.what) for fault in revisions.verify()] == [
            (str(addendum), "stored content")
        ]

    def test_a_viewer_may_not_and_it_says_something(self, archived):
        with pytest.raises(NotAllowed):
            factories.addendum(archived, by=factories.user(role="viewer"))
        with pytest.raises(Invalid):
            factories.addendum(archived, " ")
