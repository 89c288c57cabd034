from accounts import service_accounts
from tests import factories
from tests.api.conftest import assert_problem

IDLE = {"slug": "idle-resources", "name": "Idle resources", "unit": "%", "baseline": "41", "target": "20"}


def test_program_pushes_values_and_reads_the_series(as_user):
    """R16: 41 to 19, with its target."""
    governor = as_user(factories.user("Gia", role="governor"))
    program = as_user(factories.user("Bot", role="facilitator"))
    assert governor.post("kpis", IDLE).status_code == 201

    for day, value in (("2026-09-01", "41"), ("2026-10-01", "28.5"), ("2026-11-01", "19")):
        answer = program.post("kpis/idle-resources/values", {"date": day, "value": value, "source": "bill"})
        assert answer.status_code == 201
    again = program.post("kpis/idle-resources/values", {"date": "2026-11-01", "value": "19.0000"})
    series = program.get("kpis/idle-resources").json()

    assert (again.status_code, again.json()["recorded_by"]["name"]) == (200, "Bot")
    assert [(row["date"], row["value"]) for row in series["values"]] == [
        ("2026-09-01", "41.0000"),
        ("2026-10-01", "28.5000"),
        ("2026-11-01", "19.0000"),
    ]
    assert (series["kpi"]["baseline"], series["kpi"]["target"]) == ("41.0000", "20.0000")
    assert series["meets_target"] is True


def test_who_may_not_push_is_refused(as_user, member):
    as_user(factories.user(role="governor")).post("kpis", IDLE)

    value = {"date": "2026-11-01", "value": "19"}
    assert_problem(member.post("kpis/idle-resources/values", value), 403, "not_allowed")
    assert_problem(member.post("kpis", IDLE | {"slug": "other"}), 403, "not_allowed")
    assert_problem(member.post("kpis/nonsense/values", value), 404, "not_found")


def test_value_that_makes_no_sense_is_named(as_user):
    governor = as_user(factories.user(role="governor"))
    governor.post("kpis", IDLE)

    for body, field in (
        ({"date": "2099-01-01", "value": "1"}, "date"),
        ({"date": "2026-11-01", "value": "NaN"}, "value"),
        ({"date": "2026-11-01", "value": "1", "by": "me"}, "by"),
    ):
        problem = assert_problem(governor.post("kpis/idle-resources/values", body), 400, "invalid")
        assert list(problem["errors"]) == [field]


def test_key_figure_is_edited_but_for_its_slug(as_user):
    governor = as_user(factories.user(role="governor"))
    governor.post("kpis", IDLE)

    assert governor.patch("kpis/idle-resources", {"target": "15"}).json()["target"] == "15.0000"
    assert_problem(governor.patch("kpis/idle-resources", {"slug": "other"}), 400, "invalid")
    assert_problem(governor.post("kpis", IDLE), 400, "invalid")


def test_program_with_the_narrow_scope_pushes_and_does_nothing_else(as_user):
    """R16: a service account needs no person's role for it."""
    as_user(factories.user(role="governor")).post("kpis", IDLE)
    account = service_accounts.create(name="Billing", role="member")
    program = as_user(account, scopes=["kpi"])

    pushed = program.post("kpis/idle-resources/values", {"date": "2026-11-01", "value": "19"})

    assert (pushed.status_code, pushed.json()["recorded_by"]["name"]) == (201, "Billing")
    assert_problem(program.get("kpis"), 403, "scope_missing")
    assert_problem(program.post("wording", {"text": "x"}), 403, "scope_missing")
    other = as_user(account, scopes=["propose"])
    assert_problem(other.post("kpis/idle-resources/values"), 403, "scope_missing")


def test_service_account_that_may_only_look_pushes_nothing(as_user):
    as_user(factories.user(role="governor")).post("kpis", IDLE)
    viewer = as_user(service_accounts.create(name="Board"), scopes=["kpi"])

    refused = viewer.post("kpis/idle-resources/values", {"date": "2026-11-01", "value": "19"})

    assert_problem(refused, 403, "not_allowed")


def test_retired_key_figure_keeps_its_values_and_takes_no_more(as_user):
    governor = as_user(factories.user(role="governor"))
    governor.post("kpis", IDLE)
    value = {"date": "2026-11-01", "value": "19"}
    governor.post("kpis/idle-resources/values", value)

    retired = governor.patch("kpis/idle-resources", {"is_retired": True})

    assert retired.json()["is_retired"] is True
    assert_problem(governor.post("kpis/idle-resources/values", value), 409, "kpi_retired")
    assert len(governor.get("kpis/idle-resources").json()["values"]) == 1
    assert governor.post("kpis", IDLE | {"slug": "idle"}).status_code == 201
    again = assert_problem(governor.patch("kpis/idle-resources", {"is_retired": False}), 400, "invalid")
    assert list(again["errors"]) == ["name"]


def test_key_figure_without_values_is_deleted(as_user, member):
    governor = as_user(factories.user(role="governor"))
    governor.post("kpis", IDLE)
    assert_problem(member.delete("kpis/idle-resources"), 403, "not_allowed")
    assert governor.delete("kpis/idle-resources").status_code == 204
    assert_problem(governor.get("kpis/idle-resources"), 404, "not_found")

    governor.post("kpis", IDLE)
    governor.post("kpis/idle-resources/values", {"date": "2026-11-01", "value": "19"})

    assert_problem(governor.delete("kpis/idle-resources"), 409, "kpi_has_values")


def test_two_key_figures_do_not_share_a_name(as_user):
    governor = as_user(factories.user(role="governor"))
    governor.post("kpis", IDLE)

    problem = assert_problem(
        governor.post("kpis", IDLE | {"slug": "other", "name": "idle resources"}), 400, "invalid"
    )

    assert list(problem["errors"]) == ["name"]
