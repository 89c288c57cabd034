"""Answers the audit, the gate and /healthz before sessions, CSRF, locale and the rest are set up."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse

from api.audit import audit
from api.errors import answer
from api.gate import gate_changes
from ops.health import healthz

View = Callable[[HttpRequest], HttpResponse]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# What CI waits for. These views look after their database connection themselves and raise nothing.
_ASKED_BY_CI: dict[str, View] = {
    "/sre/audit": audit,
    "/api/v1/audit": audit,
    "/api/v1/gate/changes": gate_changes,
}
# A load balancer asks by address: its Host header is nobody's name.
_VIEWS = _ASKED_BY_CI | {"/healthz": healthz}

logger = logging.getLogger(__name__)


class FastPath:
    """The usual middleware costs more than the answer; these views authenticate themselves.

    Source: performance notes in docs/adr/0006.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = _VIEWS.get(request.path_info)
        return self.get_response(request) if view is None else view(request)


def ahead_of(application: Application) -> Application:
    """The application with a short way for CI: its views are called without Django's request handler.

    The handler's signals, resolver and layers cost as much as the whole rest of an audit. `FastPath` answers
    the same paths with the same views where this is not in front (the test client, runserver).
    """

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        view = _ASKED_BY_CI.get(environ.get("PATH_INFO", ""))
        if view is None:
            return application(environ, start_response)
        request = WSGIRequest(environ)
        try:
            response = view(request)
        except Exception:
            logger.exception("an answer to CI failed: %s", request.path_info)
            response = answer(
                500, "internal_error", "Something went wrong on our side; it has been recorded."
            )
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [b"" if request.method == "HEAD" else response.content]

    return serve
