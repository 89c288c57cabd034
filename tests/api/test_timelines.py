import pytest

from governance.models import Notice
from postmortem.models import Timeline
from tests import factories, files
from tests.api.conftest import assert_problem
from tests.factories import HOUR, NOW

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
        "milestone": "",
        "is_starred": False,
        "text": "Restarted the order service.",
        "created_at": entry["created_at"],
        "evidence": [],
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

    with django_assert_num_queries(6):
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


@pytest.mark.parametrize("count", [1, 3])
def test_merged_timeline_of_a_review_costs_the_same_queries(member, django_assert_num_queries, count):
    incident = factories.incident()
    review = factories.review(incidents=[incident, factories.incident()])
    for _ in range(count):
        factories.filed_timeline(factories.participant(incident))

    with django_assert_num_queries(7):
        assert len(member.get(f"reviews/{review}/merged-timeline").json()["entries"]) == count


def test_merged_timeline_is_narrowed_and_tells_gaps_and_disagreements(member):
    incident = factories.resolved_incident(
        started_at=NOW - 5 * HOUR,
        detected_at=None,
        acknowledged_at=None,
        mitigated_at=None,
        resolved_at=NOW - HOUR,
    )
    timeline = factories.filed_timeline(factories.participant(incident))
    timeline.entries.all().delete()
    entry = factories.entry(timeline, "Pager", milestone="started", kind="alert", happened_at=NOW - 4 * HOUR)

    answer = member.get(f"incidents/{incident}/merged-timeline").json()

    assert [gap["seconds"] for gap in answer["gaps"]] == [3600, 10800]
    assert answer["disagreements"] == [
        {
            "incident": str(incident),
            "milestone": "started",
            "recorded_at": "2026-11-20T07:00:00Z",
            "claims": [
                {
                    "entry": entry.pk,
                    "author": answer["entries"][0]["author"],
                    "at": "2026-11-20T08:00:00Z",
                    "difference_seconds": 3600.0,
                }
            ],
        }
    ]
    for query, count in [
        ({"kind": "alert"}, 1),
        ({"kind": "log"}, 0),
        ({"starred": "true"}, 0),
        ({"person": timeline.participant.user_id}, 1),
        ({"person": member.user.pk}, 0),
        ({"marker": "repair"}, 0),
    ]:
        assert len(member.get(f"incidents/{incident}/merged-timeline", **query).json()["entries"]) == count
    for query in ({"kind": "gossip"}, {"person": "x"}, {"since": "x"}):
        assert_problem(member.get(f"incidents/{incident}/merged-timeline", **query), 400, "invalid")


def test_a_line_is_read_and_stored(member, incident):
    member.user.time_zone = "Asia/Shanghai"
    member.user.save()
    lines = f"incidents/{incident}/timeline/lines"

    made = member.post(lines, {"line": "2026-11-20 14:03 restarted order-api", "kind": "command"})
    after = member.post(lines, {"line": "+5m pool at 247", "milestone": "mitigated"})

    assert (made.status_code, made.json()["happened_at"], made.json()["text"]) == (
        201,
        "2026-11-20T06:03:00Z",
        "restarted order-api",
    )
    assert (after.json()["happened_at"], after.json()["milestone"]) == ("2026-11-20T06:08:00Z", "mitigated")


@pytest.mark.parametrize("line", ["restarted", "14:03 CST x", "14:03"])
def test_a_line_that_lacks_something_is_refused_by_name(member, incident, line):
    problem = assert_problem(
        member.post(f"incidents/{incident}/timeline/lines", {"line": line}), 400, "invalid"
    )

    assert list(problem["errors"]) == ["line"]
    assert not Timeline.objects.exists()


