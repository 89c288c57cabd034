"""Earlier changes judged again by rows that are tried: nothing is kept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tokens
from governance import changes, gates, rehearsals
from governance.models import GateDecision, GatePolicy
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def payment():
    return f.service("payment", repositories=["shop/payment"])


@pytest.fixture
def archived(payment):
    incident = f.resolved_incident(services=[f.service("order"), payment])
    return f.archived_review(incidents=[incident]).public_id


@pytest.fixture
def ask(now):
    _token, secret = f.api_token(scopes=["gate"], now=now)
    presented = tokens.read_header(f"Bearer {secret}")

    def ask(named="", *, at=None, **fields):
        request = {
            "repository": "shop/payment",
            "change_id": "!1",
            "title": "",
            "description": f"Postmortem: {named}" if named else "",
            "services": [],
        } | fields
        change = changes.Change(
            **{
                name: request[name]
                for name in ("repository", "change_id", "title", "description", "services")
            },
            messages=[],
            request=request,
            labels=request.get("labels"),
            paths=request.get("paths", []),
        )
        return changes.judge(change, presented=presented, now=at or now)

    return ask


def tried(**facts):
    draft = gates.draft(facts, of=gating.for_all())
    return rehearsals.with_draft(draft)


def test_rehearsal_counts_what_would_be_blocked_and_now_is(ask, now, archived):
    ask(archived, change_id="!1", at=now - timedelta(minutes=3))
    ask(change_id="!2", at=now - timedelta(minutes=2))
    ask(change_id="!3", labels=["docs"], at=now - timedelta(minutes=1))

    rehearsal = rehearsals.rehearse(tried(excused_labels=["docs"]), now=now)

    assert (len(rehearsal.rows), rehearsal.blocked_now, rehearsal.blocked, rehearsal.failed) == (3, 2, 1, 1)
    assert [row.decision["change_id"] for row in rehearsal.notable] == ["!3", "!2"]
    assert [row.differs for row in rehearsal.notable] == [True, False]


def test_mode_blocks_or_does_not_and_the_verdict_stays(ask, now):
    ask()

    [row] = rehearsals.rehearse(tried(mode="warn"), now=now).rows

    assert (row.present.verdict, row.wanted.verdict) == ("FAIL", "FAIL")
    assert (row.was_blocked, row.is_blocked, row.differs) == (True, False, True)


def test_rehearsal_tries_new_rows_before_the_last(ask, now):
    ask(repository="shop/payment")
    ask(repository="elsewhere")
    draft = gates.draft({"name": "Shop", "repositories": ["shop/*"], "mode": "off"})

    rehearsal = rehearsals.rehearse(rehearsals.with_draft(draft), now=now)

    assert {row.decision["repository"]: row.is_blocked for row in rehearsal.rows} == {
        "shop/payment": False,
        "elsewhere": True,
    }


def test_rehearsal_writes_nothing(ask, now):
    ask()

    rehearsals.rehearse(tried(mode="warn"), now=now)

    assert (GateDecision.objects.count(), GatePolicy.objects.count()) == (1, 1)


def test_rehearsal_judges_the_standing_of_services_when_the_row_asks(ask, now, payment, archived):
    f.item(service=payment, agreed_at=now - 20 * DAY, due_at=now - DAY)
    ask(archived)

    [row] = rehearsals.rehearse(tried(asks_audit=True), now=now).rows

    assert (row.present.verdict, row.wanted.verdict) == ("PASS", "FAIL")
    assert [(one.code, one.service) for one in row.wanted.findings] == [("ITEM_OVERDUE", "payment")]


def test_rehearsal_freezes(ask, now, payment, archived):
    f.item(service=payment, severity=f._severity("P0"), agreed_at=now - 20 * DAY, due_at=now - DAY)
    ask(archived)

    [row] = rehearsals.rehearse(tried(freeze="services"), now=now).rows

    assert [one.code for one in row.wanted.findings] == ["FROZEN"]


def test_rehearsal_counts_the_uses_before_each_change(ask, now, archived):
    for number in (1, 2, 2, 3):
        ask(archived, change_id=f"!{number}", at=now + number * timedelta(minutes=1))

    rehearsal = rehearsals.rehearse(tried(most_uses=2), now=now + DAY)

    assert {row.decision["change_id"]: row.wanted.verdict for row in rehearsal.rows} == {
        "!1": "PASS",
        "!2": "PASS",
        "!3": "FAIL",
    }


def test_waiver_of_then_still_excuses_when_it_is_over_now(ask, now):
    gating.waiver(repository="shop/payment", at=now - 3 * DAY, hours=24)
    ask(at=now - 2.5 * DAY)
    ask(at=now, change_id="!2")

    rehearsal = rehearsals.rehearse(tried(mode="warn"), now=now)

    assert [row.wanted.verdict for row in rehearsal.rows] == ["FAIL", "PASS"]


def test_replay_judges_one_decision_by_the_rows_of_today(ask, now):
    judged = ask(labels=["docs"])
    decision = GateDecision.objects.get(pk=judged.decision)
    gating.policy(excused_labels=["docs"], now=now)

    again = rehearsals.replay(decision, now=now)

    assert (judged.judgement.verdict, again.verdict, str(again.rules)) == ("FAIL", "PASS", "gate-1v2")
    assert again.excuse.rule == "label"


def test_decisions_of_before_ids_were_kept_are_replayed_by_what_they_say(ask, now):
    token = f.api_token(scopes=["gate"], now=now)[0]
    old = GateDecision.objects.create(
        kind="change",
        decided_at=now,
        token=token,
        verdict="FAIL",
        policy_version="2026-11-1",
        repository="shop/payment",
        findings=[{"code": "PM_UNKNOWN", "object": "PM-2026-0999", "detail": ""}, "odd"],
        request={"labels": "no list", "paths": None, "services": [1]},
    )

    again = rehearsals.replay(old, now=now)

    assert [(one.code, one.object) for one in again.findings] == [("PM_UNKNOWN", "PM-2026-0999")]


@pytest.mark.parametrize("number", [1, 3])
def test_rehearsal_asks_the_database_equally_often_for_any_number(
    ask, now, archived, django_assert_num_queries, number
):
    for one in range(number):
        ask(archived, change_id=f"!{one}")
    rows = tried(asks_audit=True, freeze="everywhere", most_uses=5)

    with django_assert_num_queries(7):
        rehearsals.rehearse(rows, now=now)
