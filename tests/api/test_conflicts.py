"""A program that says which version it read is refused when there is a newer one, with both texts."""

import pytest

from tests import factories
from tests.api.conftest import assert_problem

pytestmark = pytest.mark.django_db


def test_cause_reworded_meanwhile(member):
    review = factories.review(is_open=True)
    cause = factories.cause(review, "The pool has no timeout.")
    path = f"reviews/{review}/causes/{cause.pk}"
    body = {"statement": "Theirs.", "part": "trigger", "version": 1}
    assert member.put(path, body).json()["version"] == 2

    answer = member.put(path, {"statement": "Mine.", "part": "root", "version": 1})
    settled = member.post(f"{path}/settle", {"state": "verified", "evidence": "Reproduced.", "version": 1})

    problem = assert_problem(answer, 409, "edit_conflict")
    assert problem["details"] == {
        "mine": {"statement": "Mine.", "part": "root"},
        "theirs": {"statement": "Theirs.", "part": "trigger"},
        "version": 2,
    }
    assert_problem(settled, 409, "edit_conflict")


def test_review_renamed_meanwhile(member):
    review = factories.review("As it was", owner=member.user, is_open=True)
    assert (
        member.patch(f"reviews/{review}", {"title": "Theirs", "facts_version": 1}).json()["facts_version"]
        == 2
    )

    answer = member.patch(f"reviews/{review}", {"title": "Mine", "facts_version": 1})

    problem = assert_problem(answer, 409, "edit_conflict")
    assert problem["details"] == {"mine": {"title": "Mine"}, "theirs": {"title": "Theirs"}, "version": 2}


def test_item_corrected_meanwhile(member):
    item = factories.item("As it was")
    assert member.patch(f"items/{item}", {"title": "Theirs", "version": 1}).json()["version"] == 2

    answer = member.patch(f"items/{item}", {"title": "Mine", "description": "", "version": 1})

    problem = assert_problem(answer, 409, "edit_conflict")
    assert problem["details"]["theirs"]["title"] == "Theirs"
    assert member.patch(f"items/{item}", {"title": "Mine", "version": 2}).json()["title"] == "Mine"
