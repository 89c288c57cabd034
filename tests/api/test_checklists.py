"""The executable checklist by API: entries, runs and exports, with the refusals of the pages (R6)."""

import pytest

from remediation import verification
from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.services import require_program

pytestmark = pytest.mark.django_db

LINE = 'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"'


@pytest.fixture
def review():
    return factories.review(is_open=True)


def add(member, review, **body):
    body = {"title": "No pod hangs", "command": LINE, "expectation": "no_match"} | body
    return member.post(f"reviews/{review.public_id}/checklist", body)


def test_seeds_own_line_becomes_an_entry_and_a_script(member, review):
    made = add(member, review)

    assert made.status_code == 201
    body = made.json()
    assert (body["kind"], body["expectation"], body["pattern"], body["version"]) == (
        "command",
        "no_match",
        "",
        1,
    )
    export = member.get(f"reviews/{review.public_id}/checklist/export").json()
    assert export["script"].startswith("#!/bin/sh\n")
    assert "exec grep -E '(Pending|CrashLoopBackOff)'" in export["script"]
    assert export["entries"][0]["command"] == body["command"]
    assert "- [ ] **No pod hangs**" in export["markdown"]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("echo order-1 Running", "pass"),
        ("echo order-1 Pending", "fail"),
        ("echo no route >&2; exit 1", "error"),
    ],
)
def test_entry_is_run_by_the_probe_worker_and_recorded(
    member, administrator, review, settings, said, outcome
):
    settings.SHELL_PROBES_ENABLED = True
    require_program("bwrap", "apt-get install bubblewrap")
    pipeline = [["sh", "-c", said, "kubectl"], ["grep", "-E", "(Pending|CrashLoopBackOff)"]]
    body = {"title": "No pod hangs", "pipeline": pipeline, "expectation": "no_match"}
    entry = member.post(f"reviews/{review.public_id}/checklist", body).json()["id"]

    path = f"reviews/{review.public_id}/checklist/{entry}"
    assert_problem(member.post(f"{path}/runs"), 409, "command_not_approved")
    sha = member.get(f"{path}/command").json()["sha"]
    assert_problem(member.post(f"{path}/approval", {"sha": sha}), 403, "not_allowed")
    assert administrator.post(f"{path}/approval", {"sha": sha}).json()["standing"] == "approved"
    queued = member.post(f"{path}/runs")
    verification.execute("shell")
    [run] = member.get(f"reviews/{review.public_id}/checklist/runs").json()["items"]

    assert queued.status_code == 201
    assert (run["id"], run["outcome"], run["requested_by"]["name"]) == (queued.json()["id"], outcome, "Mia")


def test_command_that_cannot_run_here_is_refused_with_its_code(member, review, settings):
    settings.SHELL_PROBES_ENABLED = False
    entry = add(member, review).json()["id"]

    assert_problem(member.post(f"reviews/{review.public_id}/checklist/{entry}/runs"), 409, "probes_off")
    assert_problem(member.post(f"reviews/{review.public_id}/checklist/runs"), 409, "probes_off")


def test_command_of_an_entry_waits_until_another_administrator_approves_it(administrator, review):
    entry = add(administrator, review).json()["id"]
    path = f"reviews/{review.public_id}/checklist/{entry}"
    said = administrator.get(f"{path}/command").json()

    [waiting] = administrator.get("probes/waiting").json()["items"]
    assert (waiting["entry"], waiting["review"], waiting["check"]) == (entry, review.public_id, None)
    assert (said["standing"], waiting["sha"]) == ("not_approved", said["sha"])
    assert_problem(administrator.post(f"{path}/approval", {"sha": said["sha"]}), 409, "own_command")
    assert_problem(administrator.post(f"{path}/approval", {"sha": "0" * 64}), 409, "command_changed")


def test_entries_are_edited_moved_and_removed(member, review):
    first, second = (add(member, review, title=title).json()["id"] for title in ("one", "two"))
    path = f"reviews/{review.public_id}/checklist"

    moved = member.post(f"{path}/{second}/move", {"position": 1})
    body = {"title": "2", "command": "true", "expectation": "success", "version": 1}
    edited = member.put(f"{path}/{second}", body)
    again = member.put(f"{path}/{second}", body | {"title": "3"})

    assert (moved.json()["position"], edited.json()["title"], edited.json()["version"]) == (1, "2", 2)
    assert assert_problem(again, 409, "edit_conflict")["details"]["theirs"]["title"] == "2"
    assert member.delete(f"{path}/{first}").status_code == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "promql"}, "promql"),
        ({"expectation": "maybe"}, "expectation"),
        ({"pattern": r"\d"}, "pattern"),
        ({"command": "看一下监控; ls"}, "command"),
    ],
)
def test_unfit_entry_is_refused_by_name(member, review, body, field):
    refused = add(member, review, **body).json()

    assert refused["status"] == 400
    assert field in str(refused)


def test_restricted_checklist_runs_and_exports_do_not_exist_for_others(member):
    hidden = factories.review(incidents=[factories.resolved_incident(is_restricted=True)], is_open=True)
    entry = factories.checklist_query(hidden)
    path = f"reviews/{hidden.public_id}/checklist"

    for response in (
        member.get(f"{path}/export"),
        member.get(f"{path}/runs"),
        member.post(f"{path}/runs"),
        member.post(f"{path}/{entry.pk}/runs"),
        member.post(f"{path}/{entry.pk}/move", {"position": 1}),
    ):
        assert_problem(response, 404, "not_found")


def test_list_of_runs_asks_the_same_for_one_and_for_three(member, review, django_assert_num_queries):
    from remediation import checklists

    factories.data_source("Prometheus")
    entries = [factories.checklist_query(review) for _ in range(3)]
    viewer = Caller(member.user)
    checklists.run_now(entries[0], by=member.user, now=factories.NOW)
    viewer.get(f"reviews/{review.public_id}/checklist/runs")
    with django_assert_num_queries(3):
        viewer.get(f"reviews/{review.public_id}/checklist/runs")
    for entry in entries[1:]:
        checklists.run_now(entry, by=member.user, now=factories.NOW)

    with django_assert_num_queries(3):
        assert len(viewer.get(f"reviews/{review.public_id}/checklist/runs").json()["items"]) == 3
