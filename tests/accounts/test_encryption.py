"""Secrets are stored encrypted, shown nowhere, and move to a new key."""

import re

import pytest
from django.core import serializers
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import encryption
from accounts.encryption import NoKey, Unreadable, seal
from config import env
from postmortem.models import TrailEntry
from remediation.models import DataSource
from tests import factories

OLD, NEW = encryption.new_key("old"), encryption.new_key("new")


def keys(*lines):
    return dict(line.split(":", 1) for line in lines)


@pytest.fixture
def source(db):
    return DataSource.objects.create(
        name="Cell", base_url="https://p.example.org", auth="bearer", credential="tok-9f8e7d"
    )


def stored():
    with connection.cursor() as cursor:
        cursor.execute("SELECT credential FROM remediation_datasource")
        return [text for (text,) in cursor.fetchall()]


def test_secret_is_stored_encrypted_with_its_keys_id_and_read_again(source):
    (text,) = stored()

    assert text.startswith("f1:test:")
    assert "tok-9f8e7d" not in text
    assert DataSource.objects.get().credential.reveal() == "tok-9f8e7d"


def test_the_same_secret_never_looks_the_same():
    assert seal("x", purpose="a.b").stored != seal("x", purpose="a.b").stored


def test_secret_is_hidden_where_it_is_shown(source):
    source.refresh_from_db()

    shown = f"{source.credential} {source.credential!r} {serializers.serialize('json', [source])}"

    assert "tok-9f8e7d" not in shown
    assert source.credential.stored not in shown
    assert bool(source.credential) is True


def test_trail_knows_that_a_secret_changed_and_nothing_of_it(source):
    (first,) = stored()
    DataSource.objects.update(credential="tok-second")
    DataSource.objects.update(auth="none", credential="")
    DataSource.objects.all().delete()

    entries = TrailEntry.objects.filter(model="remediation_datasource").order_by("id")
    known = [
        (e.operation, (e.before or {}).get("credential"), (e.after or {}).get("credential")) for e in entries
    ]
    assert known == [
        ("insert", None, "hidden"),
        ("update", "hidden", "hidden"),
        ("update", "hidden", ""),
        ("delete", "", None),
    ]
    assert entries[0].after["name"] == "Cell"
    said = "".join(f"{e.before}{e.after}" for e in entries)
    assert "tok-" not in said
    assert first not in said
    assert "f1:" not in said


def test_what_was_changed_or_moved_elsewhere_cannot_be_read(source):
    (text,) = stored()
    last = "A" if text[-5] != "A" else "B"

    with pytest.raises(Unreadable):
        encryption.Secret(text[:-5] + last + text[-4:], purpose="remediation_datasource.credential").reveal()
    with pytest.raises(Unreadable):
        encryption.Secret(text, purpose="other.column").reveal()
    with pytest.raises(Unreadable):
        encryption.Secret("plain", purpose="other.column").reveal()


def test_without_its_key_a_secret_cannot_be_read(source, settings):
    settings.FIELD_KEYS = keys(NEW)

    with pytest.raises(NoKey, match="'test'"):
        DataSource.objects.get().credential.reveal()


def test_without_any_key_nothing_is_stored(settings, db):
    settings.FIELD_KEYS = {}

    with pytest.raises(NoKey):
        DataSource.objects.create(name="x", base_url="http://x", auth="bearer", credential="secret")
    assert "accounts.W001" in {problem.id for problem in run_checks(include_deployment_checks=True)}


def test_keys_present_are_no_finding(db):
    assert not [p for p in run_checks(include_deployment_checks=True) if p.id == "accounts.W001"]


def test_rotation_encrypts_anew_under_the_first_key(db, settings, capsys):
    settings.FIELD_KEYS = keys(OLD)
    factories.data_source("Plain")
    DataSource.objects.create(name="Cell", base_url="http://x", auth="bearer", credential="secret")
    settings.FIELD_KEYS = keys(NEW, OLD)

    call_command("rotate_field_keys", "--check")
    assert DataSource.objects.get(name="Cell").credential.key_id == "old"
    call_command("rotate_field_keys")

    settings.FIELD_KEYS = keys(NEW)
    cell = DataSource.objects.get(name="Cell")
    assert (cell.credential.key_id, cell.credential.reveal()) == ("new", "secret")
    assert "1 would be" in capsys.readouterr().out


def test_rotation_says_what_it_cannot_read_and_leaves_it(source, settings, capsys):
    (text,) = stored()
    settings.FIELD_KEYS = keys(NEW)

    with pytest.raises(CommandError, match="1 secrets"):
        call_command("rotate_field_keys")

    assert stored() == [text]
    assert "tok-9f8e7d" not in capsys.readouterr().err


def test_a_new_key_is_printed(capsys):
    call_command("rotate_field_keys", "--new", "k2")

    assert re.fullmatch(r"k2:[\w-]{43}=\n", capsys.readouterr().out)


def test_keys_are_read_from_a_file(monkeypatch, tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"{NEW}\n{OLD}\n")
    monkeypatch.setenv("SOME_KEYS_FILE", str(file))

    assert list(env.keys("SOME_KEYS")) == ["new", "old"]


@pytest.mark.parametrize(
    "wrong", ["nokey", "a:short", f"{OLD},{OLD}", "a b:x"], ids=["no id", "short", "twice", "a space"]
)
def test_wrong_keys_stop_the_start_and_are_not_repeated(monkeypatch, wrong):
    monkeypatch.setenv("WRONG_KEYS", wrong)

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.keys("WRONG_KEYS")

    assert wrong.rpartition(":")[2] not in str(refusal.value) or wrong == "nokey"
