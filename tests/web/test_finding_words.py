"""Findings in the reader's language."""

from datetime import timedelta

import pytest
from django.utils import translation

from governance import policy
from governance.policy import (
    CheckFacts,
    Finding,
    GateRules,
    IncidentFacts,
    ItemFacts,
    ServiceFacts,
    WaiverFacts,
)
from governance.policy.changes import ChangeFacts, OverdueFacts, PostmortemFacts, evaluate_change
from governance.policy.gates import Freeze
from tests.factories import DAY, HOUR, NOW
from web import finding_words


def everything() -> list[Finding]:
    """Findings of every rule, in each of the ways in which it says what it found."""
    late = {"due_at": NOW - DAY, "first_verified_at": None}
    waiver = WaiverFacts(
        id="waiver-1", findings=frozenset({"ITEM_OVERDUE"}), granted_at=NOW - 9 * DAY,
        expires_at=NOW - HOUR, ended_at=None, service="order",
    )  # fmt: skip
    facts = ServiceFacts(
        incidents=[
            IncidentFacts("INC-2026-0001", NOW - DAY, ""),
            IncidentFacts("INC-2026-0002", NOW - DAY, "PM-2026-0002"),
            IncidentFacts("INC-2026-0003", NOW - DAY, "PM-2026-0003", reopened_at=NOW - HOUR),
        ],
        items=[
            ItemFacts("RI-2026-0001", "open", **late),
            ItemFacts("RI-2026-0002", "regressed", NOW - DAY, NOW - HOUR, NOW - HOUR, NOW - HOUR),
        ],
        checks=[
            CheckFacts("RI-2026-0003", "verified", NOW - 9 * DAY, timedelta(minutes=5)),
            *[CheckFacts("RI-2026-0004", "verified", NOW - 9 * DAY, timedelta(minutes=5))] * 2,
        ],
        waivers=[waiver],
    )  # fmt: skip
    found = policy.evaluate(facts, as_of=NOW)[1]
    known = [
        PostmortemFacts("PM-2026-0001", None, frozenset({"cart"}), False, 9),
        PostmortemFacts("PM-2026-0002", NOW, frozenset({"order"}), False, 0),
    ]
    rules = GateRules(most_uses=3, freeze=Freeze.EVERYWHERE)
    for overdue in (1, 2):
        change = ChangeFacts(
            "shop/order", named=["PM-2026-0001", "PM-2026-0009"], postmortems=known,
            services=frozenset({"order"}),
            overdue=[OverdueFacts(f"RI-2026-000{n}", "order", NOW - DAY) for n in range(overdue)],
        )  # fmt: skip
        found += evaluate_change(change, rules, as_of=NOW).findings
    found += evaluate_change(ChangeFacts("shop/order"), rules, as_of=NOW).findings
    unknown = ChangeFacts("shop/x", named=["PM-2026-0002"], postmortems=known)
    return found + list(evaluate_change(unknown, rules, as_of=NOW).findings)


def test_every_sentence_of_the_rules_has_its_chinese():
    found = everything()

    assert {finding.code for finding in found} == set(policy.CODES)
    for finding in found:
        assert finding_words.translated(finding.detail) == finding.detail
        with translation.override("zh-hans"):
            words = finding_words.translated(finding.detail)
        assert words != finding.detail, finding.detail
        # What it is about is kept.
        assert all(part in words for part in finding.detail.split() if part[:4].isdigit())


@pytest.mark.parametrize(
    ("rules", "change"),
    [
        ({"excused_labels": ["docs"]}, {"labels": ["docs"]}),
        ({"branches": ["main"]}, {"branch": "topic"}),
        ({"excused_paths": ["docs/**"]}, {"paths": ["docs/a"]}),
        ({"covered_paths": ["src/**"]}, {"paths": ["docs/a"]}),
        ({"covered_labels": ["risky"]}, {"labels": []}),
    ],
)
def test_every_excuse_can_be_translated(monkeypatch, rules, change):
    judgement = evaluate_change(ChangeFacts("shop/order", **change), GateRules(**rules), as_of=NOW)
    monkeypatch.setattr("web.sentences.gettext", lambda sentence: f"[{sentence}]")

    assert finding_words.translated(judgement.excuse.detail).startswith("[gate-0v0 ")


@pytest.mark.parametrize("detail", ["", "A rule of long ago said so.", "Due at %(at)s", "100 %"])
def test_what_no_rule_writes_stays_as_it_is(detail):
    with translation.override("zh-hans"):
        assert finding_words.translated(detail) == detail
