"""People, teams, services, severities and data sources: what other records name."""

import pytest

from remediation.models import CheckStanding, DataSource
from tests import factories
from tests.api.conftest import Caller, assert_problem


def test_people_show_their_address_to_members_only(member):
    viewer = Caller(factories.user("Vic", role="viewer"))

    to_member = {row["name"]: row["email"] for row in member.get("users").json()["items"]}
    to_viewer = {row["name"]: row["email"] for row in viewer.get("users").json()["items"]}

    assert to_member == {"Mia": "mia@example.com", "Vic": "vic@example.com"}
    assert to_viewer == {"Mia": None, "Vic": "vic@example.com"}


def test_me_is_the_owner_of_the_token(member):
    assert member.get("users/me").json() == {
        "id": member.user.pk,
        "name": "Mia",
        "email": "mia@example.com",
        "role": "member",
        "is_active": True,
    }


def test_people_are_found_by_a_part_of_their_name(member):
    factories.user("Nia 100%")

    assert [row["name"] for row in member.get("users", q="IA").json()["items"]] == ["Mia", "Nia 100%"]
    assert [row["name"] for row in member.get("users", q="0%").json()["items"]] == ["Nia 100%"]


def test_team_names_its_people(member):
    team = factories.team("Orders", manager=factories.user("Max"), members=[member.user])

    answer = member.get(f"teams/{team.slug}").json()

    assert (answer["name"], answer["manager"]["name"], [one["name"] for one in answer["members"]]) == (
        "Orders",
        "Max",
        ["Mia"],
    )


def test_service_is_named_by_its_slug(member):
    service = factories.service("order", repositories=["shop/order"])

    answer = member.get("services/order").json()

    assert (answer["slug"], answer["team"], answer["repositories"]) == (
        "order",
        service.team.slug,
        ["shop/order"],
    )
    assert_problem(member.get("services/none"), 404, "not_found")


def test_severities_are_listed_the_worst_first(member):
    rows = member.get("severities").json()["items"]

    assert [row["code"] for row in rows] == ["P0", "P1", "P2", "P3", "P4"]
    assert rows[0]["requires_postmortem"] is True


def test_administrator_names_data_sources(administrator):
    made = administrator.post(
        "data-sources", {"name": "Cell 1", "base_url": "https://prometheus.example.org/"}
    )
    source = made.json()["id"]
    edited = administrator.patch(f"data-sources/{source}", {"name": "Cell one"}).json()

    assert made.status_code == 201
    assert made.json()["base_url"] == "https://prometheus.example.org"
    assert (edited["name"], edited["base_url"]) == ("Cell one", "https://prometheus.example.org")


@pytest.mark.parametrize("role", ["member", "governor"])
def test_others_read_the_names_of_data_sources(as_user, role):
    source = factories.data_source("Cell 1")
    caller = as_user(factories.user(role=role))

    answer = caller.get(f"data-sources/{source.pk}").json()

    assert (answer["name"], answer["base_url"]) == ("Cell 1", None)
    assert_problem(
        caller.post("data-sources", {"name": "x", "base_url": "http://x.example.org"}), 403, "not_allowed"
    )
    assert_problem(caller.patch(f"data-sources/{source.pk}", {"name": "x"}), 403, "not_allowed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"base_url": "ftp://prometheus.example.org"}, "base_url"),
        ({"base_url": "prometheus"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
        ({"base_url": "http://me:secret@prometheus.example.org"}, "base_url"),
        ({"base_url": "http://prometheus.example.org?x=1"}, "base_url"),
        ({"name": " "}, "name"),
        ({"name": "Taken"}, "name"),
        ({"token": "x"}, "token"),
    ],
)
def test_data_source_with_a_wrong_value_is_refused(administrator, body, field):
    factories.data_source("Taken")
    sound = {"name": "Cell 1", "base_url": "https://prometheus.example.org"}

    problem = assert_problem(administrator.post("data-sources", sound | body), 400, "invalid")

    assert list(problem["errors"]) == [field]
    assert DataSource.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "queries"), [("users", 3), ("teams", 4), ("services", 3), ("severities", 3), ("data-sources", 3)]
)
@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_queries_for_any_number_of_rows(
    member, django_assert_num_queries, path, queries, count
):
    for _ in range(count):
        factories.service(
            team=factories.team(manager=factories.user(), members=[factories.user() for _ in range(count)])
        )
        factories.data_source()

    with django_assert_num_queries(queries):
        assert len(member.get(path).json()["items"]) >= count


# -- credentials of data sources


SIGNED = {"name": "Signed", "base_url": "https://p.example.org", "auth": "bearer", "credential": "tok-9f8e7d"}


def test_credential_is_never_answered(administrator):
    made = administrator.post("data-sources", SIGNED)
    source = made.json()["id"]
    edited = administrator.patch(f"data-sources/{source}", {"name": "Other"})
    listed = administrator.get("data-sources")

    assert (made.status_code, made.json()["has_credential"]) == (201, True)
    said = made.content + edited.content + listed.content
    assert b"tok-9f8e7d" not in said
    assert b"f1:test:" not in said


def test_new_host_forgets_the_credential(administrator):
    source = administrator.post("data-sources", SIGNED).json()["id"]

    answer = administrator.patch(f"data-sources/{source}", {"base_url": "https://evil.example.org"}).json()

    assert (answer["auth"], answer["has_credential"]) == ("none", False)


def test_others_learn_nothing_of_how_a_source_signs_in(administrator, as_user):
    fields = {"auth": "basic", "username": "robot", "networks": ["10.0.0.0/8"]}
    source = administrator.post("data-sources", SIGNED | fields).json()["id"]

    answer = as_user(factories.user(role="member")).get(f"data-sources/{source}").json()

    assert (answer["username"], answer["auth"], answer["networks"], answer["has_credential"]) == (
        "",
        "none",
        [],
        False,
    )


def test_administrator_tries_and_deletes_a_source(administrator, as_user):
    source = factories.data_source(base_url="http://127.0.0.1:9").pk

    tried = administrator.post(f"data-sources/{source}/test").json()
    assert_problem(
        as_user(factories.user(role="governor")).post(f"data-sources/{source}/test"), 403, "not_allowed"
    )
    assert_problem(
        as_user(factories.user(role="governor")).delete(f"data-sources/{source}"), 403, "not_allowed"
    )
    deleted = administrator.delete(f"data-sources/{source}")

    assert (tried["outcome"], tried["error_code"]) == ("error", "unreachable")
    assert deleted.status_code == 204


def test_source_in_use_is_not_deleted(administrator):
    source = factories.item().verification_checks.get().data_source

    problem = assert_problem(administrator.delete(f"data-sources/{source.pk}"), 409, "source_in_use")

    assert problem["details"]["checks"] == 1


def test_nobody_knows_whether_a_source_answers_before_it_is_asked(administrator):
    made = administrator.post("data-sources", {"name": "Dead", "base_url": "http://127.0.0.1:9"}).json()
    asked = factories.item().verification_checks.get()
    CheckStanding.objects.filter(verification_check=asked).update(last_run_at=factories.NOW)

    assert made["is_answering"] is None
    assert administrator.get(f"data-sources/{asked.data_source_id}").json()["is_answering"] is True
