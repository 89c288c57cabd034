"""Secrets of commands by API: set and forgotten by name, answered to nobody; checks refer to them."""

from remediation.models import ProbeSecret
from tests import factories
from tests.api.bodies import COMMAND
from tests.api.conftest import Caller, assert_problem

VALUE = "hunter2-hunter2"


def test_secret_is_set_listed_by_name_and_never_answered(db):
    manager = factories.user("Manager")
    team = factories.team("Orders", manager=manager)
    caller = Caller(manager)
    body = {"team": team.slug, "name": "orders-db", "value": VALUE}

    made, again = (
        caller.post("probe-secrets", body),
        caller.post("probe-secrets", body | {"value": VALUE * 2}),
    )
    listed = caller.get("probe-secrets")

    assert (made.status_code, again.status_code, made.json()["id"]) == (200, 200, again.json()["id"])
    assert [row["name"] for row in listed.json()["items"]] == ["orders-db"]
    assert VALUE not in f"{made.content}{again.content}{listed.content}"
    assert caller.delete(f"probe-secrets/{made.json()['id']}").status_code == 204
    assert not ProbeSecret.objects.exists()


def test_only_those_who_look_after_a_team_set_its_secrets(db, member):
    team = factories.team("Orders")

    refused = member.post("probe-secrets", {"team": team.slug, "name": "orders-db", "value": VALUE})

    assert_problem(refused, 403, "not_allowed")
    assert VALUE not in refused.content.decode()
    factories.probe_secret(team, "orders-db")
    assert member.get("probe-secrets").json()["items"] == []


def test_check_refers_to_secrets_and_holds_none(db, member):
    item = factories.item()
    named = COMMAND | {"env": {"PGPASSWORD": "secret://orders-db"}}

    made = member.post(f"items/{item}/checks", named)
    typed = member.post(f"items/{item}/checks", COMMAND | {"env": {"PGPASSWORD": VALUE}})
    loader = member.post(f"items/{item}/checks", COMMAND | {"env": {"LD_PRELOAD": "secret://orders-db"}})
    network = member.post(f"items/{item}/checks", COMMAND | {"network": "host"})

    assert (made.status_code, made.json()["env"]) == (201, {"PGPASSWORD": "secret://orders-db"})
    assert made.json()["network"] == "none"
    for refused in (typed, loader, network):
        assert refused.status_code == 400
    assert VALUE not in typed.content.decode()
    assert "SHELL_PROBE_NETWORKS" in network.content.decode()
