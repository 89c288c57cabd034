"""Importing on pages: read documents, confirm what is doubtful, take it in."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from postmortem.models import Entry, ImportedDocument, Incident, Review
from tests import factories
from tests.postmortem.test_imports import DOCUMENT

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(client) -> User:
    person = factories.user("Mia")
    client.force_login(person)
    return person


def uploaded(name: str = "2018.md", text: bytes = DOCUMENT.encode()) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text)


def test_one_document_leads_to_its_draft(client, member):
    factories.service("order")

    answer = client.post("/imports/", {"files": [uploaded()], "source": ""})

    document = ImportedDocument.objects.get()
    assert answer["Location"] == f"/imports/{document.public_id}/"
    page = client.get(answer["Location"])
    form = page.context["form"]
    assert form["title"].value() == "2018-02-22 NGINX crash"
    assert form["zone"].value() == "UTC"
    assert form["started_at"].value() == "2018-02-22T16:30:00"
    assert form["severity"].value() is None
    shown = page.content.decode()
    assert 'class="import-mark import-doubt"' in shown
    assert "??:??" in shown
    assert "".join(piece.text for piece in page.context["pieces"]) == document.source


def test_several_documents_are_read_and_the_bad_one_is_named(client, member):
    answer = client.post(
        "/imports/", {"files": [uploaded(), uploaded("b.md"), uploaded("bad.md", b"\xff")], "source": ""}
    )

    assert answer.status_code == 302
    assert ImportedDocument.objects.count() == 2
    assert "bad.md" in client.get("/imports/").content.decode()


def test_nothing_given_is_said(client, member):
    assert client.post("/imports/", {"source": " "}).status_code == 422
    assert client.post("/imports/", {"files": [uploaded("x", b"a\x00b")], "source": ""}).status_code == 422


def test_a_confirmed_draft_becomes_a_review(client, member):
    service = factories.service("order")
    client.post("/imports/", {"source": DOCUMENT})
    document = ImportedDocument.objects.get()
    facts = {
        "title": "NGINX crashed",
        "severity": factories.severity("P2").pk,
        "origin": service.pk,
        "zone": "UTC",
        "started_at": "2018-02-22T16:30",
        "entry_2": "2018-02-22T16:34",
    }

    refused = client.post(f"/imports/{document.public_id}/", facts | {"zone": ""})
    answer = client.post(f"/imports/{document.public_id}/", facts)

    assert refused.status_code == 422
    review = Review.objects.get()
    assert answer["Location"] == f"/reviews/{review.public_id}/"
    assert Incident.objects.get().title == "NGINX crashed"
    assert Entry.objects.count() == 4
    shown = client.get(answer["Location"]).content.decode()
    assert "It happens." in shown
    assert client.get(f"/imports/{document.public_id}/")["Location"] == answer["Location"]


def test_a_document_is_nobody_elses(client, member):
    client.post("/imports/", {"source": "# Zanzibar\n"})
    document = ImportedDocument.objects.get()
    client.force_login(factories.user("Ada", role="administrator"))

    assert client.get(f"/imports/{document.public_id}/").status_code == 404
    assert client.post(f"/imports/{document.public_id}/discard").status_code == 404
    assert "Zanzibar" not in client.get("/imports/").content.decode()


def test_viewers_are_refused(client):
    client.force_login(factories.user("Vic", role="viewer"))

    assert client.get("/imports/").status_code == 403
    assert client.post("/imports/", {"source": DOCUMENT}).status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_the_same_for_any_number_of_rows(client, member, django_assert_num_queries, count):
    for _number in range(count):
        client.post("/imports/", {"source": DOCUMENT})
    client.get("/imports/")

    with django_assert_num_queries(3):
        client.get("/imports/")
