"""A document from elsewhere becomes a draft, and a confirmed draft an incident with its review."""

import re
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from accounts.models import User
from benchmarks.scores import data_folder
from postmortem import imports, timelines
from postmortem.errors import Invalid, NotAllowed
from postmortem.importing.draft import Draft
from postmortem.models import Entry, ImportedDocument, Incident, Review, ReviewStep, RootCause, Service
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

DOCUMENT = """# 2018-02-22 NGINX crash

Affected services: order

## Summary

The shop was down. ![graph](https://example.org/g.png) See [the log][log].

## Timeline

All times in UTC

### 2018-02-22 16:30

Alerts sent emails about the outage.

### ca. 16:33

Deleted the pods.

### ??:??

Somebody called.

### 16:35

Confirmed that the problem is resolved.

## Impact

Nobody could order.

## Root cause

The ingress had no memory limit.

## What went badly

- Nobody looked.

## Conclusion

It happens.

## Action items

- Set a limit

[log]: https://example.org/log
"""


@pytest.fixture
def member() -> User:
    return factories.user("Member")


def accepted(document: ImportedDocument, **changes) -> ImportedDocument:
    draft = Draft.from_json(document.draft)
    ended = imports.moment_at(draft.ended, zone="UTC")
    services = imports.suggested_services(draft) or [
        (Service.objects.filter(slug="other").first() or factories.service("other"), "origin")
    ]
    facts = {
        "title": draft.title.value[:200] if draft.title else "No title",
        "severity": factories.severity("P2"),
        "services": services,
        "zone": "UTC",
        "started_at": imports.moment_at(draft.started, zone="UTC")
        or ended
        or datetime(2018, 1, 1, tzinfo=UTC),
        "resolved_at": ended,
        "by": document.imported_by,
        "now": NOW,
    }
    return imports.accept(document, **facts | changes)


def test_add_keeps_the_document_and_what_was_understood(member):
    document = imports.add(source=DOCUMENT.replace("\n", "\r\n"), file_name="2018.md", by=member, now=NOW)

    stored = ImportedDocument.objects.get()
    assert stored.source == DOCUMENT
    assert stored.public_id == document.public_id == "IMP-2026-0001"
    draft = Draft.from_json(stored.draft)
    assert draft.title
    assert draft.title.value == "2018-02-22 NGINX crash"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"x" * (512 * 1024 + 1), "KB"),
        (b"\xff\xfea", "UTF-8"),
        ("é".encode("latin-1"), "UTF-8"),
        (b"a\x00b", "NUL"),
    ],
)
def test_decoded_refuses_what_is_no_text_by_name(data, word):
    with pytest.raises(Invalid) as refusal:
        imports.decoded(data)

    assert refusal.value.field == "file"
    assert word in refusal.value.message


@pytest.mark.parametrize("source", ["", "  \n", "a\x00b", "\ud800", "x" * (512 * 1024 + 1), "汉" * 300_000])
def test_add_refuses_what_cannot_be_kept(member, source):
    with pytest.raises(Invalid) as refusal:
        imports.add(source=source, by=member, now=NOW)

    assert refusal.value.field == "source"
    assert not ImportedDocument.objects.exists()


def test_add_masks_secrets_before_anything_is_stored(member):
    document = imports.add(source="# A\n\npassword: hunter22222\n", by=member, now=NOW)

    assert document.masked_count == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM postmortem_trailentry WHERE after::text LIKE '%hunter%'")
        assert cursor.fetchone() == (0,)


