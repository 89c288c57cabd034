"""`POST /api/v1/events/<key>`: where other systems send their events. A plain view: no token, no session.

The sender proves itself with a secret of its source, in the way its kind does (governance.signatures).
"""

from __future__ import annotations

import logging

from django.db import Error as DatabaseProblem
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.encryption import NoKey
from api import errors
from governance import eventsources, inbox, tasks

logger = logging.getLogger(__name__)


@csrf_exempt
def receive(request: HttpRequest, key: str) -> HttpResponse:
    """202 for what is kept, whatever will come of it; what was delivered before is not kept twice."""
    if request.method != "POST":
        return errors.answer(405, "method_not_allowed", "Send events with POST.", headers={"Allow": "POST"})
    length = request.META.get("CONTENT_LENGTH") or ""
    # Before anything is read: who has proved nothing may not make us read a gigabyte.
    if not (length.isascii() and length.isdigit()) or len(length) > 18:
        return errors.answer(411, "length_required", "Say how long the body is (Content-Length).")
    if int(length) > inbox.MAX_BODY:
        return errors.answer(413, "too_large", f"An event may have at most {inbox.MAX_BODY} bytes.")
    now = timezone.now()
    try:
        source = eventsources.find(key)
        body = request.body
        if len(body) < int(length):
            return errors.answer(400, "bad_request", "The request was cut off.")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if source is None or not eventsources.proves(source, headers, body, now=now):
            # One answer for both: a guesser does not learn which addresses exist.
            return errors.answer(
                401, "not_proved", "There is no such source, or nothing proves that this is it."
            )
        if not source.is_enabled:
            return errors.answer(403, "source_disabled", "This source is switched off.")
        received = inbox.receive(source, headers, body, now=now)
    except UnreadablePostError:
        return errors.answer(400, "bad_request", "The request cannot be read.")
    except NoKey:
        return errors.answer(503, "unavailable", "The secrets of this source cannot be read.")
    except DatabaseProblem as problem:
        logger.error("the database does not answer: %s", type(problem.__cause__ or problem).__name__)
        detail = "The database does not answer. Try again in a moment."
        return errors.answer(503, "unavailable", detail, headers={"Retry-After": "5"})
    transaction.on_commit(tasks.ring_for_events)
    return JsonResponse({"event": received.event.pk, "is_new": received.is_new}, status=202)
