"""The merge gate as CI sees it: each blocked change has its own reason, and every decision is kept."""

import json
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from governance.answers import moment_text
from governance.models import GateDecision
from tests import factories as f
from tests import gating
from tests.api.wiretap import statements

pytestmark = pytest.mark.django_db

PATH = "/api/v1/gate/changes"


@pytest.fixture
def ask(client):
    _token, secret = f.api_token(scopes=["gate"], now=timezone.now())

    def ask(
        body=None, *, raw=None, authorization=f"Bearer {secret}", content_type="application/json", **fields
    ):
        if raw is None:
            raw = json.dumps(change(**fields) if body is None else body)
        headers = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
        return client.generic("POST", PATH, raw, content_type=content_type, **headers)

    return ask


@pytest.fixture
def order():
    return f.service("order", repositories=["shop/order"])


@pytest.fixture
def archived(order):
    return f.archived_review(incidents=[f.resolved_incident(services=[order])])


def change(**fields):
    return {
        "repository": "shop/order",
        "target_branch": "main",
        "change_id": "!42",
        "title": "Raise the pool limit",
        "description": "Because of the sale.",
        "commits": [{"sha": "0123abcd", "message": "Raise the pool limit\n\nPostmortem: PM-2026-0001\n"}],
        "paths": ["pool.py"],
        "labels": ["database"],
    } | fields


def message(*lines):
    return [{"sha": "0123abcd", "message": "\n".join(["Raise the pool limit", "", *lines, ""])}]


def test_change_that_names_an_archived_postmortem_passes(ask, archived):
    answer = ask()

    decision = GateDecision.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "PASS",
        "repository": "shop/order",
        "change_id": "!42",
        "mode": "strict",
        "on_error": "closed",
        "findings": [],
        "waivers": [],
        "excuse": None,
        "postmortems": [{"id": "PM-2026-0001", "archived_at": moment_text(archived.archived_at)}],
        "services": ["order"],
        "skipped": [],
        "policy": {"id": "gate-1v1", "name": "Default"},
        "policy_version": "2026-11-3/gate-1v1",
        "decision": str(decision.id),
        "url": f"http://testserver/gate/{decision.id}/",
        "decided_at": answer.json()["decided_at"],
    }
    assert answer.json()["postmortems"][0]["archived_at"].endswith("Z")
    assert answer["Cache-Control"] == "no-store"
    assert abs(timezone.now() - datetime.fromisoformat(answer.json()["decided_at"])) < timedelta(minutes=5)


def test_change_may_name_the_postmortem_in_its_description(ask, archived):
    answer = ask(commits=[], description="Why:\n\nPostmortem: pm-2026-0001\n")

    assert answer.json()["status"] == "PASS"


@pytest.mark.parametrize(
    ("fields", "findings"),
    [
        ({"commits": []}, [("POSTMORTEM_NOT_NAMED", "")]),
        ({"commits": message("Text.")}, [("POSTMORTEM_NOT_NAMED", "")]),
        (
            {"commits": [], "description": "<!-- \nPostmortem: PM-2026-0001\n-->"},
            [("POSTMORTEM_NOT_NAMED", "")],
        ),
        ({"commits": [], "description": "> Postmortem: PM-2026-0001"}, [("POSTMORTEM_NOT_NAMED", "")]),
        ({"commits": message("Postmortem: PM-2026-0999")}, [("PM_UNKNOWN", "PM-2026-0999")]),
        ({"commits": message("Postmortem: to be written")}, [("PM_UNKNOWN", "to be written")]),
        ({"commits": message("Postmortem: PM-2026-0002")}, [("PM_NOT_ARCHIVED", "PM-2026-0002")]),
        ({"services": ["payment"]}, [("PM_NOT_APPLICABLE", "PM-2026-0001")]),
        (
            {"commits": message("Postmortem: PM-2026-0002, PM-2026-0999"), "services": ["payment"]},
            [
                ("PM_NOT_ARCHIVED", "PM-2026-0002"),
                ("PM_NOT_APPLICABLE", "PM-2026-0002"),
                ("PM_UNKNOWN", "PM-2026-0999"),
            ],
        ),
    ],
)
def test_change_is_blocked_for_each_its_own_reason(ask, order, archived, fields, findings):
    f.review(incidents=[f.incident(services=[order])], is_open=True)
    f.service("payment")

    body = ask(**fields).json()

    assert body["status"] == "FAIL"
    assert [(finding["code"], finding["object"]) for finding in body["findings"]] == findings
    assert all(finding["detail"] for finding in body["findings"])


def test_change_of_an_affected_service_may_name_the_postmortem(ask, order):
    payment = f.service("payment")
    f.archived_review(incidents=[f.resolved_incident(services=[order, payment])])

    assert ask(services=["payment"]).json()["status"] == "PASS"


