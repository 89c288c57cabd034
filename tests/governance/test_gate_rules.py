"""The gate's policy as a value: which changes it asks what of, and what then counts."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy import (
    CODES,
    ChangeFacts,
    Freeze,
    GateRules,
    ItemFacts,
    OverdueFacts,
    PostmortemFacts,
    ServiceFacts,
    Verdict,
    WaiverFacts,
    deciding,
    evaluate,
    evaluate_change,
    globs,
)

AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ARCHIVED = PostmortemFacts("PM-2026-0001", AS_OF - DAY, frozenset({"order"}), is_restricted=False)
OVERDUE = ServiceFacts(items=(ItemFacts("RI-2026-0001", "open", AS_OF - DAY),))
SOUND = ChangeFacts(
    "shop/order",
    change_id="!42",
    branch="main",
    named=["PM-2026-0001"],
    paths=["pool.py", "docs/pool.md"],
    labels=["database"],
    services=frozenset({"order"}),
    postmortems=[ARCHIVED],
)
BARE = replace(SOUND, named=[])
WAIVER = WaiverFacts(
    "waiver-1",
    findings=frozenset({"POSTMORTEM_NOT_NAMED"}),
    granted_at=AS_OF - DAY,
    expires_at=AS_OF + DAY,
    repository="shop/order",
)


def judged(change, **rules):
    return evaluate_change(change, GateRules(key=3, version=2, **rules), as_of=AS_OF)


def codes(judgement):
    return [finding.code for finding in judgement.findings]


@pytest.mark.parametrize(
    ("text", "patterns", "is_fit"),
    [
        ("shop/order", ["shop/order"], True),
        ("shop/order", ["shop/*"], True),
        ("shop/order/api", ["shop/*"], False),
        ("shop/order/api", ["shop/**"], True),
        ("shop", ["shop/**"], True),
        ("shop/order", ["**"], True),
        ("shop/order", ["*"], False),
        ("shop/order", ["**/order"], True),
        ("order", ["**/order"], True),
        ("shop/reorder", ["**/order"], False),
        ("a/x/b/ab", ["**/a*b"], True),
        ("shop/order", ["SHOP/order"], False),
        ("shop/order", ["shop/o?der"], True),
        ("shop/order", ["shop/o?rder"], False),
        ("shop/order", ["elsewhere", "shop/or*er"], True),
        ("release/1.2", ["release/*"], True),
        ("a.b", ["a?b"], True),
        ("axb", ["a.b"], False),
        ("[x]", ["[x]"], True),
        ("x", ["[x]"], False),
        ("", ["*"], True),
        ("line\nbreak", ["line*"], True),
        ("shop/order", [], False),
    ],
)
def test_pattern_fits_whole_texts_part_by_part(text, patterns, is_fit):
    assert globs.fits(text, patterns) is is_fit


@pytest.mark.parametrize(
    ("path", "pattern", "is_fit"),
    [
        ("README.md", "*.md", True),
        ("docs/a/b.md", "*.md", True),
        ("docs/a/b.md", "docs/**", True),
        ("src/docs/b.md", "docs/**", False),
        ("docs/b.md", "docs/*.md", True),
        ("docs/a/b.md", "docs/*.md", False),
        ("docs/a/b.md", "docs/**/*.md", True),
        ("docs", "docs/**", True),
    ],
)
def test_pattern_without_a_slash_is_for_the_name_of_a_file(path, pattern, is_fit):
    assert globs.fits_path(path, [pattern]) is is_fit


def test_long_texts_do_not_make_patterns_slow():
    began = time.process_time()

    assert not globs.fits("a" * 50_000, ["*a*a*a*a*a*a*a*a*b"])
    assert not globs.fits("a/" * 20_000, ["**/a/**/a/**/a/**/b"])

    # Walking back would take longer than anybody waits.
    assert time.process_time() - began < 10


@given(st.text(st.sampled_from("ab/*"), max_size=8), st.text(st.sampled_from("ab/"), max_size=12))
def test_patterns_fit_what_a_plain_definition_says(pattern, text):
    def plain(parts, left):
        if not left:
            return not parts
        if left[0] == "**":
            return any(plain(parts[place:], left[1:]) for place in range(len(parts) + 1))
        return bool(parts) and piece(parts[0], left[0]) and plain(parts[1:], left[1:])

    def piece(part, glob):
        if not glob:
            return not part
        if glob[0] == "*":
            return any(piece(part[place:], glob[1:]) for place in range(len(part) + 1))
        return bool(part) and part[0] == glob[0] and piece(part[1:], glob[1:])

    expected = text == pattern or plain(text.split("/"), pattern.split("/"))

    assert globs.fits(text, [pattern]) is expected


def test_first_row_that_fits_decides():
    rows = [
        GateRules(key=2, repositories=("shop/order",)),
        GateRules(key=3, repositories=("shop/*", "web")),
        GateRules(key=1),
    ]

    assert [deciding(name, rows).key for name in ("shop/order", "shop/cart", "web", "x")] == [2, 3, 3, 1]
    assert deciding("x", rows[:1]) == GateRules()


@pytest.mark.parametrize("mode", ["off", "warn", "dry-run", "strict"])
def test_mode_changes_no_verdict(mode):
    assert judged(BARE, mode=mode).verdict is Verdict.FAIL
    assert judged(SOUND, mode=mode).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("rules", "rule"),
    [
        ({"excused_labels": ("database",)}, "label"),
        ({"excused_labels": ("data*",)}, "label"),
        ({"branches": ("release/*",)}, "branch"),
        ({"excused_paths": ("*.py", "docs/**")}, "path"),
        ({"covered_paths": ("api/**",)}, "path"),
        ({"covered_labels": ("hotfix",)}, "label"),
    ],
)
def test_excused_change_passes_without_findings_and_says_by_which_rule(rules, rule):
    judgement = judged(BARE, **rules)

    assert (judgement.verdict, list(judgement.findings)) == (Verdict.PASS, [])
    assert judgement.excuse.rule == rule
    assert judgement.excuse.detail.startswith("gate-3v2 ")


@pytest.mark.parametrize(
    "rules",
    [
        {"excused_labels": ("fix",)},
        {"branches": ("release/*", "main")},
        {"branches": ("refs/heads/main",)},
        {"covered_labels": ("Database",)},
        {"excused_labels": ("Database",)},
        {"excused_paths": ("docs/**",)},
        {"covered_paths": ("docs/**",)},
        {"covered_labels": ("hotfix", "database")},
    ],
)
def test_change_that_is_not_excused_is_judged(rules):
    assert judged(BARE, **rules).excuse is None
    assert codes(judged(BARE, **rules)) == ["POSTMORTEM_NOT_NAMED"]


@pytest.mark.parametrize(
    "rules",
    [
        {"branches": ("release/*",)},
        {"excused_paths": ("**",)},
        {"covered_paths": ("api/**",)},
        {"covered_labels": ("hotfix",)},
    ],
)
def test_what_ci_did_not_say_excuses_nothing(rules):
    silent = replace(BARE, branch="", paths=[], labels=None)

    assert judged(silent, **rules).verdict is Verdict.FAIL


def test_list_of_no_labels_says_that_there_are_none():
    assert judged(replace(BARE, labels=[]), covered_labels=("hotfix",)).excuse.rule == "label"


def test_finding_that_does_not_count_is_found_all_the_same():
    judgement = judged(BARE, not_counting=frozenset({"POSTMORTEM_NOT_NAMED"}))

    assert judgement.verdict is Verdict.PASS
    assert [(one.code, one.counts) for one in judgement.findings] == [("POSTMORTEM_NOT_NAMED", False)]


def test_findings_of_touched_services_count_when_the_policy_asks_for_them():
    change = replace(SOUND, of_services={"order": OVERDUE, "web": OVERDUE})

    assert judged(change).verdict is Verdict.PASS
    judgement = judged(change, asks_audit=True)

    assert judgement.verdict is Verdict.FAIL
    assert [(one.code, one.service) for one in judgement.findings] == [("ITEM_OVERDUE", "order")]


@pytest.mark.parametrize(
    ("freeze", "service", "due_at", "found"),
    [
        (Freeze.NEVER, "order", AS_OF - DAY, []),
        (Freeze.SERVICES, "order", AS_OF - DAY, ["FROZEN"]),
        (Freeze.SERVICES, "web", AS_OF - DAY, []),
        (Freeze.SERVICES, "order", AS_OF, []),
        (Freeze.EVERYWHERE, "web", AS_OF - DAY, ["FROZEN"]),
    ],
)
def test_overdue_p0_item_freezes_what_the_policy_says(freeze, service, due_at, found):
    change = replace(SOUND, overdue=[OverdueFacts("RI-2026-0009", service, due_at)])

    assert codes(judged(change, freeze=freeze)) == found


def test_freeze_names_the_oldest_and_how_many():
    overdue = [OverdueFacts(f"RI-2026-000{n}", "order", AS_OF - n * DAY) for n in (1, 3, 2)]

    [finding] = judged(replace(SOUND, overdue=overdue), freeze=Freeze.EVERYWHERE).findings

    assert (finding.object, finding.since) == ("RI-2026-0003", AS_OF - 3 * DAY)
    assert finding.detail.startswith("3 items of severity P0")


@pytest.mark.parametrize(
    ("most", "uses", "found"), [(None, 99, []), (3, 2, []), (3, 3, ["PM_OVERUSED"]), (1, 0, [])]
)
def test_postmortem_may_be_used_as_often_as_the_policy_says(most, uses, found):
    change = replace(SOUND, postmortems=[replace(ARCHIVED, uses=uses)])

    assert codes(judged(change, most_uses=most)) == found


def test_rules_that_need_a_service_are_skipped_by_name_when_none_is_known():
    change = replace(SOUND, services=frozenset())

    skipped = [code for code, _reason in judged(change, asks_audit=True, freeze=Freeze.SERVICES).skipped]

    assert skipped[:2] == ["PM_NOT_APPLICABLE", "FROZEN"]
    assert set(skipped[2:]) == {"REVIEW_OVERDUE", "POSTMORTEM_MISSING", "ITEM_OVERDUE", "ITEM_REGRESSED",
                                "ITEM_OWNERLESS", "CHECK_STALE"}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "is_waived"),
    [
        ({}, True),
        ({"change_id": "!42"}, True),
        ({"change_id": "!43"}, False),
        ({"repository": "shop/cart"}, False),
        ({"findings": frozenset({"PM_UNKNOWN"})}, False),
        ({"granted_at": AS_OF + DAY}, False),
        ({"granted_at": AS_OF}, True),
        ({"expires_at": AS_OF}, False),
        ({"ended_at": AS_OF}, False),
        ({"ended_at": AS_OF + DAY}, True),
        ({"repository": "", "service": "order"}, True),
        ({"repository": "", "service": "web"}, False),
    ],
)
def test_waiver_covers_what_it_is_for_while_it_lasts(changes, is_waived):
    judgement = judged(replace(BARE, waivers=[replace(WAIVER, **changes)]))

    first = judgement.findings[0]
    assert (first.code, first.waived_by) == ("POSTMORTEM_NOT_NAMED", "waiver-1" if is_waived else "")
    assert judgement.verdict is (Verdict.PASS if is_waived else Verdict.FAIL)
    assert judgement.waivers == (["waiver-1"] if is_waived else [])


def test_service_waiver_is_not_enough_for_a_change_of_two_services():
    waiver = replace(WAIVER, repository="", service="order")
    change = replace(BARE, services=frozenset({"order", "web"}), waivers=[waiver])

    assert judged(change).verdict is Verdict.FAIL


def test_waiver_of_one_change_that_is_over_is_missed_when_it_asks_again():
    waiver = replace(WAIVER, change_id="!42", expires_at=AS_OF)

    judgement = judged(replace(BARE, waivers=[waiver]))

    assert [(one.code, one.object) for one in judgement.findings] == [
        ("POSTMORTEM_NOT_NAMED", ""),
        ("WAIVER_EXPIRED", "waiver-1"),
    ]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ["ITEM_OVERDUE", "WAIVER_EXPIRED"]),
        ({"expires_at": AS_OF + DAY}, ["ITEM_OVERDUE"]),
        # What it was for began after it was over, or is about something else.
        ({"expires_at": AS_OF - 2 * DAY}, ["ITEM_OVERDUE"]),
        ({"object": "RI-2026-0002"}, ["ITEM_OVERDUE"]),
        ({"object": "RI-2026-0001"}, ["ITEM_OVERDUE", "WAIVER_EXPIRED"]),
        ({"ended_at": AS_OF - 2 * DAY}, ["ITEM_OVERDUE"]),
    ],
)
def test_waiver_of_a_service_that_is_over_is_missed_while_its_finding_holds(changes, found):
    waiver = WaiverFacts(
        "waiver-2",
        findings=frozenset({"ITEM_OVERDUE"}),
        granted_at=AS_OF - 3 * DAY,
        expires_at=AS_OF - DAY / 2,
        service="order",
    )

    verdict, findings = evaluate(replace(OVERDUE, waivers=[replace(waiver, **changes)]), as_of=AS_OF)

    assert [one.code for one in findings] == found
    assert verdict is (Verdict.PASS if findings[0].waived_by else Verdict.FAIL)


def test_waiver_of_what_does_not_count_is_not_missed():
    over = WaiverFacts(
        "waiver-2", frozenset({"ITEM_OVERDUE"}), AS_OF - 3 * DAY, AS_OF - DAY / 2, service="order"
    )

    verdict, findings = evaluate(
        replace(OVERDUE, waivers=[over]),
        as_of=AS_OF,
        rules=GateRules(not_counting=frozenset({"ITEM_OVERDUE"})),
    )

    assert (verdict, [one.code for one in findings]) == (Verdict.PASS, ["ITEM_OVERDUE"])


def test_another_waiver_in_force_answers_for_one_that_is_over():
    over = WaiverFacts(
        "waiver-2", frozenset({"ITEM_OVERDUE"}), AS_OF - 3 * DAY, AS_OF - DAY / 2, service="order"
    )
    longer = replace(over, id="waiver-3", expires_at=AS_OF + DAY)

    verdict, findings = evaluate(replace(OVERDUE, waivers=[over, longer]), as_of=AS_OF)

    assert verdict is Verdict.PASS
    assert [(one.code, one.waived_by) for one in findings] == [("ITEM_OVERDUE", "waiver-3")]


def test_stale_check_alone_leaves_a_change_unknown():
    from governance.policy import CheckFacts

    stale = ServiceFacts(checks=(CheckFacts("RI-2026-0001", "verified", AS_OF - 9 * DAY, DAY),))

    assert judged(replace(SOUND, of_services={"order": stale}), asks_audit=True).verdict is Verdict.UNKNOWN


def test_every_rule_may_be_told_not_to_count():
    change = replace(BARE, of_services={"order": OVERDUE})

    judgement = judged(change, asks_audit=True, not_counting=frozenset(CODES))

    assert judgement.verdict is Verdict.PASS
    assert len(judgement.findings) == 2
