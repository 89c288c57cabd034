from datetime import timedelta

import pytest
from django.utils import timezone

from remediation.models import RemediationItem
from tests import factories
from tests.api.bodies import CHECK, COMMAND
from tests.api.conftest import assert_problem


@pytest.fixture
def promise(member):
    """A sound body; nobody listens at the data source, which is no reason to refuse a check."""
    factories.service("order")
    source = factories.data_source(base_url="http://127.0.0.1:9")
    return {
        "title": "Set a timeout",
        "owner": member.user.pk,
        "service": "order",
        "severity": "P1",
        "kind": "prevent",
        "category": "technical_debt",
        "checks": [CHECK | {"data_source": source.pk}],
    }


def test_agreed_item_has_owner_deadline_and_check(member, promise):
    response = member.post("items", promise)

    assert response.status_code == 201, response.content
    answer = response.json()
    item = RemediationItem.objects.get()
    assert (answer["id"], answer["state"], answer["origin"], answer["review"]) == (
        item.public_id,
        "open",
        "proactive",
        None,
    )
    assert answer["team"] == item.service.team.slug
    assert answer["due_at"] == (item.agreed_at + timedelta(days=14)).isoformat().replace("+00:00", "Z")
    assert answer["policy_version"] == item.policy_version
    assert [move["to_state"] for move in answer["transitions"]] == ["open"]
    (check,) = answer["checks"]
    assert (check["promql"], check["comparator"], check["threshold"], check["version"]) == (
        "pool_waiting",
        "<",
        1.5,
        1,
    )


def test_item_of_a_review_names_its_causes(member, promise):
    review = factories.review(is_open=True)
    cause = factories.cause(review)

    answer = member.post("items", promise | {"review": review.public_id, "causes": [cause.pk]}).json()

    assert (answer["review"], answer["causes"], answer["origin"]) == (review.public_id, [cause.pk], "review")


@pytest.mark.parametrize("name", ["title", "owner", "service", "severity", "kind", "category", "checks"])
def test_each_missing_part_is_refused_by_name(member, promise, name):
    del promise[name]

    problem = assert_problem(member.post("items", promise), 400, "invalid")

    assert {field: [one["code"] for one in found] for field, found in problem["errors"].items()} == {
        name: ["required"]
    }
    assert not RemediationItem.objects.exists()


def test_item_without_a_check_is_refused(member, promise):
    assert_problem(member.post("items", promise | {"checks": []}), 409, "check_missing")


def test_inactive_owner_is_refused(member, promise):
    gone = factories.user(is_active=False)

    problem = assert_problem(member.post("items", promise | {"owner": gone.pk}), 400, "invalid")

    assert list(problem["errors"]) == ["owner"]


def test_deadline_later_than_policy_needs_a_waiver(member, promise):
    late = timezone.now() + timedelta(days=15)

    problem = assert_problem(
        member.post("items", promise | {"due_at": late.isoformat()}), 409, "needs_waiver"
    )

    assert list(problem["errors"]) == ["due_at"]
    assert list(problem["details"]) == ["latest"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"promql": "看一下监控"}, "promql"),
        ({"promql": ""}, "promql"),
        ({"promql": "up\x00"}, "promql"),
        ({"threshold": None}, "threshold"),
        ({"threshold": "NaN"}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"data_source": None}, "data_source"),
        ({"data_source": 2**62}, "data_source"),
        ({"no_data_reason": ""}, "no_data_reason"),
        ({"comparator": "~"}, "comparator"),
        ({"interval_seconds": 59}, "interval_seconds"),
        ({"timeout_seconds": 61}, "timeout_seconds"),
        ({"kind": "essay"}, "kind"),
        ({"prql": "up"}, "prql"),
    ],
)
def test_check_that_is_none_is_refused_by_its_place_and_field(member, promise, changes, field):
    checks = [*promise["checks"], promise["checks"][0] | changes]

    problem = assert_problem(member.post("items", promise | {"checks": checks}), 400, "invalid")

    assert list(problem["errors"]) == [f"checks.1.{field}"]
    assert not RemediationItem.objects.exists()


def test_command_is_a_pipeline_and_needs_a_pattern(member, promise):
    answer = member.post("items", promise | {"checks": [COMMAND]}).json()
    problem = assert_problem(
        member.post("items", promise | {"checks": [COMMAND | {"pattern": "("}]}), 400, "invalid"
    )
    neither = assert_problem(member.post("items", promise | {"checks": [{"kind": "shell"}]}), 400, "invalid")

    assert (answer["checks"][0]["pipeline"], answer["checks"][0]["command"]) == (
        [["kubectl", "get", "pods"]],
        "kubectl get pods",
    )
    assert list(problem["errors"]) == ["checks.0.pattern"]
    assert list(neither["errors"]) == ["checks.0.pipeline"]


