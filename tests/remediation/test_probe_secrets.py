"""Secrets of commands: kept encrypted, given to the right command alone, and never told again."""

import base64
import logging
from dataclasses import replace
from urllib.parse import quote

import pytest
from django.db import connection
from django.utils import timezone

from postmortem.errors import Invalid, NotAllowed
from postmortem.models import TrailEntry
from remediation import approvals, items, probe_secrets, runs, verification
from remediation.checkspec import CheckSpec
from remediation.models import CheckRun, ProbeSecret, VerificationCheck
from remediation.probe_secrets import NoSecret, SecretInUse
from remediation.probes import sandbox
from remediation.probes.redaction import MARK, Redaction
from tests import factories
from tests.services import require_program

pytestmark = pytest.mark.django_db

SECRET = "s3cr&t/väl ue+9"
PRINTS = CheckSpec(
    kind="shell", pipeline=[["printenv", "PGPASSWORD"]], env={"PGPASSWORD": "secret://orders-db"}
)


@pytest.fixture
def root():
    return factories.user("Root", role="administrator")


@pytest.fixture
def item():
    return factories.item(checks=0)


@pytest.fixture
def team():
    return factories.team("Orders")


@pytest.fixture
def shell_on(settings):
    require_program("bwrap", "apt-get install bubblewrap")
    if sandbox.bubblewrap()[0] is None:
        pytest.skip(f"{sandbox.bubblewrap()[1]} To get it: allow unprivileged user namespaces.")
    settings.SHELL_PROBES_ENABLED = True


def put(team, by, *, name="orders-db", value=SECRET):
    return probe_secrets.put(team=team, name=name, value=value, by=by, now=timezone.now())


def agreed(item, spec, root):
    """A check of a member, approved by an administrator."""
    check = items.add_check(item, spec=spec, by=factories.user(), now=timezone.now())
    sha = approvals.sha_of(approvals.body_of_check(check))
    approvals.approve(check, sha=sha, by=root, now=timezone.now())
    return check


def ran(check):
    runs.ask_now(check.pk, now=timezone.now())
    verification.execute("shell")
    return CheckRun.objects.filter(verification_check=check).latest("id")


