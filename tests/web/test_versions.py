"""The page of versions: what it shows, what it hides, and how one comes back."""

import re

import pytest
from django.test import Client

from postmortem import imports, incidents, timelines
from postmortem.models import Incident, Review, RootCause, TrailEntry
from tests import factories
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db


def logged_in(person):
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def ada():
    return factories.user("Ada", time_zone="Asia/Shanghai")


@pytest.fixture
def page(ada):
    return logged_in(ada)


@pytest.fixture
def incident(ada):
    """Its summary was written four times, by Ada after the first."""
    row = factories.incident(summary="The pool was full.")
    for summary in ("The pool held 200.", "The pool held 200 of 247.", "It held 200 of 247."):
        incidents.edit(row, summary=summary, by=ada, now=NOW)
    return row


def url(incident, column="summary", query=""):
    return f"/texts/{incident.public_id}.{column}/versions/{query}"


def pieces(response):
    (found,) = re.findall(r'<div class="difference">(.*?)</div>', response.text, flags=re.DOTALL)
    return found


def test_the_last_change_is_shown_first(page, incident):
    answer = page.get(url(incident))

    assert pieces(answer) == "<del>The pool</del><ins>It</ins> held 200 of 247."
    assert "From version 3 to version 4" in answer.text
    assert 'href="?to=3"' in answer.text
    assert "Next change" not in answer.text


def test_two_versions_are_compared_by_the_address(page, incident):
    answer = page.get(url(incident, query="?from=1&to=3"))

    assert pieces(answer) == "The pool <del>was full</del><ins>held 200 of 247</ins>."
    assert 'href="?to=2"' in answer.text
    assert 'href="?to=4"' in answer.text
    # The way it was asked makes no difference.
    assert pieces(page.get(url(incident, query="?from=3&to=1"))) == pieces(answer)


def test_one_version_is_compared_with_the_one_before_and_the_first_is_shown_whole(page, incident):
    assert pieces(page.get(url(incident, query="?to=2"))) == (
        "The pool <del>was full</del><ins>held 200</ins>."
    )
    assert pieces(page.get(url(incident, query="?to=1"))) == "The pool was full."
    assert pieces(page.get(url(incident, query="?from=2&to=2"))) == "The pool held 200."


@pytest.mark.parametrize("query", ["?from=0&to=99", "?to=x", "?from=-1", "?to=" + "9" * 400, "?after=x"])
def test_numbers_that_make_no_sense_are_forgotten(page, incident, query):
    assert pieces(page.get(url(incident, query=query))) == pieces(page.get(url(incident)))


def test_who_and_when_in_the_zone_of_the_reader(page, incident):
    answer = page.get(url(incident))

    assert answer.text.count("<span>Ada</span>") >= 3
    assert "(UTC+08:00)" in answer.text
    assert "the system" in answer.text


def test_text_is_shown_not_obeyed(page, incident):
    Incident.objects.update(summary="<script>alert(1)</script>")

    assert "<script>alert(1)" not in page.get(url(incident)).text


def test_long_histories_are_paged(page, incident):
    for number in range(60):
        Incident.objects.update(summary=str(number))

    first = page.get(url(incident))
    second = page.get(url(incident, query="?after=15"))

    assert len(re.findall(r'name="to"', first.text)) == 50
    assert "after=15" in first.text
    assert len(re.findall(r'name="to"', second.text)) == 14


@pytest.mark.parametrize("count", [1, 3])
def test_page_costs_the_same_queries_for_any_number_of_versions(page, django_assert_num_queries, count):
    incident = factories.incident("0")
    for number in range(1, count):
        incidents.edit(incident, title=str(number), by=factories.user(), now=NOW)

    with django_assert_num_queries(7):
        page.get(url(incident, "title"))