def test_a_paste_is_split_and_then_stored_at_once(member, incident):
    text = (
        ": 1763600580:0;redis-cli -a hunter22 info\nls -l\n25:00 odd\n2025-11-20T01:03:01Z ERROR x\n\tat y\n"
    )

    split = member.post(f"incidents/{incident}/timeline/split", {"text": text}).json()["entries"]

    assert [(one["happened_at"], one["kind"], one["problem"]) for one in split] == [
        ("2025-11-20T01:03:00Z", "command", ""),
        (None, "note", "unclear"),
        ("2025-11-20T01:03:01Z", "log", ""),
    ]
    assert split[0]["text"] == "redis-cli -a [masked] info\nls -l"
    assert split[2]["text"] == "2025-11-20T01:03:01Z ERROR x\n\tat y"
    assert not Timeline.objects.exists()
    kept = [
        {name: one[name] for name in ("happened_at", "kind", "text", "zone")}
        for one in split
        if one["happened_at"]
    ]
    stored = member.post(f"incidents/{incident}/timeline/batch", {"entries": kept})
    assert stored.status_code == 201
    assert [one["kind"] for one in stored.json()["entries"]] == ["command", "log"]

    kept[1]["happened_at"] = "2099-01-01T00:00:00Z"
    problem = assert_problem(
        member.post(f"incidents/{incident}/timeline/batch", {"entries": kept}), 400, "invalid"
    )
    assert list(problem["errors"]) == ["entries.1.happened_at"]
    assert Timeline.objects.get().entries.count() == 2


def test_reminder_is_kept_and_told_and_not_sent_twice(as_user, incident):
    facilitator = as_user(factories.user(role="facilitator"))
    nia = incident.participants.last()
    remind = f"incidents/{incident}/participants/{nia.pk}/remind"

    answer = facilitator.post(remind)

    assert answer.status_code == 200
    assert answer.json()["reminded_at"] is not None
    problem = assert_problem(facilitator.post(remind), 409, "reminded_lately")
    assert "next_at" in problem["details"]
    assert_problem(as_user(factories.user()).post(remind), 403, "not_allowed")
    notice = Notice.objects.get()
    assert (notice.kind, notice.recipient, notice.by) == ("timeline_reminder", nia.user, facilitator.user)


def test_three_invited_two_filed_the_third_is_named(as_user):
    """R1."""
    people = [factories.user(name) for name in ("Lin", "Chen", "Wang")]
    incident = factories.resolved_incident(participants=people)
    facilitator = as_user(factories.user(role="facilitator"))
    review = factories.review(incidents=[incident], facilitator=facilitator.user)
    lin, chen = as_user(people[0]), as_user(people[1])
    timeline = f"incidents/{incident}/timeline"
    lin.post(f"{timeline}/lines", {"line": "+1m kubectl get pods", "kind": "command"})
    shot = lin.post(f"{timeline}/lines", {"line": "+1m pool at 247", "kind": "screenshot"}).json()["id"]
    assert lin.upload(f"{timeline}/entries/{shot}/evidence", files.picture()).status_code == 201
    chen.post(f"{timeline}/lines", {"line": "+2m ERROR pool exhausted", "kind": "log"})
    for caller in (lin, chen):
        assert caller.post(f"{timeline}/file").status_code == 200

    problem = assert_problem(facilitator.post(f"reviews/{review}/open"), 409, "timelines_missing")

    assert [one["name"] for one in problem["details"]["participants"]] == ["Wang"]
    wang = problem["details"]["participants"][0]["id"]
    excuse = f"incidents/{incident}/participants/{wang}/excuse"
    assert_problem(facilitator.post(excuse, {"reason": " "}), 400, "invalid")
    assert facilitator.post(excuse, {"reason": "On leave."}).json()["excuse_reason"] == "On leave."
    assert facilitator.post(f"reviews/{review}/open").status_code == 200
    merged = facilitator.get(f"incidents/{incident}/merged-timeline").json()["entries"]
    assert sorted(one["kind"] for one in merged) == ["command", "log", "screenshot"]
    (picture,) = [file for one in merged for file in one["evidence"]]
    assert facilitator.get(f"evidence/{picture['id']}/content").status_code == 200
