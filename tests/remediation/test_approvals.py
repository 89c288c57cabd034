"""Which commands may run: pinned, approved by another, signed, and stopped by the switch."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from postmortem.errors import Invalid, NotAllowed
from remediation import approvals, catalogue, items, runs, verification
from remediation.approvals import NotWhatWasRead, OwnCommand
from remediation.checkspec import CheckSpec
from remediation.models import CheckRun, ProbeApproval, ProbeRevision, ProbeTemplate, VerificationCheck
from tests import factories

pytestmark = pytest.mark.django_db

TRUE = CheckSpec(kind="shell", pipeline=[["true"]])


@pytest.fixture
def author():
    return factories.user("Author", role="administrator")


@pytest.fixture
def approver():
    return factories.user("Approver", role="administrator")


@pytest.fixture
def check(author, settings):
    settings.SHELL_PROBES_ENABLED = True
    return items.add_check(factories.item(checks=0), spec=TRUE, by=author, now=timezone.now())


def sha(check):
    return approvals.sha_of(approvals.body_of_check(check))


def approve(check, by, *, now=None):
    return approvals.approve(check, sha=sha(check), by=by, now=now or timezone.now())


def run(check):
    """Let the check run for real; what came of it."""
    runs.ask_now(check.pk, now=timezone.now())
    verification.execute_shell()
    last = CheckRun.objects.filter(verification_check=check).latest("id")
    return last.outcome, last.error_code


def test_command_does_not_run_before_another_has_approved_it(check, approver):
    before = run(check)
    approve(check, approver)

    assert (before, run(check)) == (("error", "not_approved"), ("pass", ""))


def test_author_does_not_approve_and_the_database_holds_it(check, author):
    with pytest.raises(OwnCommand):
        approve(check, author)
    now, revision = timezone.now(), check.revisions.get()
    with pytest.raises(IntegrityError, match="probe_is_approved_by_another"), transaction.atomic():
        ProbeApproval.objects.create(
            revision=revision, author=author, approver=author, approved_at=now, expires_at=now + timedelta(1)
        )


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "governor"])
def test_only_an_administrator_approves(check, role):
    with pytest.raises(NotAllowed):
        approve(check, factories.user(role=role))


def test_what_was_read_is_what_is_approved(check, approver, author):
    read = sha(check)
    items.edit_check(check, spec=replace(TRUE, pipeline=[["false"]]), by=author, now=timezone.now())

    with pytest.raises(NotWhatWasRead) as refusal:
        approvals.approve(check, sha=read, by=approver, now=timezone.now())

    check.refresh_from_db()
    assert refusal.value.details == {"sha": sha(check)}


@pytest.mark.parametrize(
    "change",
    [{"pipeline": [["test", "1"]]}, {"timeout_seconds": 20}, {"shell_expectation": "match", "pattern": "x"}],
)
def test_any_edit_needs_a_new_approval(check, approver, author, change):
    approve(check, approver)
    items.edit_check(check, spec=replace(TRUE, **change), by=author, now=timezone.now())

    assert run(check) == ("error", "not_approved")


def test_approval_ends(check, approver):
    approve(check, approver, now=timezone.now() - timedelta(days=91))

    assert run(check) == ("error", "expired")


def test_raw_change_of_the_command_makes_nothing_run(check, approver):
    approve(check, approver)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE remediation_verificationcheck SET pipeline = %s WHERE id = %s",
            ['[["test", "x"]]', check.pk],
        )

    assert run(check) == ("error", "not_approved")


def test_raw_change_with_a_revision_and_an_approval_beside_it_makes_nothing_run(check, approver):
    real = approve(check, approver)
    VerificationCheck.objects.filter(pk=check.pk).update(pipeline=[["test", "x"]])
    check.refresh_from_db()
    body = approvals.body_of_check(check)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO remediation_proberevision (verification_check_id, body, sha, template, created_at)"
            " VALUES (%s, %s, %s, '', now()) RETURNING id",
            [check.pk, body, approvals.sha_of(body)],
        )
        (revision,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO remediation_probeapproval"
            " (revision_id, approver_id, template, approved_at, expires_at, mac)"
            " VALUES (%s, %s, '', %s, %s, %s)",
            [revision, approver.pk, real.approved_at, real.expires_at, real.mac],
        )

    assert run(check) == ("error", "forged")


def test_longer_life_by_raw_sql_makes_nothing_run(check, approver):
    old = approve(check, approver, now=timezone.now() - timedelta(days=91))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO remediation_probeapproval"
            " (revision_id, author_id, approver_id, template, approved_at, expires_at, mac)"
            " SELECT revision_id, author_id, approver_id, template, approved_at,"
            " now() + interval '1 day', mac"
            " FROM remediation_probeapproval WHERE id = %s",
            [old.pk],
        )

    assert run(check)[1] in {"expired", "forged"}


@pytest.mark.parametrize("table", ["proberevision", "probeapproval", "probeswitch"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_rows_are_written_once(check, approver, table, statement):
    approve(check, approver)
    approvals.switch(team=None, is_off=False, reason="", by=approver, now=timezone.now())

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(f"remediation_{table}"))


def test_finished_run_cannot_be_rewritten(check, approver):
    approve(check, approver)
    run(check)

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        CheckRun.objects.update(outcome="fail")


def test_key_of_another_installation_makes_nothing_run(check, approver, settings):
    approve(check, approver)
    settings.PROBE_SIGNING_KEY = "another"

    assert run(check) == ("error", "forged")


def test_switch_stops_everything_and_what_waits_goes_on_waiting(check, approver):
    approve(check, approver)
    approvals.switch(team=None, is_off=True, reason="Broken into", by=approver, now=timezone.now())
    runs.ask_now(check.pk, now=timezone.now())
    verification.execute_shell()
    assert runs.unfinished(check, now=timezone.now()) is not None
    assert not CheckRun.objects.exists()

    approvals.switch(team=None, is_off=False, reason="", by=approver, now=timezone.now())
    verification.execute_shell()

    assert CheckRun.objects.get(verification_check=check).outcome == "pass"


def test_switch_of_a_team_stops_that_team_at_the_start(check, approver):
    approve(check, approver)
    other = factories.check(
        factories.item(checks=0), kind="shell", pipeline=[["true"]], shell_expectation="success"
    )
    approvals.switch(team=check.item.team, is_off=True, reason="Ours", by=approver, now=timezone.now())

    assert (run(check), run(other)) == (("error", "switched_off"), ("pass", ""))


def test_manager_stops_the_own_team_and_an_administrator_lets_it_go_on(check, approver):
    manager = factories.user(role="member")
    team = factories.team(manager=manager)

    approvals.switch(team=team, is_off=True, reason="Strange load", by=manager, now=timezone.now())

    for turn in ({"team": team, "is_off": False}, {"team": None, "is_off": True}):
        with pytest.raises(NotAllowed):
            approvals.switch(**turn, reason="x", by=manager, now=timezone.now())
    with pytest.raises(Invalid):
        approvals.switch(team=None, is_off=True, reason=" ", by=approver, now=timezone.now())
    assert approvals.switched_off([team.pk]).reason == "Strange load"
    assert approvals.switched_off() is None


def test_waiting_list_holds_what_nobody_approved(check, approver):
    visible = items.visible_to(approver)
    assert approvals.waiting(visible, now=timezone.now()) == [check]
    approve(check, approver)
    assert approvals.waiting(visible, now=timezone.now()) == []


def test_waiting_list_needs_as_many_queries_for_three(check, author, approver, django_assert_num_queries):
    visible = items.visible_to(approver)
    for _ in range(2):
        items.add_check(factories.item(checks=0), spec=TRUE, by=author, now=timezone.now())

    with django_assert_num_queries(4):
        assert len(approvals.waiting(visible, now=timezone.now())) == 3


# -- the catalogue

PODS = {
    "title": "Pods", "description": "", "kind": "shell", "pipeline": [["test", "{value}"]],
    "parameters": [{"name": "value", "label": "Value"}],
}  # fmt: skip


def test_command_of_a_template_runs_without_a_second_person(author, settings):
    settings.SHELL_PROBES_ENABLED = True
    catalogue.write(slug="some-test", body=PODS, by=author, now=timezone.now())
    spec = CheckSpec(kind="shell", template="some-test", parameters={"value": "x"})
    check = items.add_check(factories.item(checks=0), spec=spec, by=factories.user(), now=timezone.now())

    assert check.pipeline == [["test", "x"]]
    assert run(check) == ("pass", "")


def test_template_that_nobody_signed_is_none(author):
    row = catalogue.write(slug="some-test", body=PODS, by=author, now=timezone.now())
    ProbeTemplate.objects.update(body=row.body | {"pipeline": [["rm", "{value}"]]})

    assert catalogue.find("some-test") is None
    assert "some-test" not in {template.slug for template in catalogue.offered()}


def test_definition_cannot_bring_its_own_command_to_a_template(author):
    catalogue.write(slug="some-test", body=PODS, by=author, now=timezone.now())
    spec = CheckSpec(
        kind="shell", template="some-test", parameters={"value": "x"}, pipeline=[["rm"]], reads="/etc/shadow"
    )
    check = items.add_check(factories.item(checks=0), spec=spec, by=author, now=timezone.now())

    assert (check.pipeline, check.reads) == ([["test", "x"]], "")


def test_free_command_reads_no_file(author):
    spec = replace(TRUE, reads="/etc/shadow")

    assert items.add_check(factories.item(checks=0), spec=spec, by=author, now=timezone.now()).reads == ""


def test_only_an_administrator_writes_templates():
    with pytest.raises(NotAllowed):
        catalogue.write(slug="x", body=PODS, by=factories.user(role="governor"), now=timezone.now())


def test_withdrawn_template_is_not_offered_and_its_checks_go_on(author, settings):
    settings.SHELL_PROBES_ENABLED = True
    row = catalogue.write(slug="some-test", body=PODS, by=author, now=timezone.now())
    spec = CheckSpec(kind="shell", template="some-test", parameters={"value": "x"})
    check = items.add_check(factories.item(checks=0), spec=spec, by=author, now=timezone.now())
    catalogue.withdraw(row, by=author, now=timezone.now())

    assert catalogue.find("some-test") is None
    assert run(check) == ("pass", "")
    assert ProbeRevision.objects.count() == 1


def test_text_that_cannot_be_stored_is_refused(author):
    with pytest.raises(Invalid):
        catalogue.write(slug="x", body=PODS | {"title": "\ud800"}, by=author, now=timezone.now())
    with pytest.raises(Invalid):
        catalogue.fill(CheckSpec(kind="shell", template="\ud800"))
