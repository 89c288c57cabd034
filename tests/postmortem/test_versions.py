"""The versions of a text, as the trail gives them; what was sealed stays its author's."""

import pytest
from django.db import connection

from postmortem import access, incidents, rendering, reviews, timelines, trail, versions
from postmortem.models import Entry, Incident, ReviewStep, Timeline
from tests import factories
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db


def told(record, column, viewer=None):
    """(number, actor, text) of each version, newest first."""
    rows = list(versions.of(record, column, viewer=viewer or factories.user()))
    said = versions.values(rows, column)
    return [(row.number, row.actor, said[row.pk]) for row in rows]


def words(record, column, viewer=None):
    return [text for _number, _actor, text in told(record, column, viewer)]


class TestDeriving:
    def test_each_change_of_the_text_is_a_version_with_its_actor(self):
        ada, bob = factories.user("Ada"), factories.user("Bob")
        incident = incidents.declare(
            title="Orders fail",
            severity=factories.severity(),
            started_at=NOW - HOUR,
            services=[(factories.service(), "origin")],
            summary="One",
            by=ada,
            now=NOW,
        )

        incidents.edit(incident, summary="Two", by=bob, now=NOW)
        incidents.edit(incident, summary="One", by=ada, now=NOW)

        assert told(incident, "summary") == [(3, ada, "One"), (2, bob, "Two"), (1, ada, "One")]

    def test_a_change_of_something_else_is_no_version(self):
        person = factories.user()
        incident = factories.incident(summary="One")

        incidents.edit(incident, phase="before a sale", summary="One", by=person, now=NOW)
        Incident.objects.update(summary_html="<p>spoilt</p>")
        rendering.again()

        assert words(incident, "summary") == ["One"]
        assert words(incident, "phase") == ["before a sale"]

    def test_an_empty_beginning_is_none_but_a_text_that_was_deleted_is_one(self):
        step = factories.review(is_open=True).steps.get(position=1)
        assert words(step, "finding") == []

        factories.written(step, finding="Seen.")
        factories.written(step, finding="")

        assert told(step, "finding") == [(2, None, ""), (1, None, "Seen.")]

    def test_lists_are_versions_too_and_an_empty_list_is_no_beginning(self):
        cause = factories.cause()
        assert words(cause, "whys") == []

        cause.whys = [{"why": "No timeout.", "evidence": ""}]
        cause.save()

        assert words(cause, "whys") == [[{"why": "No timeout.", "evidence": ""}]]

    def test_bulk_and_raw_statements_are_versions_by_nobody(self):
        incident = factories.incident("One")
        Incident.objects.update(title="Bulk")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE postmortem_incident SET title = 'Raw'")

        assert told(incident, "title") == [(3, None, "Raw"), (2, None, "Bulk"), (1, None, "One")]

    def test_another_record_has_its_own(self):
        one, other = factories.incident("One"), factories.incident("Other")
        # The same id in another table is another record.
        step = ReviewStep(pk=one.pk)

        assert words(one, "title") == ["One"]
        assert words(other, "title") == ["Other"]
        assert words(step, "finding") == []

    def test_the_moment_is_the_one_of_the_change(self):
        incident = factories.incident("One")
        written_at = trail.of(incident).get(operation="insert").at

        assert [row.said_at for row in versions.of(incident, "title", viewer=factories.user())] == [
            written_at
        ]

    def test_numbers_stay_when_only_some_are_asked_for(self):
        incident = factories.incident("1")
        for title in ("2", "3", "4"):
            Incident.objects.update(title=title)
        found = versions.of(incident, "title", viewer=factories.user())

        assert [row.number for row in found.filter(number__lt=4)[:2]] == [3, 2]
        assert found.filter(number=5).first() is None

    def test_count_counts_many_texts_in_one_statement(self, django_assert_num_queries):
        steps = list(factories.review(is_open=True).steps.order_by("position"))
        incident = factories.incident("One")
        for finding in ("One.", "Two.", "Three."):
            factories.written(steps[0], finding=finding, evidence="The same.")

        with django_assert_num_queries(1):
            found = versions.count({step: ["finding", "evidence"] for step in steps} | {incident: ["title"]})

        assert found == {
            ("postmortem_reviewstep", steps[0].pk, "finding"): 3,
            ("postmortem_reviewstep", steps[0].pk, "evidence"): 1,
            ("postmortem_incident", incident.pk, "title"): 1,
        }
        assert versions.count({}) == {}


