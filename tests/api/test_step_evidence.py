"""The typed evidence of steps 2 and 3 over the API (R2)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.servers import Prometheus

CHANGE = {"happened_at": "2026-11-19T11:56:00Z", "kind": "deploy", "title": "order 1.4.2"}
STATED = {
    "title": "Threads connected",
    "window_start": "2026-11-19T12:00:00Z",
    "window_end": "2026-11-19T12:10:00Z",
    "value": 200,
    "unit": "threads",
}


@pytest.fixture
def review(member):
    return factories.review(is_open=True, owner=member.user, facilitator=member.user)


@pytest.fixture
def incident(review):
    return review.incidents.get()


def test_a_program_signs_four_steps_in_order_on_typed_evidence(member, review, incident):
    """R2: signing step 3 while 2 is unsigned: 409; reopening 2 makes 3 and 4 stale."""
    steps = f"reviews/{review}/steps"
    changes = f"incidents/{incident}/changes"
    for kind in ("phenomenon", "metric_anomaly", "change_correlation", "root_cause"):
        member.put(
            f"{steps}/{kind}", {"finding": "5 % of orders failed.", "evidence": "", "version": 1}
        ).json()
    member.put(f"{steps}/phenomenon", {"finding": "5 % of orders failed.", "evidence": "`503`", "version": 2})
    member.put(f"{steps}/root_cause", {"finding": "No timeout.", "evidence": "Two runs.", "version": 2})
    factories.verified_cause(review)

    assert member.post(f"{steps}/phenomenon/sign").status_code == 200
    early = assert_problem(member.post(f"{steps}/change_correlation/sign"), 409, "step_out_of_order")
    bare = assert_problem(member.post(f"{steps}/metric_anomaly/sign"), 409, "evidence_missing")
    made = member.post(f"reviews/{review}/measurements", STATED)
    assert member.post(f"{steps}/metric_anomaly/sign").status_code == 200
    late = assert_problem(member.post(f"reviews/{review}/measurements", STATED), 409, "step_signed")
    change = member.post(changes, CHANGE).json()["id"]
    undecided = assert_problem(member.post(f"{steps}/change_correlation/sign"), 409, "change_undecided")
    member.post(f"{changes}/{change}/judge", {"verdict": "culprit", "reason": "Rolled back, errors end."})
    assert member.post(f"{steps}/change_correlation/sign").status_code == 200
    assert member.post(f"{steps}/root_cause/sign").status_code == 200
    member.post(f"{steps}/metric_anomaly/reopen", {"reason": "Wrong query."})

    assert early["details"] == {"unsigned": [2]}
    assert bare["details"] == {"fields": ["evidence"]}
    assert made.status_code == 201
    assert late["details"] == {"position": 2}
    assert undecided["details"] == {"changes": [{"id": change, "title": "order 1.4.2"}]}
    after = member.get(f"reviews/{review}").json()["steps"]
    assert [(one["is_signed"], one["is_stale"]) for one in after] == [
        (True, False),
        (False, False),
        (False, True),
        (False, True),
    ]


def test_a_metric_is_fetched_kept_and_removed(member, review, prometheus: Prometheus):
    prometheus.show("api_threads", 7)
    now = datetime.now(UTC)
    body = {
        "title": "Threads",
        "source": factories.data_source("Cell 1", base_url=prometheus.url).pk,
        "promql": "api_threads",
        "window_start": (now - timedelta(minutes=1)).isoformat(),
        "window_end": now.isoformat(),
        "step_seconds": 1,
    }

    made = member.post(f"reviews/{review}/measurements/fetch", body)
    wrong = member.post(f"reviews/{review}/measurements/fetch", body | {"promql": "sum("})
    listed = member.get(f"reviews/{review}/measurements").json()["items"]

    assert made.status_code == 201, made.content
    answer = made.json()
    assert (answer["is_fetched"], answer["source_name"], answer["value"]) == (True, "Cell 1", None)
    assert {value for _at, value in answer["series"][0]["points"]} == {"7"}
    assert "promql" in assert_problem(wrong, 400, "invalid")["errors"]
    assert [one["id"] for one in listed] == [answer["id"]]
    assert member.delete(f"reviews/{review}/measurements/{answer['id']}").status_code == 204


def test_a_source_that_does_not_answer_is_refused_and_a_value_stated_instead(member, review):
    body = STATED | {"source": factories.data_source(base_url="http://127.0.0.1:1").pk, "promql": "up"}

    problem = assert_problem(
        member.post(f"reviews/{review}/measurements/fetch", body), 409, "source_unavailable"
    )
    stated = member.post(f"reviews/{review}/measurements", STATED).json()

    assert problem["details"] == {"reason": "unreachable"}
    assert (stated["is_fetched"], stated["series"], stated["value"]) == (False, None, 200.0)


def test_a_program_reports_the_same_change_twice_and_it_is_there_once(member, incident):
    report = CHANGE | {"external_key": "deploy-17", "url": "https://git.example.org/1"}

    answers = [
        member.post(f"incidents/{incident}/changes", body)
        for body in (report, report, report | {"title": "order 1.4.3"})
    ]
    first, again, fixed = (answer.json() for answer in answers)

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert first["source"] == "api"
    assert (again, fixed["id"], fixed["title"]) == (first, first["id"], "order 1.4.3")
    assert len(member.get(f"incidents/{incident}/changes").json()["items"]) == 1


def test_a_change_is_corrected_judged_and_removed(member, incident):
    changes = f"incidents/{incident}/changes"
    change = member.post(changes, CHANGE).json()["id"]

    edited = member.patch(f"{changes}/{change}", {"kind": "flag"}).json()
    bare = member.post(f"{changes}/{change}/judge", {"verdict": "cleared"})
    judged = member.post(f"{changes}/{change}/judge", {"verdict": "cleared", "reason": "Other cell."}).json()

    assert edited["kind"] == "flag"
    assert "reason" in assert_problem(bare, 400, "invalid")["errors"]
    assert (judged["verdict"], judged["judged_by"]["name"]) == ("cleared", "Mia")
    assert member.delete(f"{changes}/{change}").status_code == 204
    assert_problem(member.delete(f"{changes}/{change}"), 404, "not_found")


def test_a_change_of_another_incident_is_not_found_under_this_one(member, incident):
    other = factories.change()

    assert_problem(member.delete(f"incidents/{incident}/changes/{other.pk}"), 404, "not_found")


def test_none_found_is_stated_shown_and_taken_back(member, review):
    path = f"reviews/{review}/change-search"

    assert_problem(member.get(path), 404, "not_found")
    stated = member.post(path, {"searched": "Deploys of order, two days back."})
    shown = member.get(path).json()

    assert stated.status_code == 201
    assert (shown["searched"], shown["stated_by"]["name"]) == ("Deploys of order, two days back.", "Mia")
    assert member.delete(path).status_code == 204
    assert_problem(member.get(path), 404, "not_found")


@pytest.mark.parametrize("count", [1, 3])
def test_lists_cost_the_same_queries_for_any_number_of_rows(member, review, django_assert_num_queries, count):
    incident = review.incidents.get()
    for _ in range(count):
        factories.change(incident, service=factories.service(), verdict="cleared", reason="x")
        factories.measurement(review, added_by=factories.user())

    for path, queries in ((f"incidents/{incident}/changes", 4), (f"reviews/{review}/measurements", 3)):
        with django_assert_num_queries(queries):
            assert len(member.get(path).json()["items"]) == count


def test_viewers_read_evidence_and_change_none(review, incident):
    viewer = Caller(factories.user(role="viewer"))
    factories.change(incident)
    factories.measurement(review)

    assert len(viewer.get(f"incidents/{incident}/changes").json()["items"]) == 1
    assert len(viewer.get(f"reviews/{review}/measurements").json()["items"]) == 1
    assert_problem(viewer.post(f"incidents/{incident}/changes", CHANGE), 403, "not_allowed")
    assert_problem(viewer.post(f"reviews/{review}/measurements", STATED), 403, "not_allowed")
