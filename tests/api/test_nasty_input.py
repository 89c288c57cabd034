"""Nothing that a caller can send makes the API fail: every operation gets nasty bodies, queries and paths."""

import json
from urllib.parse import quote

import pytest
from django.db import transaction

from tests.api.bodies import bodies
from tests.api.conftest import PROBLEM
from tests.api.document import DOCUMENT, operations

# As JSON texts, because some of them no Python value would give. The first go to every field; of the others
# each field gets its share, since fields of the same kind are many.
NASTIEST_VALUES = [
    "null", "9223372036854775808", '"\\u0000"', '"\\ud800"', "[]", "{}", '"9999-12-31T23:59:59-14:00"',
]  # fmt: skip
NASTY_VALUES = [
    "true", "-1", "0", "1.5", "1e308", "-1e-320", "1" + "0" * 4000, '""',
    '" "', '"a\\u0000b"', '"\\u202e\\ufeff"',
    json.dumps("x" * 70_000), '"NaN"', '"inf"', json.dumps("9" * 4400), "[null]", "[[]]", '{"a": 1}',
    '[{"\\u0000": 1}]', '["\\u0000"]', '[["\\ud800"]]', "[[[1]]]", '"0000-01-01T00:00:00Z"',
    '"0001-01-01T00:00:00+14:00"', '"2026-02-29T00:00:00Z"', '"2024-02-29T23:59:60Z"',
    '"2026-11-20T10:00:00"',
    '"1969-12-31T23:59:59Z"', '"javascript:alert(1)"', '"http://[::1"', '"http://\\u0000/"',
    '"../../etc/passwd"', "\"'; DROP TABLE x; --\"", '"%s%n{0}{x.__class__}"', '"<script>alert(1)</script>"',
]  # fmt: skip
SHARES = 4
NASTY_BODIES = [
    b"", b"null", b"[]", b"{}", b'"x"', b"1", b"{", b"\xff\xfe", b'{"a": "\xc3\x28"}', b"\x00", b'{"a": NaN}',
    b'{"\\u0000": 1}', b'{"\\ud800": 1}', b'{"": 1}', b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b"[" + b"{}," * 20_000 + b"{}]",
]  # fmt: skip
NASTY_QUERIES = [
    "", "%00", "%ff", "x" * 5000, "-1", "9" * 400, "1e999", "0000-00-00", "9999-12-31T23:59:59-14:00", "'",
    quote("\U0001f600"), "%ed%a0%80", "true", "[]",
]  # fmt: skip
NASTY_PARTS = ["0", "9" * 18, "9" * 30, "-1", "%00", "%ff", "x" * 3000, "..", "0000-01", "9999-12", "2026-13"]
PARTS = [
    "user", "participant", "team", "service", "cause", "change", "severity", "template",
    "measurement", "entry", "check", "run",
    "source", "import", "month", "figure", "kpi", "file", "cause_class", "checklist_entry", "text",
    "version", "gate_policy", "channel", "message", "waiver", "delivery", "escalation_step",
    "event_source", "event_secret", "event", "deploy",
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "method", "operation"), [pytest.param(*one, id=one[2]["operationId"]) for one in operations()]
)
def test_nasty_input_is_refused_and_nothing_fails(world, path, method, operation):
    if method in {"post", "put", "patch"}:
        for body in candidates(bodies(world).get(operation["operationId"], {})):
            expect_no_failure(world, method, world.path(path), body)
    for query in queries(operation):
        expect_no_failure(world, method, f"{world.path(path)}?{query}", b"{}")


@pytest.mark.parametrize(
    ("path", "part"), [(path, part) for path in DOCUMENT["paths"] for part in PARTS if f"{{{part}}}" in path]
)
def test_nasty_part_of_a_path_is_not_found(world, path, part):
    (method, *_others) = DOCUMENT["paths"][path]
    for value in NASTY_PARTS:
        world.parts[part] = value
        response = world.caller.send(method.upper(), world.path(path), {})
        assert response.status_code in (400, 404, 405), (path, value[:30], response.content[:300])
        assert response["Content-Type"] == PROBLEM


def candidates(sound):
    """The bodies: broken ones; then the sound one with each field spoilt in turn, or left out."""
    yield from NASTY_BODIES
    for number, name in enumerate(sound):
        others = {key: value for key, value in sound.items() if key != name}
        yield json.dumps(others).encode()
        start = json.dumps(others)[:-1] + (", " if others else "")
        for value in NASTIEST_VALUES + NASTY_VALUES[number % SHARES :: SHARES]:
            yield f"{start}{json.dumps(name)}: {value}}}".encode()
    for name in sound:
        for value in inner(sound[name]):
            yield json.dumps(sound | {name: value}).encode()


def inner(value):
    """Variants of a list of objects in which one field of the first object is spoilt."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        for name in value[0]:
            for nasty in (None, [], "\x00", "\ud800", 2**70, True):
                yield [value[0] | {name: nasty}, *value[1:]]
        yield value * 100


def queries(operation):
    names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    for name in [*names, "unknown", "%00", "%ff"]:
        for value in NASTY_QUERIES if names else NASTY_QUERIES[:2]:
            yield f"{name}={value}"


def expect_no_failure(world, method, path, body):
    """The request is answered, by a problem or by a success that is undone; never by a failure."""
    with transaction.atomic():
        response = world.caller.send(method.upper(), path, body)
        transaction.set_rollback(True)
    where = (method, path[:200], body[:300])
    assert response.status_code < 500, where
    if response.status_code >= 400:
        assert response["Content-Type"] == PROBLEM, where
        problem = response.json()
        assert problem["status"] == response.status_code, where
        assert problem["code"], where
        assert problem["detail"], where


def test_every_operation_with_a_body_has_a_sound_one_here(world):
    sound = bodies(world)

    with_body = {
        operation["operationId"] for _path, _method, operation in operations() if "requestBody" in operation
    }
    assert sound.keys() == with_body


@pytest.mark.parametrize(
    ("path", "method", "operation"),
    [pytest.param(*one, id=one[2]["operationId"]) for one in operations() if "requestBody" in one[2]],
)
def test_sound_body_is_understood(world, path, method, operation):
    """So that the nasty ones are spoilt in one place only: a rule may refuse it, its shape may not."""
    response = world.caller.send(method.upper(), world.path(path), bodies(world)[operation["operationId"]])

    assert response.status_code in (200, 201, 403, 409), response.content