def test_words_are_corrected_and_the_promise_is_not(member):
    item = factories.item()

    answer = member.patch(f"items/{item}", {"title": "Set two timeouts", "description": "Both."}).json()
    problem = assert_problem(
        member.patch(f"items/{item}", {"due_at": "2030-01-01T00:00:00Z", "state": "verified"}), 400, "invalid"
    )

    assert (answer["title"], answer["description"], answer["due_at"][:10]) == (
        "Set two timeouts",
        "Both.",
        item.due_at.date().isoformat(),
    )
    assert sorted(problem["errors"]) == ["due_at", "state"]


def test_hand_brings_an_item_as_far_as_the_claim(member):
    item = factories.item(severity="P2")

    states = [
        member.post(f"items/{item}/start").json()["state"],
        member.post(f"items/{item}/claim-fix", {"fix_url": "https://git.example.org/1"}).json()["state"],
        member.post(f"items/{item}/withdraw").json()["state"],
    ]

    assert states == ["in_progress", "fix_claimed", "in_progress"]
    assert_problem(member.post(f"items/{item}/start"), 409, "wrong_state")


def test_claim_on_p1_that_was_never_red_needs_a_reason(member):
    item = factories.item(severity="P1")

    problem = assert_problem(member.post(f"items/{item}/claim-fix"), 409, "never_seen_red")
    answer = member.post(f"items/{item}/claim-fix", {"never_red_reason": "The metric is new."}).json()

    assert problem["details"] == {"checks": [item.verification_checks.get().pk]}
    assert (answer["state"], answer["fix_claimed_by"]["name"]) == ("fix_claimed", "Mia")


def test_decline_needs_a_governor_and_reopening_takes_it_back(member, as_user):
    item, governor = factories.item(), as_user(factories.user("Gia", role="governor"))
    refused = member.post(f"items/{item}/decline", {"reason": "No."})

    declined = governor.post(f"items/{item}/decline", {"reason": "The service ends."}).json()
    reopened = member.post(f"items/{item}/reopen", {"reason": "It does not."}).json()

    assert_problem(refused, 403, "not_allowed")
    assert (declined["state"], declined["wont_do_approved_by"]["name"]) == ("wont_do", "Gia")
    assert (reopened["state"], reopened["transitions"][-1]["reason"]) == ("open", "It does not.")


def test_assignment_takes_one_active_person(member):
    item, nia = factories.item(), factories.user("Nia")

    answer = member.post(f"items/{item}/assign", {"to": nia.pk}).json()
    problem = assert_problem(member.post(f"items/{item}/assign", {"to": item.team.slug}), 400, "invalid")

    assert answer["owner"]["name"] == "Nia"
    assert list(problem["errors"]) == ["to"]


def test_list_filters_by_each_parameter(member):
    now = timezone.now()
    order, review = factories.service("order"), factories.review()
    late = factories.item(
        "Late one", service=order, agreed_at=now - timedelta(days=30), due_at=now - timedelta(days=1)
    )
    done = factories.item(
        state="verified", agreed_at=now - timedelta(days=29), due_at=now - timedelta(hours=1)
    )
    new = factories.item(
        owner=member.user,
        review=review,
        agreed_at=now - timedelta(days=1),
        due_at=now + timedelta(days=9),
        state="in_progress",
    )

    def found(**query):
        return [row["id"] for row in member.get("items", **query).json()["items"]]

    assert found() == [late.public_id, done.public_id, new.public_id]
    assert found(state="verified") == [done.public_id]
    assert found(owner=member.user.pk) == [new.public_id]
    assert found(owner=factories.user().pk) == []
    assert found(service="order") == [late.public_id]
    assert found(review=review.public_id) == [new.public_id]
    assert found(overdue="true") == [late.public_id]
    assert found(overdue="false") == [done.public_id, new.public_id]
    assert found(q="late") == [late.public_id]


@pytest.mark.parametrize("name", ["team", "service", "severity"])
def test_list_of_what_is_not_there_says_so(member, name):
    problem = assert_problem(member.get("items", **{name: "nope"}), 400, "invalid")

    assert list(problem["errors"]) == [name]


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_queries_for_any_number_of_rows(member, django_assert_num_queries, count):
    for _ in range(count):
        factories.item(review=factories.review())

    with django_assert_num_queries(3):
        assert len(member.get("items").json()["items"]) == count


@pytest.mark.parametrize("count", [1, 3])
def test_detail_costs_the_same_queries_for_any_number_of_checks(member, django_assert_num_queries, count):
    review = factories.review()
    item = factories.item(
        review=review,
        checks=count,
        causes=[factories.cause(review) for _ in range(count)],
        state=["", "in_progress", "", "verifying"][count],
    )

    with django_assert_num_queries(11):
        assert len(member.get(f"items/{item}").json()["checks"]) == count
