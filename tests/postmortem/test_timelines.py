from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction

from postmortem import timelines, trail, values
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.models import Entry
from postmortem.timelines import AlreadyExcused, EmptyTimeline, TimelineFiled
from tests import factories
from tests.factories import HOUR, NOW


def add(timeline, **changes):
    sound = {
        "text": "kubectl rollout restart deploy/order",
        "happened_at": NOW - HOUR,
        "zone": "Asia/Shanghai",
        "kind": "command",
        "by": timeline.participant.user,
        "now": NOW,
    }
    return timelines.add(timeline, **sound | changes)


@pytest.mark.django_db
class TestWriting:
    def test_of_finds_ones_own_timeline_only(self):
        participant, other = factories.participant(), factories.user()
        assert timelines.of(participant.incident, participant.user) is None

        timeline = timelines.open_for(participant)

        assert timelines.of(participant.incident, participant.user) == timeline
        assert timelines.of(participant.incident, other) is None
        assert timelines.open_for(participant) == timeline

    def test_commands_logs_and_notes_are_stored_with_moment_and_zone(self):
        timeline = factories.timeline()

        command = add(timeline, marker="repair", is_starred=True)
        log = add(timeline, text="ERROR pool exhausted", kind="log")

        command.refresh_from_db()
        assert (command.kind, command.marker, command.is_starred) == ("command", "repair", True)
        assert (command.happened_at, command.zone, command.created_at) == (NOW - HOUR, "Asia/Shanghai", NOW)
        assert set(timeline.entries.all()) == {command, log}

    def test_secrets_are_masked_before_they_are_stored_and_in_the_trail(self):
        entry = add(factories.timeline(), text="mysql -h db -uroot -phunter2 order")
        timelines.edit(entry, text="redis-cli -a hunter2 info", by=entry.timeline.participant.user, now=NOW)

        entry.refresh_from_db()
        assert entry.text == "redis-cli -a [masked] info"
        assert not [row for row in trail.of(entry) if "hunter2" in f"{row.before}{row.after}"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"text": " "}, "text"),
            ({"text": "x" * 65_537}, "text"),
            ({"text": "a\x00"}, "text"),
            ({"happened_at": NOW + timedelta(minutes=6)}, "happened_at"),
            ({"happened_at": datetime(9999, 12, 31, tzinfo=UTC)}, "happened_at"),
            ({"happened_at": datetime(1, 1, 1, tzinfo=UTC)}, "happened_at"),
            ({"happened_at": None}, "happened_at"),
            ({"zone": "Mars/Olympus"}, "zone"),
            ({"zone": "../../etc/passwd"}, "zone"),
            ({"zone": ""}, "zone"),
            ({"kind": "dream"}, "kind"),
            ({"marker": "panic"}, "marker"),
        ],
    )
    def test_add_refuses_bad_values_and_names_the_field(self, changes, field):
        timeline = factories.timeline()

        with pytest.raises(Invalid) as refusal:
            add(timeline, **changes)

        assert refusal.value.field == field
        assert not Entry.objects.exists()

    def test_only_the_author_writes(self):
        timeline = factories.timeline()
        entry = factories.entry(timeline)
        by = factories.user(role="administrator")

        for act in (
            lambda: add(timeline, by=by),
            lambda: timelines.edit(entry, text="x", by=by, now=NOW),
            lambda: timelines.remove(entry, by=by, now=NOW),
            lambda: timelines.file(timeline, by=by, now=NOW),
        ):
            with pytest.raises(NotAllowed):
                act()

    def test_a_filed_timeline_changes_no_more(self):
        timeline = factories.filed_timeline()
        entry, by = timeline.entries.get(), timeline.participant.user

        for act in (
            lambda: add(timeline),
            lambda: timelines.edit(entry, text="x", by=by, now=NOW),
            lambda: timelines.remove(entry, by=by, now=NOW),
            lambda: timelines.file(timeline, by=by, now=NOW),
        ):
            with pytest.raises(TimelineFiled):
                act()

    def test_an_excused_timeline_may_still_be_filed_until_the_review_is_archived(self):
        participant = factories.participant()
        timeline = timelines.excuse(
            participant, reason="On leave.", by=factories.user(role="facilitator"), now=NOW
        )

        add(timeline)
        assert timelines.file(timeline, by=participant.user, now=NOW).excuse_reason == "On leave."

        late = factories.timeline(factories.participant(participant.incident))
        factories.archived_review(incidents=[participant.incident])
        with pytest.raises(Archived):
            add(late)

    def test_file_needs_an_entry(self):
        timeline = factories.timeline()

        with pytest.raises(EmptyTimeline):
            timelines.file(timeline, by=timeline.participant.user, now=NOW)

        entry = add(timeline)
        timelines.remove(entry, by=timeline.participant.user, now=NOW)
        with pytest.raises(EmptyTimeline):
            timelines.file(timeline, by=timeline.participant.user, now=NOW)


