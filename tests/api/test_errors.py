import json

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, transaction
from django.http import UnreadablePostError
from rest_framework import exceptions

from api import errors
from postmortem.models import Service
from tests import factories
from tests.api.bodies import bodies
from tests.api.conftest import assert_problem
from tests.api.document import DOCUMENT, operations

LONG = b'{"title": "' + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}'
DEEP = b'{"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    "path",
    [
        "nowhere",
        "incidents/",
        "incidents/1",
        "incidents/INC-2026-1",
        "checks/-1",
        "checks/" + "9" * 30,
        "users/x",
        "",
    ],
)
def test_path_that_leads_nowhere_is_a_problem(member, path):
    assert_problem(member.get(path), 404, "not_found")
    assert_problem(member.post(path), 404, "not_found")


def test_path_outside_the_version_is_a_problem(member):
    assert_problem(member.client.get("/api/v2/incidents"), 404, "not_found")


def test_unknown_id_is_a_problem(member):
    assert_problem(member.get("incidents/INC-2026-9999"), 404, "not_found")


def test_method_that_is_not_offered_is_a_problem(member):
    response = member.delete("incidents")

    assert_problem(response, 405, "method_not_allowed")
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert_problem(member.client.options("/api/v1/incidents"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "x" * 1000,
    ],
)
def test_body_that_is_not_json_is_refused_by_type(member, content_type):
    response = member.client.generic("POST", "/api/v1/incidents", b"title=x", content_type)

    assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"title",
        b"\xff\xfe{}",
        b'{"title": "\xc3\x28"}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"title": "a", "title": "b"}',
        b'{"services": [{"a": 1, "b": 2, "a": 3}]}',
        b'{"a": ' + b"1" * 5000 + b"}",
        DEEP,
    ],
)
def test_body_that_is_not_proper_json_is_a_parse_error(member, body):
    assert_problem(member.post("incidents", body), 400, "parse_error")


def test_field_that_is_given_twice_is_named(member):
    problem = assert_problem(member.post("incidents", b'{"title": "a", "title": "b"}'), 400, "parse_error")

    assert problem["detail"] == "The field “title” is given twice."


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1", b"true", b"[{}]"])
def test_body_that_is_no_object_is_refused(member, body):
    problem = assert_problem(member.post("incidents", body), 400, "invalid")

    assert list(problem["errors"]) == ["body"]


def test_body_that_is_too_large_is_refused(member):
    assert_problem(member.post("incidents", LONG), 413, "too_large")


def test_field_that_is_unknown_is_named_along_with_the_missing_ones(member):
    problem = assert_problem(member.post("incidents", {"titel": "Orders fail"}), 400, "invalid")

    assert {name: [one["code"] for one in found] for name, found in problem["errors"].items()} == {
        "title": ["required"],
        "severity": ["required"],
        "services": ["required"],
        "started_at": ["required"],
        "titel": ["unknown"],
    }


def test_field_inside_another_has_a_dotted_name(member):
    body = {"services": [{"service": "nowhere", "role": "origin"}]}

    problem = assert_problem(member.post("incidents", body), 400, "invalid")

    assert [one["code"] for one in problem["errors"]["services.0.service"]] == ["does_not_exist"]
    assert [one["code"] for one in problem["errors"]["services.0.role"]] == ["unknown"]


def test_act_without_a_body_takes_no_field(member):
    incident = factories.incident()

    problem = assert_problem(member.post(f"incidents/{incident}/close", {"force": True}), 400, "invalid")

    assert list(problem["errors"]) == ["force"]


@pytest.mark.parametrize("name", ["\ud800", "\x00", "x" * 10_000, "__proto__", "non_field_errors"])
def test_names_of_unknown_fields_cannot_break_the_answer(member, name):
    problem = assert_problem(member.post("incidents", json.dumps({name: 1}).encode()), 400, "invalid")

    assert len(problem["errors"]) == 5


