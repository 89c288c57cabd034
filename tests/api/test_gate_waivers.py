"""Waivers by API, and what they make of the gate's and the audit's answers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import audit as domain
from governance import gatewaivers
from governance.models import GateDecision
from tests import factories as f
from tests import gating
from tests.api.conftest import Caller, assert_problem
from tests.api.wiretap import statements

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def ci():
    return Caller(f.user(), scopes=["gate", "audit"])


@pytest.fixture
def order(now):
    """A service with an overdue item."""
    order = f.service("order", repositories=["shop/order"])
    f.item(service=order, agreed_at=now - 20 * DAY, due_at=now - 6 * DAY)
    return order


def asked(ci, **fields):
    body = {"repository": "shop/order", "change_id": "!42", "commits": []} | fields
    return ci.post("gate/changes", body).json()


def body(**fields):
    said = {
        "repository": "shop/order",
        "findings": ["POSTMORTEM_NOT_NAMED"],
        "reason": "The sale begins.",
        "expires_at": (timezone.now() + DAY).isoformat(),
    }
    return said | fields


def test_waiver_goes_its_way_by_api():
    member, governor = Caller(f.user("Mia")), Caller(f.user("Gia", role="governor"))

    made = member.post("gate-waivers", body(change_id="!42"))
    assert made.status_code == 201, made.content
    waiver = made.json()
    path = f"gate-waivers/{waiver['id']}"
    assert (waiver["state"], waiver["asked_by"]["name"], waiver["name"]) == (
        "asked",
        "Mia",
        f"waiver-{waiver['id']}",
    )
    assert_problem(member.post(f"{path}/grant"), 403, "not_allowed")
    granted = governor.post(f"{path}/grant", {"comment": "For the sale."}).json()
    assert (granted["state"], granted["answered_by"]["name"]) == ("in_force", "Gia")
    assert_problem(governor.post(f"{path}/refuse", {"reason": "No."}), 409, "already_answered")
    assert governor.post(f"{path}/end").json()["state"] == "ended"
    assert_problem(governor.post(f"{path}/end"), 409, "not_in_force")
    assert member.get(path).json()["state"] == "ended"


def test_waivers_are_listed_by_state_service_and_repository(now):
    member = Caller(f.user("Mia"))
    order = f.service("order")
    gating.waiver(service=order, at=now, findings=["ITEM_OVERDUE"])
    gating.waiver(repository="shop/order", at=now - 9 * DAY)

    def found(**query):
        return [
            (row["service"], row["repository"]) for row in member.get("gate-waivers", **query).json()["items"]
        ]

    assert len(found()) == 2
    assert found(state="in_force") == found(service="order") == [("order", "")]
    assert found(state="expired") == found(repository="shop/order") == [(None, "shop/order")]
    assert_problem(member.get("gate-waivers", state="lost"), 400, "invalid")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"repository": ""}, "repository"),
        ({"findings": []}, "findings"),
        ({"findings": ["WAIVER_EXPIRED"]}, "findings.0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"service": "nothing"}, "service"),
        ({"until": "tomorrow"}, "until"),
    ],
)
def test_wrong_question_is_refused_by_field(fields, field):
    problem = assert_problem(Caller(f.user()).post("gate-waivers", body(**fields)), 400, "invalid")

    assert list(problem["errors"]) == [field]


def test_waived_change_passes_with_the_finding_visible_and_the_waiver_named(ci, now):
    waiver = gating.waiver(repository="shop/order", change_id="!42", at=now)

    answer = asked(ci)

    assert (answer["status"], answer["waivers"]) == ("PASS", [str(waiver)])
    assert [(one["code"], one["waived_by"]) for one in answer["findings"]] == [
        ("POSTMORTEM_NOT_NAMED", str(waiver))
    ]
    decision = GateDecision.objects.get()
    assert (decision.verdict, decision.waivers) == ("PASS", [str(waiver)])
    assert asked(ci, change_id="!43")["status"] == "FAIL"


@pytest.mark.parametrize(
    "fields", [{"is_granted": False}, {"answer": "refused"}, {"answer": "withdrawn"}, {"hours": 1}]
)
def test_what_is_not_in_force_waives_nothing(ci, now, fields):
    gating.waiver(repository="shop/order", at=now - DAY, **{"hours": 72} | fields)

    assert asked(ci)["status"] == "FAIL"


def test_waiver_of_a_change_that_is_over_is_found_expired(ci, now):
    waiver = gating.waiver(repository="shop/order", change_id="!42", at=now - 2 * DAY, hours=24)

    found = asked(ci)["findings"]

    assert [(one["code"], one["object"]) for one in found] == [
        ("POSTMORTEM_NOT_NAMED", ""),
        ("WAIVER_EXPIRED", str(waiver)),
    ]
    assert found[1]["url"] == f"http://testserver/gate/waivers/{waiver.pk}/"


@pytest.mark.parametrize("day", ["", "yesterday"])
def test_waived_service_passes_its_audit_with_the_finding_visible(ci, order, now, day):
    waiver = gating.waiver(service=order, findings=["ITEM_OVERDUE"], at=now - 3 * DAY, hours=240)
    query = {"date": (now - DAY).date().isoformat()} if day else {}

    answer = ci.get("audit", service="order", **query).json()

    assert (answer["status"], answer["waivers"]) == ("PASS", [str(waiver)])
    assert [(one["code"], one["waived_by"]) for one in answer["findings"]] == [("ITEM_OVERDUE", str(waiver))]


def test_waiver_of_another_service_or_finding_changes_no_audit(ci, order, now):
    gating.waiver(service=order, findings=["ITEM_REGRESSED"], at=now)
    gating.waiver(service=f.service("payment"), findings=["ITEM_OVERDUE"], at=now)
    gating.waiver(service=order, findings=["ITEM_OVERDUE"], object="RI-2026-0999", at=now)

    assert ci.get("audit", service="order").json()["status"] == "FAIL"


def test_audit_finds_a_waiver_expired_while_what_it_put_off_holds(ci, order, now):
    waiver = gating.waiver(service=order, findings=["ITEM_OVERDUE"], at=now - 3 * DAY, hours=24)

    answer = ci.get("audit", service="order").json()

    assert answer["status"] == "FAIL"
    assert [(one["code"], one["object"]) for one in answer["findings"]] == [
        ("ITEM_OVERDUE", "RI-2026-0001"),
        ("WAIVER_EXPIRED", str(waiver)),
    ]


def test_audit_with_waivers_is_one_statement(ci, order, now):
    domain._kept.clear()
    gating.waiver(service=order, findings=["ITEM_OVERDUE"], at=now)
    for _ in range(2):
        ci.get("audit", service="order")

    with statements() as seen:
        assert ci.get("audit", service="order").json()["status"] == "PASS"

    assert seen == ["Execute"]


def test_answer_for_a_past_day_forgets_a_waiver_of_today(ci, order, now):
    day = (now - 2 * DAY).date().isoformat()
    before = ci.get("audit", service="order", date=day).json()
    waiver = gating.waiver(service=order, findings=["ITEM_OVERDUE"], at=now)
    gatewaivers.end(waiver, by=gating.governor(), now=now)

    assert ci.get("audit", service="order", date=day).json() == before
    assert before["status"] == "FAIL"


def test_service_waiver_reaches_changes_of_that_service_alone(ci, order, now):
    f.service("payment")
    waiver = gating.waiver(service=order, at=now)

    assert asked(ci)["waivers"] == [str(waiver)]
    assert asked(ci, services=["order", "payment"])["status"] == "FAIL"
