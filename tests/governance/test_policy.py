"""The rules as golden answers: facts in, verdict and findings out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import policy
from governance.policy import (
    ChangeFacts,
    CheckFacts,
    Freeze,
    GateRules,
    IncidentFacts,
    ItemFacts,
    PostmortemFacts,
    ServiceFacts,
    Verdict,
    evaluate,
    evaluate_change,
)
from remediation.models import CheckStanding, RemediationItem

AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# Each breaks one rule when its change is applied, and none as it is.
INCIDENT = {
    "id": "INC-2026-0001",
    "review_due_at": AS_OF - HOUR,
    "review": "PM-2026-0001",
    "archived_at": AS_OF - DAY,
}
ITEM = {"id": "RI-2026-0001", "state": "in_progress", "due_at": AS_OF + DAY}
CHECK = {
    "item": "RI-2026-0001",
    "item_state": "verified",
    "answered_at": AS_OF - HOUR,
    "interval": timedelta(minutes=30),
}


def judged(*, incident=None, item=None, check=None):
    facts = ServiceFacts(
        incidents=[IncidentFacts(**INCIDENT | incident)] if incident is not None else [],
        items=[ItemFacts(**ITEM | item)] if item is not None else [],
        checks=[CheckFacts(**CHECK | check)] if check is not None else [],
    )
    verdict, findings = evaluate(facts, as_of=AS_OF)
    return verdict, [(finding.code, finding.object, finding.since) for finding in findings]


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({}, []),
        ({"archived_at": None}, [("REVIEW_OVERDUE", "PM-2026-0001", AS_OF - HOUR)]),
        ({"archived_at": None, "review": ""}, [("POSTMORTEM_MISSING", "INC-2026-0001", AS_OF - HOUR)]),
        ({"archived_at": None, "review": "", "review_due_at": AS_OF}, []),
        ({"archived_at": None, "review_due_at": AS_OF}, []),
        (
            {"archived_at": None, "reopened_at": AS_OF - HOUR / 2},
            [("REVIEW_OVERDUE", "PM-2026-0001", AS_OF - HOUR / 2)],
        ),
        (
            {"archived_at": None, "reopened_at": AS_OF - DAY},
            [("REVIEW_OVERDUE", "PM-2026-0001", AS_OF - HOUR)],
        ),
        ({"archived_at": None, "is_drill": True}, []),
        ({"archived_at": None, "is_dismissed": True}, []),
        ({"archived_at": None, "requires_postmortem": False}, []),
    ],
)
def test_evaluate_asks_for_an_archived_review_in_time(changes, findings):
    assert judged(incident=changes) == (Verdict.FAIL if findings else Verdict.PASS, findings)


LATE = AS_OF - 3 * DAY


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({}, []),
        ({"due_at": AS_OF}, []),
        ({"due_at": LATE}, [("ITEM_OVERDUE", "RI-2026-0001", LATE)]),
        ({"due_at": LATE, "state": "fix_claimed"}, [("ITEM_OVERDUE", "RI-2026-0001", LATE)]),
        ({"due_at": LATE, "state": "wont_do"}, []),
        ({"due_at": LATE, "state": "verified", "first_verified_at": LATE + HOUR}, []),
        (
            {
                "due_at": LATE,
                "state": "regressed",
                "first_verified_at": LATE - DAY,
                "regressed_at": AS_OF - HOUR,
            },
            [("ITEM_REGRESSED", "RI-2026-0001", AS_OF - HOUR)],
        ),
        # Taking a regressed item up again by hand heals nothing.
        (
            {"due_at": LATE, "first_verified_at": LATE - DAY, "regressed_at": AS_OF - HOUR},
            [("ITEM_REGRESSED", "RI-2026-0001", AS_OF - HOUR)],
        ),
        (
            {"due_at": LATE, "first_verified_at": LATE + DAY, "regressed_at": AS_OF - HOUR},
            [("ITEM_OVERDUE", "RI-2026-0001", LATE), ("ITEM_REGRESSED", "RI-2026-0001", AS_OF - HOUR)],
        ),
        ({"state": "verified", "first_verified_at": LATE, "regressed_at": LATE + HOUR}, []),
        ({"state": "wont_do", "first_verified_at": LATE, "regressed_at": LATE + HOUR}, []),
        ({"owner_left_at": LATE}, [("ITEM_OWNERLESS", "RI-2026-0001", LATE)]),
        ({"owner_left_at": LATE, "state": "wont_do"}, []),
        ({"owner_left_at": LATE, "state": "verified", "first_verified_at": LATE}, []),
    ],
)
def test_evaluate_asks_for_items_that_are_kept(changes, findings):
    assert judged(item=changes) == (Verdict.FAIL if findings else Verdict.PASS, findings)


OLD = AS_OF - 2 * HOUR
STALE = [("CHECK_STALE", "RI-2026-0001", OLD + 3 * timedelta(minutes=30) + timedelta(minutes=5))]


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({}, []),
        ({"answered_at": AS_OF - timedelta(minutes=95)}, []),
        ({"answered_at": OLD}, STALE),
        ({"answered_at": OLD, "item_state": "fix_claimed"}, STALE),
        ({"answered_at": OLD, "item_state": "verifying"}, STALE),
        ({"answered_at": OLD, "item_state": "open"}, []),
        ({"answered_at": OLD, "item_state": "wont_do"}, []),
        ({"answered_at": OLD, "is_paused": True}, []),
    ],
)
def test_evaluate_is_unknown_when_a_check_is_silent(changes, findings):
    assert judged(check=changes) == (Verdict.UNKNOWN if findings else Verdict.PASS, findings)


def test_evaluate_fails_when_a_check_is_silent_and_a_rule_is_broken():
    verdict, findings = judged(item={"due_at": LATE}, check={"answered_at": OLD})

    assert verdict is Verdict.FAIL
    assert [code for code, _object, _since in findings] == ["ITEM_OVERDUE", "CHECK_STALE"]


def test_evaluate_counts_a_review_of_two_incidents_once_from_its_earliest_deadline():
    incidents = [
        IncidentFacts("INC-2026-0001", AS_OF - HOUR, "PM-2026-0001"),
        IncidentFacts("INC-2026-0002", AS_OF - 3 * HOUR, "PM-2026-0001"),
    ]

    _verdict, findings = evaluate(ServiceFacts(incidents=incidents), as_of=AS_OF)

    assert [(finding.code, finding.object, finding.since) for finding in findings] == [
        ("REVIEW_OVERDUE", "PM-2026-0001", AS_OF - 3 * HOUR)
    ]


def test_evaluate_counts_two_silent_checks_of_an_item_once():
    checks = [CheckFacts(**CHECK | {"answered_at": moment}) for moment in (OLD, OLD - HOUR)]

    _verdict, findings = evaluate(ServiceFacts(checks=checks), as_of=AS_OF)

    assert len(findings) == 1
    assert findings[0].detail.startswith("2 checks have")
    assert findings[0].since == OLD - HOUR + timedelta(minutes=95)


def test_evaluate_of_nothing_passes():
    assert evaluate(ServiceFacts(), as_of=AS_OF) == (Verdict.PASS, [])


_MOMENTS = st.datetimes(
    min_value=datetime(2026, 11, 1),
    max_value=datetime(2026, 12, 1),
    timezones=st.just(UTC),
)


@given(
    items=st.lists(
        st.builds(
            ItemFacts,
            st.sampled_from(["RI-2026-0001", "RI-2026-0002"]),
            st.sampled_from(RemediationItem.State.values),
            _MOMENTS,
            st.none() | _MOMENTS,
            st.none() | _MOMENTS,
            st.none() | _MOMENTS,
        ),
        max_size=4,
        unique_by=lambda item: item.id,
    )
)
def test_evaluate_lists_findings_in_one_order_whatever_the_order_of_facts(items):
    forward = evaluate(ServiceFacts(items=items), as_of=AS_OF)

    assert evaluate(ServiceFacts(items=items[::-1]), as_of=AS_OF) == forward
    assert all(finding.since <= AS_OF for finding in forward[1] if finding.code == "ITEM_OVERDUE")


def test_stale_at_is_the_models_own_bound():
    standing = CheckStanding(interval_seconds=600, created_at=AS_OF, last_verdict_at=AS_OF, is_resting=False)
    bound = policy.stale_at(CheckFacts("RI-2026-0001", "verified", AS_OF, timedelta(seconds=600)))

    assert not standing.is_stale(bound)
    assert standing.is_stale(bound + timedelta(microseconds=1))


def test_states_named_by_the_rules_exist():
    assert set(RemediationItem.State.values) >= policy.RESTS_ON_CHECKS | policy.SETTLED


ARCHIVED = PostmortemFacts("PM-2026-0001", AS_OF, frozenset({"order"}), is_restricted=False)
DRAFT = PostmortemFacts("PM-2026-0002", None, frozenset({"payment"}), is_restricted=False)


@pytest.mark.parametrize(
    ("named", "services", "findings"),
    [
        ([], {"order"}, [("POSTMORTEM_NOT_NAMED", "")]),
        (["PM-2026-0001"], {"order"}, []),
        (["PM-2026-0001"], {"order", "web"}, []),
        (["PM-2026-0001"], {"web"}, [("PM_NOT_APPLICABLE", "PM-2026-0001")]),
        (["PM-2026-0002"], {"payment"}, [("PM_NOT_ARCHIVED", "PM-2026-0002")]),
        (
            ["PM-2026-0002"],
            {"order"},
            [("PM_NOT_ARCHIVED", "PM-2026-0002"), ("PM_NOT_APPLICABLE", "PM-2026-0002")],
        ),
        (["PM-2026-0009"], {"order"}, [("PM_UNKNOWN", "PM-2026-0009")]),
        (["tbd"], {"order"}, [("PM_UNKNOWN", "tbd")]),
        (["PM-2026-0001", "PM-2026-0009"], {"order"}, [("PM_UNKNOWN", "PM-2026-0009")]),
    ],
)
def test_evaluate_change_blocks_each_unfit_name_with_its_own_reason(named, services, findings):
    known = [ARCHIVED, DRAFT]
    change = ChangeFacts("shop/order", named=named, postmortems=known, services=frozenset(services))

    judgement = evaluate_change(change, GateRules(), as_of=AS_OF)

    assert judgement.verdict is (Verdict.FAIL if findings else Verdict.PASS)
    assert [(finding.code, finding.object) for finding in judgement.findings] == findings


@pytest.mark.parametrize(
    ("rules", "named", "verdict", "codes"),
    [
        ({}, ["PM-2026-0001"], "UNKNOWN", ["SERVICES_UNKNOWN"]),
        ({}, ["PM-2026-0002"], "FAIL", ["PM_NOT_ARCHIVED", "SERVICES_UNKNOWN"]),
        ({}, [], "FAIL", ["POSTMORTEM_NOT_NAMED"]),
        ({}, ["PM-2026-0009"], "FAIL", ["PM_UNKNOWN"]),
        ({"freeze": Freeze.SERVICES}, ["PM-2026-0009"], "FAIL", ["PM_UNKNOWN", "SERVICES_UNKNOWN"]),
        ({"asks_audit": True}, ["PM-2026-0001"], "UNKNOWN", ["SERVICES_UNKNOWN"]),
        ({"not_counting": frozenset({"PM_NOT_APPLICABLE"})}, ["PM-2026-0001"], "PASS", []),
        (
            {"not_counting": frozenset({"SERVICES_UNKNOWN"})},
            ["PM-2026-0001"],
            "PASS",
            ["SERVICES_UNKNOWN"],
        ),
    ],
)
def test_change_of_unknown_services_is_no_pass_where_a_rule_that_counts_could_not_be_applied(
    rules, named, verdict, codes
):
    known = [one for one in (ARCHIVED, DRAFT) if one.id in named]
    change = ChangeFacts("shop/order", named=named, postmortems=known)

    judgement = evaluate_change(change, GateRules(**rules), as_of=AS_OF)

    assert (judgement.verdict, [one.code for one in judgement.findings]) == (verdict, codes)


def test_change_finding_says_what_to_do():
    [finding] = evaluate_change(ChangeFacts("shop/order"), GateRules(), as_of=AS_OF).findings

    assert "Postmortem: PM-" in finding.detail
