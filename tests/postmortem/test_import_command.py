"""The command says what it understood and what it doubts, and takes in what is sure."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from postmortem.models import ImportedDocument, Incident
from tests import factories
from tests.postmortem.test_imports import DOCUMENT

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "2018.md"
    path.write_text(DOCUMENT)
    return str(path)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("import_postmortem", *arguments, stdout=out, stderr=out, no_color=True)
    return out.getvalue()


def test_command_tells_what_it_understands_and_writes_nothing(document):
    said = run(document)

    assert "started   2018-02-22T16:30 UTC" in said
    assert "entries   4, 1 of them with a doubtful time" in said
    assert "? ??:?? (no_time)" in said
    assert not ImportedDocument.objects.exists()


def test_command_accepts_what_is_sure_with_what_it_was_given(document):
    factories.service("order")
    person = factories.user("Mia")

    said = run(document, "--accept", "--by", person.email, "--severity", "P2")

    incident = Incident.objects.get()
    assert f"became {incident.public_id} and PM-2026-0001" in said or incident.public_id in said
    assert (incident.severity.code, incident.declared_by) == ("P2", person)


def test_command_names_what_is_missing_and_keeps_nothing(document, tmp_path):
    person = factories.user("Mia")
    broken = tmp_path / "broken.md"
    broken.write_bytes(b"\xff")

    with pytest.raises(CommandError, match="2 of 2"):
        run(document, str(broken), "--accept", "--by", person.email)

    assert not ImportedDocument.objects.exists()
    assert not Incident.objects.exists()


def test_command_needs_a_person_to_keep_anything(document):
    with pytest.raises(CommandError, match="--by"):
        run(document, "--accept")
