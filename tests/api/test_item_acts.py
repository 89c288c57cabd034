"""Acts on items beyond the way to a verified fix: who answers for one, and whether it is done at all."""

import pytest

from remediation.models import RemediationItem
from tests import factories
from tests.api.conftest import assert_problem


@pytest.fixture
def governor(as_user):
    return as_user(factories.user("Gia", role="governor"))


@pytest.fixture
def item(member):
    return factories.item(owner=member.user)


def test_won_t_do_is_asked_for_and_granted_by_another(member, governor, item):
    asked = member.post(f"items/{item}/wont-do", {"reason": "The service ends."})
    assert asked.status_code == 200, asked.content
    assert asked.json()["state"] == "open"
    [request] = asked.json()["wont_do_requests"]
    assert (request["reason"], request["asked_by"]["name"], request["answer"]) == (
        "The service ends.",
        "Mia",
        "",
    )

    assert_problem(member.post(f"items/{item}/wont-do", {"reason": "Again."}), 409, "already_asked")
    assert_problem(member.post(f"items/{item}/wont-do/grant"), 403, "not_allowed")

    answer = governor.post(f"items/{item}/wont-do/grant", {"comment": "It does."}).json()
    assert (answer["state"], answer["wont_do_reason"]) == ("wont_do", "The service ends.")
    assert answer["wont_do_approved_by"]["name"] == "Gia"
    assert answer["wont_do_requests"][0]["answer"] == "granted"


def test_won_t_do_is_refused_or_taken_back(member, governor, item):
    member.post(f"items/{item}/wont-do", {"reason": "The service ends."})
    assert_problem(governor.post(f"items/{item}/wont-do/refuse", {}), 400, "invalid")

    refused = governor.post(f"items/{item}/wont-do/refuse", {"reason": "It stays."}).json()
    assert (refused["state"], refused["wont_do_requests"][0]["comment"]) == ("open", "It stays.")
    assert_problem(governor.post(f"items/{item}/wont-do/grant"), 409, "not_asked")

    member.post(f"items/{item}/wont-do", {"reason": "Really."})
    assert_problem(governor.post(f"items/{item}/wont-do/withdraw"), 403, "not_allowed")
    taken_back = member.post(f"items/{item}/wont-do/withdraw").json()
    assert taken_back["wont_do_requests"][0]["answer"] == "withdrawn"


def test_deactivated_owner_leaves_an_ownerless_item_that_the_manager_takes_over(as_user, member):
    """R4."""
    manager = as_user(factories.user("Manager"))
    owner = factories.user("Gone")
    item = factories.item(owner=owner, team=factories.team(manager=manager.user))
    assert_problem(manager.post(f"items/{item}/take-over"), 409, "has_an_owner")
    owner.is_active = False
    owner.save()

    assert member.get(f"items/{item}").json()["is_ownerless"] is True
    assert_problem(member.post(f"items/{item}/take-over"), 403, "not_allowed")
    answer = manager.post(f"items/{item}/take-over").json()

    assert (answer["owner"]["name"], answer["is_ownerless"]) == ("Manager", False)


def test_item_is_given_to_another_team(member, item):
    team = factories.team(slug="storage")

    assert member.post(f"items/{item}/team", {"team": "storage"}).json()["team"] == "storage"
    assert RemediationItem.objects.get().team == team
    assert_problem(member.post(f"items/{item}/team", {"team": "nobody"}), 400, "invalid")


def test_kind_and_category_are_corrected_with_the_words(member, item):
    factories.sla_policies()

    answer = member.patch(f"items/{item}", {"kind": "detect", "category": "process_defect"}).json()

    assert (answer["kind"], answer["category"], answer["version"]) == ("detect", "process_defect", 2)
    assert_problem(member.patch(f"items/{item}", {"title": "Mine", "version": 1}), 409, "edit_conflict")


def test_causes_are_replaced_and_those_of_another_review_refused(member):
    review = factories.review(is_open=True)
    first, second = factories.cause(review), factories.cause(review, "Nobody watched.")
    item = factories.item(review=review, causes=[first])

    assert member.send("PUT", f"items/{item}/causes", {"causes": [second.pk]}).json()["causes"] == [second.pk]
    other = factories.cause()
    assert_problem(member.send("PUT", f"items/{item}/causes", {"causes": [other.pk]}), 400, "invalid")
    assert list(item.causes.all()) == [second]


def test_several_items_change_at_once_or_not_at_all(member):
    ben, team = factories.user("Ben"), factories.team(slug="storage")
    first, second = factories.item("one"), factories.item("two")
    declined = factories.item("three", state="wont_do")
    names = [str(first), str(second)]

    answer = member.post("items/bulk", {"items": names, "owner": ben.pk, "team": "storage"})
    assert answer.status_code == 200, answer.content
    assert [(one["owner"]["name"], one["team"]) for one in answer.json()] == [("Ben", "storage")] * 2

    body = {"items": [*names, str(declined), "RI-2026-9999"], "owner": member.user.pk}
    problem = assert_problem(member.post("items/bulk", body), 409, "bulk_refused")
    assert [(one["item"], one["code"]) for one in problem["details"]["refusals"]] == [
        (str(declined), "wrong_state"),
        ("RI-2026-9999", "not_found"),
    ]
    assert set(RemediationItem.objects.filter(team=team).values_list("owner", flat=True)) == {ben.pk}
    assert_problem(member.post("items/bulk", {"items": names}), 400, "invalid")
    assert_problem(member.post("items/bulk", {"items": [], "owner": ben.pk}), 400, "invalid")


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"state": "active"}, ["asked", "ownerless"]),
        ({"ownerless": True}, ["ownerless"]),
        ({"ownerless": False}, ["asked", "done"]),
        ({"asked": True}, ["asked"]),
        ({"severity": "P3"}, ["done"]),
        ({"category": "missing_tool", "kind": "detect", "origin": "proactive"}, ["done"]),
        ({"team": "storage"}, ["asked"]),
        ({"at_risk": True}, []),
        ({"q": "owner"}, ["ownerless"]),
    ],
)
def test_list_is_narrowed_as_the_page_is(member, query, titles):
    factories.wont_do_request(factories.item("asked", team=factories.team(slug="storage")))
    ownerless = factories.item("ownerless")
    ownerless.owner.is_active = False
    ownerless.owner.save()
    factories.item("done", state="verified", severity="P3", category="missing_tool", kind="detect")

    assert sorted(one["title"] for one in member.get("items", **query).json()["items"]) == titles
