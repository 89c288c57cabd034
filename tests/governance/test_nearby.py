"""Deploys shortly before an incident are offered as its changes; nobody but a person adds one."""

import pytest

from governance import deploys, nearby
from postmortem import changes
from postmortem.errors import Invalid, NotAllowed
from postmortem.evidence_steps import StepSigned
from postmortem.models import Change, TrailEntry
from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.factories import HOUR, NOW
from tests.race import at_once
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db

STARTED = NOW - 6 * HOUR
SECOND = HOUR / 3600


@pytest.fixture
def order():
    return factories.service("order")


@pytest.fixture
def incident(order):
    return factories.resolved_incident("Orders fail", started_at=STARTED, services=[order])


@pytest.fixture
def mia():
    return factories.user("Mia")


def went_out(service, *, before=HOUR, **fields):
    return factories.deploy(service, deployed_at=STARTED - before, **fields)


def offered(incident):
    return list(nearby.of(incident))


@pytest.mark.parametrize(
    ("before", "is_offered"),
    [
        (24 * HOUR, True),
        (24 * HOUR + SECOND, False),
        (HOUR, True),
        (0 * HOUR, True),
        (-SECOND, False),
    ],
    ids=["24 h", "more", "1 h", "the same moment", "after"],
)
def test_window_is_24_hours_before_the_impact(incident, order, before, is_offered):
    deploy = went_out(order, before=before)

    assert offered(incident) == ([deploy] if is_offered else [])


def test_window_is_a_setting(incident, order, settings):
    settings.DEPLOY_WINDOW_HOURS = 48
    deploy = went_out(order, before=47 * HOUR)

    assert offered(incident) == [deploy]


def test_only_its_services_and_its_environment_are_looked_at(incident, order):
    cart = factories.service("cart")
    incident.service_links.create(service=cart, part="affected")
    mine = [went_out(order, before=HOUR), went_out(cart, before=2 * HOUR)]
    went_out(factories.service("search"))
    went_out(order, environment="staging")

    assert offered(incident) == mine


def test_a_deploy_is_offered_as_it_was_last_reported(incident, order, mia):
    facts = {"external_id": "p/1", "service": order, "version": "1.4.2", "verdict": "pass"}
    first = deploys.report(**facts, deployed_at=STARTED - HOUR, by=mia, now=NOW)
    second = deploys.report(**facts | {"verdict": "fail"}, deployed_at=STARTED - HOUR, by=mia, now=NOW)
    assert (first.revision, offered(incident)) == (1, [second])

    deploys.report(**facts, deployed_at=STARTED - 48 * HOUR, by=mia, now=NOW)
    assert offered(incident) == []


def test_nothing_is_added_by_itself(incident, order, mia):
    went_out(order)
    review = factories.review(incidents=[incident], is_open=True)
    client_of(mia).get(f"/reviews/{review.public_id}/?step=change_correlation")
    client_of(mia).get(f"/incidents/{incident.public_id}/")

    assert Change.objects.count() == 0


def test_one_is_added_as_a_suspect_and_offered_no_more(incident, order, mia):
    deploy = went_out(order, url="https://ci.example.org/17")

    change = nearby.add(incident, deploy=deploy, by=mia, now=NOW)

    assert (change.verdict, change.kind, change.title, change.service, change.url) == (
        "suspect", "deploy", "order 1.4.2", order, "https://ci.example.org/17",
    )  # fmt: skip
    assert (change.happened_at, change.external_key, change.added_by, change.source) == (
        deploy.deployed_at, deploy.external_id, mia, "api",
    )  # fmt: skip
    assert offered(incident) == []
    assert TrailEntry.objects.filter(model="postmortem_change").get().actor == mia


@pytest.mark.parametrize("verdict", ["culprit", "cleared"])
def test_one_is_added_with_what_shows_its_verdict(incident, order, mia, verdict):
    deploy = went_out(order)

    with pytest.raises(Invalid) as refusal:
        nearby.add(incident, deploy=deploy, verdict=verdict, by=mia, now=NOW)
    assert refusal.value.field == "reason"
    assert Change.objects.count() == 0

    change = nearby.add(
        incident, deploy=deploy, verdict=verdict, reason="Rolled back at 14:06.", by=mia, now=NOW
    )
    assert (change.verdict, change.reason, change.judged_by) == (verdict, "Rolled back at 14:06.", mia)


