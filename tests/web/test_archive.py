"""The pages of the archive: revisions, what changed between them, addenda, reopening."""

import re

import pgtrigger
import pytest
from django.urls import reverse

from postmortem import reviews
from postmortem.models import Revision
from remediation import plan
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def facilitator(client):
    person = factories.user("Fay", role="facilitator")
    client.force_login(person)
    return person


@pytest.fixture
def archived():
    incident = factories.resolved_incident("Orders fail", summary="The pool was full.")
    factories.filed_timeline(factories.participant(incident, factories.user("Ada")), text="Restarted it.")
    review = factories.complete_review(incidents=[incident], title="Orders failed")
    return plan.archive(review, by=review.facilitator, now=NOW)


def page(client, name, *arguments):
    response = client.get(reverse(f"web:{name}", args=arguments))
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


def test_a_facilitator_reopens_with_a_reason(client, facilitator, archived):
    url = reverse("web:review_reopen", args=[archived.public_id])

    refused = client.post(url, {"reason": ""})
    done = client.post(url, {"reason": "New logs were found."}, follow=True)

    assert refused.status_code == 422
    assert "New logs were found." in done.text
    archived.refresh_from_db()
    assert not archived.is_archived
    assert "What changed since" in page(client, "review", archived.public_id)
    assert "Nothing it says was changed" in page(client, "revision_changes", archived.public_id, 2)


def test_a_revision_stays_readable_after_the_next(client, facilitator, archived):
    factories.reopened(archived, reason="It was 7 %.")
    archived.refresh_from_db()
    step = reviews.reopen(archived.steps.get(position=1), reason="x", by=facilitator, now=NOW)
    reviews.write(
        step, finding="7 % of orders failed.", evidence=step.evidence, version=1, by=facilitator, now=NOW
    )
    for one in archived.steps.order_by("position"):
        reviews.sign(one, by=facilitator, now=NOW)
    plan.archive(archived, by=facilitator, now=NOW)

    first, second = (page(client, "revision", archived.public_id, number) for number in (1, 2))

    assert "5 % of orders failed." in first
    assert "It was 7 %." in first
    assert "7 % of orders failed." in second
    for said in ("Restarted it.", "Ada", "The pool has no timeout.", "kubectl get pods", "Orders fail"):
        assert said in first
    changes = client.get(reverse("web:revision_changes", args=[archived.public_id, 2])).text
    assert "Steps › Phenomenon › Finding" in changes
    assert "<del>5</del><ins>7</ins> % of orders failed." in changes
    assert "4 steps were signed anew." in changes


def test_a_revision_reads_in_the_order_in_which_people_look(client, facilitator):
    incident = factories.resolved_incident("Orders fail", summary="The pool was full.")
    mine = factories.filed_timeline(
        factories.participant(incident, factories.user("Ada")), text="Restarted it."
    )
    factories.entry(mine, "Rolled back.", kind="decision", is_starred=True)
    review = factories.complete_review(incidents=[incident], title="Orders failed")
    reviews.reopen(review.steps.get(position=2), reason="x", by=facilitator, now=NOW)
    factories.fetched_measurement(
        review, values=[str(n) for n in range(90, 190)], title="Threads", unit="threads"
    )
    factories.change(incident, "order 1.4.2", kind="flag", verdict="cleared", reason="It was off.")
    factories.archived(review)

    shown = page(client, "revision", review.public_id, 1)

    places = [
        shown.index(words)
        for words in (
            "The pool was full.",
            "Ada: Restarted it.",
            "Finding",
            "Evidence",
            "service=order",
            "It was off.",
        )
    ]
    assert places == sorted(places)
    assert "100 points" in shown
    assert "90 – 189" in shown
    assert "137" not in shown
    assert "Ada: Rolled back. (Decision, Starred)" in shown
    assert "Feature flag" in shown
    assert not re.findall(r"\b\w+_id\b|step_seconds|hidden_series", shown)


def test_a_revision_that_was_tampered_with_says_so(client, facilitator, archived):
    assert "behind Closeloop" not in page(client, "revision", archived.public_id, 1)

    with pgtrigger.ignore("postmortem.Revision:append_only"):
        Revision.objects.update(content_json='{"format": 9, "new": [1, {"a": null}], "title": 5}')

    assert "behind Closeloop" in page(client, "revision", archived.public_id, 1)