@pytest.mark.django_db
class TestExcuse:
    def test_excuse_needs_a_reason_which_is_kept(self):
        participant, by = factories.participant(), factories.user(role="facilitator")

        with pytest.raises(Invalid) as refusal:
            timelines.excuse(participant, reason="  ", by=by, now=NOW)
        assert refusal.value.field == "reason"

        timeline = timelines.excuse(participant, reason="On leave since Monday.", by=by, now=NOW)
        assert (timeline.excuse_reason, timeline.excused_by, timeline.excused_at) == (
            "On leave since Monday.",
            by,
            NOW,
        )
        assert timeline.is_settled

        with pytest.raises(AlreadyExcused):
            timelines.excuse(participant, reason="Another.", by=by, now=NOW)

    def test_excuse_is_for_facilitators_and_this_reviews_facilitator(self):
        member = factories.user()
        participant = factories.participant()
        factories.review(incidents=[participant.incident], facilitator=member)
        participant.refresh_from_db()

        with pytest.raises(NotAllowed):
            timelines.excuse(participant, reason="x", by=factories.user(), now=NOW)
        assert timelines.excuse(participant, reason="x", by=member, now=NOW).excused_by == member

    def test_nobody_excuses_themselves(self):
        person = factories.user(role="facilitator")

        with pytest.raises(NotAllowed):
            timelines.excuse(factories.participant(person=person), reason="x", by=person, now=NOW)

    def test_a_filed_timeline_needs_no_excuse(self):
        timeline = factories.filed_timeline()

        with pytest.raises(TimelineFiled):
            timelines.excuse(timeline.participant, reason="x", by=factories.user(role="facilitator"), now=NOW)


@pytest.mark.django_db
class TestMerged:
    def test_merged_is_in_time_order_with_provenance(self):
        incident = factories.incident()
        first, second = (factories.participant(incident) for _ in range(2))
        factories.entry(factories.timeline(first, filed_at=NOW), "late", happened_at=NOW - HOUR)
        factories.entry(factories.timeline(second, filed_at=NOW), "early", happened_at=NOW - 2 * HOUR)

        merged = timelines.merged(incident, viewer=factories.user())

        assert [(entry.text, entry.timeline.participant.user) for entry in merged] == [
            ("early", second.user),
            ("late", first.user),
        ]

    @pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "governor", "administrator"])
    def test_unfiled_entries_are_sealed_to_everybody_but_their_author(self, role):
        timeline = factories.timeline()
        factories.entry(timeline, "draft")
        incident = timeline.participant.incident

        assert timelines.merged(incident, viewer=factories.user(role=role, is_superuser=True)) == []
        assert [entry.text for entry in timelines.merged(incident, viewer=timeline.participant.user)] == [
            "draft"
        ]

    def test_entries_of_an_excused_timeline_stay_sealed(self):
        timeline = factories.timeline()
        factories.entry(timeline, "draft")
        timelines.excuse(timeline.participant, reason="x", by=factories.user(role="facilitator"), now=NOW)

        assert timelines.merged(timeline.participant.incident, viewer=factories.user()) == []

    @pytest.mark.parametrize("people", [1, 3])
    def test_merged_takes_two_queries(self, people, django_assert_num_queries):
        incident = factories.incident()
        for _ in range(people):
            factories.filed_timeline(factories.participant(incident))
        viewer = factories.user()

        with django_assert_num_queries(2):
            names = [
                entry.timeline.participant.user.name for entry in timelines.merged(incident, viewer=viewer)
            ]
        assert len(names) == people


SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The reference is 2026-11-20 14:00 in Shanghai, 06:00 UTC; it is 15:00 there now.
        ("14:03", utc(2026, 11, 20, 6, 3)),
        ("14:03:20", utc(2026, 11, 20, 6, 3, 20)),
        ("9:05", utc(2026, 11, 20, 1, 5)),
        ("23:50", utc(2026, 11, 19, 15, 50)),  # this evening has not been
        ("+5m", utc(2026, 11, 20, 6, 5)),
        ("+90s", utc(2026, 11, 20, 6, 1, 30)),
        ("+1h", utc(2026, 11, 20, 7, 0)),
        ("+5", utc(2026, 11, 20, 6, 5)),
        ("-10m", utc(2026, 11, 20, 5, 50)),
        ("+5分钟", utc(2026, 11, 20, 6, 5)),
        ("yesterday 23:10", utc(2026, 11, 19, 15, 10)),
        ("昨天 23:10", utc(2026, 11, 19, 15, 10)),
        ("昨天23:10", utc(2026, 11, 19, 15, 10)),
        ("today 14:03", utc(2026, 11, 20, 6, 3)),
        ("今天 14:03", utc(2026, 11, 20, 6, 3)),
        ("2026-11-18 14:03", utc(2026, 11, 18, 6, 3)),
        ("2026/11/18 14:03:20", utc(2026, 11, 18, 6, 3, 20)),
        ("2026-11-18T14:03:20Z", utc(2026, 11, 18, 14, 3, 20)),
        ("2026-11-18T14:03:20+02:00", utc(2026, 11, 18, 12, 3, 20)),
        ("2026-11-18 14:03 -0530", utc(2026, 11, 18, 19, 33)),
        ("  14:03  ", utc(2026, 11, 20, 6, 3)),
    ],
)
def test_parse_moment_reads_what_people_write(text, expected):
    moment = timelines.parse_moment(
        text, reference=utc(2026, 11, 20, 6, 0), zone=SHANGHAI, now=utc(2026, 11, 20, 7, 0)
    )

    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "reference", "now", "expected"),
    [
        # Written at 00:10: the evening before, not the one to come.
        ("23:50", utc(2026, 11, 20, 0, 10), None, utc(2026, 11, 19, 23, 50)),
        # After an entry at 23:58: the day after, for it has been.
        ("00:03", utc(2026, 11, 19, 23, 58), utc(2026, 11, 20, 9, 0), utc(2026, 11, 20, 0, 3)),
        # The reference is the present unless told otherwise: two hours ahead is yesterday.
        ("14:00", utc(2026, 11, 20, 12, 0), None, utc(2026, 11, 19, 14, 0)),
        # A clock that runs a little ahead is forgiven.
        ("12:04", utc(2026, 11, 20, 12, 0), None, utc(2026, 11, 20, 12, 4)),
        # "Yesterday" is seen from now, not from the incident.
        ("yesterday 10:00", utc(2026, 11, 18, 9, 0), utc(2026, 11, 20, 9, 0), utc(2026, 11, 19, 10, 0)),
    ],
)
def test_parse_moment_takes_the_nearest_day_that_has_been(text, reference, now, expected):
    assert timelines.parse_moment(text, reference=reference, zone=ZoneInfo("UTC"), now=now) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "14", "25:00", "14:60", "14:03 PM", "2026-11-20", "\x00", "１" * 200, "+999999m"),
        *("2026-02-30 10:00", "2026-13-01 10:00", "0000-01-01 00:00", "0001-01-01 00:00"),
        *("9999-12-31T23:59:59-12:00", "2026-11-18 14:03 +99:99"),
    ],
)
def test_parse_moment_refuses_the_rest(text):
    with pytest.raises(Invalid) as refusal:
        stored(text)

    assert refusal.value.field == "happened_at"


def stored(text):
    """What can be read but lies outside all sense is refused when it is stored."""
    moment = timelines.parse_moment(text, reference=NOW, zone=SHANGHAI)
    return values.past(moment, field="happened_at", now=NOW)


def test_parse_moment_refuses_a_time_that_the_clocks_skipped():
    with pytest.raises(Invalid, match="put forward"):
        timelines.parse_moment("2026-03-29 02:30", reference=NOW, zone=BERLIN)


def test_parse_moment_refuses_a_time_that_was_twice_unless_the_offset_is_given():
    reference = utc(2026, 10, 25, 3, 0)

    for text in ("02:30", "2026-10-25 02:30"):
        with pytest.raises(Invalid, match="offset"):
            timelines.parse_moment(text, reference=reference, zone=BERLIN)

    for text, hour in (("2026-10-25 02:30+02:00", 0), ("2026-10-25 02:30+01:00", 1)):
        moment = timelines.parse_moment(text, reference=reference, zone=BERLIN)
        assert moment == utc(2026, 10, 25, hour, 30)


