"""The database role of the worker of commands: it can do its work, and reads and writes nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from ops import probe_role
from postmortem.models import TrailEntry
from remediation import approvals, checklists, items, runs, verification
from remediation.checkspec import CheckSpec
from remediation.models import CheckRun, ProbeApproval, RemediationItem
from remediation.probes import sandbox
from tests import factories
from tests.services import require_program

pytestmark = pytest.mark.django_db
# The servers of the tests bring it (ops/embedded.py); on another server an owner who may makes its own.
ROLE = "closeloop_probes"
COMMAND = CheckSpec(
    kind="shell",
    pipeline=[["sh", "-c", 'test "$TOKEN_A" = hunter2-hunter2']],
    env={"TOKEN_A": "secret://order-db"},
    passes_needed=1,
)


@pytest.fixture
def role():
    """Granted and forgotten with the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
        (may_create,) = cursor.fetchone()
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE])
        is_there = cursor.fetchone() is not None
    if not is_there and not may_create:
        pytest.skip(f"This PostgreSQL has no role {ROLE}; to get it: CREATE ROLE {ROLE} and grant it to us.")
    call_command("probe_role", ROLE, "--apply", *([] if is_there else ["--create"]))
    return ROLE


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
        yield
        # After an error the end of the transaction takes the role back.
        cursor.execute("RESET ROLE")


def refused(role: str, sql: str) -> bool:
    try:
        with transaction.atomic(), acting_as(role), connection.cursor() as cursor:
            cursor.execute(sql)
    except DatabaseError as problem:
        # insufficient_privilege
        return getattr(problem.__cause__, "sqlstate", "") == "42501"
    return False


def readable(role: str) -> set[str]:
    """Every column of every table that a role may read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')"
            " AND a.attnum > 0 AND NOT a.attisdropped"
            " AND has_column_privilege(%s, c.oid, a.attnum, 'SELECT')",
            [role],
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture
def claimed_item():
    item = factories.item(checks=0)
    root = factories.user("Root", role="administrator")
    factories.probe_secret(item.team, "order-db", by=root)
    check = items.add_check(item, spec=COMMAND, by=factories.user(), now=timezone.now())
    sha = approvals.sha_of(approvals.body_of_check(check))
    approvals.approve(check, sha=sha, by=root, now=timezone.now())
    items.claim_fix(item, by=item.owner, now=timezone.now(), never_red_reason="It is new.")
    runs.ask_now(check.pk, now=timezone.now())
    return item


def test_worker_does_all_of_its_work_under_it(role, claimed_item, settings):
    require_program("bwrap", "apt-get install bubblewrap")
    if sandbox.bubblewrap()[0] is None:
        pytest.skip(f"{sandbox.bubblewrap()[1]} To get it: allow unprivileged user namespaces.")
    settings.SHELL_PROBES_ENABLED = True
    with acting_as(role):
        executed = verification.execute("shell")

    run = CheckRun.objects.get(item=claimed_item)
    claimed_item.refresh_from_db()
    assert (executed.stored, run.outcome, run.error) == (1, "pass", "")
    assert claimed_item.state == RemediationItem.State.VERIFIED
    assert TrailEntry.objects.filter(act="probe_secrets.use").count() == 1


def test_checklists_run_under_it(role, settings):
    settings.SHELL_PROBES_ENABLED = True
    entry = factories.checklist_entry(factories.review(is_open=True))
    run = checklists.run_now(entry, by=factories.user(), now=timezone.now())

    with acting_as(role):
        verification.execute("shell")

    run.refresh_from_db()
    assert run.finished_at is not None


def test_nothing_but_what_is_listed_can_be_read(role):
    listed = set()
    with connection.cursor() as cursor:
        for table, columns in probe_role.READS.items():
            names = (
                columns.split(", ")
                if columns
                else [column.name for column in connection.introspection.get_table_description(cursor, table)]
            )
            listed |= {f"{table}.{name}" for name in names}
    listed |= {f"{table}.id" for table in probe_role.INSERTS}

    found = readable(role)

    assert found == listed
    words = ("password", "credential", "session", "hash", "secret")
    assert {name for name in found if any(word in name.split(".")[1] for word in words)} == set()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT password FROM accounts_user",
        "SELECT email FROM accounts_user",
        "SELECT * FROM accounts_apitoken",
        "SELECT credential FROM remediation_datasource",
        "SELECT * FROM governance_eventsecret",
        "SELECT * FROM governance_teamchannel",
        "SELECT session_data FROM django_session",
        "SELECT summary FROM postmortem_incident",
        "SELECT after FROM postmortem_trailentry",
        "UPDATE remediation_verificationcheck SET pipeline = '[[\"id\"]]'",
        "UPDATE remediation_verificationcheck SET env = '{}'",
        "UPDATE remediation_remediationitem SET title = 'x'",
        "UPDATE remediation_probesecret SET value = 'x'",
        "UPDATE postmortem_trailentry SET act = 'x'",
        "DELETE FROM remediation_checkrun",
        "DELETE FROM postmortem_trailentry",
        "TRUNCATE remediation_checkrun CASCADE",
        "INSERT INTO remediation_probeswitch (is_off, reason, by_id, at) VALUES (false, '', 1, now())",
        "INSERT INTO remediation_probeapproval (revision_id, template) VALUES (1, 'x')",
        "CREATE TABLE public.mine (id int)",
        "COPY remediation_checkrun TO PROGRAM 'id'",
    ],
)
def test_attack_with_its_connection_is_refused(role, sql):
    assert refused(role, sql)


def test_what_it_was_given_before_is_taken_away(role):
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT ON accounts_user TO {role}")

    call_command("probe_role", ROLE, "--apply")

    assert refused(role, "SELECT password FROM accounts_user")


def test_script_is_printed_and_changes_nothing(capsys):
    call_command("probe_role", "probes_elsewhere", "--create")

    printed = capsys.readouterr().out
    assert printed.startswith("CREATE ROLE probes_elsewhere LOGIN NOSUPERUSER")
    assert "GRANT SELECT (id, base_url) ON remediation_datasource TO probes_elsewhere;" in printed
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'probes_elsewhere'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("name", ["", "a b", 'x"; DROP TABLE y; --', "Probes", "x" * 60])
def test_name_that_needs_quoting_is_refused(name):
    with pytest.raises(CommandError):
        call_command("probe_role", name)


def test_role_that_is_not_there_changes_nothing():
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("probe_role", "nobody_of_this_name", "--apply")
    assert not ProbeApproval.objects.exists()
