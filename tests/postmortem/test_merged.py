"""The merged timeline: filtered, with gaps, and with what accounts give different moments for."""

from datetime import timedelta

import pytest

from postmortem import merged
from tests import factories
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def incident():
    return factories.resolved_incident(
        started_at=NOW - HOUR, detected_at=NOW - 58 * MINUTE, acknowledged_at=None, mitigated_at=None,
        resolved_at=NOW - 10 * MINUTE,
    )  # fmt: skip


def filed(incident, name="", **fields):
    """An entry on a filed timeline of somebody."""
    timeline = factories.filed_timeline(factories.participant(incident, factories.user(name)))
    timeline.entries.all().delete()
    return factories.entry(timeline, **fields)


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        ({}, ["a", "b", "c"]),
        ({"kind": "command"}, ["b"]),
        ({"marker": "repair"}, ["c"]),
        ({"is_starred": True}, ["a"]),
        ({"person": "Bo"}, ["b"]),
        ({"kind": "command", "is_starred": True}, []),
    ],
)
def test_entries_are_narrowed(incident, wanted, texts):
    people = {
        "Al": filed(incident, "Al", text="a", is_starred=True, happened_at=NOW - 50 * MINUTE),
        "Bo": filed(incident, "Bo", text="b", kind="command", happened_at=NOW - 40 * MINUTE),
        "Cy": filed(incident, "Cy", text="c", marker="repair", happened_at=NOW - 30 * MINUTE),
    }
    if "person" in wanted:
        wanted = wanted | {"person": people[wanted["person"]].timeline.participant.user_id}

    found = merged.of([incident], viewer=factories.user(), wanted=merged.Wanted(**wanted))

    assert [entry.text for entry in found] == texts


def test_milestones_stand_among_the_entries_and_gaps_are_told(incident):
    entry = filed(incident, happened_at=NOW - 58 * MINUTE)
    late = filed(incident, happened_at=NOW - 26 * MINUTE)

    events = merged.events([incident], [entry, late])

    assert [(event.milestone or event.entry, event.gap) for event in events] == [
        ("started", None),
        ("detected", None),
        (entry, None),
        (late, 32 * MINUTE),
        ("resolved", 16 * MINUTE),
    ]


def test_accounts_that_differ_are_told_with_the_difference(incident):
    one = filed(incident, "Al", milestone="detected", happened_at=NOW - 53 * MINUTE)
    other = filed(incident, "Bo", milestone="detected", happened_at=NOW - 58 * MINUTE)
    filed(incident, "Cy", milestone="resolved", happened_at=incident.resolved_at + timedelta(seconds=59))
    unrecorded = filed(incident, "Di", milestone="mitigated", happened_at=NOW - 30 * MINUTE)

    detected, mitigated = merged.disagreements([incident], viewer=factories.user())

    assert (detected.milestone, detected.recorded_at) == ("detected", incident.detected_at)
    assert [(claim.entry, claim.difference) for claim in detected.claims] == [
        (other, timedelta(0)),
        (one, 5 * MINUTE),
    ]
    assert (mitigated.recorded_at, mitigated.claims[0]) == (None, merged.Claim(unrecorded, None))


def test_sealed_accounts_disagree_with_nobody_but_their_author(incident):
    participant = factories.participant(incident)
    factories.entry(factories.timeline(participant), milestone="detected", happened_at=NOW - 30 * MINUTE)

    assert merged.disagreements([incident], viewer=factories.user(role="administrator")) == []
    assert merged.people([incident], viewer=factories.user(role="administrator")) == []
    assert len(merged.disagreements([incident], viewer=participant.user)) == 1
    assert merged.people([incident], viewer=participant.user) == [participant.user]


@pytest.mark.parametrize("count", [1, 200])
def test_everything_takes_the_same_queries_for_any_number_of_entries(
    incident, count, django_assert_num_queries
):
    timeline = filed(incident).timeline
    for number in range(count - 1):
        factories.entry(timeline, text=str(number))
    viewer = factories.user()

    with django_assert_num_queries(4):
        entries = list(merged.of([incident], viewer=viewer))
        names = {entry.timeline.participant.user.name for entry in entries}
        files = [file for entry in entries for file in entry.evidence.all()]
        merged.events([incident], entries)
        merged.disagreements([incident], viewer=viewer)
        merged.people([incident], viewer=viewer)
    assert (len(entries), len(names), files) == (count, 1, [])
