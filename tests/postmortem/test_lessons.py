"""The points of what went badly: read out of the text, in step with it, answered before the archive."""

import time

import pytest
from django.db import IntegrityError, transaction

from postmortem import lessons, reviews
from postmortem.errors import Archived, Invalid, NotAllowed
from postmortem.models import LessonPoint
from postmortem.reviews import NotArchivable
from remediation import plan
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("", []),
        (" \n", []),
        ("Nobody knew the limit.", ["Nobody knew the limit."]),
        ("- One.\n- Two.", ["One.", "Two."]),
        (
            "* One\n  goes on\n+ Two\n1. Three\n2) Four\n• 5",
            ["One goes on", "Two", "Three", "Four", "5"],
        ),
        ("- One.\n    - A part of it.\n- Two.", ["One. - A part of it.", "Two."]),
        ("First paragraph\nin two lines.\n\nSecond.", ["First paragraph in two lines.", "Second."]),
        ("## Detection\n\n- One.\n\n---\n\n## Repair\n\nTwo.", ["One.", "Two."]),
        ("- One:\n```\n- no point\n```\n- Two.", ["One:", "Two."]),
        ("**This made it worse:**\n\n- One.\n\n两件事：\n\nTwo.\n\nThe end:", ["One.", "Two.", "The end:"]),
        ("See [the fix][1].\n\n[1]: https://example.org/fix\n\nTwo.", ["See [the fix][1].", "Two."]),
        ("- Same.\n- Same.", ["Same."]),
        ("None.", []),
        ("无", []),
        ("n/a", []),
        ("- 告警太晚。\n- 没有超时。", ["告警太晚。", "没有超时。"]),
        ("x" * 600, ["x" * 500]),
        ("- a\n" * 60 + "\n".join(f"- {n}" for n in range(60)), ["a", *map(str, range(49))]),
    ],
)
def test_text_is_split_into_its_points(text, points):
    assert lessons.split(text) == points


def test_no_text_takes_long_to_split():
    start = time.process_time()
    for text in ("- \n" * 20_000, "-" * 60_000, " " * 60_000, "#" * 60_000, "1" * 60_000, "```\n" * 15_000):
        lessons.split(text)
    assert time.process_time() - start < 2


def write(review, text):
    review.refresh_from_db()
    return reviews.write_lessons(
        review, went_well="", went_badly=text, luck="", version=review.version, by=review.owner, now=NOW
    )


def texts(review):
    return list(review.lesson_points.order_by("position").values_list("text", flat=True))


class TestSync:
    def test_points_follow_the_text(self):
        review = factories.review(is_open=True)

        write(review, "- One.\n- Two.")
        assert texts(review) == ["One.", "Two."]
        write(review, "- Two.\n- Three is another thing entirely.")
        assert texts(review) == ["Two.", "Three is another thing entirely."]
        write(review, "")
        assert texts(review) == []

    def test_a_reworded_point_keeps_its_answer(self):
        review = factories.review(is_open=True)
        item = factories.item(review=review)
        write(review, "- Nobody knew the limit of the pool.\n- Another.")
        plan.answer_lesson(review.lesson_points.first(), items=[item], by=review.owner, now=NOW)

        write(review, "- Another.\n- Nobody knew the limit of this pool by heart.")

        point = review.lesson_points.get(position=2)
        assert list(point.items.all()) == [item]
        assert point.text == "Nobody knew the limit of this pool by heart."

    def test_saving_the_same_text_reads_what_was_stored_by_another_way(self):
        review = factories.review(is_open=True, went_badly="- One.")
        assert lessons.unread(review) == ["One."]

        write(review, "- One.")

        assert lessons.unread(review) == []


class TestAnswer:
    def test_items_answer_a_point(self):
        review = factories.complete_review()
        item, point = review.items.get(), factories.lesson_point(review)
        assert [gap.code for gap in plan.gaps(review)] == ["lesson_without_item"]

        plan.answer_lesson(point, items=[item], by=factories.user(), now=NOW)

        assert plan.gaps(review) == []
        assert list(item.lessons.all()) == [point]

    def test_a_reason_with_its_approver_answers_too(self):
        review = factories.complete_review()
        point, governor = factories.lesson_point(review), factories.user(role="governor")

        plan.answer_lesson(point, items=[], reason="The service ends.", by=governor, now=NOW)

        point.refresh_from_db()
        assert (point.declined_because, point.declined_by, point.declined_at) == (
            "The service ends.",
            governor,
            NOW,
        )
        assert plan.gaps(review) == []
        archived = plan.archive(review, by=review.facilitator, now=NOW)
        (declined,) = archived.revisions.get().content["lessons_without_item"]
        assert declined["declined_because"] == "The service ends."

    def test_a_member_approves_nothing(self):
        point = factories.lesson_point(factories.review(is_open=True))

        with pytest.raises(NotAllowed):
            plan.answer_lesson(point, items=[], reason="x", by=factories.user(), now=NOW)

        point.refresh_from_db()
        assert point.declined_because == ""

    def test_an_answer_is_an_item_of_the_same_review_or_a_reason(self):
        point = factories.lesson_point(factories.review(is_open=True))

        for items in ([], [factories.item()]):
            with pytest.raises(Invalid) as refusal:
                plan.answer_lesson(point, items=items, by=factories.user(), now=NOW)
            assert refusal.value.field == "items"

    def test_nothing_is_answered_after_the_archive(self):
        review = factories.archived_review()
        point = LessonPoint(review=review, position=1, text="x")

        with pytest.raises(Archived):
            plan.answer_lesson(point, items=[review.items.get()], by=factories.user(), now=NOW)


class TestArchive:
    def test_an_unanswered_point_is_a_gap_with_its_place(self):
        review = factories.complete_review()
        point = factories.lesson_point(review, "Nobody knew the limit.")

        with pytest.raises(NotArchivable) as refusal:
            plan.archive(review, by=review.facilitator, now=NOW)

        assert refusal.value.details["gaps"] == [
            {
                "code": "lesson_without_item",
                "message": "No item answers “Nobody knew the limit.”.",
                "where": f"lessons/{point.pk}",
            }
        ]

    def test_a_point_that_is_no_row_yet_is_a_gap_too(self):
        review = factories.complete_review(went_badly="- One.")

        assert [(gap.code, gap.where) for gap in plan.gaps(review)] == [("lesson_without_item", "lessons")]

    def test_the_database_refuses_a_revision_with_an_unanswered_point(self):
        review = factories.complete_review()
        factories.lesson_point(review)

        with pytest.raises(IntegrityError, match="the plan lacks something"), transaction.atomic():
            reviews.archive(review, gaps=[], by=review.facilitator, now=NOW)

    def test_the_database_refuses_a_reason_without_its_approver(self):
        point = factories.lesson_point()

        with pytest.raises(IntegrityError, match="lesson_point_is_declined"), transaction.atomic():
            LessonPoint.objects.filter(pk=point.pk).update(declined_because="x")
