import pytest
from django.utils import timezone

from remediation import retention, runs
from remediation.models import CheckRun
from tests import factories
from tests.api.bodies import CHECK, COMMAND
from tests.api.conftest import assert_problem


@pytest.fixture
def check(db):
    return factories.item().verification_checks.get()


@pytest.fixture
def definition(db):
    return CHECK | {"data_source": factories.data_source(base_url="http://127.0.0.1:9").pk}


def test_check_is_added_to_an_item(member, check):
    response = member.post(f"items/{check.item}/checks", COMMAND)

    assert response.status_code == 201
    assert (response.json()["item"], response.json()["kind"]) == (check.item.public_id, "shell")
    assert check.item.verification_checks.count() == 2


def test_new_definition_is_a_new_version(member, check, definition):
    answer = member.put(f"checks/{check.pk}", definition).json()

    assert (answer["version"], answer["promql"], answer["streak"], answer["last_outcome"]) == (
        2,
        "pool_waiting",
        0,
        "",
    )


def test_trial_keeps_nothing(member, definition):
    answer = member.post("checks/try", definition).json()

    assert answer["outcome"] == "error"
    assert answer["error_code"] == "unreachable"
    assert answer["series"] is None
    assert not CheckRun.objects.exists()


def test_command_is_not_tried_in_the_web_process(member):
    answer = member.post("checks/try", COMMAND).json()

    assert (answer["outcome"], answer["error_code"]) == ("no_data", "not_tried")


def test_last_active_check_is_not_paused(member, check):
    assert_problem(
        member.post(f"checks/{check.pk}/pause", {"is_paused": True, "reason": "It moves."}), 409, "last_check"
    )
    factories.check(check.item)

    assert (
        member.post(f"checks/{check.pk}/pause", {"is_paused": True, "reason": "It moves."}).json()[
            "is_paused"
        ]
        is True
    )
    assert_problem(member.post(f"checks/{check.pk}/runs"), 409, "check_at_rest")


def test_run_is_queued_once(member, check):
    first, second = member.post(f"checks/{check.pk}/runs"), member.post(f"checks/{check.pk}/runs")

    assert first.status_code == 201
    assert first.json()["id"] == second.json()["id"]
    assert (first.json()["check"], first.json()["finished_at"], first.json()["outcome"]) == (
        check.pk,
        None,
        "",
    )


def test_run_that_waits_is_found_and_not_listed(member, check):
    asked = member.post(f"checks/{check.pk}/runs").json()

    assert member.get(f"runs/{asked['id']}").json() == asked
    assert member.get(f"checks/{check.pk}/runs").json()["items"] == []


def test_run_that_waits_for_a_check_of_a_hidden_incident_is_not_there(member):
    review = factories.review(incidents=[factories.incident(is_restricted=True)])
    hidden = factories.item(review=review).verification_checks.get()
    run_id = runs.ask_now(hidden.pk, now=timezone.now())

    assert member.get(f"runs/{run_id}").status_code == 404


def test_check_says_when_its_turn_comes_and_that_it_is_under_way(member, check):
    factories.stand(check, next_run_at=factories.NOW)
    waiting = member.get(f"checks/{check.pk}").json()["next_run_at"]
    factories.hold(check, slot=factories.NOW, until=timezone.now() + factories.HOUR)

    assert waiting == factories.NOW.isoformat().replace("+00:00", "Z")
    assert member.get(f"checks/{check.pk}").json()["next_run_at"] is None


def test_figures_that_are_no_numbers_are_answered_as_null(member, check):
    run = factories.check_run(check, value=float("nan"), series=[{"labels": {"pod": "a"}, "value": "NaN"}])
    factories.stand(check, last_value=float("inf"))

    assert member.get(f"runs/{run.pk}").json()["value"] is None
    assert member.get(f"runs/{run.pk}").json()["series"] == [{"labels": {"pod": "a"}, "value": "NaN"}]
    assert member.get(f"checks/{check.pk}").json()["last_value"] is None


def test_runs_are_listed_newest_first_and_only_of_this_check(member, check):
    factories.check_run(factories.check(check.item))
    old = factories.check_run(check, slot=factories.NOW - factories.DAY)
    new = factories.check_run(check, outcome="fail")

    rows = member.get(f"checks/{check.pk}/runs").json()["items"]

    assert [(row["id"], row["outcome"]) for row in rows] == [(new.pk, "fail"), (old.pk, "pass")]


@pytest.mark.parametrize("count", [1, 3])
def test_runs_cost_the_same_queries_for_any_number_of_rows(member, check, django_assert_num_queries, count):
    for number in range(count):
        factories.check_run(check, slot=factories.NOW - number * factories.HOUR)

    with django_assert_num_queries(4):
        assert len(member.get(f"checks/{check.pk}/runs").json()["items"]) == count


