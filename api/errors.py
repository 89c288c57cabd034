"""Every refusal of the API as one kind of body: application/problem+json (RFC 9457) with a stable code."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from postmortem.errors import DomainError, Invalid, NotAllowed, TooLarge

CONTENT_TYPE = "application/problem+json"
# How much of a caller's own words an answer repeats.
_LONGEST_ECHO = 500

logger = logging.getLogger(__name__)

FieldErrors = Mapping[str, list[dict[str, str]]]


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: FieldErrors | None = None,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a refusal.

    Args:
        code: what programs switch on; it never changes its meaning.
        detail: one sentence for people.
        errors: for each refused field what is wrong with it, as [{"code", "message"}]; a field inside
            another has a dotted name, such as "checks.0.promql".
        details: what else a program may want to know, for example both texts of an edit conflict.
    """
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": _printable(detail),
    }
    if errors:
        body["errors"] = {
            _printable(name): [{"code": one["code"], "message": _printable(one["message"])} for one in found]
            for name, found in errors.items()
        }
    if details:
        body["details"] = dict(details)
    return body


def answer(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JsonResponse:
    """A refusal as an answer of a plain Django view; `more` as in `problem`."""
    return JsonResponse(
        problem(status, code, detail, **more), status=status, content_type=CONTENT_TYPE, headers=headers
    )


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Django REST framework's exception handler; None for what is a fault of ours, which becomes a 500."""
    body = _body_of(error)
    if body is None:
        return None
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, OperationalError):
        headers["Retry-After"] = "5"
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _body_of(error: Exception) -> dict[str, Any] | None:
    if isinstance(error, DomainError):
        return _of_domain(error)
    if isinstance(error, exceptions.ValidationError):
        fields = dict(_flat(error.detail, error.get_codes()))
        return problem(400, "invalid", _("The request is not valid: see “errors”."), errors=fields)
    if isinstance(error, exceptions.APIException):
        codes = error.get_codes()
        code = codes if isinstance(codes, str) else error.default_code
        return problem(error.status_code, code, str(error.detail))
    if isinstance(error, Http404 | ObjectDoesNotExist):
        return problem(404, "not_found", _("There is nothing here, or nothing that you may see."))
    if isinstance(error, PermissionDenied):
        return problem(403, "not_allowed", _("You may not do this."))
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_large", _("The request is too large."))
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return problem(400, "bad_request", _("The request cannot be read."))
    return _of_database(error)


# The first kind that a refusal is of decides; a rule that refuses an act is a conflict.
_STATUSES = ((TooLarge, 413), (Invalid, 400), (NotAllowed, 403))


def _of_domain(error: DomainError) -> dict[str, Any]:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 409)
    details = dict(error.details)
    # When a value breaks several rules at once, the domain lists them all: {field: [message]}.
    listed = details.pop("errors", None) if isinstance(error, Invalid) else None
    found = listed or ({error.field: [error.message]} if error.field else {})
    fields = {
        name: [{"code": error.code, "message": text} for text in messages] for name, messages in found.items()
    }
    return problem(status, error.code, error.message, errors=fields, details=details)


def _of_database(error: Exception) -> dict[str, Any] | None:
    if isinstance(error, IntegrityError):
        # The acts check first; what is left is two requests at the same moment.
        logger.warning(
            "refused by the database: %s",
            getattr(getattr(error.__cause__, "diag", None), "constraint_name", "?"),
        )
        return problem(409, "conflict", _("Somebody else changed the same thing at this moment. Try again."))
    if isinstance(error, OperationalError):
        logger.error("the database does not answer: %s", type(error.__cause__ or error).__name__)
        return problem(503, "unavailable", _("The database does not answer. Try again in a moment."))
    return None


def _flat(detail: Any, codes: Any, name: str = "") -> Iterator[tuple[str, list[dict[str, str]]]]:
    """DRF's nested messages and codes as (dotted name, [{code, message}]) pairs."""
    if isinstance(detail, Mapping):
        for key in detail:
            inner = str(key) if key != "non_field_errors" else ""
            yield from _flat(detail[key], codes[key], ".".join(filter(None, (name, inner))))
    elif detail and isinstance(detail[0], Mapping | list):
        for number, one in enumerate(detail):
            yield from _flat(one, codes[number], f"{name}.{number}" if name else str(number))
    elif detail:
        yield (
            name or "body",
            [{"code": str(code), "message": str(text)} for text, code in zip(detail, codes, strict=True)],
        )


def _printable(text: object) -> str:
    """Text that JSON and UTF-8 can carry: a caller's words may hold half a surrogate pair or a megabyte."""
    return str(text)[:_LONGEST_ECHO].encode("utf-8", "replace").decode("utf-8")


@csrf_exempt
def not_found(request: HttpRequest, path: str = "") -> JsonResponse:
    """The view of every path under /api/ that leads nowhere."""
    return answer(404, "not_found", _("There is nothing here, or nothing that you may see."))