class TestRestoring:
    def test_it_is_asked_first_and_shows_what_would_change(self, page, incident):
        assert 'versions/3/restore"' in page.get(url(incident)).text

        asked = page.get(url(incident, query="3/restore"))

        assert "Restore version 3?" in asked.text
        assert pieces(asked) == "<del>It</del><ins>The pool</ins> held 200 of 247."
        assert Incident.objects.get().summary == "It held 200 of 247."

    def test_it_is_saved_as_a_new_version(self, page, incident, ada):
        answer = page.post(url(incident, query="1/restore"), {"version": 4}, follow=True)

        assert "Version 1 is restored, as a new version." in answer.text
        assert Incident.objects.get().summary == "The pool was full."
        assert "From version 4 to version 5" in page.get(url(incident)).text

    def test_a_version_written_meanwhile_is_not_saved_over_unseen(self, page, incident):
        Incident.objects.update(summary="Meanwhile")

        refused = page.post(url(incident, query="1/restore"), {"version": 4})

        assert refused.status_code == 409
        assert "Somebody saved a newer version meanwhile." in refused.text
        assert pieces(refused) == "<del>Meanwhile</del><ins>The pool was full.</ins>"
        assert Incident.objects.get().summary == "Meanwhile"
        # By now it has been seen.
        assert 'name="version" value="5"' in refused.text
        assert page.post(url(incident, query="1/restore"), {"version": 5}).status_code == 302

    def test_it_is_not_offered_to_a_viewer_nor_in_the_archive(self, page, incident):
        viewer = logged_in(factories.user(role="viewer"))
        assert "/restore" not in viewer.get(url(incident)).text
        assert viewer.get(url(incident, query="3/restore")).status_code == 403
        assert viewer.post(url(incident, query="3/restore"), {"version": 4}).status_code == 403

        factories.archived(factories.review(incidents=[incident], is_open=True))
        assert "/restore" not in page.get(url(incident)).text
        assert page.post(url(incident, query="3/restore"), {"version": 4}).status_code == 422
        assert Incident.objects.get().summary == "It held 200 of 247."

    def test_a_version_that_is_not_there_is_not_found(self, page, incident):
        assert page.get(url(incident, query="5/restore")).status_code == 404


class TestSealed:
    @pytest.fixture
    def entry(self, ada):
        timeline = timelines.open_for(factories.participant(person=ada))
        entry = timelines.add(
            timeline, text="I blamed Bob", happened_at=NOW - HOUR, zone="UTC", kind="note", by=ada, now=NOW
        )
        return timelines.edit(entry, text="The pool was full", by=ada, now=NOW)

    @pytest.mark.parametrize("role", ["viewer", "member", "facilitator", "governor", "administrator"])
    def test_nobody_else_reads_what_was_typed_before_the_filing(self, page, entry, ada, role):
        where = f"/texts/entry-{entry.pk}.text/versions/"
        root = {"is_superuser": True, "is_staff": True} if role == "administrator" else {}
        other = logged_in(factories.user(role=role, **root))
        incident = entry.timeline.participant.incident
        exits = [
            where, f"{where}?from=1&to=2", f"{where}1/restore", f"/incidents/{incident.public_id}/",
            f"/incidents/{incident.public_id}/merged/export.csv",
            f"/incidents/{incident.public_id}/merged/export.md",
            "/incidents/export.csv", "/search?q=blamed", f"/incidents/{incident.public_id}/timeline/",
        ]  # fmt: skip

        assert [other.get(address).status_code for address in exits[:3]] == [404] * 3
        timelines.file(entry.timeline, by=ada, now=NOW)
        for address in exits:
            answer = other.get(address)
            assert b"blamed Bob" not in answer.getvalue(), address
            assert answer.status_code == (403 if address.endswith("restore") else 200), address
        shown = other.get(f"{where}?from=1&to=2")
        assert "The pool was full" in shown.text
        assert "Version 2" not in shown.text
        assert "blamed" in page.get(where).text

    def test_the_author_reaches_them_from_the_timeline(self, page, entry):
        incident = entry.timeline.participant.incident

        assert (
            f'href="/texts/entry-{entry.pk}.text/versions/"'
            in page.get(f"/incidents/{incident.public_id}/timeline/").text
        )
        assert (
            page.post(f"/texts/entry-{entry.pk}.text/versions/1/restore", {"version": 2}).status_code == 302
        )

    def test_the_admin_site_shows_no_trail_of_what_is_sealed(self, entry):
        factories.evidence_file(entry, data=b"blamed Bob too\n")
        imports.add(source="# Draft\n\nIt blamed Bob as well.\n", by=factories.user(), now=NOW)
        root = logged_in(factories.user(role="administrator", is_superuser=True, is_staff=True))
        rows = list(TrailEntry.objects.all())
        sealed = [row for row in rows if "blamed Bob" in str(row.before) + str(row.after)]

        answers = [root.get(f"/admin/postmortem/trailentry/{row.pk}/change/", follow=True) for row in sealed]

        assert {row.model for row in sealed} == {
            "postmortem_entry",
            "postmortem_evidencefile",
            "postmortem_importeddocument",
        }
        assert not any(b"blamed" in answer.content for answer in answers)
        (other, *_rest) = [row for row in rows if row.model == "postmortem_timeline"]
        assert root.get(f"/admin/postmortem/trailentry/{other.pk}/change/").status_code == 200


