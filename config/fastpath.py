"""Answers the audit, the gate, /healthz and /metrics before sessions, CSRF, locale and so on are set up."""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts import addresses
from api import audit
from api.gate import gate_changes
from ops.health import healthz
from ops.metrics import metrics

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_AUDIT = {"/sre/audit", "/api/v1/audit"}
_VIEWS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    **dict.fromkeys(_AUDIT, audit.audit),
    "/api/v1/gate/changes": gate_changes,
    # A load balancer and Prometheus ask by address: their Host header is nobody's name.
    "/healthz": healthz,
    "/metrics": metrics,
}
_REASONS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

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
    """The application with a short way for the audit: it is answered without Django's request handler.

    The handler's objects, signals and layers cost as much as all the rest of an audit, which needs
    none of them (docs/adr/0006). `FastPath` gives the same answers where this is not in front, as in the
    test client.
    """

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in _AUDIT:
            return application(environ, start_response)
        method = environ["REQUEST_METHOD"]
        try:
            answer = audit.answer(
                method,
                environ.get("HTTP_AUTHORIZATION"),
                environ.get("QUERY_STRING", ""),
                addresses.of_request(environ),
            )
        except Exception:
            logger.exception("an audit failed")
            answer = audit.refuse(500, "internal_error", "Something went wrong on our side; it is recorded.")
        headers = [*answer.headers.items(), ("Content-Length", str(len(answer.body)))]
        start_response(_REASONS[answer.status], headers)
        return [b"" if method == "HEAD" else answer.body]

    return serve
