import pytest

from tests import factories
from tests.api.conftest import assert_problem

TEXTS = {"finding": "5 % of orders failed.", "evidence": "`http_requests_total` fell at 14:03."}


@pytest.fixture
def review(member):
    return factories.review(is_open=True, owner=member.user, facilitator=member.user)


def test_review_starts_with_four_steps_and_the_caller_in_both_parts(member):
    incident = factories.resolved_incident()

    response = member.post("reviews", {"title": "Orders failed", "incidents": [incident.public_id]})

    assert response.status_code == 201
    answer = response.json()
    assert answer["state"] == "preparing"
    assert (answer["owner"]["name"], answer["facilitator"]["name"]) == ("Mia", "Mia")
    assert answer["incidents"] == [incident.public_id]
    assert [step["step"] for step in answer["steps"]] == [
        "phenomenon",
        "metric_anomaly",
        "change_correlation",
        "root_cause",
    ]


def test_second_review_of_an_incident_is_refused(member, review):
    incident = review.incidents.get()

    problem = assert_problem(
        member.post("reviews", {"title": "Again", "incidents": [incident.public_id]}), 409, "already_reviewed"
    )

    assert problem["details"] == {"review": review.public_id}


def test_review_opens_only_when_every_timeline_is_in(member):
    incident = factories.resolved_incident(participants=[factories.user("Nia")])
    review = factories.review(incidents=[incident], facilitator=member.user)

    problem = assert_problem(member.post(f"reviews/{review}/open"), 409, "timelines_missing")
    factories.filed_timeline(incident.participants.get())
    answer = member.post(f"reviews/{review}/open").json()

    assert [one["name"] for one in problem["details"]["participants"]] == ["Nia"]
    assert answer["state"] == "in_review"


def test_step_is_written_and_signed_in_order(member, review):
    written = member.put(f"reviews/{review}/steps/phenomenon", TEXTS | {"version": 1}).json()
    early = member.post(f"reviews/{review}/steps/metric_anomaly/sign")
    signed = member.post(f"reviews/{review}/steps/phenomenon/sign").json()

    assert (written["version"], written["is_signed"]) == (2, False)
    assert_problem(early, 409, "step_out_of_order")
    assert signed["is_signed"] is True
    assert signed["signed_by"]["name"] == "Mia"


def test_older_version_is_refused_with_both_texts(member, review):
    member.put(f"reviews/{review}/steps/phenomenon", TEXTS | {"version": 1})

    response = member.put(
        f"reviews/{review}/steps/phenomenon", {"finding": "Mine.", "evidence": "", "version": 1}
    )

    problem = assert_problem(response, 409, "edit_conflict")
    assert problem["details"] == {"mine": {"finding": "Mine.", "evidence": ""}, "theirs": TEXTS, "version": 2}


def test_vague_wording_is_stored_and_refused_at_the_signature(member, review):
    vague = {"finding": "可能是连接池", "evidence": "See above."}
    written = member.put(f"reviews/{review}/steps/phenomenon", vague | {"version": 1})

    problem = assert_problem(member.post(f"reviews/{review}/steps/phenomenon/sign"), 409, "vague_wording")

    assert written.status_code == 200
    (span,) = problem["details"]["spans"]
    assert (span["field"], span["start"], span["end"], span["phrase"]) == ("finding", 0, 2, "可能")
    assert list(problem["errors"]) == ["finding"]


def test_vague_reason_of_a_change_is_refused_by_its_name(member, review):
    for step in review.steps.filter(position__lt=3):
        factories.signed(step)
    factories.written(review.steps.get(position=3))
    change = factories.change(review.incidents.get(), verdict="cleared", reason="Maybe another cell.")

    problem = assert_problem(
        member.post(f"reviews/{review}/steps/change_correlation/sign"), 409, "vague_wording"
    )

    (span,) = problem["details"]["spans"]
    assert (span["field"], span["start"], span["end"], span["phrase"]) == (
        f"changes.{change.pk}.reason",
        0,
        5,
        "Maybe",
    )
    assert list(problem["errors"]) == [f"changes.{change.pk}.reason"]


def test_reopened_step_makes_later_ones_stale(member, review):
    first, second = review.steps.order_by("position")[:2]
    factories.signed(first), factories.signed(second)

    member.post(f"reviews/{review}/steps/phenomenon/reopen", {"reason": "New logs."})

    steps = member.get(f"reviews/{review}").json()["steps"]
    assert [(step["is_signed"], step["is_stale"]) for step in steps[:2]] == [(False, False), (False, True)]
    assert steps[0]["reopened_because"] == "New logs."


def test_lessons_are_kept(member, review):
    lessons = {"went_well": "The alert.", "went_badly": "The pager.", "luck": "It was night."}

    answer = member.put(f"reviews/{review}/lessons", lessons | {"version": 1}).json()

    assert {name: answer[name] for name in lessons} == lessons
    assert answer["version"] == 2