class TestLinks:
    def test_texts_of_a_review_that_changed_have_a_link_with_their_number(self, page):
        review = factories.review(is_open=True, went_well="One")
        Review.objects.update(went_well="Two")
        cause = factories.cause(review)
        for statement in ("Two", "Three"):
            RootCause.objects.update(statement=statement)
        step = review.steps.get(position=1)
        for finding in ("One.", "Two."):
            factories.written(step, finding=finding)

        found = dict(
            re.findall(
                r'<a class="versions" href="/texts/([^/]*)/versions/">.*?</svg>([^<]*)</a>',
                page.get(f"/reviews/{review.public_id}/").text,
            )
        )

        assert found == {
            f"{review.public_id}.went_well": "2 versions",
            f"cause-{cause.pk}.statement": "3 versions",
            f"{review.public_id}.phenomenon.finding": "Finding: 2 versions",
        }

    def test_an_incident_and_an_item_have_theirs(self, page, incident):
        item = factories.item("One", description="One")
        type(item).objects.update(title="Two", description="Two")

        assert url(incident) in page.get(f"/incidents/{incident.public_id}/").text
        shown = page.get(f"/items/{item.public_id}/").text
        assert [url(item, column) in shown for column in ("title", "description")] == [True, True]

    def test_the_way_back_leads_to_the_text(self, page, incident):
        review = factories.review(incidents=[incident], is_open=True)
        cause, entry = factories.cause(review), factories.checklist_entry(review)
        change = factories.change(incident)
        here = f"/reviews/{review.public_id}/"
        for name, back in {
            f"{review.public_id}.phenomenon.finding": f"{here}?step=phenomenon#step-phenomenon",
            f"cause-{cause.pk}.statement": f"{here}#cause-{cause.pk}",
            f"checklist-{entry.pk}.title": f"{here}#checklist",
            f"change-{change.pk}.title": f"{here}?step=change_correlation",
            f"{incident.public_id}.title": f"/incidents/{incident.public_id}/",
        }.items():
            assert f'href="{back}' in page.get(f"/texts/{name}/versions/").text, name

    def test_a_hidden_review_is_not_named_by_the_changes_of_its_open_incident(self, page, incident):
        hidden = factories.incident(is_restricted=True)
        review = factories.review(incidents=[incident, hidden], is_open=True)
        change = factories.change(incident)

        shown = page.get(f"/texts/change-{change.pk}.title/versions/").text

        assert review.public_id not in shown
        assert incident.public_id in shown
