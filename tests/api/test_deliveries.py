"""How mail comes, what went out, and the steps of escalation, over the API."""

import pytest

from governance import deliveries, notices
from governance.models import Delivery
from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_everybody_changes_how_their_own_mail_comes():
    ada = factories.user("Ada")
    caller = Caller(ada)
    assert caller.get("notice-settings").json() == {"muted": [], "rhythm": "single", "wants_overview": True}

    answer = caller.patch("notice-settings", {"muted": ["item_at_risk"], "rhythm": "daily"}).json()

    assert answer == {"muted": ["item_at_risk"], "rhythm": "daily", "wants_overview": True}
    assert caller.patch("notice-settings", {"wants_overview": False}).json()["rhythm"] == "daily"
    assert deliveries.wishes(ada).muted == ("item_at_risk",)
    problem = assert_problem(caller.patch("notice-settings", {"muted": ["nonsense"]}), 400, "invalid")
    assert list(problem["errors"]) == ["muted.0"]
    assert_problem(caller.patch("notice-settings", {"mute": []}), 400, "invalid")


def test_administrators_read_the_log_and_send_again(settings):
    settings.EMAIL_HOST = "127.0.0.1"
    person = factories.user("Lin")
    incident = factories.resolved_incident("Zanzibar", participants=[person])
    notices.tell("review_breached", to=[person], incident=incident, key="1", by=None, now=NOW)
    Delivery.objects.update(state="given_up", finished_at=NOW)
    caller = Caller(factories.user(role="administrator"))

    answer = caller.get("deliveries", state="given_up")
    (row,) = answer.json()["items"]

    assert (row["kind"], row["to"]["name"], row["state"]) == ("review_breached", "Lin", "given_up")
    assert "Zanzibar" not in answer.text
    assert caller.post(f"deliveries/{row['id']}/send-again").json()["state"] == "waiting"
    assert_problem(caller.post(f"deliveries/{row['id']}/send-again"), 409, "not_to_send")
    assert_problem(Caller(factories.user(role="governor")).get("deliveries"), 403, "not_allowed")


def test_governors_edit_the_steps_of_escalation():
    governor, member = Caller(factories.user(role="governor")), Caller(factories.user())
    step = {"subject": "item", "moment": "before", "days": 3, "audience": "owner"}

    made = governor.post("escalation-steps", step)
    assert made.status_code == 201
    path = f"escalation-steps/{made.json()['id']}"
    assert governor.patch(path, {"days": 4}).json()["days"] == 4
    assert len(member.get("escalation-steps").json()["items"]) == 8
    assert_problem(member.patch(path, {"days": 5}), 403, "not_allowed")
    problem = assert_problem(governor.patch(path, {"days": 0}), 400, "invalid")
    assert list(problem["errors"]) == ["days"]
    assert governor.delete(path).status_code == 204


@pytest.mark.parametrize("count", [1, 3])
def test_the_log_asks_no_more_for_more_mails(settings, django_assert_num_queries, count):
    settings.EMAIL_HOST = "127.0.0.1"
    for number in range(count):
        person = factories.user()
        incident = factories.resolved_incident(participants=[person])
        notices.tell("review_breached", to=[person], incident=incident, key=str(number), by=None, now=NOW)
    caller = Caller(factories.user(role="administrator"))
    caller.get("deliveries")

    # The token, its use, the mails.
    with django_assert_num_queries(2):
        assert len(caller.get("deliveries").json()["items"]) == count
