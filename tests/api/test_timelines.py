import pytest

from postmortem.models import Timeline
from tests import factories
from tests.api.conftest import assert_problem

ENTRY = {"happened_at": "2026-11-20T10:03:00+08:00", "text": "Restarted the order service."}


@pytest.fixture
def incident(member):
    return factories.incident(participants=[member.user, factories.user("Nia")])


def test_timeline_that_was_not_begun_reads_as_empty_and_nothing_is_written(member, incident):
    answer = member.get(f"incidents/{incident}/timeline").json()

    assert answer == {
        "user": {"id": member.user.pk, "name": "Mia", "is_active": True},
        "filed_at": None,
        "excused_at": None,
        "excused_by": None,
        "excuse_reason": "",
        "entries": [],
    }
    assert not Timeline.objects.exists()


def test_entry_is_written_in_the_writers_zone_unless_told(member, incident):
    member.user.time_zone = "Asia/Shanghai"
    member.user.save()

    response = member.post(f"incidents/{incident}/timeline/entries", ENTRY)

    assert response.status_code == 201
    entry = response.json()
    assert entry == {
        "id": entry["id"],
        "happened_at": "2026-11-20T02:03:00Z",
        "zone": "Asia/Shanghai",
        "kind": "note",
        "marker": "",
        "is_starred": False,
        "text": "Restarted the order service.",
        "created_at": entry["created_at"],
    }


def test_secrets_are_masked_before_they_are_stored(member, incident):
    entry = member.post(
        f"incidents/{incident}/timeline/entries", ENTRY | {"text": f"curl -H 'Bearer {member.secret}'"}
    ).json()

    assert member.secret not in entry["text"]


def test_indentation_of_an_entry_is_kept(member, incident):
    entry = member.post(
        f"incidents/{incident}/timeline/entries", ENTRY | {"text": "  at main()\n    at pool()\n"}
    ).json()

    assert entry["text"] == "  at main()\n    at pool()\n"


def test_refused_entry_begins_no_timeline(member, incident):
    assert_problem(
        member.post(f"incidents/{incident}/timeline/entries", ENTRY | {"zone": "Mars/Base"}), 400, "invalid"
    )
    assert_problem(
        member.post(
            f"incidents/{incident}/timeline/entries", ENTRY | {"happened_at": "2099-01-01T00:00:00Z"}
        ),
        400,
        "invalid",
    )
    assert_problem(member.post(f"incidents/{incident}/timeline/file"), 409, "empty_timeline")

    assert not Timeline.objects.exists()


def test_entry_is_edited_and_removed_until_the_timeline_is_filed(member, incident):
    entries = f"incidents/{incident}/timeline/entries"
    first, second = (member.post(entries, ENTRY).json()["id"] for _ in range(2))

    edited = member.patch(f"{entries}/{first}", {"is_starred": True}).json()
    removed = member.delete(f"{entries}/{second}")
    filed = member.post(f"incidents/{incident}/timeline/file").json()

    assert (edited["is_starred"], edited["text"]) == (True, ENTRY["text"])
    assert removed.status_code == 204
    assert removed.content == b""
    assert [entry["id"] for entry in filed["entries"]] == [first]
    assert filed["filed_at"] is not None
    assert_problem(member.delete(f"{entries}/{first}"), 409, "timeline_filed")


def test_entry_of_somebody_else_is_not_found(member, incident):
    theirs = factories.entry(factories.timeline(incident.participants.last()))

    assert_problem(
        member.patch(f"incidents/{incident}/timeline/entries/{theirs.pk}", {"text": "x"}), 404, "not_found"
    )
    assert_problem(member.delete(f"incidents/{incident}/timeline/entries/{theirs.pk}"), 404, "not_found")


def test_who_took_no_part_has_no_timeline(as_user, incident):
    stranger = as_user(factories.user())

    assert_problem(stranger.get(f"incidents/{incident}/timeline"), 404, "not_found")
    assert_problem(stranger.post(f"incidents/{incident}/timeline/entries", ENTRY), 404, "not_found")


def test_merged_timeline_holds_what_was_filed_and_ones_own(member, incident):
    factories.filed_timeline(incident.participants.last(), text="Filed.")
    factories.entry(factories.timeline(incident.participants.first()), "My own.")

    entries = member.get(f"incidents/{incident}/merged-timeline").json()["entries"]

    assert [(entry["text"], entry["author"]["name"], entry["is_filed"]) for entry in entries] == [
        ("Filed.", "Nia", True),
        ("My own.", "Mia", False),
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_merged_timeline_costs_the_same_queries_for_any_number_of_rows(
    member, django_assert_num_queries, count
):
    incident = factories.incident()
    for _ in range(count):
        factories.filed_timeline(factories.participant(incident))

    with django_assert_num_queries(4):
        assert len(member.get(f"incidents/{incident}/merged-timeline").json()["entries"]) == count


def test_excuse_keeps_reason_and_who_gave_it(as_user, incident):
    facilitator = as_user(factories.user(role="facilitator"))
    nia = incident.participants.last()

    answer = facilitator.post(
        f"incidents/{incident}/participants/{nia.pk}/excuse", {"reason": "On leave."}
    ).json()

    assert (answer["user"]["name"], answer["excuse_reason"], answer["filed_at"]) == ("Nia", "On leave.", None)
    assert answer["excused_at"] is not None
    assert Timeline.objects.get(participant=nia).excused_by == facilitator.user


def test_member_excuses_nobody(member, incident):
    nia = incident.participants.last()

    response = member.post(f"incidents/{incident}/participants/{nia.pk}/excuse", {"reason": "On leave."})

    assert_problem(response, 403, "not_allowed")
