import pytest
from django.db import connection

from postmortem import causes, incidents, markup, rendering, reviews
from postmortem.errors import Invalid
from postmortem.models import Incident, Review, TrailEntry
from tests import factories
from tests.factories import NOW


def test_stored_html_is_shown_as_it_stands_and_never_rendered_again():
    text = "*Orders* failed."
    kept = markup.stored(text)

    assert markup.shown(text, kept) == "<p><em>Orders</em> failed.</p>"
    # What is shown comes from the column, not from the text.
    assert markup.shown(text, kept.replace("Orders", "poisoned")) == "<p><em>poisoned</em> failed.</p>"


@pytest.mark.parametrize("html", ["", "<p>of some other text</p>", markup.stored("*Another* text.")])
def test_html_of_another_text_is_not_shown_but_the_text_as_it_stands(html):
    assert markup.shown("*A* <b>text</b>.", html) == "<p>*A* &lt;b&gt;text&lt;/b&gt;.</p>"


def test_html_by_an_older_renderer_is_shown_until_it_is_made_anew(monkeypatch):
    kept = markup.stored("Text.")
    monkeypatch.setattr(markup, "RENDERER", markup.RENDERER + 1)

    assert markup.shown("Text.", kept) == "<p>Text.</p>"
    assert not markup.is_current("Text.", kept)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_text_has_no_html(text):
    assert markup.stored(text) == ""
    assert markup.shown(text, "") == ""
    assert markup.is_current(text, "")


@pytest.mark.django_db
class TestActs:
    def test_declare_and_edit_store_the_html_of_the_summary(self):
        person = factories.user()
        incident = incidents.declare(
            title="Orders fail",
            severity=factories.severity(),
            started_at=NOW,
            services=[(factories.service(), "origin")],
            summary="# One",
            by=person,
            now=NOW,
        )
        assert markup.shown(incident.summary, incident.summary_html) == "<h3>One</h3>"

        incident = incidents.edit(incident, summary="# Two", by=person, now=NOW)
        assert markup.shown(incident.summary, incident.summary_html) == "<h3>Two</h3>"

        with pytest.raises(Invalid) as refusal:
            incidents.edit(incident, summary="[" * 20_000, by=person, now=NOW)
        assert refusal.value.field == "summary"

    def test_lessons_and_the_evidence_of_a_cause_are_stored_with_their_html(self):
        review = factories.review(is_open=True)

        review = reviews.write_lessons(
            review, went_well="*A*", went_badly="*B*", luck="*C*", version=1, by=review.owner, now=NOW
        )
        cause = causes.settle(
            factories.cause(review), state="verified", evidence="*D*", by=review.owner, now=NOW
        )

        found = [review.went_well_html, review.went_badly_html, review.luck_html, cause.evidence_html]
        assert found == [markup.stored(text) for text in ("*A*", "*B*", "*C*", "*D*")]

        with pytest.raises(Invalid) as refusal:
            causes.settle(cause, state="verified", evidence="[" * 20_000, by=review.owner, now=NOW)
        assert refusal.value.field == "evidence"


@pytest.mark.django_db
class TestAgain:
    def test_every_markdown_column_is_known(self):
        found = {model._meta.model_name: names for model, names in rendering.columns().items()}

        assert found["incident"] == ["summary"]
        assert found["review"] == ["luck", "notes", "went_badly", "went_well"]
        assert found["reviewstep"] == ["evidence", "finding"]
        assert found["rootcause"] == ["evidence"]

    def test_what_a_statement_changed_is_rendered_anew_and_the_rest_left_alone(self):
        changed, sound = factories.incident(), factories.incident()
        Incident.objects.filter(pk=sound.pk).update(summary="*s*", summary_html=markup.stored("*s*"))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE postmortem_incident SET summary = '*raw*' WHERE id = %s", [changed.pk])
        before = TrailEntry.objects.count()

        assert rendering.again()["incident"] == 1

        changed.refresh_from_db()
        assert changed.summary_html == markup.stored("*raw*")
        assert TrailEntry.objects.count() == before + 1
        assert rendering.again()["incident"] == 0

    def test_a_text_that_cannot_be_rendered_is_shown_as_it_stands(self):
        review = factories.review()
        Review.objects.filter(pk=review.pk).update(luck="[" * 20_000, luck_html=markup.stored("before"))

        rendering.again()

        review.refresh_from_db()
        assert review.luck_html == ""
