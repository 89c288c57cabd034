"""Evidence files: attached by who may, hashed, as sealed as what they belong to, nothing half stored."""

import hashlib
import stat
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from PIL import Image

from postmortem import access, document, evidence, timelines, vault
from postmortem.causes import ReviewNotOpen, StepSigned
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.evidence import QuotaReached
from postmortem.models import Entry, EvidenceFile, TrailEntry
from postmortem.timelines import TimelineFiled
from postmortem.vault import NotStored
from tests import factories, files
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def vault_folder(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / "evidence"


def stored(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def attach(target, data=None, *, name="screen.png", by=None):
    by = by or (target.timeline.participant.user if isinstance(target, Entry) else factories.user())
    return evidence.attach(target, data=data or files.picture(), name=name, by=by, now=NOW)


def test_a_picture_is_stored_with_hash_size_and_label(vault_folder):
    entry = factories.entry(factories.timeline())

    file = attach(entry, files.picture("JPEG"), name="C:\\Users\\lin\\pool at 247.jpg")

    data = vault.open_file(file.stored_as).read()
    assert (file.label, file.media_type, file.width, file.height) == (
        "pool at 247.jpg",
        "image/jpeg",
        640,
        360,
    )
    assert (file.size_bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert Image.open(BytesIO(data)).size == (640, 360)
    assert len(stored(vault_folder)) == 2
    assert not [name for name in stored(vault_folder) if "pool" in name]
    paths = list(vault_folder.rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}


def test_a_log_is_masked_before_it_is_stored_and_in_the_trail():
    file = attach(factories.entry(factories.timeline()), files.LOG, name="order.log")

    assert b"hunter22" not in vault.open_file(file.stored_as).read()
    assert (file.masked_count, [(one.line, one.kind) for one in file.masked]) == (1, [(1, "value")])
    assert "连接池" in file.excerpt
    assert not [row for row in TrailEntry.objects.all() if "hunter22" in f"{row.before}{row.after}"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../etc/passwd", "passwd"),
        ("", "File"),
        ("\u202egnp.exe\n", "gnp.exe"),
        ("x" * 400, "x" * 150),
        ("屏幕截图.png", "屏幕截图.png"),
    ],
)
def test_a_name_is_a_label_only(name, label):
    assert attach(factories.entry(factories.timeline()), name=name).label == label


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"PK\x03\x04\x00", "x.png"),
        (files.bomb(), "x.png"),
        (files.picture()[:300], "x.png"),
        (b" ", "x.png"),
        (files.picture(), "x\x00.png"),
        (b"x" * 10_000_001, "x.log"),
    ],
    ids=["type", "bomb", "cut off", "empty", "NUL", "large"],
)
def test_a_refused_file_leaves_nothing(vault_folder, data, name):
    with pytest.raises(Invalid) as refusal:
        attach(factories.entry(factories.timeline()), data, name=name)

    assert refusal.value.field == "file"
    assert stored(vault_folder) == []
    assert not EvidenceFile.objects.exists()


def test_quota_counts_all_files_of_an_incident(settings):
    entry = factories.entry(factories.timeline())
    incident = entry.timeline.participant.incident
    first = attach(entry)
    settings.EVIDENCE_QUOTA_BYTES = first.size_bytes + 10

    with pytest.raises(QuotaReached) as refusal:
        attach(incident)

    assert refusal.value.details == {"used": first.size_bytes, "most": first.size_bytes + 10}
    assert EvidenceFile.objects.count() == 1


def test_who_may_attach():
    incident = factories.incident()
    entry = factories.entry(factories.timeline(factories.participant(incident)))
    viewer, stranger = factories.user(role="viewer"), factories.user(role="administrator")

    with pytest.raises(NotAllowed):
        attach(entry, by=stranger)
    with pytest.raises(NotAllowed):
        attach(incident, by=viewer)
    assert attach(incident, by=factories.user()).incident == incident
    hidden = factories.incident(is_restricted=True)
    with pytest.raises(NotAllowed):
        attach(hidden, by=factories.user())


def test_a_filed_timeline_keeps_its_files_and_takes_no_more():
    timeline = factories.timeline()
    entry, by = factories.entry(timeline), timeline.participant.user
    file = attach(entry)
    timelines.file(timeline, by=by, now=NOW)

    with pytest.raises(TimelineFiled):
        attach(entry)
    with pytest.raises(TimelineFiled):
        evidence.remove(file, by=by, now=NOW)


def test_a_step_takes_files_until_it_is_signed():
    review = factories.review()
    step = review.steps.get(position=1)
    with pytest.raises(ReviewNotOpen):
        attach(step)

    review = factories.review(is_open=True)
    step = review.steps.get(position=1)
    by = factories.user()
    file = attach(step, files.PDF, name="plan.pdf", by=by)
    factories.signed(factories.written(step), by=by)

    with pytest.raises(StepSigned):
        attach(step)
    with pytest.raises(StepSigned):
        evidence.remove(EvidenceFile.objects.get(pk=file.pk), by=by, now=NOW)


def test_an_archived_incident_takes_no_file():
    incident = factories.resolved_incident()
    by = factories.user()
    file = attach(incident, by=by)
    factories.archived_review(incidents=[incident])

    with pytest.raises(Archived):
        attach(incident)
    with pytest.raises(Archived):
        evidence.remove(EvidenceFile.objects.get(pk=file.pk), by=by, now=NOW)


