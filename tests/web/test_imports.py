"""Importing on pages: read documents, confirm what is doubtful, take it in."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import User
from postmortem.models import Entry, ImportedDocument, Incident, Review, Severity
from tests import factories
from tests.postmortem.test_imports import DOCUMENT
from web.forms.imports import Breach

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
        "accepts_breach": "on",
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


def test_a_document_is_listed_and_headed_by_the_title_that_was_read(client, member):
    client.post("/imports/", {"source": DOCUMENT})
    client.post("/imports/", {"files": [uploaded("notes.md", b"No heading at all.")], "source": ""})
    client.post("/imports/", {"source": "No heading either."})
    untitled, named, titled = ImportedDocument.objects.all()

    page = client.get("/imports/").content.decode()
    headings = [client.get(f"/imports/{one}/").context["heading"] for one in (titled, named, untitled)]

    names = re.findall(r'class="row-link"[^>]*>([^<]+)<', page)
    assert names == [untitled.public_id, "notes.md", "2018-02-22 NGINX crash"]
    assert headings == ["2018-02-22 NGINX crash", "notes.md", untitled.public_id]


def test_a_review_that_is_overdue_at_once_is_announced_with_what_follows(client, member):
    service = factories.service("order")
    client.post("/imports/", {"source": DOCUMENT})
    document = ImportedDocument.objects.get()

    page = client.get(f"/imports/{document.public_id}/")

    assert page.context["form"].breach == Breach(None, ("order",))
    assert "The audit of order fails until the review is archived" in page.content.decode()

    facts = {"title": "NGINX", "severity": factories.severity("P2").pk, "zone": "UTC"}
    facts |= {"origin": service.pk, "affected": [factories.service("cart").pk]}
    facts |= {"started_at": "2018-02-22T16:30"}
    refused = client.post(f"/imports/{document.public_id}/", facts)

    assert refused.status_code == 422
    assert list(refused.context["form"].errors) == ["accepts_breach"]
    due_at = datetime(2018, 2, 22, 16, 30, tzinfo=UTC) + timedelta(
        hours=factories.severity("P2").review_hours
    )
    assert refused.context["form"].breach == Breach(due_at, ("order", "cart"))
    assert "The audits of order, cart fail until the review is archived" in refused.content.decode()
    assert not Review.objects.exists()
    assert client.post(f"/imports/{document.public_id}/", facts | {"accepts_breach": "on"}).status_code == 302


@pytest.mark.parametrize(
    ("severity", "days_ago"), [({"code": "P2"}, 0), ({"code": "P2", "requires_postmortem": False}, 900)]
)
def test_a_review_that_is_in_time_or_not_needed_is_taken_in_without_a_question(
    client, member, severity, days_ago
):
    service = factories.service("order")
    client.post("/imports/", {"source": DOCUMENT})
    document = ImportedDocument.objects.get()
    level = factories.severity(severity.pop("code"))
    Severity.objects.filter(pk=level.pk).update(**severity, code=level.code)
    started_at = timezone.now() - timedelta(days=days_ago, hours=1)
    facts = {"title": "NGINX", "severity": level.pk, "zone": "UTC", "origin": service.pk}

    answer = client.post(
        f"/imports/{document.public_id}/", facts | {"started_at": f"{started_at:%Y-%m-%dT%H:%M:%S}"}
    )

    assert answer["Location"] == f"/reviews/{Review.objects.get()}/"


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
