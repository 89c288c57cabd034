"""`GET /sre/audit` and `GET /api/v1/audit`: may this service go on? A plain view on the fast path."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import addresses, attempts, tokens
from api.errors import CONTENT_TYPE as PROBLEM
from api.errors import FieldErrors
from api.errors import problem as problem_body
from governance import answers
from governance import audit as domain
from governance.facts import MOST_SKEW, ClockSkewed, ScopeMissing, TokenNotValid
from governance.policy import Finding, Verdict, waivers_of
from postmortem.errors import Invalid
from postmortem.models import EARLIEST

logger = logging.getLogger(__name__)

# The fast path has no middleware that would set these. An answer that a cache kept would be an old verdict.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
ANSWERED = HEADERS | {"Content-Type": "application/json"}
CHALLENGE = 'Bearer realm="Closeloop"'
# Where the page of a finding's object is, by the prefix of its id.
_PAGES = {"INC": "incidents", "PM": "reviews", "RI": "items", "waiver": "gate/waivers"}
_OBJECT = re.compile(r"(?:(INC|PM|RI)-[0-9]{4}-[0-9]{4,9}|(waiver)-([0-9]{1,18}))")

_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,80}")
_PLAIN = re.compile(f"service=({_SLUG.pattern})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Answer(NamedTuple):
    """What goes back, whoever carries it: a Django response, or config/fastpath.py without one."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def as_response(self) -> HttpResponse:
        return HttpResponse(self.body, status=self.status, headers=self.headers)


def audit(request: HttpRequest) -> HttpResponse:
    authorization = request.META.get("HTTP_AUTHORIZATION")
    address = addresses.of_request(request.META)
    return answer(request.method or "", authorization, request.META["QUERY_STRING"], address).as_response()


def answer(method: str, authorization: str | None, query: str, address: str) -> Answer:
    """The answer to one question, from the parts of the request that count. Raises nothing.

    Args:
        address: from where it is asked, as `addresses.of_request` says it.
    """
    if method != "GET":
        return refuse(405, "method_not_allowed", "Ask with GET.", Allow="GET")
    presented = tokens.read_header(authorization or "", address=address)
    if presented is None:
        return unauthenticated(authorization)
    try:
        service, day = _asked(query)
        judgement, decision = domain.judge(
            service, date=day, presented=presented, now=timezone.now(), most_skew=MOST_SKEW
        )
    except Invalid as refusal:
        errors = {refusal.field: [{"code": refusal.code, "message": refusal.message}]}
        return refuse(400, refusal.code, refusal.message, errors=errors)
    except domain.ServiceUnknown as refusal:
        return refuse(404, refusal.code, refusal.message)
    except (TokenNotValid, ScopeMissing) as refusal:
        return not_authorised(refusal, presented)
    except ClockSkewed as refusal:
        return skewed(refusal)
    except DatabaseProblem as problem:
        return unavailable(problem)
    # Asked again, a service without findings is answered the same but for the moment.
    written = _body if judgement.findings else _kept_body
    before, after = written(
        judgement.service,
        judgement.date,
        judgement.verdict,
        tuple(judgement.findings),
        judgement.policy_version,
        decision,
    )
    return Answer(200, ANSWERED, f"{before}{answers.moment_text(judgement.as_of)}{after}".encode())


def _body(
    service: str,
    day: date,
    verdict: Verdict,
    findings: tuple[Finding, ...],
    policy_version: str,
    decision: uuid.UUID,
) -> tuple[str, str]:
    """The JSON of an answer, before and after the moment as of which it was judged."""
    first = {"status": verdict.value, "service": service, "date": day.isoformat(), "as_of": ""}
    rest = {
        "findings": [
            finding | {"url": page_of(finding["object"])} for finding in answers.of_service(findings)
        ],
        "waivers": waivers_of(findings),
        "policy_version": policy_version,
        "decision": str(decision),
    }
    return json.dumps(first).removesuffix('"}'), f'", {json.dumps(rest)[1:]}'


_kept_body = lru_cache(maxsize=4096)(_body)


def refuse(
    status: int,
    code: str,
    detail: str,
    *,
    errors: FieldErrors | None = None,
    **headers: str,
) -> Answer:
    """A refusal as a problem body; `headers` with underscores for hyphens."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    body = problem_body(status, code, detail, errors=errors)
    return Answer(status, HEADERS | {"Content-Type": PROBLEM} | more, json.dumps(body).encode())


def unauthenticated(authorization: str | None) -> Answer:
    """401 for a request without a token of our form."""
    if authorization is not None:
        return not_authorised(
            TokenNotValid("The Authorization header holds no token of this installation."), None
        )
    detail = "Send a token: “Authorization: Bearer clp_…”."
    return refuse(401, "not_authenticated", detail, WWW_Authenticate=CHALLENGE)


def not_authorised(refusal: TokenNotValid | ScopeMissing, presented: tokens.Presented | None) -> Answer:
    """401 for a token that is not valid, which is written down; 403 for one without the scope."""
    if isinstance(refusal, TokenNotValid):
        attempts.token_refused(
            key_id=presented.key_id if presented else "", address=presented.address if presented else ""
        )
        challenge = f'{CHALLENGE}, error="invalid_token"'
        return refuse(401, refusal.code, refusal.message, WWW_Authenticate=challenge)
    challenge = f'{CHALLENGE}, error="insufficient_scope"'
    return refuse(403, refusal.code, refusal.message, WWW_Authenticate=challenge)


def unavailable(problem: DatabaseProblem) -> Answer:
    """503: nothing could be judged, which is neither a pass nor a fail."""
    logger.error("the database does not answer: %s", type(problem.__cause__ or problem).__name__)
    detail = "The database does not answer, so nothing was judged. Try again in a moment."
    return refuse(503, "unavailable", detail, Retry_After="5")


def skewed(refusal: ClockSkewed) -> Answer:
    """503: by a wrong clock nothing is overdue, which must not look like a pass."""
    logger.error("the clock of this server and the database's differ by more than %s", MOST_SKEW)
    return refuse(503, refusal.code, refusal.message, Retry_After="60")


def _asked(query: str) -> tuple[str, date | None]:
    if match := _PLAIN.fullmatch(query):
        # As CI mostly asks; what follows would read the same.
        return match[1], None
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise Invalid("There are too many parameters.") from None
    parameters = dict(pairs)
    for name in parameters:
        if name not in {"service", "date"}:
            raise Invalid("There is no such parameter; there are “service” and “date”.", field=name)
    if len(pairs) > len(parameters):
        raise Invalid("Give each parameter once.", field=pairs[-1][0])
    service = parameters.get("service", "")
    if not service.strip():
        raise Invalid("Name the service.", field="service")
    if not _SLUG.fullmatch(service):
        raise Invalid("This is not the name of a service.", field="service")
    return service, _day(parameters["date"]) if "date" in parameters else None


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise Invalid("Write the date like 2026-11-20.", field="date")
    if day < EARLIEST.date():
        raise Invalid("Name a day from 2000 on.", field="date")
    return day


def page_of(object_: str) -> str | None:
    """The page of what a finding is about; None for what has none, such as a misspelt id."""
    match = _OBJECT.fullmatch(object_)
    if match is None:
        return None
    prefix, waiver, number = match.groups()
    return f"{settings.PUBLIC_URL}/{_PAGES[prefix or waiver]}/{number or object_}/"
