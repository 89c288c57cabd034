"""The OpenAPI document and its operations, for tests that go through all of them."""

import json
from typing import Any

from api import schema

DOCUMENT: dict[str, Any] = json.loads(schema.document())

_METHODS = {"get", "post", "put", "patch", "delete"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of every operation."""
    return [
        (path, method, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if method in _METHODS
    ]