def test_parse_moment_counts_offsets_in_real_time_across_the_change():
    reference = utc(2026, 10, 25, 0, 30)  # 02:30 summer time

    assert timelines.parse_moment("+60m", reference=reference, zone=BERLIN) == utc(2026, 10, 25, 1, 30)


def test_parse_moment_finds_the_day_in_the_writers_zone():
    # 16:30 UTC is 00:30 of the next day in Shanghai.
    assert timelines.parse_moment("00:10", reference=utc(2026, 11, 20, 16, 30), zone=SHANGHAI) == utc(
        2026, 11, 20, 16, 10
    )


@pytest.mark.django_db
class TestLines:
    def test_a_line_is_read_from_the_entry_written_last(self):
        participant = factories.participant(factories.incident(started_at=NOW - 5 * HOUR))

        def read(line):
            return timelines.read_line(line, participant=participant, zone=UTC, now=NOW)

        assert read("+5m pool").at == NOW - 5 * HOUR + timedelta(minutes=5)
        timeline = factories.timeline(participant)
        factories.entry(timeline, happened_at=NOW - HOUR)
        factories.entry(timeline, happened_at=NOW - 3 * HOUR)
        assert read("+5m pool").at == NOW - 3 * HOUR + timedelta(minutes=5)

    @pytest.mark.parametrize(
        ("line", "field"),
        [("pool at 247", "happened_at"), ("14:03", "text"), ("", "happened_at"), ("14:03 a\x00", "text")],
    )
    def test_a_line_that_lacks_something_is_refused(self, line, field):
        with pytest.raises(Invalid) as refusal:
            timelines.read_line(line, participant=factories.participant(), zone=UTC, now=NOW)

        assert refusal.value.field == field

    def test_many_are_written_at_once_or_not_at_all(self):
        timeline = factories.timeline()
        by = timeline.participant.user
        sound = {"text": "redis-cli -a hunter22", "happened_at": NOW, "zone": "UTC", "kind": "command"}

        with pytest.raises(Invalid) as refusal:
            timelines.add_many(timeline, entries=[sound, sound | {"kind": "dream"}], by=by, now=NOW)
        assert (refusal.value.field, refusal.value.details) == ("entries.1.kind", {"row": 1})
        assert not Entry.objects.exists()

        made = timelines.add_many(
            timeline, entries=[sound, sound | {"milestone": "detected"}], by=by, now=NOW
        )
        assert [entry.text for entry in made] == ["redis-cli -a [masked]"] * 2
        assert [row.act for row in trail.of(made[1])] == ["timelines.add_many"]

    @pytest.mark.parametrize(
        ("entries", "field"),
        [
            ([], "entries"),
            ([{}] * (timelines.MAX_ENTRIES + 1), "entries"),
            ([{"milestone": "detected"}] * 2, "entries.1.milestone"),
            ([{"text": " "}], "entries.0.text"),
        ],
    )
    def test_many_that_break_a_rule_are_refused_by_name(self, entries, field):
        timeline = factories.timeline()
        sound = {"text": "x", "happened_at": NOW, "zone": "UTC", "kind": "note"}

        with pytest.raises(Invalid) as refusal:
            timelines.add_many(
                timeline, entries=[sound | one for one in entries], by=timeline.participant.user, now=NOW
            )
        assert refusal.value.field == field
        assert not Entry.objects.exists()

    def test_many_keep_to_the_rules_of_one(self):
        timeline = factories.filed_timeline()
        sound = {"text": "x", "happened_at": NOW, "zone": "UTC", "kind": "note"}

        with pytest.raises(TimelineFiled):
            timelines.add_many(timeline, entries=[sound], by=timeline.participant.user, now=NOW)
        with pytest.raises(NotAllowed):
            timelines.add_many(timeline, entries=[sound], by=factories.user(), now=NOW)

    def test_a_person_gives_a_milestone_one_moment(self):
        timeline = factories.timeline()
        first = add(timeline, milestone="detected")
        with pytest.raises(Invalid) as refusal:
            add(timeline, milestone="detected")
        assert refusal.value.field == "milestone"

        by = timeline.participant.user
        second = add(timeline)
        with pytest.raises(Invalid):
            timelines.edit(second, milestone="detected", by=by, now=NOW)
        timelines.edit(first, milestone="", by=by, now=NOW)
        assert timelines.edit(second, milestone="detected", by=by, now=NOW).milestone == "detected"
        with pytest.raises(IntegrityError), transaction.atomic():
            Entry.objects.filter(pk=first.pk).update(milestone="detected")