def test_accept_makes_an_incident_a_timeline_and_a_review(member):
    factories.service("order")
    document = accepted(imports.add(source=DOCUMENT, by=member, now=NOW))

    incident, review = Incident.objects.get(), Review.objects.get()
    assert (document.incident, document.review, document.accepted_at) == (incident, review, NOW)
    assert (incident.title, incident.declared_at) == ("2018-02-22 NGINX crash", NOW)
    assert incident.started_at == datetime(2018, 2, 22, 16, 30, tzinfo=UTC)
    assert incident.resolved_at == datetime(2018, 2, 22, 16, 35, tzinfo=UTC)
    assert list(incident.service_links.values_list("service__slug", "part")) == [("order", "origin")]
    assert list(incident.participants.values_list("user", "role")) == [(member.pk, "scribe")]
    assert "[graph](https://example.org/g.png)" in incident.summary
    assert "![" not in incident.summary
    assert incident.summary.endswith("[log]: https://example.org/log")
    timeline = timelines.of(incident, member)
    assert timeline
    assert timeline.filed_at is None
    assert [entry.text for entry in timeline.entries.all()] == [
        "Alerts sent emails about the outage.",
        "ca. 16:33: Deleted the pods.",
        "Confirmed that the problem is resolved.",
    ]
    findings = dict(review.steps.values_list("kind", "finding"))
    assert findings[ReviewStep.Kind.PHENOMENON] == "### Impact\n\nNobody could order."
    assert "memory limit" in findings[ReviewStep.Kind.ROOT_CAUSE]
    assert review.went_badly == "- Nobody looked."
    assert list(review.causes.values_list("part", "state", "statement")) == [
        ("root", "hypothesis", "The ingress had no memory limit.")
    ]
    for text in ("It happens.", "Set a limit", "Somebody called.", "All times in UTC", "??:??"):
        assert text in review.notes
    assert "<h4>Conclusion</h4>" in review.notes_html


GOOGLE = """# Search was **down** (incident #465)

**Summary:** Search was down for 66 minutes.

**Root Causes:** A leak in `search`, see [the bug](https://example.org/b).

**Trigger:** A **latent** bug.

## Lessons Learned

### What went well

- Alerts fired

### What went wrong

- No **canary**

### Where we got lucky

- A copy was there

## Timeline

2018-02-22 (*all times UTC*)

- 14:51 - **OUTAGE BEGINS** — `search` melts, see [the log][log]
- 15:57 - **OUTAGE ENDS**

[log]: https://example.org/log
"""


def test_accept_leaves_no_marks_where_nothing_renders_them_and_doubles_no_heading(member):
    accepted(imports.add(source=GOOGLE, by=member, now=NOW))

    incident, review = Incident.objects.get(), Review.objects.get()
    assert (incident.title, incident.summary) == (
        "Search was down (incident #465)",
        "Search was down for 66 minutes.",
    )
    assert [entry.text for entry in Entry.objects.order_by("happened_at")] == [
        "OUTAGE BEGINS — search melts, see the log (https://example.org/log)",
        "OUTAGE ENDS",
    ]
    assert list(review.causes.order_by("id").values_list("part", "statement")) == [
        ("root", "A leak in search, see the bug (https://example.org/b)."),
        ("trigger", "A latent bug."),
    ]
    assert (review.went_well, review.went_badly, review.luck) == (
        "- Alerts fired",
        "### What went wrong\n\n- No **canary**",
        "### Where we got lucky\n\n- A copy was there",
    )


@pytest.mark.parametrize("heading", ["What went badly", "3. What went badly:", "**What went badly**"])
def test_a_heading_that_an_export_writes_anyway_is_not_repeated_in_its_field(member, heading):
    source = f"# 2018-02-22 Orders fail\n\n## {heading}\n\n- No canary\n"
    accepted(imports.add(source=source, by=member, now=NOW))

    assert Review.objects.get().went_badly == "- No canary"


def test_a_heading_in_other_words_stays(member):
    source = "# 2018-02-22 Orders fail\n\n## What went wrong with the canary\n\n- It slept\n"
    accepted(imports.add(source=source, by=member, now=NOW))

    assert Review.objects.get().went_badly == "### What went wrong with the canary\n\n- It slept"


def test_accept_takes_the_moments_a_person_settled(member):
    settled = datetime(2018, 2, 22, 16, 34, tzinfo=UTC)
    accepted(imports.add(source=DOCUMENT, by=member, now=NOW), settled={2: settled})

    assert Entry.objects.get(happened_at=settled).text.endswith("Somebody called.")
    assert "Somebody called." not in Review.objects.get().notes


def test_accept_reads_times_in_the_given_zone(member):
    source = "# 2018-07-01 A\n\n## Timeline\n\n- 10:00 alerts fired\n- 11:00 incident ends\n"
    accepted(imports.add(source=source, by=member, now=NOW), zone="Asia/Shanghai")

    assert list(Entry.objects.values_list("happened_at", "zone")) == [
        (datetime(2018, 7, 1, 2, tzinfo=UTC), "Asia/Shanghai"),
        (datetime(2018, 7, 1, 3, tzinfo=UTC), "Asia/Shanghai"),
    ]


