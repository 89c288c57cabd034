"""Each constraint of items, transitions and checks: the database refuses, by whatever statement."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from remediation.models import (
    MOVES,
    CheckRun,
    CheckStanding,
    ItemTransition,
    RemediationItem,
    SlaPolicy,
    VerificationCheck,
)
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db

State = RemediationItem.State


def refused(constraint, act, error=IntegrityError):
    with pytest.raises(error, match=constraint), transaction.atomic():
        act()


def run(statement, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def at_commit(act):
    """What a transaction that ends here would meet: deferred constraints are checked now."""

    def run_and_end():
        act()
        connection.check_constraints()

    return run_and_end


class TestHasACheck:
    def test_an_item_without_a_check_is_refused_when_the_transaction_ends(self):
        """R4."""
        refused("no verification check", at_commit(lambda: factories.item(checks=0)))

    def test_also_by_a_raw_statement(self):
        """R4."""
        item = factories.item()
        columns = [
            c.column for c in RemediationItem._meta.concrete_fields if c.column not in {"id", "public_id"}
        ]
        names = ", ".join(columns)
        copy = (
            f"INSERT INTO remediation_remediationitem (public_id, {names})"
            f" SELECT 'RI-1999-0001', {names} FROM remediation_remediationitem WHERE id = %s"
        )

        refused("no verification check", at_commit(lambda: run(copy, item.pk)))

    def test_also_in_bulk(self):
        """R4."""
        item = factories.item()
        item.pk, item.public_id = None, "RI-1999-0001"

        refused("no verification check", at_commit(lambda: RemediationItem.objects.bulk_create([item])))

    def test_the_last_check_cannot_be_deleted_or_moved_away(self):
        item, other = factories.item(), factories.item()
        check = item.verification_checks.get()

        refused("no verification check", at_commit(check.delete))
        check = item.verification_checks.get()
        refused(
            "no verification check",
            at_commit(lambda: VerificationCheck.objects.filter(pk=check.pk).update(item=other)),
        )

    @pytest.mark.django_db(transaction=True)
    def test_the_commit_itself_is_refused(self):
        with pytest.raises(IntegrityError, match="no verification check"):
            factories.item(checks=0)

        assert not RemediationItem.objects.exists()


class TestOwner:
    @pytest.mark.parametrize(
        ("column", "constraint"),
        [("owner_id", "owner"), ("due_at", "due_at"), ("policy_version", "policy_version")],
    )
    def test_owner_and_deadline_are_mandatory(self, column, constraint):
        """R4."""
        item = factories.item()

        refused(
            constraint,
            lambda: run(f"UPDATE remediation_remediationitem SET {column} = NULL WHERE id = %s", item.pk),
        )

    def test_the_owner_is_an_active_person(self):
        """R4."""
        item, gone = factories.item(), factories.user(is_active=False)

        refused("not active", lambda: RemediationItem.objects.filter(pk=item.pk).update(owner=gone))
        refused("not active", lambda: factories.item(owner=gone))
        refused(
            "owner_id|not active",
            at_commit(
                lambda: run("UPDATE remediation_remediationitem SET owner_id = 0 WHERE id = %s", item.pk)
            ),
        )

    def test_an_owner_who_leaves_stays_written_down(self):
        item = factories.item()
        item.owner.is_active = False
        item.owner.save()

        assert RemediationItem.objects.filter(pk=item.pk).update(title="Still there") == 1


class TestMoves:
    @pytest.mark.parametrize("from_state", State.values)
    def test_only_the_moves_of_the_table_are_possible(self, from_state):
        item = factories.item(state=from_state)
        complete = {
            "fix_claimed_at": NOW,
            "fix_claimed_by": item.owner,
            "first_verified_at": NOW,
            "wont_do_reason": "x",
            "wont_do_approved_by": item.owner,
        }
        for to_state in State.values:
            if from_state == to_state or (from_state, to_state) in MOVES:
                continue
            refused(
                "Invalid transition",
                lambda to_state=to_state: RemediationItem.objects.filter(pk=item.pk).update(
                    state=to_state, **complete
                ),
                DatabaseError,
            )

    def test_a_raw_statement_does_not_close_an_item(self):
        item = factories.item()

        refused(
            "Invalid transition",
            lambda: run("UPDATE remediation_remediationitem SET state = 'verified' WHERE id = %s", item.pk),
            DatabaseError,
        )

    @pytest.mark.parametrize("to_state", ["verifying", "verified", "regressed"])
    def test_a_hand_never_closes(self, to_state):
        item = factories.item()
        move = {"item": item, "at": NOW, "from_state": "fix_claimed", "to_state": to_state}
        finished = factories.check_run(item.verification_checks.get())

        for who in (
            {"by": item.owner, "run": None},
            {"by": None, "run": None},
            {"by": item.owner, "run": finished},
        ):
            refused("only_a_check_run_verifies", lambda who=who: ItemTransition.objects.create(**move, **who))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE remediation_itemtransition SET reason = 'x'",
            "DELETE FROM remediation_itemtransition",
        ],
    )
    def test_transitions_are_append_only(self, statement):
        factories.item()

        refused("remediation_itemtransition", lambda: run(statement), DatabaseError)

    @pytest.mark.parametrize(
        ("state", "columns", "constraint"),
        [
            ("open", {"due_at": NOW - 100 * DAY}, "item_is_due_after_it_was_agreed"),
            ("open", {"title": ""}, "item_has_a_title"),
            ("open", {"state": "wont_do"}, "item_wont_do_has_reason_and_approver"),
            ("open", {"state": "wont_do", "wont_do_reason": "x"}, "item_wont_do_has_reason_and_approver"),
            ("in_progress", {"state": "fix_claimed"}, "item_claimed_has_at_and_by"),
            ("fix_claimed", {"state": "verified"}, "item_verified_has_a_moment"),
            ("open", {"origin": "review"}, "item_from_a_review_names_it"),
        ],
    )
    def test_item_columns_agree(self, state, columns, constraint):
        item = factories.item(state=state)

        refused(constraint, lambda: RemediationItem.objects.filter(pk=item.pk).update(**columns))

    def test_public_ids_are_unique(self):
        first, second = factories.item(), factories.item()

        refused(
            "public_id",
            lambda: RemediationItem.objects.filter(pk=first.pk).update(public_id=second.public_id),
        )


class TestChecks:
    @pytest.mark.parametrize(
        ("columns", "constraint"),
        [
            ({"promql": ""}, "prometheus_check_is_complete"),
            ({"threshold": None}, "prometheus_check_is_complete"),
            ({"data_source": None}, "prometheus_check_is_complete"),
            ({"pipeline": [["ls"]]}, "prometheus_check_is_complete"),
            ({"kind": "shell"}, "shell_check_is_complete"),
            ({"kind": "hope"}, "check_kind_is_known"),
            ({"no_data_rule": "pass"}, "no_data_passes_only_with_a_reason"),
            ({"interval_seconds": 59}, "check_interval_is_in_bounds"),
            ({"interval_seconds": 30 * 86400 + 1}, "check_interval_is_in_bounds"),
            ({"timeout_seconds": 0}, "check_timeout_is_in_bounds"),
            ({"timeout_seconds": 301}, "check_timeout_is_in_bounds"),
            ({"passes_needed": 0}, "check_needs_at_least_one"),
            ({"fails_needed": 0}, "check_needs_at_least_one"),
        ],
    )
    def test_prometheus_check_columns_agree(self, columns, constraint):
        check = factories.item().verification_checks.get()

        refused(constraint, lambda: VerificationCheck.objects.filter(pk=check.pk).update(**columns))

    @pytest.mark.parametrize("columns", [{"pipeline": None}, {"pattern": ""}, {"promql": "up"}])
    def test_shell_check_columns_agree(self, columns):
        check = factories.check(factories.item(), kind="shell")

        refused(
            "shell_check_is_complete", lambda: VerificationCheck.objects.filter(pk=check.pk).update(**columns)
        )

    def test_a_slot_has_one_run(self):
        run = factories.check_run()
        check = run.verification_check

        refused("one_run_per_check_and_slot", lambda: factories.check_run(check, slot=run.slot))

    def test_a_check_stands_once_and_names_its_unfinished_run_whole(self):
        first, second = factories.item(checks=2).verification_checks.all()
        standings = CheckStanding.objects
        factories.hold(first, until=NOW, slot=NOW)

        refused("pkey", lambda: standings.create(**CheckStanding.objects.filter(pk=first.pk).values()[0]))
        refused(
            "one_check_for_a_run_asked_for",
            lambda: standings.update(asked_run_id=7, slot=NOW, asked_at=NOW),
        )
        refused("run_asked_for_is_complete", lambda: standings.filter(pk=second.pk).update(asked_run_id=7))
        refused("claimed_run_is_complete", lambda: standings.filter(pk=first.pk).update(started_at=None))

    def test_a_finished_run_has_an_outcome_and_is_final(self):
        run = factories.check_run()

        refused(
            "finished_run_has_an_outcome",
            lambda: factories.check_run(run.verification_check, slot=NOW, outcome=""),
        )
        for act in (lambda: CheckRun.objects.filter(pk=run.pk).update(outcome="fail"), run.delete):
            refused("remediation_checkrun", act, DatabaseError)

    def test_policy_positions_are_unique(self):
        refused("position", at_commit(lambda: SlaPolicy.objects.create(position=1, days=3)))

    def test_a_policy_promises_a_day_at_least(self):
        refused("a_day_at_least", lambda: SlaPolicy.objects.create(position=90, days=0))
