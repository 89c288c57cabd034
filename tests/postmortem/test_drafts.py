"""What is typed is kept for its writer alone, until the form is saved."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.celery import app
from postmortem import drafts, trail
from postmortem.drafts import DraftClosed, DraftTooLong
from postmortem.errors import Invalid
from postmortem.models import Draft, TrailEntry
from tests import factories
from tests.factories import DAY, NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db

KEY = "/incidents/new"
PAGE = "page-of-the-morning"


@pytest.fixture
def ada():
    return factories.user("Ada")


def save(by, **changes):
    sound = {"key": KEY, "page": PAGE, "number": 1, "fields": {"title": ["Orders fail"]}, "base_version": 1}
    return drafts.save(**sound | {"by": by, "now": NOW} | changes)


def test_draft_is_kept_and_written_over(ada):
    save(ada)
    save(ada, number=2, fields={"title": ["Orders fail again"], "origins": ["1", "2"]}, now=NOW + DAY)

    draft = drafts.of(ada, now=NOW + DAY).get()
    assert draft.fields == {"title": ["Orders fail again"], "origins": ["1", "2"]}
    assert (draft.key, draft.base_version, draft.saved_at) == (KEY, 1, NOW + DAY)


def test_save_that_was_overtaken_changes_nothing(ada):
    save(ada, number=5, fields={"title": ["Later"]})
    save(ada, number=4, fields={"title": ["Earlier"]})

    assert drafts.of(ada, now=NOW).get().fields == {"title": ["Later"]}


def test_two_pages_of_a_form_have_two_drafts(ada):
    save(ada, page="first-tab-0123456789")
    save(ada, page="second-tab-0123456789", now=NOW + timedelta(minutes=1))

    pages = [draft.page for draft in drafts.of(ada, now=NOW).filter(key=KEY)]
    assert pages == ["second-tab-0123456789", "first-tab-0123456789"]


def test_nobody_else_has_it(ada):
    bob = factories.user("Bob", role="administrator")
    draft = save(ada)

    assert not drafts.of(bob, now=NOW).exists()
    drafts.discard(draft, by=bob, now=NOW)
    drafts.close(page=draft.page, by=bob, now=NOW)
    save(bob, fields={"title": ["Bob's"]}, page="another-page-of-bob")
    assert drafts.of(ada, now=NOW).get().fields == {"title": ["Orders fail"]}
    assert drafts.of(ada, now=NOW).get().discarded_at is None


def test_trail_never_holds_what_was_typed(ada):
    before = TrailEntry.objects.count()
    draft = save(ada)
    drafts.close(page=draft.page, by=ada, now=NOW)

    assert TrailEntry.objects.count() == before
    assert not trail.of(draft).exists()


def test_secrets_are_masked(ada):
    save(ada, fields={"line": ["14:03 mysql --password=hunter22 -e 'SHOW STATUS'"]})

    assert drafts.of(ada, now=NOW).get().fields == {
        "line": ["14:03 mysql --password=[masked] -e 'SHOW STATUS'"]
    }


def test_form_that_was_emptied_leaves_no_draft(ada):
    save(ada)
    assert save(ada, number=2, fields={}) is None

    assert not Draft.objects.exists()


class TestClose:
    def test_saved_form_has_no_draft_and_takes_none_that_comes_late(self, ada):
        save(ada)

        drafts.close(page=PAGE, by=ada, now=NOW)

        assert Draft.objects.get().fields == {}
        with pytest.raises(DraftClosed):
            save(ada, number=2)
        assert not drafts.of(ada, now=NOW).exists()

    def test_first_draft_that_comes_after_its_form_is_not_taken_either(self, ada):
        drafts.close(page=PAGE, by=ada, now=NOW)

        with pytest.raises(DraftClosed):
            save(ada)

    def test_what_is_no_page_closes_nothing(self, ada):
        drafts.close(page="", by=ada, now=NOW)

        assert not Draft.objects.exists()

    def test_database_keeps_no_words_of_a_saved_form(self, ada):
        draft = save(ada)

        with pytest.raises(IntegrityError, match="draft_of_a_saved_form_is_empty"), transaction.atomic():
            Draft.objects.filter(pk=draft.pk).update(closed_at=NOW)


class TestDiscard:
    def test_discarded_draft_can_be_taken_back_for_a_while(self, ada):
        draft = save(ada)

        drafts.discard(draft, by=ada, now=NOW)

        assert drafts.of(ada, now=NOW).get().discarded_at == NOW
        assert not drafts.of(ada, now=NOW + drafts.UNDO_FOR).exists()
        drafts.take_back(draft, by=ada, now=NOW)
        assert drafts.of(ada, now=NOW + drafts.UNDO_FOR).get().discarded_at is None

    def test_whoever_goes_on_writing_has_it_again(self, ada):
        drafts.discard(save(ada), by=ada, now=NOW)

        save(ada, number=2)

        assert drafts.of(ada, now=NOW).get().discarded_at is None


class TestBounds:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"key": ""}, "key"),
            ({"key": "/" * 201}, "key"),
            ({"page": "short"}, "page"),
            ({"page": "a page with spaces"}, "page"),
            ({"page": "x" * 33}, "page"),
            ({"number": -1}, "number"),
            ({"number": 2**60}, "number"),
            ({"fields": {"title": ["a\x00"]}}, "fields"),
            ({"fields": {"title": ["\ud800"]}}, "fields"),
            ({"fields": {"x" * 101: ["a"]}}, "fields"),
        ],
    )
    def test_bad_value_is_refused_and_named(self, ada, changes, field):
        with pytest.raises(Invalid) as refusal:
            save(ada, **changes)
        assert refusal.value.field == field
        assert not Draft.objects.exists()

    def test_page_of_one_form_is_not_that_of_another(self, ada):
        save(ada)

        with pytest.raises(Invalid):
            save(ada, key="/items/new", number=2)

    def test_too_long_a_text_leaves_the_draft_before(self, ada):
        save(ada)

        for fields in ({"title": ["x" * drafts.MAX_BYTES]}, {f"f{n}": ["x"] for n in range(401)}):
            with pytest.raises(DraftTooLong):
                save(ada, number=2, fields=fields)

        assert drafts.of(ada, now=NOW).get().fields == {"title": ["Orders fail"]}

    def test_the_longest_text_of_a_step_fits_in_chinese_too(self, ada):
        save(ada, fields={"finding": ["超" * 65_536], "evidence": ["时" * 65_536]})

        assert drafts.of(ada, now=NOW).exists()

    def test_over_the_most_the_oldest_goes(self, ada):
        Draft.objects.bulk_create(
            Draft(owner=ada, key=KEY, page=f"page-number-{n:08}", fields={"title": ["x"]}, saved_at=NOW)
            for n in range(drafts.MOST)
        )

        save(ada, now=NOW + timedelta(minutes=1))

        pages = [draft.page for draft in drafts.of(ada, now=NOW)]
        assert len(pages) == drafts.MOST
        assert pages[0] == PAGE
        assert "page-number-00000000" not in pages


class TestForgetting:
    def test_old_discarded_and_closed_ones_go(self, ada):
        save(ada, page="old-page-0123456789", now=NOW - drafts.KEPT_FOR)
        drafts.discard(save(ada, page="discarded-0123456789"), by=ada, now=NOW - drafts.UNDO_FOR)
        drafts.close(page="closed-page-0123456789", by=ada, now=NOW - drafts.CLOSED_FOR)
        drafts.close(page="just-closed-0123456789", by=ada, now=NOW)
        save(ada)

        assert drafts.forget_old(now=NOW) == 3

        assert {draft.page for draft in Draft.objects.all()} == {PAGE, "just-closed-0123456789"}

    def test_one_too_old_is_not_offered_before_it_goes(self, ada):
        save(ada)

        assert not drafts.of(ada, now=NOW + drafts.KEPT_FOR).exists()

    def test_beat_forgets_them(self, ada):
        app.loader.import_default_modules()
        save(ada, now=timezone.now() - drafts.KEPT_FOR)

        app.tasks[settings.CELERY_BEAT_SCHEDULE["forget-old-drafts"]["task"]]()

        assert not Draft.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_saves_and_the_form_itself_at_once_leave_no_draft():
    ada = factories.user("Ada")

    refusals = at_once(
        lambda: save(ada),
        lambda: save(ada, number=2),
        lambda: drafts.close(page=PAGE, by=ada, now=NOW),
    )

    assert {refusal.code for refusal in refusals if refusal} <= {"draft_closed"}
    assert refusals[2] is None
    assert not drafts.of(ada, now=NOW).exists()
