"""Wording by API: the same spans as the signature sees, and the lists of the teams."""

import pytest

from postmortem.models import WordingTerm
from tests import factories
from tests.api.conftest import assert_problem

pytestmark = pytest.mark.django_db


def test_spans_of_a_text_for_its_purpose(member):
    step = member.post("wording", {"text": "🔥 可能是连接池", "purpose": "step"}).json()["spans"]
    cause = member.post("wording", {"text": "🔥 可能是连接池", "purpose": "cause"}).json()["spans"]
    item = member.post("wording", {"text": "Improve monitoring", "purpose": "item"}).json()["spans"]

    assert [(one["start"], one["end"], one["phrase"], one["blocks"]) for one in step] == [
        (2, 4, "可能", True)
    ]
    assert [(one["rule"], one["blocks"]) for one in cause] == [("zh-guess", False)]
    assert [(one["rule"], one["phrase"]) for one in item] == [("en-comparative", "Improve")]


def test_spans_heed_the_lists_of_a_team_and_of_a_review(member):
    team, guest = factories.team(), factories.team()
    factories.wording_term("glitch", team=team)
    factories.wording_term("hiccup", team=guest)
    review = factories.review(is_open=True)
    review.teams_present.add(guest)

    def phrases(**more):
        body = {"text": "a glitch and a hiccup", "purpose": "step"} | more
        return [span["phrase"] for span in member.post("wording", body).json()["spans"]]

    assert phrases() == []
    assert phrases(team=team.slug) == ["glitch"]
    assert phrases(review=review.public_id) == ["hiccup"]
    assert phrases(review=review.public_id, team=team.slug) == ["glitch", "hiccup"]


def test_review_that_the_caller_may_not_see_has_no_list(member):
    incident = factories.resolved_incident(is_restricted=True)
    review = factories.review(incidents=[incident])

    answer = member.post("wording", {"text": "", "purpose": "step", "review": review.public_id})

    assert "review" in assert_problem(answer, 400, "invalid")["errors"]


@pytest.mark.parametrize("body", [{"text": "x"}, {"text": "x", "purpose": "poem"}, {"purpose": "step"}])
def test_question_without_a_text_or_purpose_is_refused(member, body):
    assert_problem(member.post("wording", body), 400, "invalid")


def test_list_of_a_team_is_kept_by_its_manager(member, as_user):
    team = factories.team(manager=member.user)
    facts = {"team": team.slug, "phrase": "glitch", "is_allowed": False, "why": "It explains nothing."}

    made = member.post("wording-terms", facts)
    path = f"wording-terms/{made.json()['id']}"
    changed = member.patch(path, {"suggestion": "Give the rate."})

    assert made.status_code == 201
    assert made.json() | facts == made.json()
    assert changed.json()["suggestion"] == "Give the rate."
    assert_problem(as_user(factories.user()).delete(path), 403, "not_allowed")
    assert_problem(member.post("wording-terms", facts), 400, "invalid")
    assert member.delete(path).status_code == 204
    assert not WordingTerm.objects.exists()


def test_everybodys_list_is_kept_by_facilitators(member, as_user):
    facts = {"phrase": "glitch", "is_allowed": False, "why": "It explains nothing."}

    assert_problem(member.post("wording-terms", facts), 403, "not_allowed")
    made = as_user(factories.user(role="facilitator")).post("wording-terms", facts)

    assert (made.status_code, made.json()["team"]) == (201, None)


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_are_read_in_a_constant_number_of_queries(member, rows, django_assert_num_queries):
    teams = [factories.team() for _ in range(rows)]
    for team in teams:
        factories.wording_term(team=team)
    factories.wording_term()

    with django_assert_num_queries(3):
        answer = member.get("wording-terms")
    assert len(answer.json()["items"]) == rows + 1

    one = member.get(f"wording-terms?team={teams[0].slug}").json()["items"]
    assert [term["team"] for term in one] == [teams[0].slug]
