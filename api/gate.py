"""`POST /api/v1/gate/changes`: may this change be merged? A plain view on the fast path."""

from __future__ import annotations

import json
from collections.abc import Set
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone

from accounts import addresses, tokens
from api import wire
from api.audit import ANSWERED, Answer, not_authorised, page_of, refuse, skewed, unauthenticated, unavailable
from api.errors import FieldErrors
from governance import answers, changes
from governance.facts import MOST_SKEW, ClockSkewed, ScopeMissing, TokenNotValid
from governance.policy import ChangeRule
from postmortem.errors import Invalid

# As every other endpoint; Django itself reads no more.
MAX_BODY: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

# Field -> longest text; a JSON null is an empty text, as the forges send it for an empty description.
_TEXTS = {"repository": 200, "target_branch": 200, "change_id": 200, "title": 300, "description": MAX_BODY}
# Field -> (most entries, longest entry).
_LISTS = {"services": (200, 80), "paths": (20_000, 4096), "labels": (200, 200)}
_MOST_COMMITS = 5000
# Errors that are said at once; a body of a thousand wrong entries is wrong for one reason.
_MOST_ERRORS = 50
_SEE_ERRORS = "The request is not valid: see “errors”."


class _Refused(Exception):
    """The body is wrong; `errors` says where, by field."""

    def __init__(self, detail: str, errors: FieldErrors) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


def gate_changes(request: HttpRequest) -> HttpResponse:
    return _answer(request).as_response()


def _answer(request: HttpRequest) -> Answer:
    if request.method != "POST":
        return refuse(405, "method_not_allowed", "Ask with POST.", Allow="POST")
    authorization = request.META.get("HTTP_AUTHORIZATION")
    presented = tokens.read_header(authorization or "", address=addresses.of_request(request.META))
    if presented is None:
        return unauthenticated(authorization)
    if (request.content_type or "").lower() != "application/json":
        return refuse(415, "unsupported_media_type", "Send JSON with “Content-Type: application/json”.")
    if _length(request) > MAX_BODY:
        return refuse(413, "too_large", f"The body may have at most {MAX_BODY} bytes.")
    now = timezone.now()
    try:
        change = _change(wire.read(request.body))
        judged = changes.judge(change, presented=presented, now=now, most_skew=MOST_SKEW)
    except UnreadablePostError:
        return refuse(400, "bad_request", "The request cannot be read.")
    except wire.Unreadable as problem:
        return refuse(400, "parse_error", str(problem))
    except _Refused as refusal:
        return refuse(400, "invalid", refusal.detail, errors=refusal.errors)
    except Invalid as refusal:
        errors = {refusal.field: [{"code": refusal.code, "message": refusal.message}]}
        return refuse(400, refusal.code, refusal.message, errors=errors)
    except (TokenNotValid, ScopeMissing) as refusal:
        return not_authorised(refusal, presented)
    except ClockSkewed as refusal:
        return skewed(refusal)
    except DatabaseProblem as problem:
        return unavailable(problem)
    return Answer(200, ANSWERED, json.dumps(_body(change, judged, now)).encode())


def _body(change: changes.Change, judged: changes.Judged, now: datetime) -> dict[str, Any]:
    judgement = judged.judgement
    rules = judgement.rules
    return {
        "status": judgement.verdict.value,
        "repository": change.repository,
        "change_id": change.change_id,
        "mode": rules.mode.value,
        "on_error": rules.on_error,
        "findings": [
            finding | {"url": _page_of(finding)} for finding in answers.of_change(judgement.findings)
        ],
        "waivers": judgement.waivers,
        "excuse": changes.excuse_json(judgement),
        "postmortems": changes.postmortems_json(judged.postmortems),
        "services": sorted(judged.services),
        "skipped": judged.skipped,
        "policy": {"id": str(rules), "name": rules.name},
        "policy_version": rules.version_text,
        "decision": str(judged.decision),
        "url": f"{settings.PUBLIC_URL}/gate/{judged.decision}/",
        "decided_at": answers.moment_text(now),
    }


def _page_of(finding: dict[str, Any]) -> str | None:
    return None if finding["code"] == ChangeRule.PM_UNKNOWN else page_of(finding["object"])


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    # Without a length the body is empty for us, as for Django.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _change(fields: Any) -> changes.Change:
    """Check the shape of the body: names, types, lengths, characters.

    Raises:
        _Refused: with all that is wrong, by field.
    """
    reader = _Reader()
    if not isinstance(fields, dict):
        reader.note("body", "Give a JSON object.")
        raise _Refused(_SEE_ERRORS, reader.errors)
    reader.refuse_others(fields, {*_TEXTS, *_LISTS, "commits"})
    texts = {
        name: reader.text(_or_empty(fields.get(name)), name, longest) for name, longest in _TEXTS.items()
    }
    if not texts["repository"].strip() and "repository" not in reader.errors:
        reader.note("repository", "Name the repository.", code="required")
    lists = {name: reader.texts(fields.get(name), name, *bounds) for name, bounds in _LISTS.items()}
    messages = reader.messages(fields.get("commits"), "commits")
    if reader.errors:
        raise _Refused(_SEE_ERRORS, reader.errors)
    return changes.Change(
        repository=texts["repository"],
        change_id=texts["change_id"],
        title=texts["title"],
        description=texts["description"],
        messages=messages,
        services=list(dict.fromkeys(lists["services"])),
        target_branch=texts["target_branch"],
        paths=lists["paths"],
        labels=None if fields.get("labels") is None else lists["labels"],
        request=fields,
    )


class _Reader:
    """Reads values of a body and notes what is wrong with them; what it then returns is of no use."""

    def __init__(self) -> None:
        self.errors: dict[str, list[dict[str, str]]] = {}

    def note(self, name: str, message: str, *, code: str = "invalid") -> None:
        if len(self.errors) < _MOST_ERRORS:
            self.errors.setdefault(name, []).append({"code": code, "message": message})

    def refuse_others(self, fields: dict[str, Any], known: Set[str], prefix: str = "") -> None:
        for name in fields.keys() - known:
            self.note(prefix + name, "There is no such field.", code="unknown")

    def text(self, value: Any, name: str, longest: int) -> str:
        if not isinstance(value, str):
            self.note(name, "Give a text.")
            return ""
        if len(value) > longest:
            self.note(name, f"There may be at most {longest} characters.", code="too_long")
        if "\x00" in value or not _is_encodable(value):
            self.note(name, "The text holds a character that cannot be stored.", code="not_storable")
        return value

    def entries(self, value: Any, name: str, most: int) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.note(name, "Give a list.")
            return []
        if len(value) > most:
            self.note(name, f"There may be at most {most} entries.", code="too_long")
        return value[:most]

    def texts(self, value: Any, name: str, most: int, longest: int) -> list[str]:
        entries = self.entries(value, name, most)
        return [self.text(entry, f"{name}.{place}", longest) for place, entry in enumerate(entries)]

    def messages(self, value: Any, name: str) -> list[str]:
        found = []
        for place, commit in enumerate(self.entries(value, name, _MOST_COMMITS)):
            inner = f"{name}.{place}."
            if not isinstance(commit, dict):
                self.note(inner[:-1], "Give an object with “sha” and “message”.")
                continue
            self.refuse_others(commit, {"sha", "message"}, inner)
            self.text(_or_empty(commit.get("sha")), inner + "sha", 64)
            found.append(self.text(commit.get("message"), inner + "message", MAX_BODY))
        return found


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


def _is_encodable(text: str) -> bool:
    # JSON may escape half of a surrogate pair, which no encoding of text can carry.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
