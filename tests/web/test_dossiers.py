"""A postmortem to take away, from the page of its document."""

import json

import pytest

from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_document_leads_to_its_exports(client):
    person = factories.user("Mia")
    record = factories.resolved_incident("Orders fail", participants=[person])
    factories.entry(factories.timeline(record.participants.get(), filed_at=NOW), "The pool was empty")
    review = factories.review(incidents=[record], owner=person, facilitator=person)
    client.force_login(person)

    page = client.get(f"/reviews/{review.public_id}/document").content.decode()
    markdown = client.get(f"/reviews/{review.public_id}/export.md")
    data = client.get(f"/reviews/{review.public_id}/export.json")

    assert "The pool was empty" in page
    for answer, ending in ((markdown, "md"), (data, "json")):
        assert f"export.{ending}" in page
        assert answer["Content-Disposition"] == f'attachment; filename="{review.public_id}.{ending}"'
        assert "The pool was empty" in answer.content.decode()
    assert markdown["Content-Type"] == "text/markdown; charset=utf-8"
    assert json.loads(data.content)["id"] == review.public_id
