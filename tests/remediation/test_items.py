from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import service_accounts
from postmortem import trail
from postmortem.errors import Invalid, NotAllowed
from remediation import items
from remediation.checkspec import CheckSpec
from remediation.items import CheckMissing, LastCheck, NeedsWaiver, NeverSeenRed, WrongState
from remediation.models import (
    MOVES,
    CheckStanding,
    ItemTransition,
    RemediationItem,
    SlaPolicy,
    VerificationCheck,
)
from tests import factories
from tests.factories import DAY, HOUR, NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db


def spec(**changes):
    sound = {"kind": "prometheus", "promql": "pool_waiting", "comparator": "<", "threshold": 1.0}
    if "data_source_id" not in changes and changes.get("kind") != "shell":
        sound["data_source_id"] = factories.data_source().pk
    return CheckSpec(**sound | changes)


def agree(**changes):
    """Agree a sound proactive item, with some arguments changed."""
    service = factories.service()
    by = factories.user()
    sound = {
        "title": "Set a timeout on the pool",
        "owner": by,
        "team": service.team,
        "service": service,
        "severity": factories.severity("P1"),
        "kind": "prevent",
        "category": "technical_debt",
        "causes": [],
        "checks": [spec()] if "checks" not in changes else [],
        "origin": "proactive",
        "by": by,
        "now": NOW,
    }
    return items.agree(**sound | changes)


