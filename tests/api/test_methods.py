"""Each path answers the methods that the document names, as it says, and refuses the others."""

import pytest
from django.db import transaction

from api.resource import Resource
from tests.api.bodies import bodies
from tests.api.document import DOCUMENT

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def test_paths_answer_each_method_as_documented(world):
    sound = bodies(world)
    wrong = []
    for path, operations in DOCUMENT["paths"].items():
        for method in METHODS:
            operation = operations.get("get" if method == "HEAD" else method.lower())
            status = answered(world, method, path, sound.get(operation["operationId"]) if operation else None)
            if method == "HEAD" and path.endswith("/audit"):
                # A verdict without its body is none.
                operation = None
            expected = {int(one) for one in operation["responses"]} if operation else {405}
            if status not in expected:
                wrong.append((method, path, status))

    assert wrong == []


def answered(world, method, path, body):
    """The status of the answer to one request, which is undone."""
    with transaction.atomic():
        response = world.caller.send(method, world.path(path), body)
        transaction.set_rollback(True)
    return response.status_code


@pytest.mark.parametrize("name", ["get", "put", "delete"])
def test_endpoint_is_not_named_like_a_method(name):
    """It would be served at every path of its resource."""
    with pytest.raises(TypeError, match=name):
        type("Tools", (Resource,), {name: lambda view, request: None})
