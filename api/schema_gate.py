"""What the OpenAPI document says of the two endpoints that CI asks.

They are plain views on the fast path (docs/adr/0006), which the generator does not see.
"""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
_STATUS = {"type": "string", "enum": ["PASS", "FAIL", "UNKNOWN"], "description": "Only PASS passes."}
_DECISION = {"type": "string", "format": "uuid", "description": "The id under which the decision is kept."}


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def _list(of: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": of, "maxItems": most}


SCHEMAS: dict[str, Any] = {
    "Audit": _object(
        {
            "status": _STATUS,
            "service": _TEXT,
            "date": {"type": "string", "format": "date"},
            "as_of": _MOMENT
            | {"description": "The moment judged: the end of the date, or now while it runs."},
            "findings": {
                "type": "array",
                "items": _object(
                    {
                        "code": _TEXT | {"example": "ITEM_OVERDUE"},
                        "object": _TEXT | {"example": "RI-2026-0001"},
                        "since": _MOMENT,
                        "detail": _TEXT,
                        "url": {"type": "string", "format": "uri"},
                    }
                ),
            },
            "policy_version": _TEXT,
            "decision": _DECISION,
        }
    ),
    "ChangeRequest": {
        "additionalProperties": False,
        **_object(
            {
                "repository": {"type": "string", "maxLength": 200, "example": "shop/order"},
                "target_branch": {"type": "string", "maxLength": 200, "nullable": True},
                "change_id": {"type": "string", "maxLength": 200, "nullable": True},
                "title": {"type": "string", "maxLength": 300, "nullable": True},
                "description": {"type": "string", "nullable": True},
                "commits": _list(
                    _object(
                        {"sha": {"type": "string", "maxLength": 64, "nullable": True}, "message": _TEXT},
                        optional=("sha",),
                    ),
                    5000,
                ),
                "services": _list({"type": "string", "maxLength": 80}, 200),
                "paths": _list({"type": "string", "maxLength": 4096}, 20_000),
                "labels": _list({"type": "string", "maxLength": 200}, 200),
            },
            optional=(
                "target_branch",
                "change_id",
                "title",
                "description",
                "commits",
                "services",
                "paths",
                "labels",
            ),
        ),
    },
    "ChangeDecision": _object(
        {
            "status": _STATUS,
            "repository": _TEXT,
            "change_id": _TEXT,
            "mode": _TEXT | {"description": "What CI is to do with the verdict."},
            "findings": {
                "type": "array",
                "items": _object(
                    {"code": _TEXT | {"example": "POSTMORTEM_NOT_NAMED"}, "object": _TEXT, "detail": _TEXT}
                ),
            },
            "postmortems": {
                "type": "array",
                "items": _object(
                    {"id": _TEXT, "archived_at": _MOMENT | {"nullable": True}}, optional=("archived_at",)
                ),
            },
            "services": {"type": "array", "items": _TEXT},
            "skipped": {"description": "What was said in the change and does not count."},
            "policy_version": _TEXT,
            "decision": _DECISION,
            "decided_at": _MOMENT,
        }
    ),
}


def _answer(name: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {
        "200": {
            "description": "A verdict, whichever it is.",
            "content": {"application/json": {"schema": schema}},
        }
    }


def _query(name: str, description: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"in": "query", "name": name, "description": description, "schema": schema, "required": required}


PATHS: dict[str, Any] = {
    "/api/v1/audit": {
        "get": {
            "operationId": "gate_audit",
            "summary": "May this service go on",
            "description": "Judge a service as of the end of a date. GET /sre/audit is the same. "
            "Needs the scope “audit”.",
            "tags": ["gate"],
            "security": [{"token": []}],
            "parameters": [
                _query("service", "The service's slug.", _TEXT, required=True),
                _query(
                    "date",
                    "Today unless given, in the installation's zone.",
                    {"type": "string", "format": "date"},
                    required=False,
                ),
            ],
            "responses": _answer("Audit"),
        }
    },
    "/api/v1/gate/changes": {
        "post": {
            "operationId": "gate_changes",
            "summary": "May this change be merged",
            "description": "Judge a change by the postmortems it names, in trailers such as "
            "“Postmortem: PM-2026-0001”. Needs the scope “gate”.",
            "tags": ["gate"],
            "security": [{"token": []}],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ChangeRequest"}}},
            },
            "responses": _answer("ChangeDecision"),
        }
    },
}
