"""What leaves with an export: what the reader may see, and of timelines what was filed."""

import hashlib
import json

import pytest

from accounts.models import User
from postmortem import imports
from postmortem.importing import exported, exporting
from postmortem.models import Entry, Incident, Review
from remediation import dossier
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def told(**incident) -> Review:
    record = factories.resolved_incident(
        "Orders fail | often",
        services=[factories.service("order")],
        participants=[factories.user("Mia"), factories.user("Nia")],
        summary="Pool *ran* out.\n\n```\nnever closed",
        **incident,
    )
    first, other = record.participants.order_by("id")
    factories.entry(factories.timeline(first, filed_at=NOW), "kubectl get pods | grep Pending")
    factories.entry(factories.timeline(other), "A sealed word")
    review = factories.review(incidents=[record], is_open=True, notes="# Rest\n\n<!-- /text -->")
    factories.cause(
        review,
        statement="The pool has no timeout.",
        evidence="`SHOW PROCESSLIST` shows 247.",
        whys=[
            {"why": "Nobody set one.", "evidence": "The file of settings."},
            {"why": "No default", "evidence": ""},
        ],
    )
    factories.checklist_entry(review)
    factories.item(review=review, title="Set a timeout")
    return review


def test_dossier_is_json_and_says_everything():
    review = told()

    found = dossier.of(review, viewer=factories.user(role=User.Role.GOVERNOR))

    assert json.loads(json.dumps(found)) == found
    assert found["format"] == 1
    assert [one["title"] for one in found["incidents"]] == ["Orders fail | often"]
    assert [one["text"] for one in found["timeline"]] == ["kubectl get pods | grep Pending"]
    assert [one["statement"] for one in found["causes"]] == ["The pool has no timeout."]
    assert [one["title"] for one in found["items"]] == ["Set a timeout"]
    assert found["checklist"]
    assert found["notes"].startswith("# Rest")


def test_sealed_entries_leave_with_nobody_their_author_included():
    review = told()
    authors = User.objects.filter(participations__isnull=False)

    for viewer in (*authors, factories.user(role=User.Role.ADMINISTRATOR)):
        assert "sealed" not in exporting.write(dossier.of(review, viewer=viewer))
        assert "sealed" not in json.dumps(dossier.of(review, viewer=viewer))


def test_restricted_incidents_do_not_leave_with_strangers():
    review = told(is_restricted=True)

    with pytest.raises(Review.DoesNotExist):
        dossier.of(review, viewer=factories.user(role=User.Role.FACILITATOR))


def test_dossier_costs_the_same_queries_for_any_number_of_rows(django_assert_num_queries):
    viewer = factories.user(role=User.Role.GOVERNOR)
    review = proven()
    for _number in range(3):
        entry = factories.entry(Entry.objects.filter(timeline__filed_at__isnull=False).first().timeline)
        factories.evidence_file(entry)
        factories.evidence_file(review.steps.last())
        factories.cause(review)
        factories.item(review=review)
        factories.measurement(review)
        factories.change(review.incidents.get())

    with django_assert_num_queries(19):
        dossier.of(review, viewer=viewer)


def test_an_export_is_imported_to_the_same_facts():
    review = told()
    governor = factories.user(role=User.Role.GOVERNOR)
    before = dossier.of(review, viewer=governor)

    document = imports.add(source=exporting.write(before), file_name="PM.md", by=governor, now=NOW)
    draft = imports.Draft.from_json(document.draft)
    incident = review.incidents.get()
    imports.accept(
        document,
        title=draft.title.value,
        severity=incident.severity,
        services=imports.suggested_services(draft),
        started_at=imports.moment_at(draft.started, zone="UTC"),
        resolved_at=imports.moment_at(draft.ended, zone="UTC"),
        zone="UTC",
        by=governor,
        now=NOW,
    )

    again = Review.objects.latest("id")
    copied = again.incidents.get()
    assert again.title == review.title
    assert (copied.started_at, copied.resolved_at) == (incident.started_at, incident.resolved_at)
    assert copied.summary == incident.summary
    assert copied.impact_minutes == incident.impact_minutes
    said = ("part", "statement", "evidence", "whys")
    assert list(again.causes.values_list(*said)) == list(review.causes.values_list(*said))
    assert "247" in again.causes.get().evidence_html
    assert again.notes.startswith(review.notes)
    assert "Set a timeout" in again.notes
    assert list(
        Entry.objects.filter(timeline__participant__incident=copied).values_list(
            "happened_at", "zone", "text"
        )
    ) == [
        *Entry.objects.filter(timeline__participant__incident=incident, timeline__filed_at=NOW).values_list(
            "happened_at", "zone", "text"
        )
    ]


