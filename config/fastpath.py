"""Answers the audit, the gate and /healthz before sessions, CSRF, locale and the rest are set up."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from api.audit import audit
from api.gate import gate_changes
from ops.health import healthz

_VIEWS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/sre/audit": audit,
    "/api/v1/audit": audit,
    "/api/v1/gate/changes": gate_changes,
    # A load balancer asks by address: its Host header is nobody's name.
    "/healthz": healthz,
}


class FastPath:
    """The usual middleware costs more than the answer; these views authenticate themselves.

    Source: performance notes in docs/adr/0006.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = _VIEWS.get(request.path_info)
        return self.get_response(request) if view is None else view(request)