def test_days_of_old_runs_are_listed_newest_first(member, check):
    long_ago = timezone.now() - 120 * factories.DAY
    for number in range(4):
        factories.check_run(check, slot=long_ago + number * factories.DAY / 2, value=float(number))
    retention.roll_up(now=timezone.now())

    rows = member.get(f"checks/{check.pk}/days").json()["items"]

    assert [row["check"] for row in rows] == [check.pk] * len(rows)
    assert [row["day"] for row in rows] == sorted({row["day"] for row in rows}, reverse=True)
    assert sum(row["passes"] for row in rows) == 4
    assert max(row["value_max"] for row in rows) == 3.0


def test_trial_shows_what_prometheus_answers(member, prometheus):
    prometheus.show('api_pool_waiting{pod="a"}', 247)
    source = factories.data_source(base_url=prometheus.url)
    definition = CHECK | {"data_source": source.pk, "promql": "api_pool_waiting", "threshold": 200}

    answer = member.post("checks/try", definition).json()

    assert (answer["outcome"], answer["value"]) == ("fail", 247.0)
    assert [(one["labels"]["pod"], one["value"]) for one in answer["series"]] == [("a", "247")]


@pytest.mark.parametrize("path", ["checks/try", "items/{item}/checks"])
def test_query_that_prometheus_refuses_is_refused_with_its_reason(member, check, prometheus, path):
    source = factories.data_source(base_url=prometheus.url)
    wrong = CHECK | {"data_source": source.pk, "promql": "rate(pool_waiting)"}

    problem = assert_problem(member.post(path.format(item=check.item), wrong), 400, "invalid")

    assert "range vector" in problem["errors"]["promql"][0]["message"]
    assert problem["details"] == {"position": "1:6"}
    assert check.item.verification_checks.count() == 1


# -- commands: who may let them run


def test_free_command_waits_and_another_administrator_lets_it_run(member, administrator, as_user, check):
    made = member.post(f"items/{check.item}/checks", COMMAND).json()["id"]
    said = member.get(f"checks/{made}/command").json()

    waiting = [one["check"] for one in administrator.get("probes/waiting").json()["items"]]
    assert_problem(
        as_user(factories.user(role="governor")).post(f"checks/{made}/approval", {"sha": said["sha"]}),
        403,
        "not_allowed",
    )
    assert_problem(administrator.post(f"checks/{made}/approval", {"sha": "0" * 64}), 409, "command_changed")
    approved = administrator.post(f"checks/{made}/approval", {"sha": said["sha"]}).json()

    assert (said["standing"], said["body"]["pipeline"], waiting) == (
        "not_approved",
        [["kubectl", "get", "pods"]],
        [made],
    )
    assert (approved["standing"], approved["approved_by"] is None) == ("approved", False)
    assert administrator.get("probes/waiting").json()["items"] == []


def test_author_does_not_approve_the_own_command(administrator, check):
    made = administrator.post(f"items/{check.item}/checks", COMMAND).json()["id"]
    sha = administrator.get(f"checks/{made}/command").json()["sha"]

    assert_problem(administrator.post(f"checks/{made}/approval", {"sha": sha}), 409, "own_command")


def test_query_runs_no_command(member, check):
    assert_problem(member.get(f"checks/{check.pk}/command"), 409, "no_command")


def test_template_makes_the_command_and_answers_for_it(member, check):
    body = {
        "kind": "shell",
        "template": "version-drift",
        "parameters": {"program": "python3", "version": "3.11.2"},
    }
    made = member.post(f"items/{check.item}/checks", body).json()
    wrong = body | {"parameters": {"program": "python3", "version": "; rm -rf /"}}

    assert (made["pipeline"], made["name"]) == ([["python3", "--version"]], "Version drift")
    assert member.get(f"checks/{made['id']}/command").json()["standing"] == "approved"
    assert_problem(member.post(f"items/{check.item}/checks", wrong), 400, "invalid")
    assert {one["slug"] for one in member.get("probes/templates").json()["items"]} >= {
        "version-drift",
        "module-drift",
        "runtime-variable",
        "db-pool-headroom",
    }


def test_commands_of_hidden_items_wait_unseen(member, administrator):
    review = factories.review(incidents=[factories.incident(is_restricted=True)])
    hidden = factories.check(factories.item(review=review), kind="shell", is_approved=False)

    assert member.get("probes/waiting").json()["items"] == []
    assert member.get(f"checks/{hidden.pk}/command").status_code == 404


def test_administrator_stops_commands(administrator, member):
    turn = administrator.post("probes/switch", {"is_off": True, "reason": "Broken into"}).json()

    assert (turn["is_off"], turn["team"], turn["reason"]) == (True, None, "Broken into")
    assert_problem(administrator.post("probes/switch", {"is_off": True}), 400, "invalid")
    assert_problem(member.post("probes/switch", {"is_off": False}), 403, "not_allowed")