def test_an_addendum_stands_below_the_postmortem_and_in_its_document(client, archived):
    client.force_login(factories.user("Mia"))
    url = reverse("web:addendum_new", args=[archived.public_id])

    client.post(url, {"text": "It came *back* once."})

    for name in ("review", "review_document"):
        response = client.get(reverse(f"web:{name}", args=[archived.public_id]))
        assert "It came <em>back</em> once." in response.text
        assert "Mia" in response.text


def test_an_addendum_to_what_is_open_is_refused_with_what_was_typed(client, facilitator, archived):
    factories.reopened(archived)

    response = client.post(reverse("web:addendum_new", args=[archived.public_id]), {"text": "Typed."})

    assert response.status_code == 422
    assert "Typed." in response.text


def test_a_viewer_reads_and_changes_nothing(client, archived):
    client.force_login(factories.user(role="viewer"))

    assert client.get(reverse("web:revision", args=[archived.public_id, 1])).status_code == 200
    for name in ("review_reopen", "addendum_new"):
        assert client.get(reverse(f"web:{name}", args=[archived.public_id])).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_the_review_page_takes_the_same_queries_however_much_is_kept(
    client, facilitator, archived, rows, django_assert_num_queries
):
    for _ in range(rows):
        factories.addendum(archived)
    for _ in range(rows - 1):
        factories.reopened(archived)
        archived.refresh_from_db()
        factories.archived(archived, at=NOW)
    client.get(reverse("web:review", args=[archived.public_id]))

    counted = _count(client, archived)

    assert counted == _COUNTED.setdefault("queries", counted)


_COUNTED = {}


def _count(client, archived):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("web:review", args=[archived.public_id]))
    return len(queries)


def test_a_member_answers_with_items_and_cannot_change_the_reason(client):
    review = factories.complete_review(incidents=[factories.resolved_incident()])
    point = factories.lesson_point(review, "Nobody knew the limit.")
    address = reverse("web:lesson_answer", args=[point.pk])
    client.force_login(factories.user("Mo", role="member"))

    assert re.search(r'<textarea name="reason"[^>]* disabled', client.get(address).text)
    refused = client.post(address, {"reason": "It is fine."})
    answered = client.post(address, {"items": [review.items.get().pk], "reason": "It is fine."})

    assert (refused.status_code, answered.status_code) == (422, 302)
    point.refresh_from_db()
    assert (point.declined_because, list(point.items.all())) == ("", [review.items.get()])


def test_a_gap_leads_to_the_lesson_that_is_answered_there(client, facilitator):
    review = factories.complete_review(incidents=[factories.resolved_incident()])
    point = factories.lesson_point(review, "Nobody knew the limit.")
    address = reverse("web:lesson_answer", args=[point.pk])
    shown = client.get(reverse("web:review", args=[review.public_id])).text
    assert re.search(rf'href="{address}(?:#[\w-]+)?" data-mend>No item answers', shown)

    assert "Name an item, or say why none is needed." in client.post(address, {}).text
    item = review.items.get()
    done = client.post(address, {"items": [item.pk]}, follow=True)

    assert item.public_id in done.text
    assert list(point.items.all()) == [item]
    assert "Ready to archive" in done.text


def test_document_tells_who_took_part_to_the_second_and_with_commands_as_they_were(client):
    incident = factories.incident()
    review = factories.review(incidents=[incident])
    mia = factories.participant(incident, factories.user("Mia"))
    timeline = factories.timeline(mia, filed_at=factories.NOW)
    happened_at = factories.NOW.replace(hour=4, minute=6, second=30)
    factories.entry(timeline, "kubectl get pods  -n shop", kind="command", happened_at=happened_at)
    chen = factories.participant(incident, factories.user("Chen"))
    factories.timeline(
        chen, excused_at=factories.NOW, excused_by=factories.user(), excuse_reason="On leave since Monday."
    )
    client.force_login(factories.user())

    text = client.get(reverse("web:review_document", args=[review.public_id])).text

    assert "04:06:30" in text
    assert "<code>kubectl get pods  -n shop</code>" in text
    assert "Mia (Responder)" in text
    assert "excused On leave since Monday." in text
