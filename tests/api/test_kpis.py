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