def test_added_again_it_stays_one_and_keeps_what_people_made_of_it(incident, order, mia):
    deploy = went_out(order)
    change = nearby.add(incident, deploy=deploy, by=mia, now=NOW)
    changes.edit(change, title="The rollout of 14:03", by=mia, now=NOW)
    changes.judge(change, verdict="cleared", reason="Another cell.", by=mia, now=NOW)

    again = nearby.add(incident, deploy=deploy, by=mia, now=NOW + HOUR)

    assert (again.pk, again.title, again.verdict) == (change.pk, "The rollout of 14:03", "cleared")
    assert Change.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_add_it_at_once_add_one(incident, order, mia):
    deploy = went_out(order)

    refusals = at_once(*[lambda: nearby.add(incident, deploy=deploy, by=mia, now=NOW)] * 2)

    assert Change.objects.count() == 1
    assert refusals == [None, None]


def test_a_change_that_a_pipeline_reported_under_the_same_id_is_that_deploy(incident, order, mia):
    deploy = went_out(order)
    changes.record(
        incident, happened_at=deploy.deployed_at, kind="deploy", title="order 1.4.2", by=mia, now=NOW,
        external_key=deploy.external_id,
    )  # fmt: skip

    assert offered(incident) == []


@pytest.mark.parametrize("fields", [{"deployed_at": STARTED + HOUR}, {"environment": "test"}])
def test_what_is_not_offered_is_not_added(incident, order, mia, fields):
    deploy = factories.deploy(order, **{"deployed_at": STARTED - HOUR} | fields)

    with pytest.raises(nearby.NotNearby):
        nearby.add(incident, deploy=deploy, by=mia, now=NOW)
    with pytest.raises(nearby.NotNearby):
        nearby.add(incident, deploy=went_out(factories.service("cart")), by=mia, now=NOW)

    assert Change.objects.count() == 0


def test_under_a_signature_and_for_viewers_nothing_is_added(incident, order, mia):
    deploy = went_out(order)
    with pytest.raises(NotAllowed):
        nearby.add(incident, deploy=deploy, by=factories.user(role="viewer"), now=NOW)
    review = factories.review(incidents=[incident], is_open=True)
    for step in review.steps.order_by("position")[:3]:
        factories.signed(factories.written(step), by=mia)

    with pytest.raises(StepSigned):
        nearby.add(incident, deploy=deploy, by=mia, now=NOW)

    assert Change.objects.count() == 0
    assert "canary passed" not in client_of(mia).get(f"/reviews/{review.public_id}/").text


def test_several_incidents_cost_one_query(order, mia, django_assert_num_queries):
    cart = factories.service("cart")
    told = [
        factories.resolved_incident(started_at=STARTED + number * HOUR, services=[order, cart])
        for number in range(3)
    ]
    rows = [went_out(order, before=number * HOUR) for number in range(4)]
    nearby.add(told[0], deploy=rows[0], by=mia, now=NOW)

    with django_assert_num_queries(1):
        found = nearby.of_each(told, most=3)

    assert [[one.deploy for one in found[incident.pk]] for incident in told] == [
        rows[1:4],
        rows[:3],
        rows[:3],
    ]
    assert found[told[1].pk][0].distance == HOUR


# -- pages


def test_step_of_changes_offers_them_with_one_click(incident, order, mia):
    deploy = went_out(order, verdict="fail", version="1.4.2-rc1")
    review = factories.review(incidents=[incident], is_open=True)
    client = client_of(mia)
    path = f"/incidents/{incident.public_id}/deploys/{deploy.pk}/add"

    page = client.get(f"/reviews/{review.public_id}/?step=change_correlation").text
    assert "order 1.4.2-rc1" in page
    assert "canary failed" in page
    assert f'action="{path}"' in page

    answer = client.post(path, {"verdict": "suspect", "reason": ""})
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"/reviews/{review.public_id}/")
    assert Change.objects.get().verdict == "suspect"
    assert f'action="{path}"' not in client.get(f"/reviews/{review.public_id}/").text


