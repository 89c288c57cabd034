"""Pages of process defects: record a revision, write the exam, sit it, see who passed."""

import pytest

from remediation.models import Exam, RemediationItem
from tests import factories
from web.forms.exams import as_text, from_text

pytestmark = pytest.mark.django_db

TEXT = """Who approves a load test?
- Nobody
* The manager

What is asked
before it?
* The limit
- The weather
* The load
"""


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def page(client, ada):
    client.force_login(ada)
    return client


def item_of(ada, **fields):
    team = factories.team(members=[ada])
    return factories.item(
        category="process_defect", owner=ada, checks=0, proofs=["exam"], team=team, **fields
    )


def written(item, **changes):
    sound = {"title": "Limits", "team": item.team_id, "questions": TEXT, "passing_percent": 100}
    return sound | {"attempts_allowed": 2, "version": ""} | changes


def test_questions_are_written_as_a_text_and_read_back():
    found = from_text(TEXT)

    assert found == [
        {"text": "Who approves a load test?", "options": ["Nobody", "The manager"], "right": [1],
         "kind": "single"},
        {"text": "What is asked before it?", "options": ["The limit", "The weather", "The load"],
         "right": [0, 2], "kind": "multiple"},
    ]  # fmt: skip
    assert from_text(as_text(found)) == found


def test_exam_is_written_sat_and_passed(page, ada):
    item = item_of(ada)
    assert "Nobody has written the exam yet" in page.get(f"/items/{item}/process").content.decode()

    assert page.post(f"/items/{item}/exam", written(item))["Location"] == f"/items/{item}/process"
    revision = {"url": "https://wiki.example.org", "revision": "v4", "note": ""}
    page.post(f"/items/{item}/sop-revision", revision)
    shown = page.get(f"/items/{item}/process").content.decode()
    assert "Sit the exam" in shown
    assert ">v4</a>" in shown

    sitting = page.get(f"/items/{item}/sit").content.decode()
    assert "Who approves a load test?" in sitting
    assert "checked" not in sitting.partition("<dialog")[0]

    assert page.post(f"/items/{item}/sit", {"version": 1, "answer_0": "1"}).status_code == 422
    page.post(f"/items/{item}/sit", {"version": 1, "answer_0": "0", "answer_1": ["0"]})
    assert "Not passed: 0 of 2 right." in page.get(f"/items/{item}/process").content.decode()
    page.post(f"/items/{item}/sit", {"version": 1, "answer_0": "1", "answer_1": ["0", "2"]})
    shown = page.get(f"/items/{item}/process").content.decode()
    assert "Passed: 2 of 2 right." in shown
    assert "1/1" in shown
    assert "Sit the exam" not in shown


def test_question_that_cannot_be_asked_is_named(page, ada):
    item = item_of(ada)

    refused = page.post(f"/items/{item}/exam", written(item, questions="Who?\n- Nobody\n- Me"))

    assert refused.status_code == 422
    assert "Question 1: Mark one right answer." in refused.content.decode()
    assert not Exam.objects.exists()


def test_written_anew_meanwhile_the_exam_is_read_again(page, ada):
    item = item_of(ada)
    page.post(f"/items/{item}/exam", written(item))
    page.post(f"/items/{item}/exam", written(item, questions="Who?\n* Nobody\n- Me", version="1"))

    response = page.post(f"/items/{item}/sit", {"version": 1, "answer_0": "1"}, follow=True)

    assert "written anew meanwhile" in response.content.decode()
    refused = page.post(f"/items/{item}/exam", written(item, version="1"))
    assert refused.status_code == 409


def test_roster_shows_who_is_missing_and_grants_one_more_attempt(client, page, ada):
    item = item_of(ada)
    ben = factories.user("Ben")
    exam = factories.exam(item, members=[ben], attempts_allowed=1)
    factories.attempt(exam, ben)
    place = exam.roster.get()

    shown = page.get(f"/items/{item}/process").content.decode()
    assert "Not passed yet" in shown
    assert f'action="/roster/{place.pk}/grant"' in shown

    client.force_login(ben)
    assert "Sit the exam" not in client.get(f"/items/{item}/process").content.decode()
    assert client.post(f"/roster/{place.pk}/grant").status_code == 403
    client.force_login(ada)
    client.post(f"/roster/{place.pk}/grant")
    client.force_login(ben)
    assert "Sit the exam" in client.get(f"/items/{item}/process").content.decode()


def test_who_is_not_on_the_roster_does_not_find_the_paper(page, ada):
    item = item_of(ada)
    factories.exam(item, members=[factories.user()])

    assert page.get(f"/items/{item}/sit").status_code == 404


def test_process_defect_is_agreed_without_another_check(page, ada):
    factories.sla_policies()
    service = factories.service("order")
    values = {
        "title": "Ask for limits", "owner": ada.pk, "team": service.team.pk, "service": service.pk,
        "severity": factories.severity("P2").pk, "kind": "prevent", "category": "process_defect",
        "check-kind": "prometheus", "intent": "save",
    }  # fmt: skip

    response = page.post("/items/new", values)

    assert response.status_code == 302, response.context["form"].errors
    item = RemediationItem.objects.get()
    assert [check.kind for check in item.verification_checks.all()] == ["exam"]
    shown = page.get(f"/items/{item}/").content.decode()
    assert f'href="/items/{item}/process"' in shown
    check = item.verification_checks.get()
    assert page.get(f"/checks/{check.pk}/").status_code == 200
    assert page.get(f"/checks/{check.pk}/edit")["Location"] == f"/items/{item}/process"
    assert page.post("/items/new", values | {"category": "technical_debt"}).status_code == 422


@pytest.mark.parametrize("category", ["technical_debt", "missing_tool"])
def test_item_without_a_process_says_so_and_where_to_go(page, ada, category):
    item = factories.item(category=category, owner=ada)

    shown = page.get(f"/items/{item}/process").content.decode()

    assert f"{item} has no procedure and no exam" in shown
    assert f'href="/items/{item}/"' in shown
    assert f'href="/items/{item}/edit"' in shown
    for form in ("revisions/new", "exam/write", "Record a revision", "Write the exam", "Nobody has written"):
        assert form not in shown


def test_what_was_recorded_before_the_category_changed_is_still_shown(page, ada):
    item = item_of(ada)
    factories.exam(item, title="Limits", team=item.team)
    RemediationItem.objects.filter(pk=item.pk).update(category="technical_debt")

    assert "has no procedure" not in page.get(f"/items/{item}/process").content.decode()