class TestAgree:
    def test_agree_writes_item_check_and_first_transition(self):
        review = factories.review()
        cause = factories.cause(review)
        owner, by = factories.user(), factories.user()

        item = agree(
            owner=owner,
            by=by,
            review=review,
            origin="review",
            causes=[cause],
            tracker_url="https://t.example.com/1",
        )

        item.refresh_from_db()
        assert (item.public_id, item.state, item.owner, item.agreed_by) == ("RI-2026-0001", "open", owner, by)
        assert (item.due_at, item.policy_version) == (NOW + 14 * DAY, factories.sla_version(3))
        assert list(item.causes.all()) == [cause]
        check = item.verification_checks.get()
        assert (check.promql, check.standing.next_run_at, check.version) == ("pool_waiting", NOW, 1)
        assert 0 <= check.offset_seconds < check.interval_seconds
        assert list(item.transitions.values_list("from_state", "to_state", "by", "at")) == [
            ("", "open", by.pk, NOW)
        ]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"owner": None}, "owner"),
            ({"title": ""}, "title"),
            ({"title": "a\x00"}, "title"),
            ({"description": "x" * 65_537}, "description"),
            ({"kind": "heal"}, "kind"),
            ({"category": "bad luck"}, "category"),
            ({"category": ""}, "category"),
            ({"origin": "dream"}, "origin"),
            ({"origin": "review"}, "review"),
            ({"team": None}, "team"),
            ({"service": None}, "service"),
            ({"severity": None}, "severity"),
            ({"due_at": NOW}, "due_at"),
            ({"due_at": NOW - DAY}, "due_at"),
            ({"due_at": datetime(1, 1, 1, tzinfo=UTC)}, "due_at"),
            ({"due_at": datetime(9999, 12, 31, tzinfo=UTC)}, "due_at"),
            ({"due_at": NOW.replace(tzinfo=None) + DAY}, "due_at"),
            ({"due_at": "soon"}, "due_at"),
            ({"tracker_url": "javascript:alert(1)"}, "tracker_url"),
            ({"tracker_url": "see above"}, "tracker_url"),
        ],
    )
    def test_each_thing_missing_alone_is_refused_by_name(self, changes, field):
        """R4."""
        with pytest.raises(Invalid) as refusal:
            agree(**changes)

        assert refusal.value.field == field
        assert not RemediationItem.objects.exists()

    def test_an_item_without_a_check_is_refused(self):
        """R4."""
        with pytest.raises(CheckMissing) as refusal:
            agree(checks=[])

        assert (refusal.value.code, refusal.value.field) == ("check_missing", "checks")
        assert not RemediationItem.objects.exists()

    def test_an_item_without_any_deadline_policy_is_refused(self):
        """R4."""
        SlaPolicy.objects.all().delete()

        with pytest.raises(Invalid) as refusal:
            agree()

        assert refusal.value.field == "due_at"

    def test_a_team_a_program_or_an_inactive_person_owns_nothing(self):
        """R4."""
        program = service_accounts.create(name="CI", role="member")
        for owner in (factories.team(), program, factories.user(is_active=False), "ada@example.com"):
            with pytest.raises(Invalid) as refusal:
                agree(owner=owner)
            assert refusal.value.field == "owner"

    def test_who_may_not_see_the_review_owns_none_of_its_items(self):
        hidden = factories.review(incidents=[factories.incident(is_restricted=True)])
        governor, outsider = factories.user(role="governor"), factories.user()

        with pytest.raises(Invalid) as refusal:
            agree(owner=outsider, review=hidden, by=governor, causes=[])
        assert refusal.value.field == "owner"

        item = factories.item(review=hidden, owner=governor)
        with pytest.raises(Invalid) as refusal:
            items.assign(item, to=outsider, by=governor, now=NOW)
        assert refusal.value.field == "to"
        item.refresh_from_db()
        assert item.owner == governor

    def test_the_database_lets_no_program_own_an_item(self):
        program, item = service_accounts.create(name="CI", role="member"), agree()

        with pytest.raises(IntegrityError), transaction.atomic():
            RemediationItem.objects.filter(pk=item.pk).update(owner=program)

    def test_deactivating_the_owner_flags_the_item_for_the_teams_manager(self):
        """R4."""
        manager = factories.user()
        service = factories.service(team=factories.team(manager=manager))
        item = agree(service=service, team=service.team)
        assert not item.is_ownerless

        item.owner.is_active = False
        item.owner.save()

        item = RemediationItem.objects.get()
        assert item.is_ownerless
        assert list(items.ownerless_for(manager)) == [item]
        assert not items.ownerless_for(factories.user()).exists()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"promql": "看一下监控"}, "promql"),
            ({"promql": ""}, "promql"),
            ({"threshold": None}, "threshold"),
            ({"data_source_id": None}, "data_source_id"),
            ({"data_source_id": 987_654}, "data_source_id"),
            ({"interval_seconds": 59}, "interval_seconds"),
            ({"kind": "hope"}, "kind"),
        ],
    )
    def test_a_check_that_no_machine_can_run_is_refused(self, changes, field):
        """R5."""
        with pytest.raises(Invalid) as refusal:
            agree(checks=[spec(), spec(**changes)])

        assert refusal.value.field == field
        assert not RemediationItem.objects.exists()

    def test_a_later_deadline_than_policy_needs_a_waiver(self):
        latest = NOW + 14 * DAY

        with pytest.raises(NeedsWaiver) as refusal:
            agree(due_at=latest + timedelta(seconds=1))
        assert refusal.value.code == "needs_waiver"
        assert refusal.value.details == {"latest": latest.isoformat()}

        assert agree(due_at=latest).due_at == latest
        assert agree(due_at=NOW + HOUR).due_at == NOW + HOUR

    def test_causes_belong_to_the_review(self):
        stranger = factories.cause()

        for changes in ({}, {"review": factories.review(), "origin": "review"}):
            with pytest.raises(Invalid) as refusal:
                agree(causes=[stranger], **changes)
            assert refusal.value.field == "causes"

    def test_agree_is_not_for_viewers(self):
        with pytest.raises(NotAllowed):
            agree(by=factories.user(role="viewer"))

    def test_an_archived_review_may_still_get_items(self):
        assert agree(review=factories.archived_review(), origin="review").review.is_archived


@pytest.mark.parametrize(
    ("severity", "category", "days", "position"),
    [
        ("P0", "missing_tool", 14, 1),
        ("P0", "technical_debt", 7, 2),
        ("P1", "process_defect", 14, 3),
        ("P2", "technical_debt", 30, 4),
        ("P4", "technical_debt", 60, 5),
    ],
)
def test_due_date_follows_the_first_policy_that_fits(severity, category, days, position):
    """R9: a missing tool is due in 14 days."""
    due_at, policy_version = items.due_date(severity=factories.severity(severity), category=category, now=NOW)

    assert (due_at, policy_version) == (NOW + days * DAY, factories.sla_version(position))