def test_refusal_of_the_domain_is_a_conflict_with_its_code(member):
    incident = factories.incident()

    problem = assert_problem(member.post(f"incidents/{incident}/close"), 409, "not_closable")

    assert problem["details"] == {"reasons": ["not_resolved", "postmortem_missing"]}
    incident.refresh_from_db()
    assert incident.closed_at is None


def test_parameter_that_is_unknown_is_refused(member):
    for path in ("incidents", "users/me"):
        problem = assert_problem(member.get(path, sevrity="P1"), 400, "invalid")

        assert list(problem["errors"]) == ["sevrity"]


def test_parameter_given_twice_is_refused(member):
    response = member.client.get("/api/v1/incidents?state=open&state=closed")

    problem = assert_problem(response, 400, "invalid")
    assert problem["errors"]["state"][0]["code"] == "given_twice"


@pytest.mark.parametrize(
    "query", ["q=%00", "q=%ff", "after=%00", "%00=1", "state=%ff%fe", "limit=%00", "q=\x00"]
)
def test_query_that_is_no_text_is_refused(member, query):
    assert_problem(member.client.get(f"/api/v1/incidents?{query}"), 400, "bad_request")


def test_whatever_the_caller_accepts_the_answer_is_json(member):
    response = member.client.get("/api/v1/incidents", headers={"Accept": "text/html; q=0.9, application/xml"})

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (exceptions.Throttled(wait=1.5), 429, "throttled"),
        (UnreadablePostError(), 400, "bad_request"),
        (Service.DoesNotExist(), 404, "not_found"),
        (PermissionDenied(), 403, "not_allowed"),
        (IntegrityError(), 409, "conflict"),
        (OperationalError(), 503, "unavailable"),
    ],
)
def test_what_goes_wrong_around_an_act_is_a_problem(error, status, code):
    response = errors.handle(error, {})

    assert (response.status_code, response.data["code"]) == (status, code)
    assert ("Retry-After" in response.headers) is (status in (429, 503))


def test_fault_of_ours_is_no_problem_of_the_callers():
    assert errors.handle(ZeroDivisionError(), {}) is None


@pytest.mark.parametrize("value", ["%00", "%ff", "a%00b", "%ed%a0%80"])
def test_parameter_that_is_no_text_is_named(member, value):
    problem = assert_problem(member.client.get(f"/api/v1/items?state=open&q={value}"), 400, "bad_request")

    assert list(problem["errors"]) == ["q"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("incidents/{incident}", {"title": 1.5}, "title"),
        ("incidents/{incident}", {"tags": ["a", 7]}, "tags.1"),
        ("incidents/{incident}", {"tags": ["a", 7, {}]}, "tags.2 tags.1"),
        ("reviews/{review}", {"title": 2026}, "title"),
        ("items/{item}", {"tracker_url": 7}, "tracker_url"),
    ],
)
def test_number_is_no_text(world, path, body, field):
    problem = assert_problem(world.caller.patch(world.path(path), body), 400, "invalid")

    assert list(problem["errors"]) == field.split()


def test_no_body_takes_a_number_for_a_text(world):
    """Every text of every body, one after the other."""
    sound, taken = bodies(world), []
    for path, method, operation in operations():
        for name in texts_of(operation):
            body = {**sound[operation["operationId"]], name: 1.5}
            with transaction.atomic():
                answer = world.caller.send(method.upper(), world.path(path), body)
                transaction.set_rollback(True)
            if answer.status_code != 400 or name not in answer.json().get("errors", {}):
                taken.append((method, path, name, answer.status_code))

    assert taken == []


def texts_of(operation):
    """The names of the fields of a JSON body that are texts and nothing else."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return []
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    fields = DOCUMENT["components"]["schemas"].get(name, {}).get("properties", {})
    return [
        field
        for field, says in fields.items()
        # A decimal number is answered as a text and taken as either.
        if says.get("type") == "string" and says.get("format") != "decimal"
    ]