def test_accept_leaves_a_time_that_summer_time_repeats_to_the_notes(member):
    source = (
        "# 2018-11-04 A\n\n## Timeline\n\nAll times in PT\n\n- 00:30 before\n- 01:30 twice\n- 03:00 after\n"
    )
    accepted(imports.add(source=source, by=member, now=NOW))

    assert list(Entry.objects.values_list("text", flat=True)) == ["before", "after"]
    assert "twice" in Review.objects.get().notes


def test_accept_puts_what_a_field_refuses_into_the_notes(member):
    # So many brackets without a partner are refused by the renderer.
    hostile = "[" * 3000 + " x" * 1000
    source = f"# A\n\n## Impact\n\n{hostile}\n\n## Summary\n\n{'long ' * 20_000}\n"
    accepted(imports.add(source=source, by=member, now=NOW))

    review = Review.objects.get()
    assert hostile in review.notes
    assert "long long" in review.notes
    assert review.notes_html == ""
    assert review.steps.get(kind="phenomenon").finding == ""


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"zone": ""}, "zone"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"title": ""}, "title"),
        ({"started_at": datetime(2018, 2, 23, tzinfo=UTC)}, "resolved_at"),
        ({"services": []}, "services"),
    ],
)
def test_accept_refuses_and_writes_nothing(member, changes, field):
    document = imports.add(source=DOCUMENT, by=member, now=NOW)

    with pytest.raises(Invalid) as refusal:
        accepted(document, **changes)

    assert refusal.value.field == field
    assert not Incident.objects.exists()
    assert not Review.objects.exists()


def test_accept_happens_once(member):
    document = accepted(imports.add(source=DOCUMENT, by=member, now=NOW))

    with pytest.raises(imports.AlreadyAccepted) as refusal:
        accepted(document)
    with pytest.raises(imports.AlreadyAccepted):
        imports.discard(document, by=member, now=NOW)

    assert refusal.value.details == {"review": document.review.public_id}
    assert Incident.objects.count() == 1


def test_viewers_import_nothing():
    viewer = factories.user("Viewer", role=User.Role.VIEWER)

    with pytest.raises(NotAllowed):
        imports.add(source=DOCUMENT, by=viewer, now=NOW)


def test_a_draft_that_became_nothing_can_be_discarded(member):
    imports.discard(imports.add(source=DOCUMENT, by=member, now=NOW), by=member, now=NOW)

    assert not ImportedDocument.objects.exists()


if (DOCUMENTS := data_folder()) is not None:
    # Real documents are no part of the repository: this one is there for whoever has them.
    def test_every_real_document_goes_through_the_whole_act_and_no_word_is_lost(member):
        paths = sorted(DOCUMENTS.glob("postmortems/*/*.md"))
        assert len(paths) > 10
        assert {
            path.name: missing for path in paths if (missing := lost(path.read_bytes(), path.name, member))
        } == {}


def test_no_word_of_a_document_is_lost(member):
    assert lost(DOCUMENT.encode(), "postmortem.md", member) == Counter()


def lost(source: bytes, name: str, by) -> Counter[str]:
    """The words of a document that the accepted import does not say; nothing is kept."""
    with transaction.atomic():
        document = imports.add(source=imports.decoded(source), file_name=name, by=by, now=NOW)
        accepted(document)
        missing = words(document.source) - words(said())
        transaction.set_rollback(True)
    return missing


def said() -> str:
    """All texts of the one incident and its review, and the moments of its entries as they are shown."""
    incident, review = Incident.objects.get(), Review.objects.get()
    texts = [incident.title, incident.summary, review.notes, review.went_well, review.went_badly, review.luck]
    texts += [text for step in review.steps.all() for text in (step.finding, step.evidence)]
    texts += RootCause.objects.values_list("statement", flat=True)
    texts += ["summary", "Summary", "What went well", "What went badly"]
    for entry in Entry.objects.all():
        local = entry.happened_at.astimezone(ZoneInfo(entry.zone))
        texts += [entry.text, f"{local:%Y-%m-%d %H:%M:%S}"]
    return "\n".join(texts)


def words(text: str) -> Counter[str]:
    """Words that are more than a number: "7" is "07" on a timeline, and a year may be said once for all.

    A link whose words are its address says it once, and its address stands where its label was.
    """
    text = re.sub(r"\[(https?://[^\]\s]+)\]\(\1\)", r"\1", text)
    text = re.sub(r"\]\[[^\]\n]{1,100}\]", "]", text)
    return Counter(word for word in re.findall(r"\w+", text.lower()) if not word.isdigit())