class TestMoves:
    def test_a_person_brings_an_item_to_fix_claimed_and_no_further(self):
        item = factories.item(severity="P2")
        by = factories.user()
        factories.check_run(item.verification_checks.get())
        CheckStanding.objects.update(streak=2, next_run_at=NOW + DAY)

        items.start(item, by=by, now=NOW)
        claimed = items.claim_fix(item, fix_url="https://git.example.com/1", by=by, now=NOW + HOUR)

        assert (claimed.state, claimed.fix_claimed_at, claimed.fix_claimed_by) == (
            "fix_claimed",
            NOW + HOUR,
            by,
        )
        check = item.verification_checks.get()
        assert (check.standing.streak, check.standing.next_run_at) == (0, NOW + HOUR)
        for to_state in ("verifying", "verified"):
            assert not any(hasattr(items, name) for name in (to_state, "verify"))

    def test_claiming_an_open_item_starts_it_first(self):
        item = factories.item(severity="P2")

        items.claim_fix(item, by=item.owner, now=NOW)

        assert [(move.from_state, move.to_state) for move in item.transitions.order_by("at", "id")] == [
            ("", "open"),
            ("open", "in_progress"),
            ("in_progress", "fix_claimed"),
        ]

    @pytest.mark.parametrize("severity", ["P0", "P1"])
    def test_a_claim_over_a_check_never_seen_red_needs_a_reason(self, severity):
        item = factories.item(severity=severity, checks=2)
        red, green = item.verification_checks.all()
        factories.stand(red, seen_red_at=NOW - DAY)
        VerificationCheck.objects.filter(pk=green.pk).update(is_paused=True)

        with pytest.raises(NeverSeenRed) as refusal:
            items.claim_fix(item, never_red_reason="  ", by=item.owner, now=NOW)
        assert (refusal.value.code, refusal.value.field) == ("never_seen_red", "never_red_reason")
        assert refusal.value.details == {"checks": [green.pk]}

        claimed = items.claim_fix(item, never_red_reason="Red only under load.", by=item.owner, now=NOW)
        assert claimed.never_red_reason == "Red only under load."

    def test_a_claim_over_red_checks_or_minor_harm_needs_none(self):
        major, minor = factories.item(severity="P0"), factories.item(severity="P2")
        factories.stand(major.verification_checks.all(), seen_red_at=NOW - DAY)

        assert items.claim_fix(major, by=major.owner, now=NOW).never_red_reason == ""
        assert items.claim_fix(minor, by=minor.owner, now=NOW).state == "fix_claimed"

    def test_claim_refuses_a_bad_address(self):
        item = factories.item(severity="P2")

        with pytest.raises(Invalid) as refusal:
            items.claim_fix(item, fix_url="not a link", by=item.owner, now=NOW)

        item.refresh_from_db()
        assert (refusal.value.field, item.state) == ("fix_url", "open")

    @pytest.mark.parametrize("state", ["fix_claimed", "verifying"])
    def test_a_claim_can_be_withdrawn(self, state):
        item = factories.item(state=state)

        withdrawn = items.withdraw_claim(item, reason="It came back.", by=item.owner, now=NOW)

        assert (withdrawn.state, withdrawn.fix_claimed_at, withdrawn.fix_claimed_by) == (
            "in_progress",
            None,
            None,
        )
        assert item.transitions.last().reason == "It came back."

    def test_decline_is_for_a_governor_who_gives_a_reason_and_does_not_own_the_item(self):
        governor = factories.user(role="governor")
        item, own = factories.item(), factories.item(owner=governor)

        with pytest.raises(Invalid) as refusal:
            items.decline(item, reason=" ", by=governor, now=NOW)
        assert refusal.value.field == "reason"
        for whose, by in ((item, factories.user(role="facilitator")), (own, governor)):
            with pytest.raises(NotAllowed):
                items.decline(whose, reason="x", by=by, now=NOW)

        declined = items.decline(item, reason="Replaced next month.", by=governor, now=NOW)
        assert (declined.state, declined.wont_do_reason) == ("wont_do", "Replaced next month.")
        assert declined.wont_do_approved_by == governor

    def test_a_refused_decline_writes_nothing(self):
        item = factories.item(state="verified")

        with pytest.raises(WrongState):
            items.decline(item, reason="x", by=factories.user(role="governor"), now=NOW)

        item.refresh_from_db()
        assert (item.state, item.wont_do_reason, item.wont_do_approved_by) == ("verified", "", None)

    def test_reopen_takes_declined_and_regressed_items_up_again(self):
        declined, regressed = factories.item(state="wont_do"), factories.item(state="regressed")

        assert items.reopen(declined, reason="Not replaced.", by=declined.owner, now=NOW).state == "open"
        assert items.reopen(regressed, by=regressed.owner, now=NOW).state == "in_progress"
        with pytest.raises(WrongState):
            items.reopen(regressed, by=regressed.owner, now=NOW)

    def test_assign_gives_the_item_to_an_active_person(self):
        item, person = factories.item(), factories.user()

        assert items.assign(item, to=person, by=item.owner, now=NOW).owner == person
        for other in (factories.user(is_active=False), factories.team()):
            with pytest.raises(Invalid) as refusal:
                items.assign(item, to=other, by=item.owner, now=NOW)
            assert refusal.value.field == "to"
        assert [entry.after for entry in trail.of(item) if entry.act == "items.assign"] == [
            {"owner_id": person.pk}
        ]

    @pytest.mark.parametrize("state", RemediationItem.State.values)
    @pytest.mark.parametrize(
        ("act", "allowed"),
        [
            (items.start, {"open"}),
            (lambda item, **by: items.claim_fix(item, never_red_reason="x", **by), {"open", "in_progress"}),
            (items.withdraw_claim, {"fix_claimed", "verifying"}),
            (items.reopen, {"wont_do", "regressed"}),
            (
                lambda item, by, now: items.decline(
                    item, reason="x", by=factories.user(role="governor"), now=now
                ),
                {"open", "in_progress", "fix_claimed", "verifying", "regressed"},
            ),
        ],
    )
    def test_each_act_is_for_its_states(self, state, act, allowed):
        item = factories.item(state=state)
        moves = item.transitions.count()

        if state in allowed:
            act(item, by=item.owner, now=NOW)
            assert item.transitions.count() > moves
        else:
            with pytest.raises(WrongState) as refusal:
                act(item, by=item.owner, now=NOW)
            assert refusal.value.details == {"state": state}
            assert item.transitions.count() == moves

    def test_no_act_is_for_viewers(self):
        item, by = factories.item(), factories.user(role="viewer")
        check, governor = item.verification_checks.get(), factories.user(role="governor")

        for act in (
            lambda: items.start(item, by=by, now=NOW),
            lambda: items.claim_fix(item, by=by, now=NOW),
            lambda: items.withdraw_claim(item, by=by, now=NOW),
            lambda: items.reopen(item, by=by, now=NOW),
            lambda: items.assign(item, to=governor, by=by, now=NOW),
            lambda: items.decline(item, reason="x", by=by, now=NOW),
            lambda: items.add_check(item, spec=spec(), by=by, now=NOW),
            lambda: items.edit_check(check, spec=spec(), by=by, now=NOW),
            lambda: items.pause(check, is_paused=True, reason="Migration", by=by, now=NOW),
        ):
            with pytest.raises(NotAllowed):
                act()

    @pytest.mark.parametrize("from_state", RemediationItem.State.values)
    def test_move_writes_state_and_transition_for_each_allowed_move(self, from_state):
        for to_state in RemediationItem.State.values:
            item = factories.item(state=from_state)
            RemediationItem.objects.filter(pk=item.pk).update(fix_claimed_at=NOW, fix_claimed_by=item.owner)
            item.refresh_from_db()
            item.wont_do_reason, item.wont_do_approved_by = "x", item.owner
            item.save()
            run = factories.check_run(item.verification_checks.get())
            is_by_run = to_state in {"verifying", "verified", "regressed"}
            how = {"by": None, "run": run} if is_by_run else {"by": item.owner, "run": None}

            if (from_state, to_state) in MOVES:
                moved = items.move(item, to_state, at=NOW, **how)
                last = ItemTransition.objects.filter(item=item).order_by("id").last()
                assert (moved.state, last.from_state, last.to_state, last.at) == (
                    to_state,
                    from_state,
                    to_state,
                    NOW,
                )
            else:
                with pytest.raises(WrongState):
                    items.move(item, to_state, at=NOW, **how)

    def test_the_first_verification_is_remembered(self):
        item = factories.item(state="verified")
        first = item.first_verified_at
        factories.moved(item, "regressed", at=NOW)
        items.reopen(item, by=item.owner, now=NOW)
        items.claim_fix(item, never_red_reason="x", by=item.owner, now=NOW)
        item.refresh_from_db()

        run = factories.check_run(item.verification_checks.get(), slot=NOW + HOUR)
        assert items.move(item, "verified", by=None, run=run, at=NOW + HOUR).first_verified_at == first


