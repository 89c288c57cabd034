"""Importing by API: a draft, then the act; the draft is its importer's alone."""

from postmortem.models import Entry, ImportedDocument, Incident, Review
from tests import factories
from tests.api.conftest import DOCUMENT, Caller, assert_problem

ACCEPTANCE = {
    "title": "Orders failed",
    "severity": "P1",
    "services": [{"service": "order", "part": "origin"}],
    "started_at": "2026-11-19T10:00:00Z",
    "zone": "UTC",
}


def test_import_answers_the_draft_with_its_doubts(member):
    answer = member.post("imports", {"source": DOCUMENT, "file_name": "2026-11-19.md"})

    assert answer.status_code == 201
    draft = answer.json()["draft"]
    assert draft["title"]["value"] == "2026-11-19 Orders fail"
    assert [entry["moment"]["local"] for entry in draft["entries"]] == ["2026-11-19T10:00"]
    assert answer.json()["review"] is None


def test_accept_makes_the_incident_and_the_review(member):
    factories.service("order")
    document = member.post("imports", {"source": DOCUMENT}).json()["id"]

    answer = member.post(f"imports/{document}/accept", ACCEPTANCE)

    assert answer.status_code == 200
    review = Review.objects.get()
    assert answer.json()["review"] == review.public_id
    assert answer.json()["incident"] == Incident.objects.get().public_id
    assert Entry.objects.get().text == "Alerts fired\n- soon: looked"
    assert_problem(member.post(f"imports/{document}/accept", ACCEPTANCE), 409, "already_accepted")
    assert_problem(member.delete(f"imports/{document}"), 409, "already_accepted")


def test_accept_names_the_field_it_refuses(member):
    factories.service("order")
    document = member.post("imports", {"source": DOCUMENT}).json()["id"]

    answer = member.post(f"imports/{document}/accept", ACCEPTANCE | {"zone": "Mars/Olympus"})

    assert_problem(answer, 400, "invalid")
    assert list(answer.json()["errors"]) == ["zone"]
    assert not Incident.objects.exists()


def test_a_document_is_nobody_elses(member, administrator):
    document = member.post("imports", {"source": "# Zanzibar fell\n"}).json()["id"]

    for stranger in (administrator, Caller(factories.user("Nia"))):
        assert stranger.get("imports").json()["items"] == []
        assert_problem(stranger.get(f"imports/{document}"), 404, "not_found")
        assert_problem(stranger.post(f"imports/{document}/accept", ACCEPTANCE), 404, "not_found")
        assert_problem(stranger.delete(f"imports/{document}"), 404, "not_found")


def test_a_draft_is_thrown_away(member):
    document = member.post("imports", {"source": DOCUMENT}).json()["id"]

    assert member.delete(f"imports/{document}").status_code == 204
    assert not ImportedDocument.objects.exists()


def test_viewers_import_nothing(as_user):
    viewer = as_user(factories.user("Vic", role="viewer"))

    assert_problem(viewer.post("imports", {"source": DOCUMENT}), 403, "not_allowed")