@pytest.mark.parametrize("repository", ["shop/elsewhere", "Shop/Order"])
def test_change_without_any_known_service_does_not_pass(ask, archived, repository):
    """Nobody knows whether the postmortem is about it: a wrong name must not turn a rule off."""
    body = ask(repository=repository).json()

    assert (body["status"], body["services"]) == ("UNKNOWN", [])
    assert [rule["code"] for rule in body["skipped"]] == ["PM_NOT_APPLICABLE"]
    assert [finding["code"] for finding in body["findings"]] == ["SERVICES_UNKNOWN"]


@pytest.mark.parametrize("branch", ["main", "refs/heads/main"])
def test_branch_that_a_policy_covers_is_covered_as_git_writes_it_in_full(ask, archived, branch):
    gating.policy(branches=["main"])

    body = ask(target_branch=branch, commits=[]).json()

    assert (body["status"], body["excuse"]) == ("FAIL", None)


def test_another_branch_is_excused_and_case_tells_two_branches_apart(ask, archived):
    gating.policy(branches=["main"])

    for branch in ("topic", "refs/heads/topic", "Main"):
        assert ask(target_branch=branch, commits=[]).json()["excuse"]["rule"] == "branch"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        *(
            ({"target_branch": branch}, "target_branch")
            for branch in (
                " main", "main ", "main\n", "main\t", "main\u200b", "\u00a0main", " ", "origin/main",
                "refs/remotes/origin/main", "remotes/origin/main", "refs/tags/main", "heads/main",
                "refs/heads/", "refs/heads/refs/heads/main", "/main", "main/", "release//1", "main~0",
                "main^{}", "main@{0}", "main..topic", "ma:in", "HEAD", "@", "*", "mai?", "main.lock", "main.",
            )
        ),
        *(
            ({"repository": repository}, "repository")
            for repository in (
                " shop/order", "shop/order\n", "shop/order/", "/shop/order", "shop//order", "shop/./order",
                "shop/../shop/order", "shop/order.git", "shop/order.GIT", "shop\\order",
                "https://git.example.org/shop/order.git", "git@git.example.org:shop/order",
            )
        ),
        ({"labels": ["database", " production"]}, "labels.1"),
        ({"labels": ["production\r"]}, "labels.0"),
        *(
            ({"paths": [path]}, "paths.0")
            for path in ("docs/../pool.py", "./pool.py", "/pool.py", "docs//pool.md", "docs/", "")
        ),
    ],
)  # fmt: skip
def test_name_that_is_written_in_another_way_is_refused_by_field(ask, archived, fields, name):
    gating.policy(branches=["main"])

    answer = ask(commits=[], **fields)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])
    assert not GateDecision.objects.exists()


def test_other_case_of_a_repository_finds_the_same_row(ask, archived):
    gating.policy(mode="off")
    gating.policy(repositories=["shop/*"], name="Shop")

    assert ask(repository="Shop/Order", commits=[]).json()["policy"]["name"] == "Shop"


def test_change_that_names_a_service_which_does_not_exist_is_refused(ask, archived):
    answer = ask(services=["order", "ordre"])

    assert answer.status_code == 400
    assert "ordre" in answer.json()["errors"]["services"][0]["message"]
    assert not GateDecision.objects.exists()


def test_restricted_postmortem_is_judged_and_nothing_but_its_id_is_said(ask, order):
    secret = "Customer data of Acme left the house"
    incident = f.resolved_incident(secret, services=[order], is_restricted=True)
    f.archived_review(title=secret, incidents=[incident])
    draft = f.resolved_incident(secret, services=[order], is_restricted=True)
    f.review(secret, incidents=[draft])

    passed, blocked = ask(), ask(commits=message("Postmortem: PM-2026-0002"))

    assert (passed.json()["status"], passed.json()["postmortems"]) == ("PASS", [{"id": "PM-2026-0001"}])
    assert (blocked.json()["status"], blocked.json()["postmortems"]) == ("FAIL", [{"id": "PM-2026-0002"}])
    for answer in (passed, blocked):
        assert "Acme" not in answer.content.decode()
    for decision in GateDecision.objects.all():
        assert "Acme" not in json.dumps([decision.findings, decision.postmortems, decision.request])


def test_decision_keeps_input_findings_and_token(ask, archived):
    body = ask(commits=message("Postmortem: PM-2026-0001, PM-2026-0999")).json()

    decision = GateDecision.objects.select_related("token").get()
    assert str(decision.id) == body["decision"]
    assert (decision.kind, decision.verdict, decision.mode) == ("change", "FAIL", "strict")
    assert (decision.repository, decision.change_id, decision.title) == (
        "shop/order",
        "!42",
        "Raise the pool limit",
    )
    assert decision.findings == [
        {name: value for name, value in finding.items() if name != "url"} for finding in body["findings"]
    ]
    assert decision.named == ["PM-2026-0001", "PM-2026-0999"]
    assert str(decision.gate) == "gate-1v1"
    assert decision.postmortems == ["PM-2026-0001"]
    assert decision.request == change(commits=message("Postmortem: PM-2026-0001, PM-2026-0999"))
    assert decision.token.scopes == ["gate"]


