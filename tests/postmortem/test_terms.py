"""The lists of phrases that teams keep beside the shipped rules."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from postmortem import reviews, terms, trail
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import WordingTerm
from postmortem.steps import VagueWording
from postmortem.wording import Purpose, Term
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

FACTS = {"phrase": "network glitch", "is_allowed": False, "why": "It was never one."}


def add(by=None, **facts):
    return terms.add(**FACTS | facts, by=by or factories.user(role="facilitator"), now=NOW)


def signed(review, text, **_):
    step = review.steps.get(position=1)
    factories.written(step, finding=text, evidence="Seen in the log.")
    return reviews.sign(step, by=review.owner, now=NOW)


def test_term_is_added_changed_and_removed_in_the_trail():
    person = factories.user(role="facilitator")
    term = add(person, phrase="  network glitch ", suggestion="Give the rate.")

    terms.edit(term, why="There is none.", by=person, now=NOW)
    terms.remove(term, by=person, now=NOW)

    assert (term.phrase, term.suggestion, term.created_at) == ("network glitch", "Give the rate.", NOW)
    assert not WordingTerm.objects.exists()
    assert [(entry.act, entry.actor) for entry in trail.of(term)] == [
        ("terms.remove", person),
        ("terms.edit", person),
        ("terms.add", person),
    ]


@pytest.mark.parametrize(
    ("role", "whose", "is_allowed"),
    [
        ("facilitator", "none", True),
        ("facilitator", "other", True),
        ("governor", "other", True),
        ("administrator", "none", True),
        ("member", "own", True),
        ("member", "other", False),
        ("member", "none", False),
        ("viewer", "own", False),
    ],
)
def test_facilitators_and_the_manager_of_a_team_keep_its_list(role, whose, is_allowed):
    person = factories.user(role=role)
    team = None if whose == "none" else factories.team(manager=person if whose == "own" else None)
    term = factories.wording_term(team=team)

    def acts():
        return (
            lambda: add(person, team=team),
            lambda: terms.edit(term, why="Because.", by=person, now=NOW),
            lambda: terms.remove(term, by=person, now=NOW),
        )

    for act in acts():
        if is_allowed:
            act()
        else:
            with pytest.raises(NotAllowed):
                act()


def test_inactive_manager_keeps_no_list():
    manager = factories.user(is_active=False)

    with pytest.raises(NotAllowed):
        add(manager, team=factories.team(manager=manager))


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"phrase": ""}, "phrase"),
        ({"phrase": "?!"}, "phrase"),
        ({"phrase": "x" * 81}, "phrase"),
        ({"phrase": "GLITCH"}, "phrase"),
        ({"why": " "}, "why"),
        ({"suggestion": "a\x00b"}, "suggestion"),
        # R3 cannot be switched off by a list.
        ({"phrase": "可能", "is_allowed": True}, "phrase"),
        ({"phrase": "probably!", "is_allowed": True}, "phrase"),
        ({"phrase": "maybe probably", "is_allowed": True}, "phrase"),
        ({"phrase": "可能是", "is_allowed": True}, "phrase"),
    ],
)
def test_term_that_breaks_a_rule_is_refused_by_name(facts, field):
    team = factories.team()
    factories.wording_term("glitch", team=team)

    with pytest.raises(Invalid) as refusal:
        add(team=team, **facts)

    assert refusal.value.field == field
    assert WordingTerm.objects.count() == 1


def test_the_same_phrase_may_stand_on_two_lists_and_on_everybodys():
    for team in (factories.team(), factories.team(), None):
        add(team=team)

    assert WordingTerm.objects.count() == 3
    with pytest.raises(Invalid):
        add()


def test_list_has_an_end(monkeypatch):
    monkeypatch.setattr(terms, "MAX_TERMS", 1)
    term = factories.wording_term()

    terms.edit(term, phrase="hiccup", by=factories.user(role="governor"), now=NOW)
    with pytest.raises(Invalid):
        add()


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("wording_term_is_unique_in_its_team", {"phrase": "GLITCH"}),
        ("wording_term_has_a_phrase", {"phrase": ""}),
        ("wording_term_has_a_reason", {"why": ""}),
    ],
)
def test_database_refuses(constraint, fields):
    factories.wording_term("glitch")

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        factories.wording_term(**{"phrase": "other"} | fields)


def test_signature_is_refused_for_the_words_of_the_teams_at_work():
    """Of the team that owns a service, of one that is present, of everybody; not of others."""
    owner, guest, stranger = factories.team(), factories.team(), factories.team()
    for team, phrase in ((owner, "glitch"), (guest, "hiccup"), (None, "gremlin"), (stranger, "blip")):
        factories.wording_term(phrase, team=team)
    service = factories.service(team=owner)
    review = factories.review(incidents=[factories.resolved_incident(services=[service])], is_open=True)
    review.teams_present.add(guest)

    with pytest.raises(VagueWording) as refusal:
        signed(review, "A glitch, a hiccup, a gremlin and a blip.")

    spans = refusal.value.details["spans"]
    assert [span["phrase"] for span in spans] == ["glitch", "hiccup", "gremlin"]
    assert {span["why"] for span in spans} == {"It explains nothing."}
    assert signed(review, "A blip.").is_signed


def test_signature_passes_with_what_a_team_allows():
    team = factories.team()
    factories.wording_term("maybe monad", is_allowed=True, team=team)
    incident = factories.resolved_incident(services=[factories.service(team=team)])
    review = factories.review(incidents=[incident], is_open=True)

    assert signed(review, "The Maybe monad was empty.").is_signed


def test_terms_of_a_review_are_read_in_one_query(django_assert_num_queries):
    team = factories.team()
    incidents = [factories.resolved_incident(services=[factories.service(team=team)]) for _ in range(3)]
    review = factories.review(incidents=incidents)
    review.teams_present.add(team, factories.team())
    for phrase in ("glitch", "hiccup", "gremlin"):
        factories.wording_term(phrase, team=team)

    with django_assert_num_queries(1):
        found = terms.of_review(review)

    assert [term.phrase for term in found] == ["glitch", "gremlin", "hiccup"]


def test_words_of_a_team_are_not_translated_and_those_of_the_rules_are():
    extra = [Term("glitch", is_allowed=False, why="This is a guess.", suggestion="")]

    with translation.override("zh-hans"):
        shipped, own = terms.find("probably a glitch", purpose=Purpose.STEP, extra=extra)

    assert shipped.why == "这是猜测。"
    assert (own.why, own.suggestion) == ("This is a guess.", "")
