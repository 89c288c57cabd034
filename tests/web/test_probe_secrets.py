"""The page of secrets: set, listed by name, forgotten; what they hold is in no answer."""

import pytest

from remediation.models import ProbeSecret, VerificationCheck
from tests import factories

pytestmark = pytest.mark.django_db

VALUE = "hunter2-hunter2"


@pytest.fixture
def manager():
    return factories.user("Manager")


@pytest.fixture
def team(manager):
    return factories.team("Orders", manager=manager)


@pytest.fixture
def page(client, manager, team):
    client.force_login(manager)
    return client


def form(of, **changes):
    return {"team": of.pk, "slug": "orders-db", "secret_value": VALUE, "description": "Reads."} | changes


def test_manager_sets_and_forgets_and_nobody_reads(page, team):
    set_ = page.post("/settings/probe-secrets/", form(team), follow=True).content.decode()
    row = ProbeSecret.objects.get()
    asked = page.get(f"/settings/probe-secrets/{row.pk}/remove").content.decode()

    assert "secret://orders-db" in set_
    assert VALUE not in set_ + asked
    assert row.value.reveal() == VALUE
    page.post(f"/settings/probe-secrets/{row.pk}/remove")
    assert not ProbeSecret.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"slug": "Not a name"}, "slug"), ({"slug": "ABC"}, "slug"), ({"team": "0"}, "team"),
     ({"secret_value": "short-1"}, "secret_value"), ({"secret_value": ""}, "secret_value"),
     ({"secret_value": VALUE + "x" * 4000}, "secret_value")],
    ids=["name", "capitals", "team", "short", "empty", "long"],
)  # fmt: skip
def test_unfit_secret_is_refused_at_its_field_and_not_shown_again(page, team, changes, field):
    answer = page.post("/settings/probe-secrets/", form(team, **changes))
    said = answer.content.decode()

    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in said
    assert VALUE not in said
    assert "short-1" not in said
    assert not ProbeSecret.objects.exists()


def test_other_teams_and_other_people_have_none(page, team, client):
    theirs = factories.probe_secret(factories.team("Payments"), "payments-db")

    assert "payments-db" not in page.get("/settings/probe-secrets/").content.decode()
    assert page.post(f"/settings/probe-secrets/{theirs.pk}/remove").status_code == 404
    assert page.post("/settings/probe-secrets/", form(theirs.team)).status_code == 422
    client.force_login(factories.user())
    assert client.get("/settings/probe-secrets/").status_code == 403
    assert client.post("/settings/probe-secrets/", form(team)).status_code == 403
    assert ProbeSecret.objects.count() == 1


def test_check_names_a_secret_on_its_form(client, team):
    client.force_login(factories.user("Ada"))
    item = factories.item(team=team)
    fields = {
        "check-kind": "shell", "check-command": "psql -h db", "check-shell_expectation": "success",
        "check-env": "PGPASSWORD=secret://orders-db", "check-interval_seconds": "3600",
        "check-timeout_seconds": "10", "check-passes_needed": "3", "check-fails_needed": "2",
        "intent": "save",
    }  # fmt: skip
    path = f"/items/{item}/checks/new"

    wrong = client.post(path, fields | {"check-env": f"PGPASSWORD={VALUE}"})
    taken = client.post(path, fields)

    check = VerificationCheck.objects.get(kind="shell")
    assert (wrong.status_code, taken.status_code) == (422, 302)
    assert 'id="id_check-env_error"' in wrong.content.decode()
    assert (check.env, check.network) == ({"PGPASSWORD": "secret://orders-db"}, "none")
    assert "secret://orders-db" in client.get(f"/checks/{check.pk}/command").content.decode()


def test_network_is_offered_where_it_is_allowed(client, team, settings):
    client.force_login(factories.user("Ada"))
    item = factories.item(team=team)
    before = client.get(f"/items/{item}/checks/new").content.decode()
    settings.SHELL_PROBE_NETWORKS = ["egress"]

    after = client.get(f"/items/{item}/checks/new").content.decode()

    assert 'value="egress"' not in before
    assert 'value="egress"' in after
    assert 'value="host"' not in after
