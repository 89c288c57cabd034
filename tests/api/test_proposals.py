"""R16: a program files capacity proposals daily; each is an item with origin proactive, once for its key."""

import pytest

from remediation.models import RemediationItem
from tests import factories
from tests.api.bodies import CHECK
from tests.api.conftest import assert_problem
from tests.race import at_once


@pytest.fixture
def program(as_user):
    """A token that may propose, and nothing else."""
    return as_user(factories.user("Capacity"), scopes=["propose"])


@pytest.fixture
def proposal(program):
    factories.sla_policies()
    factories.service("order")
    source = factories.data_source(base_url="http://127.0.0.1:9")
    return {
        "external_key": "capacity/order/2026-11-20",
        "title": "Grow the pool of order to 260",
        "description": "History 180, growth 12 % a quarter, tail 1.2.",
        "owner": program.user.pk,
        "service": "order",
        "severity": "P3",
        "kind": "prevent",
        "category": "technical_debt",
        "checks": [CHECK | {"data_source": source.pk}],
    }


def test_proposal_becomes_a_proactive_item(program, proposal):
    response = program.post("proposals", proposal)

    assert response.status_code == 201, response.content
    answer = response.json()
    assert (answer["origin"], answer["review"], answer["state"]) == ("proactive", None, "open")
    item = RemediationItem.objects.get()
    assert (item.external_key, item.agreed_by) == ("capacity/order/2026-11-20", program.user)
    assert item.verification_checks.count() == 1


def test_same_key_again_is_the_same_item_whatever_people_did_with_it(program, proposal, member):
    first = program.post("proposals", proposal).json()["id"]
    member.patch(f"items/{first}", {"title": "Grow the pool to 300"})

    again = program.post("proposals", dict(reversed(proposal.items())))

    assert (again.status_code, again.json()["id"], again.json()["title"]) == (
        200,
        first,
        "Grow the pool to 300",
    )
    assert RemediationItem.objects.count() == 1


@pytest.mark.parametrize(
    "changes", [{"title": "Grow it to 400"}, {"severity": "P2"}, {"tracker_url": "https://t.example.org/1"}]
)
def test_same_key_with_other_contents_is_refused_and_names_the_item(program, proposal, changes):
    first = program.post("proposals", proposal).json()["id"]

    problem = assert_problem(program.post("proposals", proposal | changes), 409, "external_key_taken")

    assert problem["details"] == {"item": first}
    assert (
        program.post("proposals", proposal | changes | {"external_key": "capacity/order/2"}).status_code
        == 201
    )
    assert RemediationItem.objects.count() == 2


def test_token_of_this_scope_does_nothing_else(program, proposal, as_user):
    program.post("proposals", proposal)
    item = RemediationItem.objects.get()

    assert_problem(program.get("items"), 403, "scope_missing")
    assert_problem(program.post(f"items/{item}/start"), 403, "scope_missing")
    assert_problem(program.post("items", proposal), 403, "scope_missing")
    reader = as_user(factories.user(), scopes=["read"])
    assert_problem(reader.post("proposals", proposal), 403, "scope_missing")
    assert as_user(factories.user(), scopes=["write"]).post("proposals", proposal).status_code == 200


@pytest.mark.parametrize("name", ["external_key", "title", "owner", "service", "severity", "checks"])
def test_each_missing_part_is_refused_by_name(program, proposal, name):
    del proposal[name]

    problem = assert_problem(program.post("proposals", proposal), 400, "invalid")

    assert list(problem["errors"]) == [name]
    assert not RemediationItem.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_with_one_key_file_one_item(program, proposal):
    answers = []

    at_once(*[lambda: answers.append(program.post("proposals", proposal).status_code)] * 2)

    assert sorted(answers) == [200, 201]
    assert RemediationItem.objects.count() == 1
