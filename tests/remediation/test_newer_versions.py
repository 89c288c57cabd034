"""Two people save the same text at once: one text is stored, the other comes back with both; nothing is lost.

Steps, lessons, incidents, whys and checklist entries are tested beside their acts.
"""

import pytest

from postmortem import causes, composition, reviews
from postmortem.errors import EditConflict
from remediation import items
from tests import factories
from tests.factories import NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db


def reword(cause, statement, **changes):
    return causes.edit(
        cause, **{"statement": statement, "part": "root", "by": factories.user(), "now": NOW} | changes
    )


def settle(cause, evidence, **changes):
    sound = {"state": "verified", "evidence": evidence, "by": factories.user(), "now": NOW}
    return causes.settle(cause, **sound | changes)


def rename(review, title, **changes):
    return composition.edit(review, **{"title": title, "by": review.owner, "now": NOW} | changes)


def correct(item, title, **changes):
    return items.edit(item, **{"title": title, "by": factories.user(), "now": NOW} | changes)


def cause():
    return factories.cause(factories.review(is_open=True), "The pool has no timeout.")


def review():
    return factories.review("As it was", is_open=True)


@pytest.fixture(params=["reword", "settle", "rename", "correct"])
def text(request):
    """(a record, the act that saves a text of it, the name of the text, the name of its version)."""
    return {
        "reword": lambda: (cause(), reword, "statement", "version"),
        "settle": lambda: (cause(), settle, "evidence", "version"),
        "rename": lambda: (review(), rename, "title", "facts_version"),
        "correct": lambda: (factories.item("As it was"), correct, "title", "version"),
    }[request.param]()


def test_save_over_a_newer_version_is_refused_with_both_texts(text):
    record, save, name, versioned = text
    save(record, "Theirs.", version=1)

    with pytest.raises(EditConflict) as refusal:
        save(record, "Mine.", version=1)

    details = refusal.value.details
    assert (details["mine"][name], details["theirs"][name], details["version"]) == ("Mine.", "Theirs.", 2)
    record.refresh_from_db()
    assert (getattr(record, name), getattr(record, versioned)) == ("Theirs.", 2)


def test_whoever_has_read_the_newer_version_saves_over_it(text):
    record, save, name, _versioned = text
    save(record, "Theirs.", version=1)

    save(record, "Mine.", version=2)

    record.refresh_from_db()
    assert getattr(record, name) == "Mine."


def test_the_same_words_twice_are_no_conflict(text):
    record, save, name, _versioned = text
    save(record, "The same.", version=1)

    save(record, "The same.", version=1)

    record.refresh_from_db()
    assert getattr(record, name) == "The same."


def test_program_that_names_no_version_saves_over_whatever_there_is(text):
    record, save, name, _versioned = text
    save(record, "Theirs.", version=1)

    save(record, "Mine.")

    record.refresh_from_db()
    assert getattr(record, name) == "Mine."


@pytest.mark.django_db(transaction=True)
def test_two_at_once_store_one_text_and_refuse_the_other(text):
    record, save, _name, _versioned = text

    refusals = at_once(
        lambda: save(record, "One.", version=1),
        lambda: save(record, "Other.", version=1),
    )

    assert sorted(refusal.code for refusal in refusals if refusal) == ["edit_conflict"]


def test_evidence_for_a_statement_that_was_reworded_meanwhile_is_refused():
    record = cause()
    reword(record, "The pool has a timeout of an hour.", version=1)

    with pytest.raises(EditConflict):
        settle(record, "Reproduced.", version=1)


def test_lessons_saved_meanwhile_are_no_conflict_with_the_title():
    record = review()
    reviews.write_lessons(record, went_well="x", went_badly="", luck="", version=1, by=record.owner, now=NOW)

    assert rename(record, "Renamed", version=1).title == "Renamed"


def test_people_and_teams_that_came_meanwhile_are_told_by_name():
    record = review()
    bob, first, second = factories.user("Bob"), factories.team("Orders"), factories.team("Stock")
    composition.edit(record, owner=bob, teams_present=[second, first], by=record.owner, now=NOW, version=1)
    facilitator = record.facilitator

    with pytest.raises(EditConflict) as refusal:
        composition.edit(record, owner=facilitator, teams_present=[], by=facilitator, now=NOW, version=1)

    assert refusal.value.details["theirs"] == {"owner": "Bob", "teams_present": "Orders, Stock"}