class TestChecks:
    def test_add_check_runs_at_once(self):
        item = factories.item()

        check = items.add_check(item, spec=spec(kind="shell", pipeline=[["uptime"]]), by=item.owner, now=NOW)

        assert (check.item, check.kind, check.standing.next_run_at) == (item, "shell", NOW)
        with pytest.raises(Invalid):
            items.add_check(item, spec=spec(promql="看一下监控"), by=item.owner, now=NOW)

    def test_editing_a_check_restarts_its_count(self):
        check = factories.item().verification_checks.get()
        factories.stand(check, streak=2, seen_red_at=NOW, last_outcome="pass", last_value=0.5)
        changed = spec(data_source_id=check.data_source_id, threshold=2.0)

        edited = items.edit_check(check, spec=changed, by=factories.user(), now=NOW)

        stands = edited.standing
        assert (edited.version, edited.threshold, stands.streak, stands.next_run_at) == (2, 2.0, 0, NOW)
        assert (stands.seen_red_at, stands.last_outcome, stands.last_value) == (None, "", None)
        assert trail.of(check).filter(act="items.edit_check").count() == 1

    def test_an_edit_that_changes_nothing_restarts_nothing(self):
        check = factories.item().verification_checks.get()
        factories.stand(check, streak=2)

        edited = items.edit_check(
            check, spec=spec(data_source_id=check.data_source_id), by=factories.user(), now=NOW
        )

        assert (edited.version, edited.standing.streak) == (1, 2)

    def test_editing_a_check_changes_its_kind_altogether(self):
        check = factories.item().verification_checks.get()

        edited = items.edit_check(
            check,
            spec=spec(kind="shell", pipeline=[["uptime"]], data_source_id=None),
            by=factories.user(),
            now=NOW,
        )

        edited.refresh_from_db()
        assert (edited.kind, edited.promql, edited.data_source, edited.pipeline) == (
            "shell",
            "",
            None,
            [["uptime"]],
        )

    def test_edit_refuses_bad_values(self):
        check = factories.item().verification_checks.get()

        for bad, field in (
            (spec(promql=""), "promql"),
            (replace(spec(), data_source_id=987_654), "data_source_id"),
        ):
            with pytest.raises(Invalid) as refusal:
                items.edit_check(check, spec=bad, by=factories.user(), now=NOW)
            assert refusal.value.field == field

    def test_the_last_active_check_is_not_paused(self):
        item = factories.item(checks=2)
        first, second = item.verification_checks.all()

        assert items.pause(first, is_paused=True, reason="Migration", by=item.owner, now=NOW).is_paused
        with pytest.raises(LastCheck):
            items.pause(second, is_paused=True, reason="Migration", by=item.owner, now=NOW)

        resumed = items.pause(first, is_paused=False, by=item.owner, now=NOW + HOUR)
        assert (resumed.is_paused, resumed.standing.next_run_at) == (False, NOW + HOUR)


@pytest.mark.django_db(transaction=True)
def test_two_who_claim_at_once_give_one_claim():
    item = factories.item(severity="P2")
    people = [factories.user(), factories.user()]

    refusals = at_once(
        *[lambda person=person: items.claim_fix(item, by=person, now=NOW) for person in people]
    )

    assert sorted(refusal.code for refusal in refusals if refusal) == ["wrong_state"]
    item.refresh_from_db()
    assert item.fix_claimed_by == people[refusals.index(None)]
    assert item.transitions.filter(to_state="fix_claimed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_pause_the_last_two_checks_at_once_leave_one_active():
    item = factories.item(checks=2)
    first, second = item.verification_checks.all()

    refusals = at_once(
        lambda: items.pause(first, is_paused=True, reason="Migration", by=item.owner, now=NOW),
        lambda: items.pause(second, is_paused=True, reason="Migration", by=item.owner, now=NOW),
    )

    assert sorted(refusal.code for refusal in refusals if refusal) == ["last_check"]
