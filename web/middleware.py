"""Between the server and the pages: clean input, the reader's language and zone, refusals in words."""

from collections.abc import Callable
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import resolve_url
from django.utils import timezone, translation

from accounts.models import zone_of
from postmortem.errors import DomainError, NotAllowed
from web import errors, sessions_ended, uploads

GetResponse = Callable[[HttpRequest], HttpResponse]

LANGUAGE_COOKIE = "lang"

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "geolocation",
        "gyroscope",
        "microphone",
        "payment",
        "usb",
        "interest-cohort",
    )
)


class PageHeaders:
    """Headers of every answer of ours that says nothing else: kept by nobody, no device features.

    The opener policy and the referrer policy come from Django's SecurityMiddleware.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cache-Control", "no-store, private")
        return response


class CleanRequest:
    """Refuses, with 400, text that PostgreSQL cannot store or nobody can read, before anything uses it.

    That is a NUL character in the path, the query, a cookie or a form, and a query that is not UTF-8. Forms
    are read here, so that one too big, broken or cut off on its way is refused here as well, with 413 or 400:
    half a form must not be taken for a short one. The bodies of API calls are left to the API.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        problem = _problem_of(request)
        if problem is None:
            return self.get_response(request)
        with translation.override(_asked_language(request)):
            return errors.bad_request(request, problem)


class ReaderPreferences:
    """Each page speaks its reader's language and shows times in their zone.

    Before login the language is the one chosen on the login page (a cookie), else what the browser asks
    for; the zone is the organisation's.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if errors.is_for_programs(request):
            # Programs read codes, not words; and a bearer token must not cost a look at the session.
            with translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)
        reader = request.user
        language, zone = _asked_language(request), timezone.get_default_timezone()
        if reader.is_authenticated:
            language = (
                reader.language if reader.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
            )
            zone = zone_of(reader.time_zone)
        with translation.override(language), timezone.override(zone):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class Refusals:
    """Turns a refusal of the domain into something a person can act on; the API answers for itself."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and not response.content and not errors.is_for_programs(request):
            return errors.method_not_allowed(request, response)
        if response.status_code == 302 and _asks_to_log_in(request, response):
            return sessions_ended.answer(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError) or errors.is_for_programs(request):
            return None
        if isinstance(exception, NotAllowed):
            return errors.permission_denied(request, exception)
        back = errors.way_back(request)
        if request.method not in {"GET", "HEAD"} and back and not request.htmx:
            messages.error(request, exception.message)
            return HttpResponseRedirect(back)
        return errors.conflict(request, exception)


def _asks_to_log_in(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether a view answered as `login_required` does: log in, and then come back here."""
    there = urlsplit(response["Location"])
    return there.path == resolve_url(settings.LOGIN_URL) and parse_qs(there.query).get("next") == [
        request.get_full_path()
    ]


def _problem_of(request: HttpRequest) -> Exception | None:
    """What is wrong with the request, or None."""
    if "\x00" in request.path_info:
        return BadRequest("NUL in the path")
    if names := _unreadable(request.META.get("QUERY_STRING", "")):
        return errors.BadQuery(names)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or len(length) > 18:
        return BadRequest("length of the body is no number")
    # Before anything reads it: Django bounds a body, but not the files in a form.
    if int(length) > (most := uploads.most_bytes(request)):
        return uploads.TooLarge(most)
    # A quoted cookie may carry octal escapes; the session key goes into a query as it is.
    if any("\x00" in name or "\x00" in value for name, value in request.COOKIES.items()):
        return BadRequest("NUL in a cookie")
    if errors.is_for_programs(request):
        return None
    return _problem_of_form(request)


def _unreadable(query: str) -> list[str]:
    """The parameters whose name or value holds a NUL character or is not UTF-8."""
    found = []
    for pair in query.split("&"):
        said = unquote_to_bytes(pair.replace("+", " "))
        try:
            is_clean = "\x00" not in said.decode()
        except UnicodeDecodeError:
            is_clean = False
        if not is_clean:
            name = unquote_to_bytes(pair.partition("=")[0].replace("+", " ")).decode(errors="replace")
            found.append(name.replace("\x00", "\ufffd")[:100])
    return found


def _problem_of_form(request: HttpRequest) -> Exception | None:
    if request.method != "POST":
        return None
    try:
        # The whole body at once: half a file must not be taken for a short one.
        if _is_cut_off(request, uploads.body(request)):
            return BadRequest("the form was cut off")
        form = request.POST
    except (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError) as problem:
        return problem
    for name, values in form.lists():
        if "\x00" in name or any("\x00" in value for value in values):
            return BadRequest("NUL in the form")
    if any("\x00" in name or "\x00" in (upload.name or "") for name, upload in request.FILES.items()):
        return BadRequest("NUL in the name of a file")
    return None


def _is_cut_off(request: HttpRequest, body: bytes) -> bool:
    if len(body) < int(request.META.get("CONTENT_LENGTH") or 0):
        return True
    boundary = (request.content_params or {}).get("boundary", "")
    is_parted = request.content_type == "multipart/form-data" and bool(boundary)
    return is_parted and f"--{boundary}--".encode() not in body


def _asked_language(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(LANGUAGE_COOKIE, "")
    if chosen in dict(settings.LANGUAGES):
        return chosen
    return translation.get_language_from_request(request)
