"""R9 by API: a process defect is unverified until its procedure is revised and the whole roster passed."""

import pytest

from remediation import exams, verification
from remediation.models import RemediationItem
from tests import factories
from tests.api.conftest import assert_problem

QUESTIONS = [
    {"text": "Who approves?", "kind": "single", "options": ["Nobody", "The manager"], "right": [1]},
    {"text": "What is asked?", "kind": "multiple", "options": ["Limits", "Weather", "Load"], "right": [0, 2]},
]


@pytest.fixture
def ada(as_user):
    return as_user(factories.user("Ada"))


@pytest.fixture
def promise(member, ada):
    factories.sla_policies()
    factories.service("order", team=factories.team(slug="orders", members=[ada.user]))
    return {
        "title": "Ask for limits",
        "owner": member.user.pk,
        "service": "order",
        "severity": "P2",
        "kind": "prevent",
        "category": "process_defect",
        "checks": [],
    }


def write(caller, item, **changes):
    return caller.put(f"items/{item}/exam", {"title": "Limits", "questions": QUESTIONS} | changes)


def test_process_defect_is_verified_once_revised_and_everybody_passed(member, ada, promise):
    """R9, from the promise to the verdict of the engine."""
    agreed = member.post("items", promise)
    assert agreed.status_code == 201, agreed.content
    item = agreed.json()["id"]
    assert [check["kind"] for check in agreed.json()["checks"]] == ["exam"]
    assert member.post(f"items/{item}/claim-fix", {"fix_url": "https://wiki.example.org"}).status_code == 200
    verification.execute("exam")

    written = write(member, item)
    assert written.status_code == 200, written.content
    assert [one["person"]["name"] for one in written.json()["roster"]] == ["Ada"]
    revised = member.post(
        f"items/{item}/sop-revisions", {"url": "https://wiki.example.org/sop", "revision": "v4"}
    )
    assert (revised.status_code, revised.json()["is_done"]) == (201, False)
    assert member.get(f"items/{item}").json()["state"] == "fix_claimed"

    failed = ada.post(f"items/{item}/exam/attempts", {"answers": [[0], [0]], "version": 1})
    assert (failed.status_code, failed.json()["is_passed"], failed.json()["right"]) == (201, False, 0)
    assert_problem(member.post(f"items/{item}/exam/attempts", {"answers": [[1], [0]], "version": 1}), 409,
                   "not_on_roster")  # fmt: skip
    passed = ada.post(f"items/{item}/exam/attempts", {"answers": [[1], [2, 0]], "version": 1})
    assert passed.json()["is_passed"]
    verification.execute("exam")

    process = ada.get(f"items/{item}/process").json()
    assert (process["passed"], process["share"], process["is_done"]) == (1, 1.0, True)
    answer = ada.get(f"items/{item}").json()
    assert answer["state"] == "verified"
    assert [move["to_state"] for move in answer["transitions"]][-1] == "verified"
    assert_problem(ada.post(f"items/{item}/exam/attempts", {"answers": [[1], [0]], "version": 1}), 409,
                   "already_passed")  # fmt: skip


def test_nobody_reads_the_right_answers(member, ada, as_user):
    item = factories.item(category="process_defect", owner=member.user)
    write(member, item)
    for caller in (member, ada, as_user(factories.user(role="administrator"))):
        for path in (f"items/{item}/process", f"items/{item}", f"items/{item}/exam/attempts"):
            assert '"right": [' not in caller.get(path).content.decode().replace('":[', '": [')


def test_attempts_of_others_are_read_by_whoever_writes_the_exam(member, ada, as_user):
    item = factories.item(owner=member.user)
    exam = factories.exam(item, members=[ada.user, factories.user("Ben")])
    for place in exam.roster.all():
        factories.attempt(exam, place.person)

    def names(caller):
        found = caller.get(f"items/{item}/exam/attempts").json()["items"]
        return sorted(one["person"]["name"] for one in found)

    assert (names(member), names(ada), names(as_user(factories.user()))) == (["Ada", "Ben"], ["Ada"], [])


@pytest.mark.parametrize("count", [1, 3])
def test_process_costs_the_same_queries_for_any_roster(member, django_assert_num_queries, count):
    item = factories.item()
    exam = factories.exam(item, members=[factories.user() for _ in range(count)])
    for place in exam.roster.all():
        factories.attempt(exam, place.person)
        exams.record_revision(
            item, url="https://wiki.example.org", revision="v1", by=item.owner, now=factories.NOW
        )

    with django_assert_num_queries(8):
        answer = member.get(f"items/{item}/process").json()
    assert len(answer["roster"]) == len(answer["revisions"]) == count


def test_what_cannot_be_asked_is_refused_with_its_place(member):
    item = factories.item(owner=member.user)

    assert_problem(member.post(f"items/{item}/exam/attempts", {"answers": [], "version": 1}), 409, "no_exam")
    problem = assert_problem(
        write(member, item, questions=[QUESTIONS[0] | {"right": [0, 1]}]), 400, "invalid"
    )
    assert "questions.0.right" in str(problem)
    stranger = factories.user("Stranger")
    assert_problem(member.post(f"items/{item}/exam/grants", {"person": stranger.pk}), 409, "no_exam")
    assert not RemediationItem.objects.filter(exam__isnull=False).exists()


def test_hidden_item_hides_its_exam(member, ada):
    incident = factories.resolved_incident("Secret", is_restricted=True)
    item = factories.item(review=factories.review(incidents=[incident], is_open=True))
    factories.exam(item, members=[ada.user])

    for path in ("process", "exam/attempts"):
        assert ada.get(f"items/{item}/{path}").status_code == 404
    assert ada.post(f"items/{item}/exam/attempts", {"answers": [[0]], "version": 1}).status_code == 404