def test_same_question_again_is_a_new_decision(ask, archived):
    assert ask().json()["decision"] != ask().json()["decision"]
    assert GateDecision.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_gate_runs_two_statements(ask):
    order = f.service("order", repositories=["shop/order"])
    f.archived_review(incidents=[f.resolved_incident(services=[order])])
    ask()

    with statements() as seen:
        assert ask().json()["status"] == "PASS"

    assert len(seen) == 2


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"repository": ""}, ["repository"]),
        ({"repository": None}, ["repository"]),
        ({"repository": 7}, ["repository"]),
        ({"repository": "x" * 201}, ["repository"]),
        ({"title": ["a"]}, ["title"]),
        ({"title": False}, ["title"]),
        ({"title": "x" * 301}, ["title"]),
        ({"description": 0}, ["description"]),
        ({"description": "a\x00b"}, ["description"]),
        ({"description": "half \ud800 a pair"}, ["description"]),
        ({"commits": {}}, ["commits"]),
        ({"commits": ["Postmortem: PM-2026-0001"]}, ["commits.0"]),
        ({"commits": [{"sha": "1"}]}, ["commits.0.message"]),
        ({"commits": [{"message": None}]}, ["commits.0.message"]),
        ({"commits": [{"message": "a", "sha": 1}]}, ["commits.0.sha"]),
        ({"commits": [{"message": "a", "author": "Ada"}]}, ["commits.0.author"]),
        ({"commits": [{"message": "a\x00"}]}, ["commits.0.message"]),
        ({"commits": [{"message": "a"}] * 5001}, ["commits"]),
        ({"services": "order"}, ["services"]),
        ({"services": [1, "order", None]}, ["services.0", "services.2"]),
        ({"services": ["order\x00"]}, ["services.0"]),
        ({"services": ["order"] * 201}, ["services"]),
        ({"paths": ["x" * 4097]}, ["paths.0"]),
        ({"labels": [["a"]]}, ["labels.0"]),
        ({"branch": "main", "force": True}, ["branch", "force"]),
        ({"half \ud800 a name": 1}, ["half ? a name"]),
        (
            {"commits": message(*["Postmortem: " + ", ".join(f"PM-2026-{n:04d}" for n in range(1, 102))])},
            ["commits"],
        ),
    ],
)
def test_wrong_body_is_refused_by_field(ask, archived, fields, names):
    answer = ask(**fields)

    body = answer.json()
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert sorted(body["errors"]) == names
    assert not GateDecision.objects.exists()


def test_null_texts_and_lists_are_empty_ones(ask, archived):
    answer = ask(description=None, title=None, change_id=None, services=None, labels=None, paths=None)

    assert answer.json()["status"] == "PASS"


def test_a_thousand_errors_are_not_said_one_by_one(ask):
    answer = ask(paths=[0] * 20_000)

    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 50


@pytest.mark.parametrize(
    "raw",
    [
        " ",
        "{",
        "{" * 100_000,
        "[" * 500_000,
        '{"repository": "a", "repository": "b"}',
        '{"repository": NaN}',
        '{"repository": ' + "9" * 5000 + "}",
        b"\xff\xfe{}",
        b'{"repository": "\xc3\x28"}',
        "{}\x00",
        '{"repository": 1e999}',
    ],
)
def test_what_is_no_json_is_a_parse_error_as_everywhere(ask, raw):
    answer = ask(raw=raw)

    assert answer.status_code == 400
    assert answer.json()["code"] == "parse_error"


@pytest.mark.parametrize("raw", ["[]", "null", '"text"', "7"])
def test_what_is_no_json_object_is_invalid(ask, raw):
    answer = ask(raw=raw)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["errors"]) == ["body"]


def test_field_that_is_given_twice_is_named(ask):
    answer = ask(raw='{"repository": "a", "commits": [{"message": "b", "message": "c"}]}')

    assert answer.json()["detail"] == "The field “message” is given twice."


def test_large_body_is_413_and_the_largest_is_not(ask, archived):
    empty = len(json.dumps(change(description="")))

    assert ask(description="x" * (2 * 1024 * 1024 - empty)).status_code == 200
    answer = ask(description="x" * (2 * 1024 * 1024 - empty + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_other_content_types_are_415(ask, content_type):
    answer = ask(content_type=content_type)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_content_type_may_name_the_charset(ask, archived):
    assert ask(content_type="application/json; charset=utf-8").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_gate_answers_post_only(client, method):
    answer = client.generic(method, PATH)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_gate_asks_for_a_token_with_its_scope(ask, archived):
    audit_only = f.api_token(scopes=["audit"], now=timezone.now())[1]
    expired = f.api_token(scopes=["gate"], now=timezone.now() - timedelta(days=40))[1]

    assert ask(authorization=None).status_code == 401
    assert ask(authorization="Bearer nonsense")["WWW-Authenticate"].startswith("Bearer")
    assert ask(authorization=f"Bearer {expired}").json()["code"] == "token_not_valid"
    assert (ask(authorization=f"Bearer {audit_only}").status_code) == 403
    assert not GateDecision.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_gate_without_a_database_is_503(ask, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nonexistent")

    answer = ask()

    connection.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
