"""The OpenAPI document: generated from the endpoints, with the refusals that all of them share."""

from __future__ import annotations

import copy
import functools
import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.http import require_safe
from drf_spectacular import openapi
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import Direction, OpenApiParameter

from api import schema_gate
from api.errors import CONTENT_TYPE
from api.shapes import Strict

_PATH_PARAMETERS = {
    "incident": ("The incident's public id.", r"^INC-[0-9]{4}-[0-9]{4,9}$"),
    "review": ("The review's public id.", r"^PM-[0-9]{4}-[0-9]{4,9}$"),
    "item": ("The remediation item's public id.", r"^RI-[0-9]{4}-[0-9]{4,9}$"),
    "step": ("The step of the review.", "^(phenomenon|metric_anomaly|change_correlation|root_cause)$"),
    "text": (
        "The name of a text: what names its record, a dot, and its column, such as PM-2026-0001.went_badly.",
        r"^[A-Za-z0-9-]+([.][a-z_]+){1,2}$",
    ),
    "month": ("A month, such as 2026-11.", "^[0-9]{4}-[0-9]{2}$"),
}

_REFUSALS = {
    "400": "A value is wrong; “errors” names each field.",
    "401": "No token and no session, or the token is unknown, revoked or expired.",
    "403": "The token lacks the scope, or its owner may not do this.",
    "404": "There is nothing here, or nothing that you may see.",
    "409": "A rule refuses the act; “code” says which. Nothing was written.",
    "413": "The request is too large.",
    "415": "The request is of another media type than the one named here.",
}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string", "description": "The HTTP status in words."},
        "status": {"type": "integer"},
        "code": {
            "type": "string",
            "description": "Stable; programs switch on it.",
            "example": "evidence_missing",
        },
        "detail": {"type": "string", "description": "One sentence for people."},
        "errors": {
            "type": "object",
            "description": "What is wrong, by field; one inside another has a dotted name: checks.0.promql.",
            "additionalProperties": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                },
            },
        },
        "details": {
            "type": "object",
            "description": "More for programs; depends on the code.",
            "additionalProperties": True,
        },
    },
}


class AutoSchema(openapi.AutoSchema):
    """Operation ids are `<resource>_<act>`, tags are the resources, ids in paths are described once."""

    def get_operation_id(self) -> str:
        return f"{self._noun()}_{self.view.action}"

    def get_summary(self) -> str:
        """The beginning of the description, for the list of operations."""
        return re.split(r"[.;:]", self.get_description() or "", maxsplit=1)[0]

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "tag", self._noun().replace("_", "-"))]

    def get_override_parameters(self) -> list[Any]:
        return [
            OpenApiParameter(name, str, OpenApiParameter.PATH, description=description, pattern=pattern)
            for name, (description, pattern) in _PATH_PARAMETERS.items()
            if f"{{{name}}}" in self.path
        ]

    def _noun(self) -> str:
        name = type(self.view).__name__
        return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class SerializerSchema(OpenApiSerializerExtension):
    """A schema says of itself what its own serializer says, and a body that it takes no other fields."""

    target_class = "rest_framework.serializers.Serializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: openapi.AutoSchema, direction: Direction) -> dict[str, Any]:
        found: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        kind = type(self.target)
        # A base's docstring is for whoever reads the code.
        if not vars(kind).get("__doc__"):
            found.pop("description", None)
        if issubclass(kind, Strict):
            found["additionalProperties"] = False
        return found


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: openapi.AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A token from your settings page: clp_…"}


def complete(
    result: dict[str, Any], generator: SchemaGenerator, request: Any, public: bool
) -> dict[str, Any]:
    """A hook of the generator: adds the endpoints of the fast path, and to every operation how it refuses."""
    result["components"]["schemas"] = _any_of(result["components"]["schemas"])
    result["components"]["schemas"] |= schema_gate.SCHEMAS | {"Problem": PROBLEM}
    result["paths"] |= copy.deepcopy(schema_gate.PATHS)
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status in _refusals_of(path, method, has_body="requestBody" in operation):
                operation["responses"].setdefault(
                    status, {"description": _REFUSALS[status], "content": content}
                )
    return result


def _any_of(node: Any) -> Any:
    """Alternatives that may both hold: an empty text is of one kind by its length and may be of the other."""
    if isinstance(node, list):
        return [_any_of(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {"anyOf" if key == "oneOf" else key: _any_of(value) for key, value in node.items()}


def _refusals_of(path: str, method: str, *, has_body: bool) -> list[str]:
    refused = ["400", "401", "403"]
    if "{" in path or "audit" in path:
        refused.append("404")
    # The gate judges and changes nothing; a check that runs no command has none to show.
    if path.endswith("/command") or (method != "get" and path not in schema_gate.PATHS):
        refused.append("409")
    if has_body:
        refused += ["413", "415"]
    return refused


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The document as JSON. It holds no data, so nobody need log in for it."""
    return HttpResponse(document(), content_type=OpenApiJsonRenderer.media_type)


@functools.cache
def document() -> bytes:
    """The document as JSON, made once per process."""
    with translation.override(settings.LANGUAGE_CODE):
        generated = SchemaGenerator().get_schema(request=None, public=True)
        return bytes(OpenApiJsonRenderer().render(generated, renderer_context={}))
