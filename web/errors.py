"""Answers to requests that cannot be served: a sentence, why, and a way on; the same as JSON for programs."""

import logging
import math
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from postmortem.errors import DomainError

logger = logging.getLogger(__name__)

_FOR_PROGRAMS = ("/api/", "/sre/", "/healthz", "/version", "/metrics")
_PAGES_AMONG_THEM = ("/api/docs/",)


class BadQuery(BadRequest):
    """Parameters of a query carry characters that are no text.

    Attributes:
        names: the parameters.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__("NUL in the query, or it is not UTF-8")
        self.names = names


def is_for_programs(request: HttpRequest) -> bool:
    """Whether the address belongs to the API and its kin, which answer JSON in English."""
    path = request.path_info
    return path.startswith(_FOR_PROGRAMS) and not path.startswith(_PAGES_AMONG_THEM)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400, or 413 for a body that is too big; uses neither session nor database."""
    if isinstance(exception, RequestDataTooBig):
        most = getattr(exception, "most", settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        limit = most // (1024 * 1024)
        text = _("A form may carry %(limit)d MB at most. Nothing was saved; go back to shorten it.")
        context = {"text": text % {"limit": limit}}
        return answer(request, 413, "too_large", "errors/413.html", context, bare=True)
    text = _("The request cannot be understood: it carries characters that are no text, or it was cut off.")
    if isinstance(exception, TooManyFieldsSent | TooManyFilesSent):
        text = _("The form has more fields than this server takes. Nothing was saved.")
    # The reason is ours and holds nothing of the request.
    reason = str(exception) if isinstance(exception, BadRequest) else ""
    logger.info("refused a request: %s", reason or type(exception).__name__)
    if isinstance(exception, BadQuery) and is_for_programs(request):
        said = {"code": "bad_request", "message": _("It holds a NUL character, or is not UTF-8.")}
        return _problem(400, "bad_request", text, errors={name: [said] for name in exception.names})
    return answer(request, 400, "bad_request", "errors/400.html", {"text": text}, bare=True)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403. Only a refusal's own sentence is shown; other exceptions may say too much."""
    text = exception.message if isinstance(exception, DomainError) else ""
    return answer(request, 403, "not_allowed", "errors/403.html", {"text": text})


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404, also for what exists and may not be seen."""
    return answer(request, 404, "not_found", "errors/404.html", {})


def method_not_allowed(request: HttpRequest, refused: HttpResponse) -> HttpResponse:
    """405 with a page around it; the `Allow` header is kept."""
    response = answer(request, 405, "method_not_allowed", "errors/405.html", {})
    response["Allow"] = refused.get("Allow", "")
    return response


def conflict(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """409: the domain refused, and the reader came from nowhere that could show it."""
    return answer(request, 409, refusal.code, "errors/409.html", {"text": refusal.message})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without proof of origin: most often a page left open over a login."""
    context = {"back": way_back(request) or "/"}
    return answer(request, 403, "csrf_failed", "errors/csrf.html", context, bare=True)


def too_many(request: HttpRequest, wait: timedelta) -> HttpResponse:
    """429: somebody tried to log in too often; the page says how long to wait, and so does `Retry-After`."""
    minutes = math.ceil(wait.total_seconds() / 60)
    text = ngettext(
        "Too many attempts failed from where you are. Wait %(count)d minute, then try again.",
        "Too many attempts failed from where you are. Wait %(count)d minutes, then try again.",
        minutes,
    ) % {"count": minutes}
    response = answer(request, 429, "too_many_attempts", "errors/429.html", {"text": text}, bare=True)
    response["Retry-After"] = str(math.ceil(wait.total_seconds()))
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500, when anything may be broken: no context, no database, and plain words if even the page fails."""
    if is_for_programs(request):
        return _problem(500, "server_error", "The server failed; the failure was recorded.")
    try:
        return HttpResponse(loader.get_template("500.html").render(), status=500)
    except Exception:  # noqa: BLE001 - the last answer there is
        return HttpResponse("500: the server failed.", status=500, content_type="text/plain")


def way_back(request: HttpRequest) -> str:
    """The page of ours that this request came from, or ""."""
    referrer = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure())
    return referrer if ours else ""


def answer(
    request: HttpRequest,
    status: int,
    code: str,
    template: str,
    context: dict[str, object],
    *,
    bare: bool = False,
) -> HttpResponse:
    """A refusal as its reader needs it: a page, a part of one for htmx, JSON for programs.

    Args:
        bare: without session and database, and so without a frame.
    """
    if is_for_programs(request):
        return _problem(status, code, str(context.get("text") or HTTPStatus(status).description))
    if is_for_htmx(request):
        return _part(status, template, context)
    reader = None if bare else getattr(request, "user", None)
    frame = "base.html" if reader is not None and reader.is_authenticated else "errors/_bare.html"
    page = loader.get_template(template)
    context = {"frame": frame, "status": status, **context}
    return HttpResponse(page.render(context, None if bare else request), status=status)


def _part(status: int, template: str, context: dict[str, object]) -> HttpResponse:
    """The same words as a message beside the place where the answer should have gone; forms.js lets it in."""
    page = loader.get_template(template)
    response = HttpResponse(page.render({"frame": "errors/_part.html", **context}), status=status)
    response["HX-Reswap"] = "beforebegin"
    return response


def is_for_htmx(request: HttpRequest) -> bool:
    """Whether a part of a page is asked for."""
    # Not request.htmx: refusals come before its middleware too.
    return request.headers.get("HX-Request") == "true"


def _problem(status: int, code: str, detail: str, **more: object) -> JsonResponse:
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    return JsonResponse(body | more, status=status, content_type="application/problem+json")