def test_query_of_the_checklist_stands_in_the_export_too():
    review = factories.review(is_open=True)
    factories.checklist_query(review)
    factories.checklist_entry(review, pattern="Pending")

    text = exporting.write(dossier.of(review, viewer=review.owner))

    assert "pool_waiting" in text
    assert "Passes when: every series < 5.0" in text
    assert "Passes when: no_match: Pending" in text


def proven() -> Review:
    """A review with each kind of evidence, and words in each that are found again."""
    review = told()
    incident = review.incidents.get()
    factories.evidence_file(incident, data=b"of the incident", label="incident.log")
    factories.evidence_file(
        Entry.objects.get(timeline__filed_at=NOW), data=b"of the entry", label="entry.log"
    )
    factories.evidence_file(Entry.objects.get(timeline__filed_at=None), data=b"kept", label="sealed.log")
    factories.evidence_file(review.steps.first(), data=b"of the step", label="step.log")
    factories.measurement(review, "Threads | connected")
    factories.fetched_measurement(review, title="Pool in use", promql="sum(pool_in_use)")
    factories.change(incident, "order 1.4.2", verdict="culprit", reason="It set the pool to 200.")
    factories.lesson_point(
        review,
        "The alert | was late",
        declined_because="The alert is replaced.",
        declined_by=review.owner,
        declined_at=NOW,
    )
    return review


def test_typed_evidence_leaves_with_the_postmortem():
    found = dossier.of(proven(), viewer=factories.user(role=User.Role.GOVERNOR))

    assert json.loads(json.dumps(found)) == found
    stated, fetched = found["measurements"]
    assert (stated["title"], stated["value"], stated["fetched_at"]) == ("Threads | connected", 200.0, None)
    assert [value for _at, value in fetched["series"][0]["points"]] == ["90", "200"]
    assert [(one["title"], one["verdict"], one["reason"]) for one in found["changes"]] == [
        ("order 1.4.2", "culprit", "It set the pool to 200.")
    ]
    holders = [*found["incidents"], *found["timeline"], *found["steps"]]
    files = {file["label"]: file["sha256"] for holder in holders for file in holder["files"]}
    assert {*files} == {"incident.log", "entry.log", "step.log"}
    assert files["step.log"] == hashlib.sha256(b"of the step").hexdigest()
    assert [one["declined_because"] for one in found["lessons_without_item"]] == ["The alert is replaced."]


def test_typed_evidence_stands_in_the_markdown_and_stays_in_the_notes_of_an_import():
    text = exporting.write(dossier.of(proven(), viewer=factories.user(role=User.Role.GOVERNOR)))

    shown = [
        "### Threads \\| connected", "- Value: 200", "sum(pool_in_use)", "order 1.4.2", "culprit",
        "It set the pool to 200.", "| step.log |", hashlib.sha256(b"of the entry").hexdigest(),
        "The alert is replaced.",
    ]  # fmt: skip
    assert [words for words in shown if words not in text] == []
    assert "sealed" not in text
    draft = exported.read(text)
    assert draft is not None
    kept = "\n".join(one.text for one in draft.rest)
    assert [words for words in shown if words not in kept] == []


def test_changes_of_a_restricted_incident_do_not_leave_with_strangers():
    review = factories.review(is_open=True)
    factories.change(review.incidents.get(), "Open to all")
    secret = factories.resolved_incident("Secret", is_restricted=True)
    Incident.objects.filter(pk=secret.pk).update(review=review)
    factories.change(secret, "Told to nobody")
    stranger = factories.user(role=User.Role.FACILITATOR)

    with pytest.raises(Review.DoesNotExist):
        dossier.of(review, viewer=stranger)


def test_without_a_change_it_says_what_was_searched():
    review = factories.review(is_open=True)
    factories.change_search(review, "Deploys of | two days.")

    text = exporting.write(dossier.of(review, viewer=review.owner))

    assert "None found by" in text
    assert "Deploys of \\| two days." in text


def test_approvals_of_the_archived_content_leave_with_it():
    review = factories.archived_review()
    factories.approval(review, content_hash="0" * 64)
    given = factories.approval(review, content_hash=review.content_hash)

    found = dossier.of(review, viewer=review.owner)

    assert [one["by"] for one in found["approvals"]] == [str(given.given_by)]