def everything_stored() -> str:
    """All rows of all tables as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        said = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            said += [row for (row,) in cursor.fetchall()]
    return "\n".join(said)


class TestKeeping:
    def test_secret_is_encrypted_with_keys_of_its_own(self, team, root, settings):
        row = put(team, root)

        assert SECRET not in everything_stored()
        assert ProbeSecret.objects.get(pk=row.pk).value.reveal() == SECRET
        settings.FIELD_KEYS = {}
        assert ProbeSecret.objects.get(pk=row.pk).value.reveal() == SECRET
        assert SECRET not in f"{row} {row!r} {row.value} {row.value!r} {vars(row)}"

    def test_trail_says_who_set_it_and_not_what_it_holds(self, team, root):
        row = put(team, root)
        put(team, root, value="another-value")

        entries = TrailEntry.objects.filter(model="remediation_probesecret", object_id=row.pk)
        assert [entry.act for entry in entries] == ["probe_secrets.put", "probe_secrets.put"]
        assert all(entry.actor == root for entry in entries)
        assert [entry.after["value"] for entry in entries] == ["hidden", "hidden"]

    def test_manager_sets_those_of_the_own_team_alone(self, root):
        manager = factories.user("Manager")
        mine, other = factories.team("Mine", manager=manager), factories.team("Other")

        put(mine, manager)
        put(other, root)
        with pytest.raises(NotAllowed):
            put(other, manager)
        with pytest.raises(NotAllowed):
            put(mine, factories.user())
        assert [row.team for row in probe_secrets.visible_to(manager)] == [mine]
        assert list(probe_secrets.visible_to(factories.user())) == []

    @pytest.mark.parametrize(
        ("name", "value", "field"),
        [
            ("Orders DB", SECRET, "name"),
            ("", SECRET, "name"),
            ("orders-db", "qwertz7", "value"),
            ("orders-db", "       x       ", "value"),
            ("orders-db", "", "value"),
            ("orders-db", "x" * 4001, "value"),
            ("orders-db", "nul\x00-inside", "value"),
        ],
        ids=["spaces", "no name", "short", "blank", "empty", "long", "nul"],
    )
    def test_what_cannot_be_kept_is_refused_without_being_repeated(self, team, root, name, value, field):
        with pytest.raises(Invalid) as refusal:
            put(team, root, name=name, value=value)

        assert refusal.value.field == field
        assert not value.strip() or value not in refusal.value.message
        assert not ProbeSecret.objects.exists()

    def test_without_keys_nothing_is_kept(self, team, root, settings):
        settings.PROBE_SECRET_KEYS = {}

        with pytest.raises(probe_secrets.KeysMissing):
            put(team, root)

    def test_secret_in_use_stays(self, item, root):
        row = put(item.team, root)
        check = agreed(item, PRINTS, root)
        with pytest.raises(SecretInUse):
            probe_secrets.remove(row, by=root, now=timezone.now())

        items.edit_check(check, spec=replace(PRINTS, env=None), by=factories.user(), now=timezone.now())
        probe_secrets.remove(row, by=root, now=timezone.now())
        assert not ProbeSecret.objects.exists()


class TestReferences:
    @pytest.mark.parametrize(
        "env",
        [
            {"LD_PRELOAD": "secret://a"}, {"PATH": "secret://a"}, {"lower": "secret://a"},
            {"A=B": "secret://a"}, {"PYTHONPATH": "secret://a"}, {"BASH_ENV": "secret://a"},
            {"": "secret://a"}, {"A": "hunter2-hunter2"}, {"A": "secret://"}, {"A": "secret://../x"},
            {"A": "secret://a\n"}, {"A": 5}, {f"A{number}": "secret://a" for number in range(21)}, ["A"],
        ],
    )  # fmt: skip
    def test_only_references_in_harmless_variables(self, env):
        with pytest.raises(Invalid) as refusal:
            replace(PRINTS, env=env).validate()

        assert refusal.value.field == "env"
        assert "hunter2" not in refusal.value.message

    def test_reference_is_part_of_what_is_approved(self, item, root):
        check = agreed(item, PRINTS, root)
        owner, now = approvals.owner_of(check), timezone.now()

        assert approvals.standing(owner, approvals.body_of_check(check), now=now).code == "approved"
        check.env = {"PGPASSWORD": "secret://payroll-db"}
        assert approvals.standing(owner, approvals.body_of_check(check), now=now).code == "not_approved"

    def test_commands_without_secrets_are_pinned_as_before(self):
        body = approvals.body_of(
            pipeline=[["true"]], reads="", expectation="success", pattern="", timeout_seconds=10
        )

        assert body == (
            '{"expectation":"success","form":1,"network":"none","pattern":"","pipeline":[["true"]],'
            '"reads":"","timeout_seconds":10}'
        )


@pytest.mark.usefixtures("shell_on")
class TestUse:
    def test_command_gets_it_and_what_it_prints_is_redacted(self, item, root, caplog):
        put(item.team, root)
        caplog.set_level(logging.DEBUG)

        run = ran(agreed(item, replace(PRINTS, shell_expectation="match", pattern=r"^\[secret\]$"), root))

        assert (run.outcome, run.output, run.sandbox) == ("pass", f"{MARK}\n", "bubblewrap")
        assert SECRET not in everything_stored()
        assert SECRET not in caplog.text

    def test_use_stands_in_the_trail(self, item, root):
        row = put(item.team, root)
        check = agreed(item, PRINTS, root)

        run = ran(check)

        (entry,) = TrailEntry.objects.filter(act="probe_secrets.use")
        assert (entry.model, entry.object_id) == ("remediation_probesecret", row.pk)
        sha = approvals.sha_of(approvals.body_of_check(check))
        assert entry.after == {"check": check.pk, "run": run.pk, "sha": sha}

    @pytest.mark.parametrize(
        "prints",
        [
            'import os; print(os.environ["A"])',
            'import os, base64; print(base64.b64encode(os.environ["A"].encode()).decode())',
            'import os, base64; print(base64.b64encode(("user:" + os.environ["A"] + "!").encode()).decode())',
            'import os, base64; print(base64.urlsafe_b64encode(os.environ["A"].encode()).decode())',
            'import os, urllib.parse as p; print("https://u:" + p.quote(os.environ["A"], safe="") + "@db")',
            'import os, urllib.parse as p; print("q=" + p.quote_plus(os.environ["A"]))',
            'import os, json; print(json.dumps({"k": os.environ["A"]}))',
            'import os; print(os.environ["A"].encode().hex())',
            'import os; a = os.environ["A"]; print(a[:4] + "\\x1b[0m" + a[4:])',
            'import os, sys; sys.exit("cannot sign in with " + os.environ["A"])',
        ],
        ids=[
            "raw",
            "base64",
            "base64 inside",
            "base64 of urls",
            "url",
            "form",
            "json",
            "hex",
            "escapes",
            "error",
        ],
    )
    def test_no_form_of_it_is_kept(self, item, root, prints):
        put(item.team, root)
        spec = replace(PRINTS, pipeline=[["python3", "-I", "-c", prints]], env={"A": "secret://orders-db"})

        run = ran(agreed(item, spec, root))

        said = f"{run.output} {run.error} {run.expression}"
        forms = [SECRET, quote(SECRET, safe=""), SECRET.encode().hex(), SECRET[4:]]
        forms += [base64.b64encode(SECRET.encode()).decode()[:-4], "c2VyOnMzY3ImdC"]
        # What looks like a password in an address is masked in any case.
        assert MARK in said or "[masked]" in said
        assert not [form for form in forms if form in said]

    def test_secret_is_on_no_command_line(self, item, root):
        put(item.team, root)
        looks = "cat /proc/1/cmdline /proc/self/cmdline | tr '\\0' ' '"
        spec = replace(PRINTS, pipeline=[["sh", "-c", looks]])

        run = ran(agreed(item, spec, root))

        assert run.outcome == "pass"
        assert MARK not in run.output
        assert SECRET not in run.output

    def test_secret_of_another_team_is_none(self, item, root):
        put(factories.team("Other"), root)

        run = ran(agreed(item, PRINTS, root))

        assert (run.outcome, run.error_code) == ("error", "no_secret")
        assert not TrailEntry.objects.filter(act="probe_secrets.use").exists()

    def test_unapproved_command_reveals_nothing(self, item, root):
        put(item.team, root)
        check = items.add_check(item, spec=PRINTS, by=factories.user(), now=timezone.now())

        run = ran(check)

        assert (run.outcome, run.error_code) == ("error", "not_approved")
        assert not TrailEntry.objects.filter(act="probe_secrets.use").exists()

    def test_reference_written_past_closeloop_is_not_approved(self, item, root):
        put(item.team, root, name="payroll-db")
        put(item.team, root)
        check = agreed(item, PRINTS, root)
        VerificationCheck.objects.filter(pk=check.pk).update(env={"PGPASSWORD": "secret://payroll-db"})

        run = ran(check)

        assert (run.outcome, run.error_code) == ("error", "not_approved")

    def test_new_value_needs_no_new_approval(self, item, root):
        put(item.team, root)
        check = agreed(
            item, replace(PRINTS, pipeline=[["sh", "-c", 'test "$PGPASSWORD" = other-value']]), root
        )

        before = ran(check).outcome
        put(item.team, root, value="other-value")

        assert (before, ran(check).outcome) == ("fail", "pass")

    def test_worker_without_the_key_says_so(self, item, root, settings):
        put(item.team, root)
        check = agreed(item, PRINTS, root)
        settings.PROBE_SECRET_KEYS = {}

        run = ran(check)

        assert (run.outcome, run.error_code) == ("error", "no_secret")
        assert "key is missing" in run.error


def test_value_copied_from_another_column_is_unreadable(team, root):
    put(team, root)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE remediation_probesecret SET value = 'f1:test:gAAAA'")

    with pytest.raises(NoSecret, match="cannot be read"):
        probe_secrets.reveal({"A": "secret://orders-db"}, team_id=team.pk, used_by={}, now=timezone.now())


def test_redaction_leaves_other_words():
    assert Redaction([])("nothing is hidden") == "nothing is hidden"
    assert (
        Redaction(["hunter2-hunter2"])("it is hunter, not hunter2-hunter2.") == f"it is hunter, not {MARK}."
    )


def test_lines_of_a_long_secret_are_hidden_one_by_one():
    key = "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----\n"

    assert Redaction([key])("line 2: DDDDEEEEFFFF") == f"line 2: {MARK}"