class TestSealed:
    """Of what was written on a sealed timeline others read what was filed, and nothing from before."""

    @pytest.fixture
    def entry(self):
        participant = factories.participant(person=factories.user("Ada"))
        timeline = timelines.open_for(participant)
        entry = timelines.add(
            timeline,
            text="I blamed Bob",
            happened_at=NOW - HOUR,
            zone="UTC",
            kind="note",
            by=participant.user,
            now=NOW,
        )
        return timelines.edit(entry, text="The pool was full", by=participant.user, now=NOW)

    def author(self, entry):
        return entry.timeline.participant.user

    def filed(self, entry):
        timelines.file(entry.timeline, by=self.author(entry), now=NOW)
        return Entry.objects.select_related("timeline__participant").get(pk=entry.pk)

    def test_the_author_reads_all_of_it_before_and_after(self, entry):
        author = self.author(entry)
        both = [(2, author, "The pool was full"), (1, author, "I blamed Bob")]

        assert told(entry, "text", author) == both
        assert told(self.filed(entry), "text", author) == both

    @pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "governor", "administrator"])
    def test_others_read_only_what_was_filed_since_it_was_filed(self, entry, role):
        entry = self.filed(entry)
        reader = factories.user(role=role, is_superuser=role == "administrator")

        assert told(entry, "text", reader) == [(1, self.author(entry), "The pool was full")]
        (only,) = versions.of(entry, "text", viewer=reader)
        # Not even when it was typed.
        assert only.said_at == NOW

    def test_what_is_changed_behind_closeloop_after_the_filing_is_read_by_all(self, entry):
        entry = self.filed(entry)
        Entry.objects.filter(pk=entry.pk).update(text="Tampered")

        reader = factories.user()
        assert words(entry, "text", reader) == ["Tampered", "The pool was full"]
        first, last = versions.of(entry, "text", viewer=reader).order_by("id")
        assert (first.said_at, last.said_at > NOW) == (NOW, True)

    def test_after_a_second_filing_the_last_one_counts(self, entry):
        entry = self.filed(entry)
        Timeline.objects.update(filed_at=None)
        Entry.objects.update(text="Sealed again")
        Entry.objects.update(text="Second filing")
        Timeline.objects.update(filed_at=NOW + HOUR)
        entry.refresh_from_db()

        assert words(entry, "text", factories.user()) == ["Second filing"]

    def test_a_timeline_that_was_filed_when_it_was_made_hides_nothing(self):
        entry = factories.filed_timeline(text="One").entries.get()
        Entry.objects.update(text="Two")

        assert words(entry, "text", factories.user()) == ["Two", "One"]

    def test_where_nobody_knows_when_it_was_filed_only_what_stands_is_read(self, entry):
        entry = self.filed(entry)
        Timeline.objects.update(excused_at=None)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE postmortem_trailentry DISABLE TRIGGER USER")
            cursor.execute("DELETE FROM postmortem_trailentry WHERE model = 'postmortem_timeline'")
            cursor.execute("ALTER TABLE postmortem_trailentry ENABLE TRIGGER USER")

        assert words(entry, "text", factories.user()) == ["The pool was full"]

    def test_masked_secrets_are_masked_in_every_version(self):
        participant = factories.participant()
        timeline = timelines.open_for(participant)
        about = {"by": participant.user, "now": NOW}
        entry = timelines.add(
            timeline,
            text="mysql --password=hunter2",
            happened_at=NOW - HOUR,
            zone="UTC",
            kind="command",
            **about,
        )
        timelines.edit(entry, text="mysql --password=hunter3 order", **about)

        assert words(entry, "text", participant.user) == [
            "mysql --password=[masked] order",
            "mysql --password=[masked]",
        ]

    def test_opening_is_only_of_entries_of_others(self, entry):
        entry = self.filed(entry)

        assert access.opening(entry, self.author(entry)) is None
        assert access.opening(entry, factories.user()).at == NOW
        assert access.opening(entry.timeline.participant.incident, factories.user()) is None


def test_writing_a_step_gives_versions_of_what_changed_alone():
    review = factories.review(is_open=True)
    step, person = review.steps.get(position=1), factories.user()
    step = reviews.write(step, finding="A", evidence="B", version=1, by=person, now=NOW)

    reviews.write(step, finding="A", evidence="C", version=2, by=person, now=NOW)

    assert words(step, "finding") == ["A"]
    assert words(step, "evidence") == ["C", "B"]