def test_removing_a_file_removes_its_bytes(vault_folder, django_capture_on_commit_callbacks):
    entry = factories.entry(factories.timeline())
    by = entry.timeline.participant.user
    file, _other = attach(entry), attach(entry)

    with django_capture_on_commit_callbacks(execute=True):
        evidence.remove(file, by=by, now=NOW)
    assert len(stored(vault_folder)) == 2

    with django_capture_on_commit_callbacks(execute=True):
        timelines.remove(entry, by=by, now=NOW)
    assert stored(vault_folder) == []


def test_who_removes_a_file_of_an_incident():
    incident, author = factories.incident(), factories.user()
    first, second = attach(incident, by=author), attach(incident, by=author)

    with pytest.raises(NotAllowed):
        evidence.remove(first, by=factories.user(), now=NOW)
    evidence.remove(first, by=author, now=NOW)
    evidence.remove(second, by=factories.user(role="facilitator"), now=NOW)

    assert not EvidenceFile.objects.exists()


def test_entry_and_file_are_written_together_or_not_at_all(vault_folder):
    timeline = factories.timeline()
    by = timeline.participant.user
    facts = {"text": "Pool at 247", "happened_at": NOW, "zone": "UTC", "kind": "screenshot"}

    for data, changes in ((b"PK\x03\x04\x00", {}), (files.picture(), {"kind": "dream"})):
        with pytest.raises(Invalid):
            evidence.add_entry(timeline, data=data, name="x", by=by, now=NOW, **facts | changes)
    assert not Entry.objects.exists()
    assert stored(vault_folder) == []

    entry, file = evidence.add_entry(timeline, data=files.picture(), name="x.png", by=by, now=NOW, **facts)
    assert (entry.kind, list(entry.evidence.all())) == ("screenshot", [file])


def test_a_disk_that_takes_nothing_is_said(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "file"
    settings.MEDIA_ROOT.write_text("no folder")

    with pytest.raises(NotStored):
        attach(factories.entry(factories.timeline()))
    assert not EvidenceFile.objects.exists()


def test_sealed_and_restricted_files_are_seen_by_nobody_else():
    incident = factories.incident(is_restricted=True)
    mine, theirs = factories.participant(incident), factories.participant(incident)
    sealed = attach(factories.entry(factories.timeline(mine)))
    loose = attach(incident, by=mine.user)
    review = factories.review(incidents=[incident], is_open=True)
    of_step = attach(review.steps.get(position=1))
    governor, stranger = factories.user(role="governor"), factories.user(role="facilitator")

    def seen(user):
        return set(access.evidence(user))

    assert seen(mine.user) == {sealed, loose, of_step}
    assert seen(theirs.user) == seen(governor) == {loose, of_step}
    assert seen(stranger) == set()

    timelines.file(mine.timeline, by=mine.user, now=NOW)
    assert seen(theirs.user) == seen(governor) == {sealed, loose, of_step}
    assert seen(stranger) == set()


def test_a_file_changes_the_hash_of_the_postmortem():
    incident = factories.resolved_incident()
    review = factories.review(incidents=[incident], is_open=True)
    hashes = {document.content_hash(review)}
    entry = factories.entry(factories.timeline(factories.participant(incident)))
    attach(entry)
    timelines.file(entry.timeline, by=entry.timeline.participant.user, now=NOW)
    hashes.add(document.content_hash(review))
    file = attach(incident)
    hashes.add(document.content_hash(review))
    attach(review.steps.get(position=2))
    hashes.add(document.content_hash(review))

    assert len(hashes) == 4
    assert file.sha256 in str(document.content(review))


def test_rows_are_never_edited():
    file = attach(factories.entry(factories.timeline()))

    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        EvidenceFile.objects.filter(pk=file.pk).update(sha256="0" * 64)


def test_sweep_removes_what_no_row_names_and_tells_what_is_lost(vault_folder, capsys):
    kept, lost = attach(factories.entry(factories.timeline())), attach(factories.incident())
    orphan = vault.put(b"left by a crash")
    (vault_folder / "notes.txt").write_text("not ours")
    vault.discard([lost.stored_as])

    assert evidence.sweep(before=NOW - timedelta(days=9000)) == ([], [])
    call_command("sweep_evidence", "--older-than-hours=0")

    said = capsys.readouterr().out
    assert "1 file" in said
    assert f"evidence {lost.pk}" in said
    assert not (vault_folder / orphan).exists()
    assert vault.open_file(kept.stored_as).read()
    assert (vault_folder / "notes.txt").exists()


def test_sweep_misses_no_file_that_is_younger_than_its_row(vault_folder):
    """As after a restore from a copy: its files are new, its rows are not."""
    row, hour_ago = attach(factories.incident()), datetime.now(UTC) - timedelta(hours=1)

    assert row.uploaded_at < hour_ago
    assert evidence.sweep(before=hour_ago) == ([], [])


def test_a_file_takes_a_stale_signature_away():
    review = factories.review(is_open=True)
    step = review.steps.get(position=2)
    by = factories.user()
    factories.signed(factories.written(step), by=by)
    step.is_stale = True
    step.save()

    attach(step, by=by)

    step.refresh_from_db()
    assert (step.signed_at, step.is_stale) == (None, False)