def test_page_asks_for_the_reason_of_a_verdict(incident, order, mia):
    deploy = went_out(order)
    client = client_of(mia)
    path = f"/incidents/{incident.public_id}/deploys/{deploy.pk}/add"

    assert 'value="culprit"' in client.get(f"{path}?verdict=culprit").text
    refused = client.post(path, {"verdict": "culprit", "reason": " "})
    assert refused.status_code == 422
    assert Change.objects.count() == 0
    client.post(path, {"verdict": "culprit", "reason": "Rolled back at 14:06, and the errors ended."})
    assert Change.objects.get().verdict == "culprit"
    assert client.get(f"/incidents/{incident.public_id}/deploys/999999/add").status_code == 404
    assert client.get(f"{path}?verdict=%00").status_code == 400


def test_page_of_an_incident_offers_them_before_there_is_a_review(incident, order, mia):
    deploy = went_out(order)

    page = client_of(mia).get(f"/incidents/{incident.public_id}/").text

    assert f"/incidents/{incident.public_id}/deploys/{deploy.pk}/add" in page
    viewer = client_of(factories.user(role="viewer")).get(f"/incidents/{incident.public_id}/").text
    assert f"/deploys/{deploy.pk}/add" not in viewer


def test_nothing_tells_a_stranger_of_a_restricted_incident(order):
    told = factories.resolved_incident(started_at=STARTED, services=[order], is_restricted=True)
    deploy = went_out(order)
    stranger = factories.user(role="facilitator")
    client, caller = client_of(stranger), Caller(stranger)
    path = f"incidents/{told.public_id}/deploys"

    assert client.get(f"/{path}/{deploy.pk}/add").status_code == 404
    assert client.post(f"/{path}/{deploy.pk}/add", {"verdict": "suspect"}).status_code == 404
    assert_problem(caller.get(path), 404, "not_found")
    assert_problem(caller.post(f"{path}/{deploy.pk}/add"), 404, "not_found")
    assert Change.objects.count() == 0


# -- API


def test_programs_see_what_is_offered_and_add_one(incident, order, member):
    deploy = went_out(order, success_percent="99.2")
    path = f"incidents/{incident.public_id}/deploys"

    (row,) = member.get(path).json()["items"]
    assert (row["id"], row["service"], row["version"], row["seconds_before"]) == (
        deploy.pk, "order", "1.4.2", 3600.0,
    )  # fmt: skip

    made = member.post(f"{path}/{deploy.pk}/add", {"verdict": "cleared", "reason": "Another cell."})
    again = member.post(f"{path}/{deploy.pk}/add")
    assert (made.status_code, made.json()["verdict"], made.json()["external_key"]) == (
        201, "cleared", deploy.external_id,
    )  # fmt: skip
    assert (again.status_code, again.json()["id"], again.json()["verdict"]) == (
        200, made.json()["id"], "cleared",
    )  # fmt: skip
    assert member.get(path).json()["items"] == []


def test_programs_are_refused_with_the_field_or_the_rule(incident, order, member):
    deploy, other = went_out(order), went_out(factories.service("cart"))
    path = f"incidents/{incident.public_id}/deploys"

    problem = assert_problem(member.post(f"{path}/{deploy.pk}/add", {"verdict": "culprit"}), 400, "invalid")
    assert list(problem["errors"]) == ["reason"]
    problem = assert_problem(member.post(f"{path}/{deploy.pk}/add", {"verdict": "guilty"}), 400, "invalid")
    assert list(problem["errors"]) == ["verdict"]
    assert_problem(member.post(f"{path}/{other.pk}/add"), 409, "not_nearby")
    assert_problem(member.post(f"{path}/999999/add"), 404, "not_found")
    assert Change.objects.count() == 0


@pytest.fixture
def member():
    return Caller(factories.user("Nia"))
