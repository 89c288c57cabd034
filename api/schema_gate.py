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


def _finding(example: str, **more: dict[str, Any]) -> dict[str, Any]:
    return _object(
        {
            "code": _TEXT | {"example": example},
            "object": _TEXT | {"example": "RI-2026-0001", "description": "What breaks the rule, by its id."},
            "since": _MOMENT | {"nullable": True, "description": "Null for what a change names."},
            "detail": _TEXT,
            "counts": {"type": "boolean", "description": "Whether the policy lets it count."},
            "waived_by": _TEXT | {"nullable": True, "description": "The waiver in force that excuses it."},
            **more,
            "url": {"type": "string", "format": "uri", "nullable": True},
        }
    )


_WAIVERS = {
    "type": "array",
    "items": _TEXT | {"example": "waiver-12"},
    "description": "The waivers by which findings are excused.",
}

SCHEMAS: dict[str, Any] = {
    "Audit": _object(
        {
            "status": _STATUS,
            "service": _TEXT,
            "date": {"type": "string", "format": "date"},
            "as_of": _MOMENT
            | {"description": "The moment judged: the end of the date, or now while it runs."},
            "findings": {"type": "array", "items": _finding("ITEM_OVERDUE")},
            "waivers": _WAIVERS,
            "policy_version": _TEXT,
            "decision": _DECISION,
        }
    ),
    "ChangeRequest": {
        "additionalProperties": False,
        **_object(
            {
                "repository": {
                    "type": "string",
                    "maxLength": 200,
                    "example": "shop/order",
                    "description": "Its path alone: no address, no “.git”, no slash at an end.",
                },
                "target_branch": {
                    "type": "string",
                    "maxLength": 200,
                    "nullable": True,
                    "example": "main",
                    "description": "As its repository calls it; “refs/heads/” before it is taken off. "
                    "Case counts. Refused: a remote-tracking name (origin/main), another ref, white space "
                    "around it.",
                },
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
                "paths": _list({"type": "string", "maxLength": 4096}, 20_000)
                | {"description": "From the top of the repository, as git says them."},
                "labels": _list({"type": "string", "maxLength": 200}, 200)
                | {"description": "All, without white space around them; left out when nobody knows them."},
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
            "mode": {
                "type": "string",
                "enum": ["off", "warn", "dry-run", "strict"],
                "description": "What CI is to do with the verdict; it changes none.",
            },
            "on_error": {
                "type": "string",
                "enum": ["open", "closed"],
                "description": "What the repository wants of a client that gets no verdict.",
            },
            "findings": {
                "type": "array",
                "items": _finding(
                    "POSTMORTEM_NOT_NAMED",
                    service=_TEXT | {"nullable": True, "description": "The service that it is about."},
                ),
            },
            "waivers": _WAIVERS,
            "excuse": _object(
                {"rule": {"type": "string", "enum": ["label", "branch", "path"]}, "detail": _TEXT}
            )
            | {
                "nullable": True,
                "description": "Why the policy asks nothing of this change: then it passes.",
            },
            "postmortems": {
                "type": "array",
                "items": _object(
                    {"id": _TEXT, "archived_at": _MOMENT | {"nullable": True}}, optional=("archived_at",)
                ),
            },
            "services": {"type": "array", "items": _TEXT},
            "skipped": {
                "type": "array",
                "items": _object({"code": _TEXT, "reason": _TEXT}),
                "description": "The rules that could not be applied.",
            },
            "policy": _object({"id": _TEXT | {"example": "gate-3v2"}, "name": _TEXT}),
            "policy_version": _TEXT,
            "decision": _DECISION,
            "url": {"type": "string", "format": "uri", "description": "The page of the decision."},
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
            "“Postmortem: PM-2026-0001”, and by its repository's policy. Needs the scope “gate”.",
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