def test_cause_is_recorded_settled_and_made_primary(member, review):
    causes = f"reviews/{review}/causes"

    made = member.post(causes, {"statement": "The pool has no timeout.", "part": "root"})
    cause = made.json()["id"]
    settled = member.post(f"{causes}/{cause}/settle", {"state": "verified", "evidence": "Reproduced."}).json()
    primary = member.post(f"{causes}/{cause}/make-primary").json()
    edited = member.put(f"{causes}/{cause}", {"statement": "The pool had no timeout.", "part": "root"}).json()

    assert (made.status_code, made.json()["state"]) == (201, "hypothesis")
    assert (settled["state"], primary["is_primary"], edited["state"]) == ("verified", True, "hypothesis")
    assert member.delete(f"{causes}/{cause}").status_code == 204
    assert_problem(member.delete(f"{causes}/{cause}"), 404, "not_found")


def test_cause_that_an_item_names_stays(member, review):
    cause = factories.cause(review)
    item = factories.item(review=review, causes=[cause])

    problem = assert_problem(member.delete(f"reviews/{review}/causes/{cause.pk}"), 409, "cause_has_items")

    assert problem["details"] == {"items": [item.public_id]}


def test_cause_of_another_review_is_not_found(member, review):
    other = factories.cause()

    assert_problem(member.post(f"reviews/{review}/causes/{other.pk}/make-primary"), 404, "not_found")


def test_checklist_takes_a_line_or_lists_of_arguments(member, review):
    entry = {"title": "No pod hangs", "expectation": "no_match"}
    line = 'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"'
    pipeline = [["kubectl", "get", "pods", "-n", "order"], ["grep", "-E", "(Pending|CrashLoopBackOff)"]]

    by_line = member.post(f"reviews/{review}/checklist", entry | {"command": line})
    by_lists = member.post(f"reviews/{review}/checklist", entry | {"pipeline": pipeline})

    assert by_line.status_code == by_lists.status_code == 201
    assert by_line.json()["pipeline"] == by_lists.json()["pipeline"] == pipeline
    assert by_line.json()["command"] == "kubectl get pods -n order | grep -E '(Pending|CrashLoopBackOff)'"
    assert member.delete(f"reviews/{review}/checklist/{by_line.json()['id']}").status_code == 204
    assert [one["position"] for one in member.get(f"reviews/{review}").json()["checklist"]] == [2]


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({"command": "kubectl get pods; rm -rf /"}, "command"),
        ({"command": "kubectl get pods > /tmp/x"}, "command"),
        ({"command": "$(id)"}, "command"),
        ({}, "pipeline"),
        ({"command": "ls", "pipeline": [["ls"]]}, "pipeline"),
        ({"pipeline": []}, "pipeline"),
        ({"pipeline": [[]]}, "pipeline.0"),
        ({"pipeline": "ls"}, "pipeline"),
        ({"pipeline": [["ls", "\x00"]]}, "pipeline.0.1"),
        ({"pipeline": [["ls", "1", {}]]}, "pipeline.0.2"),
        ({"pipeline": [["ls", 1]]}, "pipeline.0.1"),
    ],
)
def test_command_for_a_shell_is_refused(member, review, command, field):
    entry = {"title": "x", "expectation": "success"}

    problem = assert_problem(member.post(f"reviews/{review}/checklist", entry | command), 400, "invalid")

    assert list(problem["errors"]) == [field]


def test_archive_is_refused_with_every_gap_and_done_without(member, review):
    gaps = [gap["code"] for gap in member.get(f"reviews/{review}/gaps").json()["gaps"]]
    problem = assert_problem(member.post(f"reviews/{review}/archive"), 409, "not_archivable")
    complete = factories.complete_review(facilitator=member.user)
    answer = member.post(f"reviews/{complete}/archive").json()

    # In the order of the way to the archive: the cause is named before the step that verifies it is signed.
    assert gaps == ["step_unsigned"] * 3 + ["primary_cause_missing", "step_unsigned", "checklist_empty"]
    assert sorted(gap["code"] for gap in problem["details"]["gaps"]) == sorted(gaps)
    assert member.get(f"reviews/{complete}/gaps").status_code == 200
    assert (answer["state"], len(answer["content_hash"])) == ("archived", 64)
    assert_problem(
        member.put(f"reviews/{complete}/steps/phenomenon", TEXTS | {"version": 1}), 409, "archived"
    )


def test_list_filters_by_state_and_words(member):
    preparing, opened, archived = (
        factories.review("Pool"),
        factories.review(is_open=True),
        factories.archived_review(),
    )

    def found(**query):
        return [row["id"] for row in member.get("reviews", **query).json()["items"]]

    assert found() == [archived.public_id, opened.public_id, preparing.public_id]
    assert [found(state=state) for state in ("preparing", "in_review", "archived")] == [
        [preparing.public_id],
        [opened.public_id],
        [archived.public_id],
    ]
    assert found(q="pool") == [preparing.public_id]
    assert found(q=opened.public_id) == [opened.public_id]


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_queries_for_any_number_of_rows(member, django_assert_num_queries, count):
    for _ in range(count):
        factories.review(incidents=[factories.incident() for _ in range(count)])

    with django_assert_num_queries(4):
        assert len(member.get("reviews").json()["items"]) == count


@pytest.mark.parametrize("count", [1, 3])
def test_detail_costs_the_same_queries_for_any_number_of_parts(
    member, review, django_assert_num_queries, count
):
    for step in review.steps.order_by("position")[:count]:
        factories.signed(step, by=factories.user())
    for _ in range(count):
        factories.cause(review), factories.checklist_entry(review)

    with django_assert_num_queries(10):
        assert len(member.get(f"reviews/{review}").json()["checklist"]) == count
