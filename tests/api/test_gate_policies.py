"""The gate's policy by API, and what it makes of the questions that CI asks."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance.models import GateDecision, GatePolicy
from tests import factories as f
from tests import gating
from tests.api.conftest import Caller, assert_problem
from tests.api.wiretap import statements

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SHOP = {
    "name": "Shop",
    "repositories": ["shop/*"],
    "mode": "warn",
    "excused_labels": ["docs"],
    "not_counting": ["PM_OVERUSED"],
    "most_uses": 3,
}


@pytest.fixture
def governor():
    return Caller(f.user("Gia", role="governor"))


@pytest.fixture
def ci():
    return Caller(f.user(), scopes=["gate", "audit"])


@pytest.fixture
def order():
    return f.service("order", repositories=["shop/order"])


@pytest.fixture
def payment():
    """Hurt by the incident; what was promised afterwards is about the order service."""
    return f.service("payment")


@pytest.fixture
def archived(order, payment):
    return f.archived_review(incidents=[f.resolved_incident(services=[order, payment])])


def change(named="PM-2026-0001", **fields):
    message = "Raise the pool limit" + (f"\n\nPostmortem: {named}" if named else "")
    return {
        "repository": "shop/order",
        "change_id": "!42",
        "commits": [{"sha": "0123abcd", "message": message}],
    } | fields


def asked(ci, **fields):
    answer = ci.post("gate/changes", change(**fields))
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_policy_is_added_read_changed_moved_and_removed(governor):
    made = governor.post("gate-policies", SHOP)
    assert made.status_code == 201, made.content
    row = made.json()
    web = governor.post("gate-policies", {"name": "Web", "repositories": ["web"]}).json()
    path = f"gate-policies/{row['id']}"

    assert {name: row[name] for name in SHOP} == SHOP
    assert (row["row"], row["began_by"]["name"], row["ended_at"]) == ("gate-2v1", "Gia", None)
    assert [one["name"] for one in governor.get("gate-policies").json()["items"]] == [
        "Shop",
        "Web",
        "Default",
    ]
    changed = governor.patch(path, {"mode": "strict", "version": 1}).json()
    assert (changed["row"], changed["mode"], changed["most_uses"]) == ("gate-2v2", "strict", 3)
    assert_problem(governor.patch(path, {"mode": "off", "version": 1}), 409, "edit_conflict")
    moved = governor.post(f"gate-policies/{web['id']}/move", {"direction": "up"}).json()
    assert moved["position"] == 1
    assert governor.delete(path).status_code == 204
    assert [one["name"] for one in governor.get("gate-policies").json()["items"]] == ["Web", "Default"]


def test_versions_of_a_row_are_kept(governor):
    row = governor.post("gate-policies", SHOP).json()
    governor.patch(f"gate-policies/{row['id']}", {"mode": "off"})

    rows = governor.get(f"gate-policies/{row['id']}/versions").json()["items"]

    assert sorted((one["row"], one["mode"]) for one in rows) == [("gate-2v1", "warn"), ("gate-2v2", "off")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (SHOP | {"repositories": []}, "repositories"),
        (SHOP | {"repositories": "shop/*"}, "repositories"),
        (SHOP | {"mode": "loud"}, "mode"),
        (SHOP | {"name": "Default"}, "name"),
        (SHOP | {"not_counting": ["NONE"]}, "not_counting.0"),
        (SHOP | {"branch": "main"}, "branch"),
    ],
)
def test_wrong_policy_is_refused_by_field(governor, body, field):
    problem = assert_problem(governor.post("gate-policies", body), 400, "invalid")

    assert list(problem["errors"]) == [field]
    assert GatePolicy.objects.count() == 1


def test_row_for_all_stays(governor):
    assert_problem(governor.delete("gate-policies/1"), 409, "no_fallback")
    assert_problem(governor.patch("gate-policies/1", {"repositories": ["a"]}), 409, "no_fallback")


def test_only_governors_write_and_everybody_reads():
    member = Caller(f.user(role="member"))

    assert member.get("gate-policies").status_code == 200
    assert_problem(member.post("gate-policies", SHOP), 403, "not_allowed")
    assert_problem(member.patch("gate-policies/1", {"mode": "off"}), 403, "not_allowed")


@pytest.mark.parametrize("mode", ["off", "warn", "dry-run", "strict"])
def test_mode_is_answered_and_changes_no_verdict(ci, archived, mode):
    gating.policy(repositories=["shop/*"], mode=mode, fails_open=True)

    passed, blocked = asked(ci), asked(ci, named="")

    assert [(one["status"], one["mode"], one["on_error"]) for one in (passed, blocked)] == [
        ("PASS", mode, "open"),
        ("FAIL", mode, "open"),
    ]


def test_decision_keeps_the_version_it_was_judged_by(ci, archived):
    row = gating.policy(repositories=["shop/*"], name="Shop")
    first = asked(ci)
    gating.gates.edit(row, mode="warn", by=gating.governor(), now=timezone.now())

    second = asked(ci)

    assert [one["policy"]["id"] for one in (first, second)] == ["gate-2v1", "gate-2v2"]
    kept = {str(one.pk): one for one in GateDecision.objects.select_related("gate")}
    assert [
        (kept[one["decision"]].gate.mode, kept[one["decision"]].policy_version) for one in (first, second)
    ] == [
        ("strict", "2026-11-3/gate-2v1"),
        ("warn", "2026-11-3/gate-2v2"),
    ]


def test_excused_change_passes_without_findings_and_names_the_rule(ci, archived):
    gating.policy(repositories=["shop/*"], excused_labels=["docs"])

    body = asked(ci, named="PM-2026-0999", labels=["docs"])

    assert (body["status"], body["findings"]) == ("PASS", [])
    assert body["excuse"] == {"rule": "label", "detail": "gate-2v1 excuses changes with the label “docs”."}
    decision = GateDecision.objects.get()
    assert (decision.excuse, decision.named) == (body["excuse"], ["PM-2026-0999"])
    assert asked(ci, named="PM-2026-0999", labels=["fix"])["status"] == "FAIL"


def test_standing_of_the_touched_service_counts_when_asked_for(ci, payment, archived):
    item = f.item(service=payment, agreed_at=timezone.now() - 20 * DAY, due_at=timezone.now() - DAY)
    assert asked(ci, services=["payment"])["status"] == "PASS"

    gating.policy(asks_audit=True)
    body = asked(ci, services=["payment"])

    [finding] = body["findings"]
    assert body["status"] == "FAIL"
    assert (finding["code"], finding["object"], finding["service"]) == (
        "ITEM_OVERDUE",
        item.public_id,
        "payment",
    )
    assert finding["url"] == f"http://testserver/items/{item.public_id}/"


def test_service_without_findings_lets_pass_when_its_standing_is_asked_for(ci, archived):
    gating.policy(asks_audit=True, freeze="everywhere", most_uses=1)

    assert asked(ci, services=["payment"])["status"] == "PASS"


@pytest.mark.parametrize(
    ("fields", "is_frozen"),
    [
        ({}, True),
        ({"severity": "P1"}, False),
        ({"state": "verified", "first_verified_at": f.NOW}, False),
        ({"due_at": f.NOW + 400 * DAY}, False),
    ],
)
def test_overdue_p0_item_freezes(ci, archived, fields, is_frozen):
    gating.policy(freeze="everywhere")
    fields = {"severity": "P0", "agreed_at": f.NOW - 9 * DAY, "due_at": f.NOW - DAY} | fields
    severity = f._severity(fields.pop("severity"))
    f.item(service=f.service("cart"), severity=severity, **fields)

    body = asked(ci)

    assert [one["code"] for one in body["findings"]] == (["FROZEN"] if is_frozen else [])


def test_postmortem_is_used_up_by_other_changes_that_passed(ci, archived):
    gating.policy(most_uses=2)

    answers = [asked(ci, change_id=one)["status"] for one in ("!1", "!1", "!2", "!1", "!3", "!3")]

    assert answers == ["PASS", "PASS", "PASS", "PASS", "FAIL", "FAIL"]
    [finding] = asked(ci, change_id="!4")["findings"]
    assert (finding["code"], finding["object"]) == ("PM_OVERUSED", "PM-2026-0001")


def test_changes_without_an_id_are_told_apart_by_their_title(ci, archived):
    gating.policy(most_uses=1)

    answers = [asked(ci, change_id="", title=title)["status"] for title in ("a", "a", "b")]

    assert answers == ["PASS", "PASS", "FAIL"]


def test_excused_change_uses_no_postmortem_up(ci, archived):
    gating.policy(most_uses=1, excused_labels=["docs"])

    asked(ci, change_id="!1", labels=["docs"])

    assert asked(ci, change_id="!2")["status"] == "PASS"


@pytest.mark.django_db(transaction=True)
def test_gate_with_a_policy_that_asks_for_everything_is_two_statements(ci):
    order = f.service("order", repositories=["shop/order"])
    f.archived_review(incidents=[f.resolved_incident(services=[order, f.service("payment")])])
    gating.policy(repositories=["shop/*"], asks_audit=True, freeze="services", most_uses=5)
    gating.waiver(repository="shop/order")
    asked(ci)

    with statements() as seen:
        assert asked(ci, services=["payment"])["status"] == "PASS"

    assert len(seen) == 2


def test_audit_counts_what_the_row_for_all_counts(ci, order):
    f.item(service=order, agreed_at=timezone.now() - 20 * DAY, due_at=timezone.now() - DAY)
    assert ci.get("audit", service="order").json()["status"] == "FAIL"

    gating.policy(not_counting=["ITEM_OVERDUE"], now=timezone.now())
    body = ci.get("audit", service="order").json()

    assert (body["status"], body["policy_version"]) == ("PASS", "2026-11-3/gate-1v2")
    assert [(one["code"], one["counts"]) for one in body["findings"]] == [("ITEM_OVERDUE", False)]


def test_audit_of_a_past_day_uses_the_policy_of_then(ci, order):
    now = timezone.now()
    f.item(service=order, agreed_at=now - 20 * DAY, due_at=now - 9 * DAY)
    day = (now - 2 * DAY).date().isoformat()
    before = ci.get("audit", service="order", date=day).json()
    gating.policy(not_counting=["ITEM_OVERDUE"], now=now)

    after = ci.get("audit", service="order", date=day).json()

    assert (after["status"], after["policy_version"]) == ("FAIL", "2026-11-3/gate-1v1")
    assert after == before
